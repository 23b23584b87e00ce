//! A user's stored backup codes, without the codes.

use chrono::{DateTime, Utc};
use serde::Serialize;
use uuid::Uuid;

/// A user's stored backup codes, without the codes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct BackupCodeSet {
    /// The user's id.
    pub user_id: Uuid,
    /// The codes.
    pub codes: Vec<BackupCode>,
    /// The time of generation.
    pub generated_at: DateTime<Utc>,
    /// The time of the last use.
    pub last_used_at: Option<DateTime<Utc>>,
}

impl BackupCodeSet {
    /// The number of codes that can still be used.
    #[must_use]
    pub fn remaining(&self) -> usize {
        self.codes.iter().filter(|code| !code.used).count()
    }
}

/// A stored backup code, without the code.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct BackupCode {
    /// The id.
    pub id: String,
    /// True if the code has been used.
    pub used: bool,
    /// The time of use.
    pub used_at: Option<DateTime<Utc>>,
}
