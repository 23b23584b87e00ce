//! Hash partitions by tenant, for tables that outgrow one index.

mod catalog;
mod conversion;
mod error;

use async_trait::async_trait;
use sea_orm_migration::{MigrationName, MigrationTrait, prelude::*, sea_orm::ConnectionTrait};

pub use error::PartitionError;

use watertight_schema::TableSets;

use crate::name::{self, Name};
use crate::query::{self, one};
use conversion::{Shape, convert};

/// A migration that divides tables into hash partitions by tenant.
///
/// [`down`](MigrationTrait::down) restores plain tables. The migration is not among
/// [`migrations`](crate::migrations): list it after them to use it. It runs in one transaction, which blocks
/// readers and writers of the tables until it ends. It keeps every row, and the defaults, checks, keys,
/// indexes, foreign keys in both directions, triggers, comments, grants, row-level security and policies of
/// the table. A partition has no grants, and has the table's policies.
///
/// An exclusion constraint is created on each partition, because PostgreSQL allows one on a partitioned table
/// only if it compares the tenant with `=`. The effect is the same, because all rows of a tenant are in one
/// partition.
///
/// # Errors
///
/// The builder never fails. [`check`](Self::check) reports a wrong description as a [`PartitionError`].
/// Applying the migration reports every [`PartitionError`] as a [`DbErr::Migration`].
///
/// # Examples
///
/// ```
/// use watertight_migration::{HashPartitions, MigrationTrait, Settings, TenantMigrator};
///
/// /// What `sea-orm-cli migrate generate` lists in the application's own migration crate.
/// fn own() -> Vec<Box<dyn MigrationTrait>> {
///     vec![Box::new(HashPartitions::new(16))]
/// }
///
/// let migrator = TenantMigrator::new(Settings::from_env()).then(own);
/// # let _ = migrator;
/// ```
#[derive(Clone, Debug)]
#[must_use = "a migration does nothing until a migrator applies it"]
pub struct HashPartitions {
    name: String,
    tables: Vec<Name>,
    partitions: u32,
}

impl HashPartitions {
    /// The tables of watertight that grow with the activity of a business, as `(schema, name)`.
    pub const TABLES: [(&str, &str); 3] =
        [("auth", "sessions"), ("auth", "audit_events"), ("public", "bookings")];

    /// The smallest number of partitions of a table.
    pub const LEAST: u32 = 2;

    /// The largest number of partitions of a table.
    ///
    /// PostgreSQL plans and locks every partition that a statement does not rule out.
    pub const MOST: u32 = 256;

    /// The default name of the migration.
    pub const NAME: &str = "watertight_hash_partitions";

    /// Divides each of [`TABLES`](Self::TABLES) into a number of partitions.
    ///
    /// ```
    /// use watertight_migration::HashPartitions;
    ///
    /// assert!(HashPartitions::new(16).check().is_ok());
    /// assert!(HashPartitions::new(HashPartitions::MOST + 1).check().is_err());
    /// ```
    pub fn new(partitions: u32) -> Self {
        Self::of(Self::TABLES, partitions)
    }

    /// Divides the [`TABLES`](Self::TABLES) of the chosen table sets, in their schemas.
    ///
    /// ```
    /// use watertight_migration::{HashPartitions, TableSet, TableSets};
    ///
    /// let sets = TableSets::none().in_schema(TableSet::Auth, "identity");
    /// assert!(HashPartitions::of_table_sets(&sets, 16).check().is_ok());
    /// ```
    pub fn of_table_sets(sets: &TableSets, partitions: u32) -> Self {
        let chosen = |(schema, table)| Some((sets.schema_of(schema, table)?, table));
        Self::of(Self::TABLES.into_iter().filter_map(chosen), partitions)
    }

    /// Divides the given tables, as `(schema, name)`, instead of watertight's.
    ///
    /// ```
    /// use watertight_migration::HashPartitions;
    ///
    /// let readings = HashPartitions::of([("public", "readings")], 32).named("m20270101_000001_divide_readings");
    /// assert!(readings.check().is_ok());
    /// ```
    pub fn of(
        tables: impl IntoIterator<Item = (impl Into<String>, impl Into<String>)>,
        partitions: u32,
    ) -> Self {
        let name = |(schema, name): (_, _)| Name::new(schema, name);
        Self { name: Self::NAME.to_owned(), tables: tables.into_iter().map(name).collect(), partitions }
    }

    /// Names the migration, for a migrator with several migrations of this type.
    ///
    /// ```
    /// use watertight_migration::{HashPartitions, sea_orm_migration::MigrationName};
    ///
    /// let divide = HashPartitions::new(16).named("m20270101_000001_divide_bookings");
    /// assert_eq!(divide.name(), "m20270101_000001_divide_bookings");
    /// ```
    pub fn named(mut self, name: impl Into<String>) -> Self {
        self.name = name.into();
        self
    }

    /// Checks the description. Runs no SQL.
    ///
    /// ```
    /// use watertight_migration::{HashPartitions, PartitionError};
    ///
    /// assert!(matches!(HashPartitions::new(0).check(), Err(PartitionError::Count { partitions: 0 })));
    /// ```
    ///
    /// # Errors
    ///
    /// [`PartitionError::Count`], [`PartitionError::Name`].
    pub fn check(&self) -> Result<(), PartitionError> {
        if !(Self::LEAST..=Self::MOST).contains(&self.partitions) {
            return Err(PartitionError::Count { partitions: self.partitions });
        }
        for table in &self.tables {
            name::check("schema", &table.schema)?;
            name::check("table", &table.name)?;
        }
        Ok(())
    }

    async fn convert_all(&self, manager: &SchemaManager<'_>, shape: Shape) -> Result<(), PartitionError> {
        self.check()?;
        let db = manager.get_connection();
        let level: String = one(db, "SELECT current_setting('transaction_isolation')").await?;
        // At any other level the statements see the rows of a time before the locks were granted.
        if level != "read committed" {
            return Err(PartitionError::IsolationLevel { level });
        }
        let before: String =
            one(db, "SELECT set_config('search_path', current_setting('search_path'), true)").await?;
        let sight: String = one(db, "SELECT current_setting('row_security')").await?;
        // PostgreSQL then prints qualified names, and fails instead of hiding a row by a policy.
        db.execute_unprepared("SET LOCAL search_path = pg_catalog; SET LOCAL row_security = off").await?;
        catalog::lock(db, &self.tables).await?;
        for table in &self.tables {
            convert(db, table, shape).await?;
        }
        let restore = "SELECT set_config('search_path', $1, true) || set_config('row_security', $2, true)";
        query::rows(db, restore, [before.into(), sight.into()]).await?;
        Ok(())
    }
}

impl MigrationName for HashPartitions {
    fn name(&self) -> &str {
        &self.name
    }
}

#[async_trait]
impl MigrationTrait for HashPartitions {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        Ok(self.convert_all(manager, Shape::Hash(self.partitions)).await?)
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        Ok(self.convert_all(manager, Shape::Plain).await?)
    }

    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_that_make_no_sense_are_refused() {
        for partitions in [0, 1, 257, u32::MAX] {
            let error = HashPartitions::new(partitions).check().unwrap_err();
            assert!(matches!(error, PartitionError::Count { .. }), "{error}");
            assert!(error.to_string().contains(&partitions.to_string()), "{error}");
        }
        for partitions in [2, 3, 16, 256] {
            assert!(HashPartitions::new(partitions).check().is_ok());
        }
    }

    #[test]
    fn names_postgresql_would_cut_are_refused() {
        let error = HashPartitions::of([("public", "x".repeat(64))], 2).check().unwrap_err();
        assert!(matches!(error, PartitionError::Name(_)), "{error}");
    }
}
