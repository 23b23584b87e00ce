//! A `DatabaseConnection` of one tenant: the same rows and refusals as the `TenantConnection`, for libraries that take the type.

mod rows;
mod transactions;

use anyhow::Result;
use futures_util::TryStreamExt;
use sea_orm::{
    ActiveModelTrait, ColumnTrait, ConnectionTrait, DatabaseConnection, DbBackend, DbErr, EntityTrait,
    IntoActiveModel, LoaderTrait, PaginatorTrait, QueryFilter, QueryOrder, Set, Statement, StreamTrait,
};
use watertight::entity::public::{bookings, clients, packages, services};
use watertight::{Reason, Refusal, TenantDatabaseError};
use watertight_tests::TestDatabase;

use crate::rows::{business, client, service};

fn is(error: &DbErr, expected: &TenantDatabaseError) -> bool {
    TenantDatabaseError::of(error).is_some_and(|error| error.to_string() == expected.to_string())
}

#[tokio::test]
async fn a_library_sees_one_tenant() -> Result<()> {
    let database = TestDatabase::create().await?;
    let (clinic, studio) = database.two_tenants().await?;
    let (at_clinic, at_studio) = (business(&clinic).await?, business(&studio).await?);
    let (of_clinic, of_studio) = (clinic.database_connection(), studio.database_connection());
    assert_eq!((of_clinic.tenant_id(), of_studio.tenant_id()), (clinic.tenant_id(), studio.tenant_id()));

    let services_of = |db: DatabaseConnection| async move {
        services::Entity::find().order_by_asc(services::Column::Name).all(&db).await
    };
    assert_eq!(services_of(of_clinic.connection().clone()).await?, at_clinic.services);
    assert_eq!(services_of(of_studio.connection().clone()).await?, at_studio.services);
    let by_id = services::Entity::find()
        .filter(services::Column::Id.eq(at_studio.services[0].id))
        .one(of_clinic.connection())
        .await?;
    assert_eq!(by_id, None);
    of_clinic.ping().await?;
    of_clinic.finish()?;
    of_studio.finish()?;
    Ok(())
}

/// Everything that a library does with a connection.
async fn use_all(db: &DatabaseConnection) -> Result<()> {
    let all = business(db).await?;
    assert_eq!(services::Entity::find().count(db).await?, 2);

    let inserted = service("Yoga").insert(db).await?;
    let mut change = inserted.clone().into_active_model();
    change.price_cents = Set(1);
    let changed = change.update(db).await?;
    assert_eq!((changed.price_cents, changed.tenant_id), (1, inserted.tenant_id));

    let added = clients::Entity::insert(client("Zoe")).exec(db).await?;
    assert_eq!(added.last_insert_id.0, inserted.tenant_id);
    let without = clients::Entity::insert(client("Yan")).exec_without_returning(db).await?;
    assert_eq!(without, 1);
    let many = clients::Entity::insert_many([client("Xia"), client("Wim")]).exec_with_returning(db).await?;
    assert_eq!(many.len(), 2);

    let updated = services::Entity::update_many()
        .set(services::ActiveModel { price_cents: Set(2), ..Default::default() })
        .exec(db)
        .await?;
    assert_eq!(updated.rows_affected, 3);
    let deleted = services::Entity::delete_by_id((inserted.tenant_id, inserted.id)).exec(db).await?;
    assert_eq!(deleted.rows_affected, 1);

    let pages = clients::Entity::find().order_by_asc(clients::Column::Email).paginate(db, 4);
    assert_eq!(pages.num_items_and_pages().await?.number_of_items, 6);
    assert_eq!(pages.fetch_page(1).await?.len(), 2);

    let booked = bookings::Entity::find().all(db).await?;
    assert_eq!(booked, std::slice::from_ref(&all.booking));
    let loaded = booked.load_one(clients::Entity, db).await?;
    assert_eq!(loaded, [Some(all.clients[0].clone())]);
    let both = bookings::Entity::find().find_also_related(services::Entity).all(db).await?;
    assert_eq!(both.len(), 1);
    assert_eq!(both[0].1.as_ref().map(|service| service.id), Some(all.services[0].id));
    let with = clients::Entity::find().find_with_related(packages::Entity).all(db).await?;
    assert_eq!(with.len(), 6);
    Ok(())
}

#[tokio::test]
async fn everything_that_seaorm_does_works() -> Result<()> {
    let database = TestDatabase::create().await?;
    let (clinic, studio) = database.two_tenants().await?;
    business(&studio).await?;
    let before = clients::Entity::find().all(&studio).await?;
    let of_clinic = clinic.database_connection();
    use_all(&of_clinic).await?;
    of_clinic.finish()?;
    assert_eq!(clients::Entity::find().all(&studio).await?, before);
    assert_eq!(clients::Entity::find().count(&clinic).await?, 6);
    Ok(())
}

#[tokio::test]
async fn refusals_keep_their_type() -> Result<()> {
    let database = TestDatabase::create().await?;
    let (clinic, studio) = database.two_tenants().await?;
    let of_clinic = clinic.database_connection();
    let raw = |sql: &str| Statement::from_string(DbBackend::Postgres, sql);

    let unknown = of_clinic.query_all_raw(raw("SELECT * FROM pg_catalog.pg_class")).await.unwrap_err();
    assert!(Refusal::of(&unknown).is_some(), "{unknown}");
    let truncate = of_clinic.execute_unprepared("TRUNCATE clients").await.unwrap_err();
    assert!(matches!(Refusal::of(&truncate).map(|refusal| &refusal.reason), Some(Reason::StatementKind)));
    let two = of_clinic.execute_unprepared("SELECT 1; SELECT 2").await.unwrap_err();
    assert!(matches!(Refusal::of(&two).map(|refusal| &refusal.reason), Some(Reason::StatementCount(2))));
    let mut foreign = service("Massage");
    foreign.tenant_id = Set(watertight_tests::uuid_of(studio.tenant_id()));
    let foreign = foreign.insert(of_clinic.connection()).await.unwrap_err();
    assert!(matches!(
        Refusal::of(&foreign).map(|refusal| &refusal.reason),
        Some(Reason::ForeignTenant { .. })
    ));
    assert_eq!(services::Entity::find().count(&studio).await?, 0);
    of_clinic.finish()?;
    Ok(())
}

#[tokio::test]
async fn a_stream_is_an_error_of_seaorm() -> Result<()> {
    let database = TestDatabase::create().await?;
    let (clinic, _) = database.two_tenants().await?;
    let of_clinic = clinic.database_connection();
    let statement = Statement::from_string(DbBackend::Postgres, "SELECT 1 AS n");
    let mut rows = of_clinic.stream_raw(statement).await?;
    let error = rows.try_next().await.unwrap_err();
    assert!(matches!(error, DbErr::BackendNotSupported { .. }), "{error}");
    Ok(())
}

#[tokio::test]
async fn a_clone_ends_with_its_unit_of_work() -> Result<()> {
    let database = TestDatabase::create().await?;
    let (clinic, _) = database.two_tenants().await?;
    let of_clinic = clinic.database_connection();
    let kept = of_clinic.connection().clone();
    assert_eq!(services::Entity::find().count(&kept).await?, 0);
    of_clinic.finish()?;
    let error = services::Entity::find().count(&kept).await.unwrap_err();
    assert!(is(&error, &TenantDatabaseError::Ended), "{error}");
    let error = service("Massage").insert(&kept).await.unwrap_err();
    assert!(is(&error, &TenantDatabaseError::Ended), "{error}");

    let kept = clinic.database_connection().connection().clone();
    let error = services::Entity::find().count(&kept).await.unwrap_err();
    assert!(is(&error, &TenantDatabaseError::Ended), "dropped: {error}");
    assert_eq!(services::Entity::find().count(&clinic).await?, 0);
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn tenants_work_at_the_same_time() -> Result<()> {
    let database = TestDatabase::create().await?;
    let (clinic, studio) = database.two_tenants().await?;
    let mut tasks = Vec::new();
    for number in 0..24 {
        let tenant = if number % 2 == 0 { clinic.clone() } else { studio.clone() };
        tasks.push(tokio::spawn(async move {
            let database = tenant.database_connection();
            let saved = database
                .transaction_async::<_, _, DbErr>(async |transaction| {
                    let saved = service(&format!("Service {number}")).insert(transaction).await?;
                    let own = services::Entity::find().all(transaction).await?;
                    assert!(own.iter().all(|service| service.tenant_id == saved.tenant_id));
                    Ok(saved)
                })
                .await?;
            assert_eq!(saved.tenant_id, watertight_tests::uuid_of(tenant.tenant_id()));
            database.finish()?;
            anyhow::Ok(())
        }));
    }
    for task in tasks {
        task.await??;
    }
    assert_eq!(services::Entity::find().count(&clinic).await?, 12);
    assert_eq!(services::Entity::find().count(&studio).await?, 12);
    Ok(())
}
