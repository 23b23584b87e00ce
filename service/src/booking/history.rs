#![doc = include_str!("../../docs/links/history.md")]
#![doc = include_str!("../../docs/history.md")]
#![doc = concat!("```no_run\n", include_str!("../../examples/history.rs"), "\n```")]

mod checks;
mod imported;
mod importing;
mod reconciling;
mod status;
mod upserts;

pub use self::imported::{ImportedAppointment, ImportedBooking, ImportedClient, ImportedPayment};
pub use self::importing::ImportReport;
pub use self::status::{LocalBookingRecord, ReconciliationStatus};
pub use super::payment_status::{CustomPaymentStatus, PaymentStatus};

/// Imported history of one tenant. A reference, so it is cheap to copy.
///
/// Call [`TenantConnection::history`](crate::TenantConnection::history) to get it.
#[derive(Debug)]
pub struct History<'a, C> {
    db: &'a C,
}

crate::tenant::facade::facade! {
    /// Imported history of the tenant.
    History by history
}
