//! Intake: versioned forms, validated answers, and final submissions.

mod limits;

use anyhow::Result;
use futures_util::future::join_all;
use sea_orm::{ActiveModelTrait, IntoActiveModel, Set};
use serde_json::json;
use uuid::Uuid;
use watertight::BookingError;
use watertight::InvalidInput;
use watertight::entity::public::{clients, intake_form_templates, intake_submissions};
use watertight::intake::NewSubmission;

use crate::auth::World;
use crate::scheduling::client;

fn schema() -> serde_json::Value {
    json!({
        "type": "object",
        "required": ["name", "allergies"],
        "additionalProperties": false,
        "properties": {
            "name": {"type": "string", "minLength": 1},
            "age": {"type": "integer", "minimum": 0},
            "allergies": {"type": "array", "items": {"type": "string"}},
            "phone": {"type": "string", "pattern": "^[+0-9 ]+$"},
        },
    })
}

struct Desk {
    world: World,
    form: intake_form_templates::Model,
    client: clients::Model,
}

impl Desk {
    async fn open() -> Result<Self> {
        let world = World::new().await?;
        let form = world.clinic.intake().create_template("massage", "Before a massage", &schema()).await?;
        let client = world.clinic.scheduling().save_client(&client("ann")).await?;
        Ok(Self { world, form, client })
    }

    fn answers(&self, responses: serde_json::Value) -> NewSubmission {
        NewSubmission {
            template: self.form.id,
            client: self.client.id,
            booking: None,
            responses,
            pain_areas: Some(json!({"neck": 3})),
            consent_text: "I agree to be treated.".into(),
        }
    }

    async fn draft(&self, responses: serde_json::Value) -> Result<intake_submissions::Model> {
        Ok(self.world.clinic.intake().save_draft(&self.answers(responses)).await?)
    }
}

#[tokio::test]
async fn forms_have_versions() -> Result<()> {
    let desk = Desk::open().await?;
    let intake = desk.world.clinic.intake();
    assert_eq!(desk.form.version, 1);
    let second = intake.create_template("massage", "Second", &json!({"type": "object"})).await?;
    assert_eq!(second.version, 2);
    assert_eq!(intake.create_template("yoga", "Yoga", &json!(true)).await?.version, 1);
    assert_eq!(intake.get_template("massage").await?, Some(second.clone()));
    intake.set_template_active(second.id, false).await?;
    assert_eq!(intake.get_template("massage").await?, Some(desk.form.clone()));
    assert_eq!(intake.get_template_versions("massage").await?.len(), 2);
    assert_eq!(intake.get_template("nothing").await?, None);
    let bad = intake.create_template("massage", "Bad", &json!({"type": "no such type"})).await;
    assert!(matches!(bad, Err(BookingError::InvalidInput(InvalidInput { what: "form schema", .. }))));
    let nowhere = intake.set_template_active(Uuid::new_v4(), true).await;
    assert!(matches!(nowhere, Err(BookingError::NotFound { .. })));

    let elsewhere = desk.world.clinic_elsewhere().await?;
    let many = (0..60).map(|n| {
        let tenant = if n % 2 == 0 { desk.world.clinic.clone() } else { elsewhere.clone() };
        async move { tenant.intake().create_template("pilates", "Pilates", &json!({})).await }
    });
    let made = join_all(many).await.into_iter().collect::<Result<Vec<_>, _>>()?;
    let mut versions: Vec<_> = made.into_iter().map(|form| form.version).collect();
    versions.sort_unstable();
    assert_eq!(versions, (1..=60).collect::<Vec<_>>());
    Ok(())
}

/// A draft that was begun before can still be submitted, as `set_template_active` documents.
#[tokio::test]
async fn an_inactive_form_accepts_no_new_answers() -> Result<()> {
    let desk = Desk::open().await?;
    let intake = desk.world.clinic.intake();
    let begun = desk.draft(json!({"name": "Ann", "age": 30, "allergies": []})).await?;
    intake.set_template_active(desk.form.id, false).await?;
    let refused = desk.draft(json!({})).await.map_err(anyhow::Error::downcast::<BookingError>);
    assert!(
        matches!(&refused, Err(Ok(error @ BookingError::FormInactive { id })) if *id == desk.form.id && error.is_conflict()),
        "{refused:?}"
    );
    intake.submit(begun.id, None).await?;
    Ok(())
}

#[tokio::test]
async fn invalid_answers_are_refused_with_every_path() -> Result<()> {
    let desk = Desk::open().await?;
    let intake = desk.world.clinic.intake();
    let wrong = json!({"name": "", "age": -1, "allergies": ["nuts", 7], "phone": "call me", "shoe size": 40});
    let draft = desk.draft(wrong).await?;
    match intake.submit(draft.id, None).await {
        Err(BookingError::InvalidResponses { violations }) => {
            let paths: Vec<_> = violations.iter().map(|violation| violation.path.as_str()).collect();
            assert_eq!(paths, ["", "/age", "/allergies/1", "/name", "/phone"], "{violations:?}");
        }
        other => panic!("{other:?}"),
    }
    assert_eq!(intake.get_submission(draft.id).await?, Some(draft.clone()), "a draft as before");
    let right = json!({"name": "Ann", "age": 30, "allergies": []});
    intake.update_draft(draft.id, right.clone(), None).await?;
    let submitted = intake.submit(draft.id, Some("2001:db8::7".parse()?)).await?;
    assert_eq!((submitted.status.as_str(), submitted.responses), ("submitted", right));
    assert!(submitted.consented_at.is_some());
    assert_eq!(submitted.consent_ip.as_deref(), Some("2001:db8::7"));
    Ok(())
}

#[tokio::test]
async fn a_submission_never_returns_to_an_earlier_status() -> Result<()> {
    let desk = Desk::open().await?;
    let intake = desk.world.clinic.intake();
    let right = || json!({"name": "Ann", "allergies": []});
    let draft = desk.draft(right()).await?;
    let early = intake.review(draft.id, "maya", None).await;
    assert!(
        matches!(&early, Err(BookingError::InvalidTransition { from, .. }) if from == "draft"),
        "{early:?}"
    );
    intake.submit(draft.id, None).await?;
    assert!(matches!(intake.submit(draft.id, None).await, Err(BookingError::InvalidTransition { .. })));
    assert!(matches!(
        intake.update_draft(draft.id, right(), None).await,
        Err(BookingError::InvalidTransition { .. })
    ));
    assert_eq!(intake.get_unreviewed().await?.len(), 1);
    let reviewed = intake.review(draft.id, "maya", Some(json!({"note": "careful"}))).await?;
    assert_eq!((reviewed.status.as_str(), reviewed.reviewed_by.as_deref()), ("reviewed", Some("maya")));
    assert!(matches!(
        intake.review(draft.id, "maya", None).await,
        Err(BookingError::InvalidTransition { .. })
    ));
    assert!(intake.get_unreviewed().await?.is_empty());
    assert_eq!(intake.get_submissions_by_client(desk.client.id).await?, [reviewed]);
    assert!(matches!(intake.submit(Uuid::new_v4(), None).await, Err(BookingError::NotFound { .. })));

    let unconsented = NewSubmission { consent_text: "  ".into(), ..desk.answers(right()) };
    let unconsented = intake.save_draft(&unconsented).await?;
    assert!(matches!(
        intake.submit(unconsented.id, None).await,
        Err(BookingError::InvalidInput(InvalidInput { .. }))
    ));
    for new in [
        NewSubmission { template: Uuid::new_v4(), ..desk.answers(right()) },
        NewSubmission { client: Uuid::new_v4(), ..desk.answers(right()) },
        NewSubmission { booking: Some(Uuid::new_v4()), ..desk.answers(right()) },
    ] {
        assert!(matches!(intake.save_draft(&new).await, Err(BookingError::NotFound { .. })), "{new:?}");
    }
    let no_object = desk.answers(json!(["a"]));
    assert!(matches!(
        intake.save_draft(&no_object).await,
        Err(BookingError::InvalidInput(InvalidInput { .. }))
    ));
    let nul = desk.answers(json!({"name": ["a\0"]}));
    assert!(matches!(intake.save_draft(&nul).await, Err(BookingError::InvalidInput(InvalidInput { .. }))));
    Ok(())
}

/// No operation reaches what was submitted: neither the rest of its row nor the schema of its form.
#[tokio::test]
async fn operations_change_nothing_of_a_submission() -> Result<()> {
    let desk = Desk::open().await?;
    let intake = desk.world.clinic.intake();
    let right = || json!({"name": "Ann", "allergies": []});
    let submitted = intake.submit(desk.draft(right()).await?.id, None).await?;
    let changed = intake.update_draft(submitted.id, right(), Some(json!({"back": 9}))).await;
    assert!(matches!(changed, Err(BookingError::InvalidTransition { .. })), "{changed:?}");
    intake.create_template("massage", "Next", &json!({})).await?;
    intake.set_template_active(desk.form.id, false).await?;
    assert_eq!(intake.get_submission(submitted.id).await?, Some(submitted.clone()));
    let reviewed = intake.review(submitted.id, "maya", None).await?;
    assert_eq!((reviewed.pain_areas, reviewed.booking_id), (submitted.pain_areas, submitted.booking_id));
    let again = intake.submit(submitted.id, None).await;
    assert!(matches!(again, Err(BookingError::InvalidTransition { .. })), "{again:?}");
    let forms = intake.get_template_versions("massage").await?;
    assert_eq!(forms.last().map(|form| &form.schema), Some(&desk.form.schema));
    Ok(())
}

/// The database enforces this for every program.
#[tokio::test]
async fn the_database_rejects_changes_of_a_submission() -> Result<()> {
    let desk = Desk::open().await?;
    let draft = desk.draft(json!({"name": "Ann", "allergies": []})).await?;
    let submitted = desk.world.clinic.intake().submit(draft.id, Some("192.0.2.7".parse()?)).await?;
    let changes: [fn(&mut intake_submissions::ActiveModel); 6] = [
        |row| row.consent_text = Set("I agree to everything.".into()),
        |row| row.consented_at = Set(Some(chrono::Utc::now().into())),
        |row| row.consent_ip = Set(None),
        |row| row.responses = Set(json!({})),
        |row| row.status = Set("draft".into()),
        |row| row.client_id = Set(Uuid::new_v4()),
    ];
    for (index, change) in changes.into_iter().enumerate() {
        let mut row = submitted.clone().into_active_model();
        change(&mut row);
        let refused = row.update(&desk.world.clinic).await.map_err(|error| error.to_string());
        assert!(
            refused.as_ref().is_err_and(|error| error.contains("cannot be changed")),
            "{index}: {refused:?}"
        );
    }
    let mut noted = submitted.into_active_model();
    noted.therapist_notes = Set(Some(json!({"note": "fine"})));
    noted.update(&desk.world.clinic).await?;
    Ok(())
}
