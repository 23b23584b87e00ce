//! Tenants with keys of other types than UUID, in columns of other names, in tables registered by their names.

mod everyone;
mod kept;
mod refused;

use anyhow::{Context, Result};
use sea_orm::entity::prelude::*;
use sea_orm::{ConnectionTrait, DatabaseConnection, FromQueryResult, Set, Statement};
use sea_orm_migration::prelude::{ColumnDef, IndexOrder, SchemaManager};
use sea_orm_migration::schema::{integer_null, string};
use sea_orm_migration::{MigratorTraitSelf, sea_orm::DbBackend};
use watertight::{Builder, TableSets, TenantConnection, TenantEntity, TenantId, TenantType, Watertight};
use watertight_migration::{Settings, TenantForeignKey, TenantMigrator, TenantTable, create_schema};
use watertight_tests::TestDatabase;

/// An entity that knows nothing of tenants.
mod customer {
    use sea_orm::entity::prelude::*;

    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "customers")]
    pub(super) struct Model {
        #[sea_orm(primary_key)]
        pub(super) id: i64,
        pub(super) name: String,
        #[sea_orm(has_many)]
        pub(super) orders: HasMany<super::order::Entity>,
    }

    impl ActiveModelBehavior for ActiveModel {}
}

/// An entity with the tenant column as the first column of its key.
mod order {
    use sea_orm::entity::prelude::*;

    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "orders")]
    pub(super) struct Model {
        #[sea_orm(primary_key)]
        pub(super) id: i64,
        pub(super) customer_id: i64,
        pub(super) total: Option<i32>,
        #[sea_orm(belongs_to, from = "customer_id", to = "id")]
        pub(super) customer: HasOne<super::customer::Entity>,
    }

    impl ActiveModelBehavior for ActiveModel {}
}

/// A kind of key, with two tenants.
#[derive(Debug, Clone, Copy)]
struct Keys {
    tenant_type: TenantType,
    column: &'static str,
    tenants: [&'static str; 2],
}

const KEYS: [Keys; 4] = [
    Keys { tenant_type: TenantType::BigInt, column: "org_id", tenants: ["1", "-9223372036854775808"] },
    Keys { tenant_type: TenantType::Integer, column: "account", tenants: ["12", "1"] },
    Keys { tenant_type: TenantType::Text, column: "Work space", tenants: ["a", "a.1.A'b"] },
    Keys {
        tenant_type: TenantType::Uuid,
        column: "owner_id",
        tenants: ["7b0e8d3c-5a53-4f6e-9b0e-0f8a1f0f2a11", "7b0e8d3c-5a53-4f6e-9b0e-0f8a1f0f2a12"],
    },
];

impl Keys {
    fn settings(self) -> Settings {
        Settings::from_env()
            .with_table_sets(TableSets::none())
            .with_tenant_column(self.column)
            .with_tenant_type(self.tenant_type)
    }

    fn builder(self) -> Builder {
        Watertight::builder()
            .table_sets(TableSets::none())
            .tenant_type(self.tenant_type)
            .tenant_column(self.column)
            .tenant_tables(["customers", "public.orders"])
            .tenant_tables(["tags"])
            .rows_for_everyone(["tags"])
    }

    /// The tenant column in SQL syntax.
    fn quoted(self) -> String {
        format!("\"{}\"", self.column)
    }

    fn id(self, index: usize) -> Result<TenantId> {
        let text = self.tenants.get(index).context("two tenants")?;
        Ok(TenantId::parse_as(self.tenant_type, text)?)
    }
}

fn id_column() -> ColumnDef {
    ColumnDef::new("id").big_integer().not_null().auto_increment().take()
}

fn tables() -> [TenantTable; 3] {
    let customer = TenantForeignKey::column("customer_id").to("public", "customers");
    [
        TenantTable::new("public", "customers")
            .col(id_column())
            .key(["id"])
            .col(string("name"))
            .unique(["name"]),
        TenantTable::new("public", "orders")
            .col(id_column())
            .key(["id"])
            .col(ColumnDef::new("customer_id").big_integer().not_null().take())
            .col(integer_null("total"))
            .foreign_key(customer)
            .index([("total", IndexOrder::Asc)]),
        TenantTable::new("public", "tags").col(string("name")).key(["name"]).rows_for_everyone(),
    ]
}

/// A database with the tables of the application.
async fn database(keys: Keys) -> Result<(TestDatabase, DatabaseConnection)> {
    let database = TestDatabase::empty().await?;
    let owner = database.owner().await?;
    TenantMigrator::new(keys.settings()).up(&owner, None).await?;
    let manager = SchemaManager::new(&owner);
    for table in tables() {
        table.create(&manager, &keys.settings()).await?;
    }
    Ok((database, owner))
}

/// The connections of the two tenants.
async fn tenants(keys: Keys, database: &TestDatabase) -> Result<[TenantConnection; 2]> {
    let water = database.water_with(keys.builder()).await?;
    Ok([water.tenant(keys.id(0)?), water.tenant(keys.id(1)?)])
}

async fn add_customer(tenant: &TenantConnection, name: &str) -> Result<customer::Model> {
    Ok(customer::ActiveModel { name: Set(name.to_owned()), ..Default::default() }.insert(tenant).await?)
}

async fn texts(db: &impl ConnectionTrait, sql: &str) -> Result<Vec<String>> {
    let rows = db.query_all_raw(Statement::from_string(DbBackend::Postgres, sql)).await?;
    Ok(rows.iter().map(|row| row.try_get_by_index(0)).collect::<Result<_, _>>()?)
}

#[tokio::test]
async fn unchanged_entities_read_and_write_the_rows_of_one_tenant() -> Result<()> {
    for keys in KEYS {
        let (database, owner) = database(keys).await?;
        let [one, other] = tenants(keys, &database).await?;
        let ada = add_customer(&one, "Ada").await?;
        let same = add_customer(&other, "Ada").await?;
        assert!(add_customer(&one, "Ada").await.is_err(), "unique within {keys:?}");

        let order =
            order::ActiveModel { customer_id: Set(ada.id), total: Set(Some(3)), ..Default::default() };
        let order = order.insert(&one).await?;
        let foreign = order::ActiveModel { customer_id: Set(ada.id), ..Default::default() };
        assert!(foreign.insert(&other).await.is_err(), "an order of another tenant's customer: {keys:?}");

        assert_eq!(customer::Entity::find().all(&one).await?.len(), 1);
        assert_eq!(customer::Entity::find_by_id(ada.id).one(&other).await?, None);
        let joined = order::Entity::find().find_also_related(customer::Entity).all(&one).await?;
        assert_eq!(joined.len(), 1);
        assert!(order::Entity::find().find_also_related(customer::Entity).all(&other).await?.is_empty());

        let mut renamed: customer::ActiveModel = same.into();
        renamed.name = Set("Grace".to_owned());
        renamed.update(&other).await?;
        assert_eq!(customer::Entity::find().one(&one).await?.map(|found| found.name), Some("Ada".to_owned()));
        assert_eq!(order::Entity::delete_many().exec(&other).await?.rows_affected, 0);
        assert_eq!(order::Entity::delete_by_id(order.id).exec(&one).await?.rows_affected, 1);

        let column = keys.quoted();
        let sql = format!("SELECT {column}::text FROM customers");
        assert_eq!(texts(&one, &sql).await?, [keys.id(0)?.to_string()], "{keys:?}");
        assert_eq!(texts(&other, &sql).await?, [keys.id(1)?.to_string()], "{keys:?}");
        owner.close().await?;
    }
    Ok(())
}

/// A judge that shares nothing with the rewriter: the policies alone, with the values bound by a plain connection.
#[tokio::test]
async fn row_level_security_alone_isolates_every_type() -> Result<()> {
    for keys in KEYS {
        let (database, _owner) = database(keys).await?;
        let water = database
            .water_with(keys.builder().dangerous_layers(watertight::Layers::UnscopedRowSecurityOnly))
            .await?;
        let [one, other] = [water.tenant(keys.id(0)?), water.tenant(keys.id(1)?)];
        let column = keys.quoted();
        for tenant in [&one, &other] {
            let sql = format!("INSERT INTO customers ({column}, name) VALUES (watertight.tenant(), 'Ada')");
            tenant.execute_unprepared(&sql).await?;
        }
        let all = format!("SELECT {column}::text FROM customers");
        assert_eq!(texts(&one, &all).await?, [keys.id(0)?.to_string()], "{keys:?}");
        let forged = Statement::from_sql_and_values(
            DbBackend::Postgres,
            format!("INSERT INTO customers ({column}, name) VALUES ($1, 'Eve')"),
            [keys.id(1)?.into()],
        );
        assert!(one.execute_raw(forged).await.is_err(), "{keys:?}");
        assert_eq!(one.execute_unprepared("DELETE FROM customers").await?.rows_affected(), 1);
        assert_eq!(texts(&other, &all).await?, [keys.id(1)?.to_string()], "{keys:?}");
    }
    Ok(())
}

#[tokio::test]
async fn a_tenant_id_is_a_column_of_an_entity() -> Result<()> {
    #[derive(FromQueryResult, Debug, PartialEq, Eq)]
    struct Row {
        id: TenantId,
        missing: Option<TenantId>,
    }
    for keys in KEYS {
        let (database, owner) = database(keys).await?;
        let tenant_type = keys.tenant_type;
        let sql = format!("SELECT $1::{tenant_type} AS id, NULL::{tenant_type} AS missing");
        let statement = Statement::from_sql_and_values(DbBackend::Postgres, sql, [keys.id(1)?.into()]);
        let row = Row::find_by_statement(statement).one(&owner).await?;
        assert_eq!(row, Some(Row { id: keys.id(1)?, missing: None }), "{keys:?}");
        let reserved =
            format!("SELECT {}::{tenant_type} AS id, NULL::uuid AS missing", tenant_type.reserved());
        let read = Row::find_by_statement(Statement::from_string(DbBackend::Postgres, reserved)).one(&owner);
        assert!(read.await.is_err(), "the reserved value is no tenant: {keys:?}");
        drop(database);
    }
    Ok(())
}

#[tokio::test]
async fn keys_that_begin_with_the_tenant_are_found_by_the_rest() -> Result<()> {
    mod tagged {
        use sea_orm::entity::prelude::*;

        #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
        #[sea_orm(table_name = "tags")]
        pub(super) struct Model {
            #[sea_orm(primary_key, auto_increment = false)]
            pub(super) org_id: i64,
            #[sea_orm(primary_key, auto_increment = false)]
            pub(super) name: String,
        }

        #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
        pub(super) enum Relation {}

        impl ActiveModelBehavior for ActiveModel {}
    }

    let keys = KEYS[0];
    let (database, _owner) = database(keys).await?;
    let water = database.water_with(keys.builder().tenant_table(tagged::Entity)).await?;
    let tenant = water.tenant(TenantId::new(5_i64)?);
    let tag = tagged::ActiveModel { name: Set("new".to_owned()), ..Default::default() };
    assert_eq!(tag.insert(&tenant).await?, tagged::Model { org_id: 5, name: "new".to_owned() });
    let found = tagged::Entity::find_by_id_in(&tenant, "new").one(&tenant).await?;
    assert_eq!(found.map(|tag| tag.org_id), Some(5));
    assert_eq!(tagged::Entity::delete_by_id_in(&tenant, "new").exec(&tenant).await?.rows_affected, 1);
    Ok(())
}

#[tokio::test]
async fn names_without_a_schema_mean_the_schema_of_the_application() -> Result<()> {
    let keys = KEYS[0];
    let (database, owner) = database(keys).await?;
    let (manager, settings) = (SchemaManager::new(&owner), keys.settings());
    create_schema(&manager, &settings, "shop").await?;
    // The schema `public` has a table of the same name, which statements do not mean.
    TenantTable::new("shop", "customers")
        .col(id_column())
        .key(["id"])
        .col(string("name"))
        .create(&manager, &settings)
        .await?;
    let builder = Watertight::builder().table_sets(TableSets::none()).tenant_type(keys.tenant_type);
    let builder = builder.tenant_column(keys.column).default_schema("shop").tenant_tables(["customers"]);
    let water = database.water_with(builder).await?;
    let tenant = water.tenant(keys.id(0)?);
    add_customer(&tenant, "Ada").await?;
    assert_eq!(texts(&tenant, "SELECT name FROM shop.customers").await?, ["Ada"]);
    assert!(tenant.execute_unprepared("DELETE FROM public.customers").await.is_err(), "it is not registered");
    let there = database.water_with(keys.builder()).await?.tenant(keys.id(0)?);
    assert_eq!(texts(&there, "SELECT name FROM customers").await?, [""; 0]);
    Ok(())
}
