#![doc = include_str!("../../docs/content.md")]
//! # Example
//!
#![doc = concat!("```no_run\n", include_str!("../../examples/content.rs"), "\n```")]

#[cfg(feature = "booking")]
mod exceptions;
mod hours;
mod practitioners;
mod profile;
mod reviews;
mod services;

#[cfg(feature = "booking")]
pub use self::exceptions::BlockType;
pub use self::hours::OpeningHours;
pub use self::practitioners::NewPractitioner;
pub use self::profile::Profile;
pub use self::reviews::{NewReview, RatingSummary};
pub use self::services::{NewService, ServiceUpdate};

/// What one tenant offers. Cheap to make: a reference.
///
/// [`TenantConnection::content`](crate::TenantConnection::content) gives it.
#[derive(Debug)]
pub struct Content<'a, C> {
    db: &'a C,
}

crate::tenant::facade::facade! {
    /// What the tenant offers: profile, services, hours, practitioners, reviews.
    Content by content
}
