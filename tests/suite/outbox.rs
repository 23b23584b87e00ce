//! Outbox tables: tenants insert messages, and a worker handles them.

mod refused;
mod roles;
mod working;

use anyhow::{Context, Result};
use sea_orm::{ConnectionTrait, DbBackend, EntityTrait, Set, Statement};
use sea_orm_migration::SchemaManager;
use sea_orm_migration::schema::{integer, string_len};
use url::Url;
use uuid::Uuid;
use watertight::{Builder, Outbox, Tenant, TenantConnection, Watertight};
use watertight_migration::{Settings, TenantTable};
use watertight_tests::{TestDatabase, new_tenant};

pub(crate) mod messages {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(schema_name = "public", table_name = "messages")]
    pub(crate) struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub tenant_id: Uuid,
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: Uuid,
        pub kind: String,
        pub number: i32,
        pub attempts: i32,
        pub available_at: DateTimeWithTimeZone,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub(crate) enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

/// What the handlers of the tests write: the numbers of the handled messages.
pub(crate) mod handled {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(schema_name = "public", table_name = "handled")]
    pub(crate) struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub tenant_id: Uuid,
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: Uuid,
        pub number: i32,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub(crate) enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

const WORKER: &str = "watertight_test_worker";

pub(crate) fn table() -> TenantTable {
    TenantTable::new("public", "messages").col(string_len("kind", 64)).col(integer("number")).outbox(WORKER)
}

pub(crate) fn builder() -> Builder {
    Watertight::builder().outbox_table(messages::Entity).tenant_table(handled::Entity)
}

/// A database with an outbox, the application and two of its tenants.
pub(crate) struct Scene {
    pub(crate) database: TestDatabase,
    pub(crate) water: Watertight,
    pub(crate) clinic: TenantConnection,
    pub(crate) studio: TenantConnection,
}

impl Scene {
    pub(crate) async fn new() -> Result<Self> {
        let database = TestDatabase::create().await?;
        // Tests of other databases create the same role at the same time.
        let role = format!(
            "DO $$ BEGIN CREATE ROLE {WORKER} LOGIN NOSUPERUSER NOBYPASSRLS IN ROLE \"{}\"; \
             EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL; END $$",
            database.app_role()
        );
        database.superuser().await?.execute_unprepared(&role).await?;
        let owner = database.owner().await?;
        let settings = Settings::from_env().with_app_role(database.app_role());
        let manager = SchemaManager::new(&owner);
        table().create(&manager, &settings).await?;
        let handled = TenantTable::new("public", "handled").col(integer("number"));
        handled.create(&manager, &settings).await?;
        let water = database.water_with(builder()).await?;
        let (clinic, studio) = (water.tenant(new_tenant()?), water.tenant(new_tenant()?));
        Ok(Self { database, water, clinic, studio })
    }

    pub(crate) fn worker_url(&self) -> Result<String> {
        let mut url = Url::parse(&self.database.app_url())?;
        url.set_username(WORKER).ok().context("a URL with a role")?;
        Ok(url.into())
    }

    /// A process of the worker.
    pub(crate) async fn worker(&self) -> Result<Watertight> {
        Ok(builder().connect(self.worker_url()?).await?)
    }

    /// The messages of a worker that tries again at once.
    pub(crate) async fn outbox(&self) -> Result<Outbox<messages::Entity>> {
        let zero = std::time::Duration::ZERO;
        Ok(self.worker().await?.outbox(messages::Entity)?.delays(zero, zero))
    }

    /// The messages of all tenants, as the superuser sees them.
    pub(crate) async fn waiting(&self) -> Result<i64> {
        let sql = Statement::from_string(DbBackend::Postgres, "SELECT count(*) AS n FROM messages");
        let row = self.database.superuser().await?.query_one_raw(sql).await?.context("a count")?;
        Ok(row.try_get("", "n")?)
    }
}

pub(crate) fn message(number: i32) -> messages::ActiveModel {
    messages::ActiveModel { kind: Set("letter".to_owned()), number: Set(number), ..Default::default() }
}

pub(crate) async fn enqueue(tenant: &impl Tenant, number: i32) -> Result<()> {
    Ok(tenant.enqueue(message(number)).await?)
}

/// Writes the number of a message for the tenant of the transaction.
pub(crate) async fn note(tenant: &impl Tenant, message: &messages::Model) -> Result<(), sea_orm::DbErr> {
    let row =
        handled::ActiveModel { id: Set(Uuid::new_v4()), number: Set(message.number), ..Default::default() };
    handled::Entity::insert(row).exec_without_returning(tenant).await.map(drop)
}

/// The numbers that were handled for a tenant.
pub(crate) async fn numbers(tenant: &TenantConnection) -> Result<Vec<i32>> {
    let mut numbers: Vec<i32> =
        handled::Entity::find().all(tenant).await?.into_iter().map(|row| row.number).collect();
    numbers.sort_unstable();
    Ok(numbers)
}
