//! The places for connections, in all and of one address.

use std::collections::HashMap;
use std::io;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::web::address::network;

pub(super) struct Places {
    free: Arc<Semaphore>,
    of_address: Option<usize>,
    taken: Arc<Taken>,
}

#[derive(Default)]
struct Taken(Mutex<HashMap<IpAddr, usize>>);

/// The place of a connection, free again when it is dropped.
pub(super) struct Place {
    _permit: OwnedSemaphorePermit,
    network: IpAddr,
    taken: Arc<Taken>,
}

impl Places {
    pub(super) fn new(limit: usize, of_address: Option<usize>) -> Self {
        let free = Arc::new(Semaphore::new(limit.clamp(1, Semaphore::MAX_PERMITS)));
        Self { free, of_address, taken: Arc::default() }
    }

    /// Waits for a free place.
    pub(super) async fn wait(&self) -> io::Result<OwnedSemaphorePermit> {
        Arc::clone(&self.free).acquire_owned().await.map_err(io::Error::other)
    }

    /// Takes the place for a connection; `None` if its address has too many.
    pub(super) fn take(&self, permit: OwnedSemaphorePermit, address: IpAddr) -> Option<Place> {
        let network = network(address);
        let mut taken = self.taken.all();
        let number = taken.get(&network).copied().unwrap_or_default();
        if self.of_address.is_some_and(|limit| number >= limit) {
            return None;
        }
        taken.insert(network, number + 1);
        Some(Place { _permit: permit, network, taken: Arc::clone(&self.taken) })
    }
}

impl Taken {
    fn all(&self) -> MutexGuard<'_, HashMap<IpAddr, usize>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut taken = self.taken.all();
        match taken.get_mut(&self.network) {
            Some(number) if *number > 1 => *number -= 1,
            _ => {
                taken.remove(&self.network);
            }
        }
    }
}
