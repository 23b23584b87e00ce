//! Sessions and their tokens.

mod changing;
pub(super) mod columns;
mod creating;
pub(super) mod device;
mod ending;
mod finding;
mod limiting;
pub(super) mod metadata;
pub(super) mod retention;
pub(super) mod session;
pub(super) mod token;
pub(super) mod update;
