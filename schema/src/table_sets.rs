use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use crate::{TableSet, isolation};

/// The table sets that an application has chosen, each with the schema of its tables in the database.
///
/// The migrations, the service's builder and the command each take one such value. A set that is not chosen is not
/// created and not registered, so statements on its tables are refused. Choosing a set chooses the sets that it
/// [requires](TableSet::requires), too.
///
/// As text it is `all`, `none`, or a list with commas between: `auth,booking`, or `auth=identity,booking=studio` with
/// other schemas. An empty text means `all`, the default.
///
/// ```
/// use watertight_schema::{TableSet, TableSets};
///
/// let sets = TableSets::none().with(TableSet::Booking).in_schema(TableSet::Booking, "studio");
/// assert!(sets.contains(TableSet::Content) && !sets.contains(TableSet::Auth));
/// assert_eq!(sets.schema(TableSet::Booking), "studio");
/// assert_eq!(sets.to_string(), "content,booking=studio");
/// assert_eq!("content,booking=studio".parse(), Ok(sets));
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TableSets {
    schemas: BTreeMap<TableSet, String>,
}

impl TableSets {
    /// Every table set, in its own schema.
    ///
    /// ```
    /// use watertight_schema::{TableSet, TableSets};
    ///
    /// let sets = TableSets::all();
    /// assert!(sets.iter().eq(TableSet::ALL) && sets.has_own_schemas());
    /// ```
    #[must_use]
    pub fn all() -> Self {
        TableSet::ALL.into_iter().fold(Self::none(), Self::with)
    }

    /// No table set: isolation alone, for an application's own tables.
    ///
    /// ```
    /// use watertight_schema::TableSets;
    ///
    /// assert!(TableSets::none().is_empty());
    /// assert_eq!(TableSets::none().to_string(), "none");
    /// ```
    #[must_use]
    pub const fn none() -> Self {
        Self { schemas: BTreeMap::new() }
    }

    /// Chooses a set, and the sets that it requires.
    ///
    /// ```
    /// use watertight_schema::{TableSet, TableSets};
    ///
    /// let sets = TableSets::none().with(TableSet::Auth).with(TableSet::Intake);
    /// assert_eq!(sets.to_string(), "auth,content,booking,intake");
    /// ```
    #[must_use]
    pub fn with(mut self, set: TableSet) -> Self {
        for set in set.requires().iter().copied().chain([set]) {
            self.schemas.entry(set).or_insert_with(|| set.schema().to_owned());
        }
        self
    }

    /// Chooses a set, and the schema that its tables have in the database.
    ///
    /// The generated entities keep the set's [static schema](TableSet::schema); statements that name it are sent with
    /// this schema in its place.
    ///
    /// ```
    /// use watertight_schema::{TableSet, TableSets};
    ///
    /// let sets = TableSets::all().in_schema(TableSet::Auth, "identity");
    /// assert_eq!(sets.schema(TableSet::Auth), "identity");
    /// assert_eq!(sets.schema(TableSet::Content), "public");
    /// ```
    #[must_use]
    pub fn in_schema(self, set: TableSet, schema: impl Into<String>) -> Self {
        let mut sets = self.with(set);
        sets.schemas.insert(set, schema.into());
        sets
    }

    /// Returns true if the set is chosen.
    #[must_use]
    pub fn contains(&self, set: TableSet) -> bool {
        self.schemas.contains_key(&set)
    }

    /// Returns true if no set is chosen.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.schemas.is_empty()
    }

    /// Checks the schemas that were given to [`in_schema`](Self::in_schema).
    ///
    /// ```
    /// use watertight_schema::{TableSet, TableSets};
    ///
    /// assert!(TableSets::all().check().is_ok());
    /// assert!(TableSets::all().in_schema(TableSet::Auth, "pg_auth").check().is_err());
    /// ```
    ///
    /// # Errors
    ///
    /// [`TableSetError::Schema`] when a set has a schema that cannot be one.
    pub fn check(&self) -> Result<(), TableSetError> {
        match self.schemas.iter().find(|(_, schema)| !is_schema(schema)) {
            None => Ok(()),
            Some((set, schema)) => Err(TableSetError::Schema { set: *set, schema: schema.clone() }),
        }
    }

    /// The schema that a set's tables have in the database.
    #[must_use]
    pub fn schema(&self, set: TableSet) -> &str {
        self.schemas.get(&set).map_or(set.schema(), String::as_str)
    }

    /// The chosen sets, each after the sets that it requires.
    pub fn iter(&self) -> impl Iterator<Item = TableSet> {
        self.schemas.keys().copied()
    }

    /// Returns true if every chosen set has its own schema.
    #[must_use]
    pub fn has_own_schemas(&self) -> bool {
        self.schemas.iter().all(|(set, schema)| schema == set.schema())
    }

    /// The schema in the database of a table that is named with its static schema.
    ///
    /// `None` if the table is not of a chosen set.
    ///
    /// ```
    /// use watertight_schema::{TableSet, TableSets};
    ///
    /// let sets = TableSets::all().in_schema(TableSet::Auth, "identity");
    /// assert_eq!(sets.schema_of("auth", "users"), Some("identity"));
    /// assert_eq!(sets.schema_of("auth", "invoices"), None);
    /// ```
    #[must_use]
    pub fn schema_of(&self, schema: &str, table: &str) -> Option<&str> {
        let mut sets = self.schemas.iter();
        let found = sets.find(|(set, _)| set.schema() == schema && set.tables().contains(&table));
        found.map(|(_, schema)| schema.as_str())
    }
}

impl Default for TableSets {
    fn default() -> Self {
        Self::all()
    }
}

impl fmt::Display for TableSets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_empty() {
            return f.write_str("none");
        }
        for (position, (set, schema)) in self.schemas.iter().enumerate() {
            let comma = if position == 0 { "" } else { "," };
            write!(f, "{comma}{set}")?;
            if schema != set.schema() {
                write!(f, "={schema}")?;
            }
        }
        Ok(())
    }
}

impl FromStr for TableSets {
    type Err = TableSetError;

    fn from_str(text: &str) -> Result<Self, TableSetError> {
        match text.trim() {
            "all" | "" => return Ok(Self::all()),
            "none" => return Ok(Self::none()),
            _ => {}
        }
        text.split(',').map(str::trim).try_fold(Self::none(), |sets, part| {
            let (name, schema) = part
                .split_once('=')
                .map_or((part, None), |(name, schema)| (name.trim(), Some(schema.trim())));
            let set = TableSet::ALL.into_iter().find(|set| set.name() == name);
            let set = set.ok_or_else(|| TableSetError::Unknown { name: name.to_owned() })?;
            match schema {
                None => Ok(sets.with(set)),
                Some(schema) if is_schema(schema) => Ok(sets.in_schema(set, schema)),
                Some(schema) => Err(TableSetError::Schema { set, schema: schema.to_owned() }),
            }
        })
    }
}

/// PostgreSQL cuts longer names off, and reserves names that begin with `pg_`. The text form separates sets with commas.
fn is_schema(name: &str) -> bool {
    let reserved = name.starts_with("pg_") || [isolation::SCHEMA, "information_schema"].contains(&name);
    !name.is_empty() && name.len() <= 63 && !reserved && !name.contains(['\0', ',', '='])
}

/// A text is not a list of table sets.
///
/// ```
/// use watertight_schema::{TableSetError, TableSets};
///
/// let answer = match "auth,loyalty".parse::<TableSets>() {
///     Ok(sets) => format!("chosen: {sets}"),
///     Err(TableSetError::Unknown { name }) => format!("there is no table set {name}"),
///     Err(TableSetError::Schema { set, schema }) => format!("{set} cannot be in the schema {schema}"),
///     Err(error) => error.to_string(),
/// };
/// assert_eq!(answer, "there is no table set loyalty");
/// ```
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TableSetError {
    /// No table set has the name.
    #[error(
        "there is no table set {name:?}; use `all`, `none`, or names separated by commas: auth, content, \
         booking, certificates, intake, history"
    )]
    Unknown {
        /// The name given.
        name: String,
    },
    /// The text given for a schema is not the name of one.
    #[error(
        "{schema:?} cannot be the schema of {set}; use a name of 1 to 63 bytes that has no comma or equals \
         sign, does not begin with pg_, and is neither {} nor information_schema",
        isolation::SCHEMA
    )]
    Schema {
        /// The set that it was given for.
        set: TableSet,
        /// The text given.
        schema: String,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_round_trips_and_wrong_text_is_named() {
        for text in ["none", "auth", "content,booking", "auth=identity,content,history=old"] {
            assert_eq!(text.parse::<TableSets>().map(|sets| sets.to_string()), Ok(text.to_owned()));
        }
        for text in ["all", "", " all "] {
            assert_eq!(text.parse(), Ok(TableSets::all()), "{text:?}");
        }
        assert_eq!(
            "bookings".parse::<TableSets>(),
            Err(TableSetError::Unknown { name: "bookings".to_owned() })
        );
        for text in
            ["auth=", "auth=pg_mine", "auth=watertight", "auth=a=b", &format!("auth={}", "x".repeat(64))]
        {
            assert!(matches!(text.parse::<TableSets>(), Err(TableSetError::Schema { .. })), "{text}");
        }
        assert!(TableSets::none().in_schema(TableSet::Auth, "a,b").check().is_err());
    }

    #[test]
    fn every_set_comes_after_those_it_requires() {
        for (position, set) in TableSet::ALL.iter().enumerate() {
            for required in set.requires() {
                assert!(TableSet::ALL.iter().position(|other| other == required) < Some(position));
            }
        }
    }
}
