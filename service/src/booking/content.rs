#![doc = include_str!("../../docs/links.md")]
#![doc = include_str!("../../docs/links/content.md")]
#![doc = include_str!("../../docs/content.md")]
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

/// The content of one tenant. A reference, so it is cheap to copy.
///
/// Call [`TenantConnection::content`](crate::TenantConnection::content) to get it.
#[derive(Debug)]
pub struct Content<'a, C> {
    db: &'a C,
}

crate::tenant::facade::facade! {
    /// The content of the tenant: profile, services, hours, practitioners, reviews.
    Content by content
}
