use clap::Subcommand;
use sea_orm::DatabaseConnection;
use serde::Serialize;
use watertight_migration::sea_orm_migration::MigratorTraitSelf;
use watertight_migration::{Settings, TenantMigrator};

use crate::database::{Connector, Role};
use crate::failure::Failure;
use crate::outcome::Outcome;

/// Makes or updates the tables of watertight, as the owner of them.
///
/// An application with migrations of its own runs its own migrator, which holds these (`TenantMigrator::then`).
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The role that the application logs in with, which is granted the tables.
    #[arg(long, env = Settings::APP_ROLE_VARIABLE, default_value = Settings::DEFAULT_APP_ROLE)]
    app_role: String,
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, Clone, Copy, Subcommand)]
enum Command {
    /// Applies what is pending; this is what happens without a command.
    Up,
    /// Takes the last migrations back, with all that is in their tables.
    Down {
        /// How many.
        #[arg(long)]
        steps: u32,
    },
    /// Says what is applied and what is pending, and ends with 1 when something is.
    Status,
}

#[derive(Debug, Serialize)]
struct Migrations {
    /// Those that this run has applied or taken back.
    changed: Vec<String>,
    applied: Vec<String>,
    pending: Vec<String>,
}

pub(crate) async fn run(connector: Connector, args: Args) -> Result<Outcome, Failure> {
    let owner = connector.connect(Role::Owner).await?;
    let migrator = TenantMigrator::new(Settings::from_env().with_app_role(args.app_role));
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
        Command::Down { .. } => (differ(&before, &applied), "taken back"),
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

/// What is applied and what is pending.
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
