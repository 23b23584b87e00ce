use clap::Subcommand;
use secrecy::ExposeSecret;
use serde::Serialize;
use watertight_migration::tenant_keys::{self, TenantKeysError};
use watertight_migration::{TenantKey, TenantKeyError};

use crate::database::{Connector, Role};
use crate::failure::Failure;
use crate::outcome::Outcome;
use crate::prompts;

/// Creates and rotates the keys that sign tenants, as the owner of the tables.
///
/// An application signs the tenant of each statement with the key in WATERTIGHT_TENANT_KEY, and row-level
/// security verifies the signature with the keys that the database has. To rotate the key: run
/// `keys new --id 2`, install the key with `keys add`, deploy every application with the new key first, and
/// run `keys retire 1`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Clone, Copy, Subcommand)]
enum Command {
    /// Prints a new random key in the form of WATERTIGHT_TENANT_KEY. It needs no database.
    New {
        /// The key's number, from 1 to 32767, unique in a database.
        #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(i16).range(1..))]
        id: i16,
    },
    /// Adds the keys in WATERTIGHT_TENANT_KEY to the database. Without the variable the command asks for a key at the
    /// terminal, or reads one from standard input.
    Add,
    /// Lists the numbers of the database's keys and the times at which they were added, and prints whether the
    /// database verifies tenants.
    List,
    /// Removes a key from the database, which then rejects tenants that the key signs.
    Retire {
        /// The key's number.
        id: i16,
    },
    /// Makes the database accept any tenant that a session names, without a signature: for a Citus cluster.
    Waive,
    /// Makes the database verify tenants again.
    Require,
}

#[derive(Debug, Serialize)]
struct Added {
    id: i16,
    added: bool,
}

pub(crate) async fn run(connector: Connector, args: Args) -> Result<Outcome, Failure> {
    if let Command::New { id } = args.command {
        return new(id);
    }
    let keys = if matches!(args.command, Command::Add) { given().await? } else { Vec::new() };
    let owner = connector.connect(Role::Owner).await?;
    match args.command {
        Command::New { id } => new(id),
        Command::Add => {
            let mut done = Vec::new();
            for key in keys {
                done.push(Added { id: key.id(), added: tenant_keys::add(&owner, &key).await? });
            }
            let line = |key: &Added| {
                let what = if key.added { "is added" } else { "was already there" };
                format!("tenant key {} {what}", key.id)
            };
            let text: Vec<String> = done.iter().map(line).collect();
            Outcome::new(text.join("\n"), &serde_json::json!({ "keys": done }))
        }
        Command::List => {
            let (keys, signed) = (tenant_keys::list(&owner).await?, tenant_keys::is_signed(&owner).await?);
            let mut text: Vec<String> =
                keys.iter().map(|key| format!("{:>5}  since {}", key.id, key.created_at)).collect();
            text.push(mode(signed).to_owned());
            Outcome::new(text.join("\n"), &serde_json::json!({ "keys": keys, "signed": signed }))
        }
        Command::Retire { id } => {
            tenant_keys::retire(&owner, id).await?;
            Outcome::new(format!("tenant key {id} is retired"), &serde_json::json!({ "retired": id }))
        }
        Command::Waive => {
            tenant_keys::waive(&owner).await?;
            Outcome::new(mode(false), &serde_json::json!({ "signed": false }))
        }
        Command::Require => {
            tenant_keys::require(&owner).await?;
            Outcome::new(mode(true), &serde_json::json!({ "signed": true }))
        }
    }
}

const fn mode(signed: bool) -> &'static str {
    if signed {
        "tenants are verified"
    } else {
        "tenants are not verified: any SQL can set any tenant for row-level security"
    }
}

fn new(id: i16) -> Result<Outcome, Failure> {
    let mut secret = zeroize::Zeroizing::new([0; 32]);
    getrandom::fill(&mut *secret).map_err(|error| {
        Failure::Refused(format!("the operating system returned no random bytes: {error}"))
    })?;
    let key = format!("{id}:{}", hex::encode(*secret));
    let json = serde_json::json!({ "id": id, "key": &key });
    Outcome::new(key, &json)
}

/// The keys in the environment, or keys that are typed or piped in. Every user of the machine could see an
/// argument.
async fn given() -> Result<Vec<TenantKey>, Failure> {
    let keys = TenantKey::from_env()?;
    if !keys.is_empty() {
        return Ok(keys);
    }
    let text = if prompts::is_at_terminal() {
        prompts::secret("Tenant key (ID:SECRET): ".to_owned()).await?
    } else {
        prompts::piped_secret().await?
    };
    if text.expose_secret().trim().is_empty() {
        let variable = TenantKey::VARIABLE;
        return Err(Failure::Usage(format!(
            "there is no tenant key to add; set {variable} to a key, or pipe a key in: watertight keys new | \
             watertight keys add"
        )));
    }
    Ok(TenantKey::parse_list(text.expose_secret())?)
}

impl From<TenantKeyError> for Failure {
    fn from(error: TenantKeyError) -> Self {
        Self::Usage(error.to_string())
    }
}

impl From<TenantKeysError> for Failure {
    fn from(error: TenantKeysError) -> Self {
        let text = error.to_string();
        match error {
            TenantKeysError::Database(_) => Self::Database(text),
            _ => Self::Refused(text),
        }
    }
}
