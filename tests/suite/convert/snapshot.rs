//! The structure of a database, by the catalog and, where there is a fitting program, by `pg_dump`.

use anyhow::{Result, ensure};
use watertight_tests::TestDatabase;

use crate::adopt::texts;
use crate::maintenance;

#[derive(Debug, PartialEq, Eq)]
pub(super) struct Snapshot {
    catalog: Vec<String>,
    dump: Option<String>,
}

impl Snapshot {
    pub(super) async fn of(database: &TestDatabase) -> Result<Self> {
        let superuser = database.superuser().await?;
        let catalog = texts(&superuser, CATALOG).await?;
        superuser.close().await?;
        assert!(catalog.len() > 20, "{catalog:?}");
        let dump =
            if maintenance::dump::reads_server(database).await? { Some(dumped(database)?) } else { None };
        Ok(Self { catalog, dump })
    }

    /// Compares two structures, and shows the lines that differ.
    #[track_caller]
    pub(super) fn assert_equals(&self, other: &Self) {
        let lacks = |one: &Self, other: &Self| {
            one.catalog.iter().filter(|line| !other.catalog.contains(line)).cloned().collect::<Vec<_>>()
        };
        assert_eq!((lacks(self, other), lacks(other, self)), (vec![], vec![]));
        assert_eq!(self, other);
    }
}

fn dumped(database: &TestDatabase) -> Result<String> {
    let dump = std::process::Command::new("pg_dump")
        .args(["--schema-only", "--dbname", &database.superuser_url()?])
        .output()?;
    ensure!(dump.status.success(), "{}", String::from_utf8_lossy(&dump.stderr));
    // A dump has a random key in its `\restrict`.
    let text = String::from_utf8(dump.stdout)?;
    Ok(text.lines().filter(|line| !line.contains("restrict ")).collect::<Vec<_>>().join("\n"))
}

/// A line for each object outside the system's schemas.
const CATALOG: &str = "WITH n AS (SELECT oid, nspname FROM pg_namespace WHERE nspname !~ '^pg_' AND nspname <> 'information_schema'), \
    r AS (SELECT c.*, c.oid AS id, n.nspname || '.' || c.relname AS object FROM pg_class c JOIN n ON n.oid = c.relnamespace) \
    SELECT line FROM ( \
    SELECT format('relation %s %s %s %s %s %s %s', relkind, object, relrowsecurity, relforcerowsecurity, reloptions, \
        relreplident, relowner::regrole) AS line FROM r WHERE relkind NOT IN ('i', 'I', 't') \
    UNION ALL SELECT format('column %s.%s %s %s %s %s %s %s', object, attname, format_type(atttypid, atttypmod), attnotnull, \
        attidentity, attgenerated, pg_get_expr(adbin, adrelid), row_number() OVER (PARTITION BY r.id ORDER BY attnum)) \
        FROM r JOIN pg_attribute a ON attrelid = r.id AND attnum > 0 AND NOT attisdropped AND relkind NOT IN ('i', 'I', 't') \
        LEFT JOIN pg_attrdef d ON adrelid = r.id AND adnum = attnum \
    UNION ALL SELECT format('constraint %s %s %s %s %s', object, conname, contype, pg_get_constraintdef(k.oid), convalidated) \
        FROM r JOIN pg_constraint k ON conrelid = r.id \
    UNION ALL SELECT format('index %s %s %s %s %s', object, pg_get_indexdef(indexrelid), indisvalid, indisclustered, \
        indisprimary) FROM r JOIN pg_index ON indrelid = r.id AND relkind <> 't' \
    UNION ALL SELECT format('policy %s %s %s %s', object, polname, pg_get_expr(polqual, polrelid), polcmd) \
        FROM r JOIN pg_policy ON polrelid = r.id \
    UNION ALL SELECT format('grant %s %s %s %s', object, x.grantee, x.privilege_type, x.is_grantable) \
        FROM r, aclexplode(relacl) x WHERE x.grantee <> relowner \
    UNION ALL SELECT format('grant %s.%s %s %s', object, attname, x.grantee, x.privilege_type) \
        FROM r JOIN pg_attribute ON attrelid = r.id, aclexplode(attacl) x \
    UNION ALL SELECT format('schema %s %s %s', s.nspname, x.grantee, x.privilege_type) \
        FROM pg_namespace s JOIN n ON n.oid = s.oid, aclexplode(s.nspacl) x \
        WHERE x.grantee <> s.nspowner \
    UNION ALL SELECT format('comment %s %s', pg_describe_object(classoid, objoid, objsubid), description) FROM pg_description \
        JOIN r ON true WHERE (classoid = 'pg_class'::regclass AND objoid = r.id) \
            OR (classoid = 'pg_constraint'::regclass AND objoid IN (SELECT oid FROM pg_constraint WHERE conrelid = r.id)) \
    UNION ALL SELECT format('view %s %s', object, pg_get_viewdef(r.id)) FROM r WHERE relkind IN ('v', 'm') \
    UNION ALL SELECT format('trigger %s %s', object, pg_get_triggerdef(t.oid)) FROM r JOIN pg_trigger t ON tgrelid = r.id \
        AND NOT tgisinternal) AS lines ORDER BY line";
