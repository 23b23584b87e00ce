//! Names of schemas, tables and their parts.

use std::fmt;

use watertight_schema::sql;

use crate::TableError;

/// The longest name in bytes. PostgreSQL cuts longer names off with a notice, and two cut names can be the
/// same.
const LONGEST: usize = 63;

/// Refuses a name that PostgreSQL would refuse or cut off.
pub(crate) fn check(what: &'static str, name: &str) -> Result<(), TableError> {
    if name.is_empty() || name.len() > LONGEST || name.contains('\0') {
        return Err(TableError::Name { what, name: name.to_owned() });
    }
    Ok(())
}

/// A table's name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Name {
    pub(crate) schema: String,
    pub(crate) name: String,
}

impl Name {
    pub(crate) fn new(schema: impl Into<String>, name: impl Into<String>) -> Self {
        Self { schema: schema.into(), name: name.into() }
    }

    /// The name as SQL writes it.
    pub(crate) fn quoted(&self) -> String {
        sql::qualified(&self.schema, &self.name)
    }

    /// The name of another table in the same schema.
    pub(crate) fn beside(&self, suffix: &str) -> Self {
        Self::new(&self.schema, format!("{}{suffix}", self.name))
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.schema, self.name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_postgresql_would_cut_are_refused() {
        assert!(check("name", &"x".repeat(63)).is_ok());
        for bad in [String::new(), "x".repeat(64), "ä".repeat(32), "a\0b".to_owned()] {
            assert!(check("name", &bad).is_err(), "{bad:?}");
        }
    }
}
