//! Tables that SeaORM creates from entities are protected by one call, at each start.

use anyhow::Result;
use sea_orm::{
    ActiveModelTrait, ConnectionTrait, DatabaseConnection, DbBackend, DbErr, EntityTrait, PaginatorTrait,
    Schema, Set, Statement,
};
use sea_orm_migration::prelude::SchemaManager;
use watertight::doctor::{Check, Severity};
use watertight::{Builder, Watertight};
use watertight_migration::{Settings, SharedAccess, protect, share};
use watertight_tests::{TestDatabase, new_tenant};

mod customers {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
    #[sea_orm(table_name = "customers")]
    pub(super) struct Model {
        #[sea_orm(primary_key)]
        pub(super) id: i32,
        pub(super) tenant_id: Option<Uuid>,
        #[sea_orm(unique)]
        pub(super) email: String,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub(super) enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

mod orders {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
    #[sea_orm(table_name = "orders")]
    pub(super) struct Model {
        #[sea_orm(primary_key)]
        pub(super) id: i32,
        pub(super) tenant_id: Uuid,
        pub(super) customer_id: i32,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub(super) enum Relation {
        #[sea_orm(
            belongs_to = "super::customers::Entity",
            from = "Column::CustomerId",
            to = "super::customers::Column::Id"
        )]
        Customers,
    }

    impl ActiveModelBehavior for ActiveModel {}
}

const TABLES: [&str; 2] = ["customers", "public.orders"];

async fn sync(owner: &DatabaseConnection) -> Result<(), DbErr> {
    let schema = Schema::new(sea_orm::DbBackend::Postgres);
    schema.builder().register(customers::Entity).register(orders::Entity).sync(owner).await
}

fn settings(database: &TestDatabase) -> Settings {
    Settings::default().with_app_role(database.app_role())
}

fn builder() -> Builder {
    Watertight::builder().tenant_tables(TABLES)
}

#[tokio::test]
async fn synchronized_tables_are_protected_at_each_start() -> Result<()> {
    let database = TestDatabase::create().await?;
    let owner = database.owner().await?;
    let (clinic, studio) = (new_tenant()?, new_tenant()?);
    // The second start synchronizes protected tables with rows.
    for start in 1..=3 {
        sync(&owner).await?;
        protect(&owner, &settings(&database), TABLES).await?;
        let water = database.water_with(builder()).await?;
        for tenant in [clinic, studio] {
            let tenant = water.tenant(tenant);
            let customer = customers::ActiveModel {
                email: Set(format!("{start}@{}", tenant.tenant_id())),
                ..Default::default()
            };
            let customer = customer.insert(&tenant).await?;
            orders::ActiveModel { customer_id: Set(customer.id), ..Default::default() }
                .insert(&tenant)
                .await?;
            assert_eq!(orders::Entity::find().count(&tenant).await?, start);
        }
        // The second layer alone shows nothing without a tenant, and refuses a tenant by name.
        assert_eq!(customers::Entity::find().count(water.dangerous_unscoped()).await?, 0);
    }
    let app = sea_orm::Database::connect(database.app_url()).await?;
    let report = builder().doctor(&app).await?;
    let mut checks: Vec<_> = report
        .findings
        .iter()
        .filter(|finding| finding.severity != Severity::Note)
        .map(|finding| finding.check)
        .collect();
    checks.dedup();
    // Only the keys of the entities are left, which the sync keeps.
    for check in &checks {
        let of_keys = [Check::TenantKey, Check::ForeignKey, Check::CrossingRows, Check::MissingIndex];
        assert!(of_keys.contains(check), "{check:?}: {report}");
    }
    Ok(())
}

#[tokio::test]
async fn tables_that_cannot_be_protected_are_refused_with_the_reason_and_left_unchanged() -> Result<()> {
    let database = TestDatabase::create().await?;
    let owner = database.owner().await?;
    sync(&owner).await?;
    owner
        .execute_unprepared(
            "CREATE VIEW v AS SELECT 1 AS one; CREATE TABLE t (id int, tenant_id text); \
             INSERT INTO customers (email) VALUES ('nobody')",
        )
        .await?;
    let role = |role: &str| Settings::default().with_app_role(role);
    let own = settings(&database);
    for (settings, tables, tells) in [
        (&own, vec!["orders", "nothing"], "public.nothing does not exist"),
        (&own, vec!["orders", "v"], "is not a table"),
        (&own, vec!["orders", "t"], "no column tenant_id of type uuid"),
        (&own.clone().with_tenant_column("org"), vec!["orders"], "no column org of type uuid"),
        (&role("no_such_role"), vec!["orders"], "no_such_role"),
        (&own, vec!["orders", "customers"], "null values"),
        (&own, vec![""], "table"),
    ] {
        let error = protect(&owner, settings, &tables).await.expect_err(tells).to_string();
        assert!(error.contains(tells), "{tells}: {error}");
        let app = sea_orm::Database::connect(database.app_url()).await?;
        assert!(
            orders::Entity::find().count(&app).await.is_err(),
            "{tells}: the transaction was rolled back"
        );
        app.close().await?;
    }
    let empty = TestDatabase::empty().await?;
    let owner = empty.owner().await?;
    sync(&owner).await?;
    let error = protect(&owner, &settings(&empty), TABLES).await.unwrap_err().to_string();
    assert!(error.contains("apply the migrations first"), "{error}");
    Ok(())
}

#[tokio::test]
async fn a_shared_table_is_read_by_tenants_and_written_without_one() -> Result<()> {
    let database = TestDatabase::create().await?;
    let owner = database.owner().await?;
    owner
        .execute_unprepared("CREATE TABLE plans (code text PRIMARY KEY); GRANT ALL ON plans TO PUBLIC")
        .await?;
    let manager = SchemaManager::new(&owner);
    let settings = Settings::from_env().with_app_role(database.app_role());
    share(&manager, &settings, ("public", "plans"), SharedAccess::ReadAndWrite).await?;
    let water = database.water_with(Watertight::builder().shared_tables(["plans"])).await?;
    let tenant = water.tenant(new_tenant()?);
    water.unscoped().execute_unprepared("INSERT INTO plans VALUES ('small')").await?;
    let read = Statement::from_string(DbBackend::Postgres, "SELECT code FROM plans");
    assert_eq!(tenant.query_all_raw(read).await?.len(), 1);
    assert!(tenant.execute_unprepared("DELETE FROM plans").await.is_err());
    share(&manager, &settings, ("public", "plans"), SharedAccess::Read).await?;
    assert!(water.unscoped().execute_unprepared("DELETE FROM plans").await.is_err());
    for (table, tells) in [("clients", "has row-level security"), ("nothing", "does not exist")] {
        let error = share(&manager, &settings, ("public", table), SharedAccess::Read).await.unwrap_err();
        assert!(error.to_string().contains(tells), "{error}");
    }
    Ok(())
}
