//! The gapless numbers of a tenant.

use std::collections::BTreeMap;

use anyhow::Result;
use sea_orm::{ConnectionTrait, DbBackend, Statement};
use watertight::{NumberError, Refusal, TenantConnection, Watertight};
use watertight_tests::{TestDatabase, new_tenant};

async fn next(tenant: &TenantConnection, series: &str) -> Result<i64> {
    let transaction = tenant.begin().await?;
    let number = transaction.next_number(series).await?;
    transaction.commit().await?;
    Ok(number)
}

#[tokio::test]
async fn concurrent_transactions_with_rollbacks_leave_no_gap() -> Result<()> {
    let database = TestDatabase::create().await?;
    let (clinic, studio) = database.two_tenants().await?;
    let workers = (0..8).map(|worker: u64| {
        let (clinic, studio) = (clinic.clone(), studio.clone());
        tokio::spawn(async move {
            let mut random = fastrand::Rng::with_seed(worker);
            let mut kept: BTreeMap<&str, Vec<i64>> = BTreeMap::new();
            for _ in 0..12 {
                let (name, tenant) = if random.bool() { ("clinic", &clinic) } else { ("studio", &studio) };
                let transaction = tenant.begin().await?;
                let mut numbers = Vec::new();
                if random.u8(..4) == 0 {
                    let savepoint = transaction.begin().await?;
                    savepoint.next_number("invoice").await?;
                    savepoint.rollback().await?;
                }
                numbers.push(transaction.next_number("invoice").await?);
                if random.u8(..4) == 0 {
                    numbers.push(transaction.next_number("invoice").await?);
                }
                match random.u8(..3) {
                    0 => transaction.rollback().await?,
                    1 => drop(transaction),
                    _ => {
                        transaction.commit().await?;
                        kept.entry(name).or_default().extend(numbers);
                    }
                }
            }
            anyhow::Ok(kept)
        })
    });
    let mut all: BTreeMap<&str, Vec<i64>> = BTreeMap::new();
    for worker in workers.collect::<Vec<_>>() {
        for (name, numbers) in worker.await?? {
            all.entry(name).or_default().extend(numbers);
        }
    }
    assert_eq!(all.len(), 2, "both tenants kept numbers");
    for (name, mut numbers) in all {
        numbers.sort_unstable();
        let expected: Vec<i64> = (1..).take(numbers.len()).collect();
        assert_eq!(numbers, expected, "{name}");
    }
    Ok(())
}

#[tokio::test]
async fn tenants_and_series_count_on_their_own() -> Result<()> {
    let database = TestDatabase::create().await?;
    let (clinic, studio) = database.two_tenants().await?;
    assert_eq!(next(&clinic, "invoice").await?, 1);
    assert_eq!(next(&clinic, "invoice").await?, 2);
    // An open transaction of a tenant holds up neither another tenant nor another series.
    let open = clinic.begin().await?;
    assert_eq!(open.next_number("invoice").await?, 3);
    assert_eq!(next(&studio, "invoice").await?, 1);
    assert_eq!(next(&clinic, "Invoice").await?, 1);
    assert_eq!(next(&clinic, "'; DROP TABLE watertight.numbers; --").await?, 1);
    open.rollback().await?;
    assert_eq!(next(&clinic, "invoice").await?, 3);
    assert!(matches!(open_with(&clinic, "").await, Err(NumberError::InvalidInput(_))));
    Ok(())
}

async fn open_with(tenant: &TenantConnection, series: &str) -> Result<i64, NumberError> {
    tenant.begin().await?.next_number(series).await
}

#[tokio::test]
async fn a_series_starts_at_a_given_number_and_only_moves_forward() -> Result<()> {
    let database = TestDatabase::create().await?;
    let (clinic, studio) = database.two_tenants().await?;
    let transaction = clinic.begin().await?;
    transaction.set_next_number("invoice", 1).await?;
    transaction.set_next_number("invoice", 1042).await?;
    assert_eq!(transaction.next_number("invoice").await?, 1042);
    let back = transaction.set_next_number("invoice", 1042).await.unwrap_err();
    assert!(matches!(back, NumberError::Taken { last: 1042, next: 1042, .. }), "{back}");
    transaction.set_next_number("invoice", 1043).await?;
    for next in [0, -1, i64::MIN] {
        let refused = transaction.set_next_number("invoice", next).await;
        assert!(matches!(refused, Err(NumberError::InvalidInput(_))), "{next}");
    }
    assert_eq!(transaction.next_number("invoice").await?, 1043, "a refusal leaves the transaction usable");
    transaction.commit().await?;
    assert_eq!(next(&studio, "invoice").await?, 1);

    let last = studio.begin().await?;
    last.set_next_number("offer", i64::MAX).await?;
    assert_eq!(last.next_number("offer").await?, i64::MAX);
    let over = last.next_number("offer").await.unwrap_err();
    assert!(matches!(over, NumberError::Database(_)), "there is no number left: {over}");
    Ok(())
}

#[tokio::test]
async fn sql_of_a_tenant_cannot_reach_the_numbers_and_the_role_sees_one_tenant() -> Result<()> {
    let database = TestDatabase::create().await?;
    let (clinic, studio) = database.two_tenants().await?;
    next(&clinic, "invoice").await?;
    for sql in [
        "SELECT * FROM watertight.numbers",
        "UPDATE watertight.numbers SET value = 0",
        "DELETE FROM watertight.numbers",
        "INSERT INTO watertight.numbers (series, value) VALUES ('invoice', 7)",
    ] {
        let refused = clinic.execute_unprepared(sql).await.unwrap_err();
        assert!(Refusal::of(&refused).is_some(), "{sql}: {refused}");
    }
    // Without rewriting, row-level security holds.
    let water = database.water().await?;
    let plain = water.dangerous_unscoped();
    let count = "SELECT count(*) AS n FROM watertight.numbers";
    let count = Statement::from_string(DbBackend::Postgres, count);
    let rows: i64 = plain.query_one_raw(count).await?.unwrap().try_get("", "n")?;
    assert_eq!(rows, 0, "without a tenant there are none");
    let forged = format!(
        "INSERT INTO watertight.numbers (tenant_id, series, value) VALUES ('{}', 'invoice', 9)",
        studio.tenant_id()
    );
    assert!(plain.execute_unprepared(&forged).await.is_err());
    assert!(plain.execute_unprepared("DELETE FROM watertight.numbers").await.is_err(), "not granted");
    assert!(plain.execute_unprepared("TRUNCATE watertight.numbers").await.is_err(), "not granted");
    assert_eq!(next(&clinic, "invoice").await?, 2);
    Ok(())
}

#[tokio::test]
async fn an_export_contains_the_numbers_and_an_erasure_removes_them() -> Result<()> {
    let database = TestDatabase::create().await?;
    let (clinic, studio) = database.two_tenants().await?;
    for _ in 0..3 {
        next(&clinic, "invoice").await?;
    }
    next(&studio, "invoice").await?;
    let maintenance = Watertight::builder().maintenance(&database.owner().await?).await?;
    let stats = maintenance.stats(clinic.tenant_id()).await?;
    assert_eq!(stats.rows(), 1);
    let mut lines = Vec::new();
    maintenance.export(clinic.tenant_id(), &mut lines, |_| ()).await?;
    assert_eq!(maintenance.erase(clinic.tenant_id(), |_| ()).await?.erased(), 1);
    assert_eq!(next(&clinic, "other").await?, 1);
    maintenance.erase(clinic.tenant_id(), |_| ()).await?;
    maintenance.import(clinic.tenant_id(), &lines[..], |_| ()).await?;
    assert_eq!(next(&clinic, "invoice").await?, 4);

    let elsewhere = TestDatabase::create().await?;
    let there = Watertight::builder().maintenance(&elsewhere.owner().await?).await?;
    there.import(clinic.tenant_id(), &lines[..], |_| ()).await?;
    let moved = elsewhere.water().await?.tenant(clinic.tenant_id());
    assert_eq!(next(&moved, "invoice").await?, 4);
    assert_eq!(next(&studio, "invoice").await?, 2, "untouched");
    Ok(())
}

#[tokio::test]
async fn a_database_before_the_migration_and_a_replica_are_typed_errors() -> Result<()> {
    let database = TestDatabase::create().await?;
    let replica = database.water_with(Watertight::builder().read_only()).await?;
    let reading = replica.tenant(new_tenant()?).begin().await?;
    let refused = reading.next_number("invoice").await.unwrap_err();
    assert!(watertight::Error::from(refused).refusal().is_some());
    drop(reading);
    let (clinic, _) = database.two_tenants().await?;
    database.owner().await?.execute_unprepared("DROP TABLE watertight.numbers").await?;
    let missing = open_with(&clinic, "invoice").await;
    assert!(matches!(missing, Err(NumberError::NotMigrated)), "{missing:?}");
    Ok(())
}
