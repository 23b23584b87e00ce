#![doc = include_str!("../../docs/links/booking.md")]
#![doc = include_str!("../../docs/scheduling.md")]
#![doc = concat!("```no_run\n", include_str!("../../examples/scheduling.rs"), "\n```")]

mod availability;
mod booking;
mod cancellation;
mod clients;
mod contact;
mod distance;
mod holds;
mod hours;
mod new_booking;
mod occupancy;
mod offer;
mod paying;
mod reading;
mod record;
mod refunding;
mod rescheduling;
pub(crate) mod retention;
mod slots;
mod spans;
mod status;
mod transitions;

pub use self::availability::{Slot, SlotQuery};
pub use self::clients::NewClient;
pub use self::contact::{BookingClient, Contact};
pub use self::holds::Hold;
pub use self::new_booking::NewBooking;
pub use self::paying::{NewPayment, Reference};
pub use self::record::{BookingRecord, PaymentRecord};
pub use self::refunding::{NewRefund, RefundDue};
pub use self::rescheduling::Reschedule;
pub use self::status::BookingStatus;
pub use super::payment_status::{CustomPaymentMethod, CustomPaymentStatus, PaymentMethod, PaymentStatus};

/// Availability, clients, holds and bookings of one tenant. A reference, so it is cheap to copy.
///
/// Call [`TenantConnection::scheduling`](crate::TenantConnection::scheduling) to get it.
#[derive(Debug)]
pub struct Scheduling<'a, C> {
    db: &'a C,
}

crate::tenant::facade::facade! {
    /// Availability, clients, holds and bookings of the tenant.
    Scheduling by scheduling
}
