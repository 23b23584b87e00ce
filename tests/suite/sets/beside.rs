//! An application's own table with the same name as a table of watertight in another schema.

use anyhow::Result;
use sea_orm::{ActiveModelTrait, DbBackend, EntityTrait, PaginatorTrait, Set, Statement};
use watertight::MaintenanceError;
use watertight::RegistrationError;
use watertight::entity::public::clients;
use watertight::{Error, TenantConnection};
use watertight_migration::{Settings, TenantTable, sea_orm_migration};
use watertight_tests::TestDatabase;

use super::{Moved, builder, examine, move_tables};
use crate::rows;

/// The entity of the application's clients, without a schema.
mod own_clients {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "clients")]
    pub(super) struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub tenant_id: Uuid,
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: Uuid,
        pub company: String,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub(super) enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

/// The same entity, with a schema.
mod stated_clients {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(schema_name = "public", table_name = "clients")]
    pub(super) struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub tenant_id: Uuid,
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: Uuid,
        pub company: String,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub(super) enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

/// A database with both tables, and the tenants' connections.
async fn beside() -> Result<Moved> {
    let database = TestDatabase::create().await?;
    move_tables(&database).await?;
    let owner = database.owner().await?;
    let own = TenantTable::new("public", "clients").col(sea_orm_migration::schema::string("company"));
    own.create(&sea_orm_migration::SchemaManager::new(&owner), &Settings::from_env()).await?;
    let water = database.water_with(builder().tenant_table(own_clients::Entity)).await?;
    let (clinic, spa) =
        (water.tenant(watertight_tests::new_tenant()?), water.tenant(watertight_tests::new_tenant()?));
    Ok(Moved { database, clinic, spa })
}

async fn plant(tenant: &TenantConnection) -> Result<()> {
    rows::client("Ann").insert(tenant).await?;
    for company in ["Acme", "Ink & Co"] {
        own_clients::ActiveModel { company: Set(company.to_owned()), ..Default::default() }
            .insert(tenant)
            .await?;
    }
    Ok(())
}

async fn text(tenant: &TenantConnection, sql: &str) -> Result<String> {
    let row = tenant.query_one_raw(Statement::from_string(DbBackend::Postgres, sql)).await?;
    Ok(row.map_or_else(|| Ok(String::new()), |row| row.try_get_by_index(0))?)
}

#[tokio::test]
async fn each_is_reached_by_its_own_name() -> Result<()> {
    let moved = beside().await?;
    for tenant in [&moved.clinic, &moved.spa] {
        plant(tenant).await?;
    }
    assert_eq!(clients::Entity::find().count(&moved.clinic).await?, 1);
    assert_eq!(own_clients::Entity::find().count(&moved.clinic).await?, 2);
    assert_eq!(
        text(&moved.clinic, "SELECT max(public.clients.first_name) FROM public.clients").await?,
        "Ann"
    );
    assert_eq!(text(&moved.clinic, "SELECT min(clients.company) FROM clients").await?, "Acme");
    let both = "SELECT string_agg(own.company, ', ' ORDER BY own.company) || ' ' || max(ours.first_name) \
                FROM clients own, public.clients ours";
    assert_eq!(text(&moved.clinic, both).await?, "Acme, Ink & Co Ann");
    assert_eq!(moved.clinic.execute_unprepared("DELETE FROM clients").await?.rows_affected(), 2);
    assert_eq!(clients::Entity::find().count(&moved.clinic).await?, 1);
    assert_eq!(own_clients::Entity::find().count(&moved.spa).await?, 2);
    let report = examine(&moved.database, builder().tenant_table(own_clients::Entity)).await?;
    assert!(report.is_sound(), "{report}");
    Ok(())
}

#[tokio::test]
async fn an_export_keeps_them_apart() -> Result<()> {
    let moved = beside().await?;
    for tenant in [&moved.clinic, &moved.spa] {
        plant(tenant).await?;
    }
    let maintenance =
        builder().tenant_table(own_clients::Entity).maintenance(&moved.database.owner().await?).await?;
    let clinic = moved.clinic.tenant_id();
    let mut lines = Vec::new();
    let export = maintenance.export(clinic, &mut lines, |_| ()).await?;
    assert_eq!((export.rows["public.clients"], export.rows["clients"]), (1, 2));
    assert_eq!(maintenance.erase(clinic, |_| ()).await?.erased(), 3);
    assert_eq!(maintenance.import(clinic, &lines[..], |_| ()).await?.rows, export.rows);
    assert_eq!(own_clients::Entity::find().count(&moved.clinic).await?, 2);
    assert_eq!(own_clients::Entity::find().count(&moved.spa).await?, 2);
    // A database without the application's table does not import its rows into watertight's table.
    let plain = TestDatabase::create().await?;
    let elsewhere = watertight::Watertight::builder().maintenance(&plain.owner().await?).await?;
    let refused = elsewhere.import(clinic, &lines[..], |_| ()).await;
    assert!(matches!(refused, Err(MaintenanceError::MalformedExport { .. })), "{refused:?}");
    Ok(())
}

#[test]
fn an_entity_that_states_the_name_of_a_moved_table_is_ambiguous() -> Result<()> {
    let rewriter = builder().tenant_table(stated_clients::Entity).rewriter();
    let error = rewriter.unwrap_err();
    assert!(error.to_string().contains("leave out its `schema_name`"), "{error}");
    assert!(matches!(&error, Error::Registration(errors) if matches!(&*errors.problems,
            [RegistrationError::AmbiguousTable { table, own }] if table == "public.clients" && own == "studio.clients")));
    // If watertight's own table has not moved, the entity can add columns to it.
    watertight::Watertight::builder().tenant_table(stated_clients::Entity).rewriter()?;
    Ok(())
}
