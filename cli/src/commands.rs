//! The commands, one module each.

pub(crate) mod adopt;
pub(crate) mod bootstrap;
pub(crate) mod convert;
pub(crate) mod distribute;
pub(crate) mod doctor;
pub(crate) mod keys;
pub(crate) mod migrate;
pub(crate) mod purge;
pub(crate) mod tenant;
