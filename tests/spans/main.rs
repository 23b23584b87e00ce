//! What is traced tells the tenant and the kind of statement, and no value.
//!
//! In a binary of its own: which spans are recorded is decided once a process, and other tests record none.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::io::Write;
use std::sync::{Arc, Mutex};

use anyhow::Result;
use sea_orm::{ActiveModelTrait, DbBackend, Set, Statement};
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::fmt::format::FmtSpan;
use tracing_subscriber::prelude::*;
use watertight::Watertight;
use watertight::entity::public::services;
use watertight_tests::TestDatabase;

#[derive(Clone, Default)]
struct Written(Arc<Mutex<Vec<u8>>>);

impl Write for Written {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn spans_tell_the_tenant_and_no_value() -> Result<()> {
    let database = TestDatabase::create().await?;
    let (clinic, _) = database.two_tenants().await?;
    let written = Written::default();
    let writer = written.clone();
    let lines = tracing_subscriber::fmt::layer()
        .with_ansi(false)
        .with_span_events(FmtSpan::NEW)
        .with_writer(move || writer.clone())
        .with_filter(Targets::new().with_target("watertight", LevelFilter::TRACE));
    let guard = tracing_subscriber::registry().with(lines).set_default();

    let service = services::ActiveModel {
        name: Set("a value that is bound".to_owned()),
        duration_minutes: Set(60),
        price_cents: Set(9_000),
        ..Default::default()
    };
    service.insert(&clinic).await?;
    let transaction = clinic.begin().await?;
    transaction.commit().await?;
    let refused = "SELECT 'a value in the text' FROM secrets WHERE tenant = $1";
    let statement = Statement::from_sql_and_values(DbBackend::Postgres, refused, ["a value refused".into()]);
    clinic.query_all_raw(statement).await.unwrap_err();
    let reporting = database.water_with(Watertight::builder().dangerous_report_only()).await?;
    let refused = "SELECT name, inet_client_port(), $1::text FROM services WHERE name <> 'a value in the text' -- a value";
    let statement = Statement::from_sql_and_values(DbBackend::Postgres, refused, ["a value reported".into()]);
    assert!(reporting.tenant(clinic.tenant_id()).query_one_raw(statement).await?.is_some());
    drop(guard);

    let text = String::from_utf8(written.0.lock().unwrap().clone())?;
    let tenant = format!("tenant_id={}", clinic.tenant_id());
    for span in ["query_one_raw", "query_all_raw", "begin_with_options", "commit"] {
        assert!(text.lines().any(|line| line.contains(span) && line.contains(&tenant)), "{span}: {text}");
    }
    assert!(text.contains("statement=\"INSERT\"") && text.contains("refused"), "{text}");
    assert!(!text.contains("a value"), "{text}");
    let reported = text.lines().find(|line| line.contains("report only")).unwrap();
    for part in ["WARN", &tenant, "unknown_function", "inet_client_port", "fingerprint=", "WHERE name <> ?"] {
        assert!(reported.contains(part), "{part}: {reported}");
    }
    Ok(())
}
