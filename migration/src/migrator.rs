//! The migrators: one for watertight's migrations alone, and one that adds an application's migrations.

use async_trait::async_trait;
use sea_orm_migration::{
    IntoSchemaManagerConnection, MigrationTrait, MigratorTraitSelf, SchemaManagerConnection, prelude::*,
    sea_orm::ConnectionTrait,
};

use crate::one_at_a_time::{self, Lock};
use crate::{Settings, TableSet, access, applied, migrations};

/// Applies watertight's migrations, with the settings of the environment.
///
/// ```no_run
/// use watertight_migration::{Migrator, MigratorTrait, sea_orm_migration::sea_orm::Database};
///
/// # async fn run() -> Result<(), sea_orm_migration::DbErr> {
/// let owner = Database::connect("postgres://watertight_owner@localhost/watertight").await?;
/// Migrator::up(&owner, None).await
/// # }
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Migrator;

#[async_trait]
impl MigratorTrait for Migrator {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        migrations(&Settings::from_env())
    }

    async fn install<C>(db: &C) -> Result<(), DbErr>
    where
        C: ConnectionTrait,
    {
        MigratorTraitSelf::install(&TenantMigrator::new(Settings::from_env()), db).await
    }

    async fn up<'c, C>(db: C, steps: Option<u32>) -> Result<(), DbErr>
    where
        C: IntoSchemaManagerConnection<'c>,
    {
        MigratorTraitSelf::up(&TenantMigrator::new(Settings::from_env()), db, steps).await
    }

    async fn down<'c, C>(db: C, steps: Option<u32>) -> Result<(), DbErr>
    where
        C: IntoSchemaManagerConnection<'c>,
    {
        MigratorTraitSelf::down(&TenantMigrator::new(Settings::from_env()), db, steps).await
    }

    async fn refresh<'c, C>(db: C) -> Result<(), DbErr>
    where
        C: IntoSchemaManagerConnection<'c>,
    {
        MigratorTraitSelf::refresh(&TenantMigrator::new(Settings::from_env()), db).await
    }

    async fn reset<'c, C>(db: C) -> Result<(), DbErr>
    where
        C: IntoSchemaManagerConnection<'c>,
    {
        MigratorTraitSelf::reset(&TenantMigrator::new(Settings::from_env()), db).await
    }

    async fn fresh<'c, C>(db: C) -> Result<(), DbErr>
    where
        C: IntoSchemaManagerConnection<'c>,
    {
        MigratorTraitSelf::fresh(&TenantMigrator::new(Settings::from_env()), db).await
    }
}

type Migrations = fn() -> Vec<Box<dyn MigrationTrait>>;

/// Applies watertight's migrations with given settings, and then an application's migrations.
///
/// Migrators run one at a time on a database: the second waits for the first, and then finds nothing left to do. This needs a
/// pool of two connections or more, such as the default one.
///
/// ```no_run
/// use sea_orm_migration::{MigrationTrait, MigratorTraitSelf, sea_orm::DatabaseConnection};
/// use watertight_migration::{Settings, TenantMigrator};
///
/// /// What `sea-orm-cli migrate generate` lists in the application's own migration crate.
/// fn own() -> Vec<Box<dyn MigrationTrait>> {
///     vec![]
/// }
///
/// # async fn run(owner: &DatabaseConnection) -> Result<(), sea_orm_migration::DbErr> {
/// TenantMigrator::new(Settings::default().with_app_role("shop")).then(own).up(owner, None).await
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct TenantMigrator {
    settings: Settings,
    then: Option<Migrations>,
    /// The migrations of other migrators in the same table.
    others: Vec<String>,
}

impl TenantMigrator {
    /// A migrator for watertight's own migrations.
    ///
    /// ```
    /// use sea_orm_migration::MigratorTraitSelf;
    /// use watertight_migration::{Settings, TableSets, TenantMigrator};
    ///
    /// let isolation_alone = Settings::default().with_table_sets(TableSets::none());
    /// let migrations = TenantMigrator::new(isolation_alone).migrations();
    /// assert_eq!(migrations[0].name(), "m20260101_000009_signed_tenant");
    /// ```
    #[must_use]
    pub fn new(settings: Settings) -> Self {
        Self { settings, then: None, others: Vec::new() }
    }

    /// Adds an application's migrations after watertight's, to whose tables they may refer.
    ///
    /// ```
    /// use sea_orm_migration::MigratorTraitSelf;
    /// use watertight_migration::{HashPartitions, Settings, TenantMigrator};
    ///
    /// let migrator = TenantMigrator::new(Settings::default()).then(|| vec![Box::new(HashPartitions::new(16))]);
    /// let all = migrator.migrations();
    /// assert_eq!(all.last().map(|migration| migration.name()), Some(HashPartitions::NAME));
    /// ```
    #[must_use]
    pub fn then(mut self, migrations: fn() -> Vec<Box<dyn MigrationTrait>>) -> Self {
        self.then = Some(migrations);
        self
    }

    /// Accepts applied migrations of other migrators, which are recorded in the same table.
    ///
    /// sea-orm-migration refuses to work on a table with migrations that the migrator does not list. Prefer
    /// [`then`](Self::then), so that one migrator lists all of them. This is for programs that do not know the application's
    /// migrations, such as the command `watertight migrate`. The other migrations are never applied or rolled back: a rollback
    /// that reaches one of them fails.
    ///
    /// ```no_run
    /// use sea_orm_migration::{MigratorTraitSelf, sea_orm::DatabaseConnection};
    /// use watertight_migration::{Settings, TenantMigrator};
    ///
    /// # async fn run(owner: &DatabaseConnection) -> Result<(), sea_orm_migration::DbErr> {
    /// TenantMigrator::new(Settings::from_env()).beside_others(owner).await?.up(owner, None).await
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// The error of the database.
    pub async fn beside_others(mut self, db: &impl ConnectionTrait) -> Result<Self, DbErr> {
        let applied = applied::names(db, &self.settings).await?.unwrap_or_default();
        let own = self.migrations();
        // A table set that is applied and not chosen stays an error.
        let is_other = |name: &String| {
            TableSet::of_migration(name).is_none() && !own.iter().any(|migration| migration.name() == name)
        };
        self.others = applied.into_iter().filter(is_other).collect();
        Ok(self)
    }

    /// The applied migrations of other migrators that [`beside_others`](Self::beside_others) has found.
    #[must_use]
    pub fn others(&self) -> &[String] {
        &self.others
    }
}

/// Runs a command of sea-orm-migration while no other migrator runs.
macro_rules! alone {
    ($db:expr, $connection:ident => $command:expr) => {{
        let db = $db.into_database_executor();
        let lock = Lock::take(&db).await?;
        let done = match &db {
            SchemaManagerConnection::Connection(db) => {
                let $connection = *db;
                $command.await
            }
            SchemaManagerConnection::Transaction(db) => {
                let $connection = *db;
                $command.await
            }
            SchemaManagerConnection::OwnedTransaction($connection) => $command.await,
        };
        lock.release().await;
        done
    }};
}

#[async_trait]
impl MigratorTraitSelf for TenantMigrator {
    fn migrations(&self) -> Vec<Box<dyn MigrationTrait>> {
        let other = |name: &String| Box::new(Other(name.clone())) as Box<dyn MigrationTrait>;
        let mut all: Vec<_> = self.others.iter().map(other).collect();
        all.extend(migrations(&self.settings));
        all.extend(self.then.into_iter().flat_map(|then| then()));
        all
    }

    fn migration_table_name(&self) -> DynIden {
        Alias::new(self.settings.migration_table()).into_iden()
    }

    async fn install<C>(&self, db: &C) -> Result<(), DbErr>
    where
        C: ConnectionTrait,
    {
        one_at_a_time::install(db, self.migration_table_name()).await
    }

    async fn up<'c, C>(&self, db: C, steps: Option<u32>) -> Result<(), DbErr>
    where
        C: IntoSchemaManagerConnection<'c>,
    {
        alone!(db, db => Plain(self).up(db, steps))
    }

    async fn down<'c, C>(&self, db: C, steps: Option<u32>) -> Result<(), DbErr>
    where
        C: IntoSchemaManagerConnection<'c>,
    {
        alone!(db, db => Plain(self).down(db, steps))
    }

    async fn refresh<'c, C>(&self, db: C) -> Result<(), DbErr>
    where
        C: IntoSchemaManagerConnection<'c>,
    {
        alone!(db, db => Plain(self).refresh(db))
    }

    async fn reset<'c, C>(&self, db: C) -> Result<(), DbErr>
    where
        C: IntoSchemaManagerConnection<'c>,
    {
        alone!(db, db => Plain(self).reset(db))
    }

    /// Drops all tables of the connection's schema and the tenant tables of every schema, and applies all
    /// migrations.
    ///
    /// The `fresh` of sea-orm-migration drops only the tables of one schema, and the users are in another.
    async fn fresh<'c, C>(&self, db: C) -> Result<(), DbErr>
    where
        C: IntoSchemaManagerConnection<'c>,
    {
        alone!(db, db => async {
            let manager = SchemaManager::new(db);
            for (schema, table) in access::tenant_tables(&manager).await? {
                let name = (Alias::new(schema), Alias::new(table));
                // The cascade drops the foreign keys of tables that are dropped later.
                manager.drop_table(Table::drop().table(name).cascade().take()).await?;
            }
            Plain(self).fresh(db).await
        })
    }
}

/// An applied migration of another migrator.
struct Other(String);

impl MigrationName for Other {
    fn name(&self) -> &str {
        &self.0
    }
}

#[async_trait]
impl MigrationTrait for Other {
    async fn up(&self, _: &SchemaManager) -> Result<(), DbErr> {
        Err(self.belongs_elsewhere("applied"))
    }

    async fn down(&self, _: &SchemaManager) -> Result<(), DbErr> {
        Err(self.belongs_elsewhere("rolled back"))
    }
}

impl Other {
    fn belongs_elsewhere(&self, what: &str) -> DbErr {
        DbErr::Migration(format!(
            "the migration {:?} is not one of watertight's, so it cannot be {what} here; use the application's migrator",
            self.0
        ))
    }
}

/// The same migrations with sea-orm-migration's own commands.
struct Plain<'a>(&'a TenantMigrator);

#[async_trait]
impl MigratorTraitSelf for Plain<'_> {
    fn migrations(&self) -> Vec<Box<dyn MigrationTrait>> {
        self.0.migrations()
    }

    fn migration_table_name(&self) -> DynIden {
        self.0.migration_table_name()
    }

    async fn install<C>(&self, db: &C) -> Result<(), DbErr>
    where
        C: ConnectionTrait,
    {
        self.0.install(db).await
    }
}
