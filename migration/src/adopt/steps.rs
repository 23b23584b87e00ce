//! The SQL that adopts a database, in order.

use std::collections::BTreeSet;

use sea_orm_migration::{
    prelude::{Alias, PostgresQueryBuilder},
    sea_orm::{DbBackend, Schema},
    seaql_migrations,
};

use watertight_schema::TableSet;
use watertight_schema::sql::{self, literal};

use super::catalog::Catalog;
use super::original::{Context, Original, Place};
use super::plan::Step;
use crate::{
    Settings, TableError, TenantTable, access, chosen, m20260101_000014_booking_payments as booking_payments,
    m20260101_000014_history_currency as history_currency, m20260101_000014_purchase_items as purchase_items,
    name,
};

/// The migrations with their SQL, up to the first whose SQL is known only when it runs.
pub(super) fn migrations(settings: &Settings) -> Result<Vec<(String, Vec<String>)>, TableError> {
    let mut known = Vec::new();
    for migration in chosen(settings) {
        let Some(statements) = migration.statements(settings)? else { break };
        known.push((migration.name().to_owned(), statements));
    }
    Ok(known)
}

pub(super) fn steps(
    settings: &Settings,
    catalog: &Catalog,
    originals: &[Original],
    time_zone: Option<&str>,
    convert_names: bool,
    migrations: &[(String, Vec<String>)],
    all: &[TenantTable],
) -> Result<Vec<Step>, TableError> {
    name::check("table", settings.migration_table())?;
    let mut sql = before(catalog, originals);
    sql.extend(aside(originals));
    sql.push(migration_table(settings));
    for schema in schemas(settings) {
        // The original has the schemas `auth` and `public`.
        if !originals.iter().any(|original| original.schema() == schema) && schema != "public" {
            sql.push(access::schema_if_missing(&schema));
        }
        sql.push(access::schema_grant(settings, &schema));
    }
    sql.push(access::migration_table_grant(settings));
    sql.extend(migrations.iter().flat_map(|(_, statements)| statements.clone()));

    let adopted = |set: TableSet| originals.iter().any(|original| original.set == set);
    // The original's rows break these rules until they are completed.
    if adopted(TableSet::Booking) {
        sql.push(booking_payments::without_status_rule(settings));
    }
    if adopted(TableSet::Certificates) {
        sql.extend(purchase_items::without_identities(settings));
    }
    let mut steps: Vec<Step> = sql.into_iter().map(Step::plain).collect();
    for original in originals {
        if let Some(found) = catalog.find(original) {
            steps.extend(copy(original, &Context { found, place: Place::Aside, time_zone, convert_names }));
        }
    }
    let mut completed = Vec::new();
    if adopted(TableSet::Booking) {
        completed.extend(booking_payments::entries_of_earlier_rows(settings));
        completed.push(booking_payments::status_rule(settings));
    }
    if adopted(TableSet::Certificates) {
        completed.extend(purchase_items::identities_of_earlier_rows(settings));
    }
    if adopted(TableSet::History) {
        completed.extend(history_currency::currencies_of_earlier_rows(settings));
    }
    steps.extend(completed.into_iter().map(Step::plain));
    steps.extend(after(settings, originals, migrations, all).into_iter().map(Step::plain));
    Ok(steps)
}

impl Step {
    fn plain(sql: String) -> Self {
        Self { sql, copies: None }
    }
}

/// The statements that run before the first row is read.
pub(super) fn before(catalog: &Catalog, originals: &[Original]) -> Vec<String> {
    let mut sql = vec![STANDARD_STRINGS.to_owned(), lock(originals)];
    sql.extend(unforce(catalog, originals));
    sql
}

/// Locks the tables against readers and writers.
pub(super) fn lock(originals: &[Original]) -> String {
    let table = |original: &Original| Place::InUse.table(original.schema(), original.name());
    let tables: Vec<String> = originals.iter().map(table).collect();
    format!("LOCK TABLE {} IN ACCESS EXCLUSIVE MODE", tables.join(", "))
}

/// Makes backslashes in string literals plain characters, regardless of the server's settings.
pub(super) const STANDARD_STRINGS: &str = "SET LOCAL standard_conforming_strings = on";

/// Lets the owner see the rows of all tenants.
pub(super) fn unforce(catalog: &Catalog, originals: &[Original]) -> Vec<String> {
    let forced = |original: &&Original| catalog.find(original).is_some_and(|found| found.forced);
    originals
        .iter()
        .filter(forced)
        .map(|original| {
            let table = Place::InUse.table(original.schema(), original.name());
            format!("ALTER TABLE {table} NO FORCE ROW LEVEL SECURITY")
        })
        .collect()
}

/// Moves the original's tables to other schemas. Indexes and constraints move with them, and their names
/// become free.
fn aside(originals: &[Original]) -> Vec<String> {
    let mut sql: Vec<String> = schemas_aside(originals)
        .iter()
        .map(|schema| format!("CREATE SCHEMA {}", sql::identifier(schema)))
        .collect();
    sql.extend(originals.iter().map(|original| {
        let table = Place::InUse.table(original.schema(), original.name());
        format!("ALTER TABLE {table} SET SCHEMA {}", sql::identifier(&Place::Aside.schema(original.schema())))
    }));
    sql
}

/// The schemas of the new tables, and the migration table's.
pub(super) fn schemas(settings: &Settings) -> Vec<String> {
    let sets = settings.table_sets();
    let schemas = sets.iter().map(|set| sets.schema(set)).chain([TableSet::Content.schema()]);
    schemas.map(str::to_owned).collect::<BTreeSet<_>>().into_iter().collect()
}

fn schemas_aside(originals: &[Original]) -> Vec<String> {
    let mut schemas: Vec<String> =
        originals.iter().map(|original| Place::Aside.schema(original.schema())).collect();
    schemas.dedup();
    schemas
}

/// The table of migrations, as sea-orm-migration creates it.
fn migration_table(settings: &Settings) -> String {
    Schema::new(DbBackend::Postgres)
        .create_table_from_entity(seaql_migrations::Entity)
        .table(Alias::new(settings.migration_table()))
        .if_not_exists()
        .to_string(PostgresQueryBuilder)
}

/// Copies a table's rows. The policies of the new table would bind its owner, who writes the rows of all
/// tenants here; hence the `NO FORCE`.
fn copy(original: &Original, context: &Context) -> [Step; 4] {
    let (old, new) = (context.place.table(original.schema(), original.name()), original.new.quoted());
    let values = original.values(context);
    let columns: Vec<String> = values.iter().map(|(name, _)| sql::identifier(name)).collect();
    let values: Vec<String> = values.into_iter().map(|(_, sql)| sql).collect();
    let (columns, values) = (columns.join(", "), values.join(", "));
    let name = original.new.full_name();
    let compare = format!(
        "DO $$ BEGIN IF (SELECT count(*) FROM {old}) <> (SELECT count(*) FROM {new}) THEN \
         RAISE EXCEPTION 'not every row of {name} was copied'; END IF; END $$"
    );
    [
        Step::plain(format!("ALTER TABLE {new} NO FORCE ROW LEVEL SECURITY")),
        Step {
            sql: format!("INSERT INTO {new} ({columns}) SELECT {values} FROM {old} AS o"),
            copies: Some((original.full_name(), name)),
        },
        Step::plain(compare),
        Step::plain(format!("ALTER TABLE {new} FORCE ROW LEVEL SECURITY")),
    ]
}

/// Drops the old tables without `CASCADE`: the adoption fails if an unknown object depends on one of them.
fn after(
    settings: &Settings,
    originals: &[Original],
    migrations: &[(String, Vec<String>)],
    all: &[TenantTable],
) -> Vec<String> {
    let table = |original: &Original| Place::Aside.table(original.schema(), original.name());
    let tables: Vec<String> = originals.iter().map(table).collect();
    let mut sql = vec![format!("DROP TABLE {}", tables.join(", "))];
    sql.extend(
        schemas_aside(originals).iter().map(|schema| format!("DROP SCHEMA {}", sql::identifier(schema))),
    );
    let applied: Vec<String> = migrations
        .iter()
        .map(|(name, _)| format!("({}, extract(epoch FROM CURRENT_TIMESTAMP)::bigint)", literal(name)))
        .collect();
    sql.push(format!(
        "INSERT INTO {} (\"version\", \"applied_at\") VALUES {}",
        sql::identifier(settings.migration_table()),
        applied.join(", ")
    ));
    sql.push(protected(settings, all));
    sql
}

/// Checks that row-level security is enabled on all tables, and that the application's role can reach them.
///
/// Only the owner of a schema can grant its use. For any other role PostgreSQL reports a warning and grants
/// nothing.
fn protected(settings: &Settings, all: &[TenantTable]) -> String {
    let tables: Vec<String> = all.iter().map(|table| literal(&table.full_name())).collect();
    let role = literal(settings.app_role());
    format!(
        "DO $watertight$ BEGIN IF (SELECT count(*) FROM pg_catalog.pg_class c \
         JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace \
         WHERE n.nspname || '.' || c.relname IN ({}) AND c.relrowsecurity AND c.relforcerowsecurity \
         AND has_schema_privilege({role}, n.oid, 'USAGE') AND has_table_privilege({role}, c.oid, 'SELECT')) <> {} THEN \
         RAISE EXCEPTION 'not every table is protected by row-level security and open to the application''s role: \
         adopt as the owner of both schemas'; END IF; END $watertight$",
        tables.join(", "),
        tables.len()
    )
}
