//! The tenant as bound values behind a statement's own: for the guards, and for row-level security.

use sea_orm::sqlx::encode::IsNull;
use sea_orm::sqlx::error::BoxDynError;
use sea_orm::sqlx::postgres::{PgArgumentBuffer, PgArguments, PgTypeInfo};
use sea_orm::sqlx::{Arguments, Encode, IntoArguments, Postgres, Type};
use sea_orm::{DbErr, Value};
use sea_query_sqlx::SqlxValues;

use super::id::TenantId;
use super::signing::Token;

/// The domain over `text` whose check makes the setting of row-level security.
///
/// PostgreSQL converts bound values before it plans and runs the statement that they are bound to, and converting a
/// value to a domain evaluates the domain's check. The check of this one is `set_config('watertight.tenant', VALUE,
/// true)`, so every statement brings its tenant along, and the setting ends with the transaction. PostgreSQL converts
/// bound values that the text does not refer to, too.
pub(crate) const TENANT_TYPE: &str = watertight_schema::isolation::TENANT_TYPE;

/// What is bound behind a statement's own values.
#[derive(Debug, Clone)]
pub(super) struct TenantParameters {
    /// For the guards of the rewriter.
    pub(super) tenant: TenantId,
    /// For row-level security, where a value makes its setting.
    pub(super) token: Option<Token>,
}

impl TenantParameters {
    /// The values of a statement, the tenant behind them.
    pub(super) fn bind(parameters: Option<Self>, values: Vec<Value>) -> Result<PgArguments, DbErr> {
        let mut arguments = SqlxValues(sea_orm::sea_query::Values(values)).into_arguments();
        if let Some(Self { tenant, token }) = parameters {
            let mut added = arguments.add(tenant.uuid());
            if let Some(token) = token {
                added = added.and_then(|()| arguments.add(token));
            }
            added.map_err(|error| DbErr::Custom(error.to_string()))?;
        }
        Ok(arguments)
    }
}

/// The comment at the end of a text. It names the values that are bound after the statement's own. The driver knows prepared statements by
/// their text alone, and the same text can come with other values, or over the same pool with other layers.
pub(super) fn marker(values: usize, token: bool) -> String {
    let tenant = values + 1;
    if token {
        format!(" /* tenant ${tenant}, token ${} */", tenant + 1)
    } else {
        format!(" /* tenant ${tenant} */")
    }
}

impl Type<Postgres> for Token {
    fn type_info() -> PgTypeInfo {
        PgTypeInfo::with_name(TENANT_TYPE)
    }
}

impl Encode<'_, Postgres> for Token {
    fn encode_by_ref(&self, buffer: &mut PgArgumentBuffer) -> Result<IsNull, BoxDynError> {
        Encode::<Postgres>::encode_by_ref(&self.0.as_str(), buffer)
    }
}
