//! Notifications on the channels of a tenant.

use std::time::Duration;

use anyhow::{Context, Result, bail};
use sea_orm::{ConnectionTrait, DbBackend, Statement};
use sha2::{Digest, Sha256};
use tokio::time::timeout;
use watertight::{
    ListenerEvent, Notification, NotificationError, Refusal, TenantConnection, TenantKeys, TenantListener,
    Watertight,
};
use watertight_tests::{TestDatabase, new_tenant};

async fn notify(tenant: &TenantConnection, channel: &str, payload: &str) -> Result<()> {
    let transaction = tenant.begin().await?;
    transaction.notify(channel, payload).await?;
    transaction.commit().await?;
    Ok(())
}

async fn event(listener: &mut TenantListener) -> Result<ListenerEvent> {
    Ok(timeout(Duration::from_secs(10), listener.recv()).await.context("nothing was received")??)
}

async fn received(listener: &mut TenantListener) -> Result<Notification> {
    match event(listener).await? {
        ListenerEvent::Notification(notification) => Ok(notification),
        other => bail!("{other:?}"),
    }
}

#[tokio::test]
async fn a_tenant_hears_its_own_channel_when_a_transaction_commits() -> Result<()> {
    let database = TestDatabase::create().await?;
    let (clinic, studio) = database.two_tenants().await?;
    let mut listener = clinic.listen("chat").await?;
    notify(&studio, "chat", "another tenant").await?;
    notify(&clinic, "orders", "another channel").await?;
    let undone = clinic.begin().await?;
    undone.notify("chat", "undone").await?;
    undone.rollback().await?;
    let transaction = clinic.begin().await?;
    let savepoint = transaction.begin().await?;
    savepoint.notify("chat", "undone in a savepoint").await?;
    savepoint.rollback().await?;
    transaction.notify("chat", "").await?;
    transaction.notify("chat", "héllo '; --").await?;
    transaction.commit().await?;
    for payload in ["", "héllo '; --"] {
        let notification = received(&mut listener).await?;
        assert_eq!(notification.tenant_id, clinic.tenant_id());
        assert_eq!((notification.channel.as_str(), notification.payload.as_str()), ("chat", payload));
    }
    Ok(())
}

#[tokio::test]
async fn one_listener_serves_several_tenants_and_says_whose_notification_it_is() -> Result<()> {
    let database = TestDatabase::create().await?;
    let water = database.water().await?;
    let (clinic, studio) = (water.tenant(new_tenant()?), water.tenant(new_tenant()?));
    let mut listener = water.listener().await?;
    listener.listen(&clinic, "chat").await?;
    listener.listen(&studio, "chat").await?;
    notify(&studio, "chat", "1").await?;
    notify(&clinic, "chat", "2").await?;
    for (tenant, payload) in [(&studio, "1"), (&clinic, "2")] {
        let notification = received(&mut listener).await?;
        assert_eq!((notification.tenant_id, notification.payload.as_str()), (tenant.tenant_id(), payload));
    }
    listener.unlisten(&studio, "chat").await?;
    notify(&studio, "chat", "3").await?;
    notify(&clinic, "chat", "4").await?;
    assert_eq!(received(&mut listener).await?.payload, "4");

    let (other, _) = TestDatabase::create().await?.two_tenants().await?;
    let refused = listener.listen(&other, "chat").await;
    assert!(matches!(refused, Err(NotificationError::OtherDatabase { .. })));
    Ok(())
}

#[tokio::test]
async fn a_lost_connection_is_restored_and_reported() -> Result<()> {
    let database = TestDatabase::create().await?;
    let (clinic, _) = database.two_tenants().await?;
    let mut listener = clinic.listen("chat").await?;
    notify(&clinic, "chat", "before").await?;
    assert_eq!(received(&mut listener).await?.payload, "before");
    // The listener is the session whose last text is its `LISTEN`.
    let end = "SELECT pg_terminate_backend(pid, 10000) AS done FROM pg_stat_activity \
               WHERE datname = current_database() AND query LIKE 'DO %LISTEN%'";
    let ended = database.superuser().await?;
    let ended = ended.query_all_raw(Statement::from_string(DbBackend::Postgres, end)).await?;
    assert_eq!(ended.len(), 1);
    notify(&clinic, "chat", "meanwhile").await?;
    assert_eq!(event(&mut listener).await?, ListenerEvent::Lost);
    notify(&clinic, "chat", "after").await?;
    assert_eq!(received(&mut listener).await?.payload, "after");
    Ok(())
}

/// The names of channels are in no text that other sessions can read, and they depend on the tenant key.
#[tokio::test]
async fn names_of_channels_are_secret() -> Result<()> {
    let database = TestDatabase::create().await?;
    let (clinic, _) = database.two_tenants().await?;
    let mut listener = clinic.listen("chat").await?;
    notify(&clinic, "chat", "x").await?;
    let texts = "SELECT query FROM pg_stat_activity WHERE datname = current_database()";
    let superuser = database.superuser().await?;
    let rows = superuser.query_all_raw(Statement::from_string(DbBackend::Postgres, texts)).await?;
    assert!(rows.len() > 1);
    for row in rows {
        let text: String = row.try_get("", "query")?;
        assert!(!text.contains("wt_") && !text.contains("chat"), "{text}");
    }
    received(&mut listener).await?;

    // What the name would be without a key, and what an application would choose.
    let plain = database.water().await?;
    let of_tenant = format!("chat_{}", clinic.tenant_id());
    let mut hash = Sha256::new_with_prefix("watertight channel:");
    for part in [clinic.tenant_id().to_string().as_str(), "chat"] {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part);
    }
    let without_key = format!("wt_{}", hex::encode(&hash.finalize()[..24]));
    for guess in ["chat", of_tenant.as_str(), without_key.as_str()] {
        let sql = Statement::from_sql_and_values(
            DbBackend::Postgres,
            "SELECT pg_notify($1, 'forged')",
            [guess.into()],
        );
        plain.dangerous_unscoped().execute_raw(sql).await?;
    }
    notify(&clinic, "chat", "genuine").await?;
    assert_eq!(received(&mut listener).await?.payload, "genuine");
    Ok(())
}

/// While keys are replaced, who has both keys hears who still signs with the old one.
#[tokio::test]
async fn a_listener_with_two_keys_hears_the_old_one() -> Result<()> {
    let database = TestDatabase::create().await?;
    let old = std::env::var(watertight::TENANT_KEY_VARIABLE)?;
    let new = format!("77:{}", "7a".repeat(32));
    let key = new.parse::<watertight_migration::TenantKey>()?;
    watertight_migration::tenant_keys::add(&database.owner().await?, &key).await?;
    let both: TenantKeys = format!("{new},{old}").parse()?;
    let tenant = new_tenant()?;
    let water = database.water_with(Watertight::builder().tenant_keys(both)).await?;
    let mut listener = water.tenant(tenant).listen("chat").await?;
    notify(&database.water().await?.tenant(tenant), "chat", "by the old key").await?;
    assert_eq!(received(&mut listener).await?.payload, "by the old key");
    notify(&water.tenant(tenant), "chat", "by the new key").await?;
    assert_eq!(received(&mut listener).await?.payload, "by the new key");
    Ok(())
}

#[tokio::test]
async fn limits_are_typed_errors_and_sql_cannot_notify() -> Result<()> {
    let database = TestDatabase::create().await?;
    let (clinic, _) = database.two_tenants().await?;
    let mut listener = clinic.listen("chat").await?;
    let transaction = clinic.begin().await?;
    let longest = "p".repeat(7_999);
    transaction.notify("chat", &longest).await?;
    let too_long = transaction.notify("chat", &"p".repeat(8_000)).await;
    assert!(matches!(too_long, Err(NotificationError::PayloadTooLong { bytes: 8_000, limit: 7_999 })));
    let umlauts = transaction.notify("chat", &"ü".repeat(4_000)).await;
    assert!(matches!(umlauts, Err(NotificationError::PayloadTooLong { .. })), "bytes count");
    for (channel, payload) in [("", "x"), ("chat", "\0")] {
        let refused = transaction.notify(channel, payload).await;
        assert!(matches!(refused, Err(NotificationError::InvalidInput(_))));
    }
    for sql in ["NOTIFY chat", "LISTEN chat", "UNLISTEN *", "SELECT pg_notify('chat', '')"] {
        let refused = transaction.execute_unprepared(sql).await.unwrap_err();
        assert!(Refusal::of(&refused).is_some(), "{sql}: {refused}");
    }
    transaction.commit().await?;
    assert_eq!(received(&mut listener).await?.payload, longest);

    let pooled = database.water_with(Watertight::builder().transaction_pooler(true)).await?;
    let refused = pooled.tenant(new_tenant()?).listen("chat").await;
    assert!(matches!(refused, Err(NotificationError::TransactionPooler)));
    notify(&pooled.tenant(clinic.tenant_id()), "chat", "sent through a pooler").await?;
    assert_eq!(received(&mut listener).await?.payload, "sent through a pooler");
    let replica = database.water_with(Watertight::builder().read_only()).await?;
    assert!(matches!(replica.listener().await, Err(NotificationError::Replica)));
    let reading = replica.tenant(new_tenant()?).begin().await?;
    let refused = reading.notify("chat", "").await.unwrap_err();
    assert!(watertight::Error::from(refused).refusal().is_some());
    Ok(())
}
