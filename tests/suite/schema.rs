//! The schema that the migrations create, and the entities generated from it.

use std::collections::BTreeSet;

use anyhow::{Context, Result};
use sea_orm::{
    ConnectOptions, ConnectionTrait, Database, DatabaseConnection, DbBackend, Statement, TransactionTrait,
};
use sea_orm_migration::MigratorTrait;
use watertight_migration::{HashPartitions, Migrator, Settings, TenantMigrator, tenant_keys};
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

/// The outcomes of the same change on several connections at once.
async fn at_once<F: Future<Output = T> + Send + 'static, T: Send + 'static>(
    database: &TestDatabase,
    change: impl Fn(DatabaseConnection) -> F,
) -> Result<Vec<T>> {
    let mut tasks = Vec::new();
    for _ in 0..5 {
        tasks.push(tokio::spawn(change(database.owner().await?)));
    }
    let mut outcomes = Vec::new();
    for task in tasks {
        outcomes.push(task.await?);
    }
    Ok(outcomes)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn concurrent_migrators_run_one_after_another() -> Result<()> {
    let database = TestDatabase::empty().await?;
    let up = at_once(&database, |owner| async move { Migrator::up(&owner, None).await }).await?;
    up.into_iter().collect::<Result<Vec<_>, _>>()?;
    let owner = database.owner().await?;
    assert_eq!(Migrator::get_pending_migrations(&owner).await?.len(), 0);
    let down = at_once(&database, |owner| async move { Migrator::down(&owner, Some(1)).await }).await?;
    down.into_iter().collect::<Result<Vec<_>, _>>()?;
    assert_eq!(Migrator::get_pending_migrations(&owner).await?.len(), 5, "each went down by one");

    let partitioned =
        || TenantMigrator::new(Settings::from_env()).then(|| vec![Box::new(HashPartitions::new(4))]);
    let up = at_once(&database, |owner| async move {
        sea_orm_migration::MigratorTraitSelf::up(&partitioned(), &owner, None).await
    })
    .await?;
    up.into_iter().collect::<Result<Vec<_>, _>>()?;
    let left = sea_orm_migration::MigratorTraitSelf::get_pending_migrations(&partitioned(), &owner).await?;
    assert_eq!(left.len(), 0);
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn concurrent_looks_at_the_migrations_create_one_table() -> Result<()> {
    let database = TestDatabase::empty().await?;
    let looks = at_once(&database, |owner| async move {
        Migrator::get_pending_migrations(&owner).await.map(|pending| pending.len())
    })
    .await?;
    let looks = looks.into_iter().collect::<Result<BTreeSet<_>, _>>()?;
    assert_eq!(looks, [Migrator::migrations().len()].into());
    Ok(())
}

#[tokio::test]
async fn migrations_run_on_one_connection_and_in_a_transaction() -> Result<()> {
    let database = TestDatabase::empty().await?;
    let mut options = ConnectOptions::new(database.owner_url());
    options.max_connections(1);
    let owner = Database::connect(options).await?;
    let transaction = owner.begin().await?;
    Migrator::up(&transaction, None).await?;
    transaction.rollback().await?;
    Migrator::up(&owner, None).await?;
    assert_eq!(Migrator::get_pending_migrations(&owner).await?.len(), 0);
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn concurrent_changes_of_the_verification_do_not_fail() -> Result<()> {
    let database = TestDatabase::create().await?;
    let changed = at_once(&database, |owner| async move {
        for _ in 0..5 {
            tenant_keys::waive(&owner).await?;
            tenant_keys::require(&owner).await?;
        }
        Ok::<_, tenant_keys::TenantKeysError>(())
    })
    .await?;
    changed.into_iter().collect::<Result<Vec<_>, _>>()?;
    assert!(tenant_keys::is_signed(&database.owner().await?).await?);
    Ok(())
}
