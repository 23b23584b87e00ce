//! Users, their roles, passwords and profiles.

pub(super) mod bootstrap;
mod changing;
pub(super) mod columns;
mod creating;
mod finding;
mod first_owner;
pub(super) mod hasher;
mod hashing;
pub(super) mod identifier;
mod locking;
pub(super) mod new_user;
mod onboarding;
pub(super) mod password;
pub(super) mod password_policy;
mod passwords;
pub(super) mod permissions;
pub(super) mod profile;
mod recording;
pub(super) mod role;
pub(super) mod role_permissions;
pub(super) mod update;
pub(super) mod user;
