//! Holds: a slot kept while someone makes up their mind.

use std::time::Duration;

use chrono::{DateTime, Utc};
use sea_orm::sea_query::{Expr, ExprTrait};
use sea_orm::{ColumnTrait, Condition, DbErr, EntityTrait, FromQueryResult, QueryFilter};
use uuid::Uuid;
use watertight_entity::public::slot_reservations;

use super::Scheduling;
use super::hours::Span;
use super::resource::{But, of};
use super::retention;
use crate::booking::BookingError;
use crate::tenant::TenantExecutor;
use crate::tenant::sql::{seconds, statement};
use crate::vocabulary::InvalidInput;

use super::NewBooking;
use super::bookings::taken;

/// A slot to be held while someone makes up their mind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hold {
    /// The service, which says how long the slot is.
    pub service: Uuid,
    /// With whom; `None` where the business has no practitioners.
    pub practitioner: Option<Uuid>,
    /// When it begins.
    pub start: DateTime<Utc>,
    /// For how long it is held, by the database's clock; 10 minutes unless told otherwise, an hour at most.
    pub ttl: Duration,
}

impl Hold {
    /// A hold of ten minutes.
    #[must_use]
    pub const fn new(service: Uuid, practitioner: Option<Uuid>, start: DateTime<Utc>) -> Self {
        Self { service, practitioner, start, ttl: Duration::from_mins(10) }
    }
}

fn live_hold() -> Condition {
    Condition::all()
        .add(slot_reservations::Column::ReleasedAt.is_null())
        .add(slot_reservations::Column::ExpiresAt.into_expr().gt(Expr::current_timestamp()))
}

/// Holds.
impl<C: TenantExecutor> Scheduling<'_, C> {
    /// Holds a slot: until it is booked or released, or its time is over, no one else has it.
    ///
    /// # Errors
    /// [`BookingError::SlotTaken`], [`BookingError::OutsideHours`], [`BookingError::PractitionerRequired`], [`BookingError::NotFound`] for the
    /// service or the practitioner, [`BookingError::NoProfile`], [`BookingError::InvalidInput`].
    pub async fn hold(self, hold: &Hold) -> Result<slot_reservations::Model, BookingError> {
        if hold.ttl < Duration::from_secs(1) || hold.ttl > Duration::from_hours(1) {
            let (value, reason) =
                (format!("{:?}", hold.ttl), "is not between a second and an hour".to_owned());
            return Err(InvalidInput { what: "ttl", value, reason }.into());
        }
        let transaction = self.db.begin().await?;
        let scheduling = Scheduling::new(&transaction);
        let (terms, span) = scheduling.slot(hold.service, hold.practitioner, hold.start, false).await?;
        scheduling.lock(hold.practitioner).await?;
        scheduling.refuse_if_taken(span, hold.practitioner, But::default()).await?;
        let insert = statement(
            r#"INSERT INTO "public"."slot_reservations" ("practitioner_id", "datetime", "end_time", "duration", "expires_at")
               VALUES ($1, $2, $3, $4, CURRENT_TIMESTAMP + $5::float8 * INTERVAL '1 second') RETURNING *"#,
            [
                hold.practitioner.into(),
                span.0.into(),
                span.1.into(),
                terms.duration_minutes.into(),
                seconds(hold.ttl),
            ],
        );
        let row = { transaction.query_one_raw(insert).await.map_err(|error| taken(error, hold.start))? };
        let row = row.ok_or(BookingError::Database(DbErr::RecordNotInserted))?;
        let reservation = slot_reservations::Model::from_query_result(&row, "")?;
        transaction.commit().await?;
        Ok(reservation)
    }

    /// Releases a hold. `false` when it was not live.
    ///
    /// # Errors
    /// What the database reports.
    pub async fn release_hold(self, id: Uuid) -> Result<bool, BookingError> {
        let release = slot_reservations::Entity::update_many()
            .col_expr(slot_reservations::Column::ReleasedAt, Expr::current_timestamp())
            .filter(slot_reservations::Column::Id.eq(id))
            .filter(live_hold());
        Ok(release.exec(self.db).await?.rows_affected > 0)
    }

    /// Deletes the holds that were released or have expired, and says how many there were.
    ///
    /// # Errors
    /// What the database reports.
    pub async fn cleanup_holds(self) -> Result<u64, BookingError> {
        Ok(retention::delete_holds(self.db).await?)
    }

    pub(super) async fn use_hold(
        self,
        id: Uuid,
        new: &NewBooking,
        (start, end): Span,
    ) -> Result<(), BookingError> {
        let release = slot_reservations::Entity::update_many()
            .col_expr(slot_reservations::Column::ReleasedAt, Expr::current_timestamp())
            .filter(slot_reservations::Column::Id.eq(id))
            .filter(of(slot_reservations::Column::PractitionerId, new.practitioner))
            .filter(slot_reservations::Column::Datetime.lte(start))
            .filter(slot_reservations::Column::EndTime.gte(end))
            .filter(live_hold());
        match release.exec(self.db).await?.rows_affected {
            0 => Err(BookingError::HoldExpired { id }),
            _ => Ok(()),
        }
    }
}
