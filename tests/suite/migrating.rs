//! The commands of the guide turn a database with one tenant into a database with many.

use anyhow::{Context, Result};
use sea_orm::{ActiveModelTrait, ConnectionTrait, DatabaseConnection, EntityTrait, PaginatorTrait, Set};
use sea_orm_migration::MigratorTraitSelf;
use watertight::{Layers, TableSets, Watertight};
use watertight_migration::convert::{Conversion, Phase};
use watertight_migration::{Settings, TenantMigrator};
use watertight_tests::{TestDatabase, new_tenant};

/// The application's entities, as they were before.
mod customers {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "customers")]
    pub(super) struct Model {
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
        #[sea_orm(primary_key)]
        pub(super) id: i32,
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

const PAGE: &str = include_str!("../../service/docs/guide/migrating.md");

/// The arguments of each `watertight convert` of the page, in its order.
fn commands() -> Vec<Vec<&'static str>> {
    let lines =
        PAGE.split("```sh\n").skip(1).filter_map(|rest| rest.split("```").next()).flat_map(str::lines);
    lines
        .filter_map(|line| line.strip_prefix("watertight convert "))
        .map(|line| line.split_whitespace().collect())
        .collect()
}

/// Runs a command of the page by the library, as the command does.
async fn run(owner: &DatabaseConnection, settings: &Settings, arguments: &[&str]) -> Result<()> {
    let mut conversion = Conversion::new(settings.clone());
    let (mut phases, mut undo) = (Vec::new(), false);
    let mut rest = arguments.iter();
    while let Some(argument) = rest.next() {
        match *argument {
            "--tenant" => conversion = conversion.tenant(*rest.next().context("a key")?),
            "--run" => match *rest.next().context("a phase")? {
                "all" => phases = Phase::ALL.to_vec(),
                phase => phases.push(phase.parse()?),
            },
            "--undo" => undo = true,
            table => conversion = conversion.tables([table]),
        }
    }
    if phases.is_empty() {
        let plan = if undo { conversion.plan_undo(owner).await? } else { conversion.plan(owner).await? };
        assert!(plan.problems.is_empty() && !plan.is_done(), "{plan}");
    }
    if undo {
        phases.reverse();
    }
    for phase in phases {
        if undo {
            conversion.undo(owner, phase, |_| ()).await?;
        } else {
            conversion.run(owner, phase, |_| ()).await?;
        }
    }
    Ok(())
}

#[tokio::test]
async fn the_guide_turns_one_tenant_into_many() -> Result<()> {
    let database = TestDatabase::empty().await?;
    let owner = database.owner().await?;
    owner
        .execute_unprepared(
            "CREATE TABLE customers (id serial PRIMARY KEY, email text NOT NULL UNIQUE); \
             CREATE TABLE orders (id serial PRIMARY KEY, customer_id int NOT NULL REFERENCES customers (id)); \
             INSERT INTO customers (email) SELECT n || '@example.com' FROM generate_series(1, 100) n; \
             INSERT INTO orders (customer_id) SELECT 1 + n % 100 FROM generate_series(1, 1000) n",
        )
        .await?;
    let settings = Settings::default().with_table_sets(TableSets::none()).with_app_role(database.app_role());
    TenantMigrator::new(settings.clone()).up(&owner, None).await?;
    let builder =
        || Watertight::builder().table_sets(TableSets::none()).tenant_tables(["customers", "orders"]);
    let (back, forth): (Vec<_>, Vec<_>) =
        commands().into_iter().partition(|arguments| arguments.contains(&"--undo"));
    assert_eq!((forth.len(), back.len()), (6, 2));
    for arguments in &forth {
        if arguments.contains(&"isolation") {
            // The second deployment: rewriting alone, in the old role.
            let rewriting = builder().dangerous_layers(Layers::RewritingOnly);
            let water = rewriting.connect(database.owner_url()).await?;
            let first = water.tenant("7b0e8d3c-5a53-4f6e-9b0e-0f8a1f0f2a11".parse()?);
            assert_eq!(customers::Entity::find().count(&first).await?, 100);
        }
        run(&owner, &settings, arguments).await.with_context(|| format!("{arguments:?}"))?;
    }

    let water = builder().connect(database.app_url()).await?;
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
    let mixed = run(&owner, &settings, &back[1]).await.expect_err("two tenants").to_string();
    assert!(mixed.contains("rows of 2 tenants"), "{mixed}");
    orders::Entity::delete_many().exec(&second).await?;
    customers::Entity::delete_many().exec(&second).await?;
    for arguments in &back {
        run(&owner, &settings, arguments).await.with_context(|| format!("{arguments:?}"))?;
    }
    // The application of before the conversion works again, as the owner of its tables.
    assert_eq!(orders::Entity::find().count(&owner).await?, 1000);
    let email = Set("new@example.com".to_owned());
    customers::ActiveModel { email, ..Default::default() }.insert(&owner).await?;
    Ok(())
}
