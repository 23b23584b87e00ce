//! Errors of the test kit.

use std::path::PathBuf;

use sea_orm::DbErr;

/// A server or a database for tests is not available, or a preparation of a test failed.
///
/// ```
/// use watertight_testing::TestError;
///
/// fn advice(error: &TestError) -> &'static str {
///     match error {
///         TestError::NoInstallation { .. } => "install PostgreSQL, or set DATABASE_OWNER_URL and DATABASE_URL",
///         TestError::NoRows { .. } => "write rows of both tenants",
///         _ => "read the message",
///     }
/// }
///
/// let error = TestError::NoRows { table: "public.tasks".to_owned() };
/// assert_eq!(advice(&error), "write rows of both tenants");
/// ```
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TestError {
    /// An environment variable that names the server is missing.
    #[error(
        "{variable} is not set; set DATABASE_OWNER_URL and DATABASE_URL, or set DATABASE_SUPERUSER_URL, or start a \
         private server with `TestServer::start`"
    )]
    VariableMissing {
        /// The variable.
        variable: &'static str,
    },
    /// A text is not the URL of a database.
    #[error(
        "the value of {variable} is not the URL of a database: {reason}; write it as postgres://role@host/database"
    )]
    MalformedUrl {
        /// The variable, or the argument.
        variable: &'static str,
        /// The reason.
        reason: String,
    },
    /// No installation of `PostgreSQL` was found.
    #[error(
        "no installation of PostgreSQL with the programs initdb and postgres was found in {}; install one, or set \
         DATABASE_OWNER_URL and DATABASE_URL",
        list(folders)
    )]
    NoInstallation {
        /// The folders that do not contain the programs.
        folders: Vec<PathBuf>,
    },
    /// This process runs as root, and there is no other user for the server.
    #[error(
        "PostgreSQL does not run as root, and the system has no user postgres or nobody; run the tests as another user"
    )]
    RunsAsRoot,
    /// The private server did not start.
    #[error("the private PostgreSQL server did not start; its output is: {output}")]
    NotStarted {
        /// The output of the server.
        output: String,
    },
    /// A role exists with an unknown password.
    #[error(
        "the role {role} exists, and its password is unknown, so that tests cannot connect as this role; set \
         DATABASE_OWNER_URL and DATABASE_URL with the passwords, or drop the role"
    )]
    RoleExists {
        /// The role.
        role: String,
    },
    /// A file or a process failed.
    #[error("{action} failed")]
    Io {
        /// The action.
        action: String,
        /// The error of the operating system.
        #[source]
        source: std::io::Error,
    },
    /// The database failed.
    #[error("{action} failed")]
    Database {
        /// The action.
        action: String,
        /// The error of the database.
        #[source]
        source: DbErr,
    },
    /// The application's migrations failed on the template.
    #[error("the migrations failed on the template database")]
    Migrations(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The application's builder did not connect.
    #[error(transparent)]
    Connect(#[from] watertight::Error),
    /// The fixtures failed.
    #[error("the fixtures failed for {of}")]
    Fixtures {
        /// The tenant, or the text "everyone".
        of: String,
        /// The error of the fixtures.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The fixtures wrote no row of one of the tenants, so that the test could not fail.
    #[error(
        "the fixtures write no row of both tenants to {table}, so a test could not see a leak; write rows of both \
         tenants to each table that the fixtures fill"
    )]
    NoRows {
        /// The table, or the text "any table".
        table: String,
    },
}

impl TestError {
    pub(crate) fn io(action: impl Into<String>) -> impl FnOnce(std::io::Error) -> Self {
        let action = action.into();
        |source| Self::Io { action, source }
    }

    pub(crate) fn database(action: impl Into<String>) -> impl FnOnce(DbErr) -> Self {
        let action = action.into();
        |source| Self::Database { action, source }
    }
}

fn list(folders: &[PathBuf]) -> String {
    folders.iter().map(|folder| folder.display().to_string()).collect::<Vec<_>>().join(", ")
}
