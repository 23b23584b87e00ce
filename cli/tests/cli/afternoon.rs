//! The commands of the guide's page "Adopt in an afternoon" give an application with one tenant a second one.

use anyhow::{Context, Result, ensure};
use sea_orm::{
    ActiveModelTrait, ConnectionTrait, DatabaseConnection, DbBackend, DbErr, EntityTrait, PaginatorTrait,
    Set, SqlErr, Statement,
};
use watertight::{Builder, Layers, Refusal, TableSets, TenantConnection, TenantId, TenantKeys, Watertight};
use watertight_tests::{TestDatabase, new_tenant};

use super::{Cli, Run};

const PAGE: &str = include_str!("../../../service/docs/guide/migrating.md");

/// The structure of the application's tables, and rows of one bakery.
const BAKERY: &str = include_str!("../../../tests/suite/convert/bakery.sql");

const FIRST: &str = "7b0e8d3c-5a53-4f6e-9b0e-0f8a1f0f2a11";

const TABLES: [&str; 7] = ["bakery", "baker", "cake", "cakes_bakers", "customer", "lineitem", "order"];

/// The application's entities, as they were before.
mod customer {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "customer")]
    pub(super) struct Model {
        #[sea_orm(primary_key)]
        pub(super) id: i32,
        pub(super) name: String,
        pub(super) notes: Option<String>,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub(super) enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

mod cakes_bakers {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "cakes_bakers")]
    pub(super) struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub(super) cake_id: i32,
        #[sea_orm(primary_key, auto_increment = false)]
        pub(super) baker_id: i32,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub(super) enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

/// The blocks of commands of the page, in its order.
fn blocks() -> Vec<&'static str> {
    PAGE.split("```sh\n").skip(1).filter_map(|rest| rest.split("```").next()).collect()
}

fn builder() -> Builder {
    Watertight::builder().table_sets(TableSets::none()).tenant_tables(TABLES)
}

impl Cli {
    /// Runs a block with a shell that knows the command, and keeps the variables that it exports.
    ///
    /// `pg_dump` is replaced by a program that writes an empty file, because the servers of the tests may have none.
    fn shell(&self, block: &str) -> Result<Run> {
        use std::os::unix::fs::PermissionsExt;
        let (variables, backup) = (self.folder.path().join("variables"), self.folder.path().join("pg_dump"));
        if !backup.exists() {
            std::fs::write(&backup, "#!/bin/sh\n: > before.dump\n")?;
            std::fs::set_permissions(&backup, std::fs::Permissions::from_mode(0o700))?;
            std::fs::write(&variables, "")?;
        }
        let command = self.command(&[]);
        let program = std::path::PathBuf::from(command.get_program());
        let folder = program.parent().context("the command has a folder")?;
        let path = format!("{}:{}:/usr/bin:/bin", self.folder.path().display(), folder.display());
        let script = format!(". ./variables\n{block}\nexport -p > variables\n");
        let mut shell = std::process::Command::new("sh");
        shell.args(["-eu", "-c", &script]).current_dir(self.folder.path()).env("PATH", path);
        shell.envs(command.get_envs().filter_map(|(name, value)| Some((name, value?))));
        shell.env("WATERTIGHT_APP_ROLE", self.database.app_role());
        Ok(shell.stdin(std::process::Stdio::null()).output()?.into())
    }

    /// The tenant key that a block has exported.
    fn exported_key(&self) -> Result<TenantKeys> {
        let variables = std::fs::read_to_string(self.folder.path().join("variables"))?;
        let (_, rest) = variables.split_once("WATERTIGHT_TENANT_KEY=").context("no key is exported")?;
        Ok(rest.lines().next().context("a value")?.trim_matches(['\'', '"']).parse()?)
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_page_takes_an_application_from_one_tenant_to_two_and_back() -> Result<()> {
    let cli = Cli { database: TestDatabase::empty().await?, folder: tempfile::tempdir()? };
    let owner = cli.database.owner().await?;
    owner.execute_unprepared(BAKERY).await?;
    let listed = TABLES.iter().all(|table| PAGE.contains(&format!("        \"{table}\",\n")));
    assert!(listed, "the page registers the tables of the test");

    let (first, second): (TenantId, TenantId) = (FIRST.parse()?, new_tenant()?);
    let (mut undone, mut gates) = (0, 0);
    for block in blocks() {
        if block.contains("--run isolation") {
            rewriting_alone(&cli, first).await?;
        }
        if block.contains("--as maintenance") {
            report_only(&cli, first, second).await?;
            two_tenants(&cli, first, second).await?;
        }
        if block.contains("--undo") {
            // With the rows of two tenants there is no way back.
            let run = cli.shell(block)?;
            ensure!(run.code != 0 && run.err.contains("rows of 2 tenants"), "{}{}", run.out, run.err);
            remove(&cli, second).await?;
            undone += 1;
        }
        let run = cli.shell(block)?;
        assert_eq!(run.code, 0, "{block}{}{}", run.out, run.err);
        gates += run.out.matches("0 errors, 0 warnings").count();
        if block.contains("watertight migrate") {
            assert!(cli.folder.path().join("before.dump").exists(), "the backup comes first");
            builder().write_configuration(cli.folder.path().join("watertight.toml"))?;
        }
    }
    assert_eq!((undone, gates), (1, 2));
    as_before(&owner).await
}

/// The second deployment: rewriting alone, in the old role, and the present version beside it.
async fn rewriting_alone(cli: &Cli, first: TenantId) -> Result<()> {
    let builder = builder().tenant_keys(cli.exported_key()?).dangerous_layers(Layers::RewritingOnly);
    let water = builder.connect(cli.database.owner_url()).await?;
    assert_eq!(customer::Entity::find().count(&water.tenant(first)).await?, 20);
    as_before(&cli.database.owner().await?).await?;
    Ok(water.close().await?)
}

/// The roll-out: a statement that will be refused is counted, and shows each tenant its own rows.
async fn report_only(cli: &Cli, first: TenantId, second: TenantId) -> Result<()> {
    let builder = builder().tenant_keys(cli.exported_key()?).dangerous_report_only();
    let water = builder.connect(cli.database.app_url()).await?;
    let sampled =
        Statement::from_string(DbBackend::Postgres, "SELECT id FROM customer TABLESAMPLE SYSTEM (100)");
    for (tenant, number) in [(first, 20), (second, 0)] {
        assert_eq!(water.tenant(tenant).query_all_raw(sampled.clone()).await?.len(), number);
    }
    let reported = water.refused_in_report_only().statements;
    assert_eq!(reported.iter().map(|statement| statement.count).sum::<u64>(), 2, "{reported:?}");
    Ok(water.close().await?)
}

/// The third deployment: both tenants at once, with the same names and ids.
async fn two_tenants(cli: &Cli, first: TenantId, second: TenantId) -> Result<()> {
    let builder = builder().tenant_keys(cli.exported_key()?).check_with_doctor();
    let water = builder.connect(cli.database.app_url()).await?;
    let (first, second) = (water.tenant(first), water.tenant(second));
    let known = customer::Entity::find().count(&first).await?;
    assert!(known >= 20, "{known}");
    assert_eq!(customer::Entity::find().count(&second).await?, 0);
    let same = customer::Entity::find_by_id(7).one(&first).await?.context("a customer")?;
    let theirs =
        customer::ActiveModel { id: Set(same.id), name: Set(same.name.clone()), ..Default::default() };
    let theirs = theirs.insert(&second).await?;
    let mut changed: customer::ActiveModel = theirs.into();
    changed.notes = Set(Some("of the second".to_owned()));
    changed.update(&second).await?;
    assert_eq!(customer::Entity::find_by_id(7).one(&first).await?.context("a customer")?, same);
    refers_to_no_foreign_row(&second).await?;
    let refused = second.execute_unprepared("SELECT set_config('watertight.tenant', '', false)").await;
    assert!(refused.is_err_and(|error| Refusal::of(&error).is_some()));
    Ok(water.close().await?)
}

async fn refers_to_no_foreign_row(second: &TenantConnection) -> Result<()> {
    let foreign = cakes_bakers::ActiveModel { cake_id: Set(1), baker_id: Set(1) };
    let error: DbErr = foreign.insert(second).await.err().context("another tenant's cake")?;
    let refused = matches!(error.sql_err(), Some(SqlErr::ForeignKeyConstraintViolation(_)));
    ensure!(refused, "{error}");
    Ok(())
}

async fn remove(cli: &Cli, second: TenantId) -> Result<()> {
    let water = builder().tenant_keys(cli.exported_key()?).connect(cli.database.app_url()).await?;
    let deleted = customer::Entity::delete_many().exec(&water.tenant(second)).await?;
    assert_eq!(deleted.rows_affected, 1);
    Ok(water.close().await?)
}

/// The application with one tenant works, as the owner of its tables.
async fn as_before(owner: &DatabaseConnection) -> Result<()> {
    let new = customer::ActiveModel { name: Set("new".to_owned()), ..Default::default() };
    let new = new.insert(owner).await?;
    assert_eq!(customer::Entity::find().count(owner).await?, 21);
    customer::Entity::delete_by_id(new.id).exec(owner).await?;
    Ok(())
}
