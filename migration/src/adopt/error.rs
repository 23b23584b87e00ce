//! Why a database was not adopted.

use std::{error::Error, fmt};

use sea_orm_migration::DbErr;

use super::Problem;
use crate::{TableError, TenantKeyError};

/// Why a database was not adopted. Whichever it is, nothing in the database has changed.
#[derive(Debug)]
#[non_exhaustive]
pub enum AdoptionError {
    /// Watertight's migrations, or some of them, are applied.
    AlreadyMigrated {
        /// Those that are.
        migrations: Vec<String>,
    },
    /// The database is not one of the original, or of another version of it.
    NotTheOriginal {
        /// The tables, and the columns as `schema.table.column`, that the original has and the database has not.
        missing: Vec<String>,
    },
    /// The role may not do what is to be done.
    NoRights {
        /// What it may not.
        missing: Vec<String>,
    },
    /// No such time zone.
    UnknownTimeZone {
        /// As it was given.
        name: String,
    },
    /// What is in the database does not fit, or would be lost.
    Refused {
        /// All of it.
        problems: Vec<Problem>,
    },
    /// The settings name a role or a table that cannot be one.
    Settings(TableError),
    /// The environment's tenant keys are malformed.
    TenantKey(TenantKeyError),
    /// What the database reports.
    Database(DbErr),
}

impl AdoptionError {
    /// What does not fit, where that is the reason.
    #[must_use]
    pub fn problems(&self) -> &[Problem] {
        match self {
            Self::Refused { problems } => problems,
            _ => &[],
        }
    }
}

impl fmt::Display for AdoptionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AlreadyMigrated { migrations } => write!(
                f,
                "the database is watertight's already ({} applied): there is nothing to adopt; run the migrations as \
                 ever",
                migrations.join(", ")
            ),
            Self::NotTheOriginal { missing } => write!(
                f,
                "the database is not one of the original's version 0.2: {} missing. Check that the URL names the right \
                 database, and bring an older one to 0.2 with the original's own migrations first",
                missing.join(", ")
            ),
            Self::NoRights { missing } => write!(
                f,
                "the role lacks the right {}. Adopt as the role that owns the tables, or make it their owner, and \
                 GRANT it CREATE on the database and both schemas",
                missing.join("; ")
            ),
            Self::UnknownTimeZone { name } => {
                write!(f, "{name:?} is no time zone; give a name of the IANA list, such as Europe/Vienna")
            }
            Self::Refused { problems } => {
                write!(
                    f,
                    "the database was not adopted and not changed: {} to mend first",
                    count(problems.len())
                )?;
                problems.iter().try_for_each(|problem| write!(f, "\n{problem}"))
            }
            Self::Settings(error) => error.fmt(f),
            Self::TenantKey(error) => error.fmt(f),
            Self::Database(error) => error.fmt(f),
        }
    }
}

fn count(problems: usize) -> String {
    if problems == 1 { "1 problem".to_owned() } else { format!("{problems} problems") }
}

impl Error for AdoptionError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Settings(error) => Some(error),
            Self::TenantKey(error) => Some(error),
            Self::Database(error) => Some(error),
            _ => None,
        }
    }
}

impl From<DbErr> for AdoptionError {
    fn from(error: DbErr) -> Self {
        Self::Database(error)
    }
}

impl From<TableError> for AdoptionError {
    fn from(error: TableError) -> Self {
        Self::Settings(error)
    }
}
