//! Limits of forms and answers, and validation with no transaction open.

use std::time::Duration;

use anyhow::Result;
use futures_util::future::join_all;
use sea_orm::{EntityTrait, QuerySelect};
use serde_json::{Map, Value as Json, json};
use watertight::entity::public::intake_submissions;
use watertight::intake::NewSubmission;
use watertight::{BookingError, InvalidInput};

use super::Desk;

/// A form of 1.3 kB whose references double 20 times.
fn doubling() -> Json {
    let definition = |n: usize| {
        let next = json!({"$ref": format!("#/$defs/a{}", n + 1)});
        (format!("a{n}"), json!({"allOf": [next, next]}))
    };
    let mut definitions: Map<_, _> = (0..20).map(definition).collect();
    definitions.insert("a20".into(), json!({"type": "string"}));
    json!({"$defs": definitions, "$ref": "#/$defs/a0"})
}

fn refused<T: std::fmt::Debug>(result: &Result<T, BookingError>, input: &str, rule: &str) -> bool {
    matches!(result, Err(BookingError::InvalidInput(InvalidInput { what, reason, .. }))
        if *what == input && reason.contains(rule))
}

#[tokio::test]
async fn a_form_is_refused_before_it_costs_more_than_its_limits() -> Result<()> {
    let desk = Desk::open().await?;
    let intake = desk.world.clinic.intake();
    for (schema, rule) in [
        (doubling(), "the maximum is"),
        (json!({"properties": {"x": {"$ref": "#"}}}), "a schema cannot refer to itself"),
        (json!({"title": "a".repeat(262_144)}), "the maximum is 262144"),
        (json!({"smallest": 3}), "is not a keyword"),
        (json!({"format": "mail"}), "is not valid JSON Schema"),
    ] {
        let result = intake.create_template("massage", "Refused", &schema).await;
        assert!(refused(&result, "form schema", rule), "{rule}: {result:?}");
    }
    assert_eq!(intake.get_template_versions("massage").await?.len(), 1);
    Ok(())
}

#[tokio::test]
async fn answers_are_limited_and_their_formats_checked() -> Result<()> {
    let desk = Desk::open().await?;
    let intake = desk.world.clinic.intake();
    let large = desk.answers(json!({"name": "a".repeat(262_144)}));
    assert!(refused(&intake.save_draft(&large).await, "responses", "the maximum is 262144"));
    let areas = NewSubmission { pain_areas: Some(json!(vec![1; 10_000])), ..desk.answers(json!({})) };
    assert!(refused(&intake.save_draft(&areas).await, "pain areas", "the maximum is 10000"));
    let text = |chars| NewSubmission { consent_text: "a".repeat(chars), ..desk.answers(json!({})) };
    intake.save_draft(&text(65_536)).await?;
    assert!(refused(&intake.save_draft(&text(65_537)).await, "consent text", "the maximum is 65536"));

    let schema = json!({"properties": {"born": {"format": "date"}}});
    let form = intake.create_template("dated", "Dated", &schema).await?;
    let draft = NewSubmission { template: form.id, ..desk.answers(json!({"born": "soon"})) };
    let draft = intake.save_draft(&draft).await?;
    let submitted = intake.submit(draft.id, None).await;
    assert!(matches!(submitted, Err(BookingError::InvalidResponses { .. })), "{submitted:?}");
    Ok(())
}

/// A validation that locks the draft would wait for the other transaction.
#[tokio::test]
async fn answers_are_validated_with_no_lock() -> Result<()> {
    let desk = Desk::open().await?;
    let draft = desk.draft(json!({})).await?;
    let holder = desk.world.clinic_elsewhere().await?.begin().await?;
    let locked = intake_submissions::Entity::find().lock_exclusive().one(&holder).await?;
    assert_eq!(locked.map(|row| row.id), Some(draft.id));
    let submit = desk.world.clinic.intake().submit(draft.id, None);
    let submitted = tokio::time::timeout(Duration::from_secs(2), submit).await?;
    assert!(matches!(submitted, Err(BookingError::InvalidResponses { .. })), "{submitted:?}");
    Ok(())
}

/// The validated answers are the submitted ones, although the row is not locked meanwhile.
#[tokio::test]
async fn answers_that_change_during_a_submission_are_validated_again() -> Result<()> {
    let desk = Desk::open().await?;
    let elsewhere = desk.world.clinic_elsewhere().await?;
    let right = || json!({"name": "Ann", "allergies": []});
    for _ in 0..5 {
        let draft = desk.draft(right()).await?;
        let changes = (0..8).map(|n| {
            let (tenant, answers) = (elsewhere.clone(), if n % 2 == 0 { json!({}) } else { right() });
            async move { tenant.intake().update_draft(draft.id, answers, None).await.map(drop) }
        });
        let submit = desk.world.clinic.intake().submit(draft.id, None);
        let (submitted, _) = tokio::join!(submit, join_all(changes));
        match submitted {
            Ok(row) => assert_eq!(row.responses, right()),
            Err(BookingError::InvalidResponses { .. }) => {}
            Err(other) => return Err(other.into()),
        }
    }
    Ok(())
}
