use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};

use async_stream::try_stream;
use futures_util::{Stream, TryStreamExt};
use sea_orm::{DbErr, QueryResult};
use tokio::sync::MutexGuard;

use super::connection::{Lease, Scoped};
use super::driver::query_error;
use super::session::Session;

/// The rows of a statement, one by one.
///
/// It holds a connection until it is dropped.
pub struct TenantStream<'a>(Pin<Box<dyn Stream<Item = Result<QueryResult, DbErr>> + Send + 'a>>);

impl<'a> TenantStream<'a> {
    pub(super) fn of_lease(mut lease: Lease, scoped: Scoped) -> Self {
        Self(Box::pin(try_stream! {
            {
                let mut rows = scoped.query()?.fetch(lease.connection());
                while let Some(row) = rows.try_next().await.map_err(query_error)? {
                    yield row.into();
                }
            }
            lease.end().await?;
        }))
    }

    pub(super) fn of_transaction(mut session: MutexGuard<'a, Session>, scoped: Scoped) -> Self {
        Self(Box::pin(try_stream! {
            let mut rows = scoped.query()?.fetch(session.connection());
            while let Some(row) = rows.try_next().await.map_err(query_error)? {
                yield row.into();
            }
        }))
    }
}

impl Stream for TenantStream<'_> {
    type Item = Result<QueryResult, DbErr>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.0.as_mut().poll_next(context)
    }
}

impl fmt::Debug for TenantStream<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TenantStream")
    }
}
