//! The state of the tables, from which a plan follows.

use sea_orm_migration::sea_orm::{ConnectionTrait, DbErr};
use watertight_schema::{TenantType, sql};

use super::access::{self, Policy, Privileges, Remark, Sequence, View};
use super::catalog::{self, ForeignKey, Index, Table};
use super::journal::{self, Entry};
use super::key::{self, Key};
use super::{Conversion, ConversionError};
use crate::name::{self, Name};
use crate::query::{self, one};

/// Everything that a plan is made of.
pub(super) struct Survey {
    /// The names of the tables to convert.
    pub(super) names: Vec<Name>,
    /// The tables that exist.
    pub(super) tables: Vec<Table>,
    pub(super) indexes: Vec<Index>,
    pub(super) foreign_keys: Vec<ForeignKey>,
    pub(super) policies: Vec<Policy>,
    pub(super) privileges: Vec<Privileges>,
    pub(super) sequences: Vec<Sequence>,
    pub(super) sequence_privileges: Vec<Privileges>,
    pub(super) views: Vec<View>,
    pub(super) remarks: Vec<Remark>,
    /// The schemas that the application's role cannot use.
    pub(super) unusable_schemas: Vec<String>,
    /// `None` when the application's role does not exist, and true when it bypasses row-level security.
    pub(super) role_bypasses: Option<bool>,
    /// The type that `watertight.tenant()` returns.
    pub(super) core_type: Option<String>,
    /// The type of the tenant's key.
    pub(super) tenant: TenantType,
    /// The tenant of the existing rows.
    pub(super) key: Option<Key>,
    pub(super) rows: Vec<Rows>,
    /// The recorded state before the conversion.
    pub(super) entries: Vec<Entry>,
    pub(super) has_journal: bool,
}

/// The rows of a table.
#[derive(Clone, Debug, Default)]
pub(super) struct Rows {
    /// The table's.
    pub(super) oid: i64,
    pub(super) any: bool,
    /// The number of rows whose tenant is null.
    pub(super) without_tenant: i64,
    /// The number of rows whose tenant is no key.
    pub(super) unusable: i64,
    /// The first tenants.
    pub(super) tenants: Vec<String>,
}

impl Survey {
    /// Reads the state. The caller has set the search path to `pg_catalog`.
    pub(super) async fn read(
        db: &impl ConnectionTrait,
        conversion: &Conversion,
    ) -> Result<Self, ConversionError> {
        let settings = &conversion.settings;
        let (column, role) = (settings.tenant_column(), settings.app_role());
        name::check("column", column)?;
        name::check("role", role)?;
        let names = conversion.names(db).await?;
        let tables = catalog::tables(db, column, role, &names).await?;
        let oids: Vec<i64> = tables.iter().map(|table| table.oid).collect();
        let core_type = catalog::core_type(db).await?;
        let of_columns = tables.iter().find_map(|table| TenantType::of_column(table.column_type.as_deref()?));
        let of_core = core_type.as_deref().and_then(TenantType::of_column);
        let tenant = of_core.or(of_columns).unwrap_or_else(|| settings.tenant_type());
        let key = conversion.tenant.as_deref().map(|given| Key::read(tenant, given)).transpose()?;
        let mut schemas: Vec<String> = names.iter().map(|name| name.schema.clone()).collect();
        schemas.dedup();
        let mut rows = Vec::new();
        for table in tables.iter().filter(|table| table.kind == "r" && table.is_own && !table.hides_rows) {
            rows.push(count(db, table, column, tenant).await?);
        }
        let sequences = access::sequences(db, &oids).await?;
        let of_sequences: Vec<i64> = sequences.iter().map(|sequence| sequence.oid).collect();
        Ok(Self {
            indexes: catalog::indexes(db, &oids, tenant).await?,
            foreign_keys: catalog::foreign_keys(db, &oids).await?,
            policies: access::policies(db, &oids).await?,
            privileges: access::privileges(db, &oids, role).await?,
            sequence_privileges: access::privileges(db, &of_sequences, role).await?,
            sequences,
            views: access::views(db, &oids, role).await?,
            remarks: access::remarks(db, &oids, role).await?,
            unusable_schemas: access::unusable_schemas(db, &schemas, role).await?,
            role_bypasses: access::role_bypasses(db, role).await?,
            entries: journal::entries(db).await?,
            has_journal: journal::exists(db).await?,
            names,
            tables,
            core_type,
            tenant,
            key,
            rows,
        })
    }

    pub(super) fn table(&self, oid: i64) -> Option<&Table> {
        self.tables.iter().find(|table| table.oid == oid)
    }

    pub(super) fn rows(&self, table: &Table) -> Rows {
        self.rows.iter().find(|rows| rows.oid == table.oid).cloned().unwrap_or_default()
    }

    pub(super) fn indexes<'s>(&'s self, table: &Table) -> impl Iterator<Item = &'s Index> + use<'s> {
        let oid = table.oid;
        self.indexes.iter().filter(move |index| index.oid == oid)
    }

    pub(super) fn index(&self, table: &Table, name: &str) -> Option<&Index> {
        self.indexes.iter().find(|index| index.oid == table.oid && index.name == name)
    }

    /// The foreign keys from a converted table to a converted table.
    pub(super) fn inner_keys(&self) -> impl Iterator<Item = (&ForeignKey, &Table, &Table)> {
        self.foreign_keys.iter().filter_map(|key| Some((key, self.table(key.oid)?, self.table(key.target)?)))
    }
}

async fn count(
    db: &impl ConnectionTrait,
    table: &Table,
    column: &str,
    tenant: TenantType,
) -> Result<Rows, DbErr> {
    let quoted = table.quoted();
    let any: bool = one(db, &format!("SELECT EXISTS (SELECT FROM {quoted})")).await?;
    let mut rows = Rows { oid: table.oid, any, ..Rows::default() };
    let comparable = table.column_type.as_deref().and_then(TenantType::of_column) == Some(tenant);
    if !any || !comparable {
        return Ok(rows);
    }
    let column = sql::identifier(column);
    if table.column_required == Some(false) {
        rows.without_tenant =
            one(db, &format!("SELECT count(*)::int8 FROM {quoted} WHERE {column} IS NULL")).await?;
    }
    let unusable = key::unusable(tenant, &column);
    rows.unusable = one(db, &format!("SELECT count(*)::int8 FROM {quoted} WHERE {unusable}")).await?;
    rows.tenants = query::column(db, &first_tenants(&quoted, &column), []).await?;
    Ok(rows)
}

/// The query for the first three tenants of a table. Each step reads one entry of an index that begins with the column.
pub(super) fn first_tenants(table: &str, column: &str) -> String {
    format!(
        "WITH RECURSIVE found AS ((SELECT {column} AS x FROM {table} WHERE {column} IS NOT NULL ORDER BY 1 LIMIT 1) \
         UNION ALL SELECT (SELECT n.{column} FROM {table} AS n WHERE n.{column} > found.x ORDER BY 1 LIMIT 1) \
         FROM found WHERE found.x IS NOT NULL) SELECT x::text FROM found WHERE x IS NOT NULL LIMIT 3"
    )
}
