//! Overrides of the weekly hours, and blocked times of practitioners. Their tables belong to the table set `booking`.

use chrono::{DateTime, NaiveDate, NaiveTime, Utc};
use sea_orm::ActiveValue::NotSet;
use sea_orm::{
    ActiveModelTrait, ColumnTrait, DbErr, EntityTrait, FromQueryResult, QueryFilter, QueryOrder, Set,
};
use uuid::Uuid;
use watertight_entity::public::business_hours_overrides::{self, Column};
use watertight_entity::public::time_blocks;

use super::Content;
use super::hours::{TURN, check_hours};
use crate::booking::BookingError;
use crate::tenant::TenantExecutor;
use crate::tenant::sql::{columns, statement};
use crate::vocabulary::InvalidInput;
use crate::vocabulary::calendar::{check_date, check_time};
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

/// Inserts a row that is deleted again in the same transaction, so that concurrent calls run one after another.
const TAKE_TURNS: &str =
    r#"INSERT INTO "public"."business_hours_overrides" ("id", "date") VALUES ($1, DATE '0001-01-01')"#;

/// Exceptions from the weekly hours.
impl<C: TenantExecutor> Content<'_, C> {
    /// Overrides the weekly hours on one date with one span of hours; `None` closes the business.
    ///
    /// # Errors
    /// [`BookingError::InvalidInput`].
    pub async fn save_override(
        self,
        date: NaiveDate,
        hours: Option<(NaiveTime, NaiveTime)>,
        reason: Option<&str>,
    ) -> Result<business_hours_overrides::Model, BookingError> {
        let saved = self.save_override_spans(date, hours.as_slice(), reason).await?;
        saved.into_iter().next().ok_or(BookingError::Database(DbErr::RecordNotInserted))
    }

    /// Overrides the weekly hours on one date with several spans of hours, for example around a break.
    ///
    /// Without a span the business is closed. The rows that were saved before for the date are replaced.
    ///
    /// The hours belong to the date on which they begin: hours of the day before that end after midnight stay.
    /// Concurrent calls run one after another, so the hours are those of one call.
    ///
    /// ```no_run
    /// # use chrono::NaiveTime;
    /// # async fn run(tenant: &watertight::TenantConnection) -> Result<(), Box<dyn std::error::Error>> {
    /// let time = |text: &str| text.parse::<NaiveTime>();
    /// let spans = [(time("09:00:00")?, time("12:00:00")?), (time("13:00:00")?, time("15:00:00")?)];
    /// tenant.content().save_override_spans("2026-12-24".parse()?, &spans, Some("Christmas Eve")).await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`BookingError::InvalidInput`].
    pub async fn save_override_spans(
        self,
        date: NaiveDate,
        hours: &[(NaiveTime, NaiveTime)],
        reason: Option<&str>,
    ) -> Result<Vec<business_hours_overrides::Model>, BookingError> {
        check_date("date", date)?;
        hours.iter().try_for_each(|(opens, closes)| check_hours(*opens, *closes))?;
        text::check("reason", reason.unwrap_or_default(), 255)?;
        let transaction = self.db.begin().await?;
        transaction.execute_raw(statement(TAKE_TURNS, [TURN.into()])).await?;
        let turn = business_hours_overrides::Entity::delete_many().filter(Column::Id.eq(TURN));
        turn.exec(&transaction).await?;
        let of_date = business_hours_overrides::Entity::find().filter(Column::Date.eq(date));
        let known = of_date.order_by_asc(Column::Opens).order_by_asc(Column::Id).all(&transaction).await?;
        business_hours_overrides::Entity::delete_many()
            .filter(Column::Date.eq(date))
            .exec(&transaction)
            .await?;
        let spans: Vec<_> = if hours.is_empty() { vec![None] } else { hours.iter().map(Some).collect() };
        let mut saved = Vec::with_capacity(spans.len());
        for (n, span) in spans.into_iter().enumerate() {
            let row = business_hours_overrides::ActiveModel {
                // A row that is replaced keeps its id.
                id: known.get(n).map_or(NotSet, |row| Set(row.id)),
                date: Set(date),
                opens: Set(span.map(|(opens, _)| *opens)),
                closes: Set(span.map(|(_, closes)| *closes)),
                reason: Set(reason.map(str::to_owned)),
                ..Default::default()
            };
            saved.push(row.insert(&transaction).await?);
        }
        transaction.commit().await?;
        Ok(saved)
    }

    /// The overrides of the dates of a range, both included, by date and time.
    ///
    /// A row without hours closes its date.
    ///
    /// ```no_run
    /// # async fn run(tenant: &watertight::TenantConnection) -> Result<(), Box<dyn std::error::Error>> {
    /// for row in tenant.content().get_overrides("2026-12-01".parse()?, "2026-12-31".parse()?).await? {
    ///     println!("{}: {:?} to {:?}", row.date, row.opens, row.closes);
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`BookingError::InvalidInput`].
    pub async fn get_overrides(
        self,
        from: NaiveDate,
        to: NaiveDate,
    ) -> Result<Vec<business_hours_overrides::Model>, BookingError> {
        check_date("date", from)?;
        check_date("date", to)?;
        let select = business_hours_overrides::Entity::find()
            .filter(Column::Date.between(from, to))
            .order_by_asc(Column::Date)
            .order_by_asc(Column::Opens);
        Ok(select.all(self.db).await?)
    }

    /// Deletes the overrides of a date. Returns `false` when the date had none.
    ///
    /// # Errors
    /// [`BookingError::InvalidInput`].
    pub async fn delete_override(self, date: NaiveDate) -> Result<bool, BookingError> {
        check_date("date", date)?;
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
        check_time("from", from)?;
        check_time("to", to)?;
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
