//! The application's own table is isolated like watertight's: by rewriting, row-level security and keys.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use anyhow::Result;
use sea_orm::{ActiveModelTrait, ColumnTrait, EntityTrait, PaginatorTrait, QueryFilter, Set, SqlErr};
use sea_orm_migration::MigratorTraitSelf;
use watertight::scheduling::NewClient;
use watertight::{Layers, Reason, Refusal, TenantConnection, Watertight};
use watertight_extend::{LoyalClient, client_details, loyalty_cards, migration};
use watertight_tests::{TestDatabase, new_tenant};

struct Shop {
    database: TestDatabase,
    clinic: TenantConnection,
    studio: TenantConnection,
}

impl Shop {
    async fn open() -> Result<Self> {
        let database = TestDatabase::create().await?;
        migration::migrator().up(&database.owner().await?, None).await?;
        let water = database.water_with(Watertight::builder().tenant_table(loyalty_cards::Entity)).await?;
        Ok(Self { clinic: water.tenant(new_tenant()?), studio: water.tenant(new_tenant()?), database })
    }
}

fn ann() -> NewClient {
    NewClient::new("Ann", "Doe", "ann@example.com".parse().unwrap())
}

#[tokio::test]
async fn the_applications_table_is_isolated() -> Result<()> {
    let shop = Shop::open().await?;
    let here = shop.clinic.scheduling().save_client(&ann()).await?;
    let there = shop.studio.scheduling().save_client(&ann()).await?;
    assert_eq!(here.card(&shop.clinic).await?, None);
    for stamps in 1..=3 {
        assert_eq!(here.stamp(&shop.clinic).await?.stamps, stamps);
    }
    there.stamp(&shop.studio).await?;
    let card = here.card(&shop.clinic).await?.unwrap();
    assert_eq!((card.stamps, Some(card.tenant_id)), (3, shop.clinic.tenant_id().uuid()));

    // Through the other tenant's connection the client has no card, and cannot get one: the client does not
    // exist there.
    assert_eq!(here.card(&shop.studio).await?, None);
    let crossed = here.stamp(&shop.studio).await.unwrap_err();
    assert!(matches!(crossed.sql_err(), Some(SqlErr::ForeignKeyConstraintViolation(_))), "{crossed}");
    let cards = loyalty_cards::Entity::find().find_also_related(watertight::entity::public::clients::Entity);
    let joined = cards.all(&shop.studio).await?;
    assert_eq!(joined.len(), 1);
    assert_eq!(joined[0].1.as_ref().map(|client| client.id), Some(there.id));
    for _ in 0..12 {
        here.stamp(&shop.clinic).await?;
    }
    assert_eq!(here.card(&shop.clinic).await?.unwrap().stamps, 10);
    Ok(())
}

#[tokio::test]
async fn row_level_security_alone_isolates_the_applications_table() -> Result<()> {
    let shop = Shop::open().await?;
    shop.clinic.scheduling().save_client(&ann()).await?.stamp(&shop.clinic).await?;
    let builder = Watertight::builder().tenant_table(loyalty_cards::Entity);
    let bare = shop.database.water_with(builder.dangerous_layers(Layers::UnscopedRowSecurityOnly)).await?;
    let studio = bare.tenant(shop.studio.tenant_id());
    assert_eq!(loyalty_cards::Entity::find().count(&studio).await?, 0);
    let changed = loyalty_cards::Entity::delete_many().exec(&studio).await?;
    assert_eq!(changed.rows_affected, 0);
    assert_eq!(loyalty_cards::Entity::find().count(&shop.clinic).await?, 1);
    Ok(())
}

#[tokio::test]
async fn an_unregistered_table_is_refused() -> Result<()> {
    let shop = Shop::open().await?;
    let water = shop.database.water().await?;
    let error = loyalty_cards::Entity::find().all(&water.tenant(shop.clinic.tenant_id())).await.unwrap_err();
    let reason = Refusal::of(&error).map(|refusal| &refusal.reason);
    assert_eq!(reason, Some(&Reason::UnknownTable("public.loyalty_cards".to_owned())));
    Ok(())
}

#[tokio::test]
async fn the_applications_column_is_isolated() -> Result<()> {
    let shop = Shop::open().await?;
    let here = shop.clinic.scheduling().save_client(&ann()).await?;
    let birthday = "1990-05-17".parse()?;
    assert_eq!(here.celebrate_on(&shop.clinic, birthday).await?.birthday, Some(birthday));
    // Watertight's own operations ignore the column.
    let again = shop.clinic.scheduling().save_client(&ann()).await?;
    assert_eq!(again.id, here.id);
    let today = client_details::Entity::find().filter(client_details::Column::Birthday.eq(birthday));
    assert_eq!(today.clone().count(&shop.clinic).await?, 1);
    assert_eq!(today.count(&shop.studio).await?, 0);
    let crossed = here.celebrate_on(&shop.studio, birthday).await.unwrap_err();
    assert!(
        Refusal::of(&crossed).is_some() || matches!(crossed, sea_orm::DbErr::RecordNotUpdated),
        "{crossed}"
    );
    Ok(())
}

#[tokio::test]
async fn the_applications_migrations_can_be_rolled_back() -> Result<()> {
    let shop = Shop::open().await?;
    let owner = shop.database.owner().await?;
    migration::migrator().down(&owner, Some(2)).await?;
    let card = loyalty_cards::ActiveModel { client_id: Set(uuid::Uuid::new_v4()), ..Default::default() };
    assert!(card.insert(&shop.clinic).await.is_err());
    migration::migrator().up(&owner, None).await?;
    Ok(())
}
