//! Failed logins from known devices, counted in the process and apart from all others.
//!
//! Only the holder of a device's token can add to them, so they are few, and no anonymous visitor can cause their lock.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use chrono::{DateTime, Utc};
use uuid::Uuid;

use crate::auth::settings::lockout::Lockout;
use crate::tenant::TenantId;

#[derive(Debug, Default)]
pub(in crate::auth) struct DeviceFailures(Mutex<HashMap<(TenantId, Uuid), Failures>>);

#[derive(Debug, Clone, Copy)]
struct Failures {
    count: u32,
    last: Instant,
    locked_until: Option<Instant>,
}

impl Failures {
    fn is_over(&self, lockout: Lockout) -> bool {
        match self.locked_until {
            Some(until) => until <= Instant::now(),
            None => self.last.elapsed() >= lockout.window,
        }
    }
}

impl DeviceFailures {
    /// The end of the lock of a user's known devices.
    pub(in crate::auth) fn locked_until(&self, tenant: TenantId, user: Uuid) -> Option<DateTime<Utc>> {
        let until = self.all().get(&(tenant, user))?.locked_until?;
        let left = until.checked_duration_since(Instant::now()).filter(|left| !left.is_zero())?;
        Utc::now().checked_add_signed(chrono::TimeDelta::from_std(left).ok()?)
    }

    /// Counts a failure. Returns true if it locks the user's known devices.
    pub(in crate::auth) fn add(&self, tenant: TenantId, user: Uuid, lockout: Lockout) -> bool {
        let (mut all, now) = (self.all(), Instant::now());
        all.retain(|_, failures| !failures.is_over(lockout));
        let failures =
            all.entry((tenant, user)).or_insert(Failures { count: 0, last: now, locked_until: None });
        if failures.locked_until.is_some() {
            return false;
        }
        (failures.count, failures.last) = (failures.count + 1, now);
        if failures.count >= lockout.failures {
            failures.locked_until = now.checked_add(lockout.duration);
        }
        failures.locked_until.is_some()
    }

    pub(in crate::auth) fn clear(&self, tenant: TenantId, user: Uuid) {
        self.all().remove(&(tenant, user));
    }

    fn all(&self) -> MutexGuard<'_, HashMap<(TenantId, Uuid), Failures>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
