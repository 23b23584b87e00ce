//! Logins that wait for their second factor.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use uuid::Uuid;
use watertight::TenantId;
use watertight::auth::LoginRequest;

const PATIENCE: Duration = Duration::from_mins(5);
/// Only those whose password was right wait here, so few do.
const MOST: usize = 1_000;

/// What was typed on the first page of a login, kept while the second is filled in, so that the password is in no page.
/// It is kept in this process: where there are several, a login whose second page meets another begins anew.
#[derive(Clone, Default)]
pub(crate) struct PendingLogins(Arc<Mutex<HashMap<Uuid, Pending>>>);

struct Pending {
    tenant: TenantId,
    since: Instant,
    request: LoginRequest,
}

impl PendingLogins {
    /// Keeps a login, and gives what it is asked for by: 122 random bits.
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

    /// Takes a login of a tenant, once.
    pub(crate) fn take(&self, tenant: TenantId, key: Uuid) -> Option<LoginRequest> {
        let mut pending = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if pending.get(&key)?.tenant != tenant {
            return None;
        }
        let login = pending.remove(&key)?;
        (login.since.elapsed() < PATIENCE).then_some(login.request)
    }
}
