//! Each choice of table sets creates its tables in its schemas and nothing else, and rolls back to nothing.

mod chosen;
mod later;
mod malformed;

use std::collections::BTreeSet;

use anyhow::Result;
use sea_orm::{ConnectionTrait, DatabaseConnection};
use sea_orm_migration::MigratorTraitSelf;
use watertight_migration::{Settings, TableSets, TenantMigrator};
use watertight_tests::TestDatabase;

use crate::adopt::texts;

const MIGRATION_TABLE: &str = "r public.seaql_migrations";

/// The schemas, tables, sequences, types and functions that belong to no extension.
const OBJECTS: &str = "SELECT 'schema ' || nspname FROM pg_namespace WHERE nspname !~ '^pg_' \
        AND nspname <> 'information_schema' \
    UNION ALL SELECT format('%s %I.%I', c.relkind, n.nspname, c.relname) FROM pg_class c \
        JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname !~ '^pg_' \
        AND n.nspname <> 'information_schema' AND c.relkind IN ('r', 'p', 'v', 'm', 'S') \
    UNION ALL SELECT format('type %I.%I', n.nspname, t.typname) FROM pg_type t \
        JOIN pg_namespace n ON n.oid = t.typnamespace WHERE n.nspname !~ '^pg_' \
        AND n.nspname <> 'information_schema' AND t.typtype IN ('d', 'r', 'e') \
    UNION ALL SELECT format('function %I.%I', n.nspname, p.proname) FROM pg_proc p \
        JOIN pg_namespace n ON n.oid = p.pronamespace WHERE n.nspname !~ '^pg_' \
        AND n.nspname <> 'information_schema' AND NOT EXISTS (SELECT FROM pg_depend d \
            WHERE d.objid = p.oid AND d.deptype IN ('e', 'i'))";

/// The rights of the application's role on the migration table, if there is one.
const RIGHTS: &str = "SELECT a.privilege_type FROM pg_class c, aclexplode(c.relacl) a \
    WHERE c.oid = to_regclass('public.seaql_migrations') AND a.grantee <> c.relowner";

fn sets(text: &str) -> TableSets {
    text.parse().unwrap()
}

fn migrator(table_sets: &str) -> TenantMigrator {
    TenantMigrator::new(Settings::from_env().with_table_sets(sets(table_sets)))
}

async fn migrate(owner: &DatabaseConnection, table_sets: &str) -> Result<()> {
    Ok(migrator(table_sets).up(owner, None).await?)
}

async fn objects(owner: &DatabaseConnection) -> Result<BTreeSet<String>> {
    Ok(texts(owner, OBJECTS).await?.into_iter().collect())
}

/// An empty database, its owner, and the objects that every database has.
async fn empty() -> Result<(TestDatabase, DatabaseConnection, BTreeSet<String>)> {
    let database = TestDatabase::empty().await?;
    let owner = database.owner().await?;
    let role = texts(
        &owner,
        "SELECT rolname FROM pg_roles WHERE rolname = current_user AND NOT rolsuper \
                              AND NOT rolbypassrls AND NOT rolcreaterole",
    )
    .await?;
    assert_eq!(role, [database.owner_role()], "the owner has no right but to create databases and schemas");
    let before = objects(&owner).await?;
    Ok((database, owner, before))
}

/// Rolls everything back, and checks that only the table of migrations is left, without rows and grants.
async fn roll_back(owner: &DatabaseConnection, table_sets: &str, before: &BTreeSet<String>) -> Result<()> {
    migrator(table_sets).down(owner, None).await?;
    let left: BTreeSet<String> = objects(owner).await?.difference(before).cloned().collect();
    assert_eq!(left, BTreeSet::from([MIGRATION_TABLE.to_owned()]), "{table_sets}");
    assert_eq!(texts(owner, "SELECT version FROM public.seaql_migrations").await?, [""; 0], "{table_sets}");
    assert_eq!(texts(owner, RIGHTS).await?, [""; 0], "{table_sets}");
    owner.execute_unprepared("DROP TABLE public.seaql_migrations").await?;
    Ok(())
}
