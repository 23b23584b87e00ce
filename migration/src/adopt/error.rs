use sea_orm_migration::DbErr;
use watertight_schema::{TableSet, TenantKeyError};

use super::Problem;
use crate::script::lines;
use crate::{Settings, SettingsError, TableError};

/// The database was not adopted. Nothing in it has changed.
///
/// ```
/// # use sea_orm_migration::sea_orm::DatabaseConnection;
/// use watertight_migration::adopt::{Adoption, AdoptionError};
///
/// async fn adopt(adoption: &Adoption, owner: &DatabaseConnection) -> Result<(), AdoptionError> {
///     match adoption.run(owner).await {
///         Ok(report) => println!("{report}"),
///         Err(AdoptionError::AlreadyMigrated { .. }) => println!("the database was adopted before"),
///         Err(error) => {
///             error.problems().iter().for_each(|problem| eprintln!("{problem}"));
///             return Err(error);
///         }
///     }
///     Ok(())
/// }
///
/// let error = AdoptionError::UnknownTimeZone { name: "Boston".to_owned() };
/// assert!(error.to_string().starts_with(r#""Boston" is not a time zone; use an IANA name"#));
/// assert!(error.problems().is_empty());
/// ```
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AdoptionError {
    /// Some or all of watertight's migrations are applied.
    #[error(
        "migrations of watertight are already applied to the database ({}), so there is nothing to adopt; run \
         the pending migrations",
        migrations.join(", ")
    )]
    AlreadyMigrated {
        /// The applied migrations.
        migrations: Vec<String>,
    },
    /// The database is not a database of tinyland-auth-pg, or of another version of it.
    #[error(
        "the database is not a database of tinyland-auth-pg 0.2, because it lacks: {}; check that the URL names the \
         right database, and update an older database to 0.2 with the migrations of tinyland-auth-pg first",
        missing.join(", ")
    )]
    NotTheOriginal {
        /// The tables, and the columns as `schema.table.column`, that the original has and the database lacks.
        missing: Vec<String>,
    },
    /// The database has tables of the original whose table set is not chosen.
    #[error(
        "the database has tables of the original whose table sets are not chosen: {}; add the table sets, as \
         in {}={}",
        names(sets),
        Settings::TABLE_SETS_VARIABLE,
        with_them
    )]
    TableSetNotChosen {
        /// The missing table sets.
        sets: Vec<TableSet>,
        /// The chosen table sets with the missing ones, as text.
        with_them: String,
    },
    /// The role lacks rights.
    #[error(
        "the role lacks rights ({}); adopt as the role that owns the tables, or make the role their owner, \
         and GRANT it CREATE on the database and on the schemas of the tables",
        missing.join("; ")
    )]
    NoRights {
        /// The missing rights.
        missing: Vec<String>,
    },
    /// The time zone does not exist.
    #[error("{name:?} is not a time zone; use an IANA name such as Europe/Vienna")]
    UnknownTimeZone {
        /// The name given.
        name: String,
    },
    /// Rows or objects in the database do not fit, or would be lost.
    #[error(
        "the database was not adopted, and nothing was changed; fix {} first:\n{}",
        count(problems.len()), lines(problems)
    )]
    Refused {
        /// Every problem.
        problems: Vec<Problem>,
    },
    /// The settings name a role, a table or a schema that cannot be one.
    #[error(transparent)]
    Name(#[from] TableError),
    /// The settings are malformed.
    #[error(transparent)]
    Settings(#[from] SettingsError),
    /// The environment's tenant keys are malformed.
    #[error(transparent)]
    TenantKey(#[from] TenantKeyError),
    /// The database reported an error.
    #[error(transparent)]
    Database(#[from] DbErr),
}

impl AdoptionError {
    /// The problems of [`Refused`](Self::Refused), and none for any other error.
    #[must_use]
    pub fn problems(&self) -> &[Problem] {
        match self {
            Self::Refused { problems } => problems,
            _ => &[],
        }
    }
}

fn names(sets: &[TableSet]) -> String {
    sets.iter().map(|set| set.name()).collect::<Vec<_>>().join(", ")
}

fn count(problems: usize) -> String {
    if problems == 1 { "1 problem".to_owned() } else { format!("{problems} problems") }
}
