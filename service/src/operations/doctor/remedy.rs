//! Remedies as SQL: statements with the role that runs them and their place in the order.

use std::fmt;

use serde::Serialize;

/// The role that runs a statement of a remedy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum RunAs {
    /// A superuser or the administrator of a hosted database, or the owner of the object.
    Superuser,
    /// The owner of the tables.
    Owner,
    /// The role for maintenance: a member of the owner that is `BYPASSRLS`.
    ///
    /// Row-level security binds the owner, so as the owner a new key could not be checked against the existing rows.
    Maintenance,
}

impl RunAs {
    /// The environment variable with the role's URL, as the command `watertight` reads it.
    pub(super) const fn variable(self) -> Option<&'static str> {
        match self {
            Self::Superuser => None,
            Self::Owner => Some("DATABASE_OWNER_URL"),
            Self::Maintenance => Some("DATABASE_MAINTENANCE_URL"),
        }
    }
}

impl fmt::Display for RunAs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Superuser => "a superuser",
            Self::Owner => "the owner",
            Self::Maintenance => "the maintenance role",
        })
    }
}

/// The place of a statement in the order of all remedies of a report.
///
/// A later step can need an earlier one: a foreign key needs the key that it refers to, and that key its columns. Privileges
/// are taken first and granted last, so no step exposes rows that a later one protects.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Step {
    /// Grants to the application's role that replace a wider one.
    KeepPrivileges,
    /// Revokes privileges and memberships.
    Revoke,
    /// Changes settings of roles and of the database.
    Settings,
    /// Changes or drops types, functions and views.
    Objects,
    /// Adds or changes columns.
    Columns,
    /// Drops foreign keys that are added again.
    DropForeignKeys,
    /// Replaces primary and unique keys.
    Keys,
    /// Adds foreign keys.
    ForeignKeys,
    /// Validates constraints.
    Validate,
    /// Adds or rebuilds indexes.
    Indexes,
    /// Enables triggers.
    Triggers,
    /// Enables and forces row-level security.
    RowSecurity,
    /// Adds the tenant policy.
    Policies,
    /// Drops policies that show more rows.
    DropPolicies,
    /// Grants the use of schemas and types.
    GrantUsage,
    /// Grants privileges on tables and sequences.
    Grant,
}

/// A statement of a remedy.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[non_exhaustive]
pub struct RemedyStatement {
    /// The place in the order of all statements of a report.
    pub step: Step,
    /// The role that runs it.
    pub run_as: RunAs,
    /// The statement, with its semicolon.
    pub sql: String,
}

/// The remedy of a finding.
#[derive(Debug)]
pub(super) struct Remedy {
    statements: Vec<RemedyStatement>,
    /// An action outside of SQL, or an alternative to the SQL.
    action: Option<String>,
}

impl Remedy {
    /// A remedy that is not SQL.
    pub(super) fn action(action: impl Into<String>) -> Self {
        Self { statements: Vec::new(), action: Some(action.into()) }
    }

    /// A remedy of SQL that the owner runs.
    pub(super) fn owner(step: Step, sql: impl Into<String>) -> Self {
        Self::sql(step, RunAs::Owner, sql)
    }

    pub(super) fn sql(step: Step, run_as: RunAs, sql: impl Into<String>) -> Self {
        Self { statements: vec![RemedyStatement { step, run_as, sql: sql.into() }], action: None }
    }

    /// Adds a statement of the same role.
    pub(super) fn and(mut self, step: Step, sql: impl Into<String>) -> Self {
        let run_as = self.statements.last().map_or(RunAs::Owner, |last| last.run_as);
        self.statements.push(RemedyStatement { step, run_as, sql: sql.into() });
        self
    }

    /// Adds the statements of another remedy.
    pub(super) fn with(mut self, other: Self) -> Self {
        self.statements.extend(other.statements);
        self
    }

    /// Adds an alternative to the SQL, or a remark about it.
    pub(super) fn or(mut self, alternative: impl Into<String>) -> Self {
        self.action = Some(alternative.into());
        self
    }

    /// The remedy as a text, and its statements in their order.
    pub(super) fn into_parts(mut self) -> (String, Vec<RemedyStatement>) {
        self.statements.sort_by_key(|statement| statement.step);
        let mut text =
            self.statements.iter().map(|statement| statement.sql.as_str()).collect::<Vec<_>>().join(" ");
        if let Some(action) = self.action {
            if !text.is_empty() {
                text.push_str(" or ");
            }
            text.push_str(&action);
        }
        (text, self.statements)
    }
}

/// Joins statements to a script in their order, with the role of each part in a comment. A part is one transaction.
pub(super) fn script(mut statements: Vec<&RemedyStatement>) -> String {
    statements.sort_by_key(|statement| statement.step);
    let mut done: Vec<&str> = Vec::new();
    let mut role = None;
    let mut lines = Vec::new();
    for RemedyStatement { run_as, sql, .. } in statements {
        if done.contains(&sql.as_str()) {
            continue;
        }
        if role != Some(*run_as) {
            if role.is_some() {
                lines.extend(["COMMIT;".to_owned(), String::new()]);
            }
            let variable = run_as.variable().map(|name| format!(" ({name})")).unwrap_or_default();
            lines.extend([format!("-- As {run_as}{variable}:"), "BEGIN;".to_owned()]);
            role = Some(*run_as);
        }
        lines.push(sql.clone());
        done.push(sql);
    }
    if role.is_some() {
        lines.push("COMMIT;".to_owned());
    }
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_script_has_the_steps_in_order_and_each_statement_once() {
        let remedy =
            Remedy::owner(Step::Policies, "CREATE POLICY p ON t;").and(Step::RowSecurity, "ALTER TABLE t;");
        let (text, first) = remedy.or("drop the table").into_parts();
        assert_eq!(text, "ALTER TABLE t; CREATE POLICY p ON t; or drop the table");
        let key = Remedy::sql(Step::ForeignKeys, RunAs::Maintenance, "ALTER TABLE u;");
        let (_, second) = key.with(Remedy::owner(Step::RowSecurity, "ALTER TABLE t;")).into_parts();
        let all = first.iter().chain(&second).collect();
        let expected = "-- As the maintenance role (DATABASE_MAINTENANCE_URL):\nBEGIN;\nALTER TABLE u;\nCOMMIT;\n\n\
                        -- As the owner (DATABASE_OWNER_URL):\nBEGIN;\nALTER TABLE t;\nCREATE POLICY p ON t;\nCOMMIT;";
        assert_eq!(script(all), expected);
        assert_eq!(script(Vec::new()), "");
    }
}
