//! What was found, as data and as a text that a person reads.

use std::fmt;

use serde::Serialize;

/// What a finding is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Check {
    /// A role that passes row-level security by, being a superuser or `BYPASSRLS`.
    PrivilegedRole,
    /// The role owns tenant tables, and so can take their policies away.
    OwnedTables,
    /// `standard_conforming_strings` is off.
    BackslashEscapes,
    /// A tenant table on which row-level security is not enabled and forced.
    RowSecurity,
    /// A policy that is missing, or shows more than the tenant's rows.
    Policy,
    /// The type whose conversion makes the setting of row-level security is missing, or does something else.
    TenantType,
    /// Another role than the owner can read the tenant keys or sign tenants, or the signature is not verified.
    TenantKeys,
    /// A function that runs as a role that bypasses row-level security, or that sets the tenant.
    PrivilegedFunction,
    /// A function that a statement can call without naming it: by an overload, a row, an operator, a cast or a type.
    UnseenFunction,
    /// A view or materialized view that reads tenant tables with its owner's rights.
    View,
    /// A default of the database, the role or the connection for the setting that carries the tenant.
    TenantDefault,
    /// A search path on which others' objects are found before PostgreSQL's, or to which the role can add objects.
    SearchPath,
    /// A partition that the role is granted, past the table that it is a part of.
    PartitionGrant,
    /// A primary or unique key that does not begin with the tenant.
    TenantKey,
    /// A foreign key that does not hold the tenant.
    ForeignKey,
    /// A constraint that was never held against the rows that are there.
    UnvalidatedConstraint,
    /// A trigger that is switched off, a foreign key's among them.
    DisabledTrigger,
    /// Rows that refer to another tenant's, or to none.
    CrossingRows,
    /// A registered table that is not there.
    MissingTable,
    /// A column that is not as the entity has it.
    Column,
    /// A table that is not registered.
    UnregisteredTable,
    /// An index that is missing, or that the server could not finish.
    MissingIndex,
    /// A migration that is not applied.
    PendingMigration,
    /// A pooler that gives out server connections by the transaction, and nobody said so.
    Pooler,
    /// A connection to another machine that can be read, or taken over, on the way.
    Transport,
}

/// How bad a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Severity {
    /// Tenants are not kept apart by all layers, or statements will fail.
    Error,
    /// Nothing fails, and it should be looked at.
    Warning,
    /// Worth knowing.
    Note,
}

/// One thing that was found.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[non_exhaustive]
pub struct Finding {
    /// How bad it is.
    pub severity: Severity,
    /// What it is about.
    pub check: Check,
    /// The role, the table as `schema.name`, or the migration.
    pub object: String,
    /// What is the matter with it.
    pub problem: String,
    /// How to mend it: SQL where SQL mends it.
    pub remedy: String,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { severity, object, problem, remedy, .. } = self;
        write!(f, "{severity}: {object} {problem}\n  mend: {remedy}")
    }
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Error => "error",
            Self::Warning => "warning",
            Self::Note => "note",
        })
    }
}

/// What an examination has found, the worst first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Report {
    /// The database that was examined.
    pub database: String,
    /// The role that it was examined as.
    pub role: String,
    /// The server's version.
    pub server_version: String,
    /// How many tenant tables were looked at.
    pub tenant_tables: usize,
    /// What was found.
    pub findings: Vec<Finding>,
}

impl Report {
    /// Whether tenants are kept apart here: nothing that was found is an [`Error`](Severity::Error).
    #[must_use]
    pub fn is_sound(&self) -> bool {
        self.count(Severity::Error) == 0
    }

    /// How many findings are this bad.
    #[must_use]
    pub fn count(&self, severity: Severity) -> usize {
        self.findings.iter().filter(|finding| finding.severity == severity).count()
    }

    /// What was found of one kind.
    pub fn of(&self, check: Check) -> impl Iterator<Item = &Finding> {
        self.findings.iter().filter(move |finding| finding.check == check)
    }

    /// The report, if it is [sound](Self::is_sound).
    ///
    /// # Errors
    /// [`DoctorFailed`] with the report.
    pub fn require_sound(self) -> Result<Self, DoctorFailed> {
        if self.is_sound() { Ok(self) } else { Err(DoctorFailed { report: Box::new(self) }) }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { database, role, server_version, tenant_tables, findings } = self;
        writeln!(
            f,
            "{database} as {role}, PostgreSQL {server_version}, {tenant_tables} tenant tables looked at"
        )?;
        for finding in findings {
            writeln!(f, "{finding}")?;
        }
        let count = |severity| match self.count(severity) {
            1 => format!("1 {severity}"),
            many => format!("{many} {severity}s"),
        };
        write!(f, "{}, {}, {}", count(Severity::Error), count(Severity::Warning), count(Severity::Note))
    }
}

/// The doctor found errors.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the database is not sound:\n{report}")]
#[non_exhaustive]
pub struct DoctorFailed {
    /// Every finding.
    pub report: Box<Report>,
}
