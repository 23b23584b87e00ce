//! Names on their way into SQL text.

use std::fmt;

use crate::TableError;

/// PostgreSQL cuts longer names with no more than a notice, and two cut names may then be one.
const LONGEST: usize = 63;

/// Refuses what is no name for PostgreSQL.
pub(crate) fn check(what: &'static str, name: &str) -> Result<(), TableError> {
    if name.is_empty() || name.len() > LONGEST || name.contains('\0') {
        return Err(TableError::Name { what, name: name.to_owned() });
    }
    Ok(())
}

/// The name as a quoted identifier, whatever is in it.
pub(crate) fn quote(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// A table's name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Name {
    pub(crate) schema: String,
    pub(crate) name: String,
}

impl Name {
    pub(crate) fn new(schema: impl Into<String>, name: impl Into<String>) -> Self {
        Self { schema: schema.into(), name: name.into() }
    }

    /// As SQL writes it.
    pub(crate) fn quoted(&self) -> String {
        format!("{}.{}", quote(&self.schema), quote(&self.name))
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
    fn a_quoted_name_cannot_end_its_quotes() {
        assert_eq!(quote("plain"), r#""plain""#);
        assert_eq!(quote(r#"a" TO public; --"#), r#""a"" TO public; --""#);
    }

    #[test]
    fn names_postgresql_would_cut_are_refused() {
        assert!(check("name", &"x".repeat(63)).is_ok());
        for bad in [String::new(), "x".repeat(64), "ä".repeat(32), "a\0b".to_owned()] {
            assert!(check("name", &bad).is_err(), "{bad:?}");
        }
    }
}
