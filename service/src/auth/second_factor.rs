//! Second factors: TOTP secrets and backup codes.

pub(super) mod backup_code;
pub(super) mod backup_code_set;
mod backup_code_storing;
mod backup_code_use;
mod disabling;
pub(super) mod enrolling;
pub(super) mod enrollment;
mod matching;
pub(super) mod sealing;
pub(super) mod stored_secret;
pub(super) mod totp_secret;
