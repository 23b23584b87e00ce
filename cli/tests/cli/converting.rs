//! `watertight convert`: the plan, the phases, and the way back.

use anyhow::Result;
use sea_orm::ConnectionTrait;

use super::{Cli, Run};

const FIRST: &str = "7b0e8d3c-5a53-4f6e-9b0e-0f8a1f0f2a11";

const TABLES: &str = "CREATE TABLE shops (id serial PRIMARY KEY, name text NOT NULL UNIQUE); \
    CREATE TABLE sales (id serial PRIMARY KEY, shop_id int NOT NULL REFERENCES shops (id) ON DELETE CASCADE); \
    INSERT INTO shops (name) VALUES ('one'), ('two'); INSERT INTO sales (shop_id) VALUES (1), (2)";

#[tokio::test(flavor = "multi_thread")]
async fn tables_are_planned_converted_and_restored() -> Result<()> {
    let cli = Cli::new().await?;
    let owner = cli.database.owner().await?;
    owner.execute_unprepared(TABLES).await?;
    let convert = |more: &[&str]| -> Run {
        cli.run(&[&["convert", "shops", "sales", "--app-role", cli.database.app_role()], more].concat())
    };
    let refused = convert(&[]).ends_with(1).out;
    assert!(refused.contains("-- problem: public.sales: has rows and no column tenant_id"), "{refused}");
    assert!(convert(&["--tenant", "7"]).ends_with(2).err.contains("is not a UUID"));
    convert(&["--run", "policies"]).ends_with(2);
    cli.run(&["convert"]).ends_with(2);
    convert(&["--undo"]).ends_with(1);

    let plan = convert(&["--tenant", FIRST]).ends_with(0).out;
    assert!(plan.contains("CREATE UNIQUE INDEX CONCURRENTLY"), "{plan}");
    let json = convert(&["--tenant", FIRST, "--format", "json"]).ends_with(0).json()?;
    assert_eq!(json["phases"][0]["phase"], "column");
    assert_eq!(json["phases"][1]["steps"][0]["locks"][0]["mode"], "share-update-exclusive");
    let early = convert(&["--tenant", FIRST, "--run", "keys"]).ends_with(1);
    assert!(early.err.contains("run phase column first"), "{}", early.err);

    let run = convert(&["--tenant", FIRST, "--run", "column"]).ends_with(0);
    assert!(run.err.contains("column 1/"), "{}", run.err);
    let run = convert(&["--run", "all"]).ends_with(0);
    assert!(run.out.contains("phase old-keys: 4 steps completed"), "{}", run.out);
    assert!(convert(&[]).ends_with(0).out.contains("-- every phase is complete"));
    let again = convert(&["--run", "all"]).ends_with(0);
    assert_eq!(again.out.trim(), "everything was complete before");

    let back = convert(&["--undo"]).ends_with(0).out;
    assert!(back.contains("-- undo of phase column"), "{back}");
    convert(&["--undo", "--run", "all"]).ends_with(0);
    owner.execute_unprepared("INSERT INTO shops (name) VALUES ('three')").await?;
    assert!(convert(&["--undo"]).ends_with(1).err.contains("nothing to undo"));
    Ok(())
}
