use std::sync::Arc;

use sea_orm::Value;
use uuid::Uuid;

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

/// A value that the statement writes to `tenant_id`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum NamedTenant {
    /// The bound value at this index, counted from zero.
    Parameter(usize),
    /// A string in the text.
    Literal(String),
}

impl Plan {
    /// Refuses values that name another tenant for a row.
    pub(crate) fn check(&self, tenant: TenantId, values: &[Value]) -> Result<(), Refusal> {
        for named in &self.named {
            // Only a UUID is shown in the message, because another value may have been bound here by mistake.
            let given = match named {
                NamedTenant::Literal(text) => Uuid::parse_str(text).ok(),
                NamedTenant::Parameter(index) => match values.get(*index) {
                    Some(Value::Uuid(id)) => *id,
                    Some(Value::String(Some(text))) => Uuid::parse_str(text).ok(),
                    _ => None,
                },
            };
            if given != Some(tenant.uuid()) {
                let given = given.map_or_else(|| "(not a UUID)".to_owned(), |id| id.to_string());
                let reason = Reason::ForeignTenant { given, own: tenant.to_string() };
                return Err(Refusal::new(self.kind, reason));
            }
        }
        Ok(())
    }
}
