//! The tables to convert and their objects, as the database's catalog describes them.
//!
//! Every query runs with `pg_catalog` alone on the search path, so that definitions have full names.

use sea_orm_migration::sea_orm::{self, ConnectionTrait, DbErr, FromQueryResult, Value};
use watertight_schema::{TenantType, sql};

use crate::name::Name;
use crate::query::{self, all};

/// A table, with its tenant column if it has one.
#[derive(Clone, Debug, FromQueryResult)]
#[expect(clippy::struct_excessive_bools, reason = "facts of the catalog")]
pub(super) struct Table {
    pub(super) oid: i64,
    schema: String,
    name: String,
    /// The kind as in `pg_class.relkind`.
    pub(super) kind: String,
    /// True if it is a partition, or the parent or child of another table.
    pub(super) inherits: bool,
    pub(super) is_temporary: bool,
    /// True if the current role is the owner or a member of it.
    pub(super) is_own: bool,
    /// The owner, as SQL writes it.
    pub(super) owner: String,
    /// True if the application's role is the owner or can become it.
    pub(super) is_of_application: bool,
    pub(super) protected: bool,
    pub(super) forced: bool,
    /// True if forced policies hide rows from the current role.
    pub(super) hides_rows: bool,
    /// The type of the tenant column without its length.
    pub(super) column_type: Option<String>,
    pub(super) column_required: Option<bool>,
    pub(super) column_default: Option<String>,
    /// True if the server computes the column.
    pub(super) column_generated: Option<bool>,
    pub(super) bytes: i64,
    /// The planner's estimate of the number of rows.
    pub(super) rows: i64,
    /// The names of the check constraints.
    pub(super) checks: Vec<String>,
    /// The names of those that are validated.
    pub(super) validated_checks: Vec<String>,
}

impl Table {
    pub(super) fn id(&self) -> Name {
        Name::new(&self.schema, &self.name)
    }

    pub(super) fn quoted(&self) -> String {
        sql::qualified(&self.schema, &self.name)
    }

    pub(super) fn has_column(&self) -> bool {
        self.column_type.is_some()
    }
}

const TABLES: &str = "SELECT c.oid::int8 AS oid, n.nspname::text AS schema, c.relname::text AS name, \
    c.relkind::text AS kind, c.relispartition OR EXISTS (SELECT FROM pg_inherits i \
        WHERE c.oid IN (i.inhrelid, i.inhparent)) AS inherits, c.relpersistence = 't' AS is_temporary, \
    pg_has_role(c.relowner, 'USAGE') AS is_own, c.relowner::regrole::text AS owner, \
    coalesce((SELECT pg_has_role(r.oid, c.relowner, 'USAGE') FROM pg_roles r WHERE r.rolname = $2), false) \
        AS is_of_application, c.relrowsecurity AS protected, c.relforcerowsecurity AS forced, \
    c.relrowsecurity AND c.relforcerowsecurity AND NOT (SELECT r.rolsuper OR r.rolbypassrls FROM pg_roles r \
        WHERE r.rolname = current_user) AS hides_rows, \
    format_type(a.atttypid, NULL) AS column_type, a.attnotnull AS column_required, \
    pg_get_expr(d.adbin, d.adrelid) AS column_default, a.attgenerated <> '' OR a.attidentity <> '' AS column_generated, \
    pg_total_relation_size(c.oid)::int8 AS bytes, greatest(c.reltuples, 0)::int8 AS rows, \
    ARRAY(SELECT k.conname::text FROM pg_constraint k WHERE k.conrelid = c.oid AND k.contype = 'c') AS checks, \
    ARRAY(SELECT k.conname::text FROM pg_constraint k WHERE k.conrelid = c.oid AND k.contype = 'c' AND k.convalidated) \
        AS validated_checks \
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace \
    LEFT JOIN pg_attribute a ON a.attrelid = c.oid AND NOT a.attisdropped AND a.attnum > 0 AND a.attname = $1 \
    LEFT JOIN pg_attrdef d ON d.adrelid = c.oid AND d.adnum = a.attnum \
    WHERE NOT EXISTS (SELECT FROM pg_depend e WHERE e.classid = 'pg_class'::regclass AND e.objid = c.oid \
        AND e.deptype = 'e')";

/// The relations of the given names, whatever their kind.
pub(super) async fn tables(
    db: &impl ConnectionTrait,
    column: &str,
    app_role: &str,
    names: &[Name],
) -> Result<Vec<Table>, DbErr> {
    let (schemas, names): (Vec<String>, Vec<String>) =
        names.iter().map(|name| (name.schema.clone(), name.name.clone())).unzip();
    let sql = format!(
        "{TABLES} AND c.relkind IN ('r', 'p', 'f', 'v', 'm') \
         AND (n.nspname, c.relname) IN (SELECT * FROM unnest($3::text[], $4::text[])) ORDER BY n.nspname, c.relname"
    );
    let values: [Value; 4] = [column.into(), app_role.into(), schemas.into(), names.into()];
    all(db, &sql, values).await
}

#[derive(FromQueryResult)]
struct Named {
    schema: String,
    name: String,
    protected: bool,
}

/// The names of every table of a schema, partitions and the tables of extensions excepted.
///
/// It is true for a table that has the policy of tenant tables.
pub(super) async fn names_in(db: &impl ConnectionTrait, schema: &str) -> Result<Vec<(Name, bool)>, DbErr> {
    let sql = "SELECT n.nspname::text AS schema, c.relname::text AS name, EXISTS (SELECT FROM pg_policy p \
            WHERE p.polrelid = c.oid AND p.polname = 'tenant_isolation') AS protected FROM pg_class c \
        JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = $1 AND c.relkind IN ('r', 'p', 'f') \
        AND NOT c.relispartition AND NOT EXISTS (SELECT FROM pg_depend e \
            WHERE e.classid = 'pg_class'::regclass AND e.objid = c.oid AND e.deptype = 'e') ORDER BY 2";
    let found: Vec<Named> = all(db, sql, [schema.into()]).await?;
    Ok(found.into_iter().map(|found| (Name::new(found.schema, found.name), found.protected)).collect())
}

/// An index, and the constraint that it enforces, if any.
#[derive(Clone, Debug, FromQueryResult)]
#[expect(clippy::struct_excessive_bools, reason = "facts of the catalog")]
pub(super) struct Index {
    /// The table's.
    pub(super) oid: i64,
    pub(super) name: String,
    pub(super) method: String,
    pub(super) is_unique: bool,
    pub(super) is_primary: bool,
    pub(super) is_valid: bool,
    pub(super) is_partial: bool,
    pub(super) is_replica_identity: bool,
    pub(super) in_tablespace: bool,
    /// True for an exclusion constraint that can compare the tenant, too.
    pub(super) is_excludable: bool,
    /// The key columns, with an empty name for an expression.
    pub(super) keys: Vec<String>,
    /// The definition after the name.
    pub(super) definition: Option<String>,
    /// The part of the definition after `USING method (`.
    pub(super) tail: Option<String>,
    /// The definition of the constraint.
    pub(super) constraint: Option<String>,
    /// The kind of the constraint: `p`, `u` or `x`.
    pub(super) constraint_kind: Option<String>,
    pub(super) deferrable: bool,
    pub(super) deferred: bool,
    /// The statements that restore its comment and its role as the order of the table.
    pub(super) afterwards: Vec<String>,
    /// The objects, such as views, that depend on the constraint.
    pub(super) dependents: Vec<String>,
}

impl Index {
    pub(super) fn is_deferrable_constraint(&self) -> bool {
        self.constraint.is_some() && self.deferrable
    }

    pub(super) fn is_exclusion(&self) -> bool {
        self.constraint_kind.as_deref() == Some("x")
    }

    pub(super) fn holds(&self, column: &str) -> bool {
        self.keys.iter().any(|key| key == column)
    }
}

pub(super) async fn indexes(
    db: &impl ConnectionTrait,
    oids: &[i64],
    tenant: TenantType,
) -> Result<Vec<Index>, DbErr> {
    let sql = "SELECT i.indrelid::int8 AS oid, x.relname::text AS name, m.amname::text AS method, \
            i.indisunique AS is_unique, i.indisprimary AS is_primary, i.indisvalid AND i.indisready AS is_valid, \
            i.indpred IS NOT NULL AS is_partial, i.indisreplident AS is_replica_identity, \
            x.reltablespace <> 0 AS in_tablespace, coalesce(k.contype = 'x' AND m.amname = 'gist' \
                AND EXISTS (SELECT FROM pg_opclass o WHERE o.opcmethod = m.oid AND o.opcdefault \
                    AND o.opcintype = $2::regtype), false) AS is_excludable, \
            ARRAY(SELECT coalesce(a.attname::text, '') FROM generate_series(0, i.indnkeyatts - 1) AS k (n) \
                LEFT JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = i.indkey[k.n] AND a.attnum > 0 \
                ORDER BY k.n) AS keys, CASE WHEN starts_with(g.definition, g.name) \
                THEN substr(g.definition, length(g.name) + 1) END AS definition, \
            CASE WHEN starts_with(g.definition, g.head) THEN substr(g.definition, length(g.head) + 1) END AS tail, \
            pg_get_constraintdef(k.oid) AS constraint, k.contype::text AS constraint_kind, \
            coalesce(k.condeferrable, false) AS deferrable, coalesce(k.condeferred, false) AS deferred, \
            array_remove(ARRAY[ \
                (SELECT format('COMMENT ON INDEX %I.%I IS %L', n.nspname, x.relname, c) FROM obj_description(x.oid, 'pg_class') AS c \
                    WHERE c IS NOT NULL), \
                (SELECT format('COMMENT ON CONSTRAINT %I ON %I.%I IS %L', k.conname, n.nspname, t.relname, c) \
                    FROM obj_description(k.oid, 'pg_constraint') AS c WHERE c IS NOT NULL), \
                CASE WHEN i.indisclustered THEN format('ALTER TABLE %I.%I CLUSTER ON %I', n.nspname, t.relname, x.relname) END \
            ], NULL) AS afterwards, \
            ARRAY(SELECT DISTINCT pg_describe_object(d.classid, d.objid, 0) FROM pg_depend d \
                WHERE d.refclassid = 'pg_constraint'::regclass AND d.refobjid = k.oid AND d.deptype = 'n' ORDER BY 1) \
                AS dependents \
        FROM pg_index i JOIN pg_class x ON x.oid = i.indexrelid JOIN pg_class t ON t.oid = i.indrelid \
        JOIN pg_namespace n ON n.oid = t.relnamespace JOIN pg_am m ON m.oid = x.relam \
        LEFT JOIN pg_constraint k ON k.conindid = x.oid AND k.conrelid = t.oid AND k.contype IN ('p', 'u', 'x') \
        CROSS JOIN LATERAL (SELECT pg_get_indexdef(x.oid) AS definition, \
            format('CREATE %sINDEX %I ON %I.%I USING %I (', CASE WHEN i.indisunique THEN 'UNIQUE ' ELSE '' END, \
                x.relname, n.nspname, t.relname, m.amname) AS head, \
            format('CREATE %sINDEX %I', CASE WHEN i.indisunique THEN 'UNIQUE ' ELSE '' END, x.relname) AS name) AS g \
        WHERE i.indrelid = ANY ($1::int8[]::oid[]) ORDER BY i.indrelid, i.indisprimary DESC, x.relname";
    all(db, sql, [oids.to_vec().into(), tenant.name().into()]).await
}

/// A foreign key from one table to another.
#[derive(Clone, Debug, FromQueryResult)]
#[expect(clippy::struct_excessive_bools, reason = "facts of the catalog")]
pub(super) struct ForeignKey {
    /// The referring table.
    pub(super) oid: i64,
    schema: String,
    table_name: String,
    /// The table that it refers to.
    pub(super) target: i64,
    target_schema: String,
    target_name: String,
    pub(super) name: String,
    pub(super) columns: Vec<String>,
    pub(super) target_columns: Vec<String>,
    /// True if a referring column can be null.
    pub(super) nullable: bool,
    /// The actions and the matching, each as in `pg_constraint`.
    pub(super) on_update: String,
    pub(super) on_delete: String,
    /// The columns that the action on deletion sets.
    pub(super) set_columns: Vec<String>,
    pub(super) matching: String,
    pub(super) deferrable: bool,
    pub(super) deferred: bool,
    pub(super) validated: bool,
    pub(super) definition: String,
    pub(super) afterwards: Vec<String>,
}

impl ForeignKey {
    pub(super) fn table(&self) -> Name {
        Name::new(&self.schema, &self.table_name)
    }

    pub(super) fn target_table(&self) -> Name {
        Name::new(&self.target_schema, &self.target_name)
    }

    /// Whether a row can refer to rows of its own tenant only.
    pub(super) fn is_confined(&self, column: &str) -> bool {
        self.columns.iter().zip(&self.target_columns).any(|(from, to)| from == column && to == column)
    }
}

/// The foreign keys from or to the tables.
pub(super) async fn foreign_keys(db: &impl ConnectionTrait, oids: &[i64]) -> Result<Vec<ForeignKey>, DbErr> {
    let names = |relation: &str, numbers: &str| {
        format!(
            "ARRAY(SELECT a.attname::text FROM unnest({numbers}) WITH ORDINALITY AS u (n, place) \
             JOIN pg_attribute a ON a.attrelid = {relation} AND a.attnum = u.n ORDER BY u.place)"
        )
    };
    let sql = format!(
        "SELECT k.conrelid::int8 AS oid, n.nspname::text AS schema, c.relname::text AS table_name, \
            k.confrelid::int8 AS target, tn.nspname::text AS target_schema, t.relname::text AS target_name, \
            k.conname::text AS name, {columns} AS columns, {target_columns} AS target_columns, \
            EXISTS (SELECT FROM pg_attribute a WHERE a.attrelid = k.conrelid AND a.attnum = ANY (k.conkey) \
                AND NOT a.attnotnull) AS nullable, k.confupdtype::text AS on_update, k.confdeltype::text AS on_delete, \
            {set} AS set_columns, k.confmatchtype::text AS matching, k.condeferrable AS deferrable, \
            k.condeferred AS deferred, k.convalidated AS validated, pg_get_constraintdef(k.oid) AS definition, \
            ARRAY(SELECT format('COMMENT ON CONSTRAINT %I ON %I.%I IS %L', k.conname, n.nspname, c.relname, text) \
                FROM obj_description(k.oid, 'pg_constraint') AS text WHERE text IS NOT NULL) AS afterwards \
        FROM pg_constraint k JOIN pg_class c ON c.oid = k.conrelid JOIN pg_namespace n ON n.oid = c.relnamespace \
        JOIN pg_class t ON t.oid = k.confrelid JOIN pg_namespace tn ON tn.oid = t.relnamespace \
        WHERE k.contype = 'f' AND k.conparentid = 0 \
            AND (k.conrelid = ANY ($1::int8[]::oid[]) OR k.confrelid = ANY ($1::int8[]::oid[])) \
        ORDER BY n.nspname, c.relname, k.conname",
        columns = names("k.conrelid", "k.conkey"),
        target_columns = names("k.confrelid", "k.confkey"),
        set = names("k.conrelid", "coalesce(k.confdelsetcols, '{}')"),
    );
    all(db, &sql, [oids.to_vec().into()]).await
}

/// The type that `watertight.tenant()` returns, or `None` when the database lacks the function.
pub(super) async fn core_type(db: &impl ConnectionTrait) -> Result<Option<String>, DbErr> {
    let sql = "SELECT format_type(p.prorettype, NULL) FROM pg_proc p WHERE p.oid = to_regprocedure('watertight.tenant()')";
    Ok(query::column(db, sql, []).await?.into_iter().next())
}
