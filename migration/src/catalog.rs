//! Tables as the database's catalog describes them.

use sea_orm_migration::sea_orm::{self, ConnectionTrait, DbErr, FromQueryResult, Value};
use watertight_schema::isolation::{TENANT_COLUMN, TENANT_COLUMN_OF_POLICY};

use crate::name::Name;
use crate::query::all;

/// A table of the database that belongs to no extension.
#[derive(Clone, Debug, FromQueryResult)]
#[expect(clippy::struct_excessive_bools, reason = "facts of the catalog")]
pub(crate) struct Table {
    pub(crate) oid: i64,
    schema: String,
    name: String,
    /// True if the table is divided into partitions.
    pub(crate) is_partitioned: bool,
    pub(crate) is_partition: bool,
    /// True if the table is the parent or the child of another table, by partitions or inheritance.
    pub(crate) inherits: bool,
    /// True if row-level security is enabled.
    pub(crate) protected: bool,
    /// True if row-level security binds the owner, too.
    pub(crate) forced: bool,
    /// The owner, as SQL writes it.
    pub(crate) owner: String,
    /// True if the current role is the owner.
    pub(crate) is_own: bool,
    /// True if the current role is the owner or a member of it.
    pub(crate) has_owners_rights: bool,
    /// The column that the policy of row-level security compares with the tenant, or else `tenant_id`.
    pub(crate) tenant_column: Option<String>,
    /// The type of the tenant column.
    pub(crate) tenant_type: Option<String>,
}

impl Table {
    pub(crate) fn id(&self) -> Name {
        Name::new(&self.schema, &self.name)
    }
}

/// `{column}` stands for the tenant column by the policy.
const TABLES: &str = "SELECT c.oid::int8 AS oid, n.nspname::text AS schema, c.relname::text AS name, \
    c.relkind = 'p' AS is_partitioned, c.relispartition AS is_partition, \
    EXISTS (SELECT FROM pg_catalog.pg_inherits i WHERE c.oid IN (i.inhrelid, i.inhparent)) AS inherits, \
    c.relrowsecurity AS protected, c.relforcerowsecurity AS forced, c.relowner::regrole::text AS owner, \
    c.relowner = current_user::regrole AS is_own, pg_catalog.pg_has_role(c.relowner, 'USAGE') AS has_owners_rights, \
    a.attname::text AS tenant_column, pg_catalog.format_type(a.atttypid, NULL) AS tenant_type \
    FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace \
    LEFT JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND NOT a.attisdropped \
        AND a.attname = coalesce({column}, $1) \
    WHERE c.relkind IN ('r', 'p') AND c.relpersistence <> 't' \
    AND n.nspname NOT IN ('pg_catalog', 'information_schema') \
    AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend d WHERE d.classid = 'pg_catalog.pg_class'::regclass \
        AND d.objid = c.oid AND d.deptype = 'e')";

fn selecting() -> String {
    TABLES.replacen("{column}", TENANT_COLUMN_OF_POLICY, 1)
}

/// Every table, by schema and name.
pub(crate) async fn tables(db: &impl ConnectionTrait) -> Result<Vec<Table>, DbErr> {
    all(db, &format!("{} ORDER BY n.nspname, c.relname", selecting()), [TENANT_COLUMN.into()]).await
}

/// The tables that have one of the names.
pub(crate) async fn tables_named<'a>(
    db: &impl ConnectionTrait,
    names: impl IntoIterator<Item = &'a Name>,
) -> Result<Vec<Table>, DbErr> {
    tables_with(db, names, TENANT_COLUMN).await
}

/// The tables that have one of the names, with the tenant column of those without a policy.
pub(crate) async fn tables_with<'a>(
    db: &impl ConnectionTrait,
    names: impl IntoIterator<Item = &'a Name>,
    tenant_column: &str,
) -> Result<Vec<Table>, DbErr> {
    let (schemas, names): (Vec<String>, Vec<String>) =
        names.into_iter().map(|name| (name.schema.clone(), name.name.clone())).unzip();
    let sql = format!(
        "{} AND (n.nspname, c.relname) IN (SELECT * FROM unnest($2::text[], $3::text[])) \
         ORDER BY n.nspname, c.relname",
        selecting()
    );
    let values: [Value; 3] = [tenant_column.into(), schemas.into(), names.into()];
    all(db, &sql, values).await
}

/// A column that is stored or generated.
#[derive(Debug, FromQueryResult)]
pub(crate) struct Column {
    /// The table's.
    pub(crate) oid: i64,
    pub(crate) name: String,
    /// The type without its length.
    pub(crate) data_type: String,
}

/// The columns of tables.
pub(crate) async fn columns(db: &impl ConnectionTrait, tables: &[Table]) -> Result<Vec<Column>, DbErr> {
    let sql = "SELECT a.attrelid::int8 AS oid, a.attname::text AS name, \
        pg_catalog.format_type(a.atttypid, NULL) AS data_type FROM pg_catalog.pg_attribute a \
        WHERE a.attrelid = ANY ($1::int8[]::oid[]) AND a.attnum > 0 AND NOT a.attisdropped \
        ORDER BY a.attrelid, a.attnum";
    let oids: Vec<i64> = tables.iter().map(|table| table.oid).collect();
    all(db, sql, [oids.into()]).await
}
