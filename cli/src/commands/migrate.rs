use clap::Subcommand;
use sea_orm::DatabaseConnection;
use serde::Serialize;
use watertight_migration::sea_orm_migration::MigratorTraitSelf;
use watertight_migration::{TenantKey, TenantMigrator};

use crate::database::{Connector, Role};
use crate::failure::Failure;
use crate::outcome::Outcome;
use crate::prompts;
use crate::settings::SettingsArgs;

/// Creates or updates the tables of watertight, as their owner.
///
/// With `--table-sets none` it creates the schema watertight alone, which row-level security needs for any tenant table.
/// An application that has migrations runs its own migrator, which includes these (`TenantMigrator::then`).
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    settings: SettingsArgs,
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, Clone, Copy, Subcommand)]
enum Command {
    /// Applies the pending migrations. The default.
    Up,
    /// Rolls back the last migrations, and drops their tables with all rows. It asks first.
    Down {
        /// The number of migrations.
        #[arg(long)]
        steps: u32,
        /// Do not ask.
        #[arg(long)]
        yes: bool,
    },
    /// Lists pending migrations. The exit status is 1 when there are any.
    Status,
}

#[derive(Debug, Serialize)]
struct Migrations {
    /// The migrations that this run has applied or rolled back.
    changed: Vec<String>,
    applied: Vec<String>,
    pending: Vec<String>,
}

pub(crate) async fn run(connector: Connector, args: Args) -> Result<Outcome, Failure> {
    // A malformed key is a wrong variable, and no failure of the database.
    TenantKey::from_env()?;
    let owner = connector.connect(Role::Owner).await?;
    // The application's own migrations can be recorded in the same table.
    let migrator = TenantMigrator::new(args.settings.settings(connector.configuration)?);
    let migrator = migrator.beside_others(&owner).await?;
    let (before, _) = look(&migrator, &owner).await?;
    let command = args.command.unwrap_or(Command::Up);
    match command {
        Command::Up => migrator.up(&owner, None).await?,
        Command::Down { steps, yes } => {
            confirmed(&before, steps, yes).await?;
            let own = u32::try_from(before.len()).unwrap_or(u32::MAX);
            migrator.down(&owner, Some(steps.min(own))).await?;
        }
        Command::Status => {}
    }
    let (applied, pending) = look(&migrator, &owner).await?;
    let differ = |one: &[String], other: &[String]| {
        one.iter().filter(|name| !other.contains(*name)).cloned().collect::<Vec<_>>()
    };
    let (changed, verb) = match command {
        Command::Down { .. } => (differ(&before, &applied), "rolled back"),
        _ => (differ(&applied, &before), "applied"),
    };
    let mut lines: Vec<String> = changed.iter().map(|name| format!("{verb} {name}")).collect();
    if matches!(command, Command::Status) {
        lines.extend(pending.iter().map(|name| format!("pending {name}")));
    }
    lines.push(format!("{} migrations are applied, {} are pending", applied.len(), pending.len()));
    let sound = !matches!(command, Command::Status) || pending.is_empty();
    Ok(Outcome::new(lines.join("\n"), &Migrations { changed, applied, pending })?.unsound_unless(sound))
}

/// Asks for the number of migrations again, because the rows of dropped tables are lost.
async fn confirmed(applied: &[String], steps: u32, yes: bool) -> Result<(), Failure> {
    let steps = usize::try_from(steps).unwrap_or(usize::MAX);
    let last: Vec<&str> = applied.iter().rev().take(steps).map(String::as_str).collect();
    if last.is_empty() {
        return Ok(());
    }
    let number = last.len().to_string();
    prompts::confirm(
        &format!(
            "These migrations will be rolled back. The tables that they created are dropped with the rows of all \
             tenants, which cannot be restored without a backup.\n  {}",
            last.join("\n  ")
        ),
        ("Type the number of migrations to confirm: ", number.clone()),
        yes.then_some(number),
        "--yes",
        "the rollback",
    )
    .await
}

/// The applied and the pending migrations.
async fn look(
    migrator: &TenantMigrator,
    owner: &DatabaseConnection,
) -> Result<(Vec<String>, Vec<String>), Failure> {
    let applied = migrator.get_applied_migrations(owner).await?;
    let pending = migrator.get_pending_migrations(owner).await?;
    let names = |migrations: Vec<watertight_migration::sea_orm_migration::Migration>| {
        let names = migrations.iter().map(|migration| migration.name().to_owned());
        names.filter(|name| !migrator.others().contains(name)).collect()
    };
    Ok((names(applied), names(pending)))
}
