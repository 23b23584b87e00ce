//! The columns, triggers, rules and sequences of the tenant tables, as an export and an import need them.

use std::collections::HashMap;

use sea_orm::{DbErr, FromQueryResult};

use crate::operations::inspection::catalog::{ByTable, Relation};
use crate::tenant::{Inspection, Registry, TENANT_COLUMN};
use watertight_schema::isolation::TENANT_COLUMN_OF_POLICY;
use watertight_schema::sql;

/// A column with the functions of its type.
#[derive(Debug, Clone, FromQueryResult)]
#[expect(clippy::struct_excessive_bools, reason = "a row of the catalog")]
pub(super) struct StoredColumn {
    oid: i64,
    pub(super) name: String,
    type_schema: String,
    type_name: String,
    /// Whether the database computes it.
    pub(super) generated: bool,
    /// Whether its values are sorted by a collation.
    pub(super) collated: bool,
    /// Whether the type is `json` or `jsonb`, or a domain over one of them.
    pub(super) is_json: bool,
    /// The type of a tenant's key whose values it has, or that a domain over it has.
    key_type: Option<String>,
    /// Whether the type has a binary form.
    pub(super) has_binary: bool,
    /// Whether the text form of a value contains names of objects, which depend on the search path.
    pub(super) has_names: bool,
}

impl StoredColumn {
    /// The name in SQL syntax.
    pub(super) fn quoted(&self) -> String {
        sql::identifier(&self.name)
    }

    /// The type in SQL syntax, without its modifier.
    pub(super) fn data_type(&self) -> String {
        sql::qualified(&self.type_schema, &self.type_name)
    }
}

/// A sequence that gives a column its default values.
#[derive(Debug, Clone, FromQueryResult)]
pub(super) struct Sequence {
    oid: i64,
    pub(super) column_name: String,
    schema: String,
    relation: String,
    /// Whether the values of the column are values of the sequence.
    pub(super) is_integer: bool,
    pub(super) increment: i64,
    pub(super) minimum: i64,
    pub(super) maximum: i64,
    pub(super) start: i64,
}

impl Sequence {
    /// The qualified name in SQL syntax.
    pub(super) fn quoted(&self) -> String {
        sql::qualified(&self.schema, &self.relation)
    }
}

/// A trigger or a rule of a table or of a partition.
#[derive(Debug, Clone, FromQueryResult)]
pub(super) struct Reaction {
    /// The table that has it.
    oid: i64,
    /// `TRIGGER` or `RULE`.
    pub(super) kind: String,
    pub(super) name: String,
    /// Whether it is enabled for replicas, too.
    pub(super) always: bool,
    pub(super) on_insert: bool,
    pub(super) on_delete: bool,
}

/// The tenant column of a table by its policy.
#[derive(Debug, FromQueryResult)]
struct PolicyColumn {
    oid: i64,
    name: Option<String>,
}

/// A table, by its identifier.
#[derive(Debug, FromQueryResult)]
struct Table {
    oid: i64,
}

/// The privileges of the current role on the database.
#[derive(Debug, FromQueryResult)]
struct Database {
    temporary: bool,
}

/// The columns, triggers, rules and sequences of every table.
pub(super) struct Structure {
    pub(super) columns: ByTable<StoredColumn>,
    pub(super) sequences: ByTable<Sequence>,
    pub(super) reactions: ByTable<Reaction>,
    /// The tenant columns of tables by their policies.
    policy_columns: HashMap<i64, String>,
    hidden: Vec<i64>,
    inherited: Vec<i64>,
    pub(super) can_create_temporary: bool,
}

impl Structure {
    pub(super) async fn read(inspection: &mut Inspection) -> Result<Self, DbErr> {
        let hidden: Vec<Table> = inspection.ask(HIDDEN, []).await?;
        let inherited: Vec<Table> = inspection.ask(INHERITED, []).await?;
        let sql = format!(
            "SELECT c.oid::int8 AS oid, {TENANT_COLUMN_OF_POLICY} AS name FROM pg_catalog.pg_class c \
                           WHERE c.relkind IN ('r', 'p')"
        );
        let policies: Vec<PolicyColumn> = inspection.ask(&sql, []).await?;
        let database: Database = inspection.ask_one(DATABASE, []).await?;
        Ok(Self {
            columns: ByTable::new(inspection.ask(COLUMNS, []).await?, |column: &StoredColumn| column.oid),
            sequences: ByTable::new(inspection.ask(SEQUENCES, []).await?, |sequence: &Sequence| sequence.oid),
            reactions: ByTable::new(inspection.ask(REACTIONS, []).await?, |reaction: &Reaction| reaction.oid),
            policy_columns: policies.into_iter().filter_map(|found| Some((found.oid, found.name?))).collect(),
            hidden: hidden.into_iter().map(|table| table.oid).collect(),
            inherited: inherited.into_iter().map(|table| table.oid).collect(),
            can_create_temporary: database.temporary,
        })
    }

    /// The tenant column of a table, registered or not. The partitioned table already includes the rows of its partitions.
    pub(super) fn tenant_column(&self, relation: &Relation, registry: &Registry) -> Option<String> {
        if !relation.is_table() || relation.is_partition {
            return None;
        }
        let tenant_type = Some(registry.tenant_type().name());
        let name = relation.name();
        let by_policy = self.policy_columns.get(&relation.oid).map(String::as_str);
        let mut names = by_policy.into_iter().chain([registry.tenant_column(&name), TENANT_COLUMN]);
        let columns = self.columns.of(relation);
        let is_key = |name: &&str| {
            columns.iter().any(|column| column.name == *name && column.key_type.as_deref() == tenant_type)
        };
        names.find(is_key).map(str::to_owned)
    }

    /// Whether other tables inherit the columns of a table.
    pub(super) fn is_inherited(&self, oid: i64) -> bool {
        self.inherited.contains(&oid)
    }

    /// Whether policies hide rows of the current tenant from the current role.
    pub(super) fn hides_rows(&self, oid: i64) -> bool {
        self.hidden.contains(&oid)
    }
}

const COLUMNS: &str = "SELECT a.attrelid::int8 AS oid, a.attname::text AS name, n.nspname::text AS type_schema, \
    t.typname::text AS type_name, a.attgenerated <> '' AS generated, a.attcollation <> 0 AS collated, \
    t.typoutput IN ('pg_catalog.json_out'::regproc, 'pg_catalog.jsonb_out'::regproc) AS is_json, \
    CASE t.typoutput WHEN 'pg_catalog.uuid_out'::regproc THEN 'uuid' WHEN 'pg_catalog.int8out'::regproc THEN 'bigint' \
        WHEN 'pg_catalog.int4out'::regproc THEN 'integer' WHEN 'pg_catalog.textout'::regproc THEN 'text' \
        WHEN 'pg_catalog.varcharout'::regproc THEN 'text' END AS key_type, \
    t.typsend <> 0 AND (t.typelem = 0 OR e.typsend <> 0) AS has_binary, \
    t.oid = ANY (named.types) OR t.typelem = ANY (named.types) OR t.typbasetype = ANY (named.types) \
        OR (t.typtype = 'c') AS has_names \
    FROM pg_catalog.pg_attribute a JOIN pg_catalog.pg_class c ON c.oid = a.attrelid \
    JOIN pg_catalog.pg_type t ON t.oid = a.atttypid JOIN pg_catalog.pg_namespace n ON n.oid = t.typnamespace \
    LEFT JOIN pg_catalog.pg_type e ON e.oid = t.typelem \
    CROSS JOIN (SELECT ARRAY['regclass', 'regcollation', 'regconfig', 'regdictionary', 'regnamespace', 'regoper', \
        'regoperator', 'regproc', 'regprocedure', 'regrole', 'regtype']::regtype[]::oid[] AS types) named \
    WHERE a.attnum > 0 AND NOT a.attisdropped AND c.relkind IN ('r', 'p') ORDER BY a.attrelid, a.attnum";

/// Selects sequences of identity columns, and those that a default of a column or of its domain uses. A sequence that
/// starts again at its end repeats its values, so no position is ahead of them.
const SEQUENCES: &str = "SELECT a.attrelid::int8 AS oid, a.attname::text AS column_name, n.nspname::text AS schema, \
    c.relname::text AS relation, coalesce(b.oid, t.oid) IN ('int2'::regtype, 'int4'::regtype, 'int8'::regtype) \
    AS is_integer, s.seqincrement AS increment, s.seqmin AS minimum, s.seqmax AS maximum, s.seqstart AS start \
    FROM (SELECT d.refobjid AS relation, d.refobjsubid AS number, d.objid AS sequence FROM pg_catalog.pg_depend d \
        WHERE d.classid = 'pg_class'::regclass AND d.refclassid = 'pg_class'::regclass AND d.deptype = 'i' \
        UNION SELECT f.adrelid, f.adnum, d.refobjid FROM pg_catalog.pg_attrdef f JOIN pg_catalog.pg_depend d \
            ON d.classid = 'pg_attrdef'::regclass AND d.objid = f.oid AND d.refclassid = 'pg_class'::regclass \
        UNION SELECT o.attrelid, o.attnum, d.refobjid FROM pg_catalog.pg_attribute o JOIN pg_catalog.pg_depend d \
            ON d.classid = 'pg_type'::regclass AND d.objid = o.atttypid AND d.refclassid = 'pg_class'::regclass \
            WHERE NOT o.atthasdef) u \
    JOIN pg_catalog.pg_sequence s ON s.seqrelid = u.sequence AND NOT s.seqcycle \
    JOIN pg_catalog.pg_class c ON c.oid = s.seqrelid JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace \
    JOIN pg_catalog.pg_attribute a ON a.attrelid = u.relation AND a.attnum = u.number AND NOT a.attisdropped \
    JOIN pg_catalog.pg_type t ON t.oid = a.atttypid LEFT JOIN pg_catalog.pg_type b ON b.oid = t.typbasetype \
    WHERE CASE WHEN c.relkind = 'S' THEN has_sequence_privilege(c.oid, 'SELECT') END ORDER BY 1, 2, 3, 4";

/// Selects the triggers and rules that are in force, except those that compare a booking with its payments: they change
/// nothing, and a restored booking has to agree with its payments, too.
const REACTIONS: &str = "SELECT tgrelid::int8 AS oid, 'TRIGGER' AS kind, tgname::text AS name, \
    tgenabled = 'A' AS always, tgtype::int4 & 4 <> 0 AS on_insert, tgtype::int4 & 8 <> 0 AS on_delete \
    FROM pg_catalog.pg_trigger g WHERE NOT tgisinternal AND tgenabled IN ('O', 'A') \
    AND NOT EXISTS (SELECT FROM pg_catalog.pg_proc f WHERE f.oid = g.tgfoid AND f.proname = 'booking_ledger_agrees' \
        AND starts_with(g.tgname, 'booking_ledger_of_')) \
    UNION ALL SELECT ev_class::int8, 'RULE', rulename::text, ev_enabled = 'A', ev_type = '3', ev_type = '4' \
    FROM pg_catalog.pg_rewrite WHERE ev_type IN ('3', '4') AND ev_enabled IN ('O', 'A') ORDER BY 1, 2, 3";

const INHERITED: &str = "SELECT DISTINCT i.inhparent::int8 AS oid FROM pg_catalog.pg_inherits i \
    JOIN pg_catalog.pg_class c ON c.oid = i.inhparent AND c.relkind = 'r'";

const DATABASE: &str = "SELECT has_database_privilege(current_database(), 'TEMPORARY') AS temporary";

/// Selects tables that show the current role no rows, or only those that a restrictive policy leaves.
const HIDDEN: &str = "SELECT q.oid FROM (SELECT c.oid::int8 AS oid, \
        bool_or(p.polpermissive) AS shows, bool_or(NOT p.polpermissive) AS restricts \
    FROM pg_catalog.pg_class c LEFT JOIN pg_catalog.pg_policy p ON p.polrelid = c.oid AND p.polcmd IN ('*', 'r') \
        AND (0 = ANY (p.polroles) OR EXISTS (SELECT FROM unnest(p.polroles) AS role \
            WHERE role <> 0 AND pg_has_role(role, 'USAGE'))) \
    WHERE c.relkind IN ('r', 'p') AND row_security_active(c.oid) GROUP BY c.oid) q \
    WHERE q.shows IS NOT TRUE OR q.restricts IS TRUE";
