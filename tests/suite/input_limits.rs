//! Texts and lists without a limit of their own, at the limit and one above.

use std::time::Duration;

use anyhow::Result;
use chrono::Days;
use serde_json::json;
use watertight::BookingError;
use watertight::auth::{AuditEventType, AuthError, NewAuditEvent};
use watertight::content::NewPractitioner;
use watertight::history::ImportedPayment;
use watertight::scheduling::SlotQuery;

use crate::auth::World;
use crate::history::payment;
use crate::scheduling::{Shop, at, client};

const TEXT: usize = 65_536;
const LIST: usize = 1_000;
const ROWS: usize = 10_000;

fn refused<T: std::fmt::Debug>(result: &Result<T, BookingError>, input: &str) {
    assert!(
        matches!(result, Err(BookingError::InvalidInput(error))
        if error.what == input && error.to_string().len() < 500),
        "{input}: {result:?}"
    );
}

#[tokio::test]
async fn texts_are_limited() -> Result<()> {
    let world = World::new().await?;
    let (content, scheduling) = (world.clinic.content(), world.clinic.scheduling());
    let maya = |bio| NewPractitioner {
        bio: Some("a".repeat(bio)),
        ..NewPractitioner::new("maya".parse().expect("a handle"), "Maya")
    };
    content.save_practitioner(&maya(TEXT)).await?;
    refused(&content.save_practitioner(&maya(TEXT + 1)).await, "bio");
    let mut ann = client("ann");
    ann.notes = Some("a".repeat(TEXT + 1));
    refused(&scheduling.save_client(&ann).await, "notes");
    ann.notes = Some("ä".repeat(TEXT));
    ann.custom_fields = Some(json!({"a": vec![1; 10_000]}));
    refused(&scheduling.save_client(&ann).await, "custom fields");
    ann.custom_fields = Some(json!({"a": vec![1; 9_998]}));
    scheduling.save_client(&ann).await?;
    Ok(())
}

#[tokio::test]
async fn lists_are_limited() -> Result<()> {
    let world = World::new().await?;
    let content = world.clinic.content();
    let maya = |credentials| NewPractitioner {
        credentials: vec!["RMT".into(); credentials],
        ..NewPractitioner::new("maya".parse().expect("a handle"), "Maya")
    };
    content.save_practitioner(&maya(LIST)).await?;
    refused(&content.save_practitioner(&maya(LIST + 1)).await, "credentials");
    let rows: Vec<ImportedPayment> = (0..=ROWS).map(|n| payment(&n.to_string(), None)).collect();
    refused(&world.clinic.history().import_payments(&rows).await, "imported rows");
    world.clinic.history().import_payments(&rows[1..]).await?;
    Ok(())
}

#[tokio::test]
async fn the_slots_of_a_query_are_limited() -> Result<()> {
    let world = World::new().await?;
    let handles = ["a", "b", "c", "d", "e", "f"];
    let shop = Shop::open(world.clinic.clone(), &handles).await?;
    let from = at("10:00").date_naive();
    let year = SlotQuery {
        step: Duration::from_mins(1),
        ..SlotQuery::new(shop.service.id, from, from + Days::new(365))
    };
    // 480 steps a day for six practitioners.
    refused(&shop.tenant.scheduling().free_slots(&year).await, "range");
    let half = SlotQuery { step: Duration::from_mins(2), ..year.clone() };
    assert!(shop.tenant.scheduling().free_slots(&half).await?.len() > 400_000);
    let one = SlotQuery { practitioner: Some(shop.practitioners[0].id), ..year };
    assert!(shop.tenant.scheduling().free_slots(&one).await?.len() > 100_000);
    Ok(())
}

#[tokio::test]
async fn accounts_and_audit_events_are_limited() -> Result<()> {
    let world = World::new().await?;
    let auth = world.clinic.auth();
    let audit = auth.audit();
    let event = |values| NewAuditEvent {
        details: json!({"a": vec![1; values]}),
        ..NewAuditEvent::new(AuditEventType::SystemConfigured)
    };
    audit.log(event(9_998)).await?;
    invalid(&audit.log(event(9_999)).await, "audit details");
    audit.log_all(vec![event(1); ROWS]).await?;
    invalid(&audit.log_all(vec![event(1); ROWS + 1]).await, "audit events");
    let agent = NewAuditEvent { user_agent: Some("a".repeat(TEXT + 1)), ..event(1) };
    invalid(&audit.log(agent).await, "user agent");
    Ok(())
}

fn invalid<T: std::fmt::Debug>(result: &Result<T, AuthError>, input: &str) {
    assert!(
        matches!(result, Err(AuthError::InvalidInput(error)) if error.what == input),
        "{input}: {result:?}"
    );
}
