//! The third layer: keys that contain the tenant, tested without the other two layers.

use anyhow::{Context, Result};
use chrono::{TimeDelta, Utc};
use sea_orm::{ActiveModelTrait, ConnectionTrait, DbBackend, SqlErr, Statement};
use watertight_tests::TestDatabase;

use crate::rows;

#[tokio::test]
async fn a_row_cannot_refer_to_another_tenants() -> Result<()> {
    let database = TestDatabase::create().await?;
    let (clinic, studio) = database.two_tenants().await?;
    let at_clinic = rows::business(&clinic).await?;
    let at_studio = rows::business(&studio).await?;
    let tomorrow = Utc::now() + TimeDelta::days(1);
    let crossed = rows::booking("CROSSED", &at_studio.services[0], &at_clinic.clients[0], tomorrow);
    let error = crossed.insert(&studio).await.unwrap_err();
    assert!(matches!(error.sql_err(), Some(SqlErr::ForeignKeyConstraintViolation(_))), "{error}");
    Ok(())
}

async fn rows_of(owner: &impl ConnectionTrait, sql: &str) -> Result<Vec<(String, String)>> {
    let rows = owner.query_all_raw(Statement::from_string(DbBackend::Postgres, sql)).await?;
    rows.iter().map(|row| row.try_get_many_by_index().context("two texts")).collect()
}

#[tokio::test]
async fn every_key_starts_with_the_tenant() -> Result<()> {
    let database = TestDatabase::create().await?;
    let owner = database.owner().await?;
    let keys = rows_of(
        &owner,
        "SELECT i.indexrelid::regclass::text, a.attname::text \
         FROM pg_index i JOIN pg_class c ON c.oid = i.indrelid JOIN pg_namespace n ON n.oid = c.relnamespace \
         JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = i.indkey[0] \
         WHERE n.nspname IN ('auth', 'public') AND c.relname <> 'seaql_migrations'",
    )
    .await?;
    assert!(keys.len() > 24);
    for (index, first) in keys {
        assert_eq!(first, "tenant_id", "{index}");
    }
    Ok(())
}

#[tokio::test]
async fn every_foreign_key_contains_the_tenant_on_both_sides() -> Result<()> {
    let database = TestDatabase::create().await?;
    let owner = database.owner().await?;
    let keys = rows_of(
        &owner,
        "SELECT k.conname::text, format('%s -> %s', a.attname, b.attname) FROM pg_constraint k \
         JOIN pg_attribute a ON a.attrelid = k.conrelid AND a.attnum = k.conkey[1] \
         JOIN pg_attribute b ON b.attrelid = k.confrelid AND b.attnum = k.confkey[1] WHERE k.contype = 'f'",
    )
    .await?;
    assert!(keys.len() >= 15, "{keys:?}");
    for (key, columns) in keys {
        assert_eq!(columns, "tenant_id -> tenant_id", "{key}");
    }
    Ok(())
}
