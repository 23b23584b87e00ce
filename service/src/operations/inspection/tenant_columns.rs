//! The tenant columns of registered tables, as the database has them.

use sea_orm::{DbErr, FromQueryResult};
use watertight_schema::TenantType;

use crate::tenant::{Inspection, Ownership, RegistrationError, Registry, TableName};

#[derive(FromQueryResult)]
struct Column {
    table_schema: String,
    table_name: String,
    /// The type without its length, or `None` if the table has no such column.
    type_name: Option<String>,
    is_deterministic: bool,
}

const COLUMNS: &str = "SELECT u.table_schema, u.table_name, \
    pg_catalog.format_type(a.atttypid, NULL) AS type_name, \
    coalesce(k.collisdeterministic, true) AS is_deterministic \
    FROM unnest($1::text[], $2::text[], $3::text[]) AS u (table_schema, table_name, tenant_column) \
    JOIN pg_catalog.pg_namespace n ON n.nspname = u.table_schema \
    JOIN pg_catalog.pg_class c ON c.relnamespace = n.oid AND c.relname = u.table_name \
    LEFT JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attname = u.tenant_column \
        AND a.attnum > 0 AND NOT a.attisdropped \
    LEFT JOIN pg_catalog.pg_collation k ON k.oid = a.attcollation ORDER BY 1, 2";

/// The tenant tables whose column is absent, or cannot tell tenants apart.
pub(crate) async fn problems(
    inspection: &mut Inspection,
    registry: &Registry,
) -> Result<Vec<RegistrationError>, DbErr> {
    let tenants = registry.tables().filter(|(_, table)| table.ownership == Ownership::Tenant);
    let (mut schemas, mut tables, mut columns) = (Vec::new(), Vec::new(), Vec::new());
    for (name, _) in tenants {
        schemas.push(name.schema.clone());
        tables.push(name.name.clone());
        columns.push(registry.tenant_column(name).to_owned());
    }
    let values = [schemas.into(), tables.into(), columns.into()];
    let columns: Vec<Column> = inspection.ask(COLUMNS, values).await?;
    Ok(columns.iter().filter_map(|column| problem(registry, column)).collect())
}

fn problem(registry: &Registry, found: &Column) -> Option<RegistrationError> {
    let name = TableName::new(&found.table_schema, &found.table_name);
    let (table, column) = (name.to_string(), registry.tenant_column(&name).to_owned());
    let tenant_type = registry.tenant_type();
    if found.type_name.as_deref().and_then(TenantType::of_column) != Some(tenant_type) {
        return Some(RegistrationError::NoTenantColumn { table, column, tenant_type });
    }
    (!found.is_deterministic).then_some(RegistrationError::TenantColumnCollation { table, column })
}
