//! Policies, privileges, views and other objects around the tables, as the database's catalog describes them.

use sea_orm_migration::sea_orm::{self, ConnectionTrait, DbErr, FromQueryResult};
use watertight_schema::isolation::{TENANT_POLICY, printed_conditions};
use watertight_schema::sql;

use crate::query::{self, all};

/// A policy of a table.
#[derive(Clone, Debug, FromQueryResult)]
pub(super) struct Policy {
    pub(super) oid: i64,
    pub(super) name: String,
    pub(super) permissive: bool,
    /// True if the policy applies to all roles and commands.
    whole: bool,
    reads: Option<String>,
    writes: Option<String>,
}

impl Policy {
    /// Whether it is the policy that confines each tenant to its own rows.
    pub(super) fn is_ours(&self, column: &str) -> bool {
        let printed = printed_conditions(column);
        let ours = |condition: &Option<String>| condition.as_ref().is_some_and(|text| printed.contains(text));
        self.name == TENANT_POLICY && self.permissive && self.whole && ours(&self.reads) && ours(&self.writes)
    }
}

pub(super) async fn policies(db: &impl ConnectionTrait, oids: &[i64]) -> Result<Vec<Policy>, DbErr> {
    let sql = "SELECT polrelid::int8 AS oid, polname::text AS name, polpermissive AS permissive, \
        polcmd = '*' AND polroles = '{0}' AS whole, pg_get_expr(polqual, polrelid) AS reads, \
        pg_get_expr(polwithcheck, polrelid) AS writes FROM pg_policy \
        WHERE polrelid = ANY ($1::int8[]::oid[]) ORDER BY polname";
    all(db, sql, [oids.to_vec().into()]).await
}

/// The privileges of the application's role and of `PUBLIC` on a table or a sequence.
#[derive(Clone, Debug, FromQueryResult)]
pub(super) struct Privileges {
    pub(super) oid: i64,
    /// The privileges on the whole object.
    pub(super) of_application: Vec<String>,
    /// True if the application's role has privileges on single columns.
    pub(super) on_columns: bool,
    /// True if `PUBLIC` has privileges on the object or on a column.
    pub(super) of_public: bool,
    /// The statements that grant the privileges of both again.
    pub(super) grants: Vec<String>,
}

const PRIVILEGES: &str = "WITH app AS (SELECT oid FROM pg_roles WHERE rolname = $2), \
    acls AS (SELECT c.oid, c.relkind, c.relacl AS acl, '' AS part, 0 AS place FROM pg_class c \
        UNION ALL SELECT c.oid, c.relkind, a.attacl, format(' (%I)', a.attname), a.attnum FROM pg_class c \
            JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped AND a.attacl IS NOT NULL), \
    granted AS (SELECT k.oid, k.relkind, k.part, k.place, x.grantee, x.privilege_type, x.is_grantable, x.number FROM acls k, \
        aclexplode(k.acl) WITH ORDINALITY AS x (grantor, grantee, privilege_type, is_grantable, number) \
        WHERE x.grantee = 0 OR x.grantee IN (SELECT oid FROM app)) \
    SELECT c.oid::int8 AS oid, \
        ARRAY(SELECT g.privilege_type FROM granted g WHERE g.oid = c.oid AND g.grantee <> 0 AND g.part = '' ORDER BY 1) \
            AS of_application, \
        EXISTS (SELECT FROM granted g WHERE g.oid = c.oid AND g.grantee <> 0 AND g.part <> '') AS on_columns, \
        EXISTS (SELECT FROM granted g WHERE g.oid = c.oid AND g.grantee = 0) AS of_public, \
        ARRAY(SELECT format('GRANT %s%s ON %s %I.%I TO %s%s', g.privilege_type, g.part, \
            CASE g.relkind WHEN 'S' THEN 'SEQUENCE' ELSE 'TABLE' END, n.nspname, c.relname, \
            CASE g.grantee WHEN 0 THEN 'PUBLIC' ELSE format('%I', $2) END, \
            CASE WHEN g.is_grantable THEN ' WITH GRANT OPTION' ELSE '' END) \
            FROM granted g WHERE g.oid = c.oid ORDER BY g.place, g.number) AS grants \
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.oid = ANY ($1::int8[]::oid[])";

pub(super) async fn privileges(
    db: &impl ConnectionTrait,
    oids: &[i64],
    app_role: &str,
) -> Result<Vec<Privileges>, DbErr> {
    all(db, PRIVILEGES, [oids.to_vec().into(), app_role.into()]).await
}

/// A sequence from which a column of a table takes its default.
#[derive(Clone, Debug, FromQueryResult)]
pub(super) struct Sequence {
    pub(super) oid: i64,
    /// The table's.
    pub(super) of: i64,
    schema: String,
    pub(super) name: String,
    /// True if the current role may grant rights on it.
    pub(super) is_own: bool,
}

impl Sequence {
    pub(super) fn quoted(&self) -> String {
        sql::qualified(&self.schema, &self.name)
    }
}

pub(super) async fn sequences(db: &impl ConnectionTrait, oids: &[i64]) -> Result<Vec<Sequence>, DbErr> {
    let sql = "SELECT DISTINCT ON (s.oid) s.oid::int8 AS oid, d.adrelid::int8 AS of, n.nspname::text AS schema, \
        s.relname::text AS name, pg_has_role(s.relowner, 'USAGE') AS is_own FROM pg_attrdef d \
        JOIN pg_depend p ON p.classid = 'pg_attrdef'::regclass AND p.objid = d.oid AND p.refclassid = 'pg_class'::regclass \
        JOIN pg_class s ON s.oid = p.refobjid AND s.relkind = 'S' JOIN pg_namespace n ON n.oid = s.relnamespace \
        WHERE d.adrelid = ANY ($1::int8[]::oid[]) ORDER BY s.oid, d.adrelid";
    all(db, sql, [oids.to_vec().into()]).await
}

/// A view over the tables.
#[derive(Clone, Debug, FromQueryResult)]
#[expect(clippy::struct_excessive_bools, reason = "facts of the catalog")]
pub(super) struct View {
    pub(super) schema: String,
    pub(super) name: String,
    pub(super) is_materialized: bool,
    pub(super) is_own: bool,
    /// True if it runs with the rights of its reader.
    pub(super) of_reader: bool,
    /// The value of `security_invoker`, if it is set.
    pub(super) setting: Option<String>,
    /// True if the application's role or `PUBLIC` has rights on it.
    pub(super) readable: bool,
}

/// The views over the tables, at any depth.
pub(super) async fn views(
    db: &impl ConnectionTrait,
    oids: &[i64],
    app_role: &str,
) -> Result<Vec<View>, DbErr> {
    let sql = "WITH RECURSIVE uses AS (SELECT DISTINCT r.ev_class AS view, d.refobjid AS used FROM pg_rewrite r \
            JOIN pg_class c ON c.oid = r.ev_class AND c.relkind IN ('v', 'm') \
            JOIN pg_depend d ON d.classid = 'pg_rewrite'::regclass AND d.objid = r.oid \
                AND d.refclassid = 'pg_class'::regclass AND d.refobjid <> r.ev_class), \
        above AS (SELECT view FROM uses WHERE used = ANY ($1::int8[]::oid[]) \
            UNION SELECT u.view FROM uses u JOIN above a ON a.view = u.used) \
        SELECT n.nspname::text AS schema, c.relname::text AS name, c.relkind = 'm' AS is_materialized, \
            pg_has_role(c.relowner, 'USAGE') AS is_own, coalesce(o.value::boolean, false) AS of_reader, o.value AS setting, \
            EXISTS (SELECT FROM aclexplode(c.relacl) x WHERE x.grantee = 0 OR x.grantee IN \
                (SELECT r.oid FROM pg_roles r WHERE r.rolname = $2)) AS readable \
        FROM above JOIN pg_class c ON c.oid = above.view JOIN pg_namespace n ON n.oid = c.relnamespace \
        LEFT JOIN LATERAL (SELECT t.option_value AS value FROM pg_options_to_table(c.reloptions) t \
            WHERE t.option_name = 'security_invoker') AS o ON true ORDER BY 1, 2";
    all(db, sql, [oids.to_vec().into(), app_role.into()]).await
}

/// An object that a person should look at.
#[derive(Clone, Debug, FromQueryResult)]
pub(super) struct Remark {
    pub(super) object: String,
    pub(super) text: String,
}

/// Triggers, rules and publications of the tables, and functions that run with the rights of their owner.
pub(super) async fn remarks(
    db: &impl ConnectionTrait,
    oids: &[i64],
    app_role: &str,
) -> Result<Vec<Remark>, DbErr> {
    let sql = "WITH t AS (SELECT c.oid, format('%s.%s', n.nspname, c.relname) AS object FROM pg_class c \
            JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.oid = ANY ($1::int8[]::oid[])) \
        SELECT t.object, format('the trigger %I runs in the statement of a tenant, and sees and changes rows of this tenant \
            only; check that it needs no others', g.tgname) AS text FROM t JOIN pg_trigger g ON g.tgrelid = t.oid \
            AND NOT g.tgisinternal \
        UNION ALL SELECT t.object, format('the rule %I rewrites statements after they are confined to a tenant; replace it \
            by a trigger', r.rulename) FROM t JOIN pg_rewrite r ON r.ev_class = t.oid \
        UNION ALL SELECT t.object, format('the publication %I sends the rows of all tenants to its subscribers', b.pubname) \
            FROM t JOIN pg_publication_rel p ON p.prrelid = t.oid JOIN pg_publication b ON b.oid = p.prpubid \
        UNION ALL SELECT t.object, 'has no primary key; add one that begins with the tenant column after the conversion' \
            FROM t WHERE NOT EXISTS (SELECT FROM pg_index i WHERE i.indrelid = t.oid AND i.indisprimary) \
        UNION ALL SELECT t.object, format('the role %s can TRUNCATE the table, which row-level security does not prevent; \
            revoke it', x.grantee::regrole) FROM t JOIN pg_class c ON c.oid = t.oid, aclexplode(c.relacl) x \
            WHERE x.privilege_type = 'TRUNCATE' AND x.grantee NOT IN (0, c.relowner) \
                AND x.grantee NOT IN (SELECT r.oid FROM pg_roles r WHERE r.rolname = $2) \
        UNION ALL SELECT format('%s.%s', n.nspname, p.proname), 'runs with the rights of its owner (SECURITY DEFINER); \
            check that it does not work across tenants' FROM pg_proc p \
            JOIN pg_namespace n ON n.oid = p.pronamespace WHERE p.prosecdef \
            AND n.nspname NOT IN ('pg_catalog', 'information_schema', 'watertight') AND NOT EXISTS (SELECT FROM pg_depend e \
                WHERE e.classid = 'pg_proc'::regclass AND e.objid = p.oid AND e.deptype = 'e') \
        ORDER BY 1, 2";
    all(db, sql, [oids.to_vec().into(), app_role.into()]).await
}

/// Whether the application's role exists, and is not privileged. `None` when it does not exist.
pub(super) async fn role_bypasses(db: &impl ConnectionTrait, app_role: &str) -> Result<Option<bool>, DbErr> {
    let sql = "SELECT rolsuper OR rolbypassrls FROM pg_roles WHERE rolname = $1";
    query::rows(db, sql, [app_role.into()]).await?.first().map(|row| row.try_get_by_index(0)).transpose()
}

/// The schemas of the list that the application's role cannot use.
pub(super) async fn unusable_schemas(
    db: &impl ConnectionTrait,
    schemas: &[String],
    app_role: &str,
) -> Result<Vec<String>, DbErr> {
    let sql = "SELECT n.nspname::text FROM pg_namespace n JOIN pg_roles r ON r.rolname = $2 \
        WHERE n.nspname = ANY ($1) AND NOT has_schema_privilege(r.oid, n.oid, 'USAGE') ORDER BY 1";
    query::column(db, sql, [schemas.to_vec().into(), app_role.into()]).await
}
