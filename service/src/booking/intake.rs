#![doc = include_str!("../../docs/intake.md")]
//! # Example
//!
#![doc = concat!("```no_run\n", include_str!("../../examples/intake.rs"), "\n```")]

use std::net::IpAddr;

use jsonschema::{PatternOptions, Validator};
use sea_orm::sea_query::Expr;
use sea_orm::{
    ActiveModelTrait, ColumnTrait, EntityTrait, FromQueryResult, QueryFilter, QueryOrder, QuerySelect, Set,
};
use serde_json::Value as Json;
use uuid::Uuid;
use watertight_entity::public::{bookings, clients, intake_form_templates, intake_submissions};

pub use super::violation::Violation;
use crate::booking::BookingError;
use crate::tenant::TenantExecutor;
use crate::tenant::sql::statement;
use crate::vocabulary::InvalidInput;
use crate::vocabulary::text;
use crate::vocabulary::text_enum::text_enum;

/// Intake forms of one tenant. Cheap to make: a reference.
///
/// [`TenantConnection::intake`](crate::TenantConnection::intake) gives it.
#[derive(Debug)]
pub struct Intake<'a, C> {
    db: &'a C,
}

crate::tenant::facade::facade! {
    /// Intake forms of the tenant.
    Intake by intake
}

text_enum! {
    /// The state of a submission: from a draft to submitted to reviewed, and never back.
    #[derive(Default)]
    pub enum SubmissionStatus as "submission status" {
        /// It can be changed, and need not fit the form yet.
        #[default]
        Draft = "draft",
        /// It fits the form, was consented to, and stays as it is.
        Submitted = "submitted",
        /// Someone has read it.
        Reviewed = "reviewed",
    }
}

/// Answers to a form, to be kept as a draft.
#[derive(Debug, Clone, PartialEq)]
pub struct NewSubmission {
    /// The form.
    pub template: Uuid,
    /// Who answers.
    pub client: Uuid,
    /// The visit that it is for.
    pub booking: Option<Uuid>,
    /// The answers, as far as they go.
    pub responses: Json,
    /// Where it hurts.
    pub pain_areas: Option<Json>,
    /// What is consented to on submission.
    pub consent_text: String,
}

/// Validates against a JSON Schema. Patterns run in linear time, and nothing is fetched from elsewhere.
fn validator(schema: &Json) -> Result<Validator, BookingError> {
    let options = jsonschema::options().with_pattern_options(PatternOptions::regex());
    options.build(schema).map_err(|error| {
        InvalidInput {
            what: "form schema",
            value: error.instance_path().to_string(),
            reason: format!("is not JSON Schema: {error}"),
        }
        .into()
    })
}

/// Every place where answers do not fit a form's schema, by path; none when they do.
///
/// ```
/// use serde_json::json;
/// use watertight::intake::violations;
///
/// let schema = json!({
///     "type": "object",
///     "required": ["allergies"],
///     "properties": {"age": {"type": "integer", "minimum": 0}},
/// });
/// let found = violations(&schema, &json!({"age": -3}))?;
/// assert_eq!(found.len(), 2);
/// assert_eq!((found[0].path.as_str(), found[1].path.as_str()), ("", "/age"));
/// # Ok::<(), watertight::Error>(())
/// ```
///
/// # Errors
/// [`BookingError::InvalidInput`] when the schema is none.
pub fn violations(schema: &Json, responses: &Json) -> Result<Vec<Violation>, BookingError> {
    let validator = validator(schema)?;
    let errors = validator.iter_errors(responses);
    let mut violations: Vec<_> = errors
        .map(|error| Violation { path: error.instance_path().to_string(), message: error.to_string() })
        .collect();
    violations.sort();
    Ok(violations)
}

fn check_answers(responses: &Json, pain_areas: Option<&Json>) -> Result<(), InvalidInput> {
    text::check_object("responses", responses)?;
    pain_areas.map_or(Ok(()), |areas| text::check_json("pain areas", areas))
}

/// Forms.
impl<C: TenantExecutor> Intake<'_, C> {
    /// Adds a form, as the next version of its type. Versions before stay as they are, and so do the answers to them.
    ///
    /// # Errors
    /// [`BookingError::InvalidInput`] when the schema is not JSON Schema.
    pub async fn create_template(
        self,
        form_type: &str,
        title: &str,
        schema: &Json,
    ) -> Result<intake_form_templates::Model, BookingError> {
        text::check_word("form type", form_type, 64)?;
        text::check("title", title, 255)?;
        text::check_json("form schema", schema)?;
        validator(schema)?;
        let insert = r#"INSERT INTO "public"."intake_form_templates" ("form_type", "version", "title", "schema")
            SELECT $1::varchar, coalesce(max("t"."version"), 0) + 1, $2::varchar, $3::jsonb
            FROM "public"."intake_form_templates" AS "t" WHERE "t"."form_type" = $1
            ON CONFLICT ("form_type", "version") DO NOTHING RETURNING *"#;
        // Another may have added the same version meanwhile: then this is the next.
        for _ in 0..16 {
            let values = [form_type.into(), title.into(), schema.clone().into()];
            if let Some(row) = self.db.query_one_raw(statement(insert, values)).await? {
                return Ok(intake_form_templates::Model::from_query_result(&row, "")?);
            }
        }
        Err(BookingError::Database(sea_orm::DbErr::RecordNotInserted))
    }

    /// The latest active version of a form; `None` when there is none.
    ///
    /// # Errors
    /// What the database reports.
    pub async fn get_template(
        self,
        form_type: &str,
    ) -> Result<Option<intake_form_templates::Model>, BookingError> {
        let select = intake_form_templates::Entity::find()
            .filter(intake_form_templates::Column::FormType.eq(form_type))
            .filter(intake_form_templates::Column::Active.eq(true))
            .order_by_desc(intake_form_templates::Column::Version);
        Ok(select.one(self.db).await?)
    }

    /// Every version of a form, newest first.
    ///
    /// # Errors
    /// What the database reports.
    pub async fn get_template_versions(
        self,
        form_type: &str,
    ) -> Result<Vec<intake_form_templates::Model>, BookingError> {
        let select = intake_form_templates::Entity::find()
            .filter(intake_form_templates::Column::FormType.eq(form_type))
            .order_by_desc(intake_form_templates::Column::Version);
        Ok(select.all(self.db).await?)
    }

    /// Uses a version of a form, or no more. Drafts of one that is not used can still be submitted.
    ///
    /// # Errors
    /// [`BookingError::NotFound`].
    pub async fn set_template_active(
        self,
        id: Uuid,
        active: bool,
    ) -> Result<intake_form_templates::Model, BookingError> {
        let update = intake_form_templates::Entity::update_many()
            .col_expr(intake_form_templates::Column::Active, Expr::val(active))
            .filter(intake_form_templates::Column::Id.eq(id));
        let changed = update.exec_with_returning(self.db).await?;
        changed.into_iter().next().ok_or_else(|| BookingError::not_found("form", id))
    }
}

/// Answers.
impl<C: TenantExecutor> Intake<'_, C> {
    /// Keeps answers as a draft. They need not fit the form yet.
    ///
    /// # Errors
    /// [`BookingError::NotFound`] for the form, the client or the booking, [`BookingError::InvalidInput`].
    pub async fn save_draft(self, new: &NewSubmission) -> Result<intake_submissions::Model, BookingError> {
        text::check("consent text", &new.consent_text, usize::MAX)?;
        check_answers(&new.responses, new.pain_areas.as_ref())?;
        let template =
            intake_form_templates::Entity::find().filter(intake_form_templates::Column::Id.eq(new.template));
        if template.one(self.db).await?.is_none() {
            return Err(BookingError::not_found("form", new.template));
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
    /// [`BookingError::NotFound`], [`BookingError::InvalidTransition`] when it is no draft, [`BookingError::InvalidInput`].
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
            None => Err(self.wrong_move(id, "changed").await?),
        }
    }

    /// Submits a draft: its answers are held against the version of the form that it answers, and with the consent,
    /// its time by the database's clock and where it came from they stay as they are from then on.
    ///
    /// # Errors
    /// [`BookingError::InvalidResponses`] with every violation, after which it is a draft as before; [`BookingError::NotFound`],
    /// [`BookingError::InvalidTransition`], [`BookingError::InvalidInput`] when there is no consent text.
    pub async fn submit(
        self,
        id: Uuid,
        consent_ip: Option<IpAddr>,
    ) -> Result<intake_submissions::Model, BookingError> {
        let transaction = self.db.begin().await?;
        let intake = Intake::new(&transaction);
        let select = intake_submissions::Entity::find().filter(intake_submissions::Column::Id.eq(id));
        let draft = select.lock_exclusive().one(&transaction).await?;
        let draft = draft.ok_or_else(|| BookingError::not_found("submission", id))?;
        if draft.status.parse::<SubmissionStatus>()? != SubmissionStatus::Draft {
            return Err(intake.wrong_move(id, "submitted").await?);
        }
        if draft.consent_text.trim().is_empty() {
            let reason = "is empty; say what is consented to".to_owned();
            return Err(InvalidInput { what: "consent text", value: draft.consent_text, reason }.into());
        }
        let template = intake_form_templates::Entity::find()
            .filter(intake_form_templates::Column::Id.eq(draft.template_id))
            .one(&transaction)
            .await?
            .ok_or_else(|| BookingError::not_found("form", draft.template_id))?;
        let violations = violations(&template.schema, &draft.responses)?;
        if !violations.is_empty() {
            return Err(BookingError::InvalidResponses { violations });
        }
        let submitted = intake_submissions::Entity::update_many()
            .col_expr(intake_submissions::Column::Status, Expr::val(SubmissionStatus::Submitted))
            .col_expr(intake_submissions::Column::ConsentedAt, Expr::current_timestamp())
            .col_expr(intake_submissions::Column::ConsentIp, Expr::val(consent_ip.map(|ip| ip.to_string())))
            .col_expr(intake_submissions::Column::UpdatedAt, Expr::current_timestamp())
            .filter(intake_submissions::Column::Id.eq(id))
            .exec_with_returning(&transaction)
            .await?;
        transaction.commit().await?;
        submitted.into_iter().next().ok_or_else(|| BookingError::not_found("submission", id))
    }

    /// Says that someone has read a submission, with what they note.
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
        notes.as_ref().map_or(Ok(()), |notes| text::check_json("notes", notes))?;
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
            None => Err(self.wrong_move(id, "reviewed").await?),
        }
    }

    async fn wrong_move(self, id: Uuid, to: &'static str) -> Result<BookingError, BookingError> {
        Ok(match self.get_submission(id).await? {
            Some(row) => BookingError::InvalidTransition { what: "submission", from: row.status, to },
            None => BookingError::not_found("submission", id),
        })
    }

    /// The submission of an identity; `None` when the tenant has none.
    ///
    /// # Errors
    /// What the database reports.
    pub async fn get_submission(self, id: Uuid) -> Result<Option<intake_submissions::Model>, BookingError> {
        let select = intake_submissions::Entity::find().filter(intake_submissions::Column::Id.eq(id));
        Ok(select.one(self.db).await?)
    }

    /// The submissions of a client, newest first.
    ///
    /// # Errors
    /// What the database reports.
    pub async fn get_submissions_by_client(
        self,
        client: Uuid,
    ) -> Result<Vec<intake_submissions::Model>, BookingError> {
        let select = intake_submissions::Entity::find()
            .filter(intake_submissions::Column::ClientId.eq(client))
            .order_by_desc(intake_submissions::Column::CreatedAt);
        Ok(select.all(self.db).await?)
    }

    /// The submissions that no one has read, oldest first.
    ///
    /// # Errors
    /// What the database reports.
    pub async fn get_unreviewed(self) -> Result<Vec<intake_submissions::Model>, BookingError> {
        let select = intake_submissions::Entity::find()
            .filter(intake_submissions::Column::Status.eq(SubmissionStatus::Submitted))
            .order_by_asc(intake_submissions::Column::ConsentedAt);
        Ok(select.all(self.db).await?)
    }
}
