//! The command line that `sea-orm-cli migrate` runs, connected as the owner.

use std::{error::Error, fmt, process::exit, str::FromStr, time::Duration};

use clap::{Arg, ArgMatches, Command, CommandFactory, FromArgMatches, parser::ValueSource};
use sea_orm_migration::{
    MigratorTraitSelf,
    cli::{Cli, run_migrate},
    sea_orm::{
        ConnectOptions, ConnectionTrait, Database, DatabaseConnection, DbBackend, DbConn, Statement,
        sqlx::{ConnectOptions as _, Connection as _, postgres::PgConnectOptions},
    },
};
use watertight_schema::{TableSets, printable};

use crate::Settings;

/// The environment variable with the URL of the role that owns the tables.
///
/// `DATABASE_URL` is for the application, whose role may not create tables.
pub const OWNER_URL_VARIABLE: &str = "DATABASE_OWNER_URL";

const APP_URL_VARIABLE: &str = "DATABASE_URL";

const TABLE_SETS: &str = "table_sets";

/// The time limit for a connection that the server does not accept.
const PATIENCE: Duration = Duration::from_secs(5);

/// Runs the command line of a migration crate, whose `main` contains nothing else.
///
/// The database is the one that `-u` names; without `-u` the one in `DATABASE_OWNER_URL`; without that the one in
/// `DATABASE_URL`. A wrong or missing URL and a failed connection end the process with a message.
///
/// ```no_run
/// #[tokio::main]
/// async fn main() {
///     watertight_migration::run_cli(watertight_migration::Migrator).await;
/// }
/// ```
pub async fn run_cli<M: MigratorTraitSelf>(migrator: M) {
    dotenvy::dotenv().ok();
    let matches = Cli::command().get_matches();
    run(migrator, &matches).await;
}

/// Runs the command line of a migration crate with settings.
///
/// It does the same as [`run_cli`], with the settings of the environment and the argument `--table-sets`.
///
/// ```no_run
/// use watertight_migration::TenantMigrator;
///
/// #[tokio::main]
/// async fn main() {
///     watertight_migration::run_cli_with(|settings| TenantMigrator::new(settings).then(|| vec![])).await;
/// }
/// ```
pub async fn run_cli_with<M: MigratorTraitSelf>(migrator: impl FnOnce(Settings) -> M) {
    dotenvy::dotenv().ok();
    let matches = command().get_matches();
    let mut settings = Settings::from_env();
    if let Some(sets) = matches.get_one::<TableSets>(TABLE_SETS) {
        settings = settings.with_table_sets(sets.clone());
    }
    run(migrator(settings), &matches).await;
}

fn command() -> Command {
    let table_sets = Arg::new(TABLE_SETS)
        .long("table-sets")
        .env(Settings::TABLE_SETS_VARIABLE)
        .value_name("SETS")
        .value_parser(TableSets::from_str)
        .global(true)
        .help("Table sets to create: all, none, or a list such as auth=identity,booking [default: all]");
    Cli::command().arg(table_sets)
}

async fn run(migrator: impl MigratorTraitSelf, matches: &ArgMatches) {
    if let Err(error) = try_run(migrator, matches).await {
        eprintln!("error: {}", printable::text(&error.to_string()));
        exit(1)
    }
}

async fn try_run(migrator: impl MigratorTraitSelf, matches: &ArgMatches) -> Result<(), Box<dyn Error>> {
    // `generate` and `init` write files and need no database.
    let needs_database = !matches!(matches.subcommand_name(), Some("generate" | "init"));
    let db = if needs_database { connect(matches).await? } else { DatabaseConnection::default() };
    let command = match matches.subcommand_name() {
        Some(_) => Some(FromArgMatches::from_arg_matches(matches)?),
        None => None,
    };
    run_migrate(migrator, &db, command, matches.get_flag("verbose")).await
}

async fn connect(matches: &ArgMatches) -> Result<DbConn, String> {
    let given = |name| matches.get_one::<String>(name).cloned();
    let owner = std::env::var(OWNER_URL_VARIABLE).ok();
    let target = Target::choose(typed(matches, "database_url"), owner, given("database_url"))?;
    eprintln!("migrating {target}");

    // A pool retries a failed connection until its time limit, and reports the time limit instead of the cause.
    let failed = |why: String| format!("cannot connect to {target}: {why}");
    match tokio::time::timeout(PATIENCE, target.parts.connect()).await {
        Ok(Ok(first)) => drop(first.close().await),
        Ok(Err(error)) => return Err(failed(error.to_string())),
        Err(_) => return Err(failed(format!("no answer within {PATIENCE:?}"))),
    }
    let mut options = ConnectOptions::new(&target.url);
    options
        .acquire_timeout(PATIENCE)
        .set_schema_search_path(given("database_schema").unwrap_or_else(|| "public".to_owned()));
    let db = Database::connect(options).await.map_err(|error| failed(error.to_string()))?;
    refuse_without_right_to_create(&db, &target).await?;
    Ok(db)
}

/// Reports a missing right to create tables with the variable to set, before the database denies permission.
async fn refuse_without_right_to_create(db: &DbConn, target: &Target) -> Result<(), String> {
    let sql = "SELECT has_schema_privilege(current_schema(), 'CREATE') AS allowed";
    let row = db.query_one_raw(Statement::from_string(DbBackend::Postgres, sql)).await;
    let allowed = row.and_then(|row| row.map(|row| row.try_get::<Option<bool>>("", "allowed")).transpose());
    match allowed {
        Ok(Some(Some(false))) => Err(format!(
            "the role cannot create tables in {target}; set {OWNER_URL_VARIABLE} to the URL of the role that \
             owns the tables, or pass the URL with -u"
        )),
        Ok(_) => Ok(()),
        Err(error) => Err(format!("cannot read the rights of the role in {target}: {error}")),
    }
}

/// A value from the command line itself, not from the environment variable behind it.
fn typed(matches: &ArgMatches, name: &str) -> Option<String> {
    match matches.value_source(name) {
        Some(ValueSource::CommandLine) => matches.get_one::<String>(name).cloned(),
        _ => None,
    }
}

/// A database to migrate, and the source of its URL.
struct Target {
    url: String,
    source: &'static str,
    parts: PgConnectOptions,
}

impl Target {
    fn choose(typed: Option<String>, owner: Option<String>, app: Option<String>) -> Result<Self, String> {
        let given = |url: Option<String>| url.filter(|url| !url.trim().is_empty());
        if let Some(url) = typed {
            return Self::parse(url, "-u");
        }
        match (given(owner), given(app)) {
            (Some(owner), Some(app)) => {
                let (owner, app) =
                    (Self::parse(owner, OWNER_URL_VARIABLE)?, Self::parse(app, APP_URL_VARIABLE)?);
                owner.refuse_unless_same_database(&app)?;
                Ok(owner)
            }
            (Some(owner), None) => Self::parse(owner, OWNER_URL_VARIABLE),
            (None, Some(app)) => Self::parse(app, APP_URL_VARIABLE),
            (None, None) => Err(format!(
                "no database URL is given; set {OWNER_URL_VARIABLE} (or {APP_URL_VARIABLE}) to the URL of the \
                 role that owns the tables, postgres://role:password@host:5432/database, or pass the URL with \
                 -u"
            )),
        }
    }

    fn parse(url: String, source: &'static str) -> Result<Self, String> {
        let malformed = |why: String| {
            format!(
                "the database URL from {source} is malformed: {why}; percent-encode special characters of the password, such \
                 as # as %23 and / as %2F"
            )
        };
        if !(url.starts_with("postgres://") || url.starts_with("postgresql://")) {
            return Err(malformed("it does not begin with postgres://".to_owned()));
        }
        let parts = PgConnectOptions::from_str(&url).map_err(|error| malformed(error.to_string()))?;
        Ok(Self { url, source, parts })
    }

    /// Refuses two URLs with different databases.
    ///
    /// `sea-orm-cli -u` passes its URL in `DATABASE_URL`, where it cannot be distinguished from a URL that
    /// was set before. Without this check the owner's URL could migrate another database than the one named.
    fn refuse_unless_same_database(&self, app: &Self) -> Result<(), String> {
        if self.parts.get_database() == app.parts.get_database() {
            return Ok(());
        }
        Err(format!(
            "{OWNER_URL_VARIABLE} and {APP_URL_VARIABLE} name different databases: {self} and {app}; set both \
             to the same database, or unset {OWNER_URL_VARIABLE} to use {APP_URL_VARIABLE}"
        ))
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let parts = &self.parts;
        let database = parts.get_database().unwrap_or_else(|| parts.get_username());
        let (host, port, user, source) =
            (parts.get_host(), parts.get_port(), parts.get_username(), self.source);
        write!(f, "database {database:?} on {host}:{port} as {user:?} (from {source})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OWNER: &str = "postgres://owner:secret@db/shop";
    const APP: &str = "postgres://app:secret@bouncer:6432/shop";

    fn choose(typed: &str, owner: &str, app: &str) -> Result<String, String> {
        let some = |url: &str| (url != "-").then(|| url.to_owned());
        Target::choose(some(typed), some(owner), some(app)).map(|target| target.to_string())
    }

    #[test]
    fn what_is_typed_beats_the_owner_and_the_owner_beats_the_application() {
        let typed = "postgres://me@here/other";
        assert!(choose(typed, OWNER, APP).is_ok_and(|name| name.contains("\"me\" (from -u)")));
        assert!(
            choose("-", OWNER, APP).is_ok_and(|name| name.contains("\"owner\" (from DATABASE_OWNER_URL)"))
        );
        assert!(choose("-", "-", APP).is_ok_and(|name| name.contains("\"app\" (from DATABASE_URL)")));
        assert!(choose("-", "", APP).is_ok_and(|name| name.contains("\"app\" (from DATABASE_URL)")));
        assert!(choose("-", OWNER, "-").is_ok());
    }

    #[test]
    fn table_sets_are_an_argument_of_every_command() {
        let sets = |args: &[&str]| {
            let matches = command().try_get_matches_from(args)?;
            Ok::<_, clap::Error>(matches.get_one::<TableSets>(TABLE_SETS).map(ToString::to_string))
        };
        command().debug_assert();
        assert_eq!(sets(&["m", "up", "--table-sets", "auth=identity"]).unwrap().unwrap(), "auth=identity");
        assert_eq!(sets(&["m", "--table-sets", "none", "fresh"]).unwrap().unwrap(), "none");
        assert!(
            sets(&["m", "--table-sets", "auht"]).unwrap_err().to_string().contains("no table set \"auht\"")
        );
    }

    #[test]
    fn no_url_is_an_error_that_says_what_to_set() {
        for (owner, app) in [("-", "-"), ("", ""), (" ", "-")] {
            assert!(choose("-", owner, app).is_err_and(|error| error.contains(OWNER_URL_VARIABLE)));
        }
        assert!(choose("", "-", APP).is_err_and(|error| error.contains("-u")));
    }

    #[test]
    fn two_urls_for_different_databases_are_refused() {
        let other = "postgres://app@db/other";
        assert!(choose("-", OWNER, other).is_err_and(|error| error.contains("different databases")));
    }

    #[test]
    fn no_message_tells_a_password() {
        for message in [
            choose("-", OWNER, APP).unwrap(),
            choose("-", OWNER, "postgres://app:secret@db/other").unwrap_err(),
            choose("mysql://app:secret@db/other", "-", "-").unwrap_err(),
            choose("postgres://app:secret@db:notaport/other", "-", "-").unwrap_err(),
        ] {
            assert!(!message.contains("secret"), "{message}");
        }
    }
}
