//! Cancelling a booking.

use uuid::Uuid;
use watertight_entity::public::bookings;

use super::Scheduling;
use super::status::BookingStatus;
use crate::booking::BookingError;
#[cfg(feature = "certificates")]
use crate::booking::payments;
use crate::tenant::TenantExecutor;
use crate::vocabulary::{limits, text};

/// Cancellation.
impl<C: TenantExecutor> Scheduling<'_, C> {
    /// Cancels a confirmed booking and frees its slot. A cancelled booking stays unchanged, with its first reason.
    ///
    /// Payments by gift certificate and package are refunded. Other payments become refunds that are due
    /// ([`get_refunds_due`](Self::get_refunds_due)), and the booking is refunded in whole when all of them are recorded.
    ///
    /// Without the feature `certificates`, or without that table set, all refunds become due.
    ///
    /// ```no_run
    /// use watertight::{BookingError, Tenant};
    ///
    /// /// A second click on "Cancel" changes nothing.
    /// async fn cancel(tenant: &impl Tenant, booking: uuid::Uuid) -> Result<(), BookingError> {
    ///     let cancelled = tenant.scheduling().cancel(booking, "cancelled by the client").await?;
    ///     println!("The payment is {}.", cancelled.payment_status);
    ///     Ok(())
    /// }
    /// ```
    ///
    /// # Errors
    /// [`BookingError::NotFound`], [`BookingError::InvalidTransition`] for a completed booking or a no-show,
    /// [`BookingError::InvalidInput`].
    pub async fn cancel(self, id: Uuid, reason: &str) -> Result<bookings::Model, BookingError> {
        text::check("reason", reason, limits::TEXT_CHARS)?;
        let transaction = self.db.begin().await?;
        let scheduling = Scheduling::new(&transaction);
        #[cfg_attr(not(feature = "certificates"), expect(unused_mut, reason = "nothing is refunded"))]
        let mut booking = scheduling.transition(id, BookingStatus::Cancelled, Some(reason)).await?;
        #[cfg(feature = "certificates")]
        payments::refund_all(&transaction, &mut booking).await?;
        transaction.commit().await?;
        Ok(booking)
    }
}
