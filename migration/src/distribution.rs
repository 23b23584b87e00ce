//! Distributes the tables over the machines of a [Citus](https://docs.citusdata.com) cluster, by tenant.

mod catalog;
mod error;
mod plan;
mod rules;
mod violation;

use std::fmt;

use sea_orm_migration::sea_orm::{
    AccessMode, ConnectionTrait, DatabaseConnection, DatabaseTransaction, IsolationLevel, TransactionTrait,
};
use serde::Serialize;

pub use error::DistributionError;
pub use plan::DistributionPlan;
pub use violation::{Rule, Violation};

use watertight_schema::TableSets;

use crate::Settings;
use crate::name::{self, Name};
use crate::one_at_a_time;
use crate::query::one;
use catalog::Catalog;

/// Distributes every table that has a tenant over the machines of a Citus cluster, with all its rows.
///
/// Tables are distributed by `tenant_id` and in one group, so that all rows of a tenant are on one machine and its
/// statements, transactions and joins stay there. The application's tables are included. A table without `tenant_id`
/// that tenant tables refer to is copied to every machine (a reference table). Any other table stays on the coordinator,
/// for example the table of migrations.
///
/// [`plan`](Self::plan) checks the tables against the rules by which Citus distributes and returns the SQL, with or
/// without the extension. [`run`](Self::run) runs it in one transaction, with the tables locked. Run it again to
/// distribute tables that were added later. The page `growing` of the crate `watertight` describes the steps before and
/// after.
///
/// ```no_run
/// use watertight_migration::{distribution::Distribution, sea_orm_migration::sea_orm::Database};
///
/// # async fn run() -> Result<(), Box<dyn std::error::Error>> {
/// let owner = Database::connect("postgres://owner@coordinator/clinic").await?;
/// let distribution = Distribution::new();
///
/// let plan = distribution.plan(&owner).await?;
/// for violation in plan.violations() {
///     eprintln!("{violation}");
/// }
/// if plan.violations().is_empty() {
///     println!("{}", distribution.run(&owner).await?);
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, Default)]
#[must_use = "a distribution does nothing until `run` is called"]
pub struct Distribution {
    settings: Settings,
    reference: Vec<Name>,
    allow_triggers: bool,
    without_overlap_constraints: bool,
}

impl Distribution {
    /// The oldest version of Citus that supports row-level security on distributed tables.
    pub const LEAST_VERSION: u32 = 11;

    /// A distribution of all tables that have a tenant.
    ///
    /// ```no_run
    /// # use sea_orm_migration::sea_orm::DatabaseConnection;
    /// use watertight_migration::distribution::{Distribution, DistributionError};
    ///
    /// # async fn run(coordinator: &DatabaseConnection) -> Result<(), DistributionError> {
    /// let plan = Distribution::new().plan(coordinator).await?;
    /// println!("{} statements, {} violations", plan.statements().count(), plan.violations().len());
    /// # Ok(())
    /// # }
    /// ```
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets watertight's table sets and their schemas, if they differ from the default.
    ///
    /// ```
    /// use watertight_migration::{TableSet, TableSets, distribution::Distribution};
    ///
    /// let sets = TableSets::all().in_schema(TableSet::Booking, "studio");
    /// let distribution = Distribution::new().table_sets(sets);
    /// # let _ = distribution;
    /// ```
    pub fn table_sets(mut self, table_sets: TableSets) -> Self {
        self.settings = self.settings.with_table_sets(table_sets);
        self
    }

    /// Copies a table without `tenant_id` to every machine, so that statements of tenants can join it.
    ///
    /// Tables that a tenant table refers to are copied anyway.
    ///
    /// ```no_run
    /// # use sea_orm_migration::sea_orm::DatabaseConnection;
    /// # use watertight_migration::distribution::{Distribution, DistributionError};
    /// # async fn run(coordinator: &DatabaseConnection) -> Result<(), DistributionError> {
    /// let distribution = Distribution::new().reference_table("public", "postcodes");
    /// println!("{}", distribution.run(coordinator).await?);
    /// # Ok(())
    /// # }
    /// ```
    pub fn reference_table(mut self, schema: impl Into<String>, name: impl Into<String>) -> Self {
        self.reference.push(Name::new(schema, name));
        self
    }

    /// Declares that the triggers of the application's tables read and write only the row that fires them. Citus cannot
    /// check this, and allows no trigger by default.
    ///
    /// ```no_run
    /// # use sea_orm_migration::sea_orm::DatabaseConnection;
    /// # use watertight_migration::distribution::{Distribution, DistributionError, Rule};
    /// # async fn run(coordinator: &DatabaseConnection) -> Result<(), DistributionError> {
    /// let plan = Distribution::new().allow_triggers().plan(coordinator).await?;
    /// assert!(plan.violations().iter().all(|violation| violation.rule != Rule::NoTrigger));
    /// # Ok(())
    /// # }
    /// ```
    pub const fn allow_triggers(mut self) -> Self {
        self.allow_triggers = true;
        self
    }

    /// Drops the constraints against overlapping bookings and reservations.
    ///
    /// Without this setting they are recreated with the extension `btree_gist`.
    ///
    /// The operations of `watertight` still check for overlaps under a lock. Other programs are not stopped.
    ///
    /// ```no_run
    /// # use sea_orm_migration::sea_orm::DatabaseConnection;
    /// # use watertight_migration::distribution::{Distribution, DistributionError};
    /// # async fn run(coordinator: &DatabaseConnection) -> Result<(), DistributionError> {
    /// let plan = Distribution::new().without_overlap_constraints().plan(coordinator).await?;
    /// assert!(!plan.statements().any(|sql| sql.contains("btree_gist")));
    /// # Ok(())
    /// # }
    /// ```
    pub const fn without_overlap_constraints(mut self) -> Self {
        self.without_overlap_constraints = true;
        self
    }

    /// Checks the tables against the rules and returns the SQL that distributes them. Changes nothing.
    ///
    /// # Errors
    ///
    /// [`DistributionError::Name`], [`DistributionError::Settings`], [`DistributionError::ExtensionTooOld`].
    pub async fn plan(&self, owner: &DatabaseConnection) -> Result<DistributionPlan, DistributionError> {
        let read_only =
            owner.begin_with_config(Some(IsolationLevel::RepeatableRead), Some(AccessMode::ReadOnly)).await?;
        let plan = self.draw(&read_only).await;
        read_only.rollback().await?;
        plan
    }

    /// Distributes the tables.
    ///
    /// The connection is to the coordinator, as the role that owns the tables. Stop the application before:
    /// its statements wait meanwhile, and its open connections keep the OID of a type that was recreated.
    ///
    /// ```no_run
    /// # use sea_orm_migration::sea_orm::DatabaseConnection;
    /// # use watertight_migration::distribution::{Distribution, DistributionError};
    /// # async fn run(coordinator: &DatabaseConnection) -> Result<(), DistributionError> {
    /// for table in Distribution::new().run(coordinator).await?.tables {
    ///     println!("{} rows of {}", table.rows, table.table);
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// [`DistributionError::Refused`] with every violation; [`DistributionError::NoExtension`],
    /// [`DistributionError::SignedTenant`], [`DistributionError::ExtensionTooOld`], [`DistributionError::Name`],
    /// [`DistributionError::Settings`], [`DistributionError::RowsDiffer`]. Nothing has changed then.
    pub async fn run(&self, owner: &DatabaseConnection) -> Result<DistributionReport, DistributionError> {
        // Each statement sees the rows that were committed while the transaction waited for the locks.
        let level = Some(IsolationLevel::ReadCommitted);
        let transaction = owner.begin_with_config(level, Some(AccessMode::ReadWrite)).await?;
        match self.run_in(&transaction).await {
            Ok(report) => {
                transaction.commit().await?;
                Ok(report)
            }
            Err(error) => {
                transaction.rollback().await?;
                Err(error)
            }
        }
    }

    async fn run_in(
        &self,
        transaction: &DatabaseTransaction,
    ) -> Result<DistributionReport, DistributionError> {
        transaction.execute_unprepared(one_at_a_time::LOCK).await?;
        let plan = self.draw(transaction).await?;
        if plan.extension().is_none() {
            return Err(DistributionError::NoExtension);
        }
        if plan.signed {
            return Err(DistributionError::SignedTenant);
        }
        if !plan.violations().is_empty() {
            return Err(DistributionError::Refused { violations: plan.violations });
        }
        run_all(transaction, &plan.before).await?;
        let mut counted = Vec::new();
        for table in &plan.tables {
            counted.push((table, count(transaction, table).await?));
        }
        run_all(transaction, &plan.distributing).await?;
        let mut tables = Vec::new();
        for (table, before) in counted {
            let (table_name, after) = (table.to_string(), count(transaction, table).await?);
            if before != after {
                return Err(DistributionError::RowsDiffer { table: table_name, before, after });
            }
            tables.push(DistributedTable { table: table_name, rows: after });
        }
        run_all(transaction, &plan.after).await?;
        Ok(DistributionReport { tables })
    }

    async fn draw(&self, db: &DatabaseTransaction) -> Result<DistributionPlan, DistributionError> {
        self.settings.check()?;
        for table in &self.reference {
            name::check("schema", &table.schema)?;
            name::check("table", &table.name)?;
        }
        let catalog = Catalog::read(db, &self.settings, &self.reference).await?;
        catalog.require_version()?;
        let violations = rules::violations(db, &catalog, self).await?;
        Ok(DistributionPlan::draw(self, &catalog, violations))
    }
}

async fn run_all(db: &impl ConnectionTrait, statements: &[String]) -> Result<(), DistributionError> {
    for sql in statements {
        db.execute_unprepared(sql).await?;
    }
    Ok(())
}

async fn count(db: &impl ConnectionTrait, table: &Name) -> Result<i64, DistributionError> {
    Ok(one(db, &format!("SELECT count(*)::int8 FROM {}", table.quoted())).await?)
}

/// The result of a distribution.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct DistributionReport {
    /// The distributed tables, each after the tables that it refers to.
    pub tables: Vec<DistributedTable>,
}

/// A table that was distributed or copied to every machine.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct DistributedTable {
    /// Its name, as `schema.table`.
    pub table: String,
    /// The number of rows, which is the same as before.
    pub rows: i64,
}

impl fmt::Display for DistributionReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for DistributedTable { table, rows } in &self.tables {
            writeln!(f, "{rows:>12}  {table}")?;
        }
        write!(f, "{} tables are distributed", self.tables.len())
    }
}
