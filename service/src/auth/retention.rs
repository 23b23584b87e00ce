//! Deletion of expired rows, for maintenance across all tenants.

pub(crate) use crate::auth::audit::retention::delete_audit_events;
pub(crate) use crate::auth::invitations::retention::delete_expired_invitations as delete_invitations;
pub(crate) use crate::auth::sessions::retention::delete_expired_sessions as delete_sessions;
