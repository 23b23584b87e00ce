//! The weekly opening hours of a business.

use chrono::NaiveTime;
use sea_orm::{EntityTrait, QueryOrder, Set};
use watertight_entity::public::business_hours;

use crate::booking::BookingError;
use crate::tenant::TenantExecutor;
use crate::vocabulary::InvalidInput;
use crate::vocabulary::text;

use super::Content;

/// Opening hours on one day of the week.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpeningHours {
    /// 0 for Sunday to 6 for Saturday.
    pub day_of_week: u8,
    /// The opening time, local.
    pub opens: NaiveTime,
    /// The closing time, local, after the opening time.
    pub closes: NaiveTime,
    /// At most 64 characters.
    pub label: Option<String>,
}

pub(super) fn check_hours(opens: NaiveTime, closes: NaiveTime) -> Result<(), InvalidInput> {
    if opens < closes {
        return Ok(());
    }
    let reason = "do not end after they begin; split hours past midnight into two days".to_owned();
    Err(InvalidInput { what: "hours", value: format!("{opens} to {closes}"), reason })
}

/// Hours.
impl<C: TenantExecutor> Content<'_, C> {
    /// Replaces the weekly hours. A day can have several spans; the business is closed on a day without.
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
