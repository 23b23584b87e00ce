//! The settings of an installation's migrations.

use std::ffi::OsString;

use watertight_schema::{TableSet, TableSetError, TableSets, isolation, sql};

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
    table_sets: Result<TableSets, TableSetError>,
}

impl Settings {
    /// The environment variable that names the application's role.
    pub const APP_ROLE_VARIABLE: &str = "WATERTIGHT_APP_ROLE";

    /// The application's role by default.
    pub const DEFAULT_APP_ROLE: &str = "watertight_app";

    /// The environment variable with the [table sets](TableSets) as text.
    pub const TABLE_SETS_VARIABLE: &str = "WATERTIGHT_TABLE_SETS";

    /// The settings of the environment, and defaults for variables that are unset or empty.
    ///
    /// A malformed list of table sets is reported by [`check`](Self::check) and by every migration. A name that cannot
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
            settings.table_sets = sets.to_string_lossy().parse();
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

    /// Checks the table sets.
    ///
    /// ```
    /// # use watertight_migration::{Settings, TableSet, TableSets};
    /// let reserved = TableSets::all().in_schema(TableSet::Auth, "pg_auth");
    /// assert!(Settings::default().with_table_sets(reserved).check().is_err());
    /// ```
    ///
    /// # Errors
    ///
    /// [`TableSetError`] when [`from_env`](Self::from_env) read a malformed list, or a set has a schema that cannot be
    /// one.
    pub fn check(&self) -> Result<(), TableSetError> {
        self.table_sets.as_ref().map_err(Clone::clone)?.check()
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
            assert!(
                names.last().is_some_and(|name| name.contains(Settings::TABLE_SETS_VARIABLE)),
                "{names:?}"
            );
        }
        assert!(with_table_sets("auht").with_table_sets(TableSets::none()).check().is_ok());
    }
}
