mod abandoned;
mod given;
#[cfg(unix)]
mod installation;
#[cfg(unix)]
mod private;

use std::sync::Arc;

use tokio::sync::OnceCell;
use url::Url;

#[cfg(unix)]
pub use self::private::{PrivateServer, PrivateServerBuilder};
use crate::TestError;

const OWNER: &str = "DATABASE_OWNER_URL";
const APP: &str = "DATABASE_URL";
const MAINTENANCE: &str = "DATABASE_MAINTENANCE_URL";
const SUPERUSER: &str = "DATABASE_SUPERUSER_URL";

/// A server for tests, with the URLs of its roles.
///
/// The owner's role owns the tables and creates databases. The application's role is neither a superuser nor
/// `BYPASSRLS`, as in production. Tests never change the database that the URLs name: each test gets a database of its
/// own.
#[derive(Debug, Clone)]
pub struct TestServer(Arc<Server>);

#[derive(Debug)]
struct Server {
    urls: Urls,
    /// The proof to other processes that this one runs.
    presence: OnceCell<abandoned::Presence>,
    #[cfg(unix)]
    _private: Option<PrivateServer>,
}

/// The URLs of the roles.
#[derive(Debug, Clone)]
struct Urls {
    owner: Url,
    app: Url,
    maintenance: Option<Url>,
    superuser: Option<Url>,
}

impl TestServer {
    /// The server of this process: the one of the environment, or else a private one.
    ///
    /// The environment names a server if `DATABASE_OWNER_URL`, `DATABASE_URL` or `DATABASE_SUPERUSER_URL` is set. A private
    /// server ends with the process.
    ///
    /// ```no_run
    /// # async fn example() -> Result<(), watertight_testing::TestError> {
    /// let server = watertight_testing::TestServer::shared().await?;
    /// println!("the application connects as {}", server.app_role());
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// As [`from_env`](Self::from_env), or [`start`](Self::start).
    pub async fn shared() -> Result<&'static Self, TestError> {
        static SERVER: OnceCell<TestServer> = OnceCell::const_new();
        let is_given = [OWNER, APP, SUPERUSER].iter().any(|name| std::env::var_os(name).is_some());
        SERVER
            .get_or_try_init(|| async {
                if is_given {
                    return Self::from_env().await;
                }
                #[cfg(unix)]
                return Self::start().await;
                #[cfg(not(unix))]
                return Err(TestError::VariableMissing { variable: OWNER });
            })
            .await
    }

    /// The server of the environment.
    ///
    /// | variable | role |
    /// |---|---|
    /// | `DATABASE_OWNER_URL` | the owner of the tables, with `CREATEDB` |
    /// | `DATABASE_URL` | the application, neither superuser nor `BYPASSRLS` |
    /// | `DATABASE_MAINTENANCE_URL` | optional: a role with `BYPASSRLS` |
    /// | `DATABASE_SUPERUSER_URL` | a superuser. Optional next to the first two |
    ///
    /// If only the superuser is given, the kit creates the roles `watertight_owner` and `watertight_app`. Their passwords
    /// are computed from that of the superuser, so that several processes find the same roles.
    ///
    /// ```no_run
    /// # async fn example() -> Result<(), watertight_testing::TestError> {
    /// let server = watertight_testing::TestServer::from_env().await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`TestError::VariableMissing`], [`TestError::MalformedUrl`] or [`TestError::RoleExists`].
    pub async fn from_env() -> Result<Self, TestError> {
        given::from_env().await.map(Self::of)
    }

    /// A server by the URLs of the owner and of the application.
    ///
    /// ```
    /// use watertight_testing::TestServer;
    ///
    /// let server = TestServer::at("postgres://clinic_owner@db/clinic", "postgres://clinic_app@db/clinic")?;
    /// assert_eq!((server.owner_role(), server.app_role()), ("clinic_owner", "clinic_app"));
    /// # Ok::<(), watertight_testing::TestError>(())
    /// ```
    ///
    /// # Errors
    /// [`TestError::MalformedUrl`] if a text is not the URL of a database.
    pub fn at(owner_url: &str, app_url: &str) -> Result<Self, TestError> {
        let (owner, app) = (given::url("owner_url", owner_url)?, given::url("app_url", app_url)?);
        Ok(Self::of(Urls { owner, app, maintenance: None, superuser: None }))
    }

    /// Adds the role for maintenance, which has `BYPASSRLS`, and a superuser.
    ///
    /// ```
    /// use watertight_testing::TestServer;
    ///
    /// let server = TestServer::at("postgres://owner@db/clinic", "postgres://app@db/clinic")?
    ///     .and_privileged("postgres://maintenance@db/clinic", "postgres://postgres@db/clinic")?;
    /// # Ok::<(), watertight_testing::TestError>(())
    /// ```
    ///
    /// # Errors
    /// [`TestError::MalformedUrl`] if a text is not the URL of a database.
    pub fn and_privileged(self, maintenance_url: &str, superuser_url: &str) -> Result<Self, TestError> {
        let maintenance = Some(given::url("maintenance_url", maintenance_url)?);
        let superuser = Some(given::url("superuser_url", superuser_url)?);
        Ok(Self::of(Urls { maintenance, superuser, ..self.0.urls.clone() }))
    }

    /// Starts a private server of an installed `PostgreSQL`, with the roles of watertight.
    ///
    /// [`PrivateServer::builder`] chooses the installation and the names of the roles.
    ///
    /// ```no_run
    /// # async fn example() -> Result<(), watertight_testing::TestError> {
    /// use watertight_testing::{TestDatabase, TestServer};
    ///
    /// let server = TestServer::start().await?;
    /// let database = TestDatabase::empty(&server).await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`TestError::NoInstallation`], [`TestError::RunsAsRoot`] or [`TestError::NotStarted`].
    #[cfg(unix)]
    pub async fn start() -> Result<Self, TestError> {
        PrivateServer::builder().start().await
    }

    fn of(urls: Urls) -> Self {
        Self(Arc::new(Server {
            urls,
            presence: OnceCell::new(),
            #[cfg(unix)]
            _private: None,
        }))
    }

    #[cfg(unix)]
    fn private(urls: Urls, server: PrivateServer) -> Self {
        Self(Arc::new(Server { urls, presence: OnceCell::new(), _private: Some(server) }))
    }

    /// The name of the application's role.
    #[must_use]
    pub fn app_role(&self) -> &str {
        self.0.urls.app.username()
    }

    /// The name of the owner's role.
    #[must_use]
    pub fn owner_role(&self) -> &str {
        self.0.urls.owner.username()
    }

    pub(crate) fn owner_url(&self) -> &Url {
        &self.0.urls.owner
    }

    pub(crate) fn app_url(&self) -> &Url {
        &self.0.urls.app
    }

    pub(crate) fn maintenance_url(&self) -> Result<Url, TestError> {
        let url = self.0.urls.maintenance.clone();
        url.ok_or(TestError::VariableMissing { variable: MAINTENANCE })
    }

    pub(crate) fn superuser_url(&self) -> Result<Url, TestError> {
        self.0.urls.superuser.clone().ok_or(TestError::VariableMissing { variable: SUPERUSER })
    }

    /// Drops the databases of processes that have ended without dropping them, once for each server.
    pub(crate) async fn drop_abandoned_databases(&self) -> Result<(), TestError> {
        self.0.presence.get_or_try_init(|| abandoned::Presence::announce(self.owner_url())).await.map(drop)
    }
}

/// The URL of another database of the same server and role.
pub(crate) fn with_database(server: &Url, name: &str) -> String {
    let mut url = server.clone();
    url.set_path(name);
    url.into()
}
