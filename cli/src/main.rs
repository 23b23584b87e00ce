//! The command `watertight`, with which operators manage a multi-tenant database. `watertight --help`
//! documents it.
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

/// Manages a database that many tenants share.
///
/// The environment names the database, because a URL can contain a password and every user of the machine can
/// see arguments: DATABASE_URL (the application's role: doctor, bootstrap), DATABASE_OWNER_URL (the role that
/// owns the tables: migrate, keys, adopt, distribute, tenant, purge) and DATABASE_MAINTENANCE_URL (a member
/// of the owner with BYPASSRLS, which sees all tenants: tenant list, purge --all-tenants, doctor --as
/// maintenance). `--as` chooses another role. WATERTIGHT_TENANT_KEY is the key that signs tenants: migrate
/// and keys add install it in the database, and bootstrap, tenant and purge sign with it.
///
/// The exit status is 0 for success and 1 for findings or a refusal. It is 2 for a wrong argument, file or
/// variable, and 3 if the database is unreachable or fails.
#[derive(Debug, Parser)]
#[command(
    name = "watertight",
    version,
    after_help = "Getting started:\n  \
                  export WATERTIGHT_TENANT_KEY=$(watertight keys new)\n  \
                  watertight migrate                              create the tables, as the owner\n  \
                  watertight bootstrap --tenant UUID users.toml   create the first users of a tenant\n  \
                  watertight doctor                               report weaknesses of isolation"
)]
struct Args {
    /// The output format: text for people, or JSON for programs.
    #[arg(long, global = true, value_enum, default_value_t = Format::Text)]
    format: Format,
    /// The role to connect as, instead of the command's own.
    #[arg(long = "as", global = true, value_enum, value_name = "ROLE")]
    role: Option<database::Role>,
    /// Declares a transaction pooler between the command and the database.
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
    /// Creates or updates the tables of watertight.
    Migrate(migrate::Args),
    /// Finds problems with isolation, and prints how to fix them.
    Doctor(doctor::Args),
    /// Creates and rotates the keys that sign tenants.
    Keys(keys::Args),
    /// Creates or updates the first users of a tenant.
    Bootstrap(bootstrap::Args),
    /// Measures, exports, restores or erases one tenant.
    Tenant(tenant::Args),
    /// Deletes expired sessions, invitations and holds, and old audit events.
    Purge(purge::Args),
    /// Converts a database of tinyland-auth-pg 0.2.
    Adopt(adopt::Args),
    /// Distributes the tables over the machines of a Citus cluster, by tenant.
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
