//! The command `watertight`: what those do who run a database of tenants. `watertight --help` teaches it.
#![allow(clippy::doc_markdown, reason = "the documentation of arguments is what --help prints")]

mod commands;
mod database;
mod failure;
mod outcome;
mod progress;
mod settings;
mod table_sets;

use std::process::ExitCode;

use clap::{Parser, Subcommand, ValueEnum};

use crate::commands::{adopt, bootstrap, distribute, doctor, keys, migrate, purge, tenant};
use crate::database::Connector;
use crate::failure::Failure;
use crate::outcome::Outcome;

/// Runs a database that many tenants share.
///
/// The database is named by the environment alone, for a URL may hold a password, and arguments are seen by everybody on
/// the machine: DATABASE_URL (the application's role: doctor, bootstrap), DATABASE_OWNER_URL (the role that owns the
/// tables: migrate, keys, adopt, distribute, tenant, purge) and DATABASE_MAINTENANCE_URL (a member of the owner that is BYPASSRLS and so
/// sees all tenants: tenant list, purge --all-tenants, doctor --as maintenance). `--as` chooses another one.
/// WATERTIGHT_TENANT_KEY is the key that signs tenants: migrate and keys add give it to the database, and bootstrap, tenant
/// and purge sign with it.
///
/// It ends with 0 when all is well, 1 when something was found or refused, 2 when what was given is wrong, and 3 when
/// the database cannot be reached or fails.
#[derive(Debug, Parser)]
#[command(
    name = "watertight",
    version,
    after_help = "Begin with:\n  export WATERTIGHT_TENANT_KEY=$(watertight keys new)\n  \
                  watertight migrate         make the tables, as the owner\n  \
                  watertight bootstrap --tenant UUID users.toml\n  \
                  watertight doctor          is everything as isolation needs it?"
)]
struct Args {
    /// How to print: for people or for machines.
    #[arg(long, global = true, value_enum, default_value_t = Format::Text)]
    format: Format,
    /// Which role to connect as, in place of the one that the command takes.
    #[arg(long = "as", global = true, value_enum, value_name = "ROLE")]
    role: Option<database::Role>,
    /// A pooler that gives out connections by the transaction stands in between.
    #[arg(long, global = true, env = "WATERTIGHT_TRANSACTION_POOLER")]
    transaction_pooler: bool,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// Sentences and tables.
    Text,
    /// One JSON document.
    Json,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Makes or updates the tables of watertight.
    Migrate(migrate::Args),
    /// Finds what stands in the way of isolation, and says how to mend it.
    Doctor(doctor::Args),
    /// Makes and rotates the keys that sign tenants.
    Keys(keys::Args),
    /// Makes the first users of a tenant, or updates them.
    Bootstrap(bootstrap::Args),
    /// Measures, exports, restores or erases one tenant.
    Tenant(tenant::Args),
    /// Deletes what is over: expired sessions, invitations and holds, and old audit events.
    Purge(purge::Args),
    /// Takes over a database that the original system (0.2.x) has made.
    Adopt(adopt::Args),
    /// Spreads the tables over the machines of a Citus cluster, by tenant.
    Distribute(distribute::Args),
}

#[tokio::main]
async fn main() -> ExitCode {
    let args = Args::parse();
    let format = args.format;
    match run(args).await {
        Ok(outcome) => outcome.print(format),
        Err(failure) => failure.print(format),
    }
}

async fn run(args: Args) -> Result<Outcome, Failure> {
    let connector = Connector { role: args.role, transaction_pooler: args.transaction_pooler };
    match args.command {
        Command::Migrate(args) => migrate::run(connector, args).await,
        Command::Doctor(args) => doctor::run(connector, args).await,
        Command::Keys(args) => keys::run(connector, args).await,
        Command::Bootstrap(args) => bootstrap::run(connector, args).await,
        Command::Tenant(args) => tenant::run(connector, args).await,
        Command::Purge(args) => purge::run(connector, args).await,
        Command::Adopt(args) => adopt::run(connector, args).await,
        Command::Distribute(args) => distribute::run(connector, args).await,
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    #[test]
    fn the_arguments_do_not_contradict_one_another() {
        super::Args::command().debug_assert();
    }
}
