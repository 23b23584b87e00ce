//! The schema that the migrations create, and the entities generated from it.

use std::collections::BTreeSet;

use anyhow::{Context, Result};
use sea_orm::{ConnectionTrait, Database, DbBackend, Statement};
use sea_orm_migration::MigratorTrait;
use watertight_migration::Migrator;
use watertight_tests::TestDatabase;

async fn texts(db: &impl ConnectionTrait, sql: &str) -> Result<BTreeSet<String>> {
    let rows = db.query_all_raw(Statement::from_string(DbBackend::Postgres, sql)).await?;
    rows.iter().map(|row| row.try_get_by_index(0).context("a text")).collect()
}

const OBJECTS: &str = "SELECT format('%s %s', c.relkind, c.oid::regclass) FROM pg_class c \
    JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname IN ('auth', 'public') \
    UNION SELECT format('constraint %s %s', conrelid::regclass, pg_get_constraintdef(oid)) FROM pg_constraint \
    WHERE connamespace IN (SELECT oid FROM pg_namespace WHERE nspname IN ('auth', 'public'))";

#[tokio::test]
async fn migrations_go_down_to_nothing_and_up_to_the_same() -> Result<()> {
    let database = TestDatabase::create().await?;
    let owner = database.owner().await?;
    let before = texts(&owner, OBJECTS).await?;
    Migrator::down(&owner, None).await?;
    let left = texts(&owner, OBJECTS).await?;
    assert!(left.iter().all(|object| object.contains("seaql_migrations")), "{left:?}");
    assert!(texts(&owner, "SELECT nspname FROM pg_namespace WHERE nspname = 'auth'").await?.is_empty());
    Migrator::up(&owner, None).await?;
    assert_eq!(texts(&owner, OBJECTS).await?, before);
    Migrator::refresh(&owner).await?;
    assert_eq!(texts(&owner, OBJECTS).await?, before);
    Ok(())
}

#[tokio::test]
async fn one_migration_at_a_time_goes_down_and_up() -> Result<()> {
    let database = TestDatabase::create().await?;
    let owner = database.owner().await?;
    let count = Migrator::migrations().len();
    for applied in (0..count).rev() {
        Migrator::down(&owner, Some(1)).await?;
        assert_eq!(Migrator::get_applied_migrations(&owner).await?.len(), applied);
    }
    for applied in 1..=count {
        Migrator::up(&owner, Some(1)).await?;
        assert_eq!(Migrator::get_pending_migrations(&owner).await?.len(), count - applied);
    }
    Ok(())
}

#[tokio::test]
async fn the_application_reads_and_appends_to_the_audit_trail_and_no_more() -> Result<()> {
    let database = TestDatabase::create().await?;
    let app = Database::connect(database.app_url()).await?;
    for sql in [
        "UPDATE auth.audit_events SET type = 'X'",
        "DELETE FROM auth.audit_events",
        "TRUNCATE auth.audit_events",
        "TRUNCATE auth.users CASCADE",
        "ALTER TABLE auth.users DISABLE ROW LEVEL SECURITY",
        "CREATE TABLE public.mine (id int)",
        "INSERT INTO public.seaql_migrations VALUES ('x', 1)",
    ] {
        let error = app.execute_unprepared(sql).await.expect_err(sql).to_string();
        assert!(error.contains("permission denied") || error.contains("must be owner"), "{sql}: {error}");
    }
    Ok(())
}
