//! Cancelling a booking.

#[cfg(feature = "certificates")]
use sea_orm::{EntityTrait, IntoActiveModel, Set};
use uuid::Uuid;
use watertight_entity::public::bookings;

use super::Scheduling;
use super::status::BookingStatus;
use crate::booking::BookingError;
#[cfg(feature = "certificates")]
use crate::booking::payment_status::PaymentStatus;
#[cfg(feature = "certificates")]
use crate::booking::payments;
use crate::tenant::TenantExecutor;
use crate::vocabulary::{limits, text};

/// Cancellation.
impl<C: TenantExecutor> Scheduling<'_, C> {
    /// Cancels a confirmed booking and frees its slot.
    ///
    /// Payments by gift certificate and package are refunded.
    ///
    /// Without the feature `certificates`, or without that table set, nothing is refunded.
    ///
    /// ```no_run
    /// use watertight::scheduling::BookingStatus;
    /// use watertight::{BookingError, Tenant};
    ///
    /// /// A second click on "Cancel" is not an error.
    /// async fn cancel(tenant: &impl Tenant, booking: uuid::Uuid) -> Result<(), BookingError> {
    ///     match tenant.scheduling().cancel(booking, "cancelled by the client").await {
    ///         Ok(_) => Ok(()),
    ///         Err(BookingError::InvalidTransition { from, .. }) if from == BookingStatus::Cancelled.as_str() => Ok(()),
    ///         Err(other) => Err(other),
    ///     }
    /// }
    /// ```
    ///
    /// # Errors
    /// [`BookingError::NotFound`], [`BookingError::InvalidTransition`], [`BookingError::InvalidInput`].
    pub async fn cancel(self, id: Uuid, reason: &str) -> Result<bookings::Model, BookingError> {
        text::check("reason", reason, limits::TEXT_CHARS)?;
        let transaction = self.db.begin().await?;
        let booking =
            Scheduling::new(&transaction).transition(id, BookingStatus::Cancelled, Some(reason)).await?;
        #[cfg(feature = "certificates")]
        let booking = Scheduling::new(&transaction).refunded(booking).await?;
        transaction.commit().await?;
        Ok(booking)
    }

    /// Refunds the payments by certificate and package for a cancelled booking.
    #[cfg(feature = "certificates")]
    async fn refunded(self, booking: bookings::Model) -> Result<bookings::Model, BookingError> {
        if payments::refund(self.db, booking.id).await? == 0 {
            return Ok(booking);
        }
        let mut row = booking.into_active_model();
        row.payment_status = Set(PaymentStatus::Refunded.to_string());
        Ok(bookings::Entity::update(row).exec(self.db).await?)
    }
}
