//! Saves the answers to a form, and submits them twice: first refused, then accepted and final. Run it with
//! `cargo run --example intake` on a migrated database.

use serde_json::json;
use watertight::BookingError;
use watertight::intake::NewSubmission;
use watertight::scheduling::NewClient;
use watertight::{TenantId, Watertight};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let water = Watertight::connect_from_env().await?;
    let tenant = water.tenant(TenantId::new(uuid::Uuid::new_v4())?);
    let intake = tenant.intake();
    let priya = NewClient::new("Priya", "Nair", "priya@example.com".parse()?);
    let priya = tenant.scheduling().save_client(&priya).await?;

    let schema = json!({
        "type": "object",
        "required": ["allergies", "pregnant"],
        "properties": {
            "allergies": {"type": "array", "items": {"type": "string"}},
            "pregnant": {"type": "boolean"},
        },
    });
    let form = intake.create_template("massage", "Before your massage", &schema).await?;
    let draft = NewSubmission {
        template: form.id,
        client: priya.id,
        booking: None,
        responses: json!({"allergies": "nuts"}),
        pain_areas: None,
        consent_text: "I agree to be treated.".into(),
    };
    let draft = intake.save_draft(&draft).await?;
    let Err(BookingError::InvalidResponses { violations }) = intake.submit(draft.id, None).await else {
        return Err("the answers do not fit".into());
    };
    let places: Vec<_> = violations.iter().map(|violation| violation.path.as_str()).collect();
    assert_eq!(places, ["", "/allergies"]);

    intake.update_draft(draft.id, json!({"allergies": ["nuts"], "pregnant": false}), None).await?;
    let submitted = intake.submit(draft.id, Some("192.0.2.7".parse()?)).await?;
    assert!(submitted.consented_at.is_some());
    assert!(matches!(
        intake.update_draft(draft.id, json!({}), None).await,
        Err(BookingError::InvalidTransition { .. })
    ));
    intake.review(submitted.id, "maya", Some(json!({"note": "no nut oil"}))).await?;
    Ok(())
}
