//! A database of the original is adopted completely, or not at all.

mod done;
pub(crate) mod listing;
mod names;
mod people;
mod random;
mod refused;
mod script;
mod sets;
mod turkish;
mod values;

use anyhow::Result;
use sea_orm::{ConnectionTrait, DatabaseConnection, DbBackend, Statement, TransactionTrait};
use watertight_migration::{Settings, adopt::Adoption};
use watertight_tests::TestDatabase;

pub(crate) const CLINIC: &str = "c0000000-0000-4000-8000-000000000000";
pub(crate) const STUDIO: &str = "50000000-0000-4000-8000-000000000000";

/// The original's tables without rows.
pub(crate) async fn original() -> Result<(TestDatabase, DatabaseConnection)> {
    let database = TestDatabase::empty().await?;
    let owner = database.owner().await?;
    owner.execute_unprepared(include_str!("adopt/original.sql")).await?;
    Ok((database, owner))
}

/// The original's tables with rows of three tenants.
pub(crate) async fn with_rows() -> Result<(TestDatabase, DatabaseConnection)> {
    let (database, owner) = original().await?;
    plant(&owner, include_str!("adopt/rows.sql")).await?;
    Ok((database, owner))
}

/// Runs statements in one transaction.
pub(crate) async fn plant(owner: &DatabaseConnection, sql: &str) -> Result<()> {
    let transaction = owner.begin().await?;
    transaction.execute_unprepared(sql).await?;
    Ok(transaction.commit().await?)
}

pub(crate) fn adoption() -> Adoption {
    Adoption::new(Settings::from_env()).time_zone("America/New_York")
}

/// The first column of a query's rows, as texts.
pub(crate) async fn texts(db: &impl ConnectionTrait, sql: &str) -> Result<Vec<String>> {
    let rows = db.query_all_raw(Statement::from_string(DbBackend::Postgres, sql)).await?;
    Ok(rows.iter().map(|row| row.try_get_by_index(0)).collect::<Result<_, _>>()?)
}
