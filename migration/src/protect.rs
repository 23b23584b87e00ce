//! Protects tables that another tool creates, such as the schema sync of SeaORM.

use sea_orm_migration::prelude::SchemaManager;
use sea_orm_migration::sea_orm;
use sea_orm_migration::sea_orm::{ConnectionTrait, DatabaseConnection, DbErr, FromQueryResult, Value};
use watertight_schema::isolation::TENANT_POLICY;
use watertight_schema::{TenantType, sql};

use crate::error::migration_error;
use crate::name::{self, Name};
use crate::{Settings, access, query, tenant_context};

/// Protects existing tables with row-level security, so that a tenant reaches only its own rows.
///
/// It is for tables that plain SQL or the schema sync of SeaORM creates: call it afterwards, at each start. A call changes only
/// what differs, in one transaction. Each table, `name` or `schema.name`, needs the tenant column of
/// the [settings](Settings::with_tenant_column) with the type of the tenant's key: the entity declares it. Then
///
/// - the tenant column is `NOT NULL` and never has the reserved value;
/// - row-level security is enabled and forced, with the tenant policy;
/// - the application's role can use the schema, read and change rows, and use the sequences of the table. `PUBLIC` has no
///   privilege on it.
///
/// Keys stay as they are, because the next sync drops a key that no entity has. A key without the tenant is global, and a foreign
/// key without the tenant can refer to a row of another tenant: the doctor reports both. In a production database every key
/// contains the tenant, as those of [`TenantTable`](crate::TenantTable) do.
///
/// ```no_run
/// use watertight_migration::{Settings, protect};
/// # use sea_orm_migration::sea_orm::{DatabaseConnection, DbErr};
/// # use watertight_migration::sea_orm_migration;
///
/// async fn prepare(owner: &DatabaseConnection) -> Result<(), DbErr> {
///     // owner.get_schema_registry("my_app::*").sync(owner).await?;
///     protect(owner, &Settings::from_env(), ["customers", "orders"]).await
/// }
/// ```
///
/// # Errors
///
/// [`DbErr::Migration`] for a table that does not exist, is not a table or lacks the tenant column, when the migrations of
/// watertight are not applied, or when the application's role does not exist; the errors of the database, for example when rows
/// have no tenant.
pub async fn protect(
    owner: &DatabaseConnection,
    settings: &Settings,
    tables: impl IntoIterator<Item = impl AsRef<str>>,
) -> Result<(), DbErr> {
    let names: Result<Vec<Name>, DbErr> = tables.into_iter().map(|table| parse(table.as_ref())).collect();
    let names = names?;
    let manager = SchemaManager::new(owner).begin().await?;
    let transaction = manager.get_connection();
    access::require_role(&manager, settings).await?;
    let prepared: bool =
        query::one(transaction, "SELECT to_regprocedure('watertight.tenant()') IS NOT NULL").await?;
    if !prepared {
        return Err(migration_error(
            "the database has no schema watertight, which row-level security needs; apply the migrations first, such as with \
             `watertight migrate --table-sets none`",
        ));
    }
    for name in &names {
        for statement in statements(transaction, settings, name).await? {
            transaction.execute_unprepared(&statement).await?;
        }
    }
    manager.commit().await
}

fn parse(text: &str) -> Result<Name, DbErr> {
    let (schema, table) = sql::split(text);
    let schema = schema.unwrap_or("public");
    name::check("schema", schema)?;
    name::check("table", table)?;
    Ok(Name::new(schema, table))
}

/// A table and what is missing to protect it.
#[derive(FromQueryResult)]
#[expect(clippy::struct_excessive_bools, reason = "a row of the catalog")]
struct Found {
    is_table: bool,
    tenant_type: Option<String>,
    required: bool,
    checked: bool,
    enabled: bool,
    forced: bool,
    has_policy: bool,
    /// The sequences that inserts call.
    sequences: Vec<String>,
}

const FOUND: &str = "SELECT c.relkind IN ('r', 'p') AS is_table, format_type(a.atttypid, NULL) AS tenant_type, \
    coalesce(a.attnotnull, false) AS required, \
    EXISTS (SELECT FROM pg_catalog.pg_constraint k WHERE k.conrelid = c.oid AND k.conname = $4) AS checked, \
    c.relrowsecurity AS enabled, c.relforcerowsecurity AS forced, \
    EXISTS (SELECT FROM pg_catalog.pg_policy p WHERE p.polrelid = c.oid AND p.polname = $5) AS has_policy, \
    ARRAY(SELECT DISTINCT s.oid::regclass::text FROM pg_catalog.pg_attrdef d \
        JOIN pg_catalog.pg_depend p ON p.classid = 'pg_catalog.pg_attrdef'::regclass AND p.objid = d.oid \
            AND p.refclassid = 'pg_catalog.pg_class'::regclass \
        JOIN pg_catalog.pg_class s ON s.oid = p.refobjid AND s.relkind = 'S' WHERE d.adrelid = c.oid ORDER BY 1) AS sequences \
    FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace \
    LEFT JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attname = $3 AND NOT a.attisdropped \
    WHERE n.nspname = $1 AND c.relname = $2";

/// The statements that protect a table, without those that it does not need.
async fn statements(
    db: &impl ConnectionTrait,
    settings: &Settings,
    name: &Name,
) -> Result<Vec<String>, DbErr> {
    let (column, tenant_type) = (settings.tenant_column(), settings.tenant_type());
    let check = format!("{}_{column}_check", name.name);
    name::check("constraint", &check)?;
    let values: [Value; 5] = [
        name.schema.clone().into(),
        name.name.clone().into(),
        column.into(),
        check.clone().into(),
        TENANT_POLICY.into(),
    ];
    let found: Vec<Found> = query::all(db, FOUND, values).await?;
    let Some(found) = found.into_iter().next() else {
        return Err(migration_error(format!(
            "table {name} does not exist; create it before it is protected"
        )));
    };
    if !found.is_table {
        return Err(migration_error(format!(
            "{name} is not a table, so row-level security cannot protect it"
        )));
    }
    if found.tenant_type.as_deref().and_then(TenantType::of_column) != Some(tenant_type) {
        return Err(migration_error(format!(
            "table {name} has no column {column} of type {tenant_type}; add it to the entity, or name another column with \
             `Settings::with_tenant_column`"
        )));
    }
    let (table, role, quoted) =
        (name.quoted(), sql::identifier(settings.app_role()), sql::identifier(column));
    let mut statements = Vec::new();
    if !found.required {
        statements.push(format!("ALTER TABLE {table} ALTER COLUMN {quoted} SET NOT NULL"));
    }
    if !found.checked {
        statements.push(format!(
            "ALTER TABLE {table} ADD CONSTRAINT {} CHECK ({quoted} <> {})",
            sql::identifier(&check),
            tenant_type.reserved()
        ));
    }
    if !found.enabled {
        statements.push(format!("ALTER TABLE {table} ENABLE ROW LEVEL SECURITY"));
    }
    if !found.forced {
        statements.push(format!("ALTER TABLE {table} FORCE ROW LEVEL SECURITY"));
    }
    if !found.has_policy {
        statements.push(tenant_context::create_policy(&sql::identifier(TENANT_POLICY), &table, column));
    }
    statements.push(format!("REVOKE ALL ON TABLE {table} FROM PUBLIC, {role}"));
    if name.schema != "public" {
        statements.push(access::schema_grant(settings, &name.schema));
    }
    statements.push(format!("GRANT SELECT, INSERT, UPDATE, DELETE ON TABLE {table} TO {role}"));
    let usage = |sequence: &String| format!("GRANT USAGE ON SEQUENCE {sequence} TO {role}");
    statements.extend(found.sequences.iter().map(usage));
    Ok(statements)
}
