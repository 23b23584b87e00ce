//! The printed plan is a script with the same effect as the run.

use anyhow::{Context, Result};
use sea_orm::ConnectionTrait;
use watertight_migration::TenantType;
use watertight_migration::convert::{ConversionError, Phase};

use super::bakery::SQL;
use super::{Application, undo};
use crate::adopt::texts;

const FIRST: &str = "7b0e8d3c-5a53-4f6e-9b0e-0f8a1f0f2a11";

/// The statements of a script, as `psql` sends them: a transaction statement by statement.
async fn run_script(application: &Application, script: &str) -> Result<()> {
    let owner = application.owner().await?;
    let mut begun: Option<String> = None;
    for line in script.lines().filter(|line| !line.is_empty() && !line.starts_with("--")) {
        match (line, &mut begun) {
            ("BEGIN;", begun) => *begun = Some("BEGIN;".to_owned()),
            ("COMMIT;", begun) => {
                let all = begun.take().unwrap_or_default() + "COMMIT;";
                owner.execute_unprepared(&all).await.with_context(|| all.clone())?;
            }
            (line, Some(all)) => all.push_str(line),
            (line, None) => {
                owner.execute_unprepared(line).await.with_context(|| line.to_owned())?;
            }
        }
    }
    Ok(())
}

#[tokio::test]
async fn the_script_of_a_dry_run_does_the_same_as_the_run() -> Result<()> {
    let run = Application::new(SQL, TenantType::Uuid).await?;
    let scripted = Application::new(SQL, TenantType::Uuid).await?;
    let owner = scripted.owner().await?;
    let before = scripted.snapshot().await?;
    let plan = scripted.conversion().tenant(FIRST).plan(&owner).await?;
    let text = plan.to_string();
    scripted.snapshot().await?.assert_equals(&before);
    for phase in Phase::ALL {
        assert!(text.contains(&format!("-- phase {phase}: ")), "{text}");
    }
    for part in [
        "-- public.cake: about ",
        "lock on public.order: ACCESS EXCLUSIVE, blocks readers and writers (short)",
        "SHARE UPDATE EXCLUSIVE, blocks neither readers nor writers (while the table is read)",
        "CREATE UNIQUE INDEX CONCURRENTLY",
        "INITIALLY", // Nothing in this application is deferrable.
    ] {
        assert_eq!(text.contains(part), part != "INITIALLY", "{part}: {text}");
    }
    run_script(&scripted, &text).await?;
    assert!(scripted.conversion().plan(&owner).await?.is_done());
    super::convert(&run, &run.conversion().tenant(FIRST)).await?;
    scripted.snapshot().await?.assert_equals(&run.snapshot().await?);

    let conversion = scripted.conversion();
    let back = conversion.plan_undo(&owner).await?.to_string();
    assert!(back.contains("-- undo of phase old-keys: "), "{back}");
    run_script(&scripted, &back).await?;
    scripted.snapshot().await?.assert_equals(&before);
    undo(&run, &run.conversion()).await?;
    run.snapshot().await?.assert_equals(&before);
    Ok(())
}

#[tokio::test]
async fn phases_run_in_their_order() -> Result<()> {
    let application = Application::new(SQL, TenantType::Uuid).await?;
    let owner = application.owner().await?;
    let conversion = application.conversion().tenant(FIRST);
    for phase in [Phase::Keys, Phase::Isolation, Phase::OldKeys] {
        let error = conversion.run(&owner, phase, |_| ()).await.expect_err("too early");
        assert!(matches!(error, ConversionError::EarlierPhase { first: Phase::Column, .. }), "{error}");
    }
    let mut seen = Vec::new();
    let report = conversion
        .run(&owner, Phase::Column, |progress| {
            seen.push((progress.number, progress.steps, progress.step.title.clone()));
        })
        .await?;
    assert_eq!(report.phases[0].steps, seen.len());
    assert_eq!(seen.last().map(|(number, steps, _)| number == steps), Some(true), "{seen:?}");
    let error = conversion.undo(&owner, Phase::OldKeys, |_| ()).await;
    assert!(error.is_ok_and(|report| report.phases.is_empty()), "nothing of it is done");
    conversion.run(&owner, Phase::Keys, |_| ()).await?;
    let error = conversion.undo(&owner, Phase::Column, |_| ()).await.expect_err("keys first");
    assert!(matches!(error, ConversionError::EarlierPhase { first: Phase::Keys, .. }), "{error}");
    Ok(())
}

/// A table that is converted later can refer to one whose policies already hide its rows from the owner.
#[tokio::test]
async fn tables_can_be_converted_one_after_another() -> Result<()> {
    let sql = "CREATE TABLE a (id serial PRIMARY KEY); CREATE TABLE b (id serial PRIMARY KEY, a_id int); \
               INSERT INTO a DEFAULT VALUES; INSERT INTO b (a_id) VALUES (1)";
    let application = Application::new(sql, TenantType::Uuid).await?;
    let settings = application.settings.clone();
    let conversion = |table: &str| {
        watertight_migration::convert::Conversion::new(settings.clone()).tables([table]).tenant(FIRST)
    };
    super::convert(&application, &conversion("a")).await?;
    let owner = application.owner().await?;
    owner.execute_unprepared("ALTER TABLE b ADD COLUMN later int").await?;
    super::convert(&application, &conversion("b")).await?;
    let both = application.conversion();
    assert!(both.plan(&owner).await?.is_done());
    assert_eq!(
        application.read_as(FIRST, "SELECT count(*)::text FROM a JOIN b ON b.a_id = a.id").await?,
        ["1"]
    );
    undo(&application, &conversion("b")).await?;
    undo(&application, &conversion("a")).await?;
    assert_eq!(
        texts(&owner, "SELECT coalesce(to_regclass('watertight.conversions')::text, '-')").await?,
        ["-"]
    );
    Ok(())
}

/// Watertight's own tables are tenant tables already, so a conversion of all tables leaves them out.
#[tokio::test]
async fn all_tables_of_a_schema_are_those_that_are_not_tenant_tables() -> Result<()> {
    let database = watertight_tests::TestDatabase::create().await?;
    let owner = database.owner().await?;
    owner
        .execute_unprepared("CREATE TABLE own (id serial PRIMARY KEY); CREATE VIEW v AS SELECT id FROM own")
        .await?;
    let settings = watertight_migration::Settings::default().with_app_role(database.app_role());
    let conversion =
        watertight_migration::convert::Conversion::new(settings).all_tables_of("public").tenant(FIRST);
    let plan = conversion.plan(&owner).await?;
    let tables: Vec<&str> = plan.tables.iter().map(|table| table.table.as_str()).collect();
    assert_eq!((tables, plan.problems.len()), (vec!["public.own"], 0), "{plan}");
    assert!(plan.notes.iter().any(|note| note.object == "public.v"), "{plan}");
    for phase in Phase::ALL {
        conversion.run(&owner, phase, |_| ()).await?;
    }
    assert!(conversion.plan(&owner).await?.is_done());
    database.water().await?;
    Ok(())
}
