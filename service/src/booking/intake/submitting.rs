//! Submitting and reviewing answers.

use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QuerySelect};
use serde_json::Value as Json;
use uuid::Uuid;
use watertight_entity::public::{intake_form_templates, intake_submissions};

use super::Intake;
use super::schema::stored_violations;
use super::status::{SubmissionRecord, SubmissionStatus};
use crate::booking::BookingError;
use crate::tenant::TenantExecutor;
use crate::vocabulary::{ClientAddress, InvalidInput, json, text};

/// Submitting and reviewing.
impl<C: TenantExecutor> Intake<'_, C> {
    /// Submits a draft. The answers must match their version of the form. Answers, consent text, consent address and the
    /// time of consent by the database's clock cannot change afterwards. The address is stored as it is given: pass a masked
    /// or hashed one to keep no more.
    ///
    /// ```no_run
    /// use watertight::{BookingError, Tenant};
    ///
    /// # async fn example(tenant: &impl Tenant, draft: uuid::Uuid) -> Result<(), BookingError> {
    /// match tenant.intake().submit(draft, None).await {
    ///     Ok(_) => println!("Thank you."),
    ///     Err(BookingError::InvalidResponses { violations }) => {
    ///         violations.iter().for_each(|violation| println!("{}: {}", violation.path, violation.message));
    ///     }
    ///     Err(other) => return Err(other),
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`BookingError::InvalidResponses`] with the violations, at most 100; the draft stays a draft. [`BookingError::NotFound`],
    /// [`BookingError::InvalidTransition`], [`BookingError::InvalidInput`] when there is no consent text.
    pub async fn submit(
        self,
        id: Uuid,
        consent_ip: Option<ClientAddress>,
    ) -> Result<intake_submissions::Model, BookingError> {
        loop {
            // The answers are validated with no transaction open. The submission is theirs only while they are the same.
            let draft = self.valid_draft(id).await?;
            let transaction = self.db.begin().await?;
            let select = intake_submissions::Entity::find().filter(intake_submissions::Column::Id.eq(id));
            let locked = select.lock_exclusive().one(&transaction).await?;
            if locked.as_ref() != Some(&draft) {
                transaction.rollback().await?;
                continue;
            }
            let submitted = intake_submissions::Entity::update_many()
                .col_expr(intake_submissions::Column::Status, Expr::val(SubmissionStatus::Submitted))
                .col_expr(intake_submissions::Column::ConsentedAt, Expr::current_timestamp())
                .col_expr(intake_submissions::Column::ConsentIp, Expr::val(consent_ip))
                .col_expr(intake_submissions::Column::UpdatedAt, Expr::current_timestamp())
                .filter(intake_submissions::Column::Id.eq(id))
                .exec_with_returning(&transaction)
                .await?;
            transaction.commit().await?;
            return submitted.into_iter().next().ok_or_else(|| BookingError::not_found("submission", id));
        }
    }

    /// The draft of an id, if it can be submitted.
    async fn valid_draft(self, id: Uuid) -> Result<intake_submissions::Model, BookingError> {
        let draft = self.get_submission(id).await?;
        let draft = draft.ok_or_else(|| BookingError::not_found("submission", id))?;
        if draft.submission_status()? != SubmissionStatus::Draft {
            return Err(self.invalid_transition(id, "submitted").await?);
        }
        if draft.consent_text.trim().is_empty() {
            let reason = "is empty; pass the text that the client consents to";
            return Err(InvalidInput::new("consent text", draft.consent_text, reason).into());
        }
        let template = intake_form_templates::Entity::find()
            .filter(intake_form_templates::Column::Id.eq(draft.template_id))
            .one(self.db)
            .await?
            .ok_or_else(|| BookingError::not_found("form", draft.template_id))?;
        let violations = stored_violations(template.schema, draft.responses.clone()).await?;
        if violations.is_empty() { Ok(draft) } else { Err(BookingError::InvalidResponses { violations }) }
    }

    /// Marks a submission as reviewed, with the reviewer's notes.
    ///
    /// # Errors
    /// [`BookingError::NotFound`], [`BookingError::InvalidTransition`] when it is not submitted, [`BookingError::InvalidInput`].
    pub async fn review(
        self,
        id: Uuid,
        reviewed_by: &str,
        notes: Option<Json>,
    ) -> Result<intake_submissions::Model, BookingError> {
        text::check("reviewer", reviewed_by, 64)?;
        json::check_optional("notes", notes.as_ref())?;
        let update = intake_submissions::Entity::update_many()
            .col_expr(intake_submissions::Column::Status, Expr::val(SubmissionStatus::Reviewed))
            .col_expr(intake_submissions::Column::ReviewedBy, Expr::val(reviewed_by))
            .col_expr(intake_submissions::Column::ReviewedAt, Expr::current_timestamp())
            .col_expr(intake_submissions::Column::TherapistNotes, Expr::val(notes))
            .col_expr(intake_submissions::Column::UpdatedAt, Expr::current_timestamp())
            .filter(intake_submissions::Column::Id.eq(id))
            .filter(intake_submissions::Column::Status.eq(SubmissionStatus::Submitted));
        match update.exec_with_returning(self.db).await?.into_iter().next() {
            Some(reviewed) => Ok(reviewed),
            None => Err(self.invalid_transition(id, "reviewed").await?),
        }
    }
}
