//! State that domains store with the connection.

use std::any::{Any, TypeId};
use std::collections::HashMap;

/// At most one value for each type, such as the settings of authentication.
#[derive(Default)]
pub(crate) struct Extensions(HashMap<TypeId, Box<dyn Any + Send + Sync>>);

impl Extensions {
    pub(crate) fn insert<T: Any + Send + Sync>(&mut self, value: T) {
        self.0.insert(TypeId::of::<T>(), Box::new(value));
    }

    pub(crate) fn find(&self, of: TypeId) -> Option<&(dyn Any + Send + Sync)> {
        self.0.get(&of).map(|value| &**value)
    }
}
