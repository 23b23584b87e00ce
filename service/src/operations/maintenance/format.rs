//! The lines of an export, for writing and for reading.

use std::borrow::Cow;
use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use sha2::{Digest, Sha256};

use crate::tenant::TenantId;

/// The version of the format. Exports of other versions are rejected.
pub(super) const FORMAT: u32 = 1;

/// The first line.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Header {
    pub(super) watertight: Opening,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Opening {
    pub(super) format: u32,
    pub(super) tenant: uuid::Uuid,
    pub(super) exported_at: DateTime<Utc>,
    /// The stored columns of each table.
    pub(super) tables: BTreeMap<String, Vec<String>>,
}

/// A line with one row, between the first and the last line.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Line<'a> {
    #[serde(borrow)]
    pub(super) table: Cow<'a, str>,
    #[serde(borrow)]
    pub(super) row: &'a RawValue,
}

/// The last line.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Footer {
    pub(super) end: Closing,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Closing {
    /// The number of rows of each table.
    pub(super) rows: BTreeMap<String, u64>,
    /// The SHA-256 of all earlier lines, in hexadecimal digits.
    pub(super) sha256: String,
}

/// Whether a line is the last one, decided by its first bytes.
pub(super) fn is_footer(line: &[u8]) -> bool {
    line.starts_with(br#"{"end":"#)
}

/// A checksum of a table's rows: the exclusive or of the SHA-256 of each row, in any order.
///
/// Each table has a key, so no two rows are equal and no two hashes cancel out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Sum {
    pub(super) rows: u64,
    hash: [u8; 32],
}

impl Sum {
    pub(super) fn add(&mut self, row: &str) {
        self.rows += 1;
        for (sum, byte) in self.hash.iter_mut().zip(Sha256::digest(row.as_bytes())) {
            *sum ^= byte;
        }
    }
}

pub(super) fn opening(
    tenant: TenantId,
    exported_at: DateTime<Utc>,
    tables: BTreeMap<String, Vec<String>>,
) -> Header {
    Header { watertight: Opening { format: FORMAT, tenant: tenant.uuid(), exported_at, tables } }
}
