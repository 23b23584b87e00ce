//! The report in SARIF 2.1.0, the format in which code scanners report results.

use serde_json::{Value, json};

use super::report::{Check, Finding, Report, Severity};

const SCHEMA: &str = "https://json.schemastore.org/sarif-2.1.0.json";
const PAGE: &str = "https://docs.rs/watertight/latest/watertight/doctor/index.html";

/// The file to which results are attached. A viewer needs a file, and a database has none.
const ARTIFACT: &str = "watertight.toml";

impl Report {
    /// The report in SARIF 2.1.0, the format in which code scanners report results.
    ///
    /// A result has the check as its rule, the object as its logical location, and the remedy in its message. Its location in a file
    /// is the first line of `watertight.toml`, because viewers need one.
    ///
    /// ```no_run
    /// # fn example(report: &watertight::doctor::Report) -> std::io::Result<()> {
    /// std::fs::write("doctor.sarif", report.sarif().to_string())
    /// # }
    /// ```
    #[must_use]
    pub fn sarif(&self) -> Value {
        let mut checks: Vec<Check> = self.findings.iter().map(|finding| finding.check).collect();
        checks.sort_unstable();
        checks.dedup();
        let rules: Vec<Value> = checks.iter().map(|check| rule(*check)).collect();
        let results: Vec<Value> = self.findings.iter().map(|finding| self.result(finding, &checks)).collect();
        json!({
            "$schema": SCHEMA,
            "version": "2.1.0",
            "runs": [{
                "tool": {"driver": {
                    "name": "watertight doctor",
                    "version": env!("CARGO_PKG_VERSION"),
                    "informationUri": PAGE,
                    "rules": rules,
                }},
                "columnKind": "unicodeCodePoints",
                "properties": {"database": self.database, "role": self.role, "server_version": self.server_version},
                "results": results,
            }],
        })
    }

    fn result(&self, finding: &Finding, checks: &[Check]) -> Value {
        let Finding { severity, check, object, problem, remedy, sql } = finding;
        let level = match severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
            Severity::Note => "note",
        };
        json!({
            "ruleId": id(*check),
            "ruleIndex": checks.iter().position(|known| known == check),
            "level": level,
            "message": {"text": format!("{object} {problem}. Remedy: {remedy}")},
            "locations": [{
                "physicalLocation": {"artifactLocation": {"uri": ARTIFACT}, "region": {"startLine": 1}},
                "logicalLocations": [{"fullyQualifiedName": object, "kind": "object"}],
            }],
            // The same finding of another run has the same fingerprint, so that a viewer can follow it.
            "partialFingerprints": {"finding/v1": format!("{}/{}/{object}/{problem}", self.database, id(*check))},
            "properties": {"sql": sql},
        })
    }
}

fn rule(check: Check) -> Value {
    json!({"id": id(check), "shortDescription": {"text": check.title()}, "helpUri": PAGE})
}

/// The name of a check in machine-readable output.
fn id(check: Check) -> Value {
    serde_json::to_value(check).unwrap_or_default()
}

impl Check {
    /// The subject of the check in one sentence.
    ///
    /// ```
    /// use watertight::doctor::Check;
    ///
    /// assert_eq!(Check::RowSecurity.title(), "Row-level security is not enabled and forced.");
    /// ```
    #[must_use]
    pub const fn title(self) -> &'static str {
        match self {
            Self::PrivilegedRole => "A role bypasses row-level security.",
            Self::OwnedTables => "The role owns tenant tables.",
            Self::BackslashEscapes => "Backslashes in strings are read as escapes.",
            Self::RowSecurity => "Row-level security is not enabled and forced.",
            Self::Policy => "A policy is missing or shows more than the rows of the tenant.",
            Self::TenantType => "The type that carries the tenant is missing, altered or copied.",
            Self::TenantKeys => "Tenant keys or signing are open, or tenants are not verified.",
            Self::PrivilegedFunction => "A function bypasses row-level security or sets the tenant.",
            Self::UnseenFunction => "A statement can call a function without naming it.",
            Self::View => "A view reads tenant tables with the rights of its owner.",
            Self::TenantDefault => "Connections begin with a tenant.",
            Self::SearchPath => "The search path contains an unsafe schema.",
            Self::PartitionGrant => "The role can access a partition or an inheriting table directly.",
            Self::SchemaUsage => "The role may not use the schema of registered tables.",
            Self::MissingGrant => "The role lacks a privilege that statements need.",
            Self::SurplusGrant => "The role has a privilege that no statement needs.",
            Self::DefaultPrivileges => "Default privileges grant too much on future tables.",
            Self::OneLayer => "Row-level security cannot protect a relation with rows of tenants.",
            Self::TenantKey => "A key does not begin with the tenant.",
            Self::ForeignKey => "A foreign key is missing or does not contain the tenant.",
            Self::UnvalidatedConstraint => "A constraint was never validated.",
            Self::DisabledTrigger => "A trigger is disabled.",
            Self::CrossingRows => "Rows refer to a row of another tenant, or to no row.",
            Self::MissingTable => "A registered table is missing, cannot be read, or cannot be isolated.",
            Self::Column => "A column differs from the entity.",
            Self::UnregisteredTable => "A table is not registered.",
            Self::MissingIndex => "An index is missing or invalid.",
            Self::PendingMigration => "A migration is not applied.",
            Self::Backups => "The owner of the tables cannot run pg_dump.",
            Self::Pooler => "A transaction pooler is not declared.",
            Self::Transport => "The connection is not encrypted, or the server not verified.",
        }
    }
}
