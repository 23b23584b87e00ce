//! The catalog and the rows of a database, as texts to compare.

use anyhow::Result;
use sea_orm::{ConnectionTrait, DatabaseConnection, TransactionTrait};

use super::texts;

const SCHEMAS: &str =
    "SELECT oid FROM pg_namespace WHERE nspname !~ '^pg_' AND nspname <> 'information_schema'";

/// The catalog: schemas, relations, columns in their order, constraints, indexes, policies, triggers, functions, types
/// and grants.
pub(crate) async fn catalog(db: &impl ConnectionTrait) -> Result<Vec<String>> {
    let sql = format!(
        "SELECT format('schema %s %s', nspname, nspacl) FROM pg_namespace WHERE oid IN ({SCHEMAS}) UNION ALL \
         SELECT format('relation %s %s %s %s %s %s %s', relkind, oid::regclass, relrowsecurity, relforcerowsecurity, \
             relacl, relpersistence, reloptions) FROM pg_class WHERE relnamespace IN ({SCHEMAS}) AND relkind <> 'i' UNION ALL \
         SELECT format('column %s %s %s %s %s %s %s', a.attrelid::regclass, \
             row_number() OVER (PARTITION BY a.attrelid ORDER BY a.attnum), a.attname, \
             format_type(a.atttypid, a.atttypmod), a.attnotnull, a.attacl, pg_get_expr(d.adbin, d.adrelid)) \
             FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid LEFT JOIN pg_attrdef d \
             ON d.adrelid = a.attrelid AND d.adnum = a.attnum \
             WHERE c.relnamespace IN ({SCHEMAS}) AND c.relkind <> 'i' AND a.attnum > 0 AND NOT a.attisdropped UNION ALL \
         SELECT format('constraint %s %s %s %s', conrelid::regclass, conname, convalidated, pg_get_constraintdef(oid)) \
             FROM pg_constraint WHERE connamespace IN ({SCHEMAS}) UNION ALL \
         SELECT format('index %s', pg_get_indexdef(oid)) FROM pg_class WHERE relkind = 'i' \
             AND relnamespace IN ({SCHEMAS}) UNION ALL \
         SELECT format('policy %s', p) FROM pg_policies p UNION ALL \
         SELECT format('trigger %s', pg_get_triggerdef(oid)) FROM pg_trigger WHERE NOT tgisinternal UNION ALL \
         SELECT format('function %s', pg_get_functiondef(oid)) FROM pg_proc \
             WHERE pronamespace IN ({SCHEMAS}) AND prokind = 'f' AND prolang <> 12 UNION ALL \
         SELECT format('type %s %s', typtype, oid::regtype) FROM pg_type WHERE typnamespace IN ({SCHEMAS}) ORDER BY 1"
    );
    texts(db, &sql).await
}

/// Every row of every table and tenant as text, with times in UTC.
pub(crate) async fn rows(owner: &DatabaseConnection) -> Result<Vec<String>> {
    let transaction = owner.begin().await?;
    transaction.execute_unprepared("SET LOCAL TIME ZONE 'UTC'").await?;
    let tables = texts(
        &transaction,
        &format!(
            "SELECT oid::regclass::text FROM pg_class WHERE relkind = 'r' AND relnamespace IN ({SCHEMAS}) ORDER BY 1"
        ),
    )
    .await?;
    let lift: Vec<_> =
        tables.iter().map(|table| format!("ALTER TABLE {table} NO FORCE ROW LEVEL SECURITY")).collect();
    transaction.execute_unprepared(&lift.join("; ")).await?;
    let each: Vec<_> =
        tables.iter().map(|table| format!("SELECT format('{table} %s', t) FROM {table} t")).collect();
    let all = if each.is_empty() {
        Vec::new()
    } else {
        texts(&transaction, &format!("{} ORDER BY 1", each.join(" UNION ALL "))).await?
    };
    transaction.rollback().await?;
    Ok(all)
}

/// The catalog and the rows.
pub(crate) async fn everything(owner: &DatabaseConnection) -> Result<Vec<String>> {
    let mut all = catalog(owner).await?;
    all.extend(rows(owner).await?);
    Ok(all)
}

pub(crate) fn assert_same(left: &[String], right: &[String]) {
    let only = |these: &[String], those: &[String]| -> Vec<String> {
        these.iter().filter(|text| !those.contains(text)).cloned().collect()
    };
    assert_eq!(only(left, right), only(right, left));
    assert_eq!(left.len(), right.len());
}
