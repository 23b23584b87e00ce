//! The state of a local booking in the foreign system.

use watertight_entity::public::local_bookings;

use crate::booking::BookingError;
use crate::booking::payment_status::PaymentStatus;
use crate::vocabulary::text_enum::text_enum;

text_enum! {
    /// The state of a local booking in the foreign system.
    #[derive(Default)]
    #[non_exhaustive]
    pub enum ReconciliationStatus as "reconciliation status" {
        /// The foreign system does not have the booking yet.
        #[default]
        Pending = "pending",
        /// The foreign system has the booking.
        Reconciled = "reconciled",
        /// The foreign system did not accept the booking.
        Failed = "failed",
    }
}

/// Typed accessors of a local booking's row.
pub trait LocalBookingRecord {
    /// The state of the booking in the foreign system.
    ///
    /// # Errors
    /// [`BookingError::InvalidInput`] for a state that this version does not know.
    fn reconciliation_status(&self) -> Result<ReconciliationStatus, BookingError>;

    /// The payment status of the booking.
    ///
    /// # Errors
    /// [`BookingError::InvalidInput`] for an empty status, or one with white space.
    fn payment_status(&self) -> Result<PaymentStatus, BookingError>;
}

impl LocalBookingRecord for local_bookings::Model {
    fn reconciliation_status(&self) -> Result<ReconciliationStatus, BookingError> {
        Ok(self.reconciliation_status.parse()?)
    }

    fn payment_status(&self) -> Result<PaymentStatus, BookingError> {
        Ok(self.payment_status.parse()?)
    }
}
