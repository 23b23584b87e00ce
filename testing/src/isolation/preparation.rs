use std::error::Error;

use sea_orm::{ConnectionTrait, DatabaseConnection};
use uuid::Uuid;
use watertight::{Builder, TENANT_COLUMN, TenantConnection, TenantId};

use super::rows::{self, Rows};
use crate::{Template, TestDatabase, TestError, TwoTenants};

/// The preparation of two tenants, which [`fixtures`](Self::fixtures) completes.
#[derive(Debug)]
#[must_use = "the rows are written when `fixtures` is called"]
pub struct Preparation<'t> {
    template: &'t Template,
    builder: Builder,
    tenants: Option<[TenantId; 2]>,
    tenant_column: String,
    ignored: Vec<String>,
}

impl<'t> Preparation<'t> {
    pub(super) const fn new(template: &'t Template, builder: Builder) -> Self {
        Self { template, builder, tenants: None, tenant_column: String::new(), ignored: Vec::new() }
    }

    /// Leaves columns out of the comparison of rows, in every table.
    ///
    /// Times within the seconds of a run and new UUIDs need no entry.
    ///
    /// ```no_run
    /// # async fn example(template: &watertight_testing::Template) -> Result<(), watertight_testing::TestError> {
    /// use watertight::Watertight;
    /// use watertight_testing::TwoTenants;
    ///
    /// let preparation = TwoTenants::prepare(template, Watertight::builder()).ignoring(["expires_at", "token_hash"]);
    /// # Ok(())
    /// # }
    /// ```
    pub fn ignoring(mut self, columns: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.ignored.extend(columns.into_iter().map(Into::into));
        self
    }

    /// Sets the two tenants. By default they are random.
    ///
    /// ```no_run
    /// # async fn example(template: &watertight_testing::Template) -> Result<(), Box<dyn std::error::Error>> {
    /// use watertight::{TenantId, Watertight};
    /// use watertight_testing::TwoTenants;
    ///
    /// let north: TenantId = "7b0e8d3c-5a53-4f6e-9b0e-0f8a1f0f2a11".parse()?;
    /// let south: TenantId = "50000000-5a53-4f6e-9b0e-0f8a1f0f2a11".parse()?;
    /// let preparation = TwoTenants::prepare(template, Watertight::builder()).tenants(north, south);
    /// # Ok(())
    /// # }
    /// ```
    pub const fn tenants(mut self, tested: TenantId, other: TenantId) -> Self {
        self.tenants = Some([tested, other]);
        self
    }

    /// Sets the name of the column with the tenant. The default is [`TENANT_COLUMN`].
    ///
    /// Tables without this column are shared tables for the judge.
    ///
    /// ```no_run
    /// # async fn example(template: &watertight_testing::Template) {
    /// use watertight::Watertight;
    /// use watertight_testing::TwoTenants;
    ///
    /// let preparation = TwoTenants::prepare(template, Watertight::builder()).tenant_column("org_id");
    /// # }
    /// ```
    pub fn tenant_column(mut self, name: impl Into<String>) -> Self {
        self.tenant_column = name.into();
        self
    }

    /// Writes the rows of both tenants, with the number 1 for the tested tenant and 2 for the other.
    ///
    /// Give the rows of both tenants the same ids where the keys include the tenant, and other values, such as the number
    /// in a name: a function that finds the wrong row then returns another value.
    ///
    /// ```no_run
    /// # async fn example(template: &watertight_testing::Template) -> Result<(), watertight_testing::TestError> {
    /// use sea_orm::ConnectionTrait;
    /// use watertight::Watertight;
    /// use watertight_testing::TwoTenants;
    ///
    /// let tenants = TwoTenants::prepare(template, Watertight::builder())
    ///     .fixtures(|tenant, number| async move {
    ///         let sql = format!("INSERT INTO projects (id, name) VALUES (1, 'Bridge of tenant {number}')");
    ///         tenant.execute_unprepared(&sql).await.map(drop)
    ///     })
    ///     .await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`TestError::Fixtures`] if the closure fails, and [`TestError::NoRows`] if it writes rows of one tenant to a table
    /// and none of the other.
    pub async fn fixtures<F, E>(
        self,
        write: impl Fn(TenantConnection, u32) -> F,
    ) -> Result<TwoTenants, TestError>
    where
        F: Future<Output = Result<(), E>>,
        E: Into<Box<dyn Error + Send + Sync>>,
    {
        self.fixtures_with(|_, _| async { Ok::<_, TestError>(()) }, write).await
    }

    /// Writes rows as the owner first, and then those of both tenants.
    ///
    /// The owner writes the rows that no tenant can write, such as those of a table of tenants.
    ///
    /// ```no_run
    /// # async fn example(template: &watertight_testing::Template) -> Result<(), watertight_testing::TestError> {
    /// use sea_orm::ConnectionTrait;
    /// use watertight::Watertight;
    /// use watertight_testing::TwoTenants;
    ///
    /// let tenants = TwoTenants::prepare(template, Watertight::builder())
    ///     .fixtures_with(
    ///         |owner, tenants| async move {
    ///             for tenant in tenants {
    ///                 owner.execute_unprepared(&format!("INSERT INTO orgs (id) VALUES ('{tenant}')")).await?;
    ///             }
    ///             Ok::<_, sea_orm::DbErr>(())
    ///         },
    ///         |tenant, number| async move {
    ///             let sql = format!("INSERT INTO projects (id, name) VALUES (1, 'Bridge of tenant {number}')");
    ///             tenant.execute_unprepared(&sql).await.map(drop)
    ///         },
    ///     )
    ///     .await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// As [`fixtures`](Self::fixtures).
    pub async fn fixtures_with<G, F, D, E>(
        self,
        for_everyone: impl FnOnce(DatabaseConnection, [TenantId; 2]) -> G,
        write: impl Fn(TenantConnection, u32) -> F,
    ) -> Result<TwoTenants, TestError>
    where
        G: Future<Output = Result<(), D>>,
        F: Future<Output = Result<(), E>>,
        D: Into<Box<dyn Error + Send + Sync>>,
        E: Into<Box<dyn Error + Send + Sync>>,
    {
        let tenants = match self.tenants {
            Some(tenants) => tenants,
            None => [new_tenant()?, new_tenant()?],
        };
        let tenant_column =
            if self.tenant_column.is_empty() { TENANT_COLUMN.to_owned() } else { self.tenant_column };

        let alone = self.template.database().await?;
        let owner = alone.owner().await?;
        let written = for_everyone(owner.clone(), tenants).await;
        close(owner).await?;
        written.map_err(|error| TestError::Fixtures { of: "everyone".to_owned(), source: error.into() })?;
        fill(&alone, &self.builder, tenants[0], 1, &write).await?;

        // A copy has the same rows of the tested tenant, to the last generated value.
        let shared = alone.duplicate().await?;
        fill(&shared, &self.builder, tenants[1], 2, &write).await?;
        let owner = shared.owner().await?;
        let before = Rows::read(&owner, &tenant_column, &self.ignored).await?;
        let sequences = rows::sequences(&owner).await?;
        close(owner).await?;
        require_rows_of_both(&before, tenants)?;

        let owner = alone.owner().await?;
        for sql in sequences {
            owner.execute_unprepared(&sql).await.map_err(TestError::database("setting the sequences"))?;
        }
        close(owner).await?;
        Ok(TwoTenants {
            builder: self.builder,
            tenants,
            alone,
            shared,
            tenant_column,
            ignored: self.ignored,
            before,
        })
    }
}

fn new_tenant() -> Result<TenantId, TestError> {
    Ok(TenantId::new(Uuid::new_v4()).map_err(watertight::Error::from)?)
}

async fn close(owner: DatabaseConnection) -> Result<(), TestError> {
    owner.close().await.map_err(TestError::database("the end of the owner's connection"))
}

/// Writes the rows of a tenant, and ends all connections, so that the database can be copied.
async fn fill<F, E>(
    database: &TestDatabase,
    builder: &Builder,
    tenant: TenantId,
    number: u32,
    write: impl Fn(TenantConnection, u32) -> F,
) -> Result<(), TestError>
where
    F: Future<Output = Result<(), E>>,
    E: Into<Box<dyn Error + Send + Sync>>,
{
    let water = database.connect(builder.clone()).await?;
    let written = write(water.tenant(tenant), number).await;
    water.close().await?;
    written.map_err(|error| TestError::Fixtures { of: format!("tenant {tenant}"), source: error.into() })
}

/// A table with rows of one tenant alone shows no leak.
fn require_rows_of_both(rows: &Rows, tenants: [TenantId; 2]) -> Result<(), TestError> {
    let [first, second] = tenants.map(|tenant| rows.tables_of(&tenant.to_string()));
    if let Some(table) = first.symmetric_difference(&second).next() {
        return Err(TestError::NoRows { table: table.clone() });
    }
    if first.is_empty() {
        return Err(TestError::NoRows { table: "any table".to_owned() });
    }
    Ok(())
}
