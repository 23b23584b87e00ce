//! The measured operations, and the ways of reaching the database.

use clap::ValueEnum;
use serde::{Deserialize, Serialize};

/// An operation that each way of reaching the database runs on the same rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[value(rename_all = "snake_case")]
pub(crate) enum Operation {
    GetUser,
    GetUserByHandle,
    Authenticate,
    CreateSession,
    LogAuditEvent,
    LogAuditEvents,
    GetAuditEvents,
    GetAllUsers,
    Join,
    UpdateUser,
    Availability,
    Transaction,
    Cleanup,
}

impl Operation {
    /// The operations that can be repeated on the same rows: all except the clean-up, which needs new rows
    /// for each run.
    pub(crate) const REPEATED: [Self; 12] = [
        Self::GetUser,
        Self::GetUserByHandle,
        Self::Authenticate,
        Self::CreateSession,
        Self::LogAuditEvent,
        Self::LogAuditEvents,
        Self::GetAuditEvents,
        Self::GetAllUsers,
        Self::Join,
        Self::UpdateUser,
        Self::Availability,
        Self::Transaction,
    ];

    pub(crate) const fn title(self) -> &'static str {
        match self {
            Self::GetUser => "`users().find`",
            Self::GetUserByHandle => "`users().find_by_handle`",
            Self::Authenticate => "`authenticate`, by token",
            Self::CreateSession => "`sessions().create`",
            Self::LogAuditEvent => "`audit().log`",
            Self::LogAuditEvents => "`audit().log_all`, 1,000 at once",
            Self::GetAuditEvents => "`audit().page`, 50 of 100,000",
            Self::GetAllUsers => "`users().all`, 1,000 rows",
            Self::Join => "join of three tables, 50 rows",
            Self::UpdateUser => "`users().update`",
            Self::Availability => "availability of 14 days",
            Self::Transaction => "`users().find` in a transaction",
            Self::Cleanup => "clean-up of 100,000 expired sessions",
        }
    }

    /// Returns true if the operation reads one row by its key, so that the overhead around the query weighs
    /// most.
    pub(crate) const fn reads_one_row(self) -> bool {
        matches!(self, Self::GetUser | Self::GetUserByHandle | Self::Authenticate)
    }
}

/// A way of reaching the database.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Way {
    /// sqlx with prepared statements and the tenant in every condition: the practical limit.
    Sqlx,
    /// SeaORM with the tenant in every condition, written by hand.
    SeaOrm,
    /// Watertight with rewriting alone.
    Rewriting,
    /// Watertight with its default layers: rewriting, and row-level security under it.
    Watertight,
}

impl Way {
    pub(crate) const ALL: [Self; 4] = [Self::Sqlx, Self::SeaOrm, Self::Rewriting, Self::Watertight];

    pub(crate) const fn title(self) -> &'static str {
        match self {
            Self::Sqlx => "sqlx",
            Self::SeaOrm => "SeaORM by hand",
            Self::Rewriting => "rewriting alone",
            Self::Watertight => "watertight",
        }
    }
}
