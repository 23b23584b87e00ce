//! The fixture of watertight's tests: a migrated database for each test.
//!
//! A test connects as the application's role, which is neither a superuser nor BYPASSRLS. The owner's role
//! creates the databases: one migrated template a process, and a copy of it for each test, dropped with the
//! fixture.
//!
//! `DATABASE_OWNER_URL`, `DATABASE_URL`, `DATABASE_MAINTENANCE_URL` and `DATABASE_SUPERUSER_URL` name the server and the
//! roles, and `SECOND_DATABASE_OWNER_URL` and `SECOND_DATABASE_URL` those of a second server;
//! `cargo xtask test` sets them.

mod cluster;
pub mod faulty;
pub mod private;
pub mod proxy;

use std::sync::atomic::{AtomicU32, Ordering};

use anyhow::{Context, Result};
use sea_orm::{ConnectionTrait, Database, DatabaseConnection};
use sea_orm_migration::MigratorTrait;
use tokio::sync::OnceCell;
use url::Url;
use uuid::Uuid;
use watertight::doctor::CORE_MIGRATIONS;
use watertight::{Builder, TableSet, TenantConnection, TenantId, Watertight};
use watertight_migration::Migrator;

use crate::cluster::Machines;

/// A database of one test, with every migration applied and no rows.
#[derive(Debug)]
pub struct TestDatabase {
    name: String,
    server: Server,
    cluster: Option<Machines>,
}

impl TestDatabase {
    /// Creates a database.
    ///
    /// # Errors
    /// When the server is unreachable or the owner's role may not create databases.
    pub async fn create() -> Result<Self> {
        let server = Server::from_env()?;
        let template = template(&server).await?;
        Self::copy_of(template, server).await
    }

    /// Creates a database on the second server.
    ///
    /// # Errors
    /// As [`create`](Self::create).
    pub async fn create_on_second() -> Result<Self> {
        let server = Server {
            owner: url_of("SECOND_DATABASE_OWNER_URL")?,
            app: url_of("SECOND_DATABASE_URL")?,
            maintenance: None,
        };
        let template = template_on(&SECOND_TEMPLATE, &server).await?;
        Self::copy_of(template, server).await
    }

    /// Creates an empty database.
    ///
    /// # Errors
    /// As [`create`](Self::create).
    pub async fn empty() -> Result<Self> {
        Self::copy_of("template1", Server::from_env()?).await
    }

    /// Creates a database on the coordinator of a Citus cluster, with every migration applied and no
    /// distributed tables.
    ///
    /// # Errors
    /// When `CITUS_URLS` is not set, or a machine is unreachable.
    pub async fn create_on_cluster() -> Result<Self> {
        let (machines, server) = Machines::from_env().await?;
        let name = new_name();
        machines.create_database(&name).await?;
        let database = Self { name, server, cluster: Some(machines) };
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
        machines.workers(&self.name, self.server.app.username())
    }

    /// Copies this database, to which no session may be connected.
    ///
    /// # Errors
    /// As [`create`](Self::create).
    pub async fn duplicate(&self) -> Result<Self> {
        Self::copy_of(&self.name, self.server.clone()).await
    }

    async fn copy_of(template: &str, server: Server) -> Result<Self> {
        let name = new_name();
        run(server.owner.as_str(), &format!(r#"CREATE DATABASE "{name}" TEMPLATE "{template}""#)).await?;
        Ok(Self { name, server, cluster: None })
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
        let given = self.server.maintenance.clone();
        let url = given.map_or_else(|| url_of("DATABASE_MAINTENANCE_URL"), Ok)?;
        Ok(with_database(&url, &self.name))
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
        Ok(with_database(&url_of("DATABASE_SUPERUSER_URL")?, &self.name))
    }

    /// The URL of this database for the application's role.
    #[must_use]
    pub fn app_url(&self) -> String {
        with_database(&self.server.app, &self.name)
    }

    /// The URL of this database for the owner's role.
    #[must_use]
    pub fn owner_url(&self) -> String {
        with_database(&self.server.owner, &self.name)
    }

    /// The name of this database.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The name of the application's role.
    #[must_use]
    pub fn app_role(&self) -> &str {
        self.server.app.username()
    }

    /// The name of the owner's role.
    #[must_use]
    pub fn owner_role(&self) -> &str {
        self.server.owner.username()
    }
}

impl Drop for TestDatabase {
    /// Drops the database in a separate thread, because the test's runtime may be ending.
    fn drop(&mut self) {
        let (name, owner, cluster) = (self.name.clone(), self.server.owner.clone(), self.cluster.take());
        let dropped = std::thread::spawn(move || {
            tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
                match cluster {
                    Some(machines) => machines.drop_database(&name).await,
                    None => drop_database(&owner, &name).await,
                }
            })
        })
        .join();
        if !matches!(dropped, Ok(Ok(()))) && !std::thread::panicking() {
            eprintln!("{} could not be dropped: {dropped:?}", self.name);
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

/// The test server, with the URLs of its roles.
#[derive(Debug, Clone)]
struct Server {
    owner: Url,
    app: Url,
    /// Read from the environment on use if it was not given.
    maintenance: Option<Url>,
}

impl Server {
    fn from_env() -> Result<Self> {
        let (owner, app) = (url_of("DATABASE_OWNER_URL")?, url_of("DATABASE_URL")?);
        Ok(Self { owner, app, maintenance: None })
    }
}

/// Runs one statement outside a transaction.
async fn run(url: &str, sql: &str) -> Result<()> {
    let connection = Database::connect(url).await?;
    let done = connection.execute_unprepared(sql).await.with_context(|| sql.to_owned());
    connection.close().await?;
    done.map(drop)
}

async fn drop_database(owner: &Url, name: &str) -> Result<()> {
    run(owner.as_str(), &format!(r#"DROP DATABASE IF EXISTS "{name}" WITH (FORCE)"#)).await
}

/// A unique name of a database.
fn new_name() -> String {
    static COUNTER: AtomicU32 = AtomicU32::new(0);
    format!("watertight_test_{}_{}", std::process::id(), COUNTER.fetch_add(1, Ordering::Relaxed))
}

fn url_of(variable: &str) -> Result<Url> {
    let text = std::env::var(variable)
        .with_context(|| format!("{variable} is not set; run the tests with `cargo xtask test`"))?;
    Url::parse(&text).with_context(|| format!("{variable} is not a URL"))
}

static TEMPLATE: OnceCell<String> = OnceCell::const_new();

static SECOND_TEMPLATE: OnceCell<String> = OnceCell::const_new();

/// The name of this process's template, which is created on first use.
async fn template(server: &Server) -> Result<&'static str> {
    template_on(&TEMPLATE, server).await
}

async fn template_on(template: &'static OnceCell<String>, server: &Server) -> Result<&'static str> {
    let name = template
        .get_or_try_init(|| async {
            let name = format!("watertight_template_{}", std::process::id());
            drop_database(&server.owner, &name).await?;
            run(server.owner.as_str(), &format!(r#"CREATE DATABASE "{name}""#)).await?;
            let connection = Database::connect(with_database(&server.owner, &name)).await?;
            Migrator::up(&connection, None).await?;
            // A template with connected sessions cannot be copied.
            connection.close().await?;
            anyhow::Ok(name)
        })
        .await?;
    Ok(name)
}

fn with_database(server: &Url, name: &str) -> String {
    let mut url = server.clone();
    url.set_path(name);
    url.into()
}

/// The README's code compiles.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
struct Readme;
