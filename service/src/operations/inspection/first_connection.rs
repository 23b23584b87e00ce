//! The first connection to a database, made without the pool.
//!
//! A pool retries a connection that fails until its time limit, and then reports that it timed out. The first connection
//! is therefore made plainly, and its error is reported at once.

use std::time::Duration;

use sea_orm::sqlx::postgres::PgConnectOptions;
use sea_orm::sqlx::{ConnectOptions as _, Connection};
use sea_orm::{ConnectOptions, Database, DatabaseConnection, DbErr, RuntimeErr};
use sqlx_core::rt::timeout;

use super::hosts;
use crate::operations::ConnectError;

/// The time limit for the first connection if the options have none: the default of the pool.
const TIME_LIMIT: Duration = Duration::from_secs(30);

/// Opens a pool after a first connection has succeeded.
pub(crate) async fn open(mut options: ConnectOptions) -> Result<DatabaseConnection, ConnectError> {
    hosts::check_url(options.get_url())?;
    let limits = [options.get_connect_timeout(), options.get_acquire_timeout()];
    let limit = limits.into_iter().flatten().min().unwrap_or(TIME_LIMIT);
    options.connect_lazy(true);
    let connection = Database::connect(options).await?;
    require(&connection.get_postgres_connection_pool().connect_options(), limit).await?;
    Ok(connection)
}

/// Connects once and closes the connection.
async fn require(options: &PgConnectOptions, limit: Duration) -> Result<(), ConnectError> {
    let unreachable = |source| ConnectError::Unreachable { target: target(options), source };
    let failed = |error| unreachable(DbErr::Conn(RuntimeErr::SqlxError(std::sync::Arc::new(error))));
    let Ok(connected) = timeout(limit, options.connect()).await else {
        let text = format!("no answer within {limit:?}");
        return Err(unreachable(DbErr::Conn(RuntimeErr::Internal(text))));
    };
    // The server forgets a connection that is not closed in order, too.
    drop(connected.map_err(failed)?.close().await);
    Ok(())
}

/// The cause of a failure to get a connection from a pool.
pub(crate) async fn cause(options: &PgConnectOptions, source: DbErr) -> ConnectError {
    match require(options, Duration::from_secs(5)).await {
        Err(error) => error,
        // The server is reachable, and the connections of the pool are in use.
        Ok(()) => ConnectError::Unreachable { target: target(options), source },
    }
}

/// The database, its host and its port, and never a password.
fn target(options: &PgConnectOptions) -> String {
    let database = options.get_database().unwrap_or_else(|| options.get_username());
    match options.get_socket() {
        Some(socket) => format!("{database:?} on {}", socket.display()),
        None => format!("{database:?} on {}:{}", options.get_host(), options.get_port()),
    }
}
