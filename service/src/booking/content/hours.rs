//! The weekly opening hours of a business.

use chrono::{NaiveTime, Timelike};
use sea_orm::{EntityTrait, QueryOrder, Set};
use uuid::Uuid;
use watertight_entity::public::business_hours;

use crate::booking::BookingError;
use crate::tenant::TenantExecutor;
use crate::tenant::sql::statement;
use crate::vocabulary::InvalidInput;
use crate::vocabulary::text;

use super::Content;

/// Opening hours that begin on one day of the week.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpeningHours {
    /// The day on which the hours begin: 0 for Sunday to 6 for Saturday.
    pub day_of_week: u8,
    /// The opening time, local.
    pub opens: NaiveTime,
    /// The closing time, local. A time at or before the opening time is on the next day: 22:00 to 02:00 is four hours,
    /// 18:00 to 00:00 ends at midnight, and 00:00 to 00:00 is the whole day.
    pub closes: NaiveTime,
    /// At most 64 characters.
    pub label: Option<String>,
}

/// Refuses hours that have no length, and leap seconds.
pub(super) fn check_hours(opens: NaiveTime, closes: NaiveTime) -> Result<(), InvalidInput> {
    let micros = |time: NaiveTime| (time.num_seconds_from_midnight(), time.nanosecond() / 1_000);
    let refuse = |reason: &str| Err(InvalidInput::new("hours", format!("{opens} to {closes}"), reason));
    if [opens, closes].iter().any(|time| time.nanosecond() >= 1_000_000_000) {
        return refuse("have a leap second; give a second from 0 to 59");
    }
    if micros(opens) == micros(closes) && opens != NaiveTime::MIN {
        return refuse("are empty; give two different times, or 00:00 to 00:00 for the whole day");
    }
    Ok(())
}

/// Inserts a row that is deleted again in the same transaction. A second transaction that inserts it waits until the first
/// one has ended, and then sees the set that the first one wrote. The key begins with the tenant, so tenants do not wait
/// for one another.
const TAKE_TURNS: &str = r#"INSERT INTO "public"."business_hours" ("id", "day_of_week", "opens", "closes")
    VALUES ($1, 0, '00:00', '00:01')"#;

/// The id of such a row.
pub(super) const TURN: Uuid = Uuid::from_u128(1);

/// Hours.
impl<C: TenantExecutor> Content<'_, C> {
    /// Replaces the weekly hours. A day can have several spans; the business is closed on a day without.
    ///
    /// Concurrent calls run one after another, so the hours are those of one call.
    ///
    /// ```no_run
    /// use chrono::NaiveTime;
    /// use watertight::content::OpeningHours;
    /// use watertight::{BookingError, Tenant};
    ///
    /// # async fn example(tenant: &impl Tenant) -> Result<(), BookingError> {
    /// let hour = |hour| NaiveTime::from_hms_opt(hour, 0, 0).unwrap_or_default();
    /// // Monday to Friday, closed at noon.
    /// let spans = [(hour(9), hour(12)), (hour(13), hour(18))];
    /// let mut hours = Vec::new();
    /// for day_of_week in 1..=5 {
    ///     hours.extend(spans.map(|(opens, closes)| OpeningHours { day_of_week, opens, closes, label: None }));
    /// }
    /// tenant.content().save_hours(&hours).await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`BookingError::InvalidInput`].
    pub async fn save_hours(
        self,
        hours: &[OpeningHours],
    ) -> Result<Vec<business_hours::Model>, BookingError> {
        text::check_list("opening hours", hours)?;
        for day in hours {
            if day.day_of_week > 6 {
                let reason = "is not between 0 for Sunday and 6 for Saturday".to_owned();
                let value = day.day_of_week.to_string();
                return Err(InvalidInput { what: "day of the week", value, reason }.into());
            }
            check_hours(day.opens, day.closes)?;
            text::check_optional("label", day.label.as_ref(), 64)?;
        }
        let transaction = self.db.begin().await?;
        transaction.execute_raw(statement(TAKE_TURNS, [TURN.into()])).await?;
        business_hours::Entity::delete_many().exec(&transaction).await?;
        let rows = hours.iter().map(|day| business_hours::ActiveModel {
            day_of_week: Set(day.day_of_week.into()),
            opens: Set(day.opens),
            closes: Set(day.closes),
            label: Set(day.label.clone()),
            ..Default::default()
        });
        if !hours.is_empty() {
            business_hours::Entity::insert_many(rows).exec_without_returning(&transaction).await?;
        }
        let saved = Content::new(&transaction).get_hours().await?;
        transaction.commit().await?;
        Ok(saved)
    }

    /// The weekly hours, by day and time.
    ///
    /// # Errors
    /// [`BookingError::Database`].
    pub async fn get_hours(self) -> Result<Vec<business_hours::Model>, BookingError> {
        let select = business_hours::Entity::find()
            .order_by_asc(business_hours::Column::DayOfWeek)
            .order_by_asc(business_hours::Column::Opens);
        Ok(select.all(self.db).await?)
    }
}
