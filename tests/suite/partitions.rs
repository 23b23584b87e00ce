//! Partitioning tables by tenant loses nothing, and every operation continues to work.

mod business;
mod examined;
mod kept;
mod refused;
mod sets;

use anyhow::Result;
use sea_orm::{ConnectionTrait, DatabaseConnection, DbErr, TransactionTrait};
use sea_orm_migration::{MigrationTrait, MigratorTraitSelf};
use watertight_migration::{HashPartitions, Settings, TenantMigrator};
use watertight_tests::TestDatabase;

use crate::adopt::texts;
use crate::business::rows;

const PARTITIONS: usize = 8;
const BIG: [&str; 3] = ["auth.audit_events", "auth.sessions", "public.bookings"];

/// The migrations that an application lists, as in the guide.
fn own() -> Vec<Box<dyn MigrationTrait>> {
    vec![Box::new(HashPartitions::new(8))]
}

fn migrator() -> TenantMigrator {
    TenantMigrator::new(Settings::from_env()).then(own)
}

async fn divide(database: &TestDatabase) -> Result<()> {
    Ok(migrator().up(&database.owner().await?, None).await?)
}

pub(crate) async fn divided() -> Result<TestDatabase> {
    let database = TestDatabase::create().await?;
    divide(&database).await?;
    Ok(database)
}

/// Runs the migration by itself, in a transaction, as a migrator does.
async fn try_up(owner: &DatabaseConnection, partitions: HashPartitions) -> Result<(), DbErr> {
    let transaction = owner.begin().await?;
    partitions.up(&sea_orm_migration::SchemaManager::new(&transaction)).await?;
    transaction.commit().await
}

/// Inserts rows of many tenants as the owner, while row-level security is not forced.
async fn many_tenants(owner: &DatabaseConnection, tenants: u32) -> Result<()> {
    let lift =
        |verb: &str| BIG.map(|table| format!("ALTER TABLE {table} {verb} ROW LEVEL SECURITY;")).concat();
    let fill = format!(
        "CREATE TEMP TABLE many ON COMMIT DROP AS SELECT md5('tenant' || n)::uuid AS t FROM generate_series(1, {tenants}) n; \
         ALTER TABLE auth.users NO FORCE ROW LEVEL SECURITY; \
         INSERT INTO auth.users (tenant_id, id, handle, email, password_hash) SELECT t, t, 'jess', 'j@x.y', '!' FROM many; \
         INSERT INTO auth.sessions (tenant_id, user_id, expires_at) SELECT t, t, now() FROM many, generate_series(1, 5); \
         INSERT INTO auth.audit_events (tenant_id, type, details) SELECT t, 'X', '{{}}' FROM many, generate_series(1, 20); \
         ALTER TABLE auth.users FORCE ROW LEVEL SECURITY"
    );
    let transaction = owner.begin().await?;
    transaction.execute_unprepared(&format!("{}{fill};{}", lift("NO FORCE"), lift("FORCE"))).await?;
    Ok(transaction.commit().await?)
}
