//! The connection without a tenant, which refuses statements for tenant tables.

use anyhow::Result;
use futures_util::TryStreamExt;
use sea_orm::{
    ActiveModelTrait, ColumnTrait, ConnectionTrait, DbBackend, DbErr, EntityTrait, LoaderTrait,
    PaginatorTrait, QueryFilter, Set, Statement, TransactionError, TransactionSession, TransactionTrait,
};
use watertight::entity::auth::users;
use watertight::entity::public::services;
use watertight::{Layers, Reason, Refusal, Watertight};
use watertight_tests::{TestDatabase, new_tenant};

use crate::rows;

mod offers {
    use sea_orm::entity::prelude::*;
    use watertight::entity::public::services;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "offers")]
    pub(super) struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub(super) code: String,
        pub(super) service_id: Uuid,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub(super) enum Relation {
        #[sea_orm(belongs_to = "services::Entity", from = "Column::ServiceId", to = "services::Column::Id")]
        Service,
    }

    impl Related<services::Entity> for Entity {
        fn to() -> RelationDef {
            Relation::Service.def()
        }
    }

    impl ActiveModelBehavior for ActiveModel {}
}

async fn water(database: &TestDatabase) -> Result<Watertight> {
    let owner = database.owner().await?;
    owner.execute_unprepared("CREATE TABLE offers (code text PRIMARY KEY, service_id uuid NOT NULL)").await?;
    owner.execute_unprepared("CREATE TABLE queue (id int PRIMARY KEY)").await?;
    owner.execute_unprepared("GRANT ALL ON offers, queue TO PUBLIC").await?;
    database.water_with(Watertight::builder().shared_table(offers::Entity)).await
}

#[track_caller]
fn assert_tenant_table<T>(result: Result<T, DbErr>, table: &str) {
    let Err(error) = result else { panic!("accepted") };
    let reason = Refusal::of(&error).map(|refusal| &refusal.reason);
    assert_eq!(reason, Some(&Reason::TenantTableUnscoped(table.to_owned())), "{error}");
}

#[tokio::test]
async fn rows_of_a_tenant_table_are_refused_on_every_path() -> Result<()> {
    let database = TestDatabase::create().await?;
    let water = water(&database).await?;
    rows::service("Massage").insert(&water.tenant(new_tenant()?)).await?;
    let unscoped = water.unscoped();
    let transaction = unscoped.begin().await?;
    let table = "public.services";
    assert_tenant_table(services::Entity::find().all(&unscoped).await, table);
    assert_tenant_table(services::Entity::find().count(&transaction).await, table);
    assert_tenant_table(services::Entity::find().stream(&unscoped).await.map(drop), table);
    assert_tenant_table(services::Entity::find().stream(&transaction).await.map(drop), table);
    assert_tenant_table(services::Entity::delete_many().exec(&unscoped).await, table);
    assert_tenant_table(rows::service("Facial").insert(&unscoped).await, table);
    assert_tenant_table(users::Entity::find().one(&transaction).await, "auth.users");
    let sql = "SELECT 1 AS one; SELECT name FROM services";
    assert_tenant_table(unscoped.execute_unprepared(sql).await, table);
    let raw = || Statement::from_string(DbBackend::Postgres, "SELECT name FROM services");
    assert_tenant_table(unscoped.execute_raw(raw()).await, table);
    assert_tenant_table(unscoped.query_one_raw(raw()).await, table);
    assert_tenant_table(transaction.query_all_raw(raw()).await, table);
    let error = services::Entity::find().all(&unscoped).await.unwrap_err();
    assert!(
        error.to_string().contains("Watertight::for_each_tenant"),
        "the message says what to do: {error}"
    );
    // The refused statements did not reach the server, so the transaction goes on.
    transaction.execute_unprepared("INSERT INTO queue VALUES (1)").await?;
    transaction.commit().await?;
    Ok(())
}

#[tokio::test]
async fn shared_and_unregistered_tables_are_read_and_written() -> Result<()> {
    let database = TestDatabase::create().await?;
    let water = water(&database).await?;
    let tenant = water.tenant(new_tenant()?);
    let service = rows::service("Massage").insert(&tenant).await?;
    let unscoped = water.unscoped();
    let offer = |code: &str| offers::ActiveModel { code: Set(code.to_owned()), service_id: Set(service.id) };
    let first = offer("A").insert(&unscoped).await?;
    let transaction = unscoped.begin().await?;
    offer("B").insert(&transaction).await?;
    let inner = transaction.begin().await?;
    offer("C").insert(&inner).await?;
    inner.rollback().await?;
    transaction.commit().await?;
    unscoped.begin().await?.execute_unprepared("DELETE FROM offers").await?;
    assert_eq!(offers::Entity::find().count(&tenant).await?, 2, "a dropped transaction rolls back");
    let streamed: Vec<_> = offers::Entity::find().stream(&unscoped).await?.try_collect().await?;
    assert_eq!(streamed.len(), 2);
    let found = offers::Entity::find().filter(offers::Column::Code.eq("A")).one(&unscoped).await?;
    assert_eq!(found.as_ref(), Some(&first));

    // Relations from a shared table to a tenant table need a tenant.
    let joined = || offers::Entity::find().find_also_related(services::Entity);
    assert_tenant_table(joined().all(&unscoped).await, "public.services");
    let loaded = vec![first.clone()].load_one(services::Entity, &unscoped).await;
    assert_tenant_table(loaded, "public.services");
    assert!(joined().all(&tenant).await?.iter().all(|(_, service)| service.is_some()));

    let failed: Result<(), TransactionError<DbErr>> = unscoped
        .transaction(|transaction| {
            Box::pin(async move {
                transaction.execute_unprepared("INSERT INTO queue VALUES (7)").await?;
                services::Entity::find().count(transaction).await.map(drop)
            })
        })
        .await;
    assert!(matches!(failed, Err(TransactionError::Transaction(error)) if Refusal::of(&error).is_some()));
    let queued = Statement::from_string(DbBackend::Postgres, "SELECT id FROM queue");
    assert!(unscoped.query_all_raw(queued).await?.is_empty());

    // Changes of the schema are sent, several statements in one text, too.
    let transaction = unscoped.begin().await?;
    let sql = "CREATE TEMP TABLE scratch (id int) ON COMMIT DROP; INSERT INTO scratch VALUES (1), (2)";
    transaction.execute_unprepared(sql).await?;
    let filled = Statement::from_string(DbBackend::Postgres, "SELECT id FROM scratch");
    assert_eq!(transaction.query_all_raw(filled).await?.len(), 2);
    transaction.rollback().await?;
    Ok(())
}

#[tokio::test]
async fn the_connection_goes_back_to_the_pool_as_it_was() -> Result<()> {
    let database = TestDatabase::create().await?;
    let water = water(&database).await?;
    for sql in [
        "SET work_mem = '3MB'",
        "SET ROLE NONE",
        "SELECT 1; SET search_path = x",
        "RESET ALL",
        "BEGIN",
        "ROLLBACK",
    ] {
        let error = water.unscoped().execute_unprepared(sql).await.unwrap_err();
        assert!(Refusal::of(&error).is_some(), "{sql}: {error}");
    }
    let unclear = water.unscoped().execute_unprepared("SELECT U&'\\0061'").await.unwrap_err();
    assert!(Refusal::of(&unclear).is_some(), "a text that is not understood: {unclear}");
    Ok(())
}

#[tokio::test]
async fn a_tenant_table_without_row_level_security_is_refused_too() -> Result<()> {
    let database = TestDatabase::create().await?;
    rows::service("Massage").insert(&database.water().await?.tenant(new_tenant()?)).await?;
    let builder = Watertight::builder().dangerous_layers(Layers::RewritingOnly);
    let water = builder.with_connection(database.maintenance().await?).await?;
    assert_eq!(services::Entity::find().count(water.dangerous_unscoped()).await?, 1, "the rows are in sight");
    assert_tenant_table(services::Entity::find().count(&water.unscoped()).await, "public.services");
    Ok(())
}
