//! The steps that restore the recorded state, in the opposite order of the phases.

use watertight_schema::isolation::TENANT_POLICY;
use watertight_schema::sql;

use super::catalog::Table;
use super::journal::{self, Entry, kind};
use super::keys::rebuilt;
use super::naming;
use super::problem::{ConversionProblem, ProblemKind};
use super::step::{Duration, LockMode, Phase, Step};
use super::survey::Survey;
use crate::Settings;
use crate::name::Name;

/// The state to restore, and the present one.
pub(super) struct Undo<'s> {
    survey: &'s Survey,
    settings: &'s Settings,
}

impl<'s> Undo<'s> {
    pub(super) fn new(survey: &'s Survey, settings: &'s Settings) -> Self {
        Self { survey, settings }
    }

    pub(super) fn steps(&self, phase: Phase) -> Vec<Step> {
        match phase {
            Phase::OldKeys => self.old_keys(),
            Phase::Isolation => self.isolation(),
            Phase::ForeignKeys => self.foreign_keys(),
            Phase::Keys => self.keys(),
            Phase::Column => self.columns(),
        }
    }

    /// Whether a conversion of the tables is recorded.
    pub(super) fn is_recorded(&self) -> bool {
        self.survey.tables.iter().any(|table| self.entries(table).next().is_some())
    }

    /// Whether the conversion has added the column to a table, so that its rows would be mixed.
    pub(super) fn drops_columns(&self) -> bool {
        self.survey.tables.iter().any(|table| self.of_kind(table, kind::COLUMN).next().is_some())
    }

    /// Foreign keys that join a table to a converted table that is not named.
    pub(super) fn problems(&self) -> Vec<ConversionProblem> {
        let column = self.settings.tenant_column();
        let is_named = |name: &Name| self.survey.names.contains(name);
        let is_converted = |name: &Name| self.survey.entries.iter().any(|entry| entry.table() == *name);
        let joined = self.survey.foreign_keys.iter().filter(|key| key.is_confined(column));
        joined
            .filter(|key| {
                let (from, to) = (key.table(), key.target_table());
                (is_named(&from) && !is_named(&to) && is_converted(&to))
                    || (is_named(&to) && !is_named(&from) && is_converted(&from))
            })
            .map(|key| {
                ConversionProblem::new(
                    ProblemKind::ForeignKey,
                    key.table(),
                    format!(
                        "has the foreign key {} to {}, and one of the tables stays converted",
                        key.name,
                        key.target_table()
                    ),
                    "undo the conversion of both tables",
                )
            })
            .collect()
    }

    fn entries(&self, table: &Table) -> impl Iterator<Item = &'s Entry> + use<'s> {
        let name = table.id();
        self.survey.entries.iter().filter(move |entry| entry.table() == name)
    }

    fn of_kind(&self, table: &Table, kind: &'static str) -> impl Iterator<Item = &'s Entry> + use<'s> {
        self.entries(table).filter(move |entry| entry.kind == kind)
    }

    /// The recorded keys and indexes of a table whose names the new ones have, or that are missing.
    fn replaced(&self, table: &Table) -> Vec<&'s Entry> {
        let column = self.settings.tenant_column();
        let is_old =
            |entry: &&Entry| self.survey.index(table, &entry.name).is_some_and(|index| !index.holds(column));
        self.of_kind(table, kind::INDEX).filter(|entry| !is_old(entry)).collect()
    }

    /// Builds the old keys and indexes. A key that rows of several tenants violate fails here, and nothing has changed.
    fn old_keys(&self) -> Vec<Step> {
        let mut steps = Vec::new();
        for table in &self.survey.tables {
            let name = table.id();
            for entry in self.replaced(table).into_iter().filter(|entry| !is_exclusion(entry)) {
                let restored = restored(&entry.name);
                let drop =
                    format!("DROP INDEX CONCURRENTLY IF EXISTS {}", sql::qualified(&name.schema, &restored));
                let mut statements = match self.survey.index(table, &restored) {
                    Some(found) if found.is_valid => continue,
                    Some(_) => vec![drop.clone()],
                    None => Vec::new(),
                };
                statements.push(rebuilt(entry.definition.as_deref().unwrap_or_default(), &restored));
                steps.push(
                    Step::new(&name, format!("build {} as it was, under the name {restored}", entry.name))
                        .outside_transaction()
                        .lock(&name, LockMode::ShareUpdateExclusive, Duration::WholeTable)
                        .run(statements)
                        .after_failure(drop),
                );
            }
        }
        steps
    }

    /// Removes the policies, and restores defaults, privileges and views.
    fn isolation(&self) -> Vec<Step> {
        let mut steps: Vec<Step> =
            self.survey.tables.iter().filter_map(|table| self.unprotected(table)).collect();
        let role = self.settings.app_role();
        for table in &self.survey.tables {
            for entry in self.of_kind(table, kind::PRIVILEGES).filter(|entry| !entry.name.is_empty()) {
                let sequence = self.survey.sequences.iter().find(|sequence| sequence.quoted() == entry.name);
                let present = sequence.and_then(|sequence| {
                    self.survey.sequence_privileges.iter().find(|found| found.oid == sequence.oid)
                });
                if present.is_some_and(|present| present.grants != entry.afterwards) {
                    let revoke =
                        format!("REVOKE ALL ON SEQUENCE {} FROM {}", entry.name, sql::identifier(role));
                    steps.push(
                        Step::new(table.id(), format!("restore the rights on the sequence {}", entry.name))
                            .run([revoke])
                            .run(entry.afterwards.iter().cloned()),
                    );
                }
            }
        }
        for view in self.survey.views.iter().filter(|view| !view.is_materialized) {
            let name = Name::new(&view.schema, &view.name);
            let entry =
                self.survey.entries.iter().find(|entry| entry.kind == kind::VIEW && entry.table() == name);
            if let Some(entry) = entry {
                let change = match &entry.definition {
                    Some(setting) => format!("SET (security_invoker = {})", sql::literal(setting)),
                    None => "RESET (security_invoker)".to_owned(),
                };
                steps.push(
                    Step::new(&name, "let the view run with the rights of its owner again")
                        .lock(&name, LockMode::AccessExclusive, Duration::Short)
                        .run([format!("ALTER VIEW {} {change}", name.quoted()), entry.delete()]),
                );
            }
        }
        for entry in self.survey.entries.iter().filter(|entry| entry.kind == kind::USAGE) {
            let others = self.survey.entries.iter().any(|other| {
                other.table_schema == entry.table_schema
                    && !other.table_name.is_empty()
                    && !self.survey.names.contains(&other.table())
            });
            if !others {
                let (schema, role) = (sql::identifier(&entry.table_schema), sql::identifier(&entry.name));
                steps.push(
                    Step::new(
                        &entry.table_schema,
                        format!("revoke the use of the schema from {}", entry.name),
                    )
                    .run([format!("REVOKE USAGE ON SCHEMA {schema} FROM {role}"), entry.delete()]),
                );
            }
        }
        steps
    }

    fn unprotected(&self, table: &Table) -> Option<Step> {
        let (name, quoted, column) = (table.id(), table.quoted(), self.settings.tenant_column());
        let mut statements = Vec::new();
        if let Some(entry) = self.of_kind(table, kind::SECURITY).next() {
            if self
                .survey
                .policies
                .iter()
                .any(|policy| policy.oid == table.oid && policy.name == TENANT_POLICY)
            {
                statements.push(format!("DROP POLICY {TENANT_POLICY} ON {quoted}"));
            }
            let before = entry.definition.as_deref().unwrap_or_default();
            if table.forced && !before.starts_with("forced") {
                statements.push(format!("ALTER TABLE {quoted} NO FORCE ROW LEVEL SECURITY"));
            }
            if table.protected && matches!(before, "off" | "forced only") {
                statements.push(format!("ALTER TABLE {quoted} DISABLE ROW LEVEL SECURITY"));
            }
        }
        if let Some(entry) = self.of_kind(table, kind::DEFAULT).next()
            && table.has_column()
            && table.column_default != entry.definition
        {
            let change = match &entry.definition {
                Some(default) => format!("SET DEFAULT {default}"),
                None => "DROP DEFAULT".to_owned(),
            };
            statements
                .push(format!("ALTER TABLE {quoted} ALTER COLUMN {} {change}", sql::identifier(column)));
        }
        let recorded = self.of_kind(table, kind::PRIVILEGES).find(|entry| entry.name.is_empty());
        let present = self.survey.privileges.iter().find(|found| found.oid == table.oid);
        if let (Some(entry), Some(present)) = (recorded, present)
            && entry.afterwards != present.grants
        {
            let role = sql::identifier(self.settings.app_role());
            statements.push(format!("REVOKE ALL ON TABLE {quoted} FROM PUBLIC, {role}"));
            statements.extend(entry.afterwards.iter().cloned());
        }
        (!statements.is_empty()).then(|| {
            Step::new(&name, "restore row-level security, rights and the default of the column")
                .lock(&name, LockMode::AccessExclusive, Duration::Short)
                .run(statements)
        })
    }

    /// Swaps the keys and foreign keys of all tables in one transaction, and validates the foreign keys.
    fn foreign_keys(&self) -> Vec<Step> {
        let column = self.settings.tenant_column();
        let (mut dropped, mut swapped, mut added, mut validated) =
            (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        let mut locked: Vec<Name> = Vec::new();
        for table in &self.survey.tables {
            let (name, quoted) = (table.id(), table.quoted());
            let of_table = |name: &str| {
                self.survey.foreign_keys.iter().find(|key| key.oid == table.oid && key.name == *name)
            };
            for entry in self.of_kind(table, kind::FOREIGN_KEY) {
                let present = of_table(&entry.name);
                let is_old = present.is_some_and(|key| !key.is_confined(column));
                if present.is_some() && !is_old {
                    dropped.push(drop_constraint(&quoted, &entry.name));
                }
                let new = entry.new_name.as_deref().unwrap_or_default();
                if of_table(new).is_some() {
                    dropped.push(drop_constraint(&quoted, new));
                }
                let definition = entry.definition.as_deref().unwrap_or_default();
                let valid = definition.strip_suffix(NOT_VALID);
                if !is_old {
                    let old = sql::identifier(&entry.name);
                    let definition = valid.unwrap_or(definition);
                    added.push(format!("ALTER TABLE {quoted} ADD CONSTRAINT {old} {definition}{NOT_VALID}"));
                    added.extend(entry.afterwards.iter().cloned());
                }
                if valid.is_none() && !(is_old && present.is_some_and(|key| key.validated)) {
                    validated.push(
                        Step::new(&name, format!("validate {}", entry.name))
                            .lock(&name, LockMode::ShareUpdateExclusive, Duration::WholeTable)
                            .run([format!(
                                "ALTER TABLE {quoted} VALIDATE CONSTRAINT {}",
                                sql::identifier(&entry.name)
                            )]),
                    );
                }
                if !is_old || of_table(new).is_some() {
                    locked.push(name.clone());
                }
            }
            for entry in self.replaced(table) {
                swapped.extend(self.swap(table, entry));
                swapped.extend(entry.afterwards.iter().cloned());
                locked.push(name.clone());
            }
        }
        let mut steps = Vec::new();
        if !(dropped.is_empty() && swapped.is_empty() && added.is_empty()) {
            locked.sort();
            locked.dedup();
            let mut step = Step::new("all tables", "restore the old keys and foreign keys");
            for table in &locked {
                let excludes =
                    self.survey.entries.iter().any(|entry| entry.table() == *table && is_exclusion(entry));
                let duration = if excludes { Duration::WholeTable } else { Duration::Short };
                step = step.lock(table, LockMode::AccessExclusive, duration);
            }
            steps.push(step.run(dropped).run(swapped).run(added));
        }
        steps.extend(validated);
        steps
    }

    /// The SQL that gives a name back to the index that was built again.
    fn swap(&self, table: &Table, entry: &Entry) -> Vec<String> {
        let (quoted, schema) = (table.quoted(), table.id().schema);
        let (old, built) = (sql::identifier(&entry.name), restored(&entry.name));
        let present = self.survey.index(table, &entry.name);
        let mut statements: Vec<String> = present
            .map(|index| match index.constraint {
                Some(_) => drop_constraint(&quoted, &entry.name),
                None => format!("DROP INDEX {}", sql::qualified(&schema, &entry.name)),
            })
            .into_iter()
            .collect();
        statements.push(match &entry.constraint_definition {
            Some(definition) if is_exclusion(entry) => {
                format!("ALTER TABLE {quoted} ADD CONSTRAINT {old} {definition}")
            }
            Some(definition) => {
                let kind = if definition.starts_with("PRIMARY KEY") { "PRIMARY KEY" } else { "UNIQUE" };
                let deferrable = [" DEFERRABLE INITIALLY DEFERRED", " DEFERRABLE"]
                    .into_iter()
                    .find(|suffix| definition.ends_with(suffix))
                    .unwrap_or_default();
                let built = sql::identifier(&built);
                format!("ALTER TABLE {quoted} ADD CONSTRAINT {old} {kind} USING INDEX {built}{deferrable}")
            }
            None => format!("ALTER INDEX {} RENAME TO {old}", sql::qualified(&schema, &built)),
        });
        statements
    }

    /// Drops the new keys and indexes that have not replaced old ones.
    fn keys(&self) -> Vec<Step> {
        let mut steps = Vec::new();
        for table in &self.survey.tables {
            let (name, quoted) = (table.id(), table.quoted());
            let replacements = self.of_kind(table, kind::INDEX).filter_map(|entry| entry.new_name.as_deref());
            let others = self.of_kind(table, kind::NEW_INDEX).map(|entry| entry.name.as_str());
            for index in replacements.chain(others).filter_map(|index| self.survey.index(table, index)) {
                let step = Step::new(&name, format!("drop {}", index.name));
                steps.push(match index.constraint {
                    Some(_) => step
                        .lock(&name, LockMode::AccessExclusive, Duration::Short)
                        .run([drop_constraint(&quoted, &index.name)]),
                    None => step
                        .outside_transaction()
                        .lock(&name, LockMode::ShareUpdateExclusive, Duration::Short)
                        .run([format!(
                            "DROP INDEX CONCURRENTLY {}",
                            sql::qualified(&name.schema, &index.name)
                        )]),
                });
            }
        }
        steps
    }

    /// Drops the columns that the conversion has added, and forgets the conversion.
    fn columns(&self) -> Vec<Step> {
        let column = sql::identifier(self.settings.tenant_column());
        let mut steps = Vec::new();
        for table in &self.survey.tables {
            let (name, quoted) = (table.id(), table.quoted());
            let entries: Vec<&Entry> = self.entries(table).collect();
            if entries.is_empty() {
                continue;
            }
            let mut statements = Vec::new();
            if self.of_kind(table, kind::COLUMN).next().is_some() {
                if table.has_column() {
                    statements.push(format!("ALTER TABLE {quoted} DROP COLUMN {column}"));
                }
            } else {
                let added =
                    self.of_kind(table, kind::CHECK).filter(|entry| table.checks.contains(&entry.name));
                statements.extend(added.map(|entry| drop_constraint(&quoted, &entry.name)));
                if self.of_kind(table, kind::NULLABLE).next().is_some() && table.column_required == Some(true)
                {
                    statements.push(format!("ALTER TABLE {quoted} ALTER COLUMN {column} DROP NOT NULL"));
                }
            }
            statements.extend(entries.iter().map(|entry| entry.delete()));
            steps.push(
                Step::new(&name, "restore the columns")
                    .lock(&name, LockMode::AccessExclusive, Duration::Short)
                    .run(statements),
            );
        }
        if self.survey.has_journal {
            let block = format!(
                "BEGIN IF NOT EXISTS (SELECT FROM {table}) THEN DROP TABLE {table}; END IF; END",
                table = journal::TABLE
            );
            let forget = Step::new(journal::TABLE, "drop the record if it is empty");
            steps.push(forget.run([format!("DO {}", sql::literal(&block))]));
        }
        steps
    }
}

const NOT_VALID: &str = " NOT VALID";

/// The name of an index that is built again, until it takes its old name.
fn restored(name: &str) -> String {
    naming::replacement(&format!("old_{name}"))
}

/// Whether an entry describes an exclusion constraint, which is added again in one step.
fn is_exclusion(entry: &Entry) -> bool {
    entry.constraint_definition.as_deref().is_some_and(|definition| definition.starts_with("EXCLUDE "))
}

fn drop_constraint(table: &str, name: &str) -> String {
    format!("ALTER TABLE {table} DROP CONSTRAINT {}", sql::identifier(name))
}
