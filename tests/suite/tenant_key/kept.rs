//! Export, erasure, import, partitions and changes of rows for every type of key.

use anyhow::{Context, Result};
use sea_orm::{ConnectionTrait, EntityTrait};
use sea_orm_migration::MigrationTrait;
use sea_orm_migration::prelude::SchemaManager;
use watertight::{Job, TenantJob};
use watertight_migration::{HashPartitions, for_each_tenant};

use super::{KEYS, add_customer, customer, database, tenants, texts};

#[tokio::test]
async fn a_tenant_is_exported_erased_and_restored() -> Result<()> {
    for keys in KEYS {
        let (database, owner) = database(keys).await?;
        let [one, other] = tenants(keys, &database).await?;
        for name in ["Ada", "Grace"] {
            add_customer(&one, name).await?;
        }
        add_customer(&other, "Ada").await?;
        let maintenance = keys.builder().maintenance(&owner).await?;
        assert_eq!(maintenance.stats(keys.id(0)?).await?.rows(), 2, "{keys:?}");
        let mut export = Vec::new();
        maintenance.export(keys.id(0)?, &mut export, |_| ()).await?;
        let proof = maintenance.erase(keys.id(0)?, |_| ()).await?;
        assert_eq!(proof.tables.iter().map(|table| table.erased).sum::<u64>(), 2, "{keys:?}");
        assert!(customer::Entity::find().all(&one).await?.is_empty());
        let wrong = maintenance.import(keys.id(1)?, export.as_slice(), |_| ()).await;
        assert!(wrong.is_err(), "an export of another tenant was imported: {keys:?}");
        maintenance.import(keys.id(0)?, export.as_slice(), |_| ()).await?;
        assert_eq!(texts(&one, "SELECT name FROM customers ORDER BY name").await?, ["Ada", "Grace"]);
        assert_eq!(customer::Entity::find().all(&other).await?.len(), 1, "{keys:?}");

        let all = keys.builder().maintenance(&database.maintenance().await?).await?;
        let mut expected = vec![keys.id(0)?, keys.id(1)?];
        let mut listed = all.tenants().await?;
        expected.sort_unstable();
        listed.sort_unstable();
        assert_eq!(listed, expected, "{keys:?}");
    }
    Ok(())
}

#[tokio::test]
async fn numbers_locks_and_jobs_belong_to_a_tenant_of_every_type() -> Result<()> {
    #[derive(serde::Serialize, serde::Deserialize)]
    struct Letter {
        number: i64,
    }

    impl Job for Letter {
        const KIND: &'static str = "letter";
    }

    for keys in KEYS {
        let (database, _owner) = database(keys).await?;
        let [one, other] = tenants(keys, &database).await?;
        let (first, second) = (one.begin().await?, other.begin().await?);
        first.lock("letters").await?;
        assert!(second.try_lock("letters").await?, "another tenant's lock: {keys:?}");
        assert_eq!(
            (first.next_number("letter").await?, first.next_number("letter").await?),
            (1, 2),
            "{keys:?}"
        );
        assert_eq!(second.next_number("letter").await?, 1, "{keys:?}");
        first.commit().await?;
        second.commit().await?;
        let job = one.seal_job(uuid::Uuid::now_v7(), &Letter { number: 2 })?;
        let job: TenantJob<Letter> = serde_json::from_str(&serde_json::to_string(&job)?)?;
        assert_eq!(one.open_job(&job)?.number, 2, "{keys:?}");
        assert!(other.open_job(&job).is_err(), "{keys:?}");
    }
    Ok(())
}

#[tokio::test]
async fn a_migration_changes_the_rows_of_each_tenant() -> Result<()> {
    for keys in KEYS {
        let (database, owner) = database(keys).await?;
        let [one, other] = tenants(keys, &database).await?;
        add_customer(&one, "Ada").await?;
        add_customer(&other, "Grace").await?;
        let manager = SchemaManager::new(&owner);
        let tenants = for_each_tenant(&manager, [("public", "customers")], |manager, _| {
            Box::pin(async move {
                let sql = "UPDATE customers SET name = watertight.tenant()::text";
                let changed = manager.get_connection().execute_unprepared(sql).await?;
                assert_eq!(changed.rows_affected(), 1);
                Ok(())
            })
        });
        assert_eq!(tenants.await?, 2, "{keys:?}");
        assert_eq!(texts(&one, "SELECT name FROM customers").await?, [keys.id(0)?.to_string()]);
        assert_eq!(texts(&other, "SELECT name FROM customers").await?, [keys.id(1)?.to_string()]);
    }
    Ok(())
}

#[tokio::test]
async fn tables_are_divided_by_every_type_of_key() -> Result<()> {
    for keys in KEYS {
        let (database, owner) = database(keys).await?;
        let [one, other] = tenants(keys, &database).await?;
        let names = "SELECT name FROM tags ORDER BY name";
        for tenant in [&one, &other] {
            tenant.execute_unprepared("INSERT INTO tags (name) VALUES ('a')").await?;
        }
        let divide = HashPartitions::of([("public", "tags")], 4);
        let manager = SchemaManager::new(&owner);
        let transaction = manager.begin().await?;
        divide.up(&transaction).await.with_context(|| format!("up {keys:?}"))?;
        transaction.commit().await?;
        one.execute_unprepared("INSERT INTO tags (name) VALUES ('b')").await?;
        assert_eq!((texts(&one, names).await?.len(), texts(&other, names).await?.len()), (2, 1), "{keys:?}");
        let transaction = manager.begin().await?;
        divide.down(&transaction).await.with_context(|| format!("down {keys:?}"))?;
        transaction.commit().await?;
        assert_eq!((texts(&one, names).await?.len(), texts(&other, names).await?.len()), (2, 1), "{keys:?}");
    }
    Ok(())
}
