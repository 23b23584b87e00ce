//! The SQL that creates a tenant table from its description.

use std::collections::HashSet;

use sea_orm_migration::{
    prelude::{Alias, Expr, ExprTrait, ForeignKey, Index, IndexOrder, PostgresQueryBuilder, Table},
    schema::{integer, timestamp_with_time_zone, uuid},
    sea_query::{Check, ColumnDef, ForeignKeyAction, extension::postgres::PgFunc},
};

use watertight_schema::isolation::{OUTBOX_POLICIES, TENANT_COLUMN, TENANT_POLICY};
use watertight_schema::sql;

use super::{Access, Key, TenantForeignKey, TenantTable};
use crate::{Settings, TableError, name, tenant_context};

const ID_COLUMN: &str = "id";

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
        self.check_description()?;
        name::check("role", settings.app_role())?;

        let mut statements = vec![self.create_table()];
        statements.extend(self.uniques.iter().map(|columns| self.add_unique(columns)));
        statements.extend(self.foreign_keys.iter().map(|key| self.add_foreign_key(key)));
        statements.extend(self.all_indexes().iter().map(|columns| self.create_index(columns)));
        statements.extend(self.row_level_security());
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

    fn create_table(&self) -> String {
        let mut table = Table::create();
        table.table(self.reference());
        for column in self.all_columns() {
            table.col(column);
        }
        let mut key = Index::create();
        key.name(self.derived::<&str>(&[], "pkey")).col(TENANT_COLUMN);
        for column in self.key_columns() {
            key.col(Alias::new(column));
        }
        table.primary_key(&mut key);
        for (name, rule) in &self.checks {
            table.check(Check::named(Alias::new(self.derived(&[name], "check")), rule.clone()));
        }
        // Row-level security accepts a nil tenant when the setting is nil, too.
        let nil = "00000000-0000-0000-0000-000000000000";
        table.check(Check::named(
            Alias::new(self.derived(&[TENANT_COLUMN], "check")),
            Expr::col(TENANT_COLUMN).ne(Expr::val(nil)),
        ));
        table.to_string(PostgresQueryBuilder)
    }

    fn add_unique(&self, columns: &[String]) -> String {
        let names = std::iter::once(TENANT_COLUMN).chain(columns.iter().map(String::as_str));
        format!(
            "ALTER TABLE {} ADD CONSTRAINT {} UNIQUE ({})",
            self.quoted(),
            sql::identifier(&self.derived(columns, "key")),
            quoted_list(names),
        )
    }

    fn add_foreign_key(&self, key: &TenantForeignKey) -> String {
        let mut statement = ForeignKey::create();
        statement
            .name(self.derived(&key.columns, "fkey"))
            .from_tbl(self.reference())
            .to_tbl((Alias::new(&key.schema), Alias::new(&key.table)))
            .from_col(TENANT_COLUMN)
            .to_col(TENANT_COLUMN);
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
            // Without the list PostgreSQL would also clear tenant_id, which is never null.
            Some(ForeignKeyAction::SetNull | ForeignKeyAction::SetDefault) => {
                format!("{sql} ({})", quoted_list(key.columns.iter().map(String::as_str)))
            }
            _ => sql,
        }
    }

    fn create_index(&self, columns: &[(String, IndexOrder)]) -> String {
        let mut index = Index::create();
        index.name(self.index_name(columns)).table(self.reference()).col(TENANT_COLUMN);
        for (column, order) in columns {
            index.col((Alias::new(column), order.clone()));
        }
        index.to_string(PostgresQueryBuilder)
    }

    fn row_level_security(&self) -> [String; 3] {
        let table = self.quoted();
        let policy = sql::identifier(TENANT_POLICY);
        [
            format!("ALTER TABLE {table} ENABLE ROW LEVEL SECURITY"),
            format!("ALTER TABLE {table} FORCE ROW LEVEL SECURITY"),
            tenant_context::create_policy(&policy, &table),
        ]
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

    fn grants(&self, settings: &Settings) -> [String; 2] {
        let table = self.quoted();
        let role = sql::identifier(settings.app_role());
        let rights = match self.access {
            Access::ReadWrite => "SELECT, INSERT, UPDATE, DELETE",
            Access::AppendOnly => "SELECT, INSERT",
            Access::Outbox(_) => "INSERT",
        };
        [
            // Default privileges of the installation may have granted more.
            format!("REVOKE ALL ON TABLE {table} FROM PUBLIC, {role}"),
            format!("GRANT {rights} ON TABLE {table} TO {role}"),
        ]
    }

    pub(crate) fn all_columns(&self) -> Vec<ColumnDef> {
        let mut columns = vec![uuid(TENANT_COLUMN)];
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

    fn check_description(&self) -> Result<(), TableError> {
        self.check_names()?;
        self.check_columns()?;
        if let Key::Columns(columns) = &self.key {
            self.check_over("a primary key", columns.iter().map(String::as_str))?;
        }
        for columns in &self.uniques {
            self.check_over("a unique key", columns.iter().map(String::as_str))?;
        }
        for columns in &self.indexes {
            self.check_over("an index", columns.iter().map(|(column, _)| column.as_str()))?;
        }
        for key in &self.foreign_keys {
            self.check_over("a foreign key", key.columns.iter().map(String::as_str))?;
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
        self.check_derived_names()
    }

    fn check_columns(&self) -> Result<(), TableError> {
        let mut seen = HashSet::new();
        for column in &self.columns {
            let name = column.get_column_name();
            name::check("column", &name)?;
            let table = || self.full_name();
            if name == TENANT_COLUMN {
                return Err(TableError::TenantColumn { table: table(), what: "the columns" });
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
        what: &'static str,
        columns: impl Iterator<Item = &'a str>,
    ) -> Result<(), TableError> {
        let known: HashSet<String> = self.all_columns().iter().map(ColumnDef::get_column_name).collect();
        let mut seen = HashSet::new();
        for column in columns {
            let (table, column) = (self.full_name(), column.to_owned());
            if column == TENANT_COLUMN {
                return Err(TableError::TenantColumn { table, what });
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

    fn check_derived_names(&self) -> Result<(), TableError> {
        let mut names = vec![self.derived::<&str>(&[], "pkey"), self.derived(&[TENANT_COLUMN], "check")];
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
