//! Checks the catalog against the rules by which Citus distributes.

use sea_orm_migration::sea_orm::{self, ConnectionTrait, DbErr, FromQueryResult};

use watertight_schema::sql;

use super::catalog::{Catalog, own_overlaps};
use super::{Distribution, Rule, Violation};
use crate::m20260101_000014_booking_payments as booking_payments;
use crate::m20260101_000015_ended_sessions as ended_sessions;
use crate::m20260101_000015_final_rows as final_rows;
use crate::name::Name;
use crate::query::all;

/// The queries for tables that break a rule. `$1` are the tables to distribute and `$2` all tenant tables,
/// each with the number of its tenant column as `a.attnum`.
const RULES: [(Rule, &str); 7] = [
    (
        Rule::TenantColumn,
        "SELECT t.oid, a.attname AS object FROM t JOIN a ON a.attrelid = t.oid \
         WHERE NOT a.attnotnull OR CASE a.atttypid WHEN 'varchar'::regtype THEN 'text'::regtype ELSE a.atttypid END \
         <> coalesce((SELECT p.prorettype FROM pg_proc p WHERE p.oid = to_regprocedure('watertight.tenant()')), \
             'uuid'::regtype)",
    ),
    (
        Rule::KeyHoldsTenant,
        "SELECT t.oid, i.indexrelid::regclass::text AS object FROM t JOIN a ON a.attrelid = t.oid \
         JOIN pg_index i ON i.indrelid = t.oid WHERE i.indisunique \
         AND NOT a.attnum = ANY ((i.indkey::int2[])[0 : i.indnkeyatts - 1])",
    ),
    (
        Rule::ForeignKeyWithinTenant,
        "SELECT t.oid, k.conname AS object FROM pg_constraint k JOIN a ON a.attrelid = k.conrelid \
         JOIN a r ON r.attrelid = k.confrelid JOIN t ON t.oid IN (k.conrelid, k.confrelid) AND k.contype = 'f' \
         AND (t.oid = k.conrelid OR k.conrelid NOT IN (SELECT oid FROM t)) \
         AND NOT EXISTS (SELECT FROM unnest(k.conkey, k.confkey) AS part (own, other) \
             WHERE part.own = a.attnum AND part.other = r.attnum)",
    ),
    (
        Rule::ForeignKeyKeepsTenant,
        "SELECT t.oid, k.conname AS object FROM t JOIN a ON a.attrelid = t.oid JOIN pg_constraint k ON k.conrelid = t.oid \
         WHERE k.contype = 'f' AND a.attnum = ANY (CASE WHEN k.confdeltype IN ('n', 'd') \
             THEN coalesce(k.confdelsetcols, k.conkey) END || CASE WHEN k.confupdtype IN ('n', 'd') THEN k.conkey END)",
    ),
    (
        Rule::ReferringTableHasTenant,
        "SELECT k.conrelid AS oid, k.conname AS object FROM t JOIN pg_constraint k ON k.confrelid = t.oid \
         WHERE k.contype = 'f' AND k.conparentid = 0 AND k.conrelid NOT IN (SELECT attrelid FROM a)",
    ),
    (
        Rule::NotDivided,
        "SELECT t.oid, CASE p.partstrat WHEN 'h' THEN 'PARTITION BY HASH' ELSE 'INHERITS' END AS object FROM t \
         LEFT JOIN pg_partitioned_table p ON p.partrelid = t.oid WHERE p.partstrat = 'h' \
         OR EXISTS (SELECT FROM pg_inherits h WHERE h.inhrelid = t.oid) \
         OR p.partrelid IS NULL AND EXISTS (SELECT FROM pg_inherits h WHERE h.inhparent = t.oid)",
    ),
    (
        Rule::Owner,
        "SELECT t.oid, c.relowner::regrole::text AS object FROM t JOIN pg_class c ON c.oid = t.oid \
         WHERE NOT pg_has_role(c.relowner, 'USAGE')",
    ),
];

/// The triggers that may read or write other rows: all except watertight's own.
const TRIGGERS: &str = "SELECT t.oid, g.tgname AS object FROM t JOIN pg_trigger g ON g.tgrelid = t.oid \
    WHERE NOT g.tgisinternal AND g.tgparentid = 0";

/// The exclusion constraints that do not compare the tenant with `=`.
const EXCLUSIONS: &str = "SELECT t.oid, k.conname AS object FROM t JOIN a ON a.attrelid = t.oid \
    JOIN pg_constraint k ON k.conrelid = t.oid WHERE k.contype = 'x' \
    AND NOT EXISTS (SELECT FROM unnest(k.conkey, k.conexclop) AS part (number, operator) \
        JOIN pg_operator o ON o.oid = part.operator WHERE part.number = a.attnum AND o.oprname = '=')";

#[derive(FromQueryResult)]
struct Broken {
    schema: String,
    name: String,
    object: String,
}

/// Every violation, ordered by table.
pub(super) async fn violations(
    db: &impl ConnectionTrait,
    catalog: &Catalog,
    distribution: &Distribution,
) -> Result<Vec<Violation>, DbErr> {
    let mut rules = RULES.map(|(rule, sql)| (rule, sql.to_owned())).to_vec();
    if !distribution.allow_triggers {
        // The distribution drops the triggers that end sessions and compare ledgers.
        let settings = &distribution.settings;
        let ledger = booking_payments::ledger_agrees(settings);
        let dropped = booking_payments::TRIGGERS.map(|(trigger, _)| (trigger, ledger.clone()));
        let own = final_rows::own_triggers(settings).into_iter().chain(dropped);
        let own = own.chain([(ended_sessions::NAME, ended_sessions::function(settings))]);
        let own = own.map(|(name, function)| {
            let function = sql::literal(&function);
            format!(" AND (g.tgname = '{name}' AND g.tgfoid = to_regproc({function})) IS NOT TRUE")
        });
        rules.push((Rule::NoTrigger, std::iter::once(TRIGGERS.to_owned()).chain(own).collect()));
    }
    let recreated = if distribution.without_overlap_constraints || catalog.btree_gist {
        format!(" AND k.oid NOT IN (SELECT k.oid {})", own_overlaps(&distribution.settings))
    } else {
        String::new()
    };
    rules.push((Rule::ExclusionComparesTenant, format!("{EXCLUSIONS}{recreated}")));

    let all_tables: Vec<i64> = catalog.tenant_tables.iter().map(|table| table.oid).collect();
    let columns: Vec<String> =
        catalog.tenant_tables.iter().filter_map(|table| table.tenant_column.clone()).collect();
    let new: Vec<i64> = catalog.new_tables().map(|table| table.oid).collect();
    let mut violations = of_placement(catalog, distribution);
    for (rule, sql) in rules {
        let sql = format!(
            "WITH t AS (SELECT unnest($1::int8[])::oid AS oid), \
             a AS (SELECT p.* FROM pg_attribute p JOIN unnest($2::int8[], $3::text[]) AS u (oid, name) \
             ON p.attrelid = u.oid::oid AND p.attname = u.name) \
             SELECT n.nspname::text AS schema, c.relname::text AS name, b.object::text AS object FROM ({sql}) AS b \
             JOIN pg_class c ON c.oid = b.oid JOIN pg_namespace n ON n.oid = c.relnamespace"
        );
        let broken: Vec<Broken> =
            all(db, &sql, [new.clone().into(), all_tables.clone().into(), columns.clone().into()]).await?;
        violations.extend(broken.into_iter().map(|Broken { schema, name, object }| Violation {
            table: Name::new(schema, name).to_string(),
            rule,
            object,
        }));
    }
    violations.extend(catalog.circle().map(|(table, key)| Violation {
        table: table.id().to_string(),
        rule: Rule::NoCircle,
        object: key.name.clone(),
    }));
    violations.sort_by(|a, b| (&a.table, a.rule, &a.object).cmp(&(&b.table, b.rule, &b.object)));
    Ok(violations)
}

/// Tables that are already distributed in another way, and reference tables that cannot be reference tables.
fn of_placement(catalog: &Catalog, distribution: &Distribution) -> Vec<Violation> {
    let group = catalog.anchor().and_then(|anchor| catalog.group(anchor));
    let elsewhere = catalog
        .tenant_tables
        .iter()
        .filter(|table| catalog.is_placed(table))
        .filter(|table| catalog.group(table).is_none() || catalog.group(table) != group)
        .map(|table| (table.id(), Rule::SameGroup));
    let found = |name: &Name| catalog.reference_tables.iter().any(|table| table.id() == *name);
    let unfound = distribution.reference.iter().filter(|name| !found(name));
    elsewhere
        .chain(unfound.map(|name| (name.clone(), Rule::ReferenceTable)))
        .map(|(name, rule)| Violation { table: name.to_string(), rule, object: name.name })
        .collect()
}
