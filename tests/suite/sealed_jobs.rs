//! Jobs that carry their tenant through a queue, signed.

use anyhow::Result;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use uuid::Uuid;
use watertight::{Job, JobError, TenantJob, TenantKeys, Watertight};
use watertight_tests::{TestDatabase, new_tenant};

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Letter {
    to: String,
    pages: u8,
}

impl Job for Letter {
    const KIND: &'static str = "letter";
}

/// The same data as another kind.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Invoice {
    to: String,
    pages: u8,
}

impl Job for Invoice {
    const KIND: &'static str = "invoice";
}

fn letter() -> Letter {
    Letter { to: "ana".to_owned(), pages: 2 }
}

#[tokio::test]
async fn a_job_arrives_with_the_tenant_that_created_it() -> Result<()> {
    let database = TestDatabase::create().await?;
    let water = database.water().await?;
    let clinic = water.tenant(new_tenant()?);
    let id = Uuid::now_v7();
    let sealed = clinic.begin().await?.seal_job(id, &letter())?;
    assert_eq!(sealed, clinic.seal_job(id, &letter())?, "the same job again");
    let message = serde_json::to_string(&sealed)?;

    // Another process opens it.
    let job: TenantJob<Letter> = serde_json::from_str(&message)?;
    let (tenant, data) = database.water().await?.open_job(&job)?;
    assert_eq!((tenant.tenant_id(), data, job.id()), (clinic.tenant_id(), letter(), id));
    assert_eq!(clinic.open_job(&job)?, letter());
    assert_eq!(job.dangerous_tenant_id(), clinic.tenant_id());
    let other = water.tenant(new_tenant()?).open_job(&job);
    assert!(matches!(other, Err(JobError::OtherTenant { found, .. }) if *found == clinic.tenant_id()));
    let shown = format!("{job:?}");
    assert!(!shown.contains("ana") && !message.is_empty() && shown.contains("letter"), "{shown}");
    Ok(())
}

#[tokio::test]
async fn a_changed_job_is_refused() -> Result<()> {
    let database = TestDatabase::create().await?;
    let water = database.water().await?;
    let clinic = water.tenant(new_tenant()?);
    let sealed = serde_json::to_value(clinic.seal_job(Uuid::now_v7(), &letter())?)?;
    let other = serde_json::to_value(clinic.seal_job(Uuid::now_v7(), &letter())?)?;
    let open = |value: Value| -> Result<JobError> {
        let job: TenantJob<Letter> = serde_json::from_value(value)?;
        Ok(water.open_job(&job).expect_err("refused"))
    };
    let changed = |field: &str, value: Value| {
        let mut changed = sealed.clone();
        changed[field] = value;
        changed
    };
    for (field, value) in [
        ("tenant", json!(new_tenant()?)),
        ("id", json!(Uuid::now_v7())),
        ("kind", json!("invoice")),
        ("data", json!(r#"{"to":"eve","pages":2}"#)),
        ("data", json!(sealed["data"].as_str().map(|data| format!("{data} ")))),
        ("signature", other["signature"].clone()),
        ("signature", json!("")),
        ("signature", json!("not hexadecimal")),
        ("signature", json!(sealed["signature"].as_str().map(|signature| &signature[..62]))),
    ] {
        let error = open(changed(field, value.clone()))?;
        assert!(matches!(error, JobError::Forged { .. }), "{field} {value}: {error}");
    }
    assert!(matches!(open(changed("key", json!(999)))?, JobError::UnknownKey { id: 999 }));
    assert!(serde_json::from_value::<TenantJob<Letter>>(changed("tenant", json!(Uuid::nil()))).is_err());

    let as_invoice: TenantJob<Invoice> = serde_json::from_value(sealed)?;
    let error = water.open_job(&as_invoice).expect_err("another kind");
    assert!(matches!(error, JobError::OtherKind { expected: "invoice", .. }), "{error}");
    Ok(())
}

/// While keys are replaced, a process opens the jobs of every key that it has.
#[tokio::test]
async fn another_key_opens_nothing() -> Result<()> {
    let database = TestDatabase::create().await?;
    let old = std::env::var(watertight::TENANT_KEY_VARIABLE)?;
    let new = format!("78:{}", "7b".repeat(32));
    let key = new.parse::<watertight_migration::TenantKey>()?;
    watertight_migration::tenant_keys::add(&database.owner().await?, &key).await?;
    let with = async |keys: String| -> Result<Watertight> {
        database.water_with(Watertight::builder().tenant_keys(keys.parse::<TenantKeys>()?)).await
    };
    let (only_old, both, only_new) =
        (database.water().await?, with(format!("{new},{old}")).await?, with(new.clone()).await?);
    let tenant = new_tenant()?;
    let by_old = only_old.tenant(tenant).seal_job(Uuid::now_v7(), &letter())?;
    let by_new = both.tenant(tenant).seal_job(Uuid::now_v7(), &letter())?;
    assert!(both.open_job(&by_old).is_ok() && both.open_job(&by_new).is_ok());
    assert!(only_new.open_job(&by_new).is_ok() && only_old.open_job(&by_old).is_ok());
    assert!(matches!(only_old.open_job(&by_new), Err(JobError::UnknownKey { id: 78 })));
    assert!(matches!(only_new.open_job(&by_old), Err(JobError::UnknownKey { .. })));
    Ok(())
}
