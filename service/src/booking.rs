//! The domains of a booking business: content, scheduling, certificates, intake forms and imported history.

#[cfg(feature = "certificates")]
pub mod certificates;
#[cfg(feature = "booking")]
mod codes;
#[cfg(feature = "content")]
pub mod content;
#[cfg(any(feature = "content", feature = "history"))]
mod error;
#[cfg(feature = "history")]
pub mod history;
#[cfg(feature = "intake")]
pub mod intake;
#[cfg(any(feature = "booking", feature = "history"))]
mod payment_status;
#[cfg(feature = "booking")]
pub(crate) mod payments;
#[cfg(feature = "booking")]
mod request;
#[cfg(feature = "booking")]
pub mod scheduling;
#[cfg(feature = "intake")]
mod violation;

#[cfg(any(feature = "content", feature = "history"))]
pub use self::error::BookingError;
