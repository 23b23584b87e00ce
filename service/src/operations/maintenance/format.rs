//! The lines of an export. What is read and what is written is described in one place.

use std::borrow::Cow;
use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use sha2::{Digest, Sha256};

use crate::tenant::TenantId;

/// The format that is written, and the only one that is read.
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
    /// Each table's stored columns.
    pub(super) tables: BTreeMap<String, Vec<String>>,
}

/// A line between: one row.
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
    /// How many rows each table has.
    pub(super) rows: BTreeMap<String, u64>,
    /// Of all the lines before, in hexadecimal digits.
    pub(super) sha256: String,
}

/// Whether a line is the last, without reading it whole.
pub(super) fn is_footer(line: &[u8]) -> bool {
    line.starts_with(br#"{"end":"#)
}

/// What a table's rows come to, whatever their order: the exclusive or of each row's SHA-256. Rows differ, for each
/// table has a key, so none takes another away.
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
