//! stub
mod error;
mod start;
mod tenant;
mod watertight;

pub use watertight_entity as entity;

pub use crate::error::Error;
pub use crate::tenant::{Reason, Refusal, StatementKind, TENANT_COLUMN, TenantConnection, TenantId, TenantStream, TenantTransaction};
pub use crate::watertight::{Builder, DATABASE_URL, Layers, Watertight};
