//! Plain SeaORM through a tenant's connection works, and reaches only the tenant's rows.

use anyhow::Result;
use sea_orm::sea_query::OnConflict;
use sea_orm::{
    ActiveModelTrait, ColumnTrait, DbBackend, EntityTrait, ExprTrait, FromQueryResult, IntoActiveModel,
    Linked, LoaderTrait, ModelTrait, Order, PaginatorTrait, QueryFilter, QueryOrder, QuerySelect, QueryTrait,
    RelationDef, RelationTrait, Set, Statement, raw_sql,
};
use watertight::entity::auth::users;
use watertight::entity::public::{bookings, clients, services};
use watertight::{Reason, Refusal, TenantConnection};
use watertight_tests::TestDatabase;

use crate::rows;

async fn handles(tenant: &TenantConnection) -> Result<Vec<String>> {
    let users = users::Entity::find().order_by_asc(users::Column::Handle).all(tenant).await?;
    Ok(users.into_iter().map(|user| user.handle).collect())
}

#[tokio::test]
async fn an_insert_is_stamped_with_the_tenant() -> Result<()> {
    let database = TestDatabase::create().await?;
    let (clinic, studio) = database.two_tenants().await?;
    let at_clinic = rows::user("jess").insert(&clinic).await?;
    let at_studio = rows::user("jess").insert(&studio).await?;
    assert_eq!(at_clinic.tenant_id, watertight_tests::uuid_of(clinic.tenant_id()));
    assert_eq!(at_studio.tenant_id, watertight_tests::uuid_of(studio.tenant_id()));
    Ok(())
}

#[tokio::test]
async fn the_same_query_gives_each_tenant_its_own_rows() -> Result<()> {
    let database = TestDatabase::create().await?;
    let (clinic, studio) = database.two_tenants().await?;
    rows::user("ann").insert(&clinic).await?;
    rows::user("jess").insert(&clinic).await?;
    rows::user("jess").insert(&studio).await?;
    assert_eq!(handles(&clinic).await?, ["ann", "jess"]);
    assert_eq!(handles(&studio).await?, ["jess"]);
    let either = users::Column::Handle.eq("jess").or(users::Column::Handle.ne("jess"));
    assert_eq!(users::Entity::find().filter(either).count(&studio).await?, 1);
    Ok(())
}

#[tokio::test]
async fn a_key_of_another_tenant_finds_nothing() -> Result<()> {
    let database = TestDatabase::create().await?;
    let (clinic, studio) = database.two_tenants().await?;
    let jess = rows::user("jess").insert(&clinic).await?;
    let key = (jess.tenant_id, jess.id);
    assert_eq!(users::Entity::find_by_id(key).one(&clinic).await?, Some(jess.clone()));
    assert_eq!(users::Entity::find_by_id(key).one(&studio).await?, None);
    assert_eq!(
        users::Entity::find_by_id((watertight_tests::uuid_of(studio.tenant_id()), jess.id))
            .one(&studio)
            .await?,
        None
    );
    Ok(())
}

#[tokio::test]
async fn rows_of_another_tenant_cannot_be_written() -> Result<()> {
    let database = TestDatabase::create().await?;
    let (clinic, studio) = database.two_tenants().await?;
    let jess = rows::user("jess").insert(&clinic).await?;

    let mut foreign = rows::user("mole");
    foreign.tenant_id = Set(watertight_tests::uuid_of(clinic.tenant_id()));
    let error = foreign.insert(&studio).await.unwrap_err();
    assert!(matches!(Refusal::of(&error).map(|refusal| &refusal.reason), Some(Reason::ForeignTenant { .. })));

    let mut renamed = jess.clone().into_active_model();
    renamed.handle = Set("mole".to_owned());
    assert!(matches!(renamed.clone().update(&studio).await, Err(sea_orm::DbErr::RecordNotUpdated)));
    assert_eq!(jess.clone().delete(&studio).await?.rows_affected, 0);

    let all = users::Entity::update_many().col_expr(users::Column::Role, "owner".into());
    assert_eq!(all.exec(&studio).await?.rows_affected, 0);
    assert_eq!(users::Entity::delete_many().exec(&studio).await?.rows_affected, 0);

    let moved = users::Entity::update_many().set(users::ActiveModel {
        tenant_id: Set(watertight_tests::uuid_of(clinic.tenant_id())),
        ..Default::default()
    });
    let error = moved.exec(&studio).await.unwrap_err();
    assert!(Refusal::of(&error).is_some(), "{error}");

    assert_eq!(users::Entity::find().all(&clinic).await?, [jess]);
    Ok(())
}

#[tokio::test]
async fn own_rows_are_inserted_updated_saved_and_deleted() -> Result<()> {
    let database = TestDatabase::create().await?;
    let (clinic, studio) = database.two_tenants().await?;
    rows::service("Yoga").insert(&studio).await?;

    let inserted = services::Entity::insert_many([rows::service("Massage"), rows::service("Pilates")])
        .exec_with_returning(&clinic)
        .await?;
    assert_eq!(inserted.len(), 2);

    let mut massage = inserted[0].clone().into_active_model();
    massage.price_cents = Set(9_500);
    let massage = massage.update(&clinic).await?;
    assert_eq!(massage.price_cents, 9_500);

    let mut saved = massage.into_active_model();
    saved.name = Set("Deep massage".to_owned());
    let saved = saved.save(&clinic).await?;
    assert_eq!(saved.name.as_ref(), "Deep massage");
    let added = rows::service("Sauna").save(&clinic).await?;
    assert_eq!(added.tenant_id.as_ref(), &watertight_tests::uuid_of(clinic.tenant_id()));

    let raised = services::Entity::update_many()
        .col_expr(services::Column::Active, false.into())
        .filter(services::Column::PriceCents.gte(9_000))
        .exec_with_returning(&clinic)
        .await?;
    assert_eq!(raised.len(), 3);

    assert_eq!(added.delete(&clinic).await?.rows_affected, 1);
    let gone =
        services::Entity::delete_many().filter(services::Column::Name.ne("Pilates")).exec(&clinic).await?;
    assert_eq!(gone.rows_affected, 1);
    let left = services::Entity::find().all(&clinic).await?;
    assert_eq!(left.iter().map(|service| &*service.name).collect::<Vec<_>>(), ["Pilates"]);
    let untouched = services::Entity::find().one(&studio).await?;
    assert_eq!(untouched.map(|service| service.active), Some(true));
    Ok(())
}

#[tokio::test]
async fn a_conflict_is_with_the_tenants_own_rows() -> Result<()> {
    let database = TestDatabase::create().await?;
    let (clinic, studio) = database.two_tenants().await?;
    rows::user("jess").insert(&clinic).await?;

    let upsert = |bio: &str| {
        let mut user = rows::user("jess");
        user.bio = Set(Some(bio.to_owned()));
        users::Entity::insert(user).on_conflict(
            OnConflict::column(users::Column::Handle).update_column(users::Column::Bio).to_owned(),
        )
    };
    let at_studio = upsert("at the studio").exec_with_returning(&studio).await?;
    assert_eq!(at_studio.tenant_id, watertight_tests::uuid_of(studio.tenant_id()));
    upsert("at the clinic").exec(&clinic).await?;
    upsert("at the clinic still").exec(&clinic).await?;

    let bios = |tenant: TenantConnection| async move {
        let found = users::Entity::find().all(&tenant).await?;
        anyhow::Ok(found.into_iter().map(|user| user.bio.unwrap_or_default()).collect::<Vec<_>>())
    };
    assert_eq!(bios(clinic.clone()).await?, ["at the clinic still"]);
    assert_eq!(bios(studio).await?, ["at the studio"]);

    let ignored = users::Entity::insert(rows::user("jess"))
        .on_conflict(OnConflict::column(users::Column::Handle).do_nothing().to_owned())
        .try_insert()
        .exec(&clinic)
        .await?;
    assert!(matches!(ignored, sea_orm::TryInsertResult::Conflicted), "{ignored:?}");
    Ok(())
}

#[tokio::test]
async fn joins_along_relations_stay_within_the_tenant() -> Result<()> {
    let database = TestDatabase::create().await?;
    let (clinic, studio) = database.two_tenants().await?;
    let at_clinic = rows::business(&clinic).await?;
    let at_studio = rows::business(&studio).await?;

    for (tenant, business) in [(&clinic, &at_clinic), (&studio, &at_studio)] {
        let both = bookings::Entity::find().find_also_related(clients::Entity).all(tenant).await?;
        assert_eq!(both, [(business.booking.clone(), Some(business.clients[0].clone()))]);

        let mut with = clients::Entity::find().find_with_related(bookings::Entity).all(tenant).await?;
        with.sort_by(|(a, _), (b, _)| a.first_name.cmp(&b.first_name));
        assert_eq!(
            with,
            [
                (business.clients[0].clone(), vec![business.booking.clone()]),
                (business.clients[1].clone(), vec![]),
            ]
        );

        let named: Vec<String> = services::Entity::find()
            .select_only()
            .column(services::Column::Name)
            .join(sea_orm::JoinType::InnerJoin, bookings::Relation::Services.def().rev())
            .into_tuple()
            .all(tenant)
            .await?;
        assert_eq!(named, ["Massage"]);

        let services = bookings::Entity::find().all(tenant).await?.load_one(services::Entity, tenant).await?;
        assert_eq!(services, [Some(business.services[0].clone())]);
        let mut clients = clients::Entity::find().all(tenant).await?;
        clients.sort_by(|a, b| a.first_name.cmp(&b.first_name));
        let loaded = clients.load_many(bookings::Entity, tenant).await?;
        assert_eq!(loaded, [vec![business.booking.clone()], vec![]]);

        let related = business.booking.find_related(clients::Entity).one(tenant).await?;
        assert_eq!(related.as_ref(), Some(&business.clients[0]));
    }
    assert_eq!(at_clinic.booking.find_related(clients::Entity).one(&studio).await?, None);
    Ok(())
}

#[tokio::test]
async fn pages_and_counts_are_of_the_tenants_own_rows() -> Result<()> {
    let database = TestDatabase::create().await?;
    let (clinic, studio) = database.two_tenants().await?;
    for index in 0..7 {
        rows::service(&format!("Service {index}")).insert(&clinic).await?;
        rows::service(&format!("Course {index}")).insert(&studio).await?;
    }
    let pages = services::Entity::find().order_by_asc(services::Column::Name).paginate(&clinic, 3);
    let totals = pages.num_items_and_pages().await?;
    assert_eq!((totals.number_of_items, totals.number_of_pages), (7, 3));
    let last = pages.fetch_page(2).await?;
    assert_eq!(last.iter().map(|service| &*service.name).collect::<Vec<_>>(), ["Service 6"]);

    let mut cursor = services::Entity::find().cursor_by(services::Column::Name);
    let names: Vec<String> =
        cursor.after("Course 2").first(9).all(&studio).await?.into_iter().map(|s| s.name).collect();
    assert_eq!(names, ["Course 3", "Course 4", "Course 5", "Course 6"]);
    Ok(())
}

#[derive(Debug, PartialEq, FromQueryResult)]
struct Load {
    name: String,
    bookings: i64,
}

#[tokio::test]
async fn a_raw_statement_is_scoped_as_a_built_one_is() -> Result<()> {
    let database = TestDatabase::create().await?;
    let (clinic, studio) = database.two_tenants().await?;
    rows::business(&clinic).await?;
    rows::service("Yoga").insert(&studio).await?;
    let sql = "SELECT s.name, count(b.id) AS bookings FROM services s LEFT JOIN bookings b \
               ON b.service_id = s.id WHERE s.price_cents >= $1 OR true GROUP BY s.tenant_id, s.id ORDER BY s.name";
    let load = |tenant: TenantConnection| async move {
        Load::find_by_statement(Statement::from_sql_and_values(DbBackend::Postgres, sql, [1.into()]))
            .all(&tenant)
            .await
    };
    assert_eq!(
        load(clinic).await?,
        [Load { name: "Massage".into(), bookings: 1 }, Load { name: "Pilates".into(), bookings: 0 }]
    );
    assert_eq!(load(studio).await?, [Load { name: "Yoga".into(), bookings: 0 }]);
    Ok(())
}

#[tokio::test]
async fn subqueries_and_ordering_stay_within_the_tenant() -> Result<()> {
    let database = TestDatabase::create().await?;
    let (clinic, studio) = database.two_tenants().await?;
    let at_clinic = rows::business(&clinic).await?;
    rows::business(&studio).await?;
    let booked = services::Entity::find()
        .filter(
            services::Column::Id.in_subquery(
                bookings::Entity::find()
                    .select_only()
                    .column(bookings::Column::ServiceId)
                    .order_by(bookings::Column::Datetime, Order::Desc)
                    .into_query(),
            ),
        )
        .all(&clinic)
        .await?;
    assert_eq!(booked, [at_clinic.services[0].clone()]);
    Ok(())
}

/// A link from a booking to the clients who have booked the same service.
struct SameService;

impl Linked for SameService {
    type FromEntity = bookings::Entity;
    type ToEntity = clients::Entity;

    fn link(&self) -> Vec<RelationDef> {
        vec![
            bookings::Relation::Services.def(),
            services::Relation::Bookings.def(),
            bookings::Relation::Clients.def(),
        ]
    }
}

#[tokio::test]
async fn links_related_conditions_and_raw_sql_stay_within_the_tenant() -> Result<()> {
    let database = TestDatabase::create().await?;
    let (clinic, studio) = database.two_tenants().await?;
    let at_clinic = rows::business(&clinic).await?;
    rows::business(&studio).await?;

    let linked = bookings::Entity::find().find_also_linked(SameService).all(&clinic).await?;
    assert_eq!(linked, [(at_clinic.booking.clone(), Some(at_clinic.clients[0].clone()))]);
    let found = at_clinic.booking.find_linked(SameService).all(&clinic).await?;
    assert_eq!(found, [at_clinic.clients[0].clone()]);

    let booked = clients::Entity::find()
        .has_related(bookings::Entity, bookings::Column::Duration.gte(1))
        .all(&clinic)
        .await?;
    assert_eq!(booked, [at_clinic.clients[0].clone()]);

    let (price, names) = (1, vec!["Massage".to_owned(), "Pilates".to_owned(), "Yoga".to_owned()]);
    let found = services::Entity::find()
        .from_raw_sql(raw_sql!(
            Postgres,
            r#"SELECT * FROM "public"."services" WHERE "price_cents" > {price} AND "name" IN ({..names}) ORDER BY "name""#
        ))
        .all(&clinic)
        .await?;
    assert_eq!(found, at_clinic.services);
    Ok(())
}

/// Entities in SeaORM 2's dense format, whose active models nest.
#[allow(unreachable_pub, reason = "the macro that nests them makes public items")]
mod dense {
    pub(super) mod client {
        use sea_orm::entity::prelude::*;

        #[sea_orm::model]
        #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
        #[sea_orm(schema_name = "public", table_name = "clients")]
        pub struct Model {
            #[sea_orm(primary_key, auto_increment = false)]
            pub tenant_id: Uuid,
            #[sea_orm(primary_key, auto_increment = false)]
            pub id: Uuid,
            pub first_name: String,
            pub last_name: String,
            pub email: String,
            #[sea_orm(has_many)]
            pub packages: HasMany<super::package::Entity>,
        }

        impl ActiveModelBehavior for ActiveModel {}
    }

    pub(super) mod package {
        use sea_orm::entity::prelude::*;

        #[sea_orm::model]
        #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
        #[sea_orm(schema_name = "public", table_name = "packages")]
        pub struct Model {
            #[sea_orm(primary_key, auto_increment = false)]
            pub tenant_id: Uuid,
            #[sea_orm(primary_key, auto_increment = false)]
            pub id: Uuid,
            pub code: String,
            pub client_id: Option<Uuid>,
            pub package_type: String,
            pub total_sessions: i32,
            pub remaining_sessions: i32,
            pub price_cents: i32,
            pub purchaser_name: String,
            pub purchaser_email: String,
            #[sea_orm(belongs_to, from = "(TenantId, ClientId)", to = "(TenantId, Id)")]
            pub client: HasOne<super::client::Entity>,
        }

        impl ActiveModelBehavior for ActiveModel {}
    }
}

#[tokio::test]
async fn nested_active_models_are_stamped_with_the_tenant() -> Result<()> {
    let database = TestDatabase::create().await?;
    let (clinic, studio) = database.two_tenants().await?;
    for tenant in [&clinic, &studio] {
        let package = dense::package::ActiveModel::builder()
            .set_code("PACK-1")
            .set_package_type("ten")
            .set_total_sessions(10)
            .set_remaining_sessions(10)
            .set_price_cents(90_000)
            .set_purchaser_name("Ann")
            .set_purchaser_email("ann@example.com");
        let client = dense::client::ActiveModel::builder()
            .set_first_name("Ann")
            .set_last_name("Doe")
            .set_email("ann@example.com")
            .add_package(package)
            .insert(tenant)
            .await?;
        assert_eq!(client.tenant_id, watertight_tests::uuid_of(tenant.tenant_id()));
        let packages = dense::package::Entity::find().all(tenant).await?;
        assert_eq!(packages.len(), 1);
        assert_eq!(packages[0].client_id, Some(client.id));
        assert_eq!(packages[0].tenant_id, watertight_tests::uuid_of(tenant.tenant_id()));
    }
    Ok(())
}
