//! Reading submissions.

use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder};
use uuid::Uuid;
use watertight_entity::public::intake_submissions;

use super::Intake;
use super::status::SubmissionStatus;
use crate::booking::BookingError;
use crate::tenant::TenantExecutor;

/// Reading submissions.
impl<C: TenantExecutor> Intake<'_, C> {
    /// The submission of an id; `None` when the tenant has none.
    ///
    /// # Errors
    /// [`BookingError::Database`].
    pub async fn get_submission(self, id: Uuid) -> Result<Option<intake_submissions::Model>, BookingError> {
        let select = intake_submissions::Entity::find().filter(intake_submissions::Column::Id.eq(id));
        Ok(select.one(self.db).await?)
    }

    /// The submissions of a client, newest first.
    ///
    /// # Errors
    /// [`BookingError::Database`].
    pub async fn get_submissions_by_client(
        self,
        client: Uuid,
    ) -> Result<Vec<intake_submissions::Model>, BookingError> {
        let select = intake_submissions::Entity::find()
            .filter(intake_submissions::Column::ClientId.eq(client))
            .order_by_desc(intake_submissions::Column::CreatedAt);
        Ok(select.all(self.db).await?)
    }

    /// The submitted answers without a review, oldest first.
    ///
    /// # Errors
    /// [`BookingError::Database`].
    pub async fn get_unreviewed(self) -> Result<Vec<intake_submissions::Model>, BookingError> {
        let select = intake_submissions::Entity::find()
            .filter(intake_submissions::Column::Status.eq(SubmissionStatus::Submitted))
            .order_by_asc(intake_submissions::Column::ConsentedAt);
        Ok(select.all(self.db).await?)
    }

    /// The refusal of a transition of a submission.
    pub(super) async fn invalid_transition(
        self,
        id: Uuid,
        to: &'static str,
    ) -> Result<BookingError, BookingError> {
        Ok(match self.get_submission(id).await? {
            Some(row) => BookingError::InvalidTransition { what: "submission", from: row.status, to },
            None => BookingError::not_found("submission", id),
        })
    }
}
