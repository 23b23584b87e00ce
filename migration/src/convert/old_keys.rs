//! The phase that drops the old keys. The new ones take their names.

use watertight_schema::sql;

use super::catalog::{ForeignKey, Index, Table};
use super::keys::is_converted;
use super::step::{Duration, LockMode, Step};
use super::survey::Survey;
use super::{Conversion, naming};

pub(super) fn steps(survey: &Survey, conversion: &Conversion) -> Vec<Step> {
    let column = conversion.settings.tenant_column();
    // Foreign keys come first, because they depend on the keys.
    let foreign = survey
        .inner_keys()
        .filter(|(key, ..)| !key.is_confined(column))
        .map(|(key, table, target)| foreign_key(key, table, target));
    let keys = survey.tables.iter().flat_map(|table| {
        survey.indexes(table).filter(|index| is_converted(index, conversion)).map(|index| key(table, index))
    });
    foreign.chain(keys).collect()
}

fn foreign_key(key: &ForeignKey, table: &Table, target: &Table) -> Step {
    let (old, new) = (sql::identifier(&key.name), sql::identifier(&naming::replacement(&key.name)));
    let quoted = table.quoted();
    let mut step = Step::new(table.id(), format!("drop {}, which does not contain the tenant", key.name))
        .lock(table.id(), LockMode::AccessExclusive, Duration::Short);
    if table.oid != target.oid {
        step = step.lock(target.id(), LockMode::AccessExclusive, Duration::Short);
    }
    step.run([
        format!("ALTER TABLE {quoted} DROP CONSTRAINT {old}"),
        format!("ALTER TABLE {quoted} RENAME CONSTRAINT {new} TO {old}"),
    ])
    .run(key.afterwards.iter().cloned())
}

fn key(table: &Table, index: &Index) -> Step {
    let step = Step::new(
        table.id(),
        format!("replace {} by the one that begins with the tenant", index.name),
    )
    .lock(table.id(), LockMode::AccessExclusive, Duration::Short);
    let new = naming::replacement(&index.name);
    step.run(swap(table, index, &new)).run(index.afterwards.iter().cloned())
}

/// The SQL that drops an index and gives its name and its constraint to another one.
fn swap(table: &Table, index: &Index, new: &str) -> Vec<String> {
    let (quoted, schema) = (table.quoted(), table.id().schema);
    let (old, renamed) = (sql::identifier(&index.name), sql::identifier(new));
    if index.constraint.is_none() {
        return vec![
            format!("DROP INDEX {}", sql::qualified(&schema, &index.name)),
            format!("ALTER INDEX {} RENAME TO {old}", sql::qualified(&schema, new)),
        ];
    }
    let drop = format!("ALTER TABLE {quoted} DROP CONSTRAINT {old}");
    let kind = if index.is_primary { "PRIMARY KEY" } else { "UNIQUE" };
    if index.is_exclusion() || (index.is_deferrable_constraint() && !index.is_primary) {
        return vec![drop, format!("ALTER TABLE {quoted} RENAME CONSTRAINT {renamed} TO {old}")];
    }
    let deferrable = match (index.deferrable, index.deferred) {
        (true, true) => " DEFERRABLE INITIALLY DEFERRED",
        (true, false) => " DEFERRABLE",
        _ => "",
    };
    vec![drop, format!("ALTER TABLE {quoted} ADD CONSTRAINT {old} {kind} USING INDEX {renamed}{deferrable}")]
}
