use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};

use futures_util::stream::{self, Stream, StreamExt};

use super::Watertight;
use crate::tenant::{TenantConnection, TenantId};

/// The results of [`Watertight::for_each_tenant`], each with its tenant.
///
/// Await it for all results in the order of the tenants, or read it as a stream, in the order in which tenants finish.
/// Nothing runs before it is awaited or polled. Dropping it drops the functions that are running, and their transactions
/// roll back.
///
/// ```no_run
/// use futures_util::StreamExt;
/// use sea_orm::{DbErr, EntityTrait, PaginatorTrait};
/// use watertight::entity::public::bookings;
/// use watertight::{TenantId, Watertight};
///
/// # async fn example(water: Watertight, tenants: Vec<TenantId>) {
/// let mut counts = water.for_each_tenant(4, tenants, |tenant| async move {
///     bookings::Entity::find().count(&tenant).await
/// });
/// while let Some((tenant, count)) = counts.next().await {
///     match count {
///         Ok(count) => println!("{tenant}: {count}"),
///         Err(error) => eprintln!("{tenant}: {error}"),
///     }
/// }
/// # }
/// ```
#[must_use = "nothing runs until the results are awaited or polled"]
pub struct EachTenant<'a, T, E> {
    results: Pin<Box<dyn Stream<Item = Numbered<T, E>> + Send + 'a>>,
}

/// A result with the position of its tenant.
type Numbered<T, E> = (usize, (TenantId, Result<T, E>));

impl Watertight {
    /// Runs a function for each tenant on its own connection, for at most `concurrency` tenants at a time.
    ///
    /// An error of one tenant does not stop the others. The tenants come from the application's own table, or from
    /// [`Maintenance::tenants`](crate::maintenance::Maintenance::tenants). Choose a concurrency below the number of
    /// connections of the pool, so that other work gets connections, too; zero means one at a time.
    ///
    /// ```no_run
    /// use sea_orm::{DbErr, EntityTrait, PaginatorTrait};
    /// use watertight::entity::public::bookings;
    /// use watertight::{TenantId, Watertight};
    ///
    /// # async fn example(water: Watertight, tenants: Vec<TenantId>) {
    /// let counts: Vec<(TenantId, Result<u64, DbErr>)> = water
    ///     .for_each_tenant(4, tenants, |tenant| async move { bookings::Entity::find().count(&tenant).await })
    ///     .await;
    /// # }
    /// ```
    pub fn for_each_tenant<'a, I, F, R, T, E>(
        &'a self,
        concurrency: usize,
        tenants: I,
        function: F,
    ) -> EachTenant<'a, T, E>
    where
        I: IntoIterator<Item = TenantId>,
        I::IntoIter: Send + 'a,
        F: FnMut(TenantConnection) -> R + Send + 'a,
        R: Future<Output = Result<T, E>> + Send + 'a,
        T: Send + 'a,
        E: Send + 'a,
    {
        self.for_each_tenant_of(concurrency, stream::iter(tenants), function)
    }

    /// Runs a function for each tenant of a stream, as [`for_each_tenant`](Self::for_each_tenant) does.
    ///
    /// The next tenants are read from the stream when running functions end.
    ///
    /// ```no_run
    /// use futures_util::stream;
    /// use sea_orm::DbErr;
    /// use watertight::{TenantId, Watertight};
    ///
    /// # async fn example(water: Watertight, pages: Vec<Vec<TenantId>>) {
    /// use futures_util::StreamExt;
    ///
    /// let tenants = stream::iter(pages).flat_map(stream::iter);
    /// let pinged = water.for_each_tenant_of(4, tenants, |tenant| async move { tenant.ping().await });
    /// let failed = pinged.await.into_iter().filter(|(_, result)| result.is_err()).count();
    /// # }
    /// ```
    pub fn for_each_tenant_of<'a, S, F, R, T, E>(
        &'a self,
        concurrency: usize,
        tenants: S,
        mut function: F,
    ) -> EachTenant<'a, T, E>
    where
        S: Stream<Item = TenantId> + Send + 'a,
        F: FnMut(TenantConnection) -> R + Send + 'a,
        R: Future<Output = Result<T, E>> + Send + 'a,
        T: Send + 'a,
        E: Send + 'a,
    {
        let runs = tenants.enumerate().map(move |(number, tenant)| {
            let run = function(self.tenant(tenant));
            async move { (number, (tenant, run.await)) }
        });
        EachTenant { results: Box::pin(runs.buffer_unordered(concurrency.max(1))) }
    }
}

impl<T, E> Stream for EachTenant<'_, T, E> {
    type Item = (TenantId, Result<T, E>);

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.results.as_mut().poll_next(context).map(|next| next.map(|(_, result)| result))
    }
}

impl<'a, T: Send + 'a, E: Send + 'a> IntoFuture for EachTenant<'a, T, E> {
    type Output = Vec<(TenantId, Result<T, E>)>;
    type IntoFuture = Pin<Box<dyn Future<Output = Self::Output> + Send + 'a>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(async move {
            let mut results: Vec<_> = self.results.collect().await;
            results.sort_unstable_by_key(|(number, _)| *number);
            results.into_iter().map(|(_, result)| result).collect()
        })
    }
}

impl<T, E> fmt::Debug for EachTenant<'_, T, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("EachTenant")
    }
}
