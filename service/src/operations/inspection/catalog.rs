//! The structure of the database, read from its catalog once.

use std::collections::HashMap;

use sea_orm::{DbErr, FromQueryResult};

use watertight_schema::{TenantType, sql};

use crate::tenant::{Inspection, TableName};

/// A table, a view or another relation with rows.
#[derive(Debug, FromQueryResult)]
#[expect(clippy::struct_excessive_bools, reason = "a row of the catalog")]
pub(crate) struct Relation {
    pub(crate) oid: i64,
    schema: String,
    table_name: String,
    /// The kind as in `pg_class.relkind`.
    pub(crate) kind: String,
    pub(crate) is_partition: bool,
    /// The table that this one is a partition of.
    pub(crate) parent: Option<i64>,
    /// Whether it is a child of another table by `INHERITS`.
    pub(crate) inherits: bool,
    /// Whether it has the tenant column, with the type of the tenant's key. [`Catalog::mark_tenants`] sets it.
    #[sea_orm(skip)]
    pub(crate) has_tenant: bool,
    pub(crate) row_security: bool,
    pub(crate) row_security_forced: bool,
    /// Whether row-level security applies to the role of the connection.
    pub(crate) hides_rows: bool,
    /// Whether the role of the connection can read it.
    pub(crate) is_visible: bool,
    /// Whether the examined role can read it.
    pub(crate) readable: bool,
    /// Whether the examined role has the privilege to read it, without that of its schema.
    pub(crate) selectable: bool,
    /// Whether the examined role has the privilege to insert rows.
    pub(crate) insertable: bool,
    /// Whether the examined role may use its schema.
    pub(crate) schema_usable: bool,
    /// Whether the examined role has any privilege on it.
    pub(crate) granted: bool,
    /// Whether the examined role can insert and delete rows.
    pub(crate) writable: bool,
    /// Whether the examined role is the owner or can become the owner.
    pub(crate) owned: bool,
    /// Whether it is a view that reads with the privileges of its reader.
    pub(crate) security_invoker: bool,
    /// The owner's name.
    pub(crate) owner: String,
}

impl Relation {
    pub(crate) fn name(&self) -> TableName {
        TableName { schema: self.schema.clone(), name: self.table_name.clone() }
    }

    /// The qualified name in SQL syntax.
    pub(crate) fn quoted(&self) -> String {
        sql::qualified(&self.schema, &self.table_name)
    }

    pub(crate) fn is_table(&self) -> bool {
        matches!(self.kind.as_str(), "r" | "p")
    }
}

/// The name of a kind of relation, with its article.
pub(crate) fn kind(relkind: &str) -> &'static str {
    match relkind {
        "v" => "a view",
        "m" => "a materialized view",
        "f" => "a foreign table",
        "S" => "a sequence",
        "i" | "I" => "an index",
        "c" => "a composite type",
        _ => "a table",
    }
}

/// A column of a table.
#[derive(Debug, FromQueryResult)]
pub(crate) struct Column {
    pub(crate) oid: i64,
    pub(crate) name: String,
    pub(crate) data_type: String,
    pub(crate) required: bool,
    pub(crate) has_default: bool,
}

impl Column {
    /// The type of a tenant's key that the column can have.
    fn tenant_type(&self) -> Option<TenantType> {
        TenantType::of_column(self.data_type.split('(').next().unwrap_or_default())
    }
}

/// A constraint of a table.
#[derive(Debug, FromQueryResult)]
pub(crate) struct Constraint {
    pub(crate) oid: i64,
    pub(crate) name: String,
    /// The kind as in `pg_constraint.contype`.
    pub(crate) kind: String,
    pub(crate) validated: bool,
    pub(crate) referenced: i64,
    pub(crate) columns: Vec<String>,
    pub(crate) referenced_columns: Vec<String>,
    pub(crate) definition: String,
    /// The actions and the deferral of a foreign key, to be written after its columns.
    pub(crate) actions: String,
}

impl Constraint {
    pub(crate) fn is_foreign_key(&self) -> bool {
        self.kind == "f"
    }

    /// Whether the key contains the tenant, so that rows can refer only to rows of the same tenant.
    pub(crate) fn holds_tenant(&self, tenant: &str, referenced: &str) -> bool {
        self.columns.iter().zip(&self.referenced_columns).any(|(from, to)| from == tenant && to == referenced)
    }
}

/// An index of a table.
#[derive(Debug, FromQueryResult)]
pub(crate) struct Index {
    pub(crate) oid: i64,
    pub(crate) name: String,
    pub(crate) is_unique: bool,
    pub(crate) is_valid: bool,
    pub(crate) is_partial: bool,
    /// The columns or expressions of the key.
    pub(crate) keys: Vec<String>,
    /// The kind of its constraint as in `pg_constraint.contype`, if it has one.
    pub(crate) constraint_kind: Option<String>,
    /// The definition of a unique B-tree index after the parenthesis that opens its keys.
    pub(crate) definition: Option<String>,
}

impl Index {
    /// The names of the columns. An expression stands as PostgreSQL prints it.
    pub(crate) fn columns(&self) -> Vec<&str> {
        // PostgreSQL prints a column name that is a keyword in quotes.
        self.keys.iter().map(|key| key.trim_matches('"')).collect()
    }
}

/// A policy of row-level security.
#[derive(Debug, FromQueryResult)]
pub(crate) struct Policy {
    pub(crate) oid: i64,
    pub(crate) name: String,
    pub(crate) permissive: bool,
    /// The command as in `pg_policy.polcmd`: `*` for every command.
    pub(crate) command: String,
    pub(crate) for_everyone: bool,
    pub(crate) reads: Option<String>,
    pub(crate) writes: Option<String>,
}

/// A disabled trigger.
#[derive(Debug, FromQueryResult)]
pub(crate) struct DisabledTrigger {
    pub(crate) oid: i64,
    pub(crate) trigger_name: String,
    pub(crate) constraint_name: Option<String>,
}

/// A role that bypasses row-level security.
#[derive(Debug, FromQueryResult)]
pub(crate) struct PrivilegedRole {
    pub(crate) role: String,
    pub(crate) is_superuser: bool,
    /// Whether it is the examined role.
    pub(crate) is_current: bool,
    /// Whether the examined role can become it.
    pub(crate) is_reachable: bool,
}

/// The server and the session.
#[derive(Debug, FromQueryResult)]
pub(crate) struct Server {
    pub(crate) database: String,
    /// The role of the connection.
    pub(crate) role: String,
    pub(crate) version: String,
    pub(crate) strings: String,
}

/// The structure of the database.
#[derive(Debug)]
pub(crate) struct Catalog {
    pub(crate) server: Server,
    /// The role that is examined: the application's role, or the role of the connection.
    pub(crate) subject: String,
    pub(crate) relations: Vec<Relation>,
    pub(crate) columns: ByTable<Column>,
    pub(crate) constraints: ByTable<Constraint>,
    pub(crate) indexes: ByTable<Index>,
    pub(crate) policies: ByTable<Policy>,
    pub(crate) disabled_triggers: ByTable<DisabledTrigger>,
    pub(crate) privileged_roles: Vec<PrivilegedRole>,
}

impl Catalog {
    /// Reads the catalog. Privileges are those of the examined role, or else of the role of the connection.
    pub(crate) async fn read(inspection: &mut Inspection, examined: Option<&str>) -> Result<Self, DbErr> {
        let server: Server = inspection.ask_one(SERVER, []).await?;
        let subject = examined.unwrap_or(&server.role).to_owned();
        Ok(Self {
            relations: inspection.ask(&about(&subject, RELATIONS), []).await?,
            columns: ByTable::new(inspection.ask(COLUMNS, []).await?, |column: &Column| column.oid),
            constraints: ByTable::new(inspection.ask(CONSTRAINTS, []).await?, |key: &Constraint| key.oid),
            indexes: ByTable::new(inspection.ask(INDEXES, []).await?, |index: &Index| index.oid),
            policies: ByTable::new(inspection.ask(POLICIES, []).await?, |policy: &Policy| policy.oid),
            disabled_triggers: ByTable::new(
                inspection.ask(DISABLED_TRIGGERS, []).await?,
                |trigger: &DisabledTrigger| trigger.oid,
            ),
            privileged_roles: inspection.ask(&about(&subject, PRIVILEGED_ROLES), []).await?,
            server,
            subject,
        })
    }

    /// Marks the relations that have the tenant column of their name, with the type of the tenant's key.
    pub(crate) fn mark_tenants(&mut self, tenant_type: TenantType, column: impl Fn(&TableName) -> String) {
        for relation in &mut self.relations {
            let name = column(&relation.name());
            let columns = self.columns.0.get(&relation.oid).map_or(&[][..], Vec::as_slice);
            relation.has_tenant =
                columns.iter().any(|column| column.name == name && column.tenant_type() == Some(tenant_type));
        }
    }

    pub(crate) fn relation(&self, name: &TableName) -> Option<&Relation> {
        self.relations.iter().find(|relation| relation.name() == *name)
    }

    /// The leaf partitions of a partitioned table, at any depth.
    pub(crate) fn partitions(&self, table: &Relation) -> Vec<&Relation> {
        self.all_partitions(table).into_iter().filter(|partition| partition.kind != "p").collect()
    }

    /// A table, and its partitions at any depth, each after its parent.
    pub(crate) fn with_partitions<'a>(&'a self, table: &'a Relation) -> Vec<&'a Relation> {
        std::iter::once(table).chain(self.all_partitions(table)).collect()
    }

    fn all_partitions(&self, table: &Relation) -> Vec<&Relation> {
        let mut found: Vec<&Relation> = Vec::new();
        let mut parents = vec![table.oid];
        while let Some(parent) = parents.pop() {
            for partition in self.relations.iter().filter(|relation| relation.parent == Some(parent)) {
                found.push(partition);
                parents.push(partition.oid);
            }
        }
        found
    }

    pub(crate) fn by_oid(&self, oid: i64) -> Option<&Relation> {
        self.relations.iter().find(|relation| relation.oid == oid)
    }
}

/// Objects of one kind, grouped by table.
#[derive(Debug)]
pub(crate) struct ByTable<T>(HashMap<i64, Vec<T>>);

impl<T> ByTable<T> {
    pub(crate) fn new(rows: Vec<T>, table: impl Fn(&T) -> i64) -> Self {
        let mut map: HashMap<i64, Vec<T>> = HashMap::new();
        for row in rows {
            map.entry(table(&row)).or_default().push(row);
        }
        Self(map)
    }

    pub(crate) fn of(&self, relation: &Relation) -> &[T] {
        self.0.get(&relation.oid).map_or(&[], Vec::as_slice)
    }
}

/// A query about the privileges of a role, which is written as `{ROLE}`.
pub(crate) fn about(role: &str, query: &str) -> String {
    query.replace("{ROLE}", &format!("{}::name", sql::literal(role)))
}

const SERVER: &str = "SELECT current_database()::text AS database, current_user::text AS role, \
    current_setting('server_version') AS version, \
    current_setting('standard_conforming_strings') AS strings";

/// Selects relations, except those of the server and of extensions. Of the schema `watertight` it selects the numbers of
/// tenants, and not the tenant keys.
const RELATIONS: &str = "SELECT c.oid::int8 AS oid, n.nspname::text AS schema, c.relname::text AS table_name, \
    c.relkind::text AS kind, c.relispartition AS is_partition, \
    (SELECT i.inhparent::int8 FROM pg_catalog.pg_inherits i WHERE i.inhrelid = c.oid AND c.relispartition) AS parent, \
    NOT c.relispartition AND EXISTS (SELECT FROM pg_catalog.pg_inherits i WHERE i.inhrelid = c.oid) AS inherits, \
    c.relrowsecurity AS row_security, c.relforcerowsecurity AS row_security_forced, \
    row_security_active(c.oid) AS hides_rows, \
    has_schema_privilege(n.oid, 'USAGE') AND has_table_privilege(c.oid, 'SELECT') AS is_visible, \
    has_schema_privilege({ROLE}, n.oid, 'USAGE') AND has_table_privilege({ROLE}, c.oid, 'SELECT') AS readable, \
    has_schema_privilege({ROLE}, n.oid, 'USAGE') AS schema_usable, \
    has_table_privilege({ROLE}, c.oid, 'SELECT') AS selectable, \
    has_table_privilege({ROLE}, c.oid, 'INSERT') AS insertable, \
    has_table_privilege({ROLE}, c.oid, 'SELECT, INSERT, UPDATE, DELETE, TRUNCATE') AS granted, \
    has_table_privilege({ROLE}, c.oid, 'INSERT') AND has_table_privilege({ROLE}, c.oid, 'DELETE') AS writable, \
    pg_has_role({ROLE}, c.relowner, 'MEMBER') AS owned, pg_get_userbyid(c.relowner)::text AS owner, \
    coalesce((SELECT bool_or(t.option_value::boolean) FROM pg_options_to_table(c.reloptions) t \
        WHERE t.option_name = 'security_invoker'), false) AS security_invoker \
    FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace \
    WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f') \
    AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema' \
    AND (n.nspname <> 'watertight' OR c.relname = 'numbers') \
    AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend d WHERE d.classid = 'pg_class'::regclass \
        AND d.objid = c.oid AND d.deptype = 'e') ORDER BY 2, 3";

const COLUMNS: &str = "SELECT a.attrelid::int8 AS oid, a.attname::text AS name, \
    format_type(a.atttypid, a.atttypmod) AS data_type, a.attnotnull AS required, \
    a.atthasdef OR a.attidentity <> '' AS has_default FROM pg_catalog.pg_attribute a \
    JOIN pg_catalog.pg_class c ON c.oid = a.attrelid \
    WHERE a.attnum > 0 AND NOT a.attisdropped AND c.relkind IN ('r', 'p', 'v', 'm', 'f') ORDER BY a.attrelid, a.attnum";

/// Selects constraints, except the copies of foreign keys that the database keeps for partitions.
const CONSTRAINTS: &str = "SELECT k.conrelid::int8 AS oid, k.conname::text AS name, \
    k.contype::text AS kind, k.convalidated AS validated, k.confrelid::int8 AS referenced, \
    ARRAY(SELECT a.attname::text FROM unnest(k.conkey) WITH ORDINALITY AS u (number, position) \
        JOIN pg_catalog.pg_attribute a ON a.attrelid = k.conrelid AND a.attnum = u.number \
        ORDER BY u.position) AS columns, \
    ARRAY(SELECT a.attname::text FROM unnest(k.confkey) WITH ORDINALITY AS u (number, position) \
        JOIN pg_catalog.pg_attribute a ON a.attrelid = k.confrelid AND a.attnum = u.number \
        ORDER BY u.position) AS referenced_columns, \
    pg_get_constraintdef(k.oid) AS definition, \
    CASE k.confupdtype WHEN 'r' THEN ' ON UPDATE RESTRICT' WHEN 'c' THEN ' ON UPDATE CASCADE' ELSE '' END || \
    CASE k.confdeltype WHEN 'r' THEN ' ON DELETE RESTRICT' WHEN 'c' THEN ' ON DELETE CASCADE' \
        WHEN 'n' THEN ' ON DELETE SET NULL' WHEN 'd' THEN ' ON DELETE SET DEFAULT' ELSE '' END || \
    CASE WHEN k.confdeltype IN ('n', 'd') THEN (SELECT ' (' || string_agg(quote_ident(a.attname), ', ' ORDER BY u.position) || ')' \
        FROM unnest(coalesce(k.confdelsetcols, k.conkey)) WITH ORDINALITY AS u (number, position) \
        JOIN pg_catalog.pg_attribute a ON a.attrelid = k.conrelid AND a.attnum = u.number) ELSE '' END || \
    CASE WHEN k.condeferrable THEN ' DEFERRABLE' ELSE '' END || \
    CASE WHEN k.condeferred THEN ' INITIALLY DEFERRED' ELSE '' END AS actions \
    FROM pg_catalog.pg_constraint k WHERE k.conrelid <> 0 AND k.contype IN ('p', 'u', 'f', 'c', 'x') \
    AND NOT (k.contype = 'f' AND k.conparentid <> 0) \
    ORDER BY k.conrelid, k.conname";

const INDEXES: &str = "SELECT i.indrelid::int8 AS oid, c.relname::text AS name, \
    i.indisunique AS is_unique, i.indisvalid AS is_valid, i.indpred IS NOT NULL AS is_partial, \
    ARRAY(SELECT pg_get_indexdef(i.indexrelid, number, true) \
        FROM generate_series(1, i.indnkeyatts::int) AS number) AS keys, \
    (SELECT min(k.contype::text) FROM pg_catalog.pg_constraint k \
        WHERE k.conindid = c.oid AND k.contype IN ('p', 'u', 'x')) AS constraint_kind, \
    CASE WHEN starts_with(pg_get_indexdef(c.oid), d.prefix) THEN substr(pg_get_indexdef(c.oid), length(d.prefix) + 1) END AS definition \
    FROM pg_catalog.pg_index i JOIN pg_catalog.pg_class c ON c.oid = i.indexrelid \
    JOIN pg_catalog.pg_class t ON t.oid = i.indrelid JOIN pg_catalog.pg_namespace n ON n.oid = t.relnamespace \
    CROSS JOIN LATERAL (SELECT format('CREATE UNIQUE INDEX %I ON %I.%I USING btree (', c.relname, n.nspname, t.relname) \
        AS prefix) d ORDER BY 1, 2";

const POLICIES: &str = "SELECT polrelid::int8 AS oid, polname::text AS name, polpermissive AS permissive, \
    polcmd::text AS command, 0 = ANY (polroles) AS for_everyone, \
    pg_get_expr(polqual, polrelid) AS reads, pg_get_expr(polwithcheck, polrelid) AS writes \
    FROM pg_catalog.pg_policy ORDER BY 1, 2";

const DISABLED_TRIGGERS: &str = "SELECT t.tgrelid::int8 AS oid, t.tgname::text AS trigger_name, \
    k.conname::text AS constraint_name \
    FROM pg_catalog.pg_trigger t LEFT JOIN pg_catalog.pg_constraint k ON k.oid = t.tgconstraint \
    WHERE t.tgenabled IN ('D', 'R') ORDER BY 1, 2";

const PRIVILEGED_ROLES: &str = "SELECT rolname::text AS role, rolsuper AS is_superuser, \
    rolname = {ROLE} AS is_current, pg_has_role({ROLE}, oid, 'MEMBER') AS is_reachable \
    FROM pg_catalog.pg_roles WHERE (rolsuper OR rolbypassrls) AND (rolcanlogin OR pg_has_role({ROLE}, oid, 'MEMBER')) \
    ORDER BY 1";
