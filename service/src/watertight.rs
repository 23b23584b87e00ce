#[cfg(feature = "auth")]
mod auth;
mod domains;
pub mod routing;

use std::fmt;
use std::sync::Arc;

use sea_orm::{ConnectOptions, DatabaseConnection};

pub use self::domains::Tenant;
use crate::builder::Builder;
use crate::error::Error;
use crate::tenant::{RewriteMetrics, Rewriter, Shared, TenantConnection, TenantId};

/// A database that many tenants share, and the way to each tenant's connection.
///
/// ```no_run
/// # async fn example() -> Result<(), watertight::Error> {
/// let water = watertight::Watertight::connect_from_env().await?;
/// let clinic = water.tenant("7b0e8d3c-5a53-4f6e-9b0e-0f8a1f0f2a11".parse()?);
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Watertight {
    shared: Arc<Shared>,
    connection: DatabaseConnection,
    owns_connection: bool,
}

impl Watertight {
    pub(crate) const fn new(
        shared: Arc<Shared>,
        connection: DatabaseConnection,
        owns_connection: bool,
    ) -> Self {
        Self { shared, connection, owns_connection }
    }

    /// Connects with the defaults; see [`Builder::connect`].
    ///
    /// # Errors
    /// As [`Builder::connect`].
    pub async fn connect(options: impl Into<ConnectOptions> + Send) -> Result<Self, Error> {
        Self::builder().connect(options).await
    }

    /// Connects with the defaults to the database that [`DATABASE_URL`](crate::DATABASE_URL) names; see [`Builder::connect`].
    ///
    /// # Errors
    /// As [`Builder::connect`]; [`ConnectError::EmptyUrl`](crate::ConnectError::EmptyUrl) when the variable is not set.
    pub async fn connect_from_env() -> Result<Self, Error> {
        Self::builder().connect_from_env().await
    }

    /// Starts a builder. Watertight's own tables need no registration.
    #[must_use]
    pub fn builder() -> Builder {
        Builder::default()
    }

    /// The connection of one tenant. This does no work: a handle is copied.
    #[must_use]
    pub fn tenant(&self, tenant: TenantId) -> TenantConnection {
        TenantConnection::new(Arc::clone(&self.shared), tenant)
    }

    /// The connection under all tenants: no statement is rewritten and no tenant is set.
    ///
    /// Row-level security still holds, and with no tenant set it shows no row of a tenant table. For migrations,
    /// shared tables and maintenance. Everything that can bypass isolation has `dangerous` in its name.
    #[must_use]
    pub const fn dangerous_unscoped(&self) -> &DatabaseConnection {
        &self.connection
    }

    /// How often statements were known to the rewriter, and how often they were refused.
    #[must_use]
    pub fn rewrite_metrics(&self) -> RewriteMetrics {
        self.shared.rewriter.metrics()
    }

    /// The rewriter of this database, which knows its columns and its version: it shows what statements become.
    ///
    /// ```no_run
    /// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
    /// let water = watertight::Watertight::connect("postgres://app@localhost/clinic").await?;
    /// println!("{}", water.rewriter().rewrite("SELECT email FROM auth.users", 0)?);
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn rewriter(&self) -> &Rewriter {
        &self.shared.rewriter
    }

    /// Closes the pool, and every handle and every connection of a tenant fails from then on. A connection that
    /// the application has made ([`Builder::with_connection`]) stays open: it is the application's to close.
    ///
    /// # Errors
    /// What the driver reports.
    pub async fn close(self) -> Result<(), Error> {
        if self.owns_connection {
            self.connection.close().await?;
        }
        Ok(())
    }
}

impl fmt::Debug for Watertight {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Watertight").field("layers", &self.shared.layers).finish_non_exhaustive()
    }
}
