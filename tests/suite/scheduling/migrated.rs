//! The migration to occupied spans: earlier rows are kept, overlaps are named, and clusters and partitions have the rule.

use anyhow::Result;
use sea_orm::ConnectionTrait;
use watertight_migration::distribution::Distribution;
use watertight_migration::sea_orm_migration::{MigratorTrait, SchemaManager};
use watertight_migration::{Migrator, Settings, migrations};

use super::{Shop, practitioner};
use crate::adopt::texts;
use crate::auth::World;

/// The number of migrations from one on.
pub(super) fn since(migration: &str) -> Option<u32> {
    let names: Vec<String> = Migrator::migrations().iter().map(|it| it.name().to_owned()).collect();
    let earlier = names.iter().take_while(|name| *name != migration).count();
    u32::try_from(names.len() - earlier).ok()
}

#[tokio::test]
async fn earlier_rows_are_kept_and_overlaps_are_named() -> Result<()> {
    let world = World::new().await?;
    let shop = Shop::open(world.clinic.clone(), &[]).await?;
    shop.tenant.scheduling().book(&shop.booking("10:00")).await?;
    shop.tenant.content().save_practitioner(&practitioner("maya")).await?;
    let connection = world.database.owner().await?;
    Migrator::down(&connection, since("m20260101_000012_nights_and_buffers")).await?;
    let owner = world.owner().await?;
    let beside = "INSERT INTO bookings (tenant_id, confirmation_code, service_id, practitioner_id, client_id, datetime, \
                  end_time, duration, amount_cents) SELECT b.tenant_id, 'BESIDE', b.service_id, p.id, b.client_id, \
                  b.datetime, b.end_time, 60, 1 FROM bookings b, practitioners p";
    assert_eq!(owner.run(beside, []).await?, 1, "as it was possible before");
    let refused = Migrator::up(&connection, None).await.expect_err("the rows overlap").to_string();
    assert!(refused.contains("rows of bookings overlap"), "{refused}");
    owner.run("UPDATE bookings SET status = 'cancelled' WHERE practitioner_id IS NULL", []).await?;
    Migrator::up(&connection, None).await?;
    assert_eq!(owner.run("UPDATE bookings SET notes = 'kept' WHERE buffer_minutes = 0", []).await?, 2);
    Ok(())
}

/// The rule as a cluster has it, without the comparison of the tenant, for which the test server may lack the extension.
#[tokio::test]
async fn a_cluster_has_the_same_rule() -> Result<()> {
    let world = World::new().await?;
    let shop = Shop::open(world.clinic.clone(), &["maya", "tomas"]).await?;
    let owner = world.database.owner().await?;
    let plan = Distribution::new().plan(&owner).await?;
    for table in ["bookings", "slot_reservations"] {
        let adding = format!("ALTER TABLE public.{table} ADD CONSTRAINT");
        let sql =
            plan.statements().find(|sql| sql.starts_with(&adding)).expect("the constraint is recreated");
        assert!(sql.contains("tenant_id WITH =, "), "{sql}");
        owner
            .execute_unprepared(&format!("ALTER TABLE {table} DROP CONSTRAINT {table}_overlap_excl"))
            .await?;
        owner.execute_unprepared(&sql.replace("tenant_id WITH =, ", "")).await?;
    }
    let [maya, tomas] = [0, 1].map(|n: usize| format!("'{}'", shop.practitioners[n].id));
    let insert = |code: &str, practitioner: &str, from: &str, to: &str| {
        format!(
            "INSERT INTO bookings (tenant_id, confirmation_code, service_id, practitioner_id, client_id, datetime, \
             end_time, duration, buffer_minutes, amount_cents) SELECT watertight.tenant(), '{code}', '{}', \
             {practitioner}, '{}', '2098-03-03 {from}Z', '2098-03-03 {to}Z', 60, 15, 1",
            shop.service.id, shop.client.id
        )
    };
    let owner = world.owner().await?;
    for (n, (practitioner, from, to, fits)) in [
        (maya.as_str(), "10:00", "11:00", true),
        (&tomas, "10:30", "11:30", true),
        (&maya, "11:10", "12:00", false),
        (&maya, "11:15", "12:00", true),
        ("NULL", "10:30", "10:40", false),
        ("NULL", "14:00", "15:00", true),
        (&tomas, "14:30", "14:40", false),
    ]
    .into_iter()
    .enumerate()
    {
        let done = owner.run(&insert(&format!("C{n}"), practitioner, from, to), []).await;
        assert_eq!(done.is_ok(), fits, "{practitioner} {from} {done:?}");
    }
    Ok(())
}

#[tokio::test]
async fn partitions_have_the_rule_in_both_directions() -> Result<()> {
    let database = crate::partitions::divided().await?;
    let owner = database.owner().await?;
    let rules = "SELECT DISTINCT pg_get_constraintdef(oid) FROM pg_constraint WHERE contype = 'x' \
                 AND conname LIKE 'bookings%'";
    let now = texts(&owner, rules).await?;
    assert!(now.len() == 1 && now[0].contains("buffer_minutes"), "{now:?}");
    let manager = SchemaManager::new(&owner);
    let mut all = migrations(&Settings::from_env()).into_iter();
    let migration = all.find(|it| it.name() == "m20260101_000013_occupied_spans").expect("the migration");
    migration.down(&manager).await?;
    let before = texts(&owner, rules).await?;
    assert!(before.len() == 1 && before[0].contains("COALESCE"), "{before:?}");
    migration.up(&manager).await?;
    assert_eq!(texts(&owner, rules).await?, now);
    Ok(())
}
