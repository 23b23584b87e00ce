//! Operation behind PgBouncer in its mode `transaction`, in which each transaction may use another server
//! connection.
//!
//! The tests run the PgBouncer of the system's package. Without it they are skipped with a message, unless
//! `CI` is set.

use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result};
use futures_util::TryStreamExt;
use sea_orm::{
    ActiveModelTrait, ColumnTrait, ConnectOptions, ConnectionTrait, Database, DbBackend, EntityTrait,
    PaginatorTrait, QueryFilter, Set, Statement, StreamTrait,
};
use url::Url;
use watertight::doctor::{Check, Severity};
use watertight::entity::public::services;
use watertight::{TenantConnection, Watertight};
use watertight_testing::CountingProxy;
use watertight_tests::{TestDatabase, new_tenant};

use crate::{auth, rows};

/// A PgBouncer with two server connections, stopped on drop.
pub(crate) struct PgBouncer {
    process: Child,
    folder: tempfile::TempDir,
    port: u16,
    _proxy: CountingProxy,
}

impl PgBouncer {
    async fn start(database_url: &str) -> Result<Self> {
        Self::start_with(database_url, |_| Ok(String::new())).await
    }

    /// Starts PgBouncer with more settings, from a function that also writes their files into a folder.
    pub(crate) async fn start_with(
        database_url: &str,
        settings: impl FnOnce(&Path) -> Result<String>,
    ) -> Result<Self> {
        let role = Url::parse(database_url)?.username().to_owned();
        // PgBouncer does not run as root, and another user may not enter the directory of the server's socket.
        let proxy = CountingProxy::start(database_url).await?;
        let user = if std::fs::metadata("/proc/self")?.uid() == 0 { "user = nobody\n" } else { "" };
        let port = free_port()?;
        let folder = tempfile::tempdir()?;
        std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(0o777))?;
        let more = settings(folder.path())?;
        let path = folder.path().display();
        std::fs::write(folder.path().join("users"), format!("\"{role}\" \"\"\n"))?;
        let settings = format!(
            "[databases]\n* = host=127.0.0.1 port={}\n[pgbouncer]\n{user}listen_port = {port}\n\
             unix_socket_dir = {path}\nauth_type = trust\nauth_file = {path}/users\npool_mode = transaction\n\
             default_pool_size = 2\nmax_client_conn = 100\nignore_startup_parameters = extra_float_digits\n{more}",
            proxy.port()
        );
        let file = folder.path().join("pgbouncer.ini");
        std::fs::write(&file, settings)?;
        let process = Command::new("pgbouncer")
            .arg("--quiet")
            .arg(&file)
            .stdin(Stdio::null())
            .spawn()
            .context("pgbouncer cannot be run")?;
        let socket = folder.path().join(format!(".s.PGSQL.{port}"));
        for _ in 0..100 {
            if socket.exists() {
                break;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        Ok(Self { process, folder, port, _proxy: proxy })
    }

    /// The URL of the listener that the settings open on 127.0.0.1.
    pub(crate) fn tcp_url(&self, database_url: &str, host: &str, query: &str) -> Result<String> {
        let url = Url::parse(database_url)?;
        Ok(format!("postgres://{}:s3cret@{host}:{}{}?{query}", url.username(), self.port, url.path()))
    }

    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    fn url(&self, database_url: &str) -> Result<String> {
        let url = Url::parse(database_url)?;
        let folder = self.folder.path().display();
        let port = self.port;
        Ok(format!("postgres://{}@localhost:{port}{}?host={folder}", url.username(), url.path()))
    }
}

impl Drop for PgBouncer {
    fn drop(&mut self) {
        self.process.kill().ok();
        self.process.wait().ok();
    }
}

fn free_port() -> Result<u16> {
    Ok(std::net::TcpListener::bind("127.0.0.1:0")?.local_addr()?.port())
}

pub(crate) fn is_installed() -> bool {
    let found = Command::new("pgbouncer").arg("--version").stdout(Stdio::null()).status().is_ok();
    assert!(found || std::env::var_os("CI").is_none(), "pgbouncer is not installed");
    found
}

async fn sign_in_and_out(tenant: &TenantConnection) -> Result<()> {
    let auth = tenant.auth();
    auth::user(tenant, "jess").await?;
    auth::enroll(tenant, "jess").await?;
    let secret = auth.totp().find(&"jess".parse()?).await?.context("enrolled")?.secret;
    assert!(auth.login(auth::request("jess", "wrong")).await.is_err());
    let login = auth.login(auth::with_code("jess", &auth::code(tenant, &secret, 0).await?)).await?;
    let known = auth.authenticate(login.token.expose_secret()).await?.context("known")?;
    assert_eq!(known.user, login.user);
    assert!(auth.logout(login.token.expose_secret()).await?);
    assert_eq!(auth.sessions().delete_expired().await?, 0);
    let seen: Vec<_> = auth.users().stream().await?.try_collect().await?;
    assert_eq!(seen.len(), 1);
    Ok(())
}

async fn work(tenant: TenantConnection, rounds: usize) -> Result<()> {
    sign_in_and_out(&tenant).await?;
    let mark = format!("row of {}", tenant.tenant_id());
    for round in 0..rounds {
        let transaction = tenant.begin().await?;
        rows::service(&mark).insert(&transaction).await?;
        let inner = transaction.begin().await?;
        rows::service("rolled back").insert(&inner).await?;
        inner.rollback().await?;
        transaction.commit().await?;
        rows::service(&mark).insert(&tenant).await?;
        let all = services::Entity::find().all(&tenant).await?;
        assert_eq!(all.len(), 2 * (round + 1));
        assert!(all.iter().all(|row| row.name == mark), "{all:?}");
        let streamed: Vec<_> = services::Entity::find().stream(&tenant).await?.try_collect().await?;
        assert_eq!(streamed.len(), all.len());
    }
    Ok(())
}

#[tokio::test]
async fn tenants_share_server_connections_in_transaction_mode() -> Result<()> {
    if !is_installed() {
        println!("skipped: pgbouncer is not installed");
        return Ok(());
    }
    let database = TestDatabase::create().await?;
    let pgbouncer = PgBouncer::start(&database.app_url()).await?;
    let mut options = ConnectOptions::new(pgbouncer.url(&database.app_url())?);
    options.max_connections(8);
    let builder = Watertight::builder().auth(auth::settings()).transaction_pooler(true);
    let water = builder.connect(options).await?;
    let tasks: Vec<_> =
        (0..12).map(|_| Ok(tokio::spawn(work(water.tenant(new_tenant()?), 8)))).collect::<Result<_>>()?;
    for task in tasks {
        task.await??;
    }
    // A connection without the pooler and without a tenant sees no rows.
    assert_eq!(services::Entity::find().count(database.water().await?.dangerous_unscoped()).await?, 0);
    Ok(())
}

/// Types that the driver has to look up, as types of columns and of values.
const TYPES: &str = "CREATE TYPE mood AS ENUM ('sad', 'glad');
    CREATE DOMAIN postal_code AS text NOT NULL CHECK (VALUE ~ '^[0-9]{5}$');
    CREATE TYPE address AS (street text, code postal_code, moods mood[]);
    CREATE TABLE visits (tenant_id uuid NOT NULL, id int NOT NULL, mood mood, code postal_code DEFAULT '00000', address address,
        moods mood[], PRIMARY KEY (tenant_id, id));
    ALTER TABLE visits ENABLE ROW LEVEL SECURITY;
    ALTER TABLE visits FORCE ROW LEVEL SECURITY;
    CREATE POLICY tenant_isolation ON visits
        USING (tenant_id = watertight.tenant());
    GRANT SELECT, INSERT, UPDATE, DELETE ON visits TO PUBLIC";

mod visits {
    use sea_orm::entity::prelude::*;

    #[derive(Debug, Clone, PartialEq, Eq, EnumIter, DeriveActiveEnum)]
    #[sea_orm(rs_type = "String", db_type = "Enum", enum_name = "mood", rename_all = "lowercase")]
    pub(super) enum Mood {
        Sad,
        Glad,
    }

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "visits")]
    pub(super) struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub(super) tenant_id: Uuid,
        #[sea_orm(primary_key, auto_increment = false)]
        pub(super) id: i32,
        pub(super) mood: Option<Mood>,
        pub(super) moods: Option<Vec<Mood>>,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub(super) enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

/// A database with the types and one visit of each tenant, and an application behind a pooler of its own.
struct Typed {
    database: TestDatabase,
    _pgbouncer: PgBouncer,
    water: Watertight,
    tenant: TenantConnection,
}

impl Typed {
    async fn new(connections: u32) -> Result<Self> {
        let database = TestDatabase::create().await?;
        database.owner().await?.execute_unprepared(TYPES).await?;
        let pgbouncer = PgBouncer::start(&database.app_url()).await?;
        let mut options = ConnectOptions::new(pgbouncer.url(&database.app_url())?);
        options.max_connections(connections);
        let builder = Watertight::builder()
            .dangerous_data_type("information_schema.character_data")
            .tenant_table(visits::Entity)
            .transaction_pooler(true);
        let water = builder.connect(options).await?;
        let tenant = water.tenant(new_tenant()?);
        let insert = "INSERT INTO visits (id, mood, code, address, moods)
            VALUES (1, 'glad', '12345', ROW('Main St', '54321', ARRAY['sad']::mood[])::address, ARRAY['glad']::mood[])";
        assert_eq!(tenant.execute_unprepared(insert).await?.rows_affected(), 1);
        Ok(Self { database, _pgbouncer: pgbouncer, water, tenant })
    }
}

/// Statements with results and parameters of the types, and the number of rows of each.
const TYPED: [(&str, usize); 9] = [
    ("SELECT mood FROM visits", 1),
    ("SELECT code FROM visits", 1),
    ("SELECT address FROM visits", 1),
    ("SELECT moods FROM visits", 1),
    ("SELECT * FROM visits", 1),
    ("SELECT address FROM visits WHERE id = 0", 0),
    ("SELECT id FROM visits WHERE mood = CAST('glad' AS mood) AND code <> 'x'", 1),
    ("UPDATE visits SET mood = 'sad' WHERE id = 1 RETURNING mood, address", 1),
    ("SELECT to_tsvector('simple', 'a b'), '1'::xid8, CAST('1 day' AS information_schema.character_data)", 1),
];

async fn query_all(db: &impl ConnectionTrait, sql: &str) -> Result<usize> {
    let rows = db.query_all_raw(Statement::from_string(DbBackend::Postgres, sql)).await;
    Ok(rows.with_context(|| sql.to_owned())?.len())
}

async fn query_one(db: &impl ConnectionTrait, sql: &str) -> Result<usize> {
    let row = db.query_one_raw(Statement::from_string(DbBackend::Postgres, sql)).await;
    Ok(usize::from(row.with_context(|| sql.to_owned())?.is_some()))
}

async fn stream<C: StreamTrait>(db: &C, sql: &str) -> Result<usize> {
    let rows = db.stream_raw(Statement::from_string(DbBackend::Postgres, sql)).await?;
    let rows: Vec<_> = rows.try_collect().await.with_context(|| sql.to_owned())?;
    Ok(rows.len())
}

#[tokio::test]
async fn types_that_the_driver_looks_up_work_the_first_time_and_later() -> Result<()> {
    if !is_installed() {
        println!("skipped: pgbouncer is not installed");
        return Ok(());
    }
    // Each statement as the first one of a fresh pool, in every way to run it.
    for (index, (sql, rows)) in TYPED.into_iter().enumerate() {
        let typed = Typed::new(1).await?;
        let tenant = &typed.tenant;
        for _ in 0..2 {
            match index % 3 {
                0 => assert_eq!(query_all(tenant, sql).await?, rows, "{sql}"),
                1 => assert_eq!(query_one(tenant, sql).await?, rows, "{sql}"),
                _ => assert_eq!(stream(tenant, sql).await?, rows, "{sql}"),
            }
        }
    }
    for way in 0..4 {
        let typed = Typed::new(1).await?;
        // The look-up keeps the earlier work of the transaction.
        let transaction = typed.tenant.begin().await?;
        assert_eq!(query_one(&transaction, "UPDATE visits SET id = 2 RETURNING id").await?, 1);
        let inner = transaction.begin().await?;
        for sql in ["SELECT mood, address FROM visits WHERE id = 2", "SELECT code FROM visits WHERE id = 2"] {
            match way {
                0 => assert_eq!(query_all(&inner, sql).await?, 1),
                1 => assert_eq!(query_one(&inner, sql).await?, 1),
                2 => assert_eq!(stream(&inner, sql).await?, 1),
                _ => {
                    inner.execute_raw(Statement::from_string(DbBackend::Postgres, sql)).await?;
                }
            }
        }
        inner.commit().await?;
        transaction.commit().await?;
        assert_eq!(query_all(&typed.tenant, "SELECT id FROM visits WHERE id = 2").await?, 1);
    }
    Ok(())
}

/// Inserts and reads a visit through the entity, with bound values of the types.
async fn visit(db: &impl ConnectionTrait, id: i32) -> Result<()> {
    use visits::Mood::{Glad, Sad};
    let new = visits::ActiveModel {
        id: Set(id),
        mood: Set(Some(Sad)),
        moods: Set(Some(vec![Sad, Glad])),
        ..Default::default()
    };
    let inserted = new.insert(db).await?;
    assert_eq!((inserted.mood, inserted.moods), (Some(Sad), Some(vec![Sad, Glad])));
    let code = "INSERT INTO visits (id, code, mood) VALUES ($1, $2, CAST($3 AS mood)) RETURNING mood, code";
    let values = [(-id).into(), "12345".into(), "glad".into()];
    let row = db.query_one_raw(Statement::from_sql_and_values(DbBackend::Postgres, code, values)).await?;
    assert!(row.is_some());
    let code = "UPDATE visits SET code = $1, address = ROW($2, $1, $3::mood[])::address WHERE id = $4";
    let values = ["54321".into(), "Main St".into(), vec!["sad".to_owned()].into(), (-id).into()];
    let updated = db.execute_raw(Statement::from_sql_and_values(DbBackend::Postgres, code, values)).await?;
    assert_eq!(updated.rows_affected(), 1);
    let found = visits::Entity::find()
        .filter(visits::Column::Id.eq(-id))
        .filter(visits::Column::Mood.is_in([Glad, Sad]))
        .one(db)
        .await?;
    assert_eq!(found.and_then(|found| found.mood), Some(Glad));
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn types_that_the_driver_looks_up_work_on_every_connection_of_a_pool() -> Result<()> {
    if !is_installed() {
        println!("skipped: pgbouncer is not installed");
        return Ok(());
    }
    let typed = Typed::new(6).await?;
    let tasks = (1..=12).map(|task| {
        let tenant = typed.water.tenant(new_tenant()?);
        Ok(tokio::spawn(async move {
            for round in 0..6 {
                visit(&tenant, task * 1_000 + round * 2 + 1).await?;
                let transaction = tenant.begin().await?;
                visit(&transaction, task * 1_000 + round * 2 + 2).await?;
                transaction.commit().await?;
                assert_eq!(visits::Entity::find().count(&tenant).await?, 4 * (u64::try_from(round)? + 1));
            }
            anyhow::Ok(())
        }))
    });
    for task in tasks.collect::<Result<Vec<_>>>()? {
        task.await??;
    }
    Ok(())
}

/// Cached types of a result are discarded.
#[tokio::test]
async fn a_type_that_is_replaced_is_looked_up_again() -> Result<()> {
    if !is_installed() {
        println!("skipped: pgbouncer is not installed");
        return Ok(());
    }
    let typed = Typed::new(1).await?;
    let (tenant, mood) = (&typed.tenant, "SELECT mood FROM visits");
    assert_eq!(query_all(tenant, mood).await?, 1);
    typed
        .database
        .owner()
        .await?
        .execute_unprepared(
            "CREATE TYPE humor AS ENUM ('glad', 'sad'); ALTER TABLE visits DROP COLUMN moods, DROP COLUMN address,
             ALTER COLUMN mood TYPE humor USING mood::text::humor; DROP TYPE address; DROP TYPE mood",
        )
        .await?;
    // The connection has neither type cached.
    let water = &typed.water;
    let fresh = water.tenant(tenant.tenant_id());
    assert_eq!(query_all(&fresh, mood).await?, 1);
    let transaction = fresh.begin().await?;
    assert_eq!(query_all(&transaction, mood).await?, 1);
    transaction.commit().await?;
    Ok(())
}

#[tokio::test]
async fn the_doctor_finds_an_undeclared_pooler() -> Result<()> {
    if !is_installed() {
        println!("skipped: pgbouncer is not installed");
        return Ok(());
    }
    let database = TestDatabase::create().await?;
    let pgbouncer = PgBouncer::start(&database.app_url()).await?;
    let connection = Database::connect(pgbouncer.url(&database.app_url())?).await?;
    let report = Watertight::builder().doctor(&connection).await?;
    assert_eq!(report.of(Check::Pooler).map(|found| found.severity).collect::<Vec<_>>(), [Severity::Error]);
    let report = Watertight::builder().transaction_pooler(true).doctor(&connection).await?;
    assert!(report.is_sound(), "{report}");
    Ok(())
}
