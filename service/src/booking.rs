//! The domains of a booking business: what it offers, its bookings, payments and forms.

#[cfg(feature = "booking")]
pub mod certificates;
#[cfg(feature = "booking")]
pub mod content;
#[cfg(any(feature = "booking", feature = "intake"))]
mod error;
#[cfg(feature = "booking")]
pub mod history;
#[cfg(feature = "intake")]
pub mod intake;
#[cfg(feature = "booking")]
pub mod scheduling;
#[cfg(feature = "intake")]
mod violation;

#[cfg(any(feature = "booking", feature = "intake"))]
pub use self::error::BookingError;
