//! A connection that receives the notifications of tenants.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use sea_orm::sqlx::Executor;
use sea_orm::sqlx::postgres::{PgListener, PgPoolOptions};
use tokio::time::timeout;

use super::connection::TenantConnection;
use super::driver::{acquire_error, query_error};
use super::error::NotificationError;
use super::id::TenantId;
use super::notifying::channel_names;
use super::shared::Shared;

/// A notification on a channel of a tenant.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Notification {
    /// The tenant that sent it.
    pub tenant_id: TenantId,
    /// The channel, as it was given to `notify`.
    pub channel: String,
    /// The payload.
    pub payload: String,
}

/// An event of a [`TenantListener`].
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum ListenerEvent {
    /// A notification.
    Notification(Notification),
    /// The connection was lost and restored. Notifications of the time between are lost: read the rows again that
    /// the notifications announce. The channels are listened to again, so nothing is lost after this event.
    Lost,
}

/// Receives the notifications that tenants send with [`notify`](crate::TenantTransaction::notify).
///
/// It has a connection of its own, outside the pool, and closes it when it is dropped. One listener receives the
/// channels of any number of tenants: a server needs one, and hands the notifications on by their tenant.
///
/// ```no_run
/// use watertight::{ListenerEvent, TenantId, Watertight};
///
/// # async fn example(water: Watertight, clinic: TenantId, studio: TenantId) -> Result<(), watertight::Error> {
/// let mut listener = water.listener().await?;
/// listener.listen(&water.tenant(clinic), "chat").await?;
/// listener.listen(&water.tenant(studio), "chat").await?;
/// loop {
///     match listener.recv().await? {
///         ListenerEvent::Notification(it) => println!("{}: {} in {}", it.tenant_id, it.payload, it.channel),
///         ListenerEvent::Lost => println!("read all rooms again"),
///         _ => {}
///     }
/// }
/// # }
/// ```
pub struct TenantListener {
    shared: Arc<Shared>,
    /// `None` after a loss of the connection.
    connection: Option<PgListener>,
    /// The channels by their names on the server.
    channels: HashMap<String, (TenantId, String)>,
}

/// The time without a notification after which the connection is tested, and the longest wait for the answer.
const SILENCE: Duration = Duration::from_mins(1);

/// The setting of the listener's session that passes the name of a channel to [`LISTEN`].
const SET_NAME: &str = "SELECT pg_catalog.set_config('watertight.channel', $1, false)";

/// Listens to the channel in the setting. Sessions of one role read each other's texts in `pg_stat_activity`, so the name
/// is in no text.
const LISTEN: &str = "DO $$ BEGIN EXECUTE pg_catalog.format('LISTEN %I', \
    pg_catalog.current_setting('watertight.channel')); END $$";

const UNLISTEN: &str = "DO $$ BEGIN EXECUTE pg_catalog.format('UNLISTEN %I', \
    pg_catalog.current_setting('watertight.channel')); END $$";

impl TenantListener {
    pub(crate) async fn connect(shared: Arc<Shared>) -> Result<Self, NotificationError> {
        if shared.transaction_pooler {
            return Err(NotificationError::TransactionPooler);
        }
        if shared.read_only {
            return Err(NotificationError::Replica);
        }
        let connection = connect(&shared).await?;
        Ok(Self { shared, connection: Some(connection), channels: HashMap::new() })
    }

    /// Listens to a channel of a tenant. Notifications of transactions that commit afterwards are received.
    ///
    /// ```no_run
    /// # async fn example(
    /// #     listener: &mut watertight::TenantListener, tenant: watertight::TenantConnection,
    /// # ) -> Result<(), watertight::Error> {
    /// listener.listen(&tenant, "orders").await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`NotificationError::OtherDatabase`] for a tenant of another [`Watertight`](crate::Watertight), and
    /// [`NotificationError::InvalidInput`] for an empty channel.
    pub async fn listen(
        &mut self,
        tenant: &TenantConnection,
        channel: &str,
    ) -> Result<(), NotificationError> {
        for name in self.names(tenant, channel)? {
            if let Some(connection) = &mut self.connection {
                run(connection, &name, LISTEN).await?;
            }
            self.channels.insert(name, (tenant.tenant_id(), channel.to_owned()));
        }
        Ok(())
    }

    /// Stops listening to a channel of a tenant.
    ///
    /// ```no_run
    /// # async fn example(
    /// #     listener: &mut watertight::TenantListener, tenant: watertight::TenantConnection,
    /// # ) -> Result<(), watertight::Error> {
    /// listener.unlisten(&tenant, "orders").await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// As [`listen`](Self::listen).
    pub async fn unlisten(
        &mut self,
        tenant: &TenantConnection,
        channel: &str,
    ) -> Result<(), NotificationError> {
        for name in self.names(tenant, channel)? {
            self.channels.remove(&name);
            if let Some(connection) = &mut self.connection {
                run(connection, &name, UNLISTEN).await?;
            }
        }
        Ok(())
    }

    /// Waits for the next notification, or for the restored connection after a loss.
    ///
    /// The call can be cancelled: no notification is lost when its future is dropped. After an error the next call
    /// connects again, so wait before it.
    ///
    /// ```no_run
    /// # async fn example(listener: &mut watertight::TenantListener) -> Result<(), watertight::Error> {
    /// println!("{:?}", listener.recv().await?);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`NotificationError::Database`] if the server cannot be reached.
    pub async fn recv(&mut self) -> Result<ListenerEvent, NotificationError> {
        loop {
            let Some(connection) = &mut self.connection else {
                let mut connection = connect(&self.shared).await?;
                for name in self.channels.keys() {
                    run(&mut connection, name, LISTEN).await?;
                }
                self.connection = Some(connection);
                return Ok(ListenerEvent::Lost);
            };
            let Ok(received) = timeout(SILENCE, connection.try_recv()).await else {
                // A network that goes silent produces no error.
                if !matches!(timeout(SILENCE, connection.execute("SELECT 1")).await, Ok(Ok(_))) {
                    self.connection = None;
                }
                continue;
            };
            match received {
                Ok(Some(received)) => {
                    // A channel that was unlistened can still have notifications on the way.
                    if let Some((tenant_id, channel)) = self.channels.get(received.channel()) {
                        return Ok(ListenerEvent::Notification(Notification {
                            tenant_id: *tenant_id,
                            channel: channel.clone(),
                            payload: received.payload().to_owned(),
                        }));
                    }
                }
                Ok(None) | Err(_) => self.connection = None,
            }
        }
    }

    fn names(&self, tenant: &TenantConnection, channel: &str) -> Result<Vec<String>, NotificationError> {
        if !Arc::ptr_eq(&self.shared, &tenant.scope().shared) {
            return Err(NotificationError::OtherDatabase { tenant: tenant.tenant_id() });
        }
        channel_names(&self.shared.signer, tenant.tenant_id(), channel)
    }
}

impl fmt::Debug for TenantListener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TenantListener").field("channels", &self.channels.len()).finish_non_exhaustive()
    }
}

impl TenantConnection {
    /// Listens to a channel of the tenant, with a connection outside the pool.
    ///
    /// For several tenants use one [`Watertight::listener`](crate::Watertight::listener).
    ///
    /// ```no_run
    /// # async fn example(tenant: watertight::TenantConnection) -> Result<(), watertight::Error> {
    /// let mut listener = tenant.listen("orders").await?;
    /// println!("{:?}", listener.recv().await?);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`NotificationError::TransactionPooler`] behind a transaction pooler, [`NotificationError::Replica`],
    /// [`NotificationError::InvalidInput`] and [`NotificationError::Database`].
    pub async fn listen(&self, channel: &str) -> Result<TenantListener, NotificationError> {
        let mut listener = TenantListener::connect(Arc::clone(&self.scope().shared)).await?;
        listener.listen(self, channel).await?;
        Ok(listener)
    }
}

/// Connects outside the application's pool, so that listeners take no connection from statements.
async fn connect(shared: &Shared) -> Result<PgListener, NotificationError> {
    let options = shared.pool.connect_options().as_ref().clone();
    let alone = PgPoolOptions::new()
        .max_connections(1)
        .max_lifetime(None)
        .idle_timeout(None)
        .acquire_timeout(shared.pool.options().get_acquire_timeout())
        .connect_lazy_with(options);
    let mut listener = PgListener::connect_with(&alone).await.map_err(acquire_error)?;
    // The listener itself listens to no channel, so its own way to connect again would lose them.
    listener.eager_reconnect(false);
    listener.ignore_pool_close_event(true);
    Ok(listener)
}

/// Passes the name of a channel to a command.
async fn run(
    connection: &mut PgListener,
    name: &str,
    command: &'static str,
) -> Result<(), NotificationError> {
    let set = sea_orm::sqlx::query(SET_NAME).bind(name.to_owned());
    connection.execute(set).await.map_err(query_error)?;
    connection.execute(command).await.map_err(query_error)?;
    Ok(())
}
