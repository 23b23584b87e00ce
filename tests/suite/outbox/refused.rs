//! Tenants only insert into an outbox.

use anyhow::Result;
use sea_orm::{ActiveModelTrait, EntityTrait, PaginatorTrait, Set};
use watertight::{OutboxError, Reason, Refusal, Watertight};

use super::{Scene, builder, enqueue, message, messages};

fn is_of_outbox(error: &sea_orm::DbErr) -> bool {
    Refusal::of(error).is_some_and(|refusal| matches!(&refusal.reason, Reason::OutboxTable { .. }))
}

#[tokio::test]
async fn whatever_reads_or_changes_messages_is_refused() -> Result<()> {
    let scene = Scene::new().await?;
    enqueue(&scene.clinic, 1).await?;
    for sql in [
        "SELECT * FROM messages",
        "SELECT count(*) FROM public.messages AS m",
        "TABLE messages",
        "SELECT 1 FROM handled, messages",
        "SELECT 1 FROM handled JOIN messages USING (id)",
        "SELECT (SELECT max(number) FROM messages)",
        "SELECT 1 WHERE EXISTS (SELECT FROM \"messages\" AS m (a, b))",
        "WITH m AS (SELECT * FROM messages) SELECT 1",
        "WITH m AS (DELETE FROM messages) SELECT 1",
        "UPDATE messages SET number = 2",
        "UPDATE handled SET number = m.number FROM messages m",
        "DELETE FROM messages",
        "DELETE FROM handled USING messages",
        "MERGE INTO messages USING handled h ON messages.id = h.id WHEN NOT MATCHED THEN INSERT (kind, number) VALUES ('a', 1)",
        "MERGE INTO handled USING messages m ON handled.id = m.id WHEN MATCHED THEN DELETE",
        "INSERT INTO messages (kind, number) VALUES ('a', 1) RETURNING id",
        "INSERT INTO messages (kind, number) VALUES ('a', 1) ON CONFLICT DO NOTHING",
        "INSERT INTO messages (kind, number) VALUES ('a', 1) ON CONFLICT (id) DO UPDATE SET number = 2",
        "INSERT INTO messages (kind, number) SELECT kind, number FROM messages",
        "INSERT INTO handled (id, number) SELECT id, number FROM messages",
        "(SELECT number FROM handled) UNION ALL (SELECT number FROM messages)",
    ] {
        let error = scene.clinic.execute_unprepared(sql).await.unwrap_err();
        assert!(is_of_outbox(&error), "{sql}: {error}");
    }
    let error = messages::Entity::find().count(&scene.clinic).await.unwrap_err();
    assert!(is_of_outbox(&error), "{error}");
    let error = message(1).insert(&scene.clinic).await.unwrap_err();
    assert!(is_of_outbox(&error) && error.to_string().contains("Tenant::enqueue"), "{error}");
    // Not for the worker either, unless through the outbox.
    let worker = scene.worker().await?.tenant(scene.clinic.tenant_id());
    assert!(is_of_outbox(&messages::Entity::find().all(&worker).await.unwrap_err()));
    assert_eq!(scene.waiting().await?, 1);
    Ok(())
}

#[tokio::test]
async fn inserts_of_every_form_are_stamped() -> Result<()> {
    let scene = Scene::new().await?;
    for sql in [
        "INSERT INTO messages (kind, number) VALUES ('a', 1), ('b', 2)",
        "INSERT INTO messages (kind, number) SELECT 'c', 3",
        "WITH n AS (SELECT 4 AS number) INSERT INTO public.messages AS m (kind, number) SELECT 'd', number FROM n",
    ] {
        scene.clinic.execute_unprepared(sql).await?;
    }
    messages::Entity::insert_many([message(5), message(6)]).exec_without_returning(&scene.clinic).await?;
    let own = messages::ActiveModel {
        tenant_id: Set(watertight_tests::uuid_of(scene.clinic.tenant_id())),
        ..message(7)
    };
    messages::Entity::insert(own).exec_without_returning(&scene.clinic).await?;
    let foreign = messages::ActiveModel {
        tenant_id: Set(watertight_tests::uuid_of(scene.studio.tenant_id())),
        ..message(8)
    };
    let error = messages::Entity::insert(foreign).exec_without_returning(&scene.clinic).await.unwrap_err();
    assert!(
        Refusal::of(&error).is_some_and(|it| matches!(it.reason, Reason::ForeignTenant { .. })),
        "{error}"
    );

    let outbox = scene.outbox().await?;
    let mut numbers = Vec::new();
    while let Some(delivery) = outbox.next().await? {
        assert_eq!(delivery.tenant().tenant_id(), scene.clinic.tenant_id());
        numbers.push(delivery.message().number);
        delivery.done().await?;
    }
    numbers.sort_unstable();
    assert_eq!(numbers, [1, 2, 3, 4, 5, 6, 7]);
    Ok(())
}

#[tokio::test]
async fn the_application_is_no_worker_and_a_replica_has_none() -> Result<()> {
    let scene = Scene::new().await?;
    enqueue(&scene.clinic, 1).await?;
    let not_permitted = scene.water.outbox(messages::Entity)?.next().await;
    assert!(matches!(not_permitted, Err(OutboxError::NotPermitted { .. })), "{not_permitted:?}");
    let stalled = scene.water.outbox(messages::Entity)?.stalled().await;
    assert!(matches!(stalled, Err(OutboxError::NotPermitted { .. })), "{stalled:?}");
    let unregistered = Watertight::builder().connect(scene.database.app_url()).await?;
    let refused = unregistered.outbox(messages::Entity).map(drop);
    assert!(matches!(refused, Err(OutboxError::NotRegistered { .. })), "{refused:?}");
    let replica = builder().read_only().connect(scene.worker_url()?).await?;
    let refused = replica.outbox(messages::Entity)?.next().await.unwrap_err();
    assert!(watertight::Error::from(refused).refusal().is_some());
    assert_eq!(scene.waiting().await?, 1);
    Ok(())
}

/// Behind a transaction pooler a worker works, too: everything is in transactions.
#[tokio::test]
async fn a_worker_can_be_behind_a_transaction_pooler() -> Result<()> {
    let scene = Scene::new().await?;
    enqueue(&scene.clinic, 1).await?;
    let pooled = builder().transaction_pooler(true).connect(scene.worker_url()?).await?;
    let outbox = pooled.outbox(messages::Entity)?;
    let delivery = outbox.next().await?.expect("due");
    super::note(delivery.tenant(), delivery.message()).await?;
    delivery.done().await?;
    assert_eq!(super::numbers(&scene.clinic).await?, [1]);
    Ok(())
}
