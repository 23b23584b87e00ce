//! The bakery of SeaORM's own tests: serial keys, a join table, and orders with lines.

use anyhow::Result;
use sea_orm::{
    ActiveModelTrait, ColumnTrait, ConnectionTrait, EntityTrait, PaginatorTrait, QueryFilter, QueryOrder, Set,
};
use watertight::{Builder, TableSets, Watertight};
use watertight_migration::TenantType;
use watertight_migration::convert::{ConversionError, Phase};
use watertight_tests::new_tenant;

use super::{Application, convert, errors, undo};
use crate::adopt::texts;

const FIRST: &str = "7b0e8d3c-5a53-4f6e-9b0e-0f8a1f0f2a11";

/// The structure of the application's tables, and rows of one bakery.
pub(super) const SQL: &str = include_str!("bakery.sql");

mod customer {
    use sea_orm::entity::prelude::*;

    /// The key stays `id`, as the application had it.
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "customer")]
    pub(super) struct Model {
        #[sea_orm(primary_key)]
        pub(super) id: i32,
        pub(super) name: String,
        pub(super) notes: Option<String>,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub(super) enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

mod lineitem {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
    #[sea_orm(table_name = "lineitem")]
    pub(super) struct Model {
        #[sea_orm(primary_key)]
        pub(super) id: i32,
        pub(super) price: Decimal,
        pub(super) quantity: i32,
        pub(super) order_id: i32,
        pub(super) cake_id: i32,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub(super) enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

fn builder() -> Builder {
    // Registered by name: the entities of the application stay as they are.
    Watertight::builder().table_sets(TableSets::none()).tenant_tables([
        "bakery",
        "baker",
        "cake",
        "cakes_bakers",
        "customer",
        "order",
        "lineitem",
    ])
}

#[tokio::test]
async fn the_bakery_gets_a_second_tenant_and_returns_to_one() -> Result<()> {
    let application = Application::new(SQL, TenantType::Uuid).await?;
    let before = application.snapshot().await?;
    let conversion = application.conversion().tenant(FIRST);
    convert(&application, &conversion).await?;

    let app = sea_orm::Database::connect(application.database.app_url()).await?;
    let report = builder().doctor(&app).await?;
    assert_eq!(errors(&report), [""; 0], "{report}");
    let water = builder().connect(application.database.app_url()).await?;
    let (first, second) = (water.tenant(FIRST.parse()?), water.tenant(new_tenant()?));
    assert_eq!(customer::Entity::find().count(&first).await?, 20);
    assert_eq!(customer::Entity::find().count(&second).await?, 0);
    // The second tenant uses the names of the first, and even its id.
    for id in [None, Some(7)] {
        let mut row = customer::ActiveModel {
            name: Set(format!("customer {}", id.unwrap_or(1))),
            ..Default::default()
        };
        if let Some(id) = id {
            row.id = Set(id);
        }
        row.insert(&second).await?;
    }
    let own = customer::Entity::find_by_id(7).one(&first).await?.expect("a row");
    assert_eq!(own.name, "customer 7");
    let mut own: customer::ActiveModel = own.into();
    own.notes = Set(Some("changed".to_owned()));
    own.save(&first).await?;
    let theirs = customer::Entity::find_by_id(7).one(&second).await?.expect("a row");
    assert_eq!((theirs.name.as_str(), theirs.notes), ("customer 7", None));
    let named = customer::Entity::find().filter(customer::Column::Name.eq("customer 1")).all(&second).await?;
    assert_eq!(named.len(), 1);
    // No row can refer to a row of the other tenant.
    let line = lineitem::ActiveModel {
        price: Set(1.into()),
        quantity: Set(1),
        order_id: Set(1),
        cake_id: Set(1),
        ..Default::default()
    };
    let error = line.insert(&second).await.expect_err("another tenant's order");
    assert!(error.to_string().contains("foreign key"), "{error}");
    let lines = lineitem::Entity::find().order_by_asc(lineitem::Column::Id).all(&first).await?;
    assert_eq!(lines.len(), 100);
    // The view shows each tenant its own sales.
    let sales = "SELECT count(*)::text FROM sales";
    let grant = format!("GRANT SELECT ON sales TO {}", application.database.app_role());
    let owner = application.owner().await?;
    owner.execute_unprepared(&grant).await?;
    assert_eq!(application.read_as(FIRST, sales).await?, ["50"]);
    assert_eq!(application.read_as(&second.tenant_id().to_string(), sales).await?, ["0"]);
    let revoke = grant.replace("GRANT", "REVOKE").replace(" TO ", " FROM ");
    owner.execute_unprepared(&revoke).await?;

    // With rows of two tenants there is no way back.
    let error = conversion.undo(&owner, Phase::OldKeys, |_| ()).await.expect_err("two tenants");
    assert!(matches!(&error, ConversionError::SeveralTenants { tenants } if tenants.len() == 2), "{error}");
    customer::Entity::delete_many().exec(&second).await?;
    undo(&application, &conversion).await?;
    application.snapshot().await?.assert_equals(&before);
    assert_eq!(texts(&owner, "SELECT notes FROM customer WHERE notes IS NOT NULL").await?, ["changed"]);
    Ok(())
}

#[tokio::test]
async fn primary_keys_can_stay() -> Result<()> {
    let application = Application::new(SQL, TenantType::Uuid).await?;
    let before = application.snapshot().await?;
    let conversion = application.conversion().tenant(FIRST).keep_primary_keys().keep_indexes();
    let owner = application.owner().await?;
    let plan = conversion.plan(&owner).await?.to_string();
    assert!(plan.contains("note: public.customer: the primary key customer_pkey stays unique"), "{plan}");
    convert(&application, &conversion).await?;
    let keys = texts(
        &owner,
        "SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE conrelid IN ('customer'::regclass, '\"order\"'::regclass) \
         AND contype IN ('p', 'u') ORDER BY 1",
    )
    .await?;
    assert_eq!(keys, ["PRIMARY KEY (id)", "PRIMARY KEY (id)", "UNIQUE (tenant_id, name)"]);
    let other = new_tenant()?.to_string();
    let taken = format!("INSERT INTO customer (tenant_id, id, name) VALUES ('{other}', 1, 'x')");
    assert!(
        format!("{:?}", application.run_as(&other, &taken).await.expect_err("taken"))
            .contains("customer_pkey")
    );
    application
        .run_as(&other, &format!("INSERT INTO customer (tenant_id, name) VALUES ('{other}', 'customer 1')"))
        .await?;
    application.run_as(&other, "DELETE FROM customer").await?;
    undo(&application, &conversion).await?;
    application.snapshot().await?.assert_equals(&before);
    Ok(())
}
