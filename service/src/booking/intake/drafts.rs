//! Drafts of answers.

use sea_orm::sea_query::Expr;
use sea_orm::{ActiveModelTrait, ColumnTrait, EntityTrait, QueryFilter, Set};
use serde_json::Value as Json;
use uuid::Uuid;
use watertight_entity::public::{bookings, clients, intake_form_templates, intake_submissions};

use super::Intake;
use super::status::SubmissionStatus;
use crate::booking::BookingError;
use crate::tenant::TenantExecutor;
use crate::vocabulary::{InvalidInput, json, limits, text};

/// Answers to a form, to save as a draft with [`Intake::save_draft`].
#[derive(Debug, Clone, PartialEq)]
pub struct NewSubmission {
    /// The form.
    pub template: Uuid,
    /// The client.
    pub client: Uuid,
    /// The booking that the answers are for.
    pub booking: Option<Uuid>,
    /// The answers so far, a JSON object.
    pub responses: Json,
    /// Areas of pain.
    pub pain_areas: Option<Json>,
    /// The text that the client consents to on submission.
    pub consent_text: String,
}

impl NewSubmission {
    /// Answers of a client without a booking.
    ///
    /// ```
    /// use serde_json::json;
    /// use watertight::intake::NewSubmission;
    ///
    /// # let (form, priya, visit) = (uuid::Uuid::nil(), uuid::Uuid::nil(), uuid::Uuid::nil());
    /// let consent = "I agree to be treated.";
    /// let answers = NewSubmission::new(form, priya, json!({"allergies": ["nuts"]}), consent);
    /// assert_eq!(answers.booking, None);
    /// let answers = NewSubmission { booking: Some(visit), pain_areas: Some(json!(["neck"])), ..answers };
    /// ```
    pub fn new(template: Uuid, client: Uuid, responses: Json, consent_text: impl Into<String>) -> Self {
        let consent_text = consent_text.into();
        Self { template, client, booking: None, responses, pain_areas: None, consent_text }
    }
}

fn check_answers(responses: &Json, pain_areas: Option<&Json>) -> Result<(), InvalidInput> {
    json::check_object("responses", responses)?;
    json::check_optional("pain areas", pain_areas)
}

/// Drafts.
impl<C: TenantExecutor> Intake<'_, C> {
    /// Saves answers as a draft. They need not match the form yet.
    ///
    /// # Errors
    /// [`BookingError::NotFound`] for the form, the client or the booking, [`BookingError::FormInactive`],
    /// [`BookingError::InvalidInput`].
    pub async fn save_draft(self, new: &NewSubmission) -> Result<intake_submissions::Model, BookingError> {
        text::check("consent text", &new.consent_text, limits::TEXT_CHARS)?;
        check_answers(&new.responses, new.pain_areas.as_ref())?;
        let template =
            intake_form_templates::Entity::find().filter(intake_form_templates::Column::Id.eq(new.template));
        match template.one(self.db).await? {
            None => return Err(BookingError::not_found("form", new.template)),
            Some(form) if !form.active => return Err(BookingError::FormInactive { id: form.id }),
            Some(_) => {}
        }
        let client = clients::Entity::find().filter(clients::Column::Id.eq(new.client));
        if client.one(self.db).await?.is_none() {
            return Err(BookingError::not_found("client", new.client));
        }
        if let Some(id) = new.booking {
            let booking = bookings::Entity::find().filter(bookings::Column::Id.eq(id));
            if booking.one(self.db).await?.is_none() {
                return Err(BookingError::not_found("booking", id));
            }
        }
        let row = intake_submissions::ActiveModel {
            template_id: Set(new.template),
            client_id: Set(new.client),
            booking_id: Set(new.booking),
            responses: Set(new.responses.clone()),
            pain_areas: Set(new.pain_areas.clone()),
            consent_text: Set(new.consent_text.clone()),
            ..Default::default()
        };
        Ok(row.insert(self.db).await?)
    }

    /// Changes the answers of a draft.
    ///
    /// # Errors
    /// [`BookingError::NotFound`], [`BookingError::InvalidTransition`] when it is not a draft, [`BookingError::InvalidInput`].
    pub async fn update_draft(
        self,
        id: Uuid,
        responses: Json,
        pain_areas: Option<Json>,
    ) -> Result<intake_submissions::Model, BookingError> {
        check_answers(&responses, pain_areas.as_ref())?;
        let update = intake_submissions::Entity::update_many()
            .col_expr(intake_submissions::Column::Responses, Expr::val(responses))
            .col_expr(intake_submissions::Column::PainAreas, Expr::val(pain_areas))
            .col_expr(intake_submissions::Column::UpdatedAt, Expr::current_timestamp())
            .filter(intake_submissions::Column::Id.eq(id))
            .filter(intake_submissions::Column::Status.eq(SubmissionStatus::Draft));
        match update.exec_with_returning(self.db).await?.into_iter().next() {
            Some(changed) => Ok(changed),
            None => Err(self.invalid_transition(id, "changed").await?),
        }
    }
}
