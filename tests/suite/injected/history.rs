//! The record of what callers sent and what they were told.

use std::collections::BTreeMap;
use std::fmt;

use uuid::Uuid;
use watertight::{Error, TenantId};

/// What a caller was told about one attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Told {
    /// It was carried out.
    Done,
    /// A typed refusal, after which nothing is left behind.
    Refused,
    /// An error of the database or the connection, after which nothing is left behind.
    Failed,
    /// It is unknown whether it was carried out.
    Unknown,
}

impl Told {
    pub(super) fn of<T>(result: &Result<T, Error>) -> Self {
        match result {
            Ok(_) => Self::Done,
            Err(error) if error.is_outcome_unknown() => Self::Unknown,
            Err(error) if is_duplicate(error) => Self::Refused,
            Err(error) if error.database().is_some() => Self::Failed,
            Err(_) => Self::Refused,
        }
    }
}

fn is_duplicate(error: &Error) -> bool {
    let sql = error.database().and_then(sea_orm::DbErr::sql_err);
    matches!(sql, Some(sea_orm::SqlErr::UniqueConstraintViolation(_)))
}

/// The attempts of one operation, with the id by which its row is found.
#[derive(Debug, Clone)]
pub(super) struct Record {
    pub(super) kind: &'static str,
    pub(super) tenant: TenantId,
    pub(super) id: Uuid,
    pub(super) told: Vec<Told>,
}

impl Record {
    /// Returns true if the operation was carried out for certain.
    pub(super) fn is_done(&self) -> bool {
        self.told.contains(&Told::Done)
    }

    /// Returns true if the operation can have been carried out.
    pub(super) fn may_be_done(&self) -> bool {
        self.told.iter().any(|told| matches!(told, Told::Done | Told::Unknown))
    }
}

/// The records of all callers.
#[derive(Debug, Default)]
pub(super) struct History(Vec<Record>);

impl History {
    pub(super) fn extend(&mut self, records: Vec<Record>) {
        self.0.extend(records);
    }

    pub(super) fn operations(&self) -> u64 {
        self.0.len() as u64
    }

    pub(super) fn of(&self, kind: &str) -> impl Iterator<Item = &Record> {
        self.0.iter().filter(move |record| record.kind == kind)
    }
}

impl fmt::Display for History {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let attempts = self.0.iter().flat_map(|record| &record.told);
        let count = |told: Told| attempts.clone().filter(|it| **it == told).count();
        let mut kinds: BTreeMap<&str, usize> = BTreeMap::new();
        self.0.iter().for_each(|record| *kinds.entry(record.kind).or_default() += 1);
        write!(
            f,
            "{} operations {kinds:?} in {} attempts: {} done, {} refused, {} failed, {} unknown",
            self.0.len(),
            attempts.clone().count(),
            count(Told::Done),
            count(Told::Refused),
            count(Told::Failed),
            count(Told::Unknown),
        )
    }
}
