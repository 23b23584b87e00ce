use std::error::Error;

use sea_orm::{Database, DatabaseConnection};

use crate::{TestDatabase, TestError, TestServer};

/// A database with the application's migrations, of which each test gets a copy.
///
/// Create one template for each process, in a [`OnceCell`](tokio::sync::OnceCell), since the migrations take longer than
/// all else. A template that is not in a static variable is dropped with its value. Templates of processes that have
/// ended are dropped by the next process that creates one.
#[derive(Debug)]
pub struct Template(TestDatabase);

impl Template {
    /// Creates a database, and applies the application's migrations as the owner.
    ///
    /// The migrations grant the rights to the role in [`TestServer::app_role`].
    ///
    /// ```no_run
    /// use tokio::sync::OnceCell;
    /// use watertight_testing::{Template, TestError, TestServer};
    ///
    /// # struct Migrator;
    /// # impl Migrator {
    /// #     async fn up(_: &sea_orm::DatabaseConnection, _: Option<u32>) -> Result<(), sea_orm::DbErr> { Ok(()) }
    /// # }
    /// async fn template() -> Result<&'static Template, TestError> {
    ///     static TEMPLATE: OnceCell<Template> = OnceCell::const_new();
    ///     TEMPLATE
    ///         .get_or_try_init(|| async {
    ///             let server = TestServer::shared().await?;
    ///             Template::create(server, |owner| async move { Migrator::up(&owner, None).await }).await
    ///         })
    ///         .await
    /// }
    /// ```
    ///
    /// # Errors
    /// [`TestError::Migrations`] if the closure fails, and [`TestError::Database`] if the owner may not create
    /// databases.
    pub async fn create<F, E>(
        server: &TestServer,
        migrate: impl FnOnce(DatabaseConnection) -> F,
    ) -> Result<Self, TestError>
    where
        F: Future<Output = Result<(), E>>,
        E: Into<Box<dyn Error + Send + Sync>>,
    {
        let database = TestDatabase::empty(server).await?;
        let owner = Database::connect(database.owner_url())
            .await
            .map_err(TestError::database("the connection to the template as the owner"))?;
        let migrated = migrate(owner.clone()).await;
        // A template with connected sessions cannot be copied.
        owner.close().await.map_err(TestError::database("the end of the connection to the template"))?;
        migrated.map_err(|error| TestError::Migrations(error.into()))?;
        Ok(Self(database))
    }

    /// Copies the template. The copy is dropped with the returned value.
    ///
    /// ```no_run
    /// # async fn example(template: &watertight_testing::Template) -> Result<(), watertight_testing::TestError> {
    /// use watertight::Watertight;
    ///
    /// let database = template.database().await?;
    /// let water = database.connect(Watertight::builder()).await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`TestError::Database`] if the server refuses.
    pub async fn database(&self) -> Result<TestDatabase, TestError> {
        self.0.duplicate().await
    }

    /// The server of the template.
    #[must_use]
    pub const fn server(&self) -> &TestServer {
        self.0.server()
    }

    /// The name of the template's database.
    #[must_use]
    pub fn name(&self) -> &str {
        self.0.name()
    }
}
