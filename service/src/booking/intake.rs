#![doc = include_str!("../../docs/links.md")]
#![doc = include_str!("../../docs/links/intake.md")]
#![doc = include_str!("../../docs/intake.md")]
#![doc = concat!("```no_run\n", include_str!("../../examples/intake.rs"), "\n```")]

mod budget;
mod drafts;
mod forms;
mod keywords;
mod reading;
mod schema;
mod status;
mod submitting;

pub use self::drafts::NewSubmission;
pub use self::schema::violations;
pub use self::status::{SubmissionRecord, SubmissionStatus};
pub use super::violation::Violation;

/// Intake forms of one tenant. A reference, so it is cheap to copy.
///
/// Call [`TenantConnection::intake`](crate::TenantConnection::intake) to get it.
#[derive(Debug)]
pub struct Intake<'a, C> {
    db: &'a C,
}

crate::tenant::facade::facade! {
    /// Intake forms of the tenant.
    Intake by intake
}
