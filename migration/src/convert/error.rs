use sea_orm_migration::DbErr;
use watertight_schema::TenantType;

use super::{ConversionProblem, Phase};
use crate::TableError;
use crate::script::lines;

/// Tables were not converted, or a conversion was not undone.
///
/// Each step is complete or has changed nothing, and running the phase again continues with the first step that is not
/// done.
///
/// ```
/// use watertight_migration::convert::{ConversionError, Phase};
///
/// let error = ConversionError::EarlierPhase { phase: Phase::Isolation, first: Phase::Keys };
/// assert_eq!(error.to_string(), "phase isolation needs phase keys, which is not complete; run phase keys first");
/// assert!(error.problems().is_empty());
/// ```
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConversionError {
    /// Tables cannot be converted as they are.
    #[error("nothing was changed; fix {} first:\n{}", count(problems.len()), lines(problems))]
    Refused {
        /// Every problem.
        problems: Vec<ConversionProblem>,
    },
    /// No table is named.
    #[error("no table is named; name the tables to convert, or convert all tables of a schema")]
    NoTables,
    /// The key of the existing rows' tenant cannot be one.
    #[error(
        "the tenant key {given:?} is not {rule}; the tenants of this database have keys of type {tenant}"
    )]
    TenantKey {
        /// The key given.
        given: String,
        /// The type of the tenant's key.
        tenant: TenantType,
        /// The rule for keys of this type.
        rule: &'static str,
    },
    /// An earlier phase is not complete.
    #[error("phase {phase} needs phase {first}, which is not complete; run phase {first} first")]
    EarlierPhase {
        /// The phase to run.
        phase: Phase,
        /// The first phase that is not complete.
        first: Phase,
    },
    /// Rows of several tenants would be mixed.
    #[error(
        "the conversion was not undone, because its tables have rows of {} tenants ({}), which would be mixed; \
         erase all tenants except one, or keep the conversion",
        tenants.len(),
        tenants.join(", ")
    )]
    SeveralTenants {
        /// The first tenants.
        tenants: Vec<String>,
    },
    /// There is nothing to undo.
    #[error(
        "no conversion of these tables is recorded in watertight.conversions, so there is nothing to undo; check that \
         the URL names the right database, and that the tables are named as for the conversion"
    )]
    NothingToUndo,
    /// A lock was not granted in time.
    #[error(
        "{object}: the step \"{title}\" did not get its lock within {attempts} attempts, because other transactions use \
         the table; end long transactions, and run the phase again"
    )]
    Locked {
        /// The table of the step.
        object: String,
        /// The title of the step.
        title: String,
        /// The number of attempts.
        attempts: u32,
    },
    /// A step failed.
    #[error("{object}: the step \"{title}\" failed, and running the phase again continues with it: {source}")]
    Step {
        /// The table of the step.
        object: String,
        /// The title of the step.
        title: String,
        /// The error of the database.
        source: DbErr,
    },
    /// A name that PostgreSQL would refuse or cut off.
    #[error(transparent)]
    Name(#[from] TableError),
    /// The database reported an error.
    #[error(transparent)]
    Database(#[from] DbErr),
}

impl ConversionError {
    /// The problems of [`Refused`](Self::Refused), and none for any other error.
    #[must_use]
    pub fn problems(&self) -> &[ConversionProblem] {
        match self {
            Self::Refused { problems } => problems,
            _ => &[],
        }
    }
}

fn count(problems: usize) -> String {
    if problems == 1 { "1 problem".to_owned() } else { format!("{problems} problems") }
}
