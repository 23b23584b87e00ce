//! Big tables divided by tenant, for databases that outgrow one index.

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

/// A migration that divides tables into hash partitions by tenant; [`down`](MigrationTrait::down) makes plain tables
/// of them again.
///
/// It is in no list of [`migrations`](crate::migrations): an application that wants it puts it behind them. All of it
/// is done in one transaction, which holds off who reads or writes the tables until it ends, and keeps every row and
/// all that the table had: defaults, checks, keys, indexes, foreign keys of the table and to it, triggers, comments,
/// grants, row-level security and policies. Nobody is granted a partition, and each has the table's policies besides.
///
/// An exclusion constraint is made on each partition, because PostgreSQL takes none on the table that does not compare
/// the tenant with `=`. It keeps the same rows apart, for the rows of a tenant are all in one partition.
///
/// # Errors
///
/// The builder never fails on its own. [`check`](Self::check) says what is wrong with the description, and applying the
/// migration says it, too, and what else is in the way: a [`PartitionError`] within a [`DbErr::Migration`].
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
#[must_use = "a migration does nothing before a migrator applies it"]
pub struct HashPartitions {
    name: String,
    tables: Vec<Name>,
    partitions: u32,
}

impl HashPartitions {
    /// The tables of watertight that grow with what a business does, as `(schema, name)`.
    pub const TABLES: [(&str, &str); 3] =
        [("auth", "sessions"), ("auth", "audit_events"), ("public", "bookings")];

    /// How many partitions a table has at least.
    pub const LEAST: u32 = 2;

    /// How many partitions a table has at most: PostgreSQL plans and locks each that a statement cannot rule out.
    pub const MOST: u32 = 256;

    /// The name that it is noted under when nothing else is said.
    pub const NAME: &str = "watertight_hash_partitions";

    /// Divides each of [`TABLES`](Self::TABLES) into so many partitions.
    pub fn new(partitions: u32) -> Self {
        Self::of(Self::TABLES, partitions)
    }

    /// Divides those of [`TABLES`](Self::TABLES) whose table set is chosen, in their schemas.
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

    /// Divides these tables, given as `(schema, name)`, in place of watertight's.
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

    /// Names the migration, for a migrator that has more than one of them.
    pub fn named(mut self, name: impl Into<String>) -> Self {
        self.name = name.into();
        self
    }

    /// Says what is wrong with the description, before any SQL is run.
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
        // Any other level goes on seeing the rows of the moment before the locks.
        if level != "read committed" {
            return Err(PartitionError::IsolationLevel { level });
        }
        let before: String =
            one(db, "SELECT set_config('search_path', current_setting('search_path'), true)").await?;
        let sight: String = one(db, "SELECT current_setting('row_security')").await?;
        // Names are printed in full then, and a policy that would hide a row is an error.
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
