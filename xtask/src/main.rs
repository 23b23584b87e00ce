//! The developer's commands: `cargo xtask --help`.
#![allow(clippy::print_stdout, reason = "a program for the terminal")]

mod cargo;
mod ci;
mod dependencies;
mod entities;
mod gates;
mod installation;
mod process;
mod publishing;
mod readme;
mod sea_orm_tests;
mod server;

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, Result};
use clap::{Parser, Subcommand};

use crate::cargo::Cargo;
use crate::installation::Installation;
use crate::server::Databases;

/// The developer's commands of watertight.
///
/// Commands that need a PostgreSQL start a private one and stop it at the end. If both `DATABASE_URL` (the
/// application's role) and `DATABASE_OWNER_URL` (the owner's role) are set, they use that server instead.
/// Some tests then need `DATABASE_MAINTENANCE_URL` (a member of the owner's role with `BYPASSRLS`),
/// `DATABASE_SUPERUSER_URL` (a superuser), and `SECOND_DATABASE_URL` and `SECOND_DATABASE_OWNER_URL` (another
/// server).
#[derive(Debug, Parser)]
#[command(bin_name = "cargo xtask")]
struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Shows a clinic and a studio in one database, and the layers that isolate them from each other.
    Quickstart {
        /// Keep the data in this directory for later runs.
        #[arg(long, value_name = "DIR")]
        keep: Option<PathBuf>,
    },
    /// Serves a clinic and a studio on the web, to try in a browser: booking, logging in, the owner's day.
    Clinic {
        /// Keep the data in this directory for later runs.
        #[arg(long, value_name = "DIR")]
        keep: Option<PathBuf>,
        /// Arguments for the server, such as `--listen 127.0.0.1:8080`.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        args: Vec<OsString>,
    },
    /// Runs the first program of the README and the examples of the guide, one a domain, and checks their output.
    Examples,
    /// Runs all tests, doc tests included.
    Test {
        /// Test on a private server of this PostgreSQL installation, such as `/usr/lib/postgresql/15`, instead of the
        /// embedded one. The variable `WATERTIGHT_SERVER` does the same.
        #[arg(long, value_name = "DIR")]
        server: Option<PathBuf>,
        /// Arguments for `cargo test`, such as the name of a test.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        args: Vec<OsString>,
    },
    /// Measures operations against hand-written SeaORM and sqlx on the same rows, and the growth with
    /// tenants.
    Bench {
        /// Arguments for the benchmark; the default is `operations`. `--help` lists them.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        args: Vec<OsString>,
    },
    /// Runs `sea-orm-cli migrate` as the owner: `up`, `down`, `refresh`, `status`, ..
    Migrate {
        /// Keep the data in this directory for later runs.
        #[arg(long, value_name = "DIR")]
        keep: Option<PathBuf>,
        /// Arguments for `sea-orm-cli migrate`.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        args: Vec<OsString>,
    },
    /// Generates the entities from a freshly migrated database.
    Entities {
        /// Write nothing, and fail when the entities differ from the generated ones.
        #[arg(long)]
        check: bool,
    },
    /// Runs any command with `DATABASE_URL` and `DATABASE_OWNER_URL` set: `cargo xtask run -- bash`.
    Run {
        /// Start a private server of this PostgreSQL installation instead of the embedded one, as for `test`.
        #[arg(long, value_name = "DIR", conflicts_with = "keep")]
        server: Option<PathBuf>,
        /// Keep the data in this directory for later runs.
        #[arg(long, value_name = "DIR")]
        keep: Option<PathBuf>,
        /// The command and its arguments.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true, required = true)]
        command: Vec<OsString>,
    },
    /// Runs a private server of a PostgreSQL installation, prints its URLs, and stops it when standard input ends.
    #[command(hide = true)]
    Serve {
        /// The folder with `initdb` and `postgres`.
        directory: PathBuf,
    },
    /// Checks spelling, phrases, headings, links and the code of pages by `language.toml`.
    Language {
        /// Arguments for the check: `--docs` also checks addresses on docs.rs, by the documentation that
        /// `cargo doc --no-deps --all-features` has built.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        args: Vec<OsString>,
    },
    /// Runs SeaORM's own tests through a tenant's connection, next to another tenant's rows of the same ids.
    SeaOrmTests,
    /// Packages and builds the crates as for publishing, and uploads nothing.
    Publish,
    /// Runs every check: format, language, lints, features, dependencies, packages, tests, entities, documentation, quickstart, examples.
    Ci {
        /// Also run the isolation suites on a private server of this PostgreSQL installation. Repeat for
        /// more.
        #[arg(long = "server", value_name = "DIR")]
        servers: Vec<PathBuf>,
    },
}

/// The package of the benchmark.
const BENCH: &str = "watertight-bench";

fn main() -> Result<ExitCode> {
    let Args { command } = Args::parse();
    // The server of an installation ends with its parent, not with the terminal's Ctrl-C.
    if !matches!(command, Command::Serve { .. }) {
        process::watch_signals()?;
    }
    let cargo = Cargo::new();
    let status = match command {
        Command::Quickstart { keep } => {
            let databases = Databases::start(&cargo, keep.as_deref())?;
            process::run(databases.env(&mut quickstart(&cargo)))?
        }
        Command::Clinic { keep, args } => {
            let databases = Databases::start(&cargo, keep.as_deref())?;
            let run = ["run", "--quiet", "--package", "watertight-axum-clinic", "--", "--demo"];
            process::run(databases.env(cargo.command(run).args(args)))?
        }
        Command::Examples => {
            examples(&cargo, &Databases::start(&cargo, None)?)?;
            return Ok(ExitCode::SUCCESS);
        }
        Command::Test { server, args } => {
            let (databases, second) = match Installation::chosen(server.as_deref())? {
                Some(installation) => (Databases::of(&installation)?, Some(Databases::of(&installation)?)),
                None => (Databases::start(&cargo, None)?, Databases::second(&cargo)?),
            };
            let is_complete = args.is_empty();
            let tested = process::run(with_second(second.as_ref(), databases.env(test(&cargo).args(args))))?;
            if !is_complete || !tested.success() {
                return Ok(process::exit_code(tested));
            }
            process::run(databases.env(&mut other_libraries(
                &cargo,
                "test",
                &["--package", "watertight-graphql"],
            )))?
        }
        Command::Bench { args } => {
            // Build first, so that the server does not run meanwhile.
            process::succeed(&mut cargo.command(["build", "--quiet", "--release", "--package", BENCH]))?;
            // A server with a data directory writes safely, as in production.
            let data = tempfile::tempdir()?;
            let databases = Databases::start(&cargo, Some(data.path()).filter(|_| !Databases::are_given()))?;
            let mut run = cargo.command(["run", "--quiet", "--release", "--package", BENCH, "--"]);
            if args.is_empty() {
                run.arg("operations");
            }
            process::run(databases.env(run.args(args)))?
        }
        Command::Migrate { keep, args } => {
            let databases = Databases::start(&cargo, keep.as_deref())?;
            process::run(databases.env(entities::sea_orm_cli(&cargo).arg("migrate").args(args)))?
        }
        Command::Entities { check } => {
            if check {
                entities::check(&cargo)?;
            } else {
                entities::write(&cargo)?;
            }
            return Ok(ExitCode::SUCCESS);
        }
        Command::Run { server, keep, command } => {
            let (program, args) = command.split_first().context("no command is given")?;
            let databases = match (Installation::chosen(server.as_deref())?, &keep) {
                (Some(installation), None) => Databases::of(&installation)?,
                _ => Databases::start(&cargo, keep.as_deref())?,
            };
            process::run(databases.env(std::process::Command::new(program).args(args)))?
        }
        Command::Serve { directory } => {
            Installation::at(&directory)?.serve()?;
            return Ok(ExitCode::SUCCESS);
        }
        Command::Language { args } => process::run(language(&cargo).args(args))?,
        Command::SeaOrmTests => {
            sea_orm_tests::run(&cargo)?;
            return Ok(ExitCode::SUCCESS);
        }
        Command::Publish => {
            publishing::check(&cargo, true)?;
            return Ok(ExitCode::SUCCESS);
        }
        Command::Ci { servers } => {
            ci::run(&cargo, &servers)?;
            return Ok(ExitCode::SUCCESS);
        }
    };
    Ok(process::exit_code(status))
}

fn quickstart(cargo: &Cargo) -> std::process::Command {
    cargo.command(["run", "--quiet", "--package", "watertight-examples", "--bin", "quickstart"])
}

fn language(cargo: &Cargo) -> std::process::Command {
    cargo.command(["run", "--quiet", "--package", "watertight-language", "--"])
}

/// Migrates the database and runs the examples of the guide on it, then the README's first program and the examples of
/// isolation alone and of jobs, each on an empty one.
fn examples(cargo: &Cargo, databases: &Databases) -> Result<()> {
    process::succeed(databases.env(entities::sea_orm_cli(cargo).args(["migrate", "up"])))?;
    let folder = cargo.root().join("service/examples");
    let mut examples: Vec<PathBuf> =
        std::fs::read_dir(&folder)?.map(|entry| entry.map(|entry| entry.path())).collect::<Result<_, _>>()?;
    examples.sort_unstable();
    for example in examples.iter().filter_map(|path| path.file_stem()) {
        println!("example {}", example.display());
        let mut run = cargo.command(["run", "--quiet", "--package", "watertight", "--example"]);
        process::succeed(databases.env(run.arg(example)))?;
    }
    println!("the first program of the README");
    readme::run(cargo)?;
    for name in ["isolated", "jobs"] {
        println!("example {name}");
        let empty = Databases::fresh(cargo)?;
        let package = format!("watertight-{name}");
        process::succeed(empty.env(&mut cargo.command(["run", "--quiet", "--package", &package])))?;
    }
    Ok(())
}

/// A command for the examples of other libraries, which are a workspace of their own.
fn other_libraries(cargo: &Cargo, command: &str, args: &[&str]) -> std::process::Command {
    let mut run = cargo.command([command, "--manifest-path", "examples/graphql/Cargo.toml"]);
    run.args(["--target-dir", "target"]).args(args);
    run
}

/// Sets the second server, if any, in a command's environment.
fn with_second<'c>(
    second: Option<&Databases>,
    command: &'c mut std::process::Command,
) -> &'c mut std::process::Command {
    match second {
        Some(second) => second.env_as_second(command),
        None => command,
    }
}

/// The tests of all packages except the embedded server, which has none and is built separately.
fn test(cargo: &Cargo) -> std::process::Command {
    cargo.command(["test", "--workspace", "--exclude", "watertight-postgres"])
}
