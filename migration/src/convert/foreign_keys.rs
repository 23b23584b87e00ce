//! The phase that adds foreign keys that contain the tenant, beside the old ones.

use watertight_schema::sql;

use super::catalog::ForeignKey;
use super::journal::{Entry, kind};
use super::keys::list;
use super::naming;
use super::step::{Duration, LockMode, Step};
use super::survey::Survey;

pub(super) fn steps(survey: &Survey, column: &str) -> Vec<Step> {
    let mut steps = Vec::new();
    for (key, table, target) in survey.inner_keys().filter(|(key, ..)| !key.is_confined(column)) {
        let new = naming::replacement(&key.name);
        let found = survey.foreign_keys.iter().find(|other| other.oid == key.oid && other.name == new);
        let quoted = table.quoted();
        if found.is_none() {
            let mut entry =
                Entry::new(&table.id(), kind::FOREIGN_KEY, &key.name).defined(Some(&key.definition));
            entry.new_name = Some(new.clone());
            entry.afterwards.clone_from(&key.afterwards);
            let mut step = Step::new(table.id(), format!("add {new}, beside {}", key.name)).lock(
                table.id(),
                LockMode::ShareRowExclusive,
                Duration::Short,
            );
            if table.oid != target.oid {
                step = step.lock(target.id(), LockMode::ShareRowExclusive, Duration::Short);
            }
            steps.push(step.run([
                entry.insert(),
                format!(
                    "ALTER TABLE {quoted} ADD CONSTRAINT {} {} NOT VALID",
                    sql::identifier(&new),
                    definition(key, column)
                ),
            ]));
        }
        if !found.is_some_and(|found| found.validated) {
            steps.push(validate(key, &new, [(table.forced, &quoted), (target.forced, &target.quoted())]));
        }
    }
    steps
}

/// The step that validates a foreign key for the existing rows.
///
/// Forced policies would hide rows from the owner, and are lifted meanwhile.
fn validate(key: &ForeignKey, new: &str, tables: [(bool, &String); 2]) -> Step {
    let table = key.table();
    let validate = format!("ALTER TABLE {} VALIDATE CONSTRAINT {}", table.quoted(), sql::identifier(new));
    let mut forced: Vec<&String> =
        tables.into_iter().filter(|(forced, _)| *forced).map(|(_, table)| table).collect();
    forced.dedup();
    let force = |verb: &'static str| {
        forced
            .iter()
            .map(move |table| format!("ALTER TABLE {table} {verb} ROW LEVEL SECURITY"))
            .collect::<Vec<_>>()
    };
    let mode = if forced.is_empty() { LockMode::ShareUpdateExclusive } else { LockMode::AccessExclusive };
    Step::new(&table, format!("validate {new} for the existing rows"))
        .lock(&table, mode, Duration::WholeTable)
        .run(force("NO FORCE"))
        .run([validate])
        .run(force("FORCE"))
}

/// The definition of the foreign key with the tenant on both sides.
fn definition(key: &ForeignKey, column: &str) -> String {
    let action = |code: &str| match code {
        "r" => Some("RESTRICT"),
        "c" => Some("CASCADE"),
        "n" => Some("SET NULL"),
        "d" => Some("SET DEFAULT"),
        _ => None,
    };
    let mut text = format!(
        "FOREIGN KEY ({}) REFERENCES {} ({})",
        list(column, &key.columns),
        key.target_table().quoted(),
        list(column, &key.target_columns)
    );
    if let Some(action) = action(&key.on_update) {
        text.push_str(" ON UPDATE ");
        text.push_str(action);
    }
    if let Some(action) = action(&key.on_delete) {
        text.push_str(" ON DELETE ");
        text.push_str(action);
        if matches!(key.on_delete.as_str(), "n" | "d") {
            // Without the list PostgreSQL would also change the tenant.
            let set = if key.set_columns.is_empty() { &key.columns } else { &key.set_columns };
            let set: Vec<String> = set.iter().map(|column| sql::identifier(column)).collect();
            text = format!("{text} ({})", set.join(", "));
        }
    }
    if key.deferrable {
        text.push_str(if key.deferred { " DEFERRABLE INITIALLY DEFERRED" } else { " DEFERRABLE" });
    }
    text
}
