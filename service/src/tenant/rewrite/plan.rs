use std::sync::Arc;

use sea_orm::Value;
use watertight_schema::TenantType;

use super::super::id::TenantId;
use super::super::refusal::{Reason, Refusal, StatementKind};
use super::setting::SettingUse;

/// The rewritten form of a text, computed once for all tenants.
#[derive(Debug, Clone)]
pub(crate) struct Plan {
    /// The text to send.
    pub(crate) sql: Arc<str>,
    pub(crate) kind: StatementKind,
    /// Whether it cannot change anything, so that its transaction does not need a commit.
    pub(crate) read_only: bool,
    /// The tenants that the statement names for the rows that it writes.
    pub(crate) named: Vec<NamedTenant>,
    /// The use of settings, for a statement that names no table and binds no tenant.
    pub(crate) settings: Option<SettingUse>,
}

/// A value that the statement writes to the tenant column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum NamedTenant {
    /// The bound value at this index, counted from zero.
    Parameter(usize),
    /// A string or a number in the text.
    Literal(String),
}

impl Plan {
    /// Refuses values that name another tenant for a row.
    pub(crate) fn check(&self, tenant: TenantId, values: &[Value]) -> Result<(), Refusal> {
        for named in &self.named {
            let given = match named {
                NamedTenant::Literal(text) => written(text, tenant.tenant_type()),
                NamedTenant::Parameter(index) => {
                    values.get(*index).and_then(|value| named_by(value, tenant.tenant_type()))
                }
            };
            if given != Some(tenant) {
                let reason = Reason::ForeignTenant { given: shown(given), own: tenant.to_string() };
                return Err(Refusal::new(self.kind, reason));
            }
        }
        Ok(())
    }
}

/// The tenant that a bound value names.
fn named_by(value: &Value, tenant_type: TenantType) -> Option<TenantId> {
    let named = match value {
        Value::Uuid(Some(id)) => TenantId::try_from(*id).ok()?,
        Value::BigInt(Some(id)) => TenantId::try_from(*id).ok()?,
        Value::Int(Some(id)) => TenantId::try_from(*id).ok()?,
        Value::SmallInt(Some(id)) => TenantId::try_from(i32::from(*id)).ok()?,
        Value::String(Some(text)) => return written(text, tenant_type),
        _ => return None,
    };
    named.converted(tenant_type)
}

/// The tenant that a text names. White space is part of a key of type text, and PostgreSQL ignores it in a number.
fn written(text: &str, tenant_type: TenantType) -> Option<TenantId> {
    match tenant_type {
        TenantType::Text => TenantId::try_from(text).ok(),
        _ => TenantId::parse_as(tenant_type, text).ok(),
    }
}

/// Only a UUID or a number is shown, because another value may have been bound here by mistake.
fn shown(given: Option<TenantId>) -> String {
    match given {
        Some(id) if id.tenant_type() != TenantType::Text => id.to_string(),
        Some(_) => "(another text)".to_owned(),
        None => "(not the ID of a tenant)".to_owned(),
    }
}
