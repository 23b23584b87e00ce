//! Invitations.

mod accepting;
mod changing;
mod conditions;
mod creating;
mod finding;
pub(super) mod invitation;
pub(super) mod invited_user;
pub(super) mod metadata;
pub(super) mod new_invitation;
pub(super) mod retention;
pub(super) mod state;
pub(super) mod token;
pub(super) mod update;
