//! Checks the sequences of serial and identity columns.

use sea_orm::FromQueryResult;

use super::expected::Expected;
use super::grants;
use super::remedy::{Remedy, Step};
use super::report::{Check, Finding, Severity};
use crate::operations::ConnectError;
use crate::operations::inspection::catalog::{Catalog, about};
use crate::tenant::Inspection;
use watertight_schema::sql;

#[derive(FromQueryResult)]
#[expect(clippy::struct_excessive_bools, reason = "a row of the catalog")]
struct Sequence {
    schema: String,
    name: String,
    /// The table with the column.
    table_oid: i64,
    column: String,
    /// Whether a default calls `nextval` with the privileges of the role. An identity column does not.
    is_called: bool,
    /// Whether the role inserts rows into the table.
    is_inserted: bool,
    usable: bool,
    used_alone: bool,
    /// The roles through which the role can set its value.
    setters: Vec<String>,
}

pub(super) async fn check(
    inspection: &mut Inspection,
    catalog: &Catalog,
    expected: Expected<'_>,
    findings: &mut Vec<Finding>,
) -> Result<(), ConnectError> {
    let role = &catalog.subject;
    let sequences: Vec<Sequence> = inspection.ask(&about(role, SEQUENCES), []).await?;
    let is_superuser = catalog.privileged_roles.iter().any(|role| role.is_current && role.is_superuser);
    for sequence in sequences {
        let Some(relation) = catalog.by_oid(sequence.table_oid) else { continue };
        if relation.owned || is_superuser || !grants::is_checked(expected, relation) {
            continue;
        }
        let (quoted, table) = (sql::qualified(&sequence.schema, &sequence.name), relation.name());
        let object = format!("{}.{}", sequence.schema, sequence.name);
        let use_it = format!("GRANT USAGE ON SEQUENCE {quoted} TO {};", sql::identifier(role));
        if sequence.is_called && sequence.is_inserted && !sequence.usable {
            findings.push(Finding::new(
                Severity::Error,
                Check::MissingGrant,
                &object,
                format!(
                    "is the sequence of the column {} of {table}, but {role} may not use it, so inserts fail",
                    sequence.column
                ),
                Remedy::owner(Step::Grant, use_it.clone()),
            ));
        }
        if !sequence.setters.is_empty() {
            let setters: Vec<String> =
                sequence.setters.iter().map(|setter| grants::role_in_sql(setter)).collect();
            let revoke = format!("REVOKE UPDATE ON SEQUENCE {quoted} FROM {};", setters.join(", "));
            let mut remedy = Remedy::owner(Step::Revoke, revoke);
            if sequence.is_called && !sequence.used_alone {
                remedy = remedy.and(Step::KeepPrivileges, use_it);
            }
            findings.push(Finding::new(
                // Tenants share the sequence, so a value that one sets makes inserts of the others fail.
                Severity::Warning,
                Check::SurplusGrant,
                object,
                format!("lets {role} set the value that the next insert of any tenant into {table} gets"),
                remedy,
            ));
        }
    }
    Ok(())
}

const SEQUENCES: &str = "WITH used AS ( \
        SELECT p.refobjid AS sequence, d.adrelid AS table_oid, d.adnum AS number, true AS is_called \
        FROM pg_catalog.pg_attrdef d JOIN pg_catalog.pg_depend p ON p.classid = 'pg_catalog.pg_attrdef'::regclass \
            AND p.objid = d.oid AND p.refclassid = 'pg_catalog.pg_class'::regclass \
        UNION SELECT p.objid, p.refobjid, p.refobjsubid, false FROM pg_catalog.pg_depend p \
        WHERE p.classid = 'pg_catalog.pg_class'::regclass AND p.refclassid = 'pg_catalog.pg_class'::regclass \
            AND p.deptype = 'i' AND p.refobjsubid > 0) \
    SELECT n.nspname::text AS schema, s.relname::text AS name, u.table_oid::int8 AS table_oid, \
        a.attname::text AS column, u.is_called, \
        has_table_privilege({ROLE}, u.table_oid, 'INSERT') \
            OR has_any_column_privilege({ROLE}, u.table_oid, 'INSERT') AS is_inserted, \
        has_sequence_privilege({ROLE}, s.oid, 'USAGE, UPDATE') AS usable, \
        has_sequence_privilege({ROLE}, s.oid, 'USAGE') AS used_alone, \
        ARRAY(SELECT DISTINCT CASE WHEN x.grantee = 0 THEN 'PUBLIC' ELSE pg_get_userbyid(x.grantee)::text END \
            FROM aclexplode(s.relacl) x WHERE x.privilege_type = 'UPDATE' AND x.grantee <> s.relowner \
            AND (x.grantee = 0 OR pg_has_role({ROLE}, x.grantee, 'USAGE')) ORDER BY 1) AS setters \
    FROM used u JOIN pg_catalog.pg_class s ON s.oid = u.sequence AND s.relkind = 'S' \
    JOIN pg_catalog.pg_namespace n ON n.oid = s.relnamespace \
    JOIN pg_catalog.pg_attribute a ON a.attrelid = u.table_oid AND a.attnum = u.number ORDER BY 1, 2";
