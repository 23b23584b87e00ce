use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};

use async_stream::try_stream;
use futures_util::{Stream, TryStreamExt};
use sea_orm::sqlx::PgConnection;
use sea_orm::{DbErr, QueryResult};
use tokio::sync::MutexGuard;

use super::answer::Answer;
use super::connection::TenantConnection;
use super::driver::{is_outdated, query_error};
use super::lease::Lease;
use super::pg_transaction::PgTransaction;
use super::shared::Shared;
use super::statement::ScopedStatement;
use super::unnamed;

/// A stream of the rows of a statement.
///
/// It uses a connection until it is dropped.
///
/// ```no_run
/// use futures_util::TryStreamExt;
/// use sea_orm::{DbBackend, Statement};
///
/// # async fn example(tenant: watertight::TenantConnection) -> Result<(), sea_orm::DbErr> {
/// let select = Statement::from_string(DbBackend::Postgres, "SELECT email FROM clients");
/// let mut rows = tenant.stream_raw(select).await?;
/// while let Some(row) = rows.try_next().await? {
///     println!("{}", row.try_get::<String>("", "email")?);
/// }
/// # Ok(())
/// # }
/// ```
pub struct TenantStream<'a>(Pin<Box<dyn Stream<Item = Result<QueryResult, DbErr>> + Send + 'a>>);

impl<'a> TenantStream<'a> {
    pub(super) fn of_lease(
        connection: &'a TenantConnection,
        mut lease: Lease,
        mut scoped: ScopedStatement,
    ) -> Self {
        let shared = &connection.scope().shared;
        Self(Box::pin(try_stream! {
            let mut outdated = if scoped.has_name() { shared.pool.options().get_max_connections() } else { 0 };
            loop {
                let again = scoped.clone();
                let end = {
                    let answer = lease.answer();
                    let mut rows = stream(scoped, answer, lease.connection());
                    loop {
                        match rows.try_next().await {
                            Ok(Some(row)) => {
                                outdated = 0;
                                yield row;
                            }
                            Ok(None) => break Ok(()),
                            Err(error) => break Err(error),
                        }
                    }
                };
                match shared.watch(lease.born(), lease.note(end, again.read_only)) {
                    // The statement has not run, and connections of that age are closed.
                    Err(error) if outdated > 0 && is_outdated(&error) => {
                        outdated -= 1;
                        drop(lease);
                        lease = connection.lease_of_stream(&again).await?;
                        scoped = again;
                    }
                    end => {
                        end?;
                        break;
                    }
                }
            }
            lease.end().await?;
        }))
    }

    pub(super) fn of_transaction(
        shared: &'a Shared,
        mut session: MutexGuard<'a, PgTransaction>,
        scoped: ScopedStatement,
    ) -> Self {
        Self(Box::pin(try_stream! {
            session.close_after(&scoped);
            let end = {
                let answer = session.answer();
                let mut rows = stream(scoped, answer, session.connection());
                loop {
                    match rows.try_next().await {
                        Ok(Some(row)) => yield row,
                        Ok(None) => break Ok(()),
                        Err(error) => break Err(error),
                    }
                }
            };
            shared.watch(session.born(), session.note(end))?;
        }))
    }
}

impl<'a> TenantStream<'a> {
    /// Streams the rows of a statement in its own transaction, which is rolled back.
    pub(super) fn of_session(
        shared: &'a Shared,
        mut session: PgTransaction,
        scoped: ScopedStatement,
    ) -> Self {
        Self(Box::pin(try_stream! {
            let end = {
                let answer = session.answer();
                let mut rows = stream(scoped, answer, session.connection());
                loop {
                    match rows.try_next().await {
                        Ok(Some(row)) => yield row,
                        Ok(None) => break Ok(()),
                        Err(error) => break Err(error),
                    }
                }
            };
            shared.watch(session.born(), session.note(end))?;
        }))
    }
}

/// Streams the rows of a statement. Like [`unnamed::run`], it can run the statement again before the first
/// row.
fn stream(
    mut scoped: ScopedStatement,
    answer: Answer,
    connection: &mut PgConnection,
) -> Pin<Box<dyn Stream<Item = Result<QueryResult, DbErr>> + Send + '_>> {
    Box::pin(try_stream! {
        let mut trial = !scoped.has_name() && !scoped.knows_types();
        if trial {
            unnamed::begin_trial(connection).await?;
        }
        let mut runs = 0;
        loop {
            runs += 1;
            let again = scoped.clone();
            let mut lesson = scoped.lesson();
            let mut rows = scoped.query()?.fetch(&mut *connection);
            let first = answer.of(rows.try_next()).await.and_then(|row| row).map_err(query_error);
            match first {
                Err(error) if runs == 1 && trial && unnamed::is_statement_lost(&error) => {
                    drop(rows);
                    unnamed::repeat_trial(connection).await?;
                    scoped = again;
                }
                Err(error) if runs == 1 && !again.has_name() && unnamed::is_type_missing(&error) => {
                    drop(rows);
                    scoped = again.forgetting_types();
                    unnamed::begin_trial(connection).await?;
                    (trial, runs) = (true, 0);
                }
                first => {
                    if first.as_ref().is_err_and(unnamed::is_statement_lost) {
                        again.forgetting_types();
                    }
                    let mut next = first?;
                    while let Some(row) = next {
                        if let Some((types, sql)) = lesson.take() {
                            types.learn(&sql, &row);
                        }
                        yield row.into();
                        let row = answer.of(rows.try_next()).await.and_then(|row| row);
                        next = row.map_err(query_error)?;
                    }
                    break;
                }
            }
        }
        if trial {
            unnamed::end_trial(connection).await?;
        }
    })
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
