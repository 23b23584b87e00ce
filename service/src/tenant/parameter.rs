//! The bound values that carry the tenant, after the values of the statement.

use sea_orm::sqlx::encode::IsNull;
use sea_orm::sqlx::error::BoxDynError;
use sea_orm::sqlx::postgres::{PgArgumentBuffer, PgArguments, PgTypeInfo};
use sea_orm::sqlx::{Arguments, Encode, IntoArguments, Postgres, Type};
use sea_orm::{DbErr, Value};
use sea_query_sqlx::SqlxValues;

use super::id::TenantId;
use super::signing::Token;

/// The domain over `text` with a check that sets the tenant for row-level security.
///
/// PostgreSQL converts bound values before it plans and runs their statement, and the conversion to a domain
/// evaluates its check. The check of this domain is `set_config('watertight.tenant', VALUE, true)`. So every
/// statement sets its tenant, and the setting ends with the transaction. PostgreSQL also converts bound
/// values that the text does not refer to.
pub(crate) const TENANT_TYPE: &str = watertight_schema::isolation::TENANT_TYPE;

/// The values that are bound after the values of the statement.
#[derive(Debug, Clone)]
pub(super) struct TenantParameters {
    /// The tenant, for the guards of the rewriter.
    pub(super) tenant: TenantId,
    /// The token for row-level security, if a bound value sets it.
    pub(super) token: Option<Token>,
}

impl TenantParameters {
    /// Binds the values of a statement, and the tenant after them.
    pub(super) fn bind(parameters: Option<Self>, values: Vec<Value>) -> Result<PgArguments, DbErr> {
        // SeaORM's other drivers implement the trait for their databases, too.
        let values = SqlxValues(sea_orm::sea_query::Values(values));
        let mut arguments = IntoArguments::<Postgres>::into_arguments(values);
        if let Some(Self { tenant, token }) = parameters {
            let mut added = match Value::from(tenant) {
                Value::BigInt(Some(id)) => arguments.add(id),
                Value::Int(Some(id)) => arguments.add(id),
                Value::String(Some(id)) => arguments.add(id),
                _ => arguments.add(tenant.uuid()),
            };
            if let Some(token) = token {
                added = added.and_then(|()| arguments.add(token));
            }
            added.map_err(|error| DbErr::Custom(error.to_string()))?;
        }
        Ok(arguments)
    }
}

/// The comment at the end of a text, which names the values bound after those of the statement.
///
/// The driver identifies prepared statements by their text. The comment separates equal texts with different
/// numbers of values or with different layers on the same pool.
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
