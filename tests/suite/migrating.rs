//! The statements of the guide turn a database with one tenant into a database with many.

use anyhow::Result;
use sea_orm::{ActiveModelTrait, ConnectionTrait, EntityTrait, PaginatorTrait, Set};
use watertight::doctor::Severity;
use watertight::{Layers, Watertight};
use watertight_migration::Settings;
use watertight_tests::{TestDatabase, new_tenant};

use crate::source::sql_blocks;

mod customers {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "customers")]
    pub(super) struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub(super) tenant_id: Uuid,
        #[sea_orm(primary_key)]
        pub(super) id: i32,
        pub(super) email: String,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub(super) enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

mod orders {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "orders")]
    pub(super) struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub(super) tenant_id: Uuid,
        #[sea_orm(primary_key)]
        pub(super) id: i32,
        pub(super) customer_id: i32,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub(super) enum Relation {
        #[sea_orm(
            belongs_to = "super::customers::Entity",
            from = "(Column::TenantId, Column::CustomerId)",
            to = "(super::customers::Column::TenantId, super::customers::Column::Id)"
        )]
        Customers,
    }

    impl ActiveModelBehavior for ActiveModel {}
}

const PAGE: &str = include_str!("../../service/docs/guide/migrating.md");

/// The page's statements, in its order.
fn statements() -> Vec<&'static str> {
    sql_blocks(PAGE)
        .flat_map(|block| block.split_inclusive(';'))
        .map(str::trim)
        .filter(|sql| !sql.is_empty())
        .collect()
}

#[tokio::test]
async fn the_guide_turns_one_tenant_into_many() -> Result<()> {
    let database = TestDatabase::create().await?;
    let owner = database.owner().await?;
    owner
        .execute_unprepared(
            "CREATE TABLE customers (id serial PRIMARY KEY, email text NOT NULL UNIQUE); \
             CREATE TABLE orders (id serial PRIMARY KEY, customer_id int NOT NULL REFERENCES customers (id)); \
             INSERT INTO customers (email) SELECT n || '@example.com' FROM generate_series(1, 100) n; \
             INSERT INTO orders (customer_id) SELECT 1 + n % 100 FROM generate_series(1, 1000) n",
        )
        .await?;
    let mut transaction = None;
    for sql in statements() {
        let sql = sql.replace(Settings::DEFAULT_APP_ROLE, database.app_role());
        match (sql.as_str(), &mut transaction) {
            ("BEGIN;", begun) => *begun = Some(String::from("BEGIN;")),
            ("COMMIT;", begun) => {
                let all = begun.take().unwrap_or_default();
                owner.execute_unprepared(&format!("{all} COMMIT;")).await?;
            }
            (sql, Some(all)) => all.push_str(sql),
            (sql, None) => {
                // Statements outside a transaction run one by one.
                owner.execute_unprepared(sql).await.map_err(|error| anyhow::anyhow!("{sql}: {error}"))?;
            }
        }
    }
    assert!(transaction.is_none() && statements().len() > 15, "{:?}", statements());

    let builder =
        || anyhow::Ok(Watertight::builder().tenant_table(customers::Entity).tenant_table(orders::Entity));
    let app = sea_orm::Database::connect(database.app_url()).await?;
    let report = builder()?.doctor(&app).await?;
    assert!(report.is_sound() && report.count(Severity::Warning) == 0, "{report}");

    let water = builder()?.check_with_doctor().connect(database.app_url()).await?;
    let first = water.tenant("7b0e8d3c-5a53-4f6e-9b0e-0f8a1f0f2a11".parse()?);
    let second = water.tenant(new_tenant()?);
    assert_eq!(customers::Entity::find().count(&first).await?, 100);
    assert_eq!(customers::Entity::find().count(&second).await?, 0);
    // The second tenant can use the same address, and cannot refer to the first tenant's customer.
    let email = Set("1@example.com".to_owned());
    let own = customers::ActiveModel { email, ..Default::default() }.insert(&second).await?;
    orders::ActiveModel { customer_id: Set(own.id), ..Default::default() }.insert(&second).await?;
    let foreign = orders::ActiveModel { customer_id: Set(1), ..Default::default() };
    assert!(foreign.insert(&second).await.is_err());
    assert_eq!(orders::Entity::find().count(&first).await?, 1000);
    crate::row_security::disable(&database).await?;
    database.water_with(builder()?.dangerous_layers(Layers::RewritingOnly)).await?;
    Ok(())
}
