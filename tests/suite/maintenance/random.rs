//! Tenants of random schemas are exported, erased and restored exactly.
//!
//! `WATERTIGHT_EXPORT_SEED` chooses the seed, and `WATERTIGHT_EXPORT_CASES` the number of databases of a test.

mod names;
mod reactions;
mod schema;
mod table;
mod types;

use std::collections::BTreeMap;

use anyhow::{Context, Result};
use sea_orm::{ConnectionTrait, DatabaseConnection};
use watertight::maintenance::Maintenance;
use watertight::{TenantId, Watertight};
use watertight_tests::{TestDatabase, new_tenant};

use self::schema::Schema;
use super::{dump, texts};

/// A number of the environment.
fn number(variable: &str, default: u64) -> u64 {
    std::env::var(variable).ok().and_then(|text| text.parse().ok()).unwrap_or(default)
}

#[tokio::test]
async fn tenants_of_random_schemas_are_restored_exactly() -> Result<()> {
    let seed = number("WATERTIGHT_EXPORT_SEED", 20_261_126);
    for case in 0..number("WATERTIGHT_EXPORT_CASES", 2) {
        let seed = seed.wrapping_add(case);
        let schema = Schema::random(seed);
        restored(&schema)
            .await
            .with_context(|| format!("WATERTIGHT_EXPORT_SEED={seed}\n{}\n{}", schema.create, schema.react))?;
    }
    Ok(())
}

async fn restored(schema: &Schema) -> Result<()> {
    let there = TestDatabase::create().await?;
    let superuser = there.superuser().await?;
    superuser.execute_unprepared(&schema.create).await.context("create")?;
    superuser.close().await?;
    let here = there.duplicate().await?;
    let (clinic, studio) = (new_tenant()?, new_tenant()?);
    let superuser = here.superuser().await?;
    for tenant in [clinic, studio] {
        superuser.execute_unprepared(&schema.fill(tenant)).await.context("fill")?;
    }
    superuser.execute_unprepared(&schema.react).await.context("react")?;
    there.superuser().await?.execute_unprepared(&schema.react).await?;
    let states = states(&superuser).await?;
    let (before, dumped) = (dump::copied(&here).await?, dump::dumped(&here).await?);

    let maintenance = Watertight::builder().maintenance(&here.owner().await?).await?;
    let lines = export(&maintenance, clinic).await?;
    maintenance.rehearse(clinic, |_| ()).await.context("rehearsal")?;
    assert_same(&before, &dump::copied(&here).await?);
    let erasure = maintenance.erase(clinic, |_| ()).await.context("erasure")?;
    assert!(erasure.erased() > 0);
    assert_eq!(maintenance.stats(clinic).await?.rows(), 0);
    let others: BTreeMap<_, _> = dump::copied(&here).await?;
    assert!(others.values().flatten().all(|line| !line.contains(&clinic.to_string())), "a row is left");
    maintenance.import(clinic, &lines[..], |_| ()).await.context("import")?;
    assert_same(&before, &dump::copied(&here).await?);
    assert_eq!(dump::dumped(&here).await?, dumped);
    assert_eq!(self::states(&superuser).await?, states, "triggers and rules are as before");
    assert!(export(&maintenance, clinic).await?.len() == lines.len());

    // In another database the sequences are behind.
    let elsewhere = Watertight::builder().maintenance(&there.owner().await?).await?;
    elsewhere.import(clinic, &lines[..], |_| ()).await.context("import elsewhere")?;
    let of_clinic = |rows: BTreeMap<String, Vec<String>>| -> BTreeMap<String, Vec<String>> {
        let clinics = |rows: Vec<String>| rows.into_iter().filter(|row| row.contains(&clinic.to_string()));
        rows.into_iter().map(|(table, rows)| (table, clinics(rows).collect())).collect()
    };
    assert_same(&of_clinic(before), &of_clinic(dump::copied(&there).await?));
    let superuser = there.superuser().await?;
    superuser.execute_unprepared(&schema.continue_sequences(clinic)).await.context("sequences")?;
    Ok(())
}

async fn export(maintenance: &Maintenance, tenant: TenantId) -> Result<Vec<u8>> {
    let mut lines = Vec::new();
    maintenance.export(tenant, &mut lines, |_| ()).await.context("export")?;
    Ok(lines)
}

/// The states of all triggers and rules.
async fn states(db: &DatabaseConnection) -> Result<Vec<String>> {
    let sql = "SELECT format('%s %s %s', tgrelid::regclass, tgname, tgenabled) FROM pg_trigger \
               UNION ALL SELECT format('%s %s %s', ev_class::regclass, rulename, ev_enabled) FROM pg_rewrite ORDER BY 1";
    texts(db, sql).await
}

fn assert_same(before: &BTreeMap<String, Vec<String>>, after: &BTreeMap<String, Vec<String>>) {
    assert_eq!(before.keys().collect::<Vec<_>>(), after.keys().collect::<Vec<_>>());
    for (table, rows) in before {
        for (one, other) in rows.iter().zip(&after[table]) {
            assert_eq!(one, other, "{table}");
        }
        assert_eq!(rows.len(), after[table].len(), "{table}");
    }
}
