//! Logins that wait for their second factor.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use uuid::Uuid;
use watertight::TenantId;
use watertight::auth::LoginRequest;

const PATIENCE: Duration = Duration::from_mins(5);
/// The largest number of pending logins of a tenant. Few are pending, because only logins with a correct password are.
const MOST: usize = 100;
/// The largest number of pending logins of one name, so that the owner of one account displaces nobody else.
const MOST_OF_NAME: usize = 3;

/// The logins that wait for their second page, kept so that no page contains the password.
///
/// They are kept in this process. With several processes, a login starts over if its second page reaches
/// another one.
#[derive(Clone, Default)]
pub(crate) struct PendingLogins(Arc<Mutex<HashMap<TenantId, OfTenant>>>);

type OfTenant = HashMap<Uuid, Pending>;

struct Pending {
    since: Instant,
    request: LoginRequest,
}

impl PendingLogins {
    /// Keeps a login and returns its key of 122 random bits.
    ///
    /// When there are too many, the oldest of the same name, or else of the same tenant, is removed.
    pub(crate) fn keep(&self, tenant: TenantId, request: LoginRequest) -> Uuid {
        let mut all = self.all();
        all.retain(|_, logins| {
            logins.retain(|_, login| login.since.elapsed() < PATIENCE);
            !logins.is_empty()
        });
        let logins = all.entry(tenant).or_default();
        let name = request.identifier.clone();
        let is_same = move |login: &Pending| login.request.identifier == name;
        if logins.values().filter(|login| is_same(login)).count() >= MOST_OF_NAME {
            remove_oldest(logins, is_same);
        } else if logins.len() >= MOST {
            remove_oldest(logins, |_| true);
        }
        let key = Uuid::new_v4();
        logins.insert(key, Pending { since: Instant::now(), request });
        key
    }

    /// Removes and returns a login of a tenant.
    pub(crate) fn take(&self, tenant: TenantId, key: Uuid) -> Option<LoginRequest> {
        let login = self.all().get_mut(&tenant)?.remove(&key)?;
        (login.since.elapsed() < PATIENCE).then_some(login.request)
    }

    fn all(&self) -> MutexGuard<'_, HashMap<TenantId, OfTenant>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn remove_oldest(logins: &mut OfTenant, of: impl Fn(&Pending) -> bool) {
    let oldest = logins.iter().filter(|(_, login)| of(login)).min_by_key(|(_, login)| login.since);
    if let Some(key) = oldest.map(|(key, _)| *key) {
        logins.remove(&key);
    }
}

#[cfg(test)]
mod tests {
    use watertight::auth::Password;

    use super::*;

    fn tenant(n: u128) -> TenantId {
        TenantId::new(Uuid::from_u128(n)).unwrap()
    }

    fn login(name: &str) -> LoginRequest {
        LoginRequest::new(name.parse().unwrap(), Password::to_verify("x").unwrap())
    }

    #[test]
    fn neither_a_tenant_nor_an_account_displaces_the_logins_of_another() {
        let pending = PendingLogins::default();
        let (here, there) = (tenant(1), tenant(2));
        let (jess, elsewhere) = (pending.keep(here, login("jess")), pending.keep(there, login("jess")));
        for n in 0..2 * MOST {
            pending.keep(there, login(&format!("user{n}")));
            pending.keep(here, login("max"));
        }
        assert!(pending.take(there, jess).is_none());
        assert!(pending.take(here, jess).is_some());
        assert!(pending.take(here, jess).is_none(), "once");
        assert!(pending.take(there, elsewhere).is_none(), "the oldest of its own tenant");
        let numbers: Vec<_> = [here, there].iter().map(|tenant| pending.all()[tenant].len()).collect();
        assert_eq!(numbers, [MOST_OF_NAME, MOST]);
    }
}
