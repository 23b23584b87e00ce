//! Partitioning keeps rows, keys, policies and grants, and the rollback restores the original tables.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::Result;
use sea_orm::ConnectionTrait;
use sea_orm_migration::MigratorTraitSelf;
use watertight_tests::TestDatabase;

use super::{BIG, PARTITIONS, divide, divided, many_tenants, migrator, rows, texts};
use crate::adopt::listing;
use crate::maintenance::Estate;

/// Objects of an application on a table, of every kind that is kept.
const ADDED: &str = "COMMENT ON TABLE public.bookings IS 'who''s coming'; \
    COMMENT ON COLUMN public.bookings.notes IS 'their notes'; \
    COMMENT ON CONSTRAINT bookings_pkey ON public.bookings IS 'the key'; \
    COMMENT ON CONSTRAINT bookings_status_check ON public.bookings IS 'the states'; \
    COMMENT ON CONSTRAINT bookings_overlap_excl ON public.bookings IS 'no one''s in two places'; \
    COMMENT ON CONSTRAINT bookings_client_id_fkey ON public.bookings IS 'whose'; \
    COMMENT ON CONSTRAINT intake_submissions_booking_id_fkey ON public.intake_submissions IS 'for which'; \
    COMMENT ON INDEX public.bookings_datetime_idx IS 'by day'; \
    COMMENT ON POLICY tenant_isolation ON public.bookings IS 'its own'; \
    CREATE SEQUENCE public.booking_numbers; \
    ALTER TABLE public.bookings ADD COLUMN number bigint NOT NULL DEFAULT nextval('public.booking_numbers'), \
        ADD COLUMN paid boolean GENERATED ALWAYS AS (payment_status = 'paid') STORED, ADD COLUMN \"Odd \"\"one\" text COLLATE \"C\", \
        ADD COLUMN gone int, ADD CONSTRAINT numbers UNIQUE NULLS NOT DISTINCT (number, tenant_id) DEFERRABLE, \
        ALTER COLUMN notes SET STORAGE EXTERNAL, ALTER COLUMN status SET STATISTICS 500; \
    ALTER TABLE public.bookings DROP COLUMN gone, SET (fillfactor = 80, toast.autovacuum_enabled = false); \
    ALTER SEQUENCE public.booking_numbers OWNED BY public.bookings.number; \
    CREATE UNIQUE INDEX lower_codes ON public.bookings (tenant_id, lower(confirmation_code)) WHERE status <> 'cancelled'; \
    CREATE STATISTICS public.kinds (dependencies) ON status, payment_status FROM public.bookings; \
    CREATE FUNCTION public.touch() RETURNS trigger LANGUAGE plpgsql AS \
        $$ BEGIN NEW.updated_at = now(); RETURN NEW; END $$; \
    CREATE TRIGGER touches BEFORE UPDATE ON public.bookings FOR EACH ROW WHEN (OLD.status <> NEW.status) \
        EXECUTE FUNCTION public.touch(); \
    CREATE POLICY fewer ON public.bookings AS RESTRICTIVE FOR DELETE TO {APP} USING (status = 'cancelled'); \
    GRANT REFERENCES (tenant_id, id) ON public.bookings TO {APP} WITH GRANT OPTION";

/// A query for the objects that the listing omits.
const BESIDES: &str = "SELECT format('comment %s %s', pg_describe_object(classoid, objoid, objsubid), description) \
        FROM pg_description WHERE classoid NOT IN ('pg_proc'::regclass) AND objoid >= 16384 \
    UNION ALL SELECT format('statistics %s', pg_get_statisticsobjdef(oid)) FROM pg_statistic_ext \
    UNION ALL SELECT format('target %s %s', attrelid::regclass, attname) FROM pg_attribute WHERE attstattarget > 0 \
    UNION ALL SELECT format('storage %s %s %s', attrelid::regclass, attname, attstorage) FROM pg_attribute \
        WHERE attrelid IN ('auth.sessions'::regclass, 'auth.audit_events'::regclass, 'public.bookings'::regclass) AND NOT attisdropped \
    UNION ALL SELECT format('toast %s', t.reloptions) FROM pg_class c JOIN pg_class t ON t.oid = c.reltoastrelid \
        WHERE t.reloptions IS NOT NULL AND c.relkind = 'r' AND NOT c.relispartition \
    UNION ALL SELECT format('sequence %s of %s', objid::regclass, refobjid::regclass) FROM pg_depend \
        WHERE classid = 'pg_class'::regclass AND deptype = 'a' AND refobjsubid > 0 \
        AND objid IN (SELECT oid FROM pg_class WHERE relkind = 'S') ORDER BY 1";

#[tokio::test]
async fn partitioning_and_rolling_back_keeps_every_row_and_the_schema() -> Result<()> {
    let estate = Estate::new().await?;
    let owner = estate.database.owner().await?;
    many_tenants(&owner, 40).await?;
    owner.execute_unprepared(&ADDED.replace("{APP}", estate.database.app_role())).await?;
    let all = async || -> Result<Vec<String>> {
        let mut all = listing::catalog(&owner).await?;
        all.extend(texts(&owner, BESIDES).await?);
        Ok(all)
    };
    let (before, there) = (rows(&estate.database).await?, all().await?);
    assert!(BIG.iter().all(|table| !before[*table].is_empty()));

    divide(&estate.database).await?;
    assert_eq!(rows(&estate.database).await?, before);
    let kinds = "SELECT relkind::text FROM pg_class WHERE oid IN ('auth.sessions'::regclass, \
                 'auth.audit_events'::regclass, 'public.bookings'::regclass)";
    assert_eq!(texts(&owner, kinds).await?, ["p", "p", "p"]);
    let while_divided = all().await?;
    let has = |text: &str| assert!(while_divided.iter().any(|line| line.contains(text)), "{text}");
    for text in [
        "who's coming",
        "their notes",
        "the key",
        "the states",
        "no one's in two places",
        "whose",
        "for which",
        "by day",
        "its own",
        "trigger CREATE TRIGGER touches BEFORE UPDATE ON public.bookings FOR EACH ROW WHEN",
        "sequence booking_numbers of bookings",
        "{fillfactor=80}",
        "target bookings status",
        "statistics CREATE STATISTICS public.kinds",
        "REFERENCES",
    ] {
        has(text);
    }

    migrator().down(&owner, Some(1)).await?;
    assert_eq!(rows(&estate.database).await?, before);
    listing::assert_same(&all().await?, &there);
    let next = "SELECT nextval('public.booking_numbers')::text";
    assert_eq!(texts(&owner, next).await?, ["3"], "two bookings were there");
    Ok(())
}

#[tokio::test]
async fn the_rollback_restores_the_schema_of_a_fresh_migration() -> Result<()> {
    let database = divided().await?;
    let owner = database.owner().await?;
    migrator().down(&owner, Some(1)).await?;
    let fresh = listing::catalog(&TestDatabase::create().await?.owner().await?).await?;
    listing::assert_same(&listing::catalog(&owner).await?, &fresh);
    // A rollback from the partitioned tables and a new migration, and tables dropped outside of the migrator.
    divide(&database).await?;
    migrator().refresh(&owner).await?;
    migrator().fresh(&owner).await?;
    migrator().down(&owner, Some(1)).await?;
    listing::assert_same(&listing::catalog(&owner).await?, &fresh);
    Ok(())
}

/// A line of a partitioned table's listing in the form of a plain table's listing.
fn undivided(line: &str) -> Option<String> {
    // Lines about partitions are dropped, and so is the overlap constraint, which exists only on partitions.
    let is_partitions = |line: &str| {
        line.contains("_key_p")
            || line.contains("_idx_p")
            || BIG.iter().any(|table| {
                let (_, name) = table.split_once('.').unwrap();
                (0..PARTITIONS).any(|number| line.contains(&format!("{name}_p{number}")))
            })
    };
    if is_partitions(line) || line.contains("bookings_overlap_excl") && !line.contains("slot_reservations") {
        return None;
    }
    let line = line.replacen("relation p ", "relation r ", 1).replace(" ON ONLY ", " ON ");
    // A partitioned index is listed like a relation.
    let of_index = ["_pkey ", "_key ", "_idx "].iter().any(|end| line.contains(end));
    (!(line.starts_with("relation I ") || line.starts_with("column ") && of_index)).then_some(line)
}

#[tokio::test]
async fn a_partitioned_table_has_every_object_of_the_plain_table() -> Result<()> {
    let plain = listing::catalog(&TestDatabase::create().await?.owner().await?).await?;
    let database = divided().await?;
    let owner = database.owner().await?;
    let divided: Vec<String> =
        listing::catalog(&owner).await?.iter().filter_map(|line| undivided(line)).collect();
    let indexes = "SELECT format('index %s', replace(pg_get_indexdef(oid), ' ON ONLY ', ' ON ')) FROM pg_class \
                   WHERE relkind = 'I'";
    let mut divided: Vec<String> = divided.into_iter().chain(texts(&owner, indexes).await?).collect();
    let mut plain: Vec<String> = plain.iter().filter_map(|line| undivided(line)).collect();
    for listed in [&mut divided, &mut plain] {
        listed.sort();
    }
    listing::assert_same(&divided, &plain);
    Ok(())
}

/// The lines about partitions, each with the number of partitions that have it.
#[tokio::test]
async fn each_partition_is_denied_by_default_and_keeps_its_rows_apart() -> Result<()> {
    let database = divided().await?;
    let owner = database.owner().await?;
    // The grants of default privileges are revoked.
    migrator().down(&owner, Some(1)).await?;
    owner
        .execute_unprepared(&format!(
            "ALTER DEFAULT PRIVILEGES GRANT SELECT, DELETE ON TABLES TO PUBLIC, {}",
            database.app_role()
        ))
        .await?;
    divide(&database).await?;
    let of = "FROM pg_class c JOIN pg_inherits i ON i.inhrelid = c.oid \
              WHERE c.relkind = 'r' AND c.relispartition AND i.inhparent::regclass::text \
              IN ('auth.sessions', 'auth.audit_events', 'bookings')";
    let count = |condition: &str| format!("SELECT count(*)::text {of} AND {condition}");
    let all = (3 * PARTITIONS).to_string();
    for condition in [
        "c.relrowsecurity AND c.relforcerowsecurity",
        "(SELECT count(*) FROM aclexplode(c.relacl) a WHERE a.grantee <> c.relowner) = 0",
        "(SELECT count(*) FROM pg_policy p JOIN pg_policy t ON t.polname = p.polname AND t.polrelid = i.inhparent \
         AND pg_get_expr(t.polqual, t.polrelid) = pg_get_expr(p.polqual, p.polrelid) \
         AND pg_get_expr(t.polwithcheck, t.polrelid) = pg_get_expr(p.polwithcheck, p.polrelid) \
         WHERE p.polrelid = c.oid) = 1",
        "NOT EXISTS (SELECT FROM pg_index x JOIN pg_class n ON n.oid = x.indexrelid WHERE x.indrelid = c.oid \
         AND n.relname !~ ('^(' || (SELECT string_agg(pn.relname, '|') FROM pg_index px JOIN pg_class pn \
         ON pn.oid = px.indexrelid WHERE px.indrelid = i.inhparent) || '|bookings_overlap_excl)' \
         || substring(c.relname FROM '_p[0-9]+$') || '$'))",
    ] {
        assert_eq!(texts(&owner, &count(condition)).await?, [all.as_str()], "{condition}");
    }
    let apart = "EXISTS (SELECT FROM pg_constraint k WHERE k.conrelid = c.oid AND k.contype = 'x')";
    assert_eq!(texts(&owner, &count(apart)).await?, [PARTITIONS.to_string()]);
    let grants = "SELECT array_agg(a.privilege_type ORDER BY 1)::text FROM pg_class c, aclexplode(c.relacl) a \
                  WHERE c.oid = 'auth.audit_events'::regclass AND a.grantee <> c.relowner";
    assert_eq!(texts(&owner, grants).await?, ["{INSERT,SELECT}"]);
    Ok(())
}

#[tokio::test]
async fn the_rows_of_a_tenant_are_in_one_partition_and_the_tenants_in_many() -> Result<()> {
    let database = divided().await?;
    many_tenants(&database.owner().await?, 60).await?;
    let sees_all = database.maintenance().await?;
    for table in ["auth.sessions", "auth.audit_events"] {
        let split = format!(
            "SELECT tenant_id::text FROM {table} GROUP BY tenant_id HAVING count(DISTINCT tableoid) > 1"
        );
        assert!(texts(&sees_all, &split).await?.is_empty(), "{table}");
        let used =
            texts(&sees_all, &format!("SELECT DISTINCT tableoid::regclass::text FROM {table}")).await?;
        assert_eq!(used.len(), PARTITIONS, "{table}");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_written_during_the_migration_are_not_lost() -> Result<()> {
    let database = TestDatabase::create().await?;
    let tenant = database.two_tenants().await?.0;
    let is_over = Arc::new(AtomicBool::new(false));
    let seen = Arc::clone(&is_over);
    let writer = tokio::spawn(async move {
        let mut written = 0;
        while !seen.load(Ordering::SeqCst) {
            tenant
                .execute_unprepared("INSERT INTO auth.audit_events (type, details) VALUES ('X', '{}')")
                .await
                .unwrap();
            written += 1;
        }
        written
    });
    tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    divide(&database).await?;
    migrator().down(&database.owner().await?, Some(1)).await?;
    is_over.store(true, Ordering::SeqCst);
    let written: usize = writer.await?;
    assert!(written > 0);
    assert_eq!(rows(&database).await?["auth.audit_events"].len(), written);
    Ok(())
}
