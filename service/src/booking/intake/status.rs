//! The status of a submission.

use watertight_entity::public::intake_submissions;

use crate::booking::BookingError;
use crate::vocabulary::text_enum::text_enum;

text_enum! {
    /// The status of a submission: draft, then submitted, then reviewed.
    #[derive(Default)]
    #[non_exhaustive]
    pub enum SubmissionStatus as "submission status" {
        /// The answers can change, and need not match the form yet.
        #[default]
        Draft = "draft",
        /// The answers match the form, have a consent, and cannot change.
        Submitted = "submitted",
        /// The answers were reviewed.
        Reviewed = "reviewed",
    }
}

/// Typed accessors of a submission's row.
pub trait SubmissionRecord {
    /// The status of the submission.
    ///
    /// # Errors
    /// [`BookingError::InvalidInput`] for a status that this version does not know.
    fn submission_status(&self) -> Result<SubmissionStatus, BookingError>;
}

impl SubmissionRecord for intake_submissions::Model {
    fn submission_status(&self) -> Result<SubmissionStatus, BookingError> {
        Ok(self.status.parse()?)
    }
}
