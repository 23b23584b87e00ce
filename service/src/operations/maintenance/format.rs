//! The lines of an export, for writing and for reading.

use std::borrow::Cow;
use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use sha2::{Digest, Sha256};

use super::sequences::Positions;
use crate::tenant::TenantId;

/// The version of the format. Exports of other versions are rejected.
pub(super) const FORMAT: u32 = 2;

/// The first line.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Header {
    pub(super) watertight: Opening,
}

/// The first line of an export of any version.
#[derive(Debug, Deserialize)]
pub(super) struct AnyHeader {
    pub(super) watertight: Version,
}

#[derive(Debug, Deserialize)]
pub(super) struct Version {
    pub(super) format: u32,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Opening {
    pub(super) format: u32,
    pub(super) tenant: TenantId,
    pub(super) exported_at: DateTime<Utc>,
    /// The columns of each table.
    pub(super) tables: BTreeMap<String, Vec<String>>,
    /// The last values of the tenant that came from sequences.
    pub(super) sequences: Positions,
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

/// Whether a line has a row, decided by its first bytes.
pub(super) fn is_row(line: &[u8]) -> bool {
    line.starts_with(br#"{"table":"#)
}

/// A checksum of a table's rows: the sum of the SHA-256 of each row, in any order.
///
/// The hashes of equal rows, which a table without a key can have, do not cancel out in a sum.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Sum {
    pub(super) rows: u64,
    hash: [u8; 32],
}

impl Sum {
    pub(super) fn add(&mut self, row: &str) {
        self.rows += 1;
        let mut carry = 0;
        for (sum, byte) in self.hash.iter_mut().zip(Sha256::digest(row.as_bytes())) {
            let [low, high] = (u16::from(*sum) + u16::from(byte) + carry).to_le_bytes();
            (*sum, carry) = (low, u16::from(high));
        }
    }
}

pub(super) fn opening(
    tenant: TenantId,
    exported_at: DateTime<Utc>,
    tables: BTreeMap<String, Vec<String>>,
    sequences: Positions,
) -> Header {
    Header { watertight: Opening { format: FORMAT, tenant, exported_at, tables, sequences } }
}

#[cfg(test)]
mod tests {
    use super::Sum;

    #[test]
    fn equal_rows_do_not_cancel_out() {
        let sum = |rows: &[&str]| {
            let mut sum = Sum::default();
            for row in rows {
                sum.add(row);
            }
            sum
        };
        assert_ne!(sum(&["a", "a"]), sum(&["b", "b"]));
        assert_eq!(sum(&["a", "b", "c"]), sum(&["c", "a", "b"]));
    }
}
