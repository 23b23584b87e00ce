//! The report of the doctor: findings as data and as readable text.

use std::fmt;

use serde::Serialize;
use watertight_schema::printable::one_line;

use super::remedy::{self, Remedy, RemedyStatement};

/// The subject of a finding.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Check {
    /// A role that bypasses row-level security: a superuser, or a role with `BYPASSRLS`.
    PrivilegedRole,
    /// The role owns tenant tables and can therefore remove their policies.
    OwnedTables,
    /// `standard_conforming_strings` is off.
    BackslashEscapes,
    /// A tenant table on which row-level security is not enabled and forced.
    RowSecurity,
    /// A policy that is missing, or shows more than the tenant's rows.
    Policy,
    /// The type that sets the tenant for row-level security is missing or altered.
    TenantType,
    /// Tenant keys or signing are open to a role other than the owner, or signatures are not verified.
    TenantKeys,
    /// A function that runs as a role that bypasses row-level security, or that sets the tenant.
    PrivilegedFunction,
    /// A function that a statement can call without naming it.
    ///
    /// An overload, a row, an operator, a cast or a type can lead to such a call.
    UnseenFunction,
    /// A view or materialized view that reads tenant tables with its owner's rights.
    View,
    /// A default of the database, the role or the connection for the setting that carries the tenant.
    TenantDefault,
    /// A search path with a schema before `pg_catalog`, or in which the role can create objects.
    SearchPath,
    /// A partition or an inheriting table that the role can access directly instead of through its parent.
    PartitionGrant,
    /// A schema with registered tables that the role may not use.
    SchemaUsage,
    /// A privilege that statements need: on a table of watertight, or on the sequence of a column.
    MissingGrant,
    /// A privilege that no statement needs and that row-level security does not limit.
    SurplusGrant,
    /// Default privileges that grant too much on future tables.
    DefaultPrivileges,
    /// A table without row-level security, such as a materialized view: only rewriting isolates its rows.
    OneLayer,
    /// A primary or unique key that does not begin with the tenant.
    TenantKey,
    /// A foreign key that does not contain the tenant.
    ForeignKey,
    /// A constraint that was never validated against the existing rows.
    UnvalidatedConstraint,
    /// A disabled trigger, including the triggers of foreign keys.
    DisabledTrigger,
    /// Rows that refer to a row of another tenant, or to no row.
    CrossingRows,
    /// A registered table that does not exist, or that the role cannot read.
    MissingTable,
    /// A column that differs between the table and the entity.
    Column,
    /// A table that is not registered.
    UnregisteredTable,
    /// An index that is missing or invalid.
    MissingIndex,
    /// A migration that is not applied.
    PendingMigration,
    /// The owner of tenant tables, as which `pg_dump` cannot read their rows.
    Backups,
    /// An undeclared transaction pooler.
    Pooler,
    /// A connection to another machine that is not encrypted or not authenticated.
    Transport,
}

/// The severity of a finding.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Severity {
    /// A layer of isolation does not hold, or statements will fail. The start is refused.
    Error,
    /// Isolation is weaker than it could be: it then depends on one layer, on a role or on a review.
    Warning,
    /// A difference of shape, or information. It needs no action.
    Note,
}

/// A problem that the doctor found.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[non_exhaustive]
pub struct Finding {
    /// The severity.
    pub severity: Severity,
    /// The check that found it.
    pub check: Check,
    /// The affected object, such as a role, a table as `schema.name`, or a migration.
    pub object: String,
    /// The description of the problem. The name of the object precedes it in the message.
    pub problem: String,
    /// The fix: SQL where SQL can fix the problem, or an action.
    pub remedy: String,
    /// The SQL of the fix, in its order. It is empty if the fix is an action outside of SQL.
    pub sql: Vec<RemedyStatement>,
}

impl Finding {
    pub(super) fn new(
        severity: Severity,
        check: Check,
        object: impl Into<String>,
        problem: impl Into<String>,
        remedy: Remedy,
    ) -> Self {
        let (remedy, sql) = remedy.into_parts();
        Self { severity, check, object: object.into(), problem: problem.into(), remedy, sql }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Names of the database can contain controls of a terminal, and line breaks.
        let [object, problem, remedy] =
            [&self.object, &self.problem, &self.remedy].map(|text| one_line(text));
        let severity = self.severity;
        let mut roles: Vec<String> = self.sql.iter().map(|statement| statement.run_as.to_string()).collect();
        roles.dedup();
        let role = if roles.is_empty() { String::new() } else { format!(" as {}", roles.join(" and ")) };
        write!(f, "{severity}: {object} {problem}\n  fix{role}: {remedy}")
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

/// The report of the [doctor](crate::doctor), with the most severe findings first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Report {
    /// The name of the database.
    pub database: String,
    /// The role of the connection.
    pub role: String,
    /// The role that the findings are about: the application's role, or the role of the connection.
    pub application_role: String,
    /// The version of the server.
    pub server_version: String,
    /// The number of tenant tables that were checked.
    pub tenant_tables: usize,
    /// The findings.
    pub findings: Vec<Finding>,
}

impl Report {
    /// Whether isolation holds: no finding has the severity [`Error`](Severity::Error).
    #[must_use]
    pub fn is_sound(&self) -> bool {
        self.count(Severity::Error) == 0
    }

    /// The number of findings of a severity.
    #[must_use]
    pub fn count(&self, severity: Severity) -> usize {
        self.findings.iter().filter(|finding| finding.severity == severity).count()
    }

    /// The findings of one check.
    ///
    /// ```no_run
    /// use watertight::doctor::{Check, Report};
    ///
    /// # fn example(report: &Report) {
    /// for finding in report.of(Check::MissingIndex) {
    ///     println!("{} {}", finding.object, finding.problem);
    /// }
    /// # }
    /// ```
    pub fn of(&self, check: Check) -> impl Iterator<Item = &Finding> {
        self.findings.iter().filter(move |finding| finding.check == check)
    }

    /// The statements that fix the findings, in the order in which they run. Each appears once.
    ///
    /// Notes need no action, so their statements are left out.
    ///
    /// ```no_run
    /// # fn example(report: &watertight::doctor::Report) {
    /// for statement in report.remedies() {
    ///     println!("{}: {}", statement.run_as, statement.sql);
    /// }
    /// # }
    /// ```
    #[must_use]
    pub fn remedies(&self) -> Vec<&RemedyStatement> {
        let needed = self.findings.iter().filter(|finding| finding.severity != Severity::Note);
        let mut statements: Vec<&RemedyStatement> = Vec::new();
        for statement in needed.flat_map(|finding| &finding.sql) {
            if !statements.iter().any(|known| known.sql == statement.sql) {
                statements.push(statement);
            }
        }
        statements.sort_by_key(|statement| statement.step);
        statements
    }

    /// The remedies as one SQL script, in the order in which they run.
    ///
    /// The script has a part for each role, as one transaction. Remedies that are not SQL follow as comments.
    ///
    /// ```no_run
    /// # fn example(report: &watertight::doctor::Report) -> std::io::Result<()> {
    /// std::fs::write("remedies.sql", report.script())
    /// # }
    /// ```
    #[must_use]
    pub fn script(&self) -> String {
        let mut parts = vec![format!(
            "-- Remedies for {} and the role {}",
            one_line(&self.database),
            one_line(&self.application_role)
        )];
        let script = remedy::script(self.remedies());
        if !script.is_empty() {
            parts.push(script);
        }
        let actions = self
            .findings
            .iter()
            .filter(|finding| finding.severity != Severity::Note && finding.sql.is_empty());
        let actions: Vec<String> = actions
            .map(|Finding { object, problem, remedy, .. }| {
                format!("-- {} {}\n--   action: {}", one_line(object), one_line(problem), one_line(remedy))
            })
            .collect();
        if !actions.is_empty() {
            parts.push(format!("-- These findings need an action outside of SQL:\n{}", actions.join("\n")));
        }
        parts.join("\n\n")
    }

    /// Whether no finding is of this severity or a higher one.
    ///
    /// ```no_run
    /// use watertight::doctor::{Report, Severity};
    ///
    /// # fn example(report: &Report) {
    /// if !report.passes(Severity::Warning) {
    ///     eprintln!("{report}");
    /// }
    /// # }
    /// ```
    #[must_use]
    pub fn passes(&self, severity: Severity) -> bool {
        self.findings.iter().all(|finding| finding.severity > severity)
    }

    /// The report, if it is [sound](Self::is_sound).
    ///
    /// ```no_run
    /// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
    /// let connection = sea_orm::Database::connect("postgres://app@localhost/clinic").await?;
    /// let report = watertight::Watertight::builder().doctor(&connection).await?.require_sound()?;
    /// println!("{} tenant tables are sound", report.tenant_tables);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`DoctorFailed`] with the report.
    pub fn require_sound(self) -> Result<Self, DoctorFailed> {
        if self.is_sound() { Ok(self) } else { Err(DoctorFailed { report: Box::new(self) }) }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { tenant_tables, findings, .. } = self;
        let [database, role, application_role, server_version] =
            [&self.database, &self.role, &self.application_role, &self.server_version]
                .map(|text| one_line(text));
        let about =
            if role == application_role { String::new() } else { format!(" about {application_role}") };
        writeln!(
            f,
            "{database} as {role}{about}, PostgreSQL {server_version}, {tenant_tables} tenant tables checked"
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
///
/// ```no_run
/// use watertight::{ConnectError, Error, Watertight};
///
/// # async fn example() -> Result<(), Error> {
/// let connected = Watertight::builder().check_with_doctor().connect_from_env().await;
/// if let Err(Error::Connect(ConnectError::DoctorFailed(failed))) = &connected {
///     for finding in &failed.report.findings {
///         eprintln!("{}: {}", finding.object, finding.remedy);
///     }
/// }
/// let water = connected?;
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the doctor found errors:\n{report}")]
#[non_exhaustive]
pub struct DoctorFailed {
    /// Every finding.
    pub report: Box<Report>,
}
