//! The settings of an installation's migrations.

use std::ffi::OsString;

use watertight_schema::{TableSet, TableSets, TenantType, TenantTypeError, isolation, sql};

use crate::{SettingsError, name};

/// The names and table sets that the migrations work with.
///
/// ```
/// use watertight_migration::{Settings, TableSet, TableSets};
///
/// assert_eq!(Settings::default().app_role(), "watertight_app");
/// let settings = Settings::default().with_app_role("shop").with_table_sets(TableSets::none().with(TableSet::Auth));
/// assert_eq!(settings.table_sets().to_string(), "auth");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    app_role: String,
    migration_table: String,
    table_sets: Result<TableSets, SettingsError>,
    tenant_column: String,
    tenant_type: Result<TenantType, TenantTypeError>,
}

impl Settings {
    /// The environment variable that names the application's role.
    pub const APP_ROLE_VARIABLE: &str = "WATERTIGHT_APP_ROLE";

    /// The application's role by default.
    pub const DEFAULT_APP_ROLE: &str = "watertight_app";

    /// The environment variable with the [table sets](TableSets) as text.
    pub const TABLE_SETS_VARIABLE: &str = "WATERTIGHT_TABLE_SETS";

    /// The environment variable that names the [tenant column](Self::with_tenant_column).
    pub const TENANT_COLUMN_VARIABLE: &str = isolation::TENANT_COLUMN_VARIABLE;

    /// The environment variable with the [type of the tenant's key](Self::with_tenant_type).
    pub const TENANT_TYPE_VARIABLE: &str = TenantType::VARIABLE;

    /// The settings of the environment, and defaults for variables that are unset or empty.
    ///
    /// A malformed list of table sets or type is reported by [`check`](Self::check) and by every migration. A name that cannot
    /// be the name of a role is reported by the migration that grants to it.
    ///
    /// ```
    /// let settings = watertight_migration::Settings::from_env();
    /// assert!(!settings.app_role().is_empty());
    /// ```
    #[must_use]
    pub fn from_env() -> Self {
        Self::from_variables(|name| std::env::var_os(name))
    }

    fn from_variables(variable: impl Fn(&str) -> Option<OsString>) -> Self {
        let given = |name| variable(name).filter(|value| !value.is_empty());
        let mut settings = Self::default();
        if let Some(role) = given(Self::APP_ROLE_VARIABLE) {
            settings = settings.with_app_role(role.to_string_lossy());
        }
        if let Some(sets) = given(Self::TABLE_SETS_VARIABLE) {
            settings.table_sets = sets.to_string_lossy().parse().map_err(SettingsError::TableSets);
        }
        if let Some(column) = given(Self::TENANT_COLUMN_VARIABLE) {
            settings.tenant_column = column.to_string_lossy().into_owned();
        }
        if let Some(name) = given(Self::TENANT_TYPE_VARIABLE) {
            settings.tenant_type = name.to_string_lossy().parse();
        }
        settings
    }

    /// Chooses the table sets that the migrations create, and their schemas. The default is all of them.
    ///
    /// A set can be added later: its migrations are then pending. To remove a set, roll its migrations back before you
    /// leave it out, and to move it to another schema, run `ALTER TABLE .. SET SCHEMA` on its tables.
    ///
    /// ```
    /// # use watertight_migration::{Settings, TableSet, TableSets};
    /// let sets = TableSets::none().in_schema(TableSet::Auth, "identity");
    /// assert_eq!(Settings::default().with_table_sets(sets).table_sets().schema(TableSet::Auth), "identity");
    /// ```
    #[must_use]
    pub fn with_table_sets(mut self, table_sets: TableSets) -> Self {
        self.table_sets = Ok(table_sets);
        self
    }

    /// Names the application's role, which is granted the rights that an application needs.
    ///
    /// It has to differ from the role that runs the migrations: an owner can grant itself any right on its tables, and
    /// the append-only audit trail would not bind it.
    ///
    /// ```
    /// use watertight_migration::{Settings, TenantTable};
    ///
    /// let settings = Settings::default().with_app_role("clinic_app");
    /// let sql = TenantTable::new("public", "notes").statements(&settings)?.join(";\n");
    /// assert!(sql.contains(r#"TO "clinic_app""#));
    /// # Ok::<(), watertight_migration::TableError>(())
    /// ```
    #[must_use]
    pub fn with_app_role(mut self, role: impl Into<String>) -> Self {
        self.app_role = role.into();
        self
    }

    /// Names the table of applied migrations, for a migrator that overrides `migration_table_name`.
    ///
    /// ```
    /// # use watertight_migration::Settings;
    /// let settings = Settings::default().with_migration_table("applied_migrations");
    /// assert_eq!(settings.migration_table(), "applied_migrations");
    /// ```
    #[must_use]
    pub fn with_migration_table(mut self, table: impl Into<String>) -> Self {
        self.migration_table = table.into();
        self
    }

    /// Names the tenant column of the application's tables; `tenant_id` by default.
    ///
    /// Watertight's own tables always have `tenant_id`. A table can have [another name](crate::TenantTable::tenant_column).
    ///
    /// ```
    /// use watertight_migration::{Settings, TableSets, TenantTable, TenantType};
    ///
    /// let settings = Settings::default()
    ///     .with_table_sets(TableSets::none())
    ///     .with_tenant_column("org_id")
    ///     .with_tenant_type(TenantType::BigInt);
    /// let sql = &TenantTable::new("public", "orders").statements(&settings)?[0];
    /// assert!(sql.contains(r#""org_id" bigint NOT NULL"#));
    /// # Ok::<(), watertight_migration::TableError>(())
    /// ```
    #[must_use]
    pub fn with_tenant_column(mut self, column: impl Into<String>) -> Self {
        self.tenant_column = column.into();
        self
    }

    /// Chooses the type of the tenant's key; `uuid` by default.
    ///
    /// The first migration of a database makes the choice for good. Watertight's own tables need `uuid`, so every other
    /// type needs [no table sets](TableSets::none).
    ///
    /// ```
    /// use watertight_migration::{Settings, TableSets, TenantType};
    ///
    /// let settings = Settings::default().with_tenant_type(TenantType::Text);
    /// assert!(settings.check().is_err());
    /// assert!(settings.with_table_sets(TableSets::none()).check().is_ok());
    /// ```
    #[must_use]
    pub fn with_tenant_type(mut self, tenant_type: TenantType) -> Self {
        self.tenant_type = Ok(tenant_type);
        self
    }

    /// The tenant column of the application's tables.
    #[must_use]
    pub fn tenant_column(&self) -> &str {
        &self.tenant_column
    }

    /// The type of the tenant's key: `uuid` when [`check`](Self::check) reports a malformed name.
    #[must_use]
    pub fn tenant_type(&self) -> TenantType {
        self.tenant_type.as_ref().copied().unwrap_or_default()
    }

    /// The application's role.
    #[must_use]
    pub fn app_role(&self) -> &str {
        &self.app_role
    }

    /// The table of applied migrations.
    #[must_use]
    pub fn migration_table(&self) -> &str {
        &self.migration_table
    }

    /// The table sets that the migrations create. Every set, when [`check`](Self::check) reports a malformed list.
    #[must_use]
    pub fn table_sets(&self) -> &TableSets {
        static ALL: std::sync::LazyLock<TableSets> = std::sync::LazyLock::new(TableSets::all);
        self.table_sets.as_ref().unwrap_or(&ALL)
    }

    /// Checks the table sets, the tenant column and the type of the tenant's key.
    ///
    /// ```
    /// # use watertight_migration::{Settings, TableSet, TableSets};
    /// let reserved = TableSets::all().in_schema(TableSet::Auth, "pg_auth");
    /// assert!(Settings::default().with_table_sets(reserved).check().is_err());
    /// ```
    ///
    /// # Errors
    ///
    /// A [`SettingsError`] when [`from_env`](Self::from_env) read a malformed value, a name cannot be one, or table sets
    /// are chosen with a type other than `uuid`.
    pub fn check(&self) -> Result<(), SettingsError> {
        let sets = self.table_sets.as_ref().map_err(Clone::clone)?;
        sets.check()?;
        name::check("column", &self.tenant_column)?;
        let tenant_type = self.tenant_type.clone()?;
        if !tenant_type.fits(sets) {
            return Err(SettingsError::OwnTablesNeedUuid { tenant_type, table_sets: sets.to_string() });
        }
        Ok(())
    }

    /// The schema of a set's tables, for SQL. The default schema is left without quotes, as it was released.
    pub(crate) fn schema_sql(&self, set: TableSet) -> String {
        let schema = self.table_sets().schema(set);
        if schema == set.schema() { schema.to_owned() } else { sql::identifier(schema) }
    }
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            app_role: Self::DEFAULT_APP_ROLE.to_owned(),
            migration_table: isolation::MIGRATION_TABLE.to_owned(),
            table_sets: Ok(TableSets::default()),
            tenant_column: isolation::TENANT_COLUMN.to_owned(),
            tenant_type: Ok(TenantType::default()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with_table_sets(text: &str) -> Settings {
        Settings::from_variables(|name| (name == Settings::TABLE_SETS_VARIABLE).then(|| text.into()))
    }

    #[test]
    fn the_environment_names_the_table_sets() {
        let sets = |text| with_table_sets(text).table_sets().to_string();
        assert_eq!(sets("auth=identity,booking"), "auth=identity,content,booking");
        assert_eq!(sets("none"), "none");
        assert_eq!(with_table_sets(""), Settings::default());
    }

    #[test]
    fn a_malformed_variable_is_an_error_of_every_migration() {
        for text in ["auht", "auth=pg_auth", "auth,,booking"] {
            let settings = with_table_sets(text);
            assert!(settings.check().is_err(), "{text}");
            // A database in which everything is applied has a pending migration that reports it.
            let names: Vec<String> =
                crate::migrations(&settings).iter().map(|migration| migration.name().to_owned()).collect();
            assert!(names.last().is_some_and(|name| name == "malformed settings"), "{names:?}");
        }
        assert!(with_table_sets("auht").with_table_sets(TableSets::none()).check().is_ok());
    }
}
