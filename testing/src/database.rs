use std::sync::LazyLock;
use std::sync::atomic::{AtomicU32, Ordering};

use sea_orm::{ConnectionTrait, Database, DatabaseConnection};
use url::Url;
use uuid::Uuid;
use watertight::{Builder, Watertight};

use crate::server::with_database;
use crate::{TestError, TestServer};

/// A database of one test, which is dropped with the value, after a panic too.
#[derive(Debug)]
pub struct TestDatabase {
    name: String,
    server: TestServer,
}

impl TestDatabase {
    /// Creates a database without tables.
    ///
    /// ```no_run
    /// # async fn example() -> Result<(), watertight_testing::TestError> {
    /// use watertight_testing::{TestDatabase, TestServer};
    ///
    /// let database = TestDatabase::empty(TestServer::shared().await?).await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`TestError::Database`] if the owner may not create databases.
    pub async fn empty(server: &TestServer) -> Result<Self, TestError> {
        server.drop_abandoned_databases().await?;
        Self::copy_of("template1", server.clone()).await
    }

    /// Takes over a database that exists. The value drops the database.
    ///
    /// ```no_run
    /// # fn example(server: &watertight_testing::TestServer) {
    /// let database = watertight_testing::TestDatabase::existing(server, "restored_backup");
    /// # }
    /// ```
    #[must_use]
    pub fn existing(server: &TestServer, name: impl Into<String>) -> Self {
        Self { name: name.into(), server: server.clone() }
    }

    /// Copies this database with its rows. No session may be connected to it.
    ///
    /// ```no_run
    /// # async fn example(database: watertight_testing::TestDatabase) -> Result<(), watertight_testing::TestError> {
    /// let copy = database.duplicate().await?;
    /// assert_ne!(copy.name(), database.name());
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`TestError::Database`] if a session is connected.
    pub async fn duplicate(&self) -> Result<Self, TestError> {
        Self::copy_of(&self.name, self.server.clone()).await
    }

    async fn copy_of(template: &str, server: TestServer) -> Result<Self, TestError> {
        let name = new_name();
        let sql = format!(r#"CREATE DATABASE "{name}" TEMPLATE "{template}""#);
        run(server.owner_url(), &sql).await?;
        Ok(Self { name, server })
    }

    /// Connects as the application, with the application's builder.
    ///
    /// ```no_run
    /// # async fn example(database: watertight_testing::TestDatabase) -> Result<(), watertight_testing::TestError> {
    /// use watertight::Watertight;
    ///
    /// let water = database.connect(Watertight::builder().check_with_doctor()).await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`TestError::Connect`], as [`Builder::connect`].
    pub async fn connect(&self, builder: Builder) -> Result<Watertight, TestError> {
        Ok(builder.connect(self.app_url()).await?)
    }

    /// Connects as the owner of the tables, to prepare a test.
    ///
    /// # Errors
    /// [`TestError::Database`] if the server refuses.
    pub async fn owner(&self) -> Result<DatabaseConnection, TestError> {
        let connected = Database::connect(self.owner_url()).await;
        connected.map_err(TestError::database("the connection as the owner"))
    }

    /// The URL of this database for the application's role.
    #[must_use]
    pub fn app_url(&self) -> String {
        with_database(self.server.app_url(), &self.name)
    }

    /// The URL of this database for the owner's role.
    #[must_use]
    pub fn owner_url(&self) -> String {
        with_database(self.server.owner_url(), &self.name)
    }

    /// The URL of this database for the maintenance role.
    ///
    /// # Errors
    /// [`TestError::VariableMissing`] if the server was given without this role.
    pub fn maintenance_url(&self) -> Result<String, TestError> {
        Ok(with_database(&self.server.maintenance_url()?, &self.name))
    }

    /// The URL of this database for a superuser.
    ///
    /// # Errors
    /// [`TestError::VariableMissing`] if the server was given without a superuser.
    pub fn superuser_url(&self) -> Result<String, TestError> {
        Ok(with_database(&self.server.superuser_url()?, &self.name))
    }

    /// The name of this database.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The server of this database.
    #[must_use]
    pub const fn server(&self) -> &TestServer {
        &self.server
    }
}

impl Drop for TestDatabase {
    /// Drops the database in a separate thread, because the test's runtime may be ending.
    fn drop(&mut self) {
        let (name, owner) = (self.name.clone(), self.server.owner_url().clone());
        let dropped = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            let runtime = runtime.map_err(TestError::io("the start of a runtime"))?;
            runtime.block_on(drop_database(&owner, &name))
        })
        .join();
        if !matches!(dropped, Ok(Ok(()))) && !std::thread::panicking() {
            eprintln!("the database {} could not be dropped: {dropped:?}", self.name);
        }
    }
}

pub(crate) async fn drop_database(owner: &Url, name: &str) -> Result<(), TestError> {
    run(owner, &format!(r#"DROP DATABASE IF EXISTS "{name}" WITH (FORCE)"#)).await
}

/// Runs one statement outside a transaction.
pub(crate) async fn run(url: &Url, sql: &str) -> Result<(), TestError> {
    let connection = Database::connect(url.as_str()).await.map_err(TestError::database("the connection"))?;
    let done = connection.execute_unprepared(sql).await;
    connection.close().await.map_err(TestError::database("the end of the connection"))?;
    done.map(drop).map_err(TestError::database(sql))
}

/// The first part of the names of databases that the kit creates.
pub(crate) const PREFIX: &str = "watertight_test_";

/// A number of this process, which is part of the names of its databases.
pub(crate) static PROCESS: LazyLock<u32> = LazyLock::new(|| Uuid::new_v4().as_fields().0);

/// A unique name of a database.
fn new_name() -> String {
    static COUNTER: AtomicU32 = AtomicU32::new(0);
    format!("{PREFIX}{:08x}_{}", *PROCESS, COUNTER.fetch_add(1, Ordering::Relaxed))
}
