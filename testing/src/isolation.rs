mod canonical;
mod difference;
mod preparation;
mod rows;

use std::fmt::Debug;

use watertight::{Builder, TenantConnection, TenantId, Watertight};

use self::canonical::{Canonical, Known};
pub use self::difference::{Difference, IsolationError};
pub use self::preparation::Preparation;
use self::rows::Rows;
use crate::{Template, TestDatabase, TestError};

/// The rows of two tenants, and the judge of the application's functions.
///
/// The judge is the guarantee of watertight: a function has the same result and the same effect in the shared database as
/// in a database that contains the rows of its tenant alone. The judge reads the rows as the owner and from the catalog,
/// so it does not depend on the layers that it judges.
///
/// Each call of [`assert_isolated`](Self::assert_isolated) runs on new copies of the databases. Calls can run in parallel,
/// and the function can change rows.
#[derive(Debug)]
pub struct TwoTenants {
    builder: Builder,
    tenants: [TenantId; 2],
    /// A database with the rows of the first tenant alone.
    alone: TestDatabase,
    /// A database with the same rows, and those of the second tenant.
    shared: TestDatabase,
    tenant_column: String,
    ignored: Vec<String>,
    /// The rows of the shared database.
    before: Rows,
}

/// One run of a function in a database.
struct Run<T> {
    result: T,
    rows: Rows,
    /// The time of the server before and after the run.
    times: [String; 2],
}

impl TwoTenants {
    /// Begins the preparation of two tenants. [`Preparation::fixtures`] completes it.
    ///
    /// ```no_run
    /// # async fn example(template: &watertight_testing::Template) -> Result<(), watertight_testing::TestError> {
    /// use sea_orm::{ConnectionTrait, DbErr};
    /// use watertight::{TenantConnection, Watertight};
    /// use watertight_testing::TwoTenants;
    ///
    /// async fn fixtures(tenant: TenantConnection, number: u32) -> Result<(), DbErr> {
    ///     let sql = format!("INSERT INTO projects (id, name) VALUES (1, 'Bridge of tenant {number}')");
    ///     tenant.execute_unprepared(&sql).await.map(drop)
    /// }
    ///
    /// let tenants = TwoTenants::prepare(template, Watertight::builder()).fixtures(fixtures).await?;
    /// # Ok(())
    /// # }
    /// ```
    pub const fn prepare(template: &Template, builder: Builder) -> Preparation<'_> {
        Preparation::new(template, builder)
    }

    /// Asserts that a function is isolated from another tenant, and returns its result.
    ///
    /// The function runs for the first tenant, in a database with the rows of this tenant alone, and in one with the rows of
    /// both. The assertion compares
    ///
    /// - the two results;
    /// - the rows of the tenant afterwards, and the rows of shared tables;
    /// - the rows of the other tenant before and afterwards.
    ///
    /// UUIDs that the function creates, and times within the seconds of its run, are equal to each other: the judge
    /// compares their places and not their values. Sequences continue at the same number in both databases. Everything
    /// else that differs between two runs needs [`Preparation::ignoring`], or a function that leaves it out of the result.
    /// The order of rows is part of a result, so a function that returns several rows needs `ORDER BY`.
    ///
    /// ```no_run
    /// # async fn names(_: &watertight::TenantConnection) -> Result<Vec<String>, sea_orm::DbErr> { Ok(Vec::new()) }
    /// # async fn example(tenants: watertight_testing::TwoTenants) {
    /// let names = tenants.assert_isolated(|tenant| async move { names(&tenant).await }).await;
    /// assert_eq!(names, Ok(vec!["Bridge of tenant 1".to_owned()]));
    /// # }
    /// ```
    ///
    /// # Panics
    /// If the function is not isolated, with the values that differ and the rows of each tenant. If a database fails.
    #[allow(clippy::panic, reason = "an assertion")]
    pub async fn assert_isolated<T, F>(&self, function: impl Fn(TenantConnection) -> F) -> T
    where
        T: Debug + PartialEq,
        F: Future<Output = T>,
    {
        match self.check(function).await {
            Ok(result) => result,
            Err(IsolationError::NotIsolated(difference)) => panic!("{difference}"),
            Err(IsolationError::Test(error)) => panic!("the test cannot run: {}", with_sources(&error)),
        }
    }

    /// Judges a function as [`assert_isolated`](Self::assert_isolated) does, and returns an error instead of a panic.
    ///
    /// ```no_run
    /// # async fn example(tenants: watertight_testing::TwoTenants) -> Result<(), watertight_testing::IsolationError> {
    /// use sea_orm::ConnectionTrait;
    ///
    /// let deleted = tenants
    ///     .check(|tenant| async move {
    ///         tenant.execute_unprepared("DELETE FROM projects").await.map(|done| done.rows_affected())
    ///     })
    ///     .await?;
    /// assert_eq!(deleted, Ok(1));
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`IsolationError::NotIsolated`] if the function is not isolated, and [`IsolationError::Test`] if a database fails.
    pub async fn check<T, F>(&self, function: impl Fn(TenantConnection) -> F) -> Result<T, IsolationError>
    where
        T: Debug + PartialEq,
        F: Future<Output = T>,
    {
        let alone = self.run(&self.alone, &function).await?;
        let shared = self.run(&self.shared, &function).await?;
        let difference = self.difference(&alone, &shared);
        if difference.is_empty() {
            Ok(shared.result)
        } else {
            Err(IsolationError::NotIsolated(Box::new(difference)))
        }
    }

    async fn run<T, F>(
        &self,
        prepared: &TestDatabase,
        function: impl Fn(TenantConnection) -> F,
    ) -> Result<Run<T>, TestError>
    where
        F: Future<Output = T>,
    {
        let database = prepared.duplicate().await?;
        let owner = database.owner().await?;
        let water = database.connect(self.builder.clone()).await?;
        let before = rows::time(&owner).await?;
        let result = function(water.tenant(self.tenants[0])).await;
        let times = [before, rows::time(&owner).await?];
        water.close().await?;
        let rows = Rows::read(&owner, &self.tenant_column, &self.ignored).await?;
        owner.close().await.map_err(TestError::database("the end of the owner's connection"))?;
        Ok(Run { result, rows, times })
    }

    fn difference<T: Debug + PartialEq>(&self, alone: &Run<T>, shared: &Run<T>) -> Difference {
        let tenant = self.tenants[0].to_string();
        let known = Known::of(&self.before, &self.tenants.map(|tenant| tenant.to_string()));
        let canonical = |run: &Run<T>| {
            let result = format!("{:#?}", run.result);
            Canonical::of(result, run.rows.of_tenant_or_shared(&tenant), &known, &run.times)
        };
        let (at_alone, at_shared) = (canonical(alone), canonical(shared));
        let results = (alone.result != shared.result && at_alone.result != at_shared.result)
            .then_some([at_alone.result, at_shared.result]);
        Difference {
            results,
            rows: difference::between(&at_alone.rows, &at_shared.rows),
            others: difference::between(&self.before.of_others(&tenant), &shared.rows.of_others(&tenant)),
            created: alone.rows.of_others(&tenant),
        }
    }

    /// Copies the shared database, for a test that looks at both tenants itself.
    ///
    /// Returns the database and the connections of the two tenants, the tested one first.
    ///
    /// ```no_run
    /// # async fn example(tenants: watertight_testing::TwoTenants) -> Result<(), watertight_testing::TestError> {
    /// let (database, north, south) = tenants.connect().await?;
    /// assert_ne!(north.tenant_id(), south.tenant_id());
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`TestError::Connect`], as [`Builder::connect`].
    pub async fn connect(&self) -> Result<(TestDatabase, TenantConnection, TenantConnection), TestError> {
        let database = self.shared.duplicate().await?;
        let water: Watertight = database.connect(self.builder.clone()).await?;
        let [first, second] = self.tenants.map(|tenant| water.tenant(tenant));
        Ok((database, first, second))
    }

    /// The two tenants: the tested one, and the other.
    #[must_use]
    pub const fn tenants(&self) -> [TenantId; 2] {
        self.tenants
    }
}

fn with_sources(error: &dyn std::error::Error) -> String {
    let sources = std::iter::successors(Some(error), |error| error.source());
    sources.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}
