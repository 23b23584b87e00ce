//! A server that is given by URLs.

use sea_orm::{ConnectionTrait, Database};
use sha2::{Digest, Sha256};
use url::Url;

use super::{APP, MAINTENANCE, OWNER, SUPERUSER, Urls};
use crate::TestError;
use crate::database::run;

/// The names of the roles that the kit creates. `watertight_app` is the default of the migrations.
pub(super) const OWNER_ROLE: &str = "watertight_owner";
pub(super) const APP_ROLE: &str = "watertight_app";

pub(super) async fn from_env() -> Result<Urls, TestError> {
    let (maintenance, superuser) = (variable(MAINTENANCE)?, variable(SUPERUSER)?);
    let (owner, app) = match (variable(OWNER)?, variable(APP)?, &superuser) {
        (Some(owner), Some(app), _) => (owner, app),
        (None, None, Some(superuser)) => {
            let owner = role(superuser, OWNER_ROLE, "CREATEDB").await?;
            (owner, role(superuser, APP_ROLE, "NOCREATEDB").await?)
        }
        (None, ..) => return Err(TestError::VariableMissing { variable: OWNER }),
        (_, None, _) => return Err(TestError::VariableMissing { variable: APP }),
    };
    Ok(Urls { owner, app, maintenance, superuser })
}

fn variable(name: &'static str) -> Result<Option<Url>, TestError> {
    match std::env::var(name) {
        Ok(text) => url(name, &text).map(Some),
        Err(std::env::VarError::NotPresent) => Ok(None),
        Err(error) => Err(TestError::MalformedUrl { variable: name, reason: error.to_string() }),
    }
}

/// Reads the URL of a database.
pub(super) fn url(variable: &'static str, text: &str) -> Result<Url, TestError> {
    let malformed = |reason: String| TestError::MalformedUrl { variable, reason };
    let url = Url::parse(text).map_err(|error| malformed(error.to_string()))?;
    if !matches!(url.scheme(), "postgres" | "postgresql") {
        return Err(malformed(format!("its scheme is {}", url.scheme())));
    }
    if url.username().is_empty() {
        return Err(malformed("it names no role".to_owned()));
    }
    Ok(url)
}

/// Creates a role unless it exists, and returns the URL with which it connects.
async fn role(superuser: &Url, name: &str, right: &str) -> Result<Url, TestError> {
    let password = password(superuser, name);
    // Another process can create the role at the same time.
    let sql = format!(
        "DO $$ BEGIN CREATE ROLE {name} LOGIN NOSUPERUSER NOCREATEROLE NOBYPASSRLS {right} PASSWORD '{password}'; \
         EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL; END $$"
    );
    run(superuser, &sql).await?;
    let mut url = superuser.clone();
    let set = url.set_username(name).and_then(|()| url.set_password(Some(&password)));
    set.map_err(|()| TestError::MalformedUrl { variable: SUPERUSER, reason: "it has no host".to_owned() })?;
    let exists = || TestError::RoleExists { role: name.to_owned() };
    let connection = Database::connect(url.as_str()).await.map_err(|_| exists())?;
    let answers = connection.execute_unprepared("SELECT").await;
    connection.close().await.map_err(TestError::database("the end of the connection"))?;
    answers.map_err(|_| exists())?;
    Ok(url)
}

/// The password of a role, which only a process with the superuser's password can compute.
fn password(superuser: &Url, role: &str) -> String {
    let secret = superuser.password().unwrap_or_default();
    let parts = ["watertight-testing", role, secret];
    let digest = parts.iter().fold(Sha256::new(), |digest, part| digest.chain_update(part).chain_update([0]));
    hex::encode(digest.finalize())
}
