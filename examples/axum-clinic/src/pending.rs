//! Logins that wait for their second factor.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use uuid::Uuid;
use watertight::TenantId;
use watertight::auth::LoginRequest;

const PATIENCE: Duration = Duration::from_mins(5);
/// The largest number of pending logins. Few are pending, because only logins with a correct password are.
const MOST: usize = 1_000;

/// The logins that wait for their second page, kept so that no page contains the password.
///
/// They are kept in this process. With several processes, a login starts over if its second page reaches
/// another one.
#[derive(Clone, Default)]
pub(crate) struct PendingLogins(Arc<Mutex<HashMap<Uuid, Pending>>>);

struct Pending {
    tenant: TenantId,
    since: Instant,
    request: LoginRequest,
}

impl PendingLogins {
    /// Keeps a login and returns its key of 122 random bits.
    pub(crate) fn keep(&self, tenant: TenantId, request: LoginRequest) -> Uuid {
        let key = Uuid::new_v4();
        let mut pending = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        pending.retain(|_, login| login.since.elapsed() < PATIENCE);
        if pending.len() >= MOST
            && let Some(oldest) = pending.iter().min_by_key(|(_, login)| login.since).map(|(key, _)| *key)
        {
            pending.remove(&oldest);
        }
        pending.insert(key, Pending { tenant, since: Instant::now(), request });
        key
    }

    /// Removes and returns a login of a tenant.
    pub(crate) fn take(&self, tenant: TenantId, key: Uuid) -> Option<LoginRequest> {
        let mut pending = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if pending.get(&key)?.tenant != tenant {
            return None;
        }
        let login = pending.remove(&key)?;
        (login.since.elapsed() < PATIENCE).then_some(login.request)
    }
}
