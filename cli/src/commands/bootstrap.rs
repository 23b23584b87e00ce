use std::io::IsTerminal;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Deserializer, Serialize};
use watertight::auth::{BootstrapUser, Credential, Password, Permissions};
use watertight::secrecy::{ExposeSecret, SecretString};
use watertight::{TableSet, TenantId};

use crate::database::{Connector, Role};
use crate::failure::Failure;
use crate::outcome::Outcome;
use crate::table_sets::TableSetsArg;

/// Creates or updates the first users of a tenant. A second run changes nothing.
///
/// The file is JSON or TOML:
///
///   [[users]]
///   handle = "jess"
///   email = "jess@example.com"
///   role = "business_owner"
///   display_name = "Jess"          # optional, as are permissions = [..] and needs_onboarding = true
///   password_env = "JESS_PASSWORD" # or password_file = "secrets/jess", or password_hash = "$2b$12$.."
///
/// The command asks at the terminal for the password of a user without one of the three. The file and the
/// arguments never contain a password.
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment)]
pub(crate) struct Args {
    /// The tenant of the users.
    #[arg(long, value_name = "UUID")]
    tenant: TenantId,
    /// The file of users: .json or .toml.
    file: PathBuf,
    /// Leave existing users unchanged.
    #[arg(long)]
    keep_existing: bool,
    #[command(flatten)]
    table_sets: TableSetsArg,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct UsersFile {
    users: Vec<UserEntry>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct UserEntry {
    handle: String,
    email: String,
    role: String,
    display_name: Option<String>,
    permissions: Option<Vec<String>>,
    needs_onboarding: Option<bool>,
    password_env: Option<String>,
    password_file: Option<PathBuf>,
    #[serde(default, deserialize_with = "secret")]
    password_hash: Option<SecretString>,
}

fn secret<'de, D: Deserializer<'de>>(from: D) -> Result<Option<SecretString>, D::Error> {
    Ok(Option::<String>::deserialize(from)?.map(SecretString::from))
}

#[derive(Debug, Serialize)]
struct Report {
    tenant: TenantId,
    created: Vec<String>,
    updated: Vec<String>,
    unchanged: Vec<String>,
}

pub(crate) async fn run(connector: Connector, args: Args) -> Result<Outcome, Failure> {
    let Args { tenant, file, keep_existing, table_sets } = args;
    let sets = table_sets.table_sets();
    if !sets.contains(TableSet::Auth) {
        return Err(Failure::Refused(format!(
            "bootstrap writes users, but the table sets {sets} have no users; add auth to --table-sets"
        )));
    }
    let folder = file.parent().unwrap_or(Path::new("."));
    let users = read(&file)?
        .users
        .into_iter()
        .map(|entry| {
            Ok(BootstrapUser {
                credential: Some(credential(&entry, folder)?),
                handle: entry.handle,
                email: entry.email,
                role: entry.role,
                display_name: entry.display_name,
                permissions: entry.permissions.map(Permissions),
                needs_onboarding: entry.needs_onboarding,
            })
        })
        .collect::<Result<Vec<_>, Failure>>()?;
    let water = connector.builder().table_sets(sets).connect(connector.options(Role::App)?).await?;
    let done = water.tenant(tenant).auth().bootstrap_users(users, !keep_existing).await?;
    let handles =
        |users: Vec<watertight::auth::User>| users.into_iter().map(|user| user.handle.to_string()).collect();
    let report = Report {
        tenant,
        created: handles(done.created),
        updated: handles(done.updated),
        unchanged: handles(done.unchanged),
    };
    let line =
        |what: &str, handles: &[String]| format!("{what:<10} {}", handles.join(", ")).trim_end().to_owned();
    let text = [
        line("created", &report.created),
        line("updated", &report.updated),
        line("unchanged", &report.unchanged),
    ];
    Outcome::new(text.join("\n"), &report)
}

fn read(file: &Path) -> Result<UsersFile, Failure> {
    let wrong = |error: String| Failure::Usage(format!("{}: {error}", file.display()));
    let text = SecretString::from(std::fs::read_to_string(file).map_err(|error| wrong(error.to_string()))?);
    // The parsers' errors quote the malformed line, which may contain a forbidden password.
    match file.extension().and_then(|extension| extension.to_str()) {
        Some("json") => serde_json::from_str(text.expose_secret()).map_err(|error| {
            wrong(format!("line {}, column {}: {}", error.line(), error.column(), plain(&error.to_string())))
        }),
        Some("toml") => toml::from_str(text.expose_secret()).map_err(|error| wrong(plain(error.message()))),
        _ => Err(wrong("its name ends neither in .json nor in .toml; rename it".to_owned())),
    }
}

/// The message of a parser, or a remedy when the file contains a password.
fn plain(message: &str) -> String {
    let message = message.split(" at line ").next().unwrap_or_default();
    if message.contains("unknown field `password`") || message.contains("unknown field `pin`") {
        return "the file must not contain a password; use password_env, password_file or password_hash, or \
                leave them out and enter the password at the terminal"
            .to_owned();
    }
    message.to_owned()
}

fn credential(entry: &UserEntry, folder: &Path) -> Result<Credential, Failure> {
    let of = |reason: String| Failure::Usage(format!("the password of {}: {reason}", entry.handle));
    let password = match (&entry.password_env, &entry.password_file, &entry.password_hash) {
        (None, None, Some(hash)) => return Ok(Credential::Hash(hash.expose_secret().parse()?)),
        (Some(variable), None, None) => {
            std::env::var(variable).map_err(|_| of(format!("the variable {variable} is not set")))?
        }
        (None, Some(path), None) => {
            let path = folder.join(path);
            let text =
                std::fs::read_to_string(&path).map_err(|error| of(format!("{}: {error}", path.display())))?;
            text.trim_end_matches(['\r', '\n']).to_owned()
        }
        (None, None, None) => ask(&entry.handle)?,
        _ => {
            return Err(of(
                "more than one of password_env, password_file and password_hash is given; use one".to_owned(),
            ));
        }
    };
    Password::new(password).map(Credential::Password).map_err(|error| of(error.to_string()))
}

fn ask(handle: &str) -> Result<String, Failure> {
    if !std::io::stdin().is_terminal() {
        return Err(Failure::Usage(format!(
            "{handle} has no password_env, password_file or password_hash, and there is no terminal to enter \
             the password at"
        )));
    }
    let read = |prompt: String| Ok::<_, Failure>(SecretString::from(rpassword::prompt_password(prompt)?));
    let first = read(format!("Password of {handle}: "))?;
    let second = read("Repeat the password: ".to_owned())?;
    if first.expose_secret() != second.expose_secret() {
        return Err(Failure::Usage(format!("the two passwords of {handle} differ; run the command again")));
    }
    Ok(first.expose_secret().to_owned())
}
