//! What differs between one installation's migrations and another's.

/// The names that the migrations take from outside.
///
/// ```
/// use watertight_migration::Settings;
///
/// assert_eq!(Settings::default().app_role(), "watertight_app");
/// assert_eq!(Settings::default().with_app_role("shop").app_role(), "shop");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    app_role: String,
    migration_table: String,
}

impl Settings {
    /// The environment variable that names the application's role.
    pub const APP_ROLE_VARIABLE: &str = "WATERTIGHT_APP_ROLE";

    /// The application's role when nothing else is said.
    pub const DEFAULT_APP_ROLE: &str = "watertight_app";

    /// Settings as the environment gives them, and the defaults for what it does not.
    ///
    /// An empty variable counts as unset. A name that is not the name of a role is reported by the
    /// migration that grants to it.
    ///
    /// ```
    /// let settings = watertight_migration::Settings::from_env();
    /// assert!(!settings.app_role().is_empty());
    /// ```
    #[must_use]
    pub fn from_env() -> Self {
        match std::env::var_os(Self::APP_ROLE_VARIABLE) {
            Some(role) if !role.is_empty() => Self::default().with_app_role(role.to_string_lossy()),
            _ => Self::default(),
        }
    }

    /// Names the role that the application logs in with, which is granted what an application needs.
    ///
    /// It has to be another role than the one that runs the migrations: an owner can give itself any
    /// right on its tables, and so is not held by the append-only audit trail.
    #[must_use]
    pub fn with_app_role(mut self, role: impl Into<String>) -> Self {
        self.app_role = role.into();
        self
    }

    /// Names the table in which sea-orm-migration notes what it has applied, for a migrator that
    /// overrides `migration_table_name`.
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

    /// The role that the application logs in with.
    #[must_use]
    pub fn app_role(&self) -> &str {
        &self.app_role
    }

    /// The table in which sea-orm-migration notes what it has applied.
    #[must_use]
    pub fn migration_table(&self) -> &str {
        &self.migration_table
    }
}

impl Default for Settings {
    fn default() -> Self {
        Self { app_role: Self::DEFAULT_APP_ROLE.to_owned(), migration_table: "seaql_migrations".to_owned() }
    }
}
