//! The tenant as a bound value that makes the setting of row-level security.

use sea_orm::sqlx::encode::IsNull;
use sea_orm::sqlx::error::BoxDynError;
use sea_orm::sqlx::postgres::{PgArgumentBuffer, PgArguments, PgTypeInfo};
use sea_orm::sqlx::{Arguments, Encode, IntoArguments, Postgres, Type};
use sea_orm::{DbErr, Value};
use sea_query_sqlx::SqlxValues;

use super::id::TenantId;

/// The domain over `uuid` whose check makes the setting.
///
/// PostgreSQL converts bound values before it plans and runs the statement that they are bound to, and converting a
/// value to a domain computes the domain's check. The check of this one is `set_config('app.tenant_id', VALUE, true)`:
/// a statement that is its own transaction so brings its tenant along, and the setting ends with it. That saves the
/// round trip of `BEGIN` and the one of `COMMIT`. Where the check is not computed there is no setting, and no row.
pub(crate) const TENANT_TYPE: &str = "auth.watertight_tenant";

/// The tenant that is bound behind a statement's own values.
#[derive(Debug, Clone, Copy)]
pub(super) enum TenantParameter {
    /// For the guards of the rewriter alone.
    Plain(TenantId),
    /// For the guards and for row-level security.
    ///
    /// The driver knows prepared statements by their text, so a statement is always bound like this where row-level
    /// security is in force, in a transaction that has made the setting, too.
    Setting(TenantId),
}

impl TenantParameter {
    /// The values of a statement, the tenant behind them.
    pub(super) fn bind(tenant: Option<Self>, values: Vec<Value>) -> Result<PgArguments, DbErr> {
        let mut arguments = SqlxValues(sea_orm::sea_query::Values(values)).into_arguments();
        match tenant {
            None => Ok(()),
            Some(Self::Plain(tenant)) => arguments.add(tenant.uuid()),
            Some(Self::Setting(tenant)) => arguments.add(Setting(tenant)),
        }
        .map_err(|error| DbErr::Custom(error.to_string()))?;
        Ok(arguments)
    }
}

struct Setting(TenantId);

impl Type<Postgres> for Setting {
    fn type_info() -> PgTypeInfo {
        PgTypeInfo::with_name(TENANT_TYPE)
    }
}

impl Encode<'_, Postgres> for Setting {
    fn encode_by_ref(&self, buffer: &mut PgArgumentBuffer) -> Result<IsNull, BoxDynError> {
        Encode::<Postgres>::encode_by_ref(&self.0.uuid(), buffer)
    }
}
