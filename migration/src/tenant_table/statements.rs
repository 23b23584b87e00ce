//! The SQL that creates a tenant table from its description.

use std::collections::HashSet;

use sea_orm_migration::{
    prelude::{Alias, Expr, ExprTrait, ForeignKey, Index, IndexOrder, PostgresQueryBuilder, Table},
    schema::{big_integer, integer, text, timestamp_with_time_zone, uuid},
    sea_query::{Check, ColumnDef, ForeignKeyAction, extension::postgres::PgFunc},
};

use watertight_schema::isolation::{EVERYONE_POLICY, OUTBOX_POLICIES, TENANT_COLUMN, TENANT_POLICY};
use watertight_schema::{TenantType, sql};

use super::{Access, Key, TenantForeignKey, TenantTable};
use crate::{Settings, TableError, name, tenant_context};

const ID_COLUMN: &str = "id";
const NIL: &str = "00000000-0000-0000-0000-000000000000";

/// The tenant column of a table.
#[derive(Clone, Copy)]
struct Tenant<'a> {
    column: &'a str,
    key: TenantType,
}

impl Tenant<'_> {
    fn definition(self) -> ColumnDef {
        let column = Alias::new(self.column);
        match self.key {
            TenantType::BigInt => big_integer(column),
            TenantType::Integer => integer(column),
            TenantType::Text => text(column),
            _ => uuid(column),
        }
    }

    /// The condition that the column does not have the reserved value.
    fn is_not_reserved(self) -> Expr {
        let column = Expr::col(Alias::new(self.column));
        match self.key {
            TenantType::BigInt | TenantType::Integer => column.ne(0),
            TenantType::Text => column.ne(""),
            _ => column.ne(Expr::val(NIL)),
        }
    }
}

/// The columns of an outbox for its worker.
const ATTEMPTS: &str = "attempts";
const AVAILABLE_AT: &str = "available_at";

impl TenantTable {
    /// The SQL that creates the table, one statement an entry, in the order in which it has to run.
    ///
    /// ```
    /// use watertight_migration::{Settings, TenantTable};
    ///
    /// for statement in TenantTable::new("public", "rooms").statements(&Settings::from_env())? {
    ///     println!("{statement};");
    /// }
    /// # Ok::<(), watertight_migration::TableError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// A [`TableError`] when the description is wrong.
    pub fn statements(&self, settings: &Settings) -> Result<Vec<String>, TableError> {
        let tenant = Tenant {
            column: self.tenant_column.as_deref().unwrap_or(settings.tenant_column()),
            key: settings.tenant_type(),
        };
        self.check_description(tenant)?;
        name::check("role", settings.app_role())?;

        let mut statements = vec![self.create_table(tenant)];
        statements.extend(self.uniques.iter().map(|columns| self.add_unique(tenant, columns)));
        statements.extend(self.foreign_keys.iter().map(|key| self.add_foreign_key(tenant, key, settings)));
        statements.extend(self.all_indexes().iter().map(|columns| self.create_index(tenant, columns)));
        statements.extend(self.row_level_security(tenant));
        statements.extend(self.grants(settings));
        if let Access::Outbox(worker) = &self.access {
            self.check_worker(settings, worker)?;
            statements.extend(self.for_worker(worker));
        }
        Ok(statements)
    }

    pub(super) fn check_names(&self) -> Result<(), TableError> {
        name::check("schema", &self.schema)?;
        name::check("table", &self.name)
    }

    fn create_table(&self, tenant: Tenant<'_>) -> String {
        let mut table = Table::create();
        table.table(self.reference());
        table.col(tenant.definition());
        for column in self.other_columns() {
            table.col(column);
        }
        let mut key = Index::create();
        key.name(self.derived::<&str>(&[], "pkey")).col(Alias::new(tenant.column));
        for column in self.key_columns() {
            key.col(Alias::new(column));
        }
        table.primary_key(&mut key);
        for (name, rule) in &self.checks {
            table.check(Check::named(Alias::new(self.derived(&[name], "check")), rule.clone()));
        }
        // Row-level security accepts the reserved value when the setting has it, too.
        if !self.for_everyone {
            let name = Alias::new(self.derived(&[tenant.column], "check"));
            table.check(Check::named(name, tenant.is_not_reserved()));
        }
        table.to_string(PostgresQueryBuilder)
    }

    fn add_unique(&self, tenant: Tenant<'_>, columns: &[String]) -> String {
        let names = std::iter::once(tenant.column).chain(columns.iter().map(String::as_str));
        format!(
            "ALTER TABLE {} ADD CONSTRAINT {} UNIQUE ({})",
            self.quoted(),
            sql::identifier(&self.derived(columns, "key")),
            quoted_list(names),
        )
    }

    fn add_foreign_key(&self, tenant: Tenant<'_>, key: &TenantForeignKey, settings: &Settings) -> String {
        let own = settings.table_sets().iter().any(|set| {
            settings.table_sets().schema(set) == key.schema && set.tables().contains(&key.table.as_str())
        });
        let there = key.tenant_column.as_deref().unwrap_or(if own { TENANT_COLUMN } else { tenant.column });
        let mut statement = ForeignKey::create();
        statement
            .name(self.derived(&key.columns, "fkey"))
            .from_tbl(self.reference())
            .to_tbl((Alias::new(&key.schema), Alias::new(&key.table)))
            .from_col(Alias::new(tenant.column))
            .to_col(Alias::new(there));
        for column in &key.columns {
            statement.from_col(Alias::new(column));
        }
        for column in &key.key {
            statement.to_col(Alias::new(column));
        }
        if let Some(action) = key.on_delete {
            statement.on_delete(action);
        }
        let sql = statement.to_string(PostgresQueryBuilder);
        match key.on_delete {
            // Without the list PostgreSQL would also clear the tenant, which is never null.
            Some(ForeignKeyAction::SetNull | ForeignKeyAction::SetDefault) => {
                format!("{sql} ({})", quoted_list(key.columns.iter().map(String::as_str)))
            }
            _ => sql,
        }
    }

    fn create_index(&self, tenant: Tenant<'_>, columns: &[(String, IndexOrder)]) -> String {
        let mut index = Index::create();
        index.name(self.index_name(columns)).table(self.reference()).col(Alias::new(tenant.column));
        for (column, order) in columns {
            index.col((Alias::new(column), order.clone()));
        }
        index.to_string(PostgresQueryBuilder)
    }

    fn row_level_security(&self, tenant: Tenant<'_>) -> Vec<String> {
        let table = self.quoted();
        let policy = sql::identifier(TENANT_POLICY);
        let mut statements = vec![
            format!("ALTER TABLE {table} ENABLE ROW LEVEL SECURITY"),
            format!("ALTER TABLE {table} FORCE ROW LEVEL SECURITY"),
            tenant_context::create_policy(&policy, &table, tenant.column),
        ];
        if self.for_everyone {
            // Only for reading: a statement that locks or changes rows needs the first policy.
            statements.push(format!(
                "CREATE POLICY {} ON {table} FOR SELECT USING ({} = {})",
                sql::identifier(EVERYONE_POLICY),
                sql::identifier(tenant.column),
                tenant.key.reserved()
            ));
        }
        statements
    }

    /// The policies, rights and index of an outbox for its worker. The policies are for single commands: inserting as
    /// another tenant stays forbidden to the worker, too.
    fn for_worker(&self, worker: &str) -> Vec<String> {
        let (table, worker) = (self.quoted(), sql::identifier(worker));
        let policy = |(name, command): &(&str, &str)| {
            format!("CREATE POLICY {name} ON {table} FOR {command} TO {worker} USING (true)")
        };
        let mut statements: Vec<String> = OUTBOX_POLICIES.iter().map(policy).collect();
        statements.extend([
            format!("REVOKE ALL ON TABLE {table} FROM {worker}"),
            format!("GRANT SELECT, DELETE, UPDATE ({ATTEMPTS}, {AVAILABLE_AT}) ON TABLE {table} TO {worker}"),
            format!(
                "CREATE INDEX {} ON {table} ({AVAILABLE_AT})",
                sql::identifier(&self.derived(&[AVAILABLE_AT], "idx"))
            ),
        ]);
        statements
    }

    fn check_worker(&self, settings: &Settings, worker: &str) -> Result<(), TableError> {
        name::check("role", worker)?;
        let table = || self.full_name();
        // PostgreSQL takes the quoted name for everyone, too.
        if worker == settings.app_role() || worker == "public" {
            return Err(TableError::OutboxWorker { table: table(), role: worker.to_owned() });
        }
        if !matches!(self.key, Key::GeneratedId) {
            return Err(TableError::OutboxKey { table: table() });
        }
        name::check("constraint or index", &self.derived(&[AVAILABLE_AT], "idx"))
    }

    fn grants(&self, settings: &Settings) -> Vec<String> {
        let table = self.quoted();
        let role = sql::identifier(settings.app_role());
        let rights = match self.access {
            Access::ReadWrite => "SELECT, INSERT, UPDATE, DELETE",
            Access::AppendOnly => "SELECT, INSERT",
            Access::Outbox(_) => "INSERT",
        };
        let mut grants = vec![
            // Default privileges of the installation may have granted more.
            format!("REVOKE ALL ON TABLE {table} FROM PUBLIC, {role}"),
            format!("GRANT {rights} ON TABLE {table} TO {role}"),
        ];
        // An identity column needs no right on its sequence, but a serial column does.
        let serial = self.columns.iter().filter(|column| column.get_column_spec().auto_increment);
        grants.extend(serial.map(|column| self.sequence_grant(&column.get_column_name(), settings)));
        grants
    }

    /// The SQL that lets the application's role use the sequence of a column, if it has one.
    fn sequence_grant(&self, column: &str, settings: &Settings) -> String {
        let block = format!(
            "DECLARE found text := pg_catalog.pg_get_serial_sequence({}, {}); BEGIN IF found IS NOT NULL THEN \
             EXECUTE 'GRANT USAGE ON SEQUENCE ' || found || {}; END IF; END",
            sql::literal(&self.quoted()),
            sql::literal(column),
            sql::literal(&format!(" TO {}", sql::identifier(settings.app_role()))),
        );
        format!("DO {}", sql::literal(&block))
    }

    /// The columns of one of watertight's own tables.
    pub(crate) fn all_columns(&self) -> Vec<ColumnDef> {
        std::iter::once(uuid(TENANT_COLUMN)).chain(self.other_columns()).collect()
    }

    /// The columns besides the tenant column.
    fn other_columns(&self) -> Vec<ColumnDef> {
        let mut columns = Vec::new();
        if matches!(self.key, Key::GeneratedId) {
            columns.push(uuid(ID_COLUMN).default(PgFunc::gen_random_uuid()).take());
        }
        columns.extend(self.columns.iter().cloned());
        if matches!(self.access, Access::Outbox(_)) {
            columns.push(integer(ATTEMPTS).default(0).take());
            columns.push(timestamp_with_time_zone(AVAILABLE_AT).default(Expr::current_timestamp()).take());
        }
        columns
    }

    pub(crate) fn key_columns(&self) -> Vec<&str> {
        match &self.key {
            Key::GeneratedId => vec![ID_COLUMN],
            Key::TenantAlone => Vec::new(),
            Key::Columns(columns) => columns.iter().map(String::as_str).collect(),
        }
    }

    /// The requested indexes, and the indexes that foreign keys need besides.
    fn all_indexes(&self) -> Vec<Vec<(String, IndexOrder)>> {
        let mut indexes = self.indexes.clone();
        for foreign_key in &self.foreign_keys {
            let wanted: Vec<&str> = foreign_key.columns.iter().map(String::as_str).collect();
            let by_key = self.key_columns().starts_with(&wanted);
            let by_unique = self.uniques.iter().any(|columns| columns.starts_with(&foreign_key.columns));
            let by_index = indexes.iter().any(|columns| {
                let names: Vec<&str> = columns.iter().map(|(column, _)| column.as_str()).collect();
                names.starts_with(&wanted)
            });
            if !(by_key || by_unique || by_index) {
                let ascending = |column: &String| (column.clone(), IndexOrder::Asc);
                indexes.push(foreign_key.columns.iter().map(ascending).collect());
            }
        }
        indexes
    }

    fn check_description(&self, tenant: Tenant<'_>) -> Result<(), TableError> {
        self.check_names()?;
        name::check("column", tenant.column)?;
        self.check_columns(tenant)?;
        if let Key::Columns(columns) = &self.key {
            self.check_over(tenant, "a primary key", columns.iter().map(String::as_str))?;
        }
        for columns in &self.uniques {
            self.check_over(tenant, "a unique key", columns.iter().map(String::as_str))?;
        }
        for columns in &self.indexes {
            self.check_over(tenant, "an index", columns.iter().map(|(column, _)| column.as_str()))?;
        }
        for key in &self.foreign_keys {
            self.check_over(tenant, "a foreign key", key.columns.iter().map(String::as_str))?;
            name::check("schema", &key.schema)?;
            name::check("table", &key.table)?;
            if key.columns.len() != key.key.len() {
                return Err(TableError::ForeignKeyWidth {
                    table: self.full_name(),
                    columns: key.columns.join(", "),
                    to: key.key.join(", "),
                });
            }
        }
        self.check_derived_names(tenant)
    }

    fn check_columns(&self, tenant: Tenant<'_>) -> Result<(), TableError> {
        let mut seen = HashSet::new();
        for column in &self.columns {
            let name = column.get_column_name();
            name::check("column", &name)?;
            let table = || self.full_name();
            if name == tenant.column {
                return Err(TableError::TenantColumn { table: table(), column: name, what: "the columns" });
            }
            let spec = column.get_column_spec();
            if spec.primary_key || spec.unique {
                return Err(TableError::KeyWithoutTenant { table: table(), column: name });
            }
            let outbox =
                matches!(self.access, Access::Outbox(_)) && [ATTEMPTS, AVAILABLE_AT].contains(&name.as_str());
            let generated = outbox || (matches!(self.key, Key::GeneratedId) && name == ID_COLUMN);
            if generated || !seen.insert(name.clone()) {
                return Err(TableError::DuplicateColumn { table: table(), column: name });
            }
        }
        Ok(())
    }

    fn check_over<'a>(
        &self,
        tenant: Tenant<'_>,
        what: &'static str,
        columns: impl Iterator<Item = &'a str>,
    ) -> Result<(), TableError> {
        let known: HashSet<String> = self.other_columns().iter().map(ColumnDef::get_column_name).collect();
        let mut seen = HashSet::new();
        for column in columns {
            let (table, column) = (self.full_name(), column.to_owned());
            if column == tenant.column {
                return Err(TableError::TenantColumn { table, column, what });
            }
            if !known.contains(&column) {
                return Err(TableError::UnknownColumn { table, what, column });
            }
            if !seen.insert(column.clone()) {
                return Err(TableError::DuplicateColumn { table, column });
            }
        }
        if seen.is_empty() {
            return Err(TableError::NoColumns { table: self.full_name(), what });
        }
        Ok(())
    }

    fn check_derived_names(&self, tenant: Tenant<'_>) -> Result<(), TableError> {
        let mut names = vec![self.derived::<&str>(&[], "pkey"), self.derived(&[tenant.column], "check")];
        names.extend(self.uniques.iter().map(|columns| self.derived(columns, "key")));
        names.extend(self.foreign_keys.iter().map(|key| self.derived(&key.columns, "fkey")));
        names.extend(self.checks.iter().map(|(name, _)| self.derived(&[name], "check")));
        names.extend(self.all_indexes().iter().map(|columns| self.index_name(columns)));
        let mut seen = HashSet::new();
        for name in names {
            name::check("constraint or index", &name)?;
            if !seen.insert(name.clone()) {
                return Err(TableError::DuplicateName { table: self.full_name(), name });
            }
        }
        Ok(())
    }

    fn derived<S: AsRef<str>>(&self, parts: &[S], suffix: &str) -> String {
        let parts = parts.iter().map(AsRef::as_ref);
        std::iter::once(self.name.as_str()).chain(parts).chain([suffix]).collect::<Vec<_>>().join("_")
    }

    fn index_name(&self, columns: &[(String, IndexOrder)]) -> String {
        let columns: Vec<&str> = columns.iter().map(|(column, _)| column.as_str()).collect();
        self.derived(&columns, "idx")
    }

    pub(crate) fn quoted(&self) -> String {
        sql::qualified(&self.schema, &self.name)
    }

    pub(crate) fn full_name(&self) -> String {
        format!("{}.{}", self.schema, self.name)
    }
}

fn quoted_list<'a>(names: impl Iterator<Item = &'a str>) -> String {
    names.map(sql::identifier).collect::<Vec<_>>().join(", ")
}
