use watertight_schema::{TableSetError, TenantType, TenantTypeError};

use crate::TableError;

/// The [`Settings`](crate::Settings) of the migrations are malformed, or do not fit together.
///
/// ```
/// use watertight_migration::{Settings, SettingsError, TenantType};
///
/// let answer = match Settings::default().with_tenant_type(TenantType::BigInt).check() {
///     Err(SettingsError::OwnTablesNeedUuid { tenant_type, .. }) => format!("{tenant_type}: choose no table sets"),
///     other => format!("{other:?}"),
/// };
/// assert_eq!(answer, "bigint: choose no table sets");
/// ```
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SettingsError {
    /// The table sets are malformed.
    #[error(transparent)]
    TableSets(#[from] TableSetError),
    /// No type of a tenant's key has the name.
    #[error(transparent)]
    TenantType(#[from] TenantTypeError),
    /// The tenant column has a name that PostgreSQL would refuse or cut off.
    #[error(transparent)]
    TenantColumn(#[from] TableError),
    /// Watertight's own tables are chosen, and the tenants have keys of another type than `uuid`.
    #[error(
        "watertight's own tables have the tenant column tenant_id of type uuid, so a database has them, or tenants of \
         type {tenant_type}, but not both; choose no table sets (`none`) instead of {table_sets}, or the type uuid"
    )]
    OwnTablesNeedUuid {
        /// The type of the tenant's key.
        tenant_type: TenantType,
        /// The chosen table sets.
        table_sets: String,
    },
}
