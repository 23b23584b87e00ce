//! Maintenance of whole tenants affects all rows of one tenant and none of another.

pub(crate) mod dump;
mod random;
mod rehearsed;
mod restored;

use std::collections::BTreeMap;

use anyhow::{Context, Result};
use chrono::{TimeDelta, Utc};
use sea_orm::{ConnectionTrait, Database, DatabaseConnection, DbBackend, Statement};
use watertight::MaintenanceError;
use watertight::maintenance::{Maintenance, Purge};
use watertight::{TenantId, Watertight};
use watertight_tests::{TestDatabase, new_tenant};

/// Two tenants with rows in every table, and the owner's maintenance handle.
pub(crate) struct Estate {
    pub(crate) database: TestDatabase,
    pub(crate) maintenance: Maintenance,
    pub(crate) clinic: TenantId,
    pub(crate) studio: TenantId,
}

impl Estate {
    pub(crate) async fn new() -> Result<Self> {
        Self::within(TestDatabase::create().await?).await
    }

    pub(crate) async fn within(database: TestDatabase) -> Result<Self> {
        let maintenance = Watertight::builder().maintenance(&database.owner().await?).await?;
        let (clinic, studio) = (new_tenant()?, new_tenant()?);
        for tenant in [clinic, studio] {
            let setting = format!(
                "BEGIN; SELECT watertight.enter('{tenant}'); CREATE TEMP VIEW tenant AS SELECT '{tenant}'::uuid AS t;"
            );
            let sql =
                format!("{setting} {} DROP VIEW tenant; COMMIT", include_str!("maintenance/tenant.sql"));
            database.owner().await?.execute_unprepared(&sql).await?;
        }
        Ok(Self { database, maintenance, clinic, studio })
    }

    async fn export(&self, tenant: TenantId) -> Result<Vec<u8>> {
        let mut lines = Vec::new();
        self.maintenance.export(tenant, &mut lines, |_| ()).await?;
        Ok(lines)
    }

    async fn import(&self, tenant: TenantId, lines: &[u8]) -> Result<(), MaintenanceError> {
        self.maintenance.import(tenant, lines, |_| ()).await.map(drop)
    }

    /// The rows of a tenant in each table, as PostgreSQL prints them.
    async fn rows(&self, tenant: TenantId) -> Result<BTreeMap<String, Vec<String>>> {
        let sees_all = self.database.maintenance().await?;
        let tables = "SELECT c.oid::regclass::text FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid \
                      WHERE a.attname = 'tenant_id' AND c.relkind = 'r'";
        let mut all = BTreeMap::new();
        for table in texts(&sees_all, tables).await? {
            let rows = format!("SELECT t::text FROM {table} t WHERE tenant_id = '{tenant}' ORDER BY 1");
            all.insert(table.clone(), texts(&sees_all, &rows).await?);
        }
        Ok(all)
    }
}

async fn texts(db: &DatabaseConnection, sql: &str) -> Result<Vec<String>> {
    let rows = db.query_all_raw(Statement::from_string(DbBackend::Postgres, sql)).await?;
    rows.iter().map(|row| row.try_get_by_index(0).context("a text")).collect()
}

/// The lines of an export without the header, which contains the time.
pub(crate) fn without_header(lines: &[u8]) -> Vec<&str> {
    std::str::from_utf8(lines)
        .unwrap()
        .lines()
        .skip(1)
        .filter(|line| !line.starts_with(r#"{"end""#))
        .collect()
}

#[tokio::test]
async fn a_tenant_is_exported_erased_and_restored_exactly_and_others_are_untouched() -> Result<()> {
    let estate = Estate::new().await?;
    let (clinic, studio) = (estate.clinic, estate.studio);
    let (before, other) = (estate.rows(clinic).await?, estate.rows(studio).await?);
    assert_eq!(before.len(), 26);
    assert!(before.values().all(|rows| !rows.is_empty()), "every table has rows");
    let lines = estate.export(clinic).await?;
    assert!(!String::from_utf8(lines.clone())?.contains(&studio.to_string()));

    let mut steps = Vec::new();
    let erasure = estate.maintenance.erase(clinic, |step| steps.push((step.done, step.total))).await?;
    let total: usize = before.values().map(Vec::len).sum();
    assert_eq!(erasure.erased(), total as u64);
    assert!(erasure.tables.iter().all(|table| table.remaining == 0));
    assert_eq!(steps.last(), Some(&(total as u64, total as u64)));
    assert!(estate.rows(clinic).await?.values().all(Vec::is_empty), "seen by who sees all");
    assert_eq!(estate.rows(studio).await?, other);

    let mut done = 0;
    let import = estate.maintenance.import(clinic, &lines[..], |step| done = step.done).await?;
    assert_eq!(done, total as u64);
    assert_eq!(import.rows.values().sum::<u64>(), total as u64);
    assert_eq!(estate.rows(clinic).await?, before);
    assert_eq!(estate.rows(studio).await?, other);
    assert_eq!(without_header(&estate.export(clinic).await?), without_header(&lines));
    Ok(())
}

#[tokio::test]
async fn a_tenant_moves_to_a_database_in_another_time_zone() -> Result<()> {
    let estate = Estate::new().await?;
    let lines = estate.export(estate.clinic).await?;
    let there = TestDatabase::create().await?;
    let owner = there.owner().await?;
    for setting in ["TimeZone TO 'Asia/Kathmandu'", "DateStyle TO 'German'", "IntervalStyle TO 'iso_8601'"] {
        let sql = format!(
            "DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET {}', current_database()); END $$",
            setting.replace('\'', "''")
        );
        owner.execute_unprepared(&sql).await?;
    }
    let elsewhere = Watertight::builder().maintenance(&Database::connect(there.owner_url()).await?).await?;
    elsewhere.import(estate.clinic, &lines[..], |_| ()).await?;
    let mut again = Vec::new();
    elsewhere.export(estate.clinic, &mut again, |_| ()).await?;
    assert_eq!(without_header(&again), without_header(&lines));
    Ok(())
}

#[tokio::test]
async fn an_export_is_a_consistent_snapshot() -> Result<()> {
    let estate = Estate::new().await?;
    let tenant = estate.database.water().await?.tenant(estate.clinic);
    let writer = tokio::spawn(async move {
        for number in 0..200 {
            // An export contains both rows or neither.
            let sql = format!(
                "WITH u AS (INSERT INTO auth.users (handle, email, password_hash) VALUES ('w{number}', 'w{number}@x.y', 'x') RETURNING id) \
                 INSERT INTO auth.sessions (user_id, expires_at) SELECT id, CURRENT_TIMESTAMP FROM u"
            );
            tenant.execute_unprepared(&sql).await.unwrap();
        }
    });
    let there = TestDatabase::create().await?;
    let elsewhere = Watertight::builder().maintenance(&there.owner().await?).await?;
    while !writer.is_finished() {
        let lines = estate.export(estate.clinic).await?;
        elsewhere.erase(estate.clinic, |_| ()).await?;
        // A session without its user would break the foreign key.
        elsewhere.import(estate.clinic, &lines[..], |_| ()).await?;
        let stats = elsewhere.stats(estate.clinic).await?;
        let count =
            |name: &str| stats.tables.iter().find(|table| table.table == name).map(|table| table.rows);
        assert_eq!(count("auth.users").map(|rows| rows - 2), count("auth.sessions").map(|rows| rows - 1502));
    }
    writer.await?;
    Ok(())
}

#[tokio::test]
async fn an_incomplete_or_foreign_export_is_refused_and_nothing_is_written() -> Result<()> {
    let estate = Estate::new().await?;
    let clinic = estate.clinic;
    let lines = String::from_utf8(estate.export(clinic).await?)?;
    assert!(matches!(
        estate.import(clinic, lines.as_bytes()).await,
        Err(MaintenanceError::TenantNotEmpty { .. })
    ));
    let of_studio = estate.export(estate.studio).await?;
    estate.maintenance.erase(clinic, |_| ()).await?;
    let all: Vec<&str> = lines.lines().collect();
    let middle = all.len() / 2;
    let joined = |lines: &[&str]| format!("{}\n", lines.join("\n"));
    let without = |number: usize| joined(&[&all[..number], &all[number + 1..]].concat());
    let doubled = joined(&[&all[..middle], &[all[middle]], &all[middle..]].concat());
    for (broken, tells) in [
        (String::new(), "empty"),
        ("not JSON\n".to_owned(), "line 1"),
        (String::from_utf8(of_studio)?, "it is of tenant"),
        (lines.replacen(r#""format":2"#, r#""format":1"#, 1), "its format is 1"),
        (
            lines.replacen("\"reviews\"", "\"opinions\"", 1).replacen("public.reviews", "public.opinions", 1),
            "no table public.opinions",
        ),
        (lines.replacen("\"featured\",", "", 1), "has the columns"),
        (without(0), "line 1"),
        (without(all.len() - 1), "the last line is missing"),
        (without(middle), "hash or number differs"),
        (doubled, ""),
        (lines.replacen("Ana", "Eve", 1), "hash or number differs"),
        (joined(&[&all[..], &[all[middle]]].concat()), "after the last"),
        (lines[..lines.len() / 2].to_owned(), "line"),
    ] {
        let error = estate.import(clinic, broken.as_bytes()).await.expect_err(tells);
        assert!(error.to_string().contains(tells), "{tells}: {error}");
    }
    // Rows of another tenant with a matching footer: the rows read back differ from the given rows.
    let foreign = lines.replace(&clinic.to_string(), &estate.studio.to_string());
    let foreign = foreign.replacen(&estate.studio.to_string(), &clinic.to_string(), 1);
    let body = foreign.rsplit_once(r#"{"end""#).unwrap().0;
    let footer = lines.lines().last().unwrap();
    let digest = sha256(body);
    let start = footer.find("sha256").unwrap() + 9;
    let forged = format!("{body}{}{digest}\"}}}}\n", &footer[..start]);
    let error = estate.import(clinic, forged.as_bytes()).await.expect_err("foreign rows");
    assert!(error.to_string().contains("not in the database as they are"), "{error}");
    assert!(estate.rows(clinic).await?.values().all(Vec::is_empty));
    estate.import(clinic, lines.as_bytes()).await?;
    Ok(())
}

fn sha256(text: &str) -> String {
    use sha2::Digest;
    hex::encode(sha2::Sha256::digest(text.as_bytes()))
}

#[tokio::test]
async fn an_export_includes_the_applications_tables() -> Result<()> {
    let estate = Estate::new().await?;
    let owner = estate.database.owner().await?;
    let policy = "tenant_id = (SELECT watertight.tenant())";
    owner
        .execute_unprepared(&format!(
            "CREATE TABLE public.\"Odd \"\"name\"\"\" (tenant_id uuid, id int GENERATED ALWAYS AS IDENTITY, parent int, \
             client uuid, twice int GENERATED ALWAYS AS (parent * 2) STORED, \"date\" date, PRIMARY KEY (tenant_id, id), \
             FOREIGN KEY (tenant_id, parent) REFERENCES public.\"Odd \"\"name\"\"\" (tenant_id, id), \
             FOREIGN KEY (tenant_id, client) REFERENCES public.clients (tenant_id, id)); \
             ALTER TABLE public.\"Odd \"\"name\"\"\" ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY; \
             CREATE POLICY p ON public.\"Odd \"\"name\"\"\" USING ({policy}); \
             BEGIN; SELECT watertight.enter('{clinic}'); \
             INSERT INTO public.\"Odd \"\"name\"\"\" (tenant_id, parent, client) \
             SELECT '{clinic}', CASE n WHEN 3000 THEN NULL ELSE n + 1 END, md5('ana')::uuid FROM generate_series(1, 3000) n; COMMIT",
            clinic = estate.clinic
        ))
        .await?;
    let before = estate.rows(estate.clinic).await?;
    let lines = estate.export(estate.clinic).await?;
    let erased = estate.maintenance.erase(estate.clinic, |_| ()).await?;
    assert!(erased.tables.iter().any(|table| table.table == "public.Odd \"name\"" && table.erased == 3000));
    estate.import(estate.clinic, &lines).await?;
    assert_eq!(estate.rows(estate.clinic).await?, before);
    Ok(())
}

#[tokio::test]
async fn the_application_role_is_refused_before_anything_changes() -> Result<()> {
    let estate = Estate::new().await?;
    let before = estate.rows(estate.clinic).await?;
    let app = Database::connect(estate.database.app_url()).await?;
    let maintenance = Watertight::builder().maintenance(&app).await?;
    match maintenance.erase(estate.clinic, |_| ()).await {
        Err(MaintenanceError::NotPermitted { tables, .. }) => {
            assert_eq!(tables, ["auth.audit_events", "watertight.numbers", "public.booking_payments"]);
        }
        other => panic!("{other:?}"),
    }
    assert_eq!(estate.rows(estate.clinic).await?, before);
    assert!(matches!(maintenance.tenants().await, Err(MaintenanceError::RowsHidden { .. })));
    assert!(matches!(estate.maintenance.tenants().await, Err(MaintenanceError::RowsHidden { .. })));
    Ok(())
}

#[tokio::test]
async fn a_role_that_sees_all_tenants_lists_them_and_changes_only_one() -> Result<()> {
    let estate = Estate::new().await?;
    let maintenance = Watertight::builder().maintenance(&estate.database.maintenance().await?).await?;
    let mut both = [estate.clinic, estate.studio];
    both.sort_unstable();
    assert_eq!(maintenance.tenants().await?, both);
    let other = estate.rows(estate.studio).await?;
    let stats = maintenance.stats(estate.clinic).await?;
    assert_eq!(stats.rows(), estate.maintenance.stats(estate.clinic).await?.rows());
    assert!(stats.bytes() > stats.rows());
    let lines = estate.export(estate.clinic).await?;
    let mut seen_by_all = Vec::new();
    maintenance.export(estate.clinic, &mut seen_by_all, |_| ()).await?;
    assert_eq!(without_header(&seen_by_all), without_header(&lines));
    let purge = Purge { audit_events_before: Some(Utc::now()), ..Purge::default() };
    maintenance.purge(estate.clinic, &purge, |_| ()).await?;
    maintenance.erase(estate.clinic, |_| ()).await?;
    assert_eq!(estate.rows(estate.studio).await?, other);
    assert_eq!(maintenance.tenants().await?, [estate.studio]);
    Ok(())
}

#[tokio::test]
async fn only_expired_rows_are_purged_in_batches() -> Result<()> {
    let estate = Estate::new().await?;
    let other = estate.rows(estate.studio).await?;
    let nothing =
        Purge { sessions: false, invitations: false, reservations: false, audit_events_before: None };
    let purged = estate.maintenance.purge(estate.clinic, &nothing, |_| ()).await?;
    assert_eq!((purged.sessions, purged.audit_events), (0, 0));
    let before = Utc::now() - TimeDelta::hours(24 * 100 + 12);
    let purge = Purge { audit_events_before: Some(before), ..Purge::default() };
    let purged = estate.maintenance.purge(estate.clinic, &purge, |_| ()).await?;
    assert_eq!(
        (purged.sessions, purged.invitations, purged.reservations, purged.audit_events),
        (1501, 1, 1, 1100)
    );
    let left = estate.rows(estate.clinic).await?;
    assert_eq!((left["auth.sessions"].len(), left["auth.audit_events"].len()), (1, 100));
    assert_eq!(estate.rows(estate.studio).await?, other);
    Ok(())
}

#[tokio::test]
async fn one_of_several_concurrent_imports_restores_the_tenant() -> Result<()> {
    let estate = Estate::new().await?;
    let rows = estate.rows(estate.clinic).await?;
    let lines = estate.export(estate.clinic).await?;
    estate.maintenance.erase(estate.clinic, |_| ()).await?;
    let outcomes = futures_util::future::join_all((0..3).map(|_| estate.import(estate.clinic, &lines))).await;
    assert_eq!(outcomes.iter().filter(|outcome| outcome.is_ok()).count(), 1, "{outcomes:?}");
    for error in outcomes.iter().filter_map(|outcome| outcome.as_ref().err()) {
        let is_expected =
            matches!(error, MaintenanceError::ImportRunning { .. } | MaintenanceError::TenantNotEmpty { .. });
        assert!(is_expected, "{error:?}");
    }
    assert_eq!(estate.rows(estate.clinic).await?, rows);
    Ok(())
}

#[tokio::test]
async fn audit_events_of_the_future_are_not_purged() -> Result<()> {
    let database = TestDatabase::create().await?;
    let maintenance = Watertight::builder().maintenance(&database.maintenance().await?).await?;
    let tenant = new_tenant()?;
    let purge = |before| Purge { audit_events_before: Some(before), ..Purge::default() };
    let refused = maintenance.purge(tenant, &purge(Utc::now() + TimeDelta::hours(1)), |_| ()).await;
    assert!(matches!(refused, Err(MaintenanceError::InvalidInput(_))), "{refused:?}");
    maintenance.purge(tenant, &purge(Utc::now() - TimeDelta::hours(1)), |_| ()).await?;
    Ok(())
}

#[tokio::test]
async fn a_line_without_an_end_is_refused_in_bounded_memory() -> Result<()> {
    use tokio::io::{AsyncReadExt, BufReader, repeat};

    let database = TestDatabase::create().await?;
    let maintenance = Watertight::builder().maintenance(&database.maintenance().await?).await?;
    let tenant = new_tenant()?;
    let read = std::sync::atomic::AtomicU64::new(0);
    let endless = br#"{"watertight":"#.chain(counting(repeat(b'x'), &read));
    let refused = maintenance.import(tenant, BufReader::new(endless), |_| ()).await;
    assert!(
        matches!(refused, Err(MaintenanceError::LineTooLong { line: 1, limit: 16_777_216 })),
        "{refused:?}"
    );
    assert!(read.load(std::sync::atomic::Ordering::Relaxed) < 17 << 20);
    Ok(())
}

/// Counts the bytes that are read.
fn counting<'a, R: tokio::io::AsyncRead + Unpin + 'a>(
    reader: R,
    count: &'a std::sync::atomic::AtomicU64,
) -> impl tokio::io::AsyncRead + Unpin + 'a {
    struct Counting<'a, R>(R, &'a std::sync::atomic::AtomicU64);

    impl<R: tokio::io::AsyncRead + Unpin> tokio::io::AsyncRead for Counting<'_, R> {
        fn poll_read(
            mut self: std::pin::Pin<&mut Self>,
            context: &mut std::task::Context<'_>,
            buffer: &mut tokio::io::ReadBuf<'_>,
        ) -> std::task::Poll<std::io::Result<()>> {
            let before = buffer.filled().len();
            let polled = std::pin::Pin::new(&mut self.0).poll_read(context, buffer);
            let bytes = buffer.filled().len() - before;
            self.1.fetch_add(bytes as u64, std::sync::atomic::Ordering::Relaxed);
            polled
        }
    }

    Counting(reader, count)
}
