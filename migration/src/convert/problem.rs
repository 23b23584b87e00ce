//! Problems, because of which tables cannot be converted, and notes.

use std::fmt;

use serde::Serialize;
use watertight_schema::printable::one_line;

/// A reason why a table cannot be converted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct ConversionProblem {
    /// The kind of the problem.
    pub kind: ProblemKind,
    /// The table, as `schema.table`, or another object.
    pub object: String,
    /// The description.
    pub problem: String,
    /// The remedy.
    pub remedy: String,
    /// Rows that have the problem, at most [`LISTED`](Self::LISTED).
    pub rows: Vec<String>,
}

impl ConversionProblem {
    /// The largest number of rows that a problem lists.
    pub const LISTED: usize = 20;

    pub(super) fn new(
        kind: ProblemKind,
        object: impl fmt::Display,
        problem: impl Into<String>,
        remedy: impl Into<String>,
    ) -> Self {
        Self {
            kind,
            object: object.to_string(),
            problem: problem.into(),
            remedy: remedy.into(),
            rows: Vec::new(),
        }
    }
}

impl fmt::Display for ConversionProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}\n    {}", one_line(&self.object), one_line(&self.problem), one_line(&self.remedy))?;
        self.rows.iter().try_for_each(|row| write!(f, "\n    - {}", one_line(row)))
    }
}

/// The kind of a problem.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum ProblemKind {
    /// The schema `watertight` is missing, or its tenants have keys of another type.
    Core,
    /// The application's role does not exist, or owns the tables.
    ApplicationRole,
    /// A table does not exist.
    Missing,
    /// The relation is no plain table.
    Shape,
    /// The connected role does not own the table.
    Owner,
    /// The tenant column has an unusable type, or is computed.
    TenantColumn,
    /// The tenant of existing rows is unknown, or existing rows have no usable tenant.
    TenantOfRows,
    /// A key, an index or a constraint cannot begin with the tenant.
    Key,
    /// A foreign key cannot contain the tenant.
    ForeignKey,
    /// Rows refer to rows of another tenant.
    CrossingRows,
    /// A policy, a view or a grant shows rows that row-level security does not filter.
    Exposure,
}

/// A fact that does not prevent the conversion, but needs a decision or an action.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct ConversionNote {
    /// The table, as `schema.table`, or another object.
    pub object: String,
    /// The fact, and what to do.
    pub text: String,
}

impl ConversionNote {
    pub(super) fn new(object: impl fmt::Display, text: impl Into<String>) -> Self {
        Self { object: object.to_string(), text: text.into() }
    }
}

impl fmt::Display for ConversionNote {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", one_line(&self.object), one_line(&self.text))
    }
}
