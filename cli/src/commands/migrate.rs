use clap::Subcommand;
use sea_orm::DatabaseConnection;
use serde::Serialize;
use watertight_migration::TenantMigrator;
use watertight_migration::sea_orm_migration::MigratorTraitSelf;

use crate::database::{Connector, Role};
use crate::failure::Failure;
use crate::outcome::Outcome;
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
    /// Rolls back the last migrations, and drops their tables with all rows.
    Down {
        /// The number of migrations.
        #[arg(long)]
        steps: u32,
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
    let owner = connector.connect(Role::Owner).await?;
    let migrator = TenantMigrator::new(args.settings.settings());
    let (before, _) = look(&migrator, &owner).await?;
    let command = args.command.unwrap_or(Command::Up);
    match command {
        Command::Up => migrator.up(&owner, None).await?,
        Command::Down { steps } => migrator.down(&owner, Some(steps)).await?,
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

/// The applied and the pending migrations.
async fn look(
    migrator: &TenantMigrator,
    owner: &DatabaseConnection,
) -> Result<(Vec<String>, Vec<String>), Failure> {
    let applied = migrator.get_applied_migrations(owner).await?;
    let pending = migrator.get_pending_migrations(owner).await?;
    let names = |migrations: Vec<watertight_migration::sea_orm_migration::Migration>| {
        migrations.iter().map(|migration| migration.name().to_owned()).collect()
    };
    Ok((names(applied), names(pending)))
}
