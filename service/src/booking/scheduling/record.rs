//! Typed accessors of the rows of bookings and payments.

use chrono::{DateTime, Utc};
use watertight_entity::public::{booking_payments, bookings};

use super::status::BookingStatus;
use crate::booking::BookingError;
use crate::booking::payment_status::{PaymentMethod, PaymentStatus};
use crate::booking::payments::{Kind, due};

/// Typed accessors of a booking's row.
///
/// ```no_run
/// use watertight::scheduling::{BookingRecord, BookingStatus, PaymentStatus};
/// use watertight::{BookingError, Tenant};
///
/// /// True if the client still owes the price of a completed visit.
/// async fn is_due(tenant: &impl Tenant, visit: uuid::Uuid) -> Result<bool, BookingError> {
///     let Some(visit) = tenant.scheduling().get_booking(visit).await? else { return Ok(false) };
///     let is_completed = visit.booking_status()? == BookingStatus::Completed;
///     Ok(is_completed && visit.payment_status()? == PaymentStatus::Pending)
/// }
/// ```
pub trait BookingRecord {
    /// The status of the booking.
    ///
    /// # Errors
    /// [`BookingError::InvalidInput`] for a status that this version does not know.
    fn booking_status(&self) -> Result<BookingStatus, BookingError>;

    /// The payment status of the booking.
    ///
    /// # Errors
    /// [`BookingError::InvalidInput`] for an empty status, or one with white space.
    fn payment_status(&self) -> Result<PaymentStatus, BookingError>;

    /// The cents that are due: the amount without the payments that are not refunded.
    fn due_cents(&self) -> i32;

    /// The start, inclusive, and the end, exclusive.
    fn span(&self) -> (DateTime<Utc>, DateTime<Utc>);
}

impl BookingRecord for bookings::Model {
    fn booking_status(&self) -> Result<BookingStatus, BookingError> {
        Ok(self.status.parse()?)
    }

    fn payment_status(&self) -> Result<PaymentStatus, BookingError> {
        Ok(self.payment_status.parse()?)
    }

    fn due_cents(&self) -> i32 {
        due(self)
    }

    fn span(&self) -> (DateTime<Utc>, DateTime<Utc>) {
        (self.datetime.to_utc(), self.end_time.to_utc())
    }
}

/// Typed accessors of the row of a payment or refund.
///
/// ```no_run
/// use watertight::scheduling::{PaymentMethod, PaymentRecord};
/// use watertight::{BookingError, Tenant};
///
/// /// The cents in the till for a booking.
/// async fn in_the_till(tenant: &impl Tenant, visit: uuid::Uuid) -> Result<i64, BookingError> {
///     let mut cents = 0;
///     for entry in tenant.scheduling().get_payments(visit).await? {
///         if entry.payment_method()? == PaymentMethod::Cash {
///             cents += entry.signed_cents();
///         }
///     }
///     Ok(cents)
/// }
/// ```
pub trait PaymentRecord {
    /// The method of the payment.
    ///
    /// # Errors
    /// [`BookingError::InvalidInput`] for a method of an earlier version that has white space.
    fn payment_method(&self) -> Result<PaymentMethod, BookingError>;

    /// Returns true for a refund, and false for a payment.
    fn is_refund(&self) -> bool;

    /// The amount in cents, negative for a refund.
    fn signed_cents(&self) -> i64;
}

impl PaymentRecord for booking_payments::Model {
    fn payment_method(&self) -> Result<PaymentMethod, BookingError> {
        Ok(self.method.parse()?)
    }

    fn is_refund(&self) -> bool {
        self.kind == Kind::Refund.as_str()
    }

    fn signed_cents(&self) -> i64 {
        let cents = i64::from(self.amount_cents);
        if self.is_refund() { -cents } else { cents }
    }
}
