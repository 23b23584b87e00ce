//! Finding rows by their key without the tenant.

use anyhow::Result;
use sea_orm::{ActiveModelTrait, DbErr, EntityTrait, PaginatorTrait, Set};
use uuid::Uuid;
use watertight::entity::auth::users;
use watertight::{Tenant, TenantConnection, TenantEntity, Watertight};
use watertight_tests::{TestDatabase, new_tenant};

use crate::rows;

/// A table with a key of the tenant and these columns.
fn table(name: &str, columns: &str, key: &str) -> String {
    format!(
        "CREATE TABLE {name} (tenant_id uuid NOT NULL, {columns}, PRIMARY KEY (tenant_id, {key}));
         ALTER TABLE {name} ENABLE ROW LEVEL SECURITY;
         ALTER TABLE {name} FORCE ROW LEVEL SECURITY;
         CREATE POLICY tenant_isolation ON {name} USING (tenant_id = watertight.tenant());
         GRANT SELECT, INSERT, UPDATE, DELETE ON {name} TO PUBLIC;"
    )
}

/// An entity of such a table.
macro_rules! entity {
    ($module:ident, $table:literal, $($column:ident: $kind:ty),+) => {
        mod $module {
            use sea_orm::entity::prelude::*;

            #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
            #[sea_orm(table_name = $table)]
            pub(super) struct Model {
                #[sea_orm(primary_key, auto_increment = false)]
                pub(super) tenant_id: Uuid,
                $(#[sea_orm(primary_key, auto_increment = false)]
                pub(super) $column: $kind,)+
                pub(super) note: String,
            }

            #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
            pub(super) enum Relation {}

            impl ActiveModelBehavior for ActiveModel {}
        }
    };
}

entity!(visits, "visits", id: i32);
entity!(ledgers, "ledgers", id: i64);
entity!(rooms, "rooms", id: String);
entity!(seats, "seats", room: String, place: i32);

async fn two_tenants(database: &TestDatabase) -> Result<(TenantConnection, TenantConnection)> {
    let owner = database.owner().await?;
    for sql in [
        table("visits", "id int, note text NOT NULL", "id"),
        table("ledgers", "id bigint, note text NOT NULL", "id"),
        table("rooms", "id text, note text NOT NULL", "id"),
        table("seats", "room text, place int, note text NOT NULL", "room, place"),
    ] {
        sea_orm::ConnectionTrait::execute_unprepared(&owner, &sql).await?;
    }
    let builder = Watertight::builder()
        .tenant_table(visits::Entity)
        .tenant_table(ledgers::Entity)
        .tenant_table(rooms::Entity)
        .tenant_table(seats::Entity);
    let water = database.water_with(builder).await?;
    Ok((water.tenant(new_tenant()?), water.tenant(new_tenant()?)))
}

/// A function for any tenant connection, which finds a user by the id alone.
async fn handle(tenant: &impl Tenant, id: Uuid) -> Result<Option<String>, DbErr> {
    Ok(users::Entity::find_by_id_in(tenant, id).one(tenant).await?.map(|user| user.handle))
}

#[tokio::test]
async fn a_user_is_found_and_deleted_by_the_id_alone() -> Result<()> {
    let database = TestDatabase::create().await?;
    let (clinic, studio) = database.two_tenants().await?;
    let jess = rows::user("jess").insert(&clinic).await?;
    // The same id at another tenant, which the keys allow.
    let twin = users::ActiveModel { id: Set(jess.id), ..rows::user("twin") }.insert(&studio).await?;
    assert_eq!(handle(&clinic, jess.id).await?.as_deref(), Some("jess"));
    assert_eq!(handle(&studio, twin.id).await?.as_deref(), Some("twin"));
    assert_eq!(handle(&clinic, Uuid::nil()).await?, None);
    // A key of one tenant finds no row on the connection of another.
    assert_eq!(users::Entity::find_by_id_in(&clinic, jess.id).one(&studio).await?, None);

    let transaction = clinic.begin().await?;
    assert_eq!(handle(&transaction, jess.id).await?.as_deref(), Some("jess"));
    let deleted = users::Entity::delete_by_id_in(&transaction, jess.id).exec(&transaction).await?;
    assert_eq!(deleted.rows_affected, 1);
    transaction.commit().await?;
    assert_eq!(handle(&clinic, jess.id).await?, None);
    assert_eq!(handle(&studio, twin.id).await?.as_deref(), Some("twin"));
    Ok(())
}

/// Finds and deletes a row by its key; the same key at another tenant is another row.
macro_rules! assert_by_id {
    ($entity:ident, $clinic:expr, $studio:expr, $id:expr, $($column:ident: $value:expr),+) => {{
        for (tenant, note) in [($clinic, "clinic"), ($studio, "studio")] {
            let row = $entity::ActiveModel {
                $($column: Set($value),)+
                note: Set(note.to_owned()),
                ..Default::default()
            };
            row.insert(tenant).await?;
        }
        let row = $entity::Entity::find_by_id_in($clinic, $id).one($clinic).await?;
        assert_eq!(row.map(|row| row.note).as_deref(), Some("clinic"));
        let deleted = $entity::Entity::delete_by_id_in($studio, $id).exec($studio).await?;
        assert_eq!(deleted.rows_affected, 1);
        assert_eq!($entity::Entity::find().count($studio).await?, 0);
        assert_eq!($entity::Entity::find().count($clinic).await?, 1);
    }};
}

#[tokio::test]
async fn keys_of_any_type_are_found_without_the_tenant() -> Result<()> {
    let database = TestDatabase::create().await?;
    let (clinic, studio) = two_tenants(&database).await?;
    assert_by_id!(visits, &clinic, &studio, 7, id: 7);
    assert_by_id!(ledgers, &clinic, &studio, 1_i64 << 40, id: 1_i64 << 40);
    assert_by_id!(rooms, &clinic, &studio, "sauna", id: "sauna".to_owned());
    assert_by_id!(seats, &clinic, &studio, ("hall".to_owned(), 3), room: "hall".to_owned(), place: 3);
    Ok(())
}
