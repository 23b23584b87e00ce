//! Table sets: the chosen sets in schemas of the application's choice, and no other set.

mod beside;
mod business;
mod chosen;
mod statements;
mod whole;

use anyhow::Result;
use sea_orm::{ConnectionTrait, Database};
use watertight::doctor::Report;
use watertight::{Builder, TableSet, TableSets, TenantConnection, Watertight};
use watertight_tests::{TestDatabase, new_tenant};

use crate::auth::settings;

/// Two sets in `studio`, one in a schema that has to be quoted, and the rest in their own schemas.
pub(crate) fn moved_sets() -> TableSets {
    TableSets::all()
        .in_schema(TableSet::Auth, "identity")
        .in_schema(TableSet::Booking, "studio")
        .in_schema(TableSet::Certificates, "studio")
        .in_schema(TableSet::History, "Old \"rows\"")
}

/// Moves the tables of a database to the schemas of [`moved_sets`].
pub(crate) async fn move_tables(database: &TestDatabase) -> Result<()> {
    let owner = database.owner().await?;
    let app = database.app_role();
    let studio = [TableSet::Booking, TableSet::Certificates].into_iter().flat_map(TableSet::tables);
    let schemas: [(&str, Vec<_>); 2] = [
        ("\"studio\"", studio.copied().collect()),
        (r#""Old ""rows""""#, TableSet::History.tables().to_vec()),
    ];
    owner.execute_unprepared("ALTER SCHEMA auth RENAME TO identity").await?;
    for (schema, tables) in schemas {
        let grant = format!(r#"CREATE SCHEMA {schema}; GRANT USAGE ON SCHEMA {schema} TO "{app}""#);
        owner.execute_unprepared(&grant).await?;
        for table in tables {
            owner.execute_unprepared(&format!("ALTER TABLE public.{table} SET SCHEMA {schema}")).await?;
        }
    }
    Ok(owner.close().await?)
}

/// The doctor's report with the application's role.
pub(crate) async fn examine(database: &TestDatabase, builder: Builder) -> Result<Report> {
    Ok(builder.doctor(&Database::connect(database.app_url()).await?).await?)
}

/// A builder for a database whose tables were moved.
pub(crate) fn builder() -> Builder {
    Watertight::builder().table_sets(moved_sets()).auth(settings())
}

/// A database whose tables were moved, and two of its tenants.
pub(crate) struct Moved {
    pub(crate) database: TestDatabase,
    pub(crate) clinic: TenantConnection,
    pub(crate) spa: TenantConnection,
}

impl Moved {
    pub(crate) async fn new() -> Result<Self> {
        Self::with(TestDatabase::create().await?, builder()).await
    }

    pub(crate) async fn with(database: TestDatabase, builder: Builder) -> Result<Self> {
        move_tables(&database).await?;
        let water = database.water_with(builder).await?;
        let (clinic, spa) = (water.tenant(new_tenant()?), water.tenant(new_tenant()?));
        Ok(Self { database, clinic, spa })
    }
}
