//! The phase that builds keys and indexes that begin with the tenant, beside the old ones.

use watertight_schema::sql;

use super::catalog::{ForeignKey, Index, Table};
use super::journal::{Entry, kind};
use super::step::{Duration, LockMode, Step};
use super::survey::Survey;
use super::{Conversion, naming};

/// The first word in the entry of a unique index.
const UNIQUE: &str = "UNIQUE";

pub(super) fn steps(survey: &Survey, conversion: &Conversion) -> Vec<Step> {
    let column = conversion.settings.tenant_column();
    let mut steps = Vec::new();
    for table in &survey.tables {
        for index in survey.indexes(table).filter(|index| is_converted(index, conversion)) {
            steps.extend(replace(survey, table, index, column));
        }
        for key in survey.foreign_keys.iter().filter(|key| key.oid == table.oid) {
            steps.extend(index_of_foreign_key(survey, conversion, table, key));
        }
        if conversion.keep_primary_keys {
            steps.extend(beside_primary_key(survey, table, column));
        }
    }
    steps
}

/// Whether an index is replaced by one that begins with the tenant.
pub(super) fn is_converted(index: &Index, conversion: &Conversion) -> bool {
    let kept =
        (index.is_primary && conversion.keep_primary_keys) || (!index.is_unique && conversion.keep_indexes);
    !kept
        && (index.is_excludable || (index.method == "btree" && !index.is_exclusion()))
        && !index.holds(conversion.settings.tenant_column())
        && index.tail.is_some()
        && index.definition.is_some()
}

/// The steps that build the replacement of an index.
fn replace(survey: &Survey, table: &Table, index: &Index, column: &str) -> Vec<Step> {
    let (name, new) = (table.id(), naming::replacement(&index.name));
    let mut entry = Entry::new(&name, kind::INDEX, &index.name).defined(Some(&recorded(index)));
    entry.constraint_definition.clone_from(&index.constraint);
    entry.new_name = Some(new.clone());
    entry.afterwards.clone_from(&index.afterwards);
    if index.is_exclusion() {
        return exclude(survey, table, index, column, &entry).into_iter().collect();
    }
    let tail = index.tail.as_deref().unwrap_or_default();
    let mut steps: Vec<Step> =
        build(survey, table, &new, index.is_unique, &format!("{}, {tail}", sql::identifier(column)), &entry)
            .into_iter()
            .collect();
    let has_constraint = survey.index(table, &new).is_some_and(|found| found.constraint.is_some());
    if index.is_deferrable_constraint() && !index.is_primary && !has_constraint {
        let mode = if index.deferred { "INITIALLY DEFERRED" } else { "INITIALLY IMMEDIATE" };
        let new = sql::identifier(&new);
        steps.push(
            Step::new(&name, format!("make {new} deferrable, as {} is", index.name))
                .lock(&name, LockMode::AccessExclusive, Duration::Short)
                .run([format!(
                    "ALTER TABLE {} ADD CONSTRAINT {new} UNIQUE USING INDEX {new} DEFERRABLE {mode}",
                    table.quoted()
                )]),
        );
    }
    steps
}

/// The step that adds an exclusion constraint with the tenant, which PostgreSQL cannot do concurrently.
fn exclude(survey: &Survey, table: &Table, index: &Index, column: &str, entry: &Entry) -> Option<Step> {
    let new = entry.new_name.as_deref()?;
    if survey.index(table, new).is_some() {
        return None;
    }
    let (method, parts) = index.constraint.as_deref()?.split_once('(')?;
    let name = table.id();
    Some(
        Step::new(&name, format!("add {new}, while which nobody can write"))
            .lock(&name, LockMode::AccessExclusive, Duration::WholeTable)
            .run([
                entry.insert(),
                format!(
                    "ALTER TABLE {} ADD CONSTRAINT {} {method}({} WITH =, {parts}",
                    table.quoted(),
                    sql::identifier(new),
                    sql::identifier(column)
                ),
            ]),
    )
}

/// The definition of an index as an entry of the journal contains it: without the name.
fn recorded(index: &Index) -> String {
    format!(
        "{}{}",
        if index.is_unique { UNIQUE } else { "" },
        index.definition.as_deref().unwrap_or_default()
    )
}

/// The SQL that builds an index again from its entry, under another name.
pub(super) fn rebuilt(definition: &str, name: &str) -> String {
    let (unique, rest) = definition.strip_prefix(UNIQUE).map_or(("", definition), |rest| ("UNIQUE ", rest));
    format!("CREATE {unique}INDEX CONCURRENTLY {}{rest}", sql::identifier(name))
}

/// The step that builds an index, unless it is complete. `keys` is the definition after the first parenthesis.
fn build(survey: &Survey, table: &Table, new: &str, unique: bool, keys: &str, entry: &Entry) -> Option<Step> {
    let name = table.id();
    let mut statements = vec![entry.insert()];
    match survey.index(table, new) {
        Some(found) if found.is_valid => return None,
        // A build that was interrupted leaves an index behind that slows down writes and serves no reads.
        Some(_) => statements
            .push(format!("DROP INDEX CONCURRENTLY IF EXISTS {}", sql::qualified(&name.schema, new))),
        None => {}
    }
    let unique = if unique { "UNIQUE " } else { "" };
    statements.push(format!(
        "CREATE {unique}INDEX CONCURRENTLY {} ON {} USING btree ({keys}",
        sql::identifier(new),
        table.quoted()
    ));
    Some(
        Step::new(&name, format!("build {new}"))
            .outside_transaction()
            .lock(&name, LockMode::ShareUpdateExclusive, Duration::WholeTable)
            .run(statements)
            .after_failure(format!(
                "DROP INDEX CONCURRENTLY IF EXISTS {}",
                sql::qualified(&name.schema, new)
            )),
    )
}

/// The step that builds the index of a foreign key that will contain the tenant, unless another index serves it.
fn index_of_foreign_key(
    survey: &Survey,
    conversion: &Conversion,
    table: &Table,
    key: &ForeignKey,
) -> Option<Step> {
    let column = conversion.settings.tenant_column();
    survey.table(key.target).filter(|_| !key.is_confined(column))?;
    let starts = |keys: &[String]| {
        key.columns.iter().all(|of_key| keys.iter().take(key.columns.len()).any(|key| key == of_key))
    };
    let serves = |index: &&Index| {
        let leads = index.keys.first().is_some_and(|first| first == column);
        let converted = is_converted(index, conversion) && starts(&index.keys);
        let present = leads && starts(index.keys.get(1..).unwrap_or_default());
        !index.is_partial && !index.is_exclusion() && (converted || present)
    };
    let mut parts = vec![key.table().name, column.to_owned()];
    parts.extend(key.columns.iter().cloned());
    parts.push("idx".to_owned());
    let new = naming::joined(&parts.iter().map(String::as_str).collect::<Vec<_>>());
    if survey.indexes(table).filter(|index| index.name != new).any(|index| serves(&index)) {
        return None;
    }
    let entry = Entry::new(&table.id(), kind::NEW_INDEX, &new);
    build(survey, table, &new, false, &format!("{})", list(column, &key.columns)), &entry)
}

/// The step that builds a key for foreign keys beside a primary key that stays as it is.
fn beside_primary_key(survey: &Survey, table: &Table, column: &str) -> Option<Step> {
    let primary = survey.indexes(table).find(|index| index.is_primary && !index.holds(column))?;
    let new = naming::joined(&[&table.id().name, column, "key"]);
    let entry = Entry::new(&table.id(), kind::NEW_INDEX, &new);
    build(survey, table, &new, true, &format!("{})", list(column, &primary.keys)), &entry)
}

/// The tenant column and other columns, as SQL writes them.
pub(super) fn list(column: &str, others: &[String]) -> String {
    let all = std::iter::once(column).chain(others.iter().map(String::as_str));
    all.map(sql::identifier).collect::<Vec<_>>().join(", ")
}
