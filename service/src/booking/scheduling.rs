#![doc = include_str!("../../docs/scheduling.md")]
//! # Example
//!
#![doc = concat!("```no_run\n", include_str!("../../examples/scheduling.rs"), "\n```")]

mod availability;
mod bookings;
mod clients;
mod holds;
mod hours;
mod resource;
pub(crate) mod retention;
mod status;

pub use self::availability::{Slot, SlotQuery};
pub use self::bookings::{BookingRecord, NewBooking, Reschedule};
pub use self::clients::NewClient;
pub use self::holds::Hold;
pub use self::status::{BookingStatus, PaymentStatus};

/// Availability, holds and bookings of one tenant. Cheap to make: a reference.
///
/// [`TenantConnection::scheduling`](crate::TenantConnection::scheduling) gives it.
#[derive(Debug)]
pub struct Scheduling<'a, C> {
    db: &'a C,
}

crate::tenant::facade::facade! {
    /// Availability, holds and bookings of the tenant.
    Scheduling by scheduling
}
