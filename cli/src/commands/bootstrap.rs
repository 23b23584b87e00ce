use std::path::{Path, PathBuf};

use serde::{Deserialize, Deserializer, Serialize};
use watertight::auth::{
    BootstrapDifference, BootstrapFields, BootstrapUser, Credential, Password, Permissions,
};
use watertight::secrecy::{ExposeSecret, SecretString};
use watertight::{TableSet, TenantId};
use watertight_schema::printable::one_line;

use crate::database::{Connector, Role};
use crate::failure::Failure;
use crate::files;
use crate::outcome::Outcome;
use crate::prompts;
use crate::table_sets::TableSetsArg;

/// Creates the first users of a tenant. A second run changes nothing.
///
/// The file is JSON or TOML:
///
///   [[users]]
///   handle = "jess"
///   email = "jess@example.com"
///   role = "business_owner"
///   password_env = "JESS_PASSWORD" # or password_file = "secrets/jess", or password_hash = "$2b$12$.."
///   display_name = "Jess"          # optional, as are the following
///   permissions = ["bookings:write"]
///   is_active = true
///   needs_onboarding = false
///   onboarding_step = 0
///
/// The command asks at the terminal for the password of a user without one of the three. The file and the
/// arguments never contain a password. A password file is a regular file that other users of the machine cannot
/// read. Existing users are left unchanged, and the fields in which they differ are printed: --update names
/// fields to change. Passwords are compared only to be changed.
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment)]
#[allow(rustdoc::broken_intra_doc_links, reason = "the help prints this text as it is")]
pub(crate) struct Args {
    /// The tenant of the users.
    #[arg(long, value_name = "UUID")]
    tenant: TenantId,
    /// The file of users: .json or .toml.
    file: PathBuf,
    /// Change these fields of existing users to the values of the file: a list such as role,permissions, or all.
    #[arg(long, value_name = "FIELDS", value_delimiter = ',')]
    update: Vec<Field>,
    /// Leave existing users unchanged. The default.
    #[arg(long, hide = true, conflicts_with = "update")]
    keep_existing: bool,
    #[command(flatten)]
    table_sets: TableSetsArg,
}

/// A field that `--update` names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
#[value(rename_all = "snake_case")]
enum Field {
    All,
    Password,
    Email,
    Role,
    DisplayName,
    Permissions,
    IsActive,
    NeedsOnboarding,
    OnboardingStep,
}

fn fields(chosen: &[Field]) -> BootstrapFields {
    let has = |field| chosen.contains(&field) || chosen.contains(&Field::All);
    BootstrapFields {
        password: has(Field::Password),
        email: has(Field::Email),
        role: has(Field::Role),
        display_name: has(Field::DisplayName),
        permissions: has(Field::Permissions),
        is_active: has(Field::IsActive),
        needs_onboarding: has(Field::NeedsOnboarding),
        onboarding_step: has(Field::OnboardingStep),
    }
}

/// The most bytes of a file of users.
const FILE_BYTES: u64 = 1 << 20;

/// The most bytes of a file with a password.
const PASSWORD_BYTES: u64 = 4_096;

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
    is_active: Option<bool>,
    needs_onboarding: Option<bool>,
    onboarding_step: Option<u16>,
    password_env: Option<String>,
    password_file: Option<PathBuf>,
    #[serde(default, deserialize_with = "secret")]
    password_hash: Option<SecretString>,
}

/// The names that a message of a parser can quote. Anything else that it quotes can be a secret.
const NAMES: [&str; 14] = [
    "users",
    "handle",
    "email",
    "role",
    "display_name",
    "permissions",
    "is_active",
    "needs_onboarding",
    "onboarding_step",
    "password_env",
    "password_file",
    "password_hash",
    "password",
    "pin",
];

fn secret<'de, D: Deserializer<'de>>(from: D) -> Result<Option<SecretString>, D::Error> {
    Ok(Option::<String>::deserialize(from)?.map(SecretString::from))
}

#[derive(Debug, Serialize)]
struct Report {
    tenant: TenantId,
    created: Vec<String>,
    updated: Vec<String>,
    unchanged: Vec<String>,
    differing: Vec<Difference>,
}

/// The fields of an existing user that differ from the file.
#[derive(Debug, Serialize)]
struct Difference {
    handle: String,
    fields: Vec<&'static str>,
}

pub(crate) async fn run(connector: Connector, args: Args) -> Result<Outcome, Failure> {
    let Args { tenant, file, update, keep_existing: _, table_sets } = args;
    let sets = table_sets.table_sets(connector.configuration);
    if !sets.contains(TableSet::Auth) {
        return Err(Failure::Refused(format!(
            "bootstrap writes users, but the table sets {sets} have no users; add auth to --table-sets"
        )));
    }
    let folder = file.parent().unwrap_or(Path::new("."));
    let entries = read(&file)?.users;
    if entries.is_empty() {
        return Err(Failure::Usage(format!("{}: the list of users is empty; add a user", file.display())));
    }
    let mut users = Vec::with_capacity(entries.len());
    for entry in entries {
        users.push(BootstrapUser {
            credential: Some(credential(&entry, folder).await?),
            handle: entry.handle,
            email: entry.email,
            role: entry.role,
            display_name: entry.display_name,
            permissions: entry.permissions.map(Permissions),
            is_active: entry.is_active,
            needs_onboarding: entry.needs_onboarding,
            onboarding_step: entry.onboarding_step,
        });
    }
    let water = connector.builder().table_sets(sets).connect(connector.options(Role::App)?).await?;
    let done = water.tenant(tenant).auth().bootstrap_users(users, fields(&update)).await?;
    let handles =
        |users: Vec<watertight::auth::User>| users.into_iter().map(|user| user.handle.to_string()).collect();
    let difference =
        |BootstrapDifference { handle, fields, .. }: BootstrapDifference| Difference { handle, fields };
    let report = Report {
        tenant,
        created: handles(done.created),
        updated: handles(done.updated),
        unchanged: handles(done.unchanged),
        differing: done.differing.into_iter().map(difference).collect(),
    };
    Outcome::new(text(&report), &report)
}

fn text(report: &Report) -> String {
    let line = |what: &str, handles: &[String]| {
        one_line(&format!("{what:<10} {}", handles.join(", "))).trim_end().to_owned()
    };
    let mut lines = vec![
        line("created", &report.created),
        line("updated", &report.updated),
        line("unchanged", &report.unchanged),
    ];
    let differing = report.differing.iter();
    lines.extend(differing.map(|Difference { handle, fields }| {
        let fields = fields.join(",");
        one_line(&format!("differs    {handle}: {fields} (left unchanged; to change: --update {fields})"))
    }));
    lines.join("\n")
}

fn read(file: &Path) -> Result<UsersFile, Failure> {
    let wrong = |error: String| Failure::Usage(format!("{}: {error}", file.display()));
    let text = files::read(file, FILE_BYTES, |_| Ok(())).map_err(wrong)?;
    // The parsers' errors quote the malformed value, which may be a forbidden password.
    match file.extension().and_then(|extension| extension.to_str()) {
        Some("json") => serde_json::from_str(text.expose_secret()).map_err(|error| {
            wrong(format!("line {}, column {}: {}", error.line(), error.column(), plain(&error.to_string())))
        }),
        Some("toml") => toml::from_str(text.expose_secret()).map_err(|error| wrong(plain(error.message()))),
        _ => Err(wrong("its name ends neither in .json nor in .toml; rename it".to_owned())),
    }
}

/// The message of a parser without the values that it quotes, or a remedy when the file contains a password.
fn plain(message: &str) -> String {
    let message = message.rsplit_once(" at line ").map_or(message, |(message, _)| message);
    if ["password", "pin"].iter().any(|field| message.contains(&format!("unknown field `{field}`"))) {
        return "the file must not contain a password; use password_env, password_file or password_hash, or \
                leave them out and enter the password at the terminal"
            .to_owned();
    }
    // The rule stands behind the last quoted value: a quoted value can contain quotation marks.
    if let Some((start, expected)) =
        message.rsplit_once(", expected ").filter(|_| message.starts_with("invalid "))
    {
        let kind = start.split(':').next().unwrap_or_default();
        return format!("{kind}, expected {}", quoting_names(expected));
    }
    quoting_names(message)
}

/// The message with each quoted word that is no name of a field replaced.
fn quoting_names(message: &str) -> String {
    let mut plain = String::new();
    for (index, part) in message.split(['`', '"', '\'']).enumerate() {
        if index % 2 == 0 {
            plain.push_str(part);
        } else {
            let named = if NAMES.contains(&part) { part } else { ".." };
            plain.extend(["`", named, "`"]);
        }
    }
    plain
}

async fn credential(entry: &UserEntry, folder: &Path) -> Result<Credential, Failure> {
    let of = |reason: String| Failure::Usage(format!("the password of {}: {reason}", entry.handle));
    let password = match (&entry.password_env, &entry.password_file, &entry.password_hash) {
        (None, None, Some(hash)) => {
            let hash = hash.expose_secret().parse();
            return hash
                .map(Credential::Hash)
                .map_err(|error: watertight::auth::AuthError| of(error.to_string()));
        }
        (Some(variable), None, None) => SecretString::from(from_variable(variable).map_err(of)?),
        (None, Some(path), None) => {
            let path = folder.join(path);
            files::read(&path, PASSWORD_BYTES, files::refuse_public)
                .map_err(|error| of(format!("{}: {error}", path.display())))?
        }
        (None, None, None) => ask(&entry.handle).await?,
        _ => {
            return Err(of(
                "more than one of password_env, password_file and password_hash is given; use one".to_owned(),
            ));
        }
    };
    let password = password.expose_secret();
    let password =
        if entry.password_file.is_some() { password.trim_end_matches(['\r', '\n']) } else { password };
    Password::new(password).map(Credential::Password).map_err(|error| of(error.to_string()))
}

/// The value of a variable. A text that is no name of one can be the password itself, so it is not shown.
fn from_variable(variable: &str) -> Result<String, String> {
    let starts = variable.starts_with(|c: char| c.is_ascii_uppercase() || c == '_');
    if !starts || !variable.chars().all(|c| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_') {
        return Err("password_env is not the name of a variable; name one of capital letters, digits and \
                    underscores, such as JESS_PASSWORD"
            .to_owned());
    }
    match std::env::var(variable) {
        Ok(value) => Ok(value),
        Err(std::env::VarError::NotPresent) => Err(format!("the variable {variable} is not set")),
        Err(std::env::VarError::NotUnicode(_)) => {
            Err(format!("the variable {variable} is not text in UTF-8"))
        }
    }
}

async fn ask(handle: &str) -> Result<SecretString, Failure> {
    if !prompts::is_at_terminal() {
        return Err(Failure::Usage(format!(
            "{handle} has no password_env, password_file or password_hash, and there is no terminal to enter \
             the password at"
        )));
    }
    let first = prompts::secret(format!("Password of {handle}: ")).await?;
    let second = prompts::secret("Repeat the password: ".to_owned()).await?;
    if first.expose_secret() != second.expose_secret() {
        return Err(Failure::Usage(format!("the two passwords of {handle} differ; run the command again")));
    }
    Ok(first)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_message_of_a_parser_shows_a_value() {
        for entry in [
            r#"{"handle": 483920}"#,
            r#"{"handle": "k", "email": "k@x.y", "role": "viewer", "password_hash": 483920}"#,
            r#"{"handle": "k", "onboarding_step": "483920"}"#,
            r#"{"handle": "k", "onboarding_step": 483920}"#,
            r#"{"handle": "k", "onboarding_step": -483920}"#,
            r#"{"handle": "k", "is_active": "a, expected \"483920\", expected `483920"}"#,
            r#"{"handle": "k", "483920": 1}"#,
            r#"{"handle": "k", "pin": 483920}"#,
            r#"{"handle": "k", "permissions": 483920}"#,
            r#"{"handle": "k" 483920}"#,
            r#"["483920"]"#,
        ] {
            let json = format!("{{\"users\": [{entry}]}}");
            let error = plain(&serde_json::from_str::<UsersFile>(&json).unwrap_err().to_string());
            assert!(!error.contains("483920") && !error.is_empty(), "{entry}: {error}");
        }
        for line in [
            "handle = 483920",
            "483920 = 1",
            "pin = 483920",
            "handle = 'k' 483920",
            "x = '483920",
            "permissions = '483920'",
        ] {
            let error =
                plain(toml::from_str::<UsersFile>(&format!("[[users]]\n{line}\n")).unwrap_err().message());
            assert!(!error.contains("483920") && !error.is_empty(), "{line}: {error}");
        }
    }
}
