//! A limit on the bookings of one address, since a visitor proves nothing.

use std::collections::HashMap;
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

type OfTenant = HashMap<Option<IpAddr>, Vec<Counted>>;

struct Counted {
    since: Instant,
    key: Uuid,
    /// False as long as the booking can be refused.
    is_made: bool,
}

/// A booking that counts until it is known to be refused.
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
                made.retain(|counted| counted.since.elapsed() < WINDOW);
                !made.is_empty()
            });
            !addresses.is_empty()
        });
        let addresses = all.entry(tenant).or_default();
        if addresses.len() >= ADDRESSES && !addresses.contains_key(&address) {
            let longest_ago =
                addresses.iter().min_by_key(|(_, made)| made.last().map(|counted| counted.since));
            if let Some(address) = longest_ago.map(|(address, _)| *address) {
                addresses.remove(&address);
            }
        }
        let made = addresses.entry(address).or_default();
        if made.iter().all(|counted| counted.key != key) {
            if made.len() >= MOST {
                return None;
            }
            made.push(Counted { since: Instant::now(), key, is_made: false });
        }
        Some(Visit { visits: self.clone(), tenant, address, key })
    }

    fn all(&self) -> MutexGuard<'_, HashMap<TenantId, OfTenant>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Visit {
    /// Counts the booking from now on. Other forms with the same key cannot uncount it.
    pub(crate) fn keep(self) {
        self.change(|made, key| {
            made.retain(|counted| counted.key != key);
            made.push(Counted { since: Instant::now(), key, is_made: true });
        });
    }

    /// Does not count a booking that was refused, unless another form with the same key was not.
    pub(crate) fn give_back(self) {
        self.change(|made, key| made.retain(|counted| counted.is_made || counted.key != key));
    }

    fn change(&self, change: impl FnOnce(&mut Vec<Counted>, Uuid)) {
        let mut all = self.visits.all();
        change(all.entry(self.tenant).or_default().entry(self.address).or_default(), self.key);
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

    /// Otherwise a refused form with the key of a booking would make room for another booking.
    #[test]
    fn a_booking_counts_though_a_form_with_its_key_is_refused() {
        let (visits, here) = (Visits::default(), TenantId::new(Uuid::from_u128(1)).unwrap());
        for n in 0..MOST {
            let key = Uuid::new_v4();
            let (refused, booked) =
                (visits.count(here, None, key).unwrap(), visits.count(here, None, key).unwrap());
            if n % 2 == 0 {
                booked.keep();
                refused.give_back();
            } else {
                refused.give_back();
                booked.keep();
            }
            if let Some(again) = visits.count(here, None, key) {
                again.give_back();
            }
        }
        assert!(visits.count(here, None, Uuid::new_v4()).is_none());
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
