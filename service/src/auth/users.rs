//! Users, their roles, passwords and profiles.

pub(super) mod bootstrap;
mod changing;
pub(super) mod columns;
mod creating;
mod finding;
pub(super) mod hasher;
mod hashing;
pub(super) mod identifier;
mod locking;
pub(super) mod new_user;
pub(super) mod password;
mod passwords;
pub(super) mod permissions;
pub(super) mod profile;
mod recording;
pub(super) mod role;
pub(super) mod update;
pub(super) mod user;
