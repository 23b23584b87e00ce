//! A database of the original is adopted into the schemas of the table sets, and requires the sets of its
//! tables.

use anyhow::Result;
use sea_orm::ConnectionTrait;
use sea_orm_migration::MigratorTraitSelf;
use watertight_migration::adopt::{Adoption, AdoptionError};
use watertight_migration::{Settings, TableSet, TableSets, TenantMigrator};
use watertight_tests::TestDatabase;

use super::{listing, texts, with_rows};

const SCHEMAS: &str =
    "auth=identity,content=site,booking=studio,certificates=\"Odd\",intake=studio,history=old";

fn settings(table_sets: &str) -> Settings {
    Settings::from_env().with_table_sets(table_sets.parse().unwrap())
}

fn adoption(table_sets: &str) -> Adoption {
    Adoption::new(settings(table_sets)).time_zone("America/New_York")
}

/// The catalog of a fresh database with these table sets.
async fn migrated(table_sets: &str) -> Result<Vec<String>> {
    let database = TestDatabase::empty().await?;
    let owner = database.owner().await?;
    TenantMigrator::new(settings(table_sets)).up(&owner, None).await?;
    listing::catalog(&owner).await
}

#[tokio::test]
async fn tables_are_adopted_into_other_schemas() -> Result<()> {
    let (_database, owner) = with_rows().await?;
    let plan = adoption(SCHEMAS).plan(&owner).await?;
    assert_eq!(plan.problems(), []);
    let report = adoption(SCHEMAS).run(&owner).await?;
    assert_eq!(report.tables.len(), 24);
    let users = report.tables.iter().find(|table| table.from == "auth.users").unwrap();
    assert_eq!((users.to.as_str(), users.rows > 0), ("identity.users", true));
    // The original's schema stays and is empty.
    owner.execute_unprepared("DROP SCHEMA auth").await?;
    listing::assert_same(&listing::catalog(&owner).await?, &migrated(SCHEMAS).await?);
    assert!(TenantMigrator::new(settings(SCHEMAS)).get_pending_migrations(&owner).await?.is_empty());
    Ok(())
}

#[tokio::test]
async fn problems_name_the_originals_table() -> Result<()> {
    let (_database, owner) = with_rows().await?;
    let crossed = "UPDATE public.bookings SET client_id = (SELECT c.id FROM public.clients c \
                   WHERE c.tenant_id <> bookings.tenant_id LIMIT 1) \
                   WHERE id = (SELECT id FROM public.bookings ORDER BY id LIMIT 1)";
    owner.execute_unprepared(crossed).await?;
    let error = adoption(SCHEMAS).run(&owner).await.unwrap_err().to_string();
    assert!(error.contains("public.bookings (client_id): refers to a row of public.clients that"), "{error}");
    Ok(())
}

#[tokio::test]
async fn a_set_that_the_database_needs_has_to_be_chosen() -> Result<()> {
    for (chosen, missing, remedy) in [
        ("none", TableSet::ALL.to_vec(), "auth,content,booking,certificates,intake,history"),
        (
            "auth=identity,booking",
            vec![TableSet::Certificates, TableSet::Intake, TableSet::History],
            "auth=identity,content,booking,certificates,intake,history",
        ),
        (
            "content,booking,certificates,intake,history",
            vec![TableSet::Auth],
            "auth,content,booking,certificates,intake,history",
        ),
    ] {
        let (_database, owner) = with_rows().await?;
        let before = listing::everything(&owner).await?;
        let error = adoption(chosen).run(&owner).await.unwrap_err();
        assert!(error.to_string().contains(&format!("WATERTIGHT_TABLE_SETS={remedy}")), "{error}");
        match error {
            AdoptionError::TableSetNotChosen { sets, with_them } => {
                assert_eq!((sets, with_them.as_str()), (missing, remedy));
                assert!(with_them.parse::<TableSets>().is_ok());
            }
            other => panic!("{other}"),
        }
        listing::assert_same(&listing::everything(&owner).await?, &before);
    }
    Ok(())
}

#[tokio::test]
async fn business_tables_are_adopted_without_authentication() -> Result<()> {
    let chosen = "content,booking,certificates,intake,history";
    let (_database, owner) = with_rows().await?;
    owner.execute_unprepared("DROP SCHEMA auth CASCADE").await?;
    let error = adoption("all").run(&owner).await.unwrap_err();
    assert!(matches!(error, AdoptionError::NotTheOriginal { .. }), "{error}");
    let report = adoption(chosen).run(&owner).await?;
    assert_eq!(report.tables.len(), 24 - TableSet::Auth.tables().len());
    listing::assert_same(&listing::catalog(&owner).await?, &migrated(chosen).await?);
    Ok(())
}

#[tokio::test]
async fn another_systems_database_is_not_adopted_with_any_table_sets() -> Result<()> {
    for chosen in ["none", "auth", "booking", "all"] {
        let database = TestDatabase::empty().await?;
        let owner = database.owner().await?;
        // Tables with the original's names but other columns are not the original's.
        owner
            .execute_unprepared(
                "CREATE TABLE public.services (id int); CREATE TABLE public.payments (id int)",
            )
            .await?;
        let error = adoption(chosen).run(&owner).await.unwrap_err();
        assert!(matches!(error, AdoptionError::NotTheOriginal { .. }), "{chosen}: {error}");
        assert_eq!(
            texts(&owner, "SELECT nspname FROM pg_namespace WHERE nspname = 'watertight'").await?,
            [""; 0]
        );
    }
    Ok(())
}
