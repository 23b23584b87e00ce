//! Overrides of the weekly hours, and blocked times of practitioners. Their tables belong to the table set `booking`.

use chrono::{DateTime, NaiveDate, NaiveTime, Utc};
use sea_orm::sea_query::OnConflict;
use sea_orm::{ColumnTrait, EntityTrait, FromQueryResult, QueryFilter, Set};
use uuid::Uuid;
use watertight_entity::public::business_hours_overrides::{self, Column};
use watertight_entity::public::time_blocks;

use super::Content;
use super::hours::check_hours;
use crate::booking::BookingError;
use crate::tenant::TenantExecutor;
use crate::tenant::sql::{columns, statement};
use crate::vocabulary::InvalidInput;
use crate::vocabulary::text;
use crate::vocabulary::text_enum::text_enum;

text_enum! {
    /// The reason for a practitioner's blocked time.
    #[non_exhaustive]
    pub enum BlockType as "block type" {
        /// A break.
        Break = "break",
        /// Days off.
        Vacation = "vacation",
        /// Time kept for another purpose.
        Hold = "hold",
    }
}

/// Exceptions from the weekly hours.
impl<C: TenantExecutor> Content<'_, C> {
    /// Overrides the weekly hours on one date; `None` closes the business.
    ///
    /// # Errors
    /// [`BookingError::InvalidInput`].
    pub async fn save_override(
        self,
        date: NaiveDate,
        hours: Option<(NaiveTime, NaiveTime)>,
        reason: Option<&str>,
    ) -> Result<business_hours_overrides::Model, BookingError> {
        if let Some((opens, closes)) = hours {
            check_hours(opens, closes)?;
        }
        text::check("reason", reason.unwrap_or_default(), 255)?;
        let row = business_hours_overrides::ActiveModel {
            date: Set(date),
            opens: Set(hours.map(|(opens, _)| opens)),
            closes: Set(hours.map(|(_, closes)| closes)),
            reason: Set(reason.map(str::to_owned)),
            ..Default::default()
        };
        let known = OnConflict::column(Column::Date)
            .update_columns([Column::Opens, Column::Closes, Column::Reason])
            .to_owned();
        Ok(business_hours_overrides::Entity::insert(row)
            .on_conflict(known)
            .exec_with_returning(self.db)
            .await?)
    }

    /// Deletes the override of a date. Returns `false` when the date had none.
    ///
    /// # Errors
    /// [`BookingError::Database`].
    pub async fn delete_override(self, date: NaiveDate) -> Result<bool, BookingError> {
        let delete = business_hours_overrides::Entity::delete_many()
            .filter(business_hours_overrides::Column::Date.eq(date));
        Ok(delete.exec(self.db).await?.rows_affected > 0)
    }

    /// Blocks a practitioner's time. Existing bookings stay.
    ///
    /// # Errors
    /// [`BookingError::NotFound`] for the practitioner, [`BookingError::InvalidInput`].
    pub async fn create_time_block(
        self,
        practitioner: Uuid,
        from: DateTime<Utc>,
        to: DateTime<Utc>,
        block_type: BlockType,
        title: Option<&str>,
    ) -> Result<time_blocks::Model, BookingError> {
        text::check("title", title.unwrap_or_default(), 255)?;
        if from >= to {
            let reason = "does not end after it begins";
            return Err(InvalidInput::new("time block", format!("{from} to {to}"), reason).into());
        }
        let insert = statement(
            format!(
                r#"INSERT INTO "public"."time_blocks" ("practitioner_id", "start_time", "end_time", "block_type", "title")
               SELECT "practitioners"."id", $2::timestamptz, $3::timestamptz, $4::varchar, $5::varchar
               FROM "public"."practitioners" WHERE "practitioners"."id" = $1 RETURNING {}"#,
                columns::<time_blocks::Entity>()
            ),
            [practitioner.into(), from.into(), to.into(), block_type.into(), title.map(str::to_owned).into()],
        );
        let row = self.db.query_one_raw(insert).await?;
        let row = row.ok_or_else(|| BookingError::not_found("practitioner", practitioner))?;
        Ok(time_blocks::Model::from_query_result(&row, "")?)
    }

    /// Deletes a time block. Returns `false` when the tenant has no such block.
    ///
    /// # Errors
    /// [`BookingError::Database`].
    pub async fn delete_time_block(self, id: Uuid) -> Result<bool, BookingError> {
        let delete = time_blocks::Entity::delete_many().filter(time_blocks::Column::Id.eq(id));
        Ok(delete.exec(self.db).await?.rows_affected > 0)
    }
}
