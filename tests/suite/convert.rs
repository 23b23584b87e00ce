//! Databases of applications with one tenant become databases of many tenants, and return to what they were.

mod bakery;
mod conduit;
mod filtered;
mod forum;
mod planned;
mod refused;
mod snapshot;
mod starter;
mod writing;

use anyhow::{Context, Result};
use sea_orm::{ConnectionTrait, Database, DatabaseConnection, TransactionTrait};
use sea_orm_migration::MigratorTraitSelf;
use watertight::doctor::{Check, Report, Severity};
use watertight_migration::convert::{Conversion, ConversionError, ConversionReport, Phase};
use watertight_migration::{Settings, TableSets, TenantMigrator, TenantType};
use watertight_tests::TestDatabase;

use crate::adopt::texts;
use snapshot::Snapshot;

/// An application's database before the conversion.
struct Application {
    database: TestDatabase,
    settings: Settings,
}

impl Application {
    /// Creates the application's schema and rows, and then the core of watertight.
    async fn new(sql: &str, tenant: TenantType) -> Result<Self> {
        let database = TestDatabase::empty().await?;
        let settings = Settings::default()
            .with_table_sets(TableSets::none())
            .with_app_role(database.app_role())
            .with_tenant_type(tenant);
        let application = Self { database, settings };
        let owner = application.owner().await?;
        owner.execute_unprepared(sql).await?;
        TenantMigrator::new(application.settings.clone()).up(&owner, None).await?;
        owner.close().await?;
        Ok(application)
    }

    async fn owner(&self) -> Result<DatabaseConnection> {
        self.database.owner().await
    }

    fn conversion(&self) -> Conversion {
        Conversion::new(self.settings.clone()).all_tables_of("public")
    }

    async fn snapshot(&self) -> Result<Snapshot> {
        Snapshot::of(&self.database).await
    }

    /// Runs SQL as the application's role for a tenant, with a token that the owner's key signs.
    async fn run_as(&self, tenant: &str, sql: &str) -> Result<()> {
        let transaction = self.begin_as(tenant).await?;
        transaction.execute_unprepared(sql).await.with_context(|| sql.to_owned())?;
        Ok(transaction.commit().await?)
    }

    /// The first column that a query returns to a tenant.
    async fn read_as(&self, tenant: &str, sql: &str) -> Result<Vec<String>> {
        let transaction = self.begin_as(tenant).await?;
        texts(&transaction, sql).await
    }

    async fn begin_as(&self, tenant: &str) -> Result<sea_orm::DatabaseTransaction> {
        let owner = self.owner().await?;
        let entering = owner.begin().await?;
        entering.execute_unprepared(&format!("SELECT watertight.enter('{tenant}')")).await?;
        let token = texts(&entering, "SELECT current_setting('watertight.tenant')").await?.remove(0);
        entering.rollback().await?;
        let transaction = Database::connect(self.database.app_url()).await?.begin().await?;
        let token = token.replace('\'', "''");
        transaction
            .execute_unprepared(&format!("SELECT set_config('watertight.tenant', '{token}', true)"))
            .await?;
        Ok(transaction)
    }
}

/// The doctor's errors, except those about the shape of entities: the tables are registered by name.
fn errors(report: &Report) -> Vec<String> {
    let errors = report.findings.iter().filter(|finding| finding.severity == Severity::Error);
    errors.filter(|finding| finding.check != Check::Column).map(|finding| finding.problem.clone()).collect()
}

/// Runs every phase, each with connections of its own, and checks that the plan shrinks to nothing.
async fn convert(application: &Application, conversion: &Conversion) -> Result<()> {
    for phase in Phase::ALL {
        let owner = application.owner().await?;
        let plan = conversion.plan(&owner).await?;
        assert!(plan.problems.is_empty(), "{plan}");
        conversion.run(&owner, phase, |_| ()).await.with_context(|| format!("{phase}\n{plan}"))?;
        let left = conversion.plan(&owner).await?;
        assert!(left.steps(phase).is_empty(), "{left}");
        owner.close().await?;
    }
    let owner = application.owner().await?;
    let plan = conversion.plan(&owner).await?;
    assert!(plan.is_done() && plan.problems.is_empty(), "{plan}");
    let again = conversion.run(&owner, Phase::Isolation, |_| ()).await?;
    assert_eq!(again, ConversionReport::default());
    Ok(())
}

/// Undoes every phase, each with connections of its own.
async fn undo(application: &Application, conversion: &Conversion) -> Result<()> {
    for phase in Phase::ALL.into_iter().rev() {
        let owner = application.owner().await?;
        match conversion.undo(&owner, phase, |_| ()).await {
            Ok(_) => {}
            Err(error) => {
                let plan = conversion.plan_undo(&owner).await?;
                return Err(error).with_context(|| format!("{phase}\n{plan}"));
            }
        }
        owner.close().await?;
    }
    let owner = application.owner().await?;
    let error = conversion.plan_undo(&owner).await.expect_err("nothing is left");
    assert!(matches!(error, ConversionError::NothingToUndo), "{error}");
    Ok(())
}
