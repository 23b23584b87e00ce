//! Days with other opening hours than the weekly ones, and blocked times of practitioners. Their tables are of the set
//! `booking`, which is what reads them.

use chrono::{DateTime, NaiveDate, NaiveTime, Utc};
use sea_orm::{ColumnTrait, EntityTrait, FromQueryResult, QueryFilter};
use uuid::Uuid;
use watertight_entity::public::{business_hours_overrides, time_blocks};

use super::Content;
use super::hours::check_hours;
use crate::booking::BookingError;
use crate::tenant::TenantExecutor;
use crate::tenant::sql::statement;
use crate::vocabulary::InvalidInput;
use crate::vocabulary::text;
use crate::vocabulary::text_enum::text_enum;

text_enum! {
    /// Why a practitioner is not to be had.
    pub enum BlockType as "block type" {
        /// A pause.
        Break = "break",
        /// Days off.
        Vacation = "vacation",
        /// Kept for something else.
        Hold = "hold",
    }
}

/// Exceptions from the weekly hours.
impl<C: TenantExecutor> Content<'_, C> {
    /// Says when the business is open on one date, in place of the weekly hours; `None` for closed.
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
        let upsert = statement(
            r#"INSERT INTO "public"."business_hours_overrides" ("date", "opens", "closes", "reason") VALUES ($1, $2, $3, $4)
               ON CONFLICT ("date") DO UPDATE SET "opens" = EXCLUDED."opens", "closes" = EXCLUDED."closes",
                   "reason" = EXCLUDED."reason"
               RETURNING *"#,
            [
                date.into(),
                hours.map(|(opens, _)| opens).into(),
                hours.map(|(_, closes)| closes).into(),
                reason.map(str::to_owned).into(),
            ],
        );
        let row = self.db.query_one_raw(upsert).await?;
        let row = row.ok_or(BookingError::Database(sea_orm::DbErr::RecordNotInserted))?;
        Ok(business_hours_overrides::Model::from_query_result(&row, "")?)
    }

    /// Goes back to the weekly hours on one date. `false` when they held already.
    ///
    /// # Errors
    /// What the database reports.
    pub async fn delete_override(self, date: NaiveDate) -> Result<bool, BookingError> {
        let delete = business_hours_overrides::Entity::delete_many()
            .filter(business_hours_overrides::Column::Date.eq(date));
        Ok(delete.exec(self.db).await?.rows_affected > 0)
    }

    /// Blocks a practitioner's time. Bookings that are there stay.
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
            let reason = "does not begin before it ends".to_owned();
            return Err(InvalidInput { what: "time block", value: format!("{from} to {to}"), reason }.into());
        }
        let insert = statement(
            r#"INSERT INTO "public"."time_blocks" ("practitioner_id", "start_time", "end_time", "block_type", "title")
               SELECT "practitioners"."id", $2::timestamptz, $3::timestamptz, $4::varchar, $5::varchar
               FROM "public"."practitioners" WHERE "practitioners"."id" = $1 RETURNING *"#,
            [practitioner.into(), from.into(), to.into(), block_type.into(), title.map(str::to_owned).into()],
        );
        let row = self.db.query_one_raw(insert).await?;
        let row = row.ok_or_else(|| BookingError::not_found("practitioner", practitioner))?;
        Ok(time_blocks::Model::from_query_result(&row, "")?)
    }

    /// Frees a practitioner's blocked time. `false` when there was no such block.
    ///
    /// # Errors
    /// What the database reports.
    pub async fn delete_time_block(self, id: Uuid) -> Result<bool, BookingError> {
        let delete = time_blocks::Entity::delete_many().filter(time_blocks::Column::Id.eq(id));
        Ok(delete.exec(self.db).await?.rows_affected > 0)
    }
}
