//! Objects that depend on the original's tables.
//!
//! They would be lost, or would keep the tables from being replaced.

use std::collections::BTreeMap;

use sea_orm_migration::sea_orm::{ConnectionTrait, DbErr};

use super::original::Original;
use super::{Problem, ProblemKind};
use crate::query;

/// Objects outside of the original's tables that depend on a table or its row type, and objects added to the
/// tables.
const DEPENDENTS: &str = "WITH ours AS (SELECT c.oid, c.reltype, n.nspname || '.' || c.relname AS name \
        FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace \
        WHERE n.nspname || '.' || c.relname = ANY ($1)), \
    named AS (SELECT oid, 'pg_class'::regclass AS class, name FROM ours \
        UNION ALL SELECT t.oid, 'pg_type'::regclass, o.name FROM ours o \
        JOIN pg_catalog.pg_type t ON t.oid = o.reltype OR t.typelem = o.reltype) \
    SELECT n.name, pg_describe_object(d.classid, d.objid, d.objsubid) FROM named n \
        JOIN pg_catalog.pg_depend d ON d.refclassid = n.class AND d.refobjid = n.oid AND d.deptype = 'n' \
        WHERE NOT EXISTS (SELECT FROM pg_catalog.pg_constraint k WHERE d.classid = 'pg_constraint'::regclass \
            AND k.oid = d.objid AND k.conrelid IN (SELECT oid FROM ours)) \
        AND NOT EXISTS (SELECT FROM pg_catalog.pg_policy p WHERE d.classid = 'pg_policy'::regclass \
            AND p.oid = d.objid AND p.polrelid IN (SELECT oid FROM ours)) \
    UNION SELECT o.name, pg_describe_object('pg_trigger'::regclass, t.oid, 0) FROM ours o \
        JOIN pg_catalog.pg_trigger t ON t.tgrelid = o.oid AND NOT t.tgisinternal \
    UNION SELECT o.name, pg_describe_object('pg_rewrite'::regclass, r.oid, 0) FROM ours o \
        JOIN pg_catalog.pg_rewrite r ON r.ev_class = o.oid \
    UNION SELECT o.name, pg_describe_object('pg_constraint'::regclass, k.oid, 0) FROM ours o \
        JOIN pg_catalog.pg_constraint k ON k.conrelid = o.oid AND k.contype = 'f' \
        AND k.confrelid NOT IN (SELECT oid FROM ours) \
    UNION SELECT o.name, pg_describe_object('pg_publication'::regclass, p.prpubid, 0) FROM ours o \
        JOIN pg_catalog.pg_publication_rel p ON p.prrelid = o.oid \
    ORDER BY 1, 2";

pub(super) async fn problems(
    db: &impl ConnectionTrait,
    originals: &[Original],
    most: usize,
) -> Result<Vec<Problem>, DbErr> {
    let names: Vec<String> = originals.iter().map(Original::full_name).collect();
    let mut found: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for row in query::rows(db, DEPENDENTS, [names.into()]).await? {
        let (table, dependent): (String, String) = row.try_get_many_by_index()?;
        found.entry(table).or_default().push(dependent);
    }
    let problem = |(table, mut dependents): (String, Vec<String>)| {
        let total = dependents.len() as u64;
        dependents.truncate(most);
        Problem {
            kind: ProblemKind::Dependent,
            table,
            columns: Vec::new(),
            what: "has objects that the original does not create and that the adoption would lose".to_owned(),
            remedy: "DROP each of them, and recreate the objects that you still need after the adoption"
                .to_owned(),
            total,
            rows: dependents,
        }
    };
    Ok(found.into_iter().map(problem).collect())
}

/// New tables whose names are taken by relations that are not the original's.
pub(super) async fn taken_names(
    db: &impl ConnectionTrait,
    all: &[crate::TenantTable],
    originals: &[Original],
) -> Result<Vec<Problem>, DbErr> {
    let theirs: Vec<String> = originals.iter().map(Original::full_name).collect();
    let names: Vec<String> =
        all.iter().map(crate::TenantTable::full_name).filter(|name| !theirs.contains(name)).collect();
    let sql = "SELECT n.nspname || '.' || c.relname FROM pg_catalog.pg_class c \
        JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname || '.' || c.relname = ANY ($1) \
        ORDER BY 1";
    let mut problems = Vec::new();
    for row in query::rows(db, sql, [names.into()]).await? {
        problems.push(Problem {
            kind: ProblemKind::NameTaken,
            table: row.try_get_by_index(0)?,
            columns: Vec::new(),
            what: "has the name of a table that the adoption creates".to_owned(),
            remedy: "rename this table, or DROP it if it is not needed".to_owned(),
            total: 1,
            rows: Vec::new(),
        });
    }
    Ok(problems)
}
