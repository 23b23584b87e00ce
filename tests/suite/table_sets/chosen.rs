//! The tables, schemas, policies and rights of each choice.

use std::collections::BTreeSet;

use anyhow::Result;
use async_trait::async_trait;
use sea_orm::{ConnectionTrait, Database, DatabaseConnection, TransactionTrait};
use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::text;
use sea_orm_migration::{MigrationTrait, MigratorTraitSelf};
use watertight_migration::{Settings, TableSets, TenantMigrator, TenantTable};
use watertight_tests::{TestDatabase, new_tenant};

use super::{MIGRATION_TABLE, empty, migrate, migrator, objects, roll_back, sets};
use crate::adopt::texts;

/// Choices of table sets, each with the sets that it includes.
const CHOICES: [(&str, usize); 8] = [
    ("none", 0),
    ("auth", 1),
    ("booking", 2),
    ("history", 1),
    ("certificates,intake", 4),
    ("all", 6),
    ("auth=identity,content=site,booking=studio,certificates=studio,intake=\"Intake\",history=old", 6),
    ("auth=app,content=app,booking=app,history=app", 4),
];

const CORE: [&str; 12] = [
    "schema watertight",
    "r watertight.tenant_keys",
    "r watertight.numbers",
    "type watertight.tenant_token",
    "function watertight.tenant",
    "function watertight.enter",
    "function watertight.no_tenant",
    "r watertight.cross_tenant_access",
    "S watertight.cross_tenant_access_id_seq",
    "function watertight.record_access",
    "function watertight.keep_access",
    MIGRATION_TABLE,
];

/// The objects that a choice creates, derived from the sets and not from the migrations.
fn expected(sets: &TableSets) -> BTreeSet<String> {
    let mut objects: BTreeSet<String> = CORE.map(str::to_owned).into();
    for set in sets.iter() {
        let schema = sets.schema(set);
        if schema != "public" {
            objects.insert(format!("schema {schema}"));
        }
        let schema = quoted(schema);
        objects.extend(set.tables().iter().map(|table| format!("r {schema}.{table}")));
        match set.name() {
            "auth" => objects.extend([
                format!("function {schema}.used_backup_codes_are_final"),
                format!("function {schema}.standing_ends_sessions"),
            ]),
            "certificates" => objects.extend([format!("function {schema}.redemptions_are_final")]),
            "history" => objects.extend([format!("function {schema}.reconciliations_are_final")]),
            "booking" => objects.extend([
                format!("type {schema}.uuidrange"),
                format!("function {schema}.booking_ledger_agrees"),
            ]),
            "intake" => objects.extend([format!("function {schema}.intake_consent_is_final")]),
            _ => {}
        }
    }
    objects
}

/// A schema's name as PostgreSQL's `%I` writes it.
fn quoted(schema: &str) -> String {
    let plain = schema.chars().all(|c| c.is_ascii_lowercase() || c == '_');
    if plain { schema.to_owned() } else { format!("\"{}\"", schema.replace('"', "\"\"")) }
}

/// The tables whose rows are not isolated by the verified tenant, or that the application cannot read and write.
const UNPROTECTED: &str = "SELECT c.oid::regclass::text FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace \
    WHERE c.relkind IN ('r', 'p') AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema' \
    AND c.relname NOT IN ('seaql_migrations', 'tenant_keys', 'cross_tenant_access') AND NOT (c.relrowsecurity AND c.relforcerowsecurity \
        AND has_schema_privilege('watertight_app', n.oid, 'USAGE') \
        AND has_table_privilege('watertight_app', c.oid, 'SELECT, INSERT') \
        AND EXISTS (SELECT FROM pg_policy p WHERE p.polrelid = c.oid AND p.polname = 'tenant_isolation' \
            AND pg_get_expr(p.polqual, c.oid) = '(tenant_id = ( SELECT watertight.tenant() AS tenant))' \
            AND pg_get_expr(p.polwithcheck, c.oid) = '(tenant_id = ( SELECT watertight.tenant() AS tenant))'))";

#[tokio::test]
async fn each_choice_creates_its_tables_and_rolls_back_to_nothing() -> Result<()> {
    for (text, count) in CHOICES {
        let (database, owner, before) = empty().await?;
        let sets = sets(text);
        assert_eq!(sets.iter().count(), count, "{text}");
        migrate(&owner, text).await?;
        let created: BTreeSet<String> = objects(&owner).await?.difference(&before).cloned().collect();
        assert_eq!(created, expected(&sets), "{text}");
        let unprotected = UNPROTECTED.replace("watertight_app", database.app_role());
        assert_eq!(texts(&owner, &unprotected).await?, [""; 0], "{text}");
        reads_migrations_and_writes_none(&database).await?;
        migrate(&owner, text).await?;
        roll_back(&owner, text, &before).await?;
    }
    Ok(())
}

/// The application can tell which migrations are applied.
async fn reads_migrations_and_writes_none(database: &TestDatabase) -> Result<()> {
    let app = Database::connect(database.app_url()).await?;
    let applied = texts(&app, "SELECT version FROM public.seaql_migrations").await?;
    assert!(applied.contains(&"m20260101_000009_signed_tenant".to_owned()), "{applied:?}");
    assert!(app.execute_unprepared("DELETE FROM public.seaql_migrations").await.is_err());
    assert!(texts(&app, "SELECT id::text FROM watertight.tenant_keys").await.is_err());
    Ok(())
}

#[tokio::test]
async fn one_migration_at_a_time_goes_down_and_up_in_schemas_that_sets_share() -> Result<()> {
    let (database, owner, before) = empty().await?;
    let text = "auth=app,content=app,booking=app,history=old";
    migrate(&owner, text).await?;
    let all = objects(&owner).await?;
    let count = migrator(text).migrations().len();
    for _ in 0..count {
        migrator(text).down(&owner, Some(1)).await?;
    }
    for _ in 0..count {
        migrator(text).up(&owner, Some(1)).await?;
    }
    assert_eq!(objects(&owner).await?, all);
    // One of the sets in the schema is left after the rollback of the migrations after it.
    migrator(text).down(&owner, Some((count - 1).try_into()?)).await?;
    let usage = "SELECT has_schema_privilege('watertight_app', 'app', 'USAGE')::text";
    let usage = usage.replace("watertight_app", database.app_role());
    assert_eq!(texts(&owner, &usage).await?, ["true"]);
    roll_back(&owner, text, &before).await
}

#[tokio::test]
async fn every_foreign_key_and_constraint_works_in_other_schemas() -> Result<()> {
    let (_database, owner, _) = empty().await?;
    migrate(&owner, "auth=identity,content=site,booking=studio").await?;
    let tenant = new_tenant()?.to_string();
    let transaction = owner.begin().await?;
    transaction.execute_unprepared(&format!("SELECT watertight.enter('{tenant}')")).await?;
    let booking = |code: &str| {
        format!(
            "WITH s AS (INSERT INTO site.services (tenant_id, name, duration_minutes, price_cents) \
                 VALUES ('{tenant}', 'Massage', 60, 0) RETURNING id), \
             c AS (INSERT INTO studio.clients (tenant_id, first_name, last_name, email) \
                 VALUES ('{tenant}', 'A', 'B', '{code}@example.com') RETURNING id) \
             INSERT INTO studio.bookings (tenant_id, confirmation_code, service_id, client_id, datetime, end_time, \
                 duration, amount_cents) \
             SELECT '{tenant}', '{code}', s.id, c.id, '2027-01-01 10:00Z', '2027-01-01 11:00Z', 60, 0 FROM s, c"
        )
    };
    transaction.execute_unprepared(&booking("a")).await?;
    let error = transaction.execute_unprepared(&booking("b")).await.unwrap_err().to_string();
    assert!(error.contains("bookings_overlap_excl"), "{error}");
    Ok(())
}

fn notes() -> TenantTable {
    TenantTable::new("public", "notes").col(text("body"))
}

struct CreateNotes;

impl MigrationName for CreateNotes {
    fn name(&self) -> &'static str {
        "m20270101_000001_create_notes"
    }
}

#[async_trait]
impl MigrationTrait for CreateNotes {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        notes().create(manager, &Settings::from_env()).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        notes().drop(manager).await
    }
}

async fn bodies(owner: &DatabaseConnection, tenant: &str) -> Result<Vec<String>> {
    let transaction = owner.begin().await?;
    transaction.execute_unprepared(&format!("SELECT watertight.enter('{tenant}')")).await?;
    texts(&transaction, "SELECT body FROM public.notes").await
}

#[tokio::test]
async fn an_application_isolates_its_own_table_without_a_table_of_watertight() -> Result<()> {
    let (_database, owner, before) = empty().await?;
    let settings = Settings::from_env().with_table_sets(TableSets::none());
    let migrator = TenantMigrator::new(settings).then(|| vec![Box::new(CreateNotes)]);
    migrator.up(&owner, None).await?;
    let (clinic, studio) = (new_tenant()?.to_string(), new_tenant()?.to_string());
    let transaction = owner.begin().await?;
    transaction.execute_unprepared(&format!("SELECT watertight.enter('{clinic}')")).await?;
    let insert =
        |tenant: &str| format!("INSERT INTO public.notes (tenant_id, body) VALUES ('{tenant}', 'mine')");
    transaction.execute_unprepared(&insert(&clinic)).await?;
    transaction.commit().await?;
    assert!(owner.execute_unprepared(&insert(&clinic)).await.is_err(), "no tenant is named");
    assert_eq!(bodies(&owner, &clinic).await?, ["mine"]);
    assert_eq!(bodies(&owner, &studio).await?, [""; 0]);
    migrator.down(&owner, Some(1)).await?;
    roll_back(&owner, "none", &before).await
}
