//! The names that most files of an application need.
//!
//! ```
//! use watertight::prelude::*;
//!
//! async fn tenant_of(water: &Watertight, id: TenantId) -> Result<TenantConnection, Error> {
//!     Ok(water.tenant(id))
//! }
//! ```

#[cfg(feature = "auth")]
pub use crate::auth::{
    AuditEventEntity, InvitationEntity, InvitationRecord, SessionEntity, SessionRecord, UserEntity,
    UserRecord,
};
#[cfg(feature = "booking")]
pub use crate::booking::scheduling::BookingRecord;
pub use crate::error::Error;
pub use crate::tenant::{TenantConnection, TenantEntity, TenantExecutor, TenantId, TenantTransaction};
pub use crate::watertight::{Tenant, Watertight};
