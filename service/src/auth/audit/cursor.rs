//! A position in the audit trail.

use std::fmt;
use std::str::FromStr;

use chrono::{DateTime, Utc};
use uuid::Uuid;

use crate::auth::error::AuthError;
use crate::vocabulary::InvalidInput;

/// A position in the audit trail, from which the next page begins. Its text is opaque.
///
/// ```
/// use watertight::auth::AuditCursor;
///
/// assert!("yesterday".parse::<AuditCursor>().is_err());
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AuditCursor {
    pub(in crate::auth) timestamp: DateTime<Utc>,
    pub(in crate::auth) id: Uuid,
}

impl fmt::Display for AuditCursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}_{}", self.timestamp.timestamp_micros(), self.id.simple())
    }
}

impl FromStr for AuditCursor {
    type Err = AuthError;

    fn from_str(text: &str) -> Result<Self, AuthError> {
        let parse = || {
            let (micros, id) = text.split_once('_')?;
            let timestamp = DateTime::from_timestamp_micros(micros.parse().ok()?)?;
            Some(Self { timestamp, id: id.parse().ok()? })
        };
        parse().ok_or_else(|| {
            InvalidInput {
                what: "audit cursor",
                value: text.to_owned(),
                reason: "is malformed; take the cursor from the previous page".to_owned(),
            }
            .into()
        })
    }
}
