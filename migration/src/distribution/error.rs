use sea_orm_migration::DbErr;

use super::{Distribution, Violation};
use crate::script::lines;
use crate::{SettingsError, TableError};

/// The tables were not distributed. Nothing in the database has changed.
///
/// ```
/// # use sea_orm_migration::sea_orm::DatabaseConnection;
/// use watertight_migration::distribution::{Distribution, DistributionError};
/// use watertight_migration::tenant_keys;
///
/// async fn distribute(coordinator: &DatabaseConnection) -> Result<(), Box<dyn std::error::Error>> {
///     let distribution = Distribution::new();
///     let report = match distribution.run(coordinator).await {
///         // The workers of a cluster cannot read the keys.
///         Err(DistributionError::SignedTenant) => {
///             tenant_keys::waive(coordinator).await?;
///             distribution.run(coordinator).await?
///         }
///         other => other?,
///     };
///     println!("{report}");
///     Ok(())
/// }
///
/// let error = DistributionError::ExtensionTooOld { version: "10.2".to_owned() };
/// assert!(error.to_string().contains("update it to 11 or later") && error.violations().is_empty());
/// ```
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DistributionError {
    /// The database does not have the extension `citus`.
    #[error(
        "the database does not have the extension citus; install it on every machine, run CREATE EXTENSION \
         citus in this database on each machine, and add the machines with citus_add_node"
    )]
    NoExtension,
    /// The extension does not support row-level security on distributed tables.
    #[error(
        "the database has citus {version}, which does not support row-level security on distributed tables; \
         update it to {} or later",
        Distribution::LEAST_VERSION
    )]
    ExtensionTooOld {
        /// The installed version.
        version: String,
    },
    /// The database verifies tenants with keys that only the coordinator has.
    #[error(
        "the policies verify the tenant with keys that the workers of a cluster cannot read; run `watertight \
         keys waive` first, and read in the guide about the attacks that row-level security does not stop \
         then"
    )]
    SignedTenant,
    /// Tables break rules by which Citus distributes.
    #[error(
        "nothing was distributed, because tables violate the rules of distribution:\n{}",
        lines(violations)
    )]
    Refused {
        /// Every violation.
        violations: Vec<Violation>,
    },
    /// A name that PostgreSQL would refuse or cut off.
    #[error(transparent)]
    Name(#[from] TableError),
    /// The settings are malformed.
    #[error(transparent)]
    Settings(#[from] SettingsError),
    /// The number of a table's rows would change.
    #[error(
        "table {table} has {before} rows, but would have {after} when distributed; nothing was changed; \
         please report this bug"
    )]
    RowsDiffer {
        /// The table as `schema.table`.
        table: String,
        /// The number of rows before.
        before: i64,
        /// The number of rows after distribution.
        after: i64,
    },
    /// The database reported an error.
    #[error(transparent)]
    Database(#[from] DbErr),
}

impl DistributionError {
    /// The violations of [`Refused`](Self::Refused), and none for any other error.
    #[must_use]
    pub fn violations(&self) -> &[Violation] {
        match self {
            Self::Refused { violations } => violations,
            _ => &[],
        }
    }
}
