//! A limit on the bookings of one address, since a visitor proves nothing.

use std::collections::{HashMap, VecDeque};
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use uuid::Uuid;
use watertight::TenantId;
use watertight::web::network;

/// The most bookings of an address with one business within [`WINDOW`].
const MOST: usize = 10;
pub(crate) const WINDOW: Duration = Duration::from_hours(1);
/// The most addresses that are remembered for a tenant.
const ADDRESSES: usize = 10_000;

/// The bookings that visitors have made, by tenant and address, kept in this process.
#[derive(Clone, Default)]
pub(crate) struct Visits(Arc<Mutex<HashMap<TenantId, OfTenant>>>);

type OfTenant = HashMap<Option<IpAddr>, VecDeque<(Instant, Uuid)>>;

/// A booking that counts, unless it is given back.
pub(crate) struct Visit {
    visits: Visits,
    tenant: TenantId,
    address: Option<IpAddr>,
    key: Uuid,
}

impl Visits {
    /// Counts a booking before it is made, so that concurrent ones count, too. The same form counts once.
    ///
    /// Returns `None` for an address that has made too many bookings.
    pub(crate) fn count(&self, tenant: TenantId, address: Option<IpAddr>, key: Uuid) -> Option<Visit> {
        let address = address.map(network);
        let mut all = self.all();
        all.retain(|_, addresses| {
            addresses.retain(|_, made| {
                made.retain(|(time, _)| time.elapsed() < WINDOW);
                !made.is_empty()
            });
            !addresses.is_empty()
        });
        let addresses = all.entry(tenant).or_default();
        if addresses.len() >= ADDRESSES && !addresses.contains_key(&address) {
            let longest_ago = addresses.iter().min_by_key(|(_, made)| made.back().map(|(time, _)| *time));
            if let Some(address) = longest_ago.map(|(address, _)| *address) {
                addresses.remove(&address);
            }
        }
        let made = addresses.entry(address).or_default();
        if made.iter().all(|(_, other)| *other != key) {
            if made.len() >= MOST {
                return None;
            }
            made.push_back((Instant::now(), key));
        }
        Some(Visit { visits: self.clone(), tenant, address, key })
    }

    fn all(&self) -> MutexGuard<'_, HashMap<TenantId, OfTenant>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Visit {
    /// Does not count a booking that was refused.
    pub(crate) fn give_back(self) {
        let mut all = self.visits.all();
        if let Some(made) = all.get_mut(&self.tenant).and_then(|addresses| addresses.get_mut(&self.address)) {
            made.retain(|(_, key)| *key != self.key);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn an_address_has_so_many_bookings_with_each_business() {
        let (visits, here) = (Visits::default(), TenantId::new(Uuid::from_u128(1)).unwrap());
        let count = |address| visits.count(here, Some(address), Uuid::new_v4());
        for host in 1..=MOST {
            assert!(count(address(&format!("2001:db8::{host}"))).is_some());
        }
        assert!(count(address("2001:db8::ffff:1")).is_none());
        for other in ["2001:db8:0:1::1", "192.0.2.1", "192.0.2.2"] {
            assert!(count(address(other)).is_some(), "{other}");
        }
        let there = TenantId::new(Uuid::from_u128(2)).unwrap();
        assert!(visits.count(there, Some(address("2001:db8::1")), Uuid::new_v4()).is_some());
    }

    #[test]
    fn a_form_counts_once_and_a_refused_one_does_not() {
        let (visits, here, key) =
            (Visits::default(), TenantId::new(Uuid::from_u128(1)).unwrap(), Uuid::new_v4());
        for _ in 0..2 * MOST {
            assert!(visits.count(here, None, key).is_some());
            visits.count(here, None, Uuid::new_v4()).unwrap().give_back();
        }
    }
}
