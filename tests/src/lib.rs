//! The fixture of watertight's tests: a migrated database for each test.
//!
//! A test connects as the application's role, which is neither a superuser nor BYPASSRLS. The owner's role
//! creates the databases: one migrated template a process, and a copy of it for each test, dropped with the
//! fixture. `watertight-testing` does the work, and this crate adds watertight's own migrations, clusters and faults.
//!
//! `DATABASE_OWNER_URL`, `DATABASE_URL`, `DATABASE_MAINTENANCE_URL` and `DATABASE_SUPERUSER_URL` name the server and the
//! roles, and `SECOND_DATABASE_OWNER_URL` and `SECOND_DATABASE_URL` those of a second server;
//! `cargo xtask test` sets them.

mod cluster;
pub mod faulty;
pub mod private;

use anyhow::{Context, Result};
use sea_orm::{Database, DatabaseConnection};
use sea_orm_migration::MigratorTrait;
use tokio::sync::OnceCell;
use uuid::Uuid;
use watertight::doctor::CORE_MIGRATIONS;
use watertight::{Builder, TableSet, TenantConnection, TenantId, Watertight};
use watertight_migration::Migrator;
use watertight_testing::{Template, TestServer};

use crate::cluster::Machines;

/// A database of one test, with every migration applied and no rows.
#[derive(Debug)]
pub struct TestDatabase {
    database: watertight_testing::TestDatabase,
    cluster: Option<Machines>,
}

impl TestDatabase {
    /// Creates a database.
    ///
    /// # Errors
    /// When the server is unreachable or the owner's role may not create databases.
    pub async fn create() -> Result<Self> {
        static TEMPLATE: OnceCell<Template> = OnceCell::const_new();
        let template = TEMPLATE.get_or_try_init(|| async { migrated(server().await?).await }).await?;
        Ok(Self::on_server(template.database().await?))
    }

    /// Creates a database on the second server.
    ///
    /// # Errors
    /// As [`create`](Self::create).
    pub async fn create_on_second() -> Result<Self> {
        static TEMPLATE: OnceCell<Template> = OnceCell::const_new();
        let second = || async {
            let server =
                TestServer::at(&variable("SECOND_DATABASE_OWNER_URL")?, &variable("SECOND_DATABASE_URL")?)?;
            migrated(&server).await
        };
        Ok(Self::on_server(TEMPLATE.get_or_try_init(second).await?.database().await?))
    }

    /// Creates an empty database.
    ///
    /// # Errors
    /// As [`create`](Self::create).
    pub async fn empty() -> Result<Self> {
        Ok(Self::on_server(watertight_testing::TestDatabase::empty(server().await?).await?))
    }

    /// Creates a database on the coordinator of a Citus cluster, with every migration applied and no
    /// distributed tables.
    ///
    /// # Errors
    /// When `CITUS_URLS` is not set, or a machine is unreachable.
    pub async fn create_on_cluster() -> Result<Self> {
        let (machines, server) = Machines::from_env().await?;
        let name = format!("watertight_cluster_{}", Uuid::new_v4().simple());
        machines.create_database(&name).await?;
        let database = watertight_testing::TestDatabase::existing(&server, name);
        let database = Self { database, cluster: Some(machines) };
        let owner = database.owner().await?;
        Migrator::up(&owner, None).await?;
        owner.close().await?;
        Ok(database)
    }

    /// The URLs of this database on the workers of its cluster, for the application's role.
    ///
    /// # Errors
    /// When the database is not on a cluster.
    pub fn worker_urls(&self) -> Result<Vec<String>> {
        let machines = self.cluster.as_ref().context("the database is on no cluster")?;
        machines.workers(self.name(), self.app_role())
    }

    /// Copies this database, to which no session may be connected.
    ///
    /// # Errors
    /// As [`create`](Self::create).
    pub async fn duplicate(&self) -> Result<Self> {
        Ok(Self::on_server(self.database.duplicate().await?))
    }

    const fn on_server(database: watertight_testing::TestDatabase) -> Self {
        Self { database, cluster: None }
    }

    /// Connects as the application, with the defaults.
    ///
    /// # Errors
    /// As [`Builder::connect`].
    pub async fn water(&self) -> Result<Watertight> {
        self.water_with(Watertight::builder()).await
    }

    /// Connects as the application, with a builder.
    ///
    /// # Errors
    /// As [`Builder::connect`].
    pub async fn water_with(&self, builder: Builder) -> Result<Watertight> {
        Ok(builder.connect(self.app_url()).await?)
    }

    /// The connections of two new tenants.
    ///
    /// # Errors
    /// As [`Builder::connect`].
    pub async fn two_tenants(&self) -> Result<(TenantConnection, TenantConnection)> {
        let water = self.water().await?;
        Ok((water.tenant(new_tenant()?), water.tenant(new_tenant()?)))
    }

    /// Connects as the owner of the tables, to prepare a test.
    ///
    /// # Errors
    /// When the server refuses.
    pub async fn owner(&self) -> Result<DatabaseConnection> {
        Ok(Database::connect(self.owner_url()).await?)
    }

    /// Connects as the role for maintenance, which sees the rows of all tenants.
    ///
    /// # Errors
    /// When the variable is not set or the server refuses.
    pub async fn maintenance(&self) -> Result<DatabaseConnection> {
        Ok(Database::connect(self.maintenance_url()?).await?)
    }

    /// The URL of this database for the role for maintenance.
    ///
    /// # Errors
    /// When the variable is not set.
    pub fn maintenance_url(&self) -> Result<String> {
        Ok(self.database.maintenance_url()?)
    }

    /// Connects as a superuser, to create objects that no other role may create.
    ///
    /// # Errors
    /// When the variable is not set or the server refuses.
    pub async fn superuser(&self) -> Result<DatabaseConnection> {
        Ok(Database::connect(self.superuser_url()?).await?)
    }

    /// The URL of this database for a superuser.
    ///
    /// # Errors
    /// When the variable is not set.
    pub fn superuser_url(&self) -> Result<String> {
        Ok(self.database.superuser_url()?)
    }

    /// The URL of this database for the application's role.
    #[must_use]
    pub fn app_url(&self) -> String {
        self.database.app_url()
    }

    /// The URL of this database for the owner's role.
    #[must_use]
    pub fn owner_url(&self) -> String {
        self.database.owner_url()
    }

    /// The name of this database.
    #[must_use]
    pub fn name(&self) -> &str {
        self.database.name()
    }

    /// The name of the application's role.
    #[must_use]
    pub fn app_role(&self) -> &str {
        self.database.server().app_role()
    }

    /// The name of the owner's role.
    #[must_use]
    pub fn owner_role(&self) -> &str {
        self.database.server().owner_role()
    }
}

impl Drop for TestDatabase {
    /// Drops the databases of a cluster in a separate thread, because the test's runtime may be ending.
    fn drop(&mut self) {
        let Some(machines) = self.cluster.take() else { return };
        let name = self.name().to_owned();
        let dropped = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
            runtime.block_on(machines.drop_database(&name))
        })
        .join();
        if !matches!(dropped, Ok(Ok(()))) && !std::thread::panicking() {
            eprintln!("{} could not be dropped: {dropped:?}", self.name());
        }
    }
}

/// The names of the migrations of all table sets and of those that every database needs, in order.
#[must_use]
pub fn own_migrations() -> Vec<&'static str> {
    let of_sets = TableSet::ALL.into_iter().flat_map(TableSet::migrations);
    let mut names: Vec<_> = CORE_MIGRATIONS.iter().chain(of_sets).copied().collect();
    names.sort_unstable();
    names
}

/// A new tenant.
///
/// # Errors
/// None in practice: a random UUID is not nil.
pub fn new_tenant() -> Result<TenantId> {
    Ok(TenantId::new(Uuid::new_v4())?)
}

/// The UUID of a tenant of a test.
#[must_use]
pub fn uuid_of(tenant: TenantId) -> Uuid {
    tenant.uuid().unwrap_or_default()
}

/// The server of the environment, which `cargo xtask test` sets.
///
/// # Errors
/// When a variable is not set or not a URL.
pub async fn server() -> Result<&'static TestServer> {
    static SERVER: OnceCell<TestServer> = OnceCell::const_new();
    let server = SERVER.get_or_try_init(TestServer::from_env).await;
    server.context("the tests need a server; run them with `cargo xtask test`")
}

/// A database with every migration.
///
/// # Errors
/// When the server refuses.
pub async fn migrated(server: &TestServer) -> Result<Template> {
    Ok(Template::create(server, |owner| async move { Migrator::up(&owner, None).await }).await?)
}

fn variable(name: &str) -> Result<String> {
    std::env::var(name).with_context(|| format!("{name} is not set; run the tests with `cargo xtask test`"))
}

/// The README's code compiles.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
struct Readme;
