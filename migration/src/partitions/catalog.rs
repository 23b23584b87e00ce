//! The objects of a table, as the database's catalog describes them. Every query runs with `pg_catalog` alone on the search
//! path, so that names are printed in full.

use sea_orm_migration::sea_orm::{self, ConnectionTrait, DbErr, FromQueryResult};

use watertight_schema::TenantType;
use watertight_schema::isolation::TENANT_COLUMN;

use super::PartitionError;
use crate::catalog::{Table, tables_with};
use crate::name::Name;
use crate::query::{self, all, column};

/// The storage options, such as `fillfactor=70`. A partitioned table has the options of its partitions.
pub(super) const OPTIONS: &str = "WITH stored AS (SELECT coalesce((SELECT min(inhrelid::int8) FROM pg_inherits \
        WHERE inhparent = c.oid AND c.relkind = 'p'), c.oid::int8) AS oid FROM pg_class c WHERE c.oid = $1::oid) \
    SELECT o FROM pg_class s JOIN stored ON stored.oid = s.oid, unnest(s.reloptions) AS o \
    UNION ALL SELECT 'toast.' || o FROM pg_class s JOIN stored ON stored.oid = s.oid \
        JOIN pg_class t ON t.oid = s.reltoastrelid, unnest(t.reloptions) AS o";

/// Locks the tables and those that foreign keys join them to, because their keys are dropped and recreated.
pub(super) async fn lock(db: &impl ConnectionTrait, tables: &[Name]) -> Result<(), PartitionError> {
    for name in tables {
        let Some(table) = find(db, name).await? else {
            return Err(PartitionError::NoTable { table: name.to_string() });
        };
        let related = related(db, &table).await?;
        if let Some(theirs) = related.iter().find(|related| !related.owned) {
            let role: String = query::one(db, "SELECT current_user::text").await?;
            return Err(PartitionError::NotOwner { table: theirs.name.clone(), role });
        }
        let names: Vec<&str> = related.iter().map(|related| related.name.as_str()).collect();
        db.execute_unprepared(&format!("LOCK TABLE {} IN ACCESS EXCLUSIVE MODE", names.join(", "))).await?;
    }
    Ok(())
}

/// The tenant table of the name.
pub(super) async fn find(db: &impl ConnectionTrait, name: &Name) -> Result<Option<Table>, DbErr> {
    find_with(db, name, TENANT_COLUMN).await
}

/// The tenant table of the name, which may not have a policy yet.
pub(super) async fn find_with(
    db: &impl ConnectionTrait,
    name: &Name,
    tenant_column: &str,
) -> Result<Option<Table>, DbErr> {
    let found = tables_with(db, [name], tenant_column).await?;
    let is_tenant_table = |table: &Table| {
        !table.is_partition && table.tenant_type.as_deref().and_then(TenantType::of_column).is_some()
    };
    Ok(found.into_iter().find(is_tenant_table))
}

/// The table itself, or a table that a foreign key joins it to.
#[derive(Debug, FromQueryResult)]
pub(super) struct Related {
    /// The name as SQL writes it.
    pub(super) name: String,
    pub(super) forced: bool,
    pub(super) owned: bool,
    pub(super) is_itself: bool,
}

pub(super) async fn related(db: &impl ConnectionTrait, table: &Table) -> Result<Vec<Related>, DbErr> {
    let sql = "SELECT c.oid::regclass::text AS name, c.relforcerowsecurity AS forced, \
        pg_has_role(c.relowner, 'USAGE') AS owned, c.oid = $1::oid AS is_itself FROM pg_class c \
        WHERE c.oid = $1::oid OR c.oid IN (SELECT confrelid FROM pg_constraint WHERE contype = 'f' \
            AND conrelid = $1::oid UNION SELECT conrelid FROM pg_constraint WHERE contype = 'f' \
            AND confrelid = $1::oid AND conparentid = 0) ORDER BY c.oid";
    all(db, sql, [table.oid.into()]).await
}

/// A constraint by its name, and the SQL that defines it.
#[derive(Debug, FromQueryResult)]
pub(super) struct Constraint {
    pub(super) name: String,
    pub(super) definition: String,
    pub(super) comment: Option<String>,
}

/// The table's constraints of some kinds, except those that partitions inherit from it.
pub(super) async fn constraints(
    db: &impl ConnectionTrait,
    table: &Table,
    kinds: &[&str],
) -> Result<Vec<Constraint>, DbErr> {
    let sql = "SELECT conname::text AS name, pg_get_constraintdef(oid) AS definition, NULL::text AS comment \
        FROM pg_constraint WHERE conrelid = $1::oid AND contype::text = ANY ($2) AND conparentid = 0 \
        ORDER BY array_position($2, contype::text), conname";
    let kinds: Vec<String> = kinds.iter().map(|&kind| kind.to_owned()).collect();
    all(db, sql, [table.oid.into(), kinds.into()]).await
}

/// The exclusion constraints of the table, or of its first partition.
pub(super) async fn exclusions(db: &impl ConnectionTrait, table: &Table) -> Result<Vec<Constraint>, DbErr> {
    let sql = "SELECT regexp_replace(k.conname, CASE WHEN c.relispartition THEN '_p[0-9]+$' ELSE '$^' END, '') AS name, \
        pg_get_constraintdef(k.oid) AS definition, obj_description(k.oid, 'pg_constraint') AS comment \
        FROM pg_constraint k JOIN pg_class c ON c.oid = k.conrelid WHERE k.contype = 'x' AND k.conparentid = 0 \
        AND (k.conrelid = $1::oid \
            OR k.conrelid = (SELECT min(inhrelid) FROM pg_inherits WHERE inhparent = $1::oid)) ORDER BY 1";
    all(db, sql, [table.oid.into()]).await
}

/// The statements that a query returns, which recreate objects of the table; the query takes the table's `oid`.
pub(super) async fn statements(
    db: &impl ConnectionTrait,
    sql: &str,
    table: &Table,
) -> Result<Vec<String>, DbErr> {
    column(db, sql, [table.oid.into()]).await
}

pub(super) const INCOMING_DROPPED: &str = "SELECT format('ALTER TABLE %s DROP CONSTRAINT %I', conrelid::regclass, conname) \
    FROM pg_constraint WHERE contype = 'f' AND confrelid = $1::oid AND conrelid <> confrelid AND conparentid = 0 ORDER BY 1";

pub(super) const INCOMING: &str = "SELECT format('ALTER TABLE %s ADD CONSTRAINT %I %s', conrelid::regclass, conname, \
        pg_get_constraintdef(oid)) \
    FROM pg_constraint WHERE contype = 'f' AND confrelid = $1::oid AND conrelid <> confrelid AND conparentid = 0 ORDER BY 1";

/// The indexes. PostgreSQL prints an index of a partitioned table with `ON ONLY`, which a plain table also
/// accepts.
pub(super) const INDEXES: &str = "SELECT pg_get_indexdef(i.indexrelid) FROM pg_index i \
    WHERE i.indrelid = $1::oid AND NOT EXISTS (SELECT FROM pg_constraint k WHERE k.conindid = i.indexrelid \
        AND k.contype IN ('p', 'u', 'x')) ORDER BY i.indexrelid";

pub(super) const TRIGGERS: &str = "SELECT pg_get_triggerdef(oid) FROM pg_trigger \
    WHERE tgrelid = $1::oid AND NOT tgisinternal AND tgparentid = 0 ORDER BY oid";

pub(super) const STATISTICS: &str =
    "SELECT pg_get_statisticsobjdef(oid) FROM pg_statistic_ext WHERE stxrelid = $1::oid ORDER BY oid";

pub(super) const STATISTICS_TARGETS: &str = "SELECT format('ALTER TABLE %s ALTER COLUMN %I SET STATISTICS %s', attrelid::regclass, attname, attstattarget) \
    FROM pg_attribute WHERE attrelid = $1::oid AND attnum > 0 AND NOT attisdropped AND attstattarget >= 0 ORDER BY attnum";

/// The statements that detach sequences from the table, which are otherwise dropped with it.
pub(super) const SEQUENCES_FREED: &str = "SELECT format('ALTER SEQUENCE %s OWNED BY NONE', objid::regclass) \
    FROM pg_depend WHERE classid = 'pg_class'::regclass AND refclassid = 'pg_class'::regclass AND refobjid = $1::oid \
    AND refobjsubid > 0 AND deptype = 'a' AND (SELECT relkind FROM pg_class WHERE oid = objid) = 'S' ORDER BY 1";

pub(super) const SEQUENCES: &str = "SELECT format('ALTER SEQUENCE %s OWNED BY %s.%I', d.objid::regclass, \
        a.attrelid::regclass, a.attname) \
    FROM pg_depend d JOIN pg_attribute a ON a.attrelid = d.refobjid AND a.attnum = d.refobjsubid \
    WHERE d.classid = 'pg_class'::regclass AND d.refclassid = 'pg_class'::regclass AND d.refobjid = $1::oid \
    AND d.deptype = 'a' AND (SELECT relkind FROM pg_class WHERE oid = d.objid) = 'S' ORDER BY 1";

/// The comments, except those of exclusion constraints, which are recreated with the constraints.
pub(super) const COMMENTS: &str = "SELECT format('COMMENT ON %s IS %L', what, d.description) FROM ( \
        SELECT 'pg_class'::regclass AS class, $1::oid AS object, 0 AS part, format('TABLE %s', $1::oid::regclass) AS what \
    UNION ALL SELECT 'pg_class'::regclass, attrelid, attnum, format('COLUMN %s.%I', attrelid::regclass, attname) \
        FROM pg_attribute WHERE attrelid = $1::oid AND attnum > 0 AND NOT attisdropped \
    UNION ALL SELECT 'pg_class'::regclass, i.indexrelid, 0, format('INDEX %s', i.indexrelid::regclass) \
        FROM pg_index i WHERE i.indrelid = $1::oid AND NOT i.indisexclusion \
    UNION ALL SELECT 'pg_constraint'::regclass, oid, 0, format('CONSTRAINT %I ON %s', conname, conrelid::regclass) \
        FROM pg_constraint WHERE $1::oid IN (conrelid, confrelid) AND contype <> 'x' AND conparentid = 0 \
    UNION ALL SELECT 'pg_trigger'::regclass, oid, 0, format('TRIGGER %I ON %s', tgname, tgrelid::regclass) \
        FROM pg_trigger WHERE tgrelid = $1::oid AND NOT tgisinternal \
    UNION ALL SELECT 'pg_policy'::regclass, oid, 0, format('POLICY %I ON %s', polname, polrelid::regclass) \
        FROM pg_policy WHERE polrelid = $1::oid \
    UNION ALL SELECT 'pg_statistic_ext'::regclass, oid, 0, format('STATISTICS %I.%I', stxnamespace::regnamespace, stxname) \
        FROM pg_statistic_ext WHERE stxrelid = $1::oid \
    ) AS named JOIN pg_description d ON d.classoid = class AND d.objoid = object AND d.objsubid = part ORDER BY 1";

/// The grants to roles other than the owner, in order.
pub(super) const GRANTS: &str = "SELECT format('GRANT %s%s ON TABLE %s TO %s%s', a.privilege_type, g.columns, \
        $1::oid::regclass, coalesce(nullif(a.grantee, 0)::regrole::text, 'PUBLIC'), \
        CASE WHEN a.is_grantable THEN ' WITH GRANT OPTION' ELSE '' END) \
    FROM (SELECT relacl AS acl, relowner AS owner, '' AS columns, 0 AS number FROM pg_class WHERE oid = $1::oid \
        UNION ALL SELECT t.attacl, c.relowner, format(' (%I)', t.attname), t.attnum FROM pg_attribute t \
        JOIN pg_class c ON c.oid = t.attrelid WHERE t.attrelid = $1::oid AND t.attnum > 0 AND NOT t.attisdropped) AS g, \
    aclexplode(g.acl) WITH ORDINALITY AS a (grantor, grantee, privilege_type, is_grantable, position) \
    WHERE a.grantee <> g.owner ORDER BY g.number, a.position";

/// The statements that revoke the grants of default privileges.
pub(super) const GRANTS_TAKEN: &str = "SELECT DISTINCT format('REVOKE ALL ON TABLE %s FROM %s', oid::regclass, \
        coalesce(nullif(a.grantee, 0)::regrole::text, 'PUBLIC')) \
    FROM pg_class, aclexplode(relacl) AS a WHERE (oid = $1::oid OR oid IN (SELECT inhrelid FROM pg_inherits \
        WHERE inhparent = $1::oid)) AND a.grantee <> relowner ORDER BY 1";

/// A policy without its table.
#[derive(Debug, FromQueryResult)]
pub(super) struct Policy {
    pub(super) name: String,
    pub(super) terms: String,
}

pub(super) async fn policies(db: &impl ConnectionTrait, table: &Table) -> Result<Vec<Policy>, DbErr> {
    let sql = "SELECT polname::text AS name, format('AS %s FOR %s TO %s%s%s', \
            CASE WHEN polpermissive THEN 'PERMISSIVE' ELSE 'RESTRICTIVE' END, \
            CASE polcmd WHEN 'r' THEN 'SELECT' WHEN 'a' THEN 'INSERT' WHEN 'w' THEN 'UPDATE' WHEN 'd' THEN 'DELETE' \
                ELSE 'ALL' END, \
            (SELECT string_agg(coalesce(nullif(r, 0)::regrole::text, 'PUBLIC'), ', ') FROM unnest(polroles) AS r), \
            ' USING (' || pg_get_expr(polqual, polrelid) || ')', \
            ' WITH CHECK (' || pg_get_expr(polwithcheck, polrelid) || ')') AS terms \
        FROM pg_policy WHERE polrelid = $1::oid ORDER BY oid";
    all(db, sql, [table.oid.into()]).await
}

/// The columns whose values are stored, as SQL writes them.
pub(super) const STORED_COLUMNS: &str = "SELECT format('%I', attname) FROM pg_attribute \
    WHERE attrelid = $1::oid AND attnum > 0 AND NOT attisdropped AND attgenerated = '' ORDER BY attnum";

/// The objects that would be lost or do not fit. `'tenant_id'` stands for the tenant column.
pub(super) const IN_THE_WAY: &str = "WITH it AS (SELECT c.*, c.oid AS id FROM pg_class c WHERE c.oid = $1::oid) \
    SELECT pg_describe_object(d.classid, d.objid, d.objsubid) FROM it JOIN pg_depend d ON d.deptype = 'n' \
        AND ((d.refclassid = 'pg_class'::regclass AND d.refobjid = it.id) \
        OR (d.refclassid = 'pg_type'::regclass AND d.refobjid IN (SELECT t.oid FROM pg_type t \
            WHERE it.reltype IN (t.oid, t.typelem)))) \
        WHERE (d.classid, d.objid) NOT IN ( \
            SELECT 'pg_constraint'::regclass, oid FROM pg_constraint WHERE it.id IN (conrelid, confrelid) \
            UNION ALL SELECT 'pg_policy'::regclass, oid FROM pg_policy WHERE polrelid = it.id \
            UNION ALL SELECT 'pg_trigger'::regclass, oid FROM pg_trigger WHERE tgrelid = it.id \
            UNION ALL SELECT 'pg_attrdef'::regclass, oid FROM pg_attrdef WHERE adrelid = it.id \
            UNION ALL SELECT 'pg_class'::regclass, indexrelid FROM pg_index WHERE indrelid = it.id \
            UNION ALL SELECT 'pg_statistic_ext'::regclass, oid FROM pg_statistic_ext WHERE stxrelid = it.id) \
    UNION SELECT pg_describe_object('pg_rewrite'::regclass, r.oid, 0) FROM it JOIN pg_rewrite r ON r.ev_class = it.id \
    UNION SELECT format('publication %I of it', b.pubname) FROM it JOIN pg_publication_rel p ON p.prrelid = it.id \
        JOIN pg_publication b ON b.oid = p.prpubid \
    UNION SELECT format('identity column %I', a.attname) FROM it JOIN pg_attribute a ON a.attrelid = it.id \
        AND a.attidentity <> '' \
    UNION SELECT format('options of the column %I', a.attname) FROM it JOIN pg_attribute a ON a.attrelid = it.id \
        AND EXISTS (SELECT FROM unnest(a.attoptions) AS o (entry) WHERE o.entry NOT LIKE 'pg\\_attver=%') \
    UNION SELECT format('trigger %I, which is not simply enabled', t.tgname) FROM it JOIN pg_trigger t \
        ON t.tgrelid = it.id AND NOT t.tgisinternal AND t.tgenabled <> 'O' \
    UNION SELECT format('constraint %I of %s, which is not validated', k.conname, k.conrelid::regclass) FROM it \
        JOIN pg_constraint k ON it.id IN (k.conrelid, k.confrelid) AND NOT k.convalidated \
    UNION SELECT format('unique index %s, which does not contain the tenant column', i.indexrelid::regclass) FROM it \
        JOIN pg_index i ON i.indrelid = it.id AND i.indisunique AND (SELECT attnum FROM pg_attribute \
            WHERE attrelid = it.id AND attname = 'tenant_id') <> ALL ((i.indkey::int2[])[0:i.indnkeyatts - 1]) \
    UNION SELECT format('exclusion constraint %I, which does not contain the tenant column', k.conname) FROM it \
        JOIN pg_constraint k ON k.conrelid = it.id AND k.contype = 'x' WHERE NOT EXISTS ( \
            SELECT FROM unnest(k.conexclop) WITH ORDINALITY AS u (operator, position) \
            JOIN pg_operator o ON o.oid = u.operator, \
            pg_get_indexdef(k.conindid, u.position::int, false) AS part \
            WHERE (o.oprname = '=' AND part = 'tenant_id') OR (o.oprname = '&&' \
                AND part ~ '^((\\w+|\"([^\"]|\"\")+\")\\.)?\\w*range\\(tenant_id, tenant_id, ''\\[\\]''::text\\)$')) \
    UNION SELECT format('inheritance, %s and %s', inhparent::regclass, inhrelid::regclass) FROM it JOIN pg_inherits \
        ON inhrelid = it.id OR (inhparent = it.id AND it.relkind = 'r') \
    UNION SELECT 'a replica identity of its own' FROM it WHERE relreplident <> 'd' \
    UNION SELECT 'an index that it is clustered by' FROM it JOIN pg_index i ON i.indrelid = it.id AND i.indisclustered \
    UNION SELECT 'a tablespace of its own' FROM it WHERE reltablespace <> 0 \
    UNION SELECT 'a composite type that it is of' FROM it WHERE reloftype <> 0 \
    UNION SELECT 'rows that are not logged' FROM it WHERE relpersistence <> 'p' ORDER BY 1";

/// The statements that name the indexes of the partitions after the table's index and the partition.
pub(super) const INDEXES_NAMED: &str = "SELECT format('ALTER INDEX %s RENAME TO %I', c.oid::regclass, \
        p.relname || substring(t.relname FROM '_p[0-9]+$')) \
    FROM pg_index i JOIN pg_class p ON p.oid = i.indexrelid JOIN pg_inherits h ON h.inhparent = p.oid \
    JOIN pg_class c ON c.oid = h.inhrelid JOIN pg_index x ON x.indexrelid = c.oid JOIN pg_class t ON t.oid = x.indrelid \
    WHERE i.indrelid = $1::oid ORDER BY c.oid";

/// The names of the table's indexes, from which the names of the partitions' indexes are derived.
pub(super) const INDEX_NAMES: &str = "SELECT c.relname::text FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid \
    WHERE i.indrelid = $1::oid ORDER BY 1";

pub(super) async fn count(db: &impl ConnectionTrait, name: &Name) -> Result<i64, DbErr> {
    query::one(db, &format!("SELECT count(*)::int8 FROM {}", name.quoted())).await
}
