//! The command `watertight`, with which operators manage a multi-tenant database. `watertight --help`
//! documents it.
#![allow(
    clippy::doc_link_with_quotes,
    clippy::doc_markdown,
    reason = "the documentation of arguments is what --help prints"
)]

mod commands;
mod configuration;
mod database;
mod failure;
mod files;
mod outcome;
mod progress;
mod prompts;
mod settings;
mod signals;
mod table_sets;

use std::process::ExitCode;

use clap::{Parser, Subcommand, ValueEnum};

use crate::commands::{adopt, bootstrap, convert, distribute, doctor, keys, migrate, purge, tenant};
use crate::configuration::ConfigurationArg;
use crate::database::Connector;
use crate::failure::Failure;
use crate::outcome::Outcome;

/// Manages a database that many tenants share.
///
/// The environment names the database, because a URL can contain a password and every user of the machine can
/// see arguments: DATABASE_URL (the application's role: doctor, bootstrap), DATABASE_OWNER_URL (the role that
/// owns the tables: migrate, keys, convert, adopt, distribute, tenant, purge) and DATABASE_MAINTENANCE_URL (a member
/// of the owner with BYPASSRLS, which sees all tenants: tenant list, purge --all-tenants, doctor --as
/// maintenance). `--as` chooses another role. WATERTIGHT_TENANT_KEY is the key that signs tenants: migrate
/// and keys add install it in the database, and bootstrap, tenant and purge sign with it.
///
/// The file watertight.toml has the registration of the application: its tables, its tenant column and its migrations. The
/// application writes it (`Builder::write_configuration`). Arguments take precedence over variables of the environment, and
/// variables over the file.
///
/// Commands that destroy rows ask at the terminal, and need --yes or --confirm in scripts.
#[derive(Debug, Parser)]
#[command(
    name = "watertight",
    version,
    after_help = "Getting started:\n  \
                  export WATERTIGHT_TENANT_KEY=$(watertight keys new)\n  \
                  watertight migrate                              create the tables, as the owner\n  \
                  watertight bootstrap --tenant UUID users.toml   create the first users of a tenant\n  \
                  watertight doctor                               report weaknesses of isolation\n\n\
                  Exit status:\n  \
                  0    success\n  \
                  1    there are findings, or the command refused and changed nothing\n  \
                  2    an argument, a variable or the file of users is wrong, or a file cannot be opened\n  \
                  3    the database is unreachable or fails\n  \
                  4    an export is malformed, or the database rejects its rows\n  \
                  5    reading or writing fails, such as on a full disk\n  \
                  129  SIGHUP, as 130 for SIGINT (Ctrl-C), 131 for SIGQUIT and 143 for SIGTERM\n  \
                  141  the reader of the output has closed it"
)]
struct Args {
    /// The output format: text for people, JSON for programs, or for doctor SARIF 2.1.0 for code scanners.
    #[arg(long, global = true, value_enum, default_value_t = Format::Text)]
    format: Format,
    /// The role to connect as, instead of the command's own.
    #[arg(long = "as", global = true, value_enum, value_name = "ROLE")]
    role: Option<database::Role>,
    #[command(flatten)]
    configuration: ConfigurationArg,
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
    /// The findings of doctor in SARIF 2.1.0.
    Sarif,
}

/// The first sentence of each command's arguments is its description.
#[derive(Debug, Subcommand)]
enum Command {
    Migrate(migrate::Args),
    Doctor(doctor::Args),
    Keys(keys::Args),
    Bootstrap(bootstrap::Args),
    Tenant(tenant::Args),
    Purge(purge::Args),
    Convert(convert::Args),
    Adopt(adopt::Args),
    Distribute(distribute::Args),
}

fn main() -> ExitCode {
    let args = Args::parse();
    let format = args.format;
    let runtime = match tokio::runtime::Runtime::new() {
        Ok(runtime) => runtime,
        Err(error) => return Failure::Io(format!("cannot start: {error}")).print(format),
    };
    let code = runtime.block_on(async {
        // A signal drops the command, which removes its temporary file and closes its connections.
        tokio::select! {
            signal = signals::first() => {
                Err(signal.map_or_else(Failure::from, Failure::Signal))
            }
            done = run(args) => done,
        }
        .map_or_else(|failure| failure.print(format), |outcome| outcome.print(format))
    });
    prompts::restore_terminal();
    // A prompt that is still waiting does not keep the process.
    runtime.shutdown_background();
    code
}

async fn run(args: Args) -> Result<Outcome, Failure> {
    if args.format == Format::Sarif && !matches!(args.command, Command::Doctor(_)) {
        return Err(Failure::Usage("--format sarif is the format of doctor alone; use json".to_owned()));
    }
    // It is read once and used until the process ends.
    let configuration = Box::leak(Box::new(args.configuration.read()?));
    let (role, transaction_pooler) = (args.role, args.transaction_pooler);
    let connector = Connector { role, transaction_pooler, configuration };
    match args.command {
        Command::Migrate(args) => migrate::run(connector, args).await,
        Command::Doctor(args) => doctor::run(connector, args).await,
        Command::Keys(args) => keys::run(connector, args).await,
        Command::Bootstrap(args) => bootstrap::run(connector, args).await,
        Command::Tenant(args) => tenant::run(connector, args).await,
        Command::Purge(args) => purge::run(connector, args).await,
        Command::Convert(args) => convert::run(connector, args).await,
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
