//! The phase that adds and fills the tenant column.

use watertight_schema::{TenantType, sql};

use super::catalog::Table;
use super::journal::{Entry, kind};
use super::naming;
use super::step::{Duration, LockMode, Step};
use super::survey::Survey;

/// The number of blocks that the backfill reads in one transaction.
const BLOCKS: u32 = 256;

pub(super) fn steps(survey: &Survey, column: &str) -> Vec<Step> {
    survey.tables.iter().flat_map(|table| of_table(survey, table, column)).collect()
}

/// The names of the constraints of the column. The first stays, and the second is dropped at the end.
pub(super) fn checks(table: &Table, column: &str) -> [String; 2] {
    let name = table.id().name;
    [naming::joined(&[&name, column, "check"]), naming::joined(&[&name, column, "not_null"])]
}

fn of_table(survey: &Survey, table: &Table, column: &str) -> Vec<Step> {
    let (name, quoted, quoted_column) = (table.id(), table.quoted(), sql::identifier(column));
    let [reserved, not_null] = checks(table, column);
    let alter = |change: &str| format!("ALTER TABLE {quoted} {change}");
    let key = survey.key.as_ref().map(|key| key.literal.as_str());
    let required = table.column_required == Some(true);
    let has = |check: &String| table.checks.contains(check);
    let mut steps = Vec::new();

    if !table.has_column() {
        let entry = Entry::new(&name, kind::COLUMN, column).defined(key);
        let default = key.map(|key| format!(" DEFAULT {key}")).unwrap_or_default();
        steps.push(
            Step::new(&name, "add the column, whose constant default needs no rewrite of the table")
                .lock(&name, LockMode::AccessExclusive, Duration::Short)
                .run([
                    entry.insert(),
                    alter(&format!("ADD COLUMN {quoted_column} {}{default}", survey.tenant)),
                ]),
        );
    } else if !required {
        let nullable = Entry::new(&name, kind::NULLABLE, column);
        let step = |title: &str| Step::new(&name, title).run([nullable.insert()]);
        let fills = key.filter(|_| table.column_default.is_none() && survey.rows(table).without_tenant > 0);
        if let Some(key) = fills {
            let default = Entry::new(&name, kind::DEFAULT, column);
            steps.push(
                step("let programs that do not know the column insert rows of the first tenant")
                    .lock(&name, LockMode::AccessExclusive, Duration::Short)
                    .run([
                        default.insert(),
                        alter(&format!("ALTER COLUMN {quoted_column} SET DEFAULT {key}")),
                    ]),
            );
        } else if !survey.entries.contains(&nullable) {
            steps.push(step("record that the column is nullable"));
        }
        if let Some(key) = key.filter(|_| survey.rows(table).without_tenant > 0) {
            steps.push(
                Step::new(&name, "fill the column, in transactions of a few hundred blocks")
                    .outside_transaction()
                    .lock(&name, LockMode::RowExclusive, Duration::WholeTable)
                    .run([backfill(&quoted, &quoted_column, key)]),
            );
        }
    }
    if !required && !has(&not_null) {
        let check = format!(
            "ADD CONSTRAINT {} CHECK ({quoted_column} IS NOT NULL) NOT VALID",
            sql::identifier(&not_null)
        );
        steps.push(
            Step::new(&name, "refuse new rows without a tenant")
                .lock(&name, LockMode::AccessExclusive, Duration::Short)
                .run([Entry::new(&name, kind::CHECK, &not_null).insert(), alter(&check)]),
        );
    }
    if !has(&reserved) {
        let check = format!(
            "ADD CONSTRAINT {} CHECK ({quoted_column} <> {}) NOT VALID",
            sql::identifier(&reserved),
            reserved_value(survey.tenant)
        );
        steps.push(
            Step::new(&name, format!("refuse the reserved key {}", survey.tenant.reserved()))
                .lock(&name, LockMode::AccessExclusive, Duration::Short)
                .run([Entry::new(&name, kind::CHECK, &reserved).insert(), alter(&check)]),
        );
    }
    let to_validate: Vec<&String> = [(&not_null, !required), (&reserved, true)]
        .into_iter()
        .filter(|(check, needed)| *needed && !table.validated_checks.contains(check))
        .map(|(check, _)| check)
        .collect();
    for check in to_validate {
        steps.push(
            Step::new(&name, format!("validate {check} for the existing rows"))
                .lock(&name, LockMode::ShareUpdateExclusive, Duration::WholeTable)
                .run([alter(&format!("VALIDATE CONSTRAINT {}", sql::identifier(check)))]),
        );
    }
    if !required {
        steps.push(
            Step::new(
                &name,
                "make the column NOT NULL, which the validated constraint proves without reading rows",
            )
            .lock(&name, LockMode::AccessExclusive, Duration::Short)
            .run([
                alter(&format!("ALTER COLUMN {quoted_column} SET NOT NULL")),
                alter(&format!("DROP CONSTRAINT {}", sql::identifier(&not_null))),
                Entry::new(&name, kind::CHECK, &not_null).delete(),
            ]),
        );
    } else if has(&not_null) {
        steps.push(
            Step::new(&name, "drop the constraint that NOT NULL replaces")
                .lock(&name, LockMode::AccessExclusive, Duration::Short)
                .run([alter(&format!("DROP CONSTRAINT {}", sql::identifier(&not_null)))]),
        );
    }
    steps
}

fn reserved_value(tenant: TenantType) -> String {
    match tenant {
        TenantType::Uuid => format!("{}::uuid", tenant.reserved()),
        _ => tenant.reserved().to_owned(),
    }
}

/// A block that commits after each range of blocks. It repeats, because an update can move a row to an earlier block.
fn backfill(table: &str, column: &str, key: &str) -> String {
    let block = format!(
        "DECLARE first bigint; last bigint; BEGIN LOOP first := 0; \
         last := pg_catalog.pg_relation_size({oid}::pg_catalog.regclass) / pg_catalog.current_setting('block_size')::bigint; \
         WHILE first <= last LOOP \
         UPDATE {table} SET {column} = {key} WHERE {column} IS NULL \
         AND ctid >= pg_catalog.format('(%s,0)', first)::pg_catalog.tid \
         AND ctid < pg_catalog.format('(%s,0)', first + {BLOCKS})::pg_catalog.tid; \
         COMMIT; first := first + {BLOCKS}; END LOOP; \
         EXIT WHEN NOT EXISTS (SELECT FROM {table} WHERE {column} IS NULL); END LOOP; END",
        oid = sql::literal(table),
    );
    format!("DO {}", sql::literal(&block))
}
