//! Authentication: the effects of every operation, exactly once and only for its own tenant.

mod active_record;
mod addresses;
mod audit;
mod audit_log;
mod beginnings;
mod bootstrap;
mod burst;
mod clock;
mod devices;
mod failures;
mod invitations;
mod isolation;
mod load;
mod login;
mod once;
mod original;
mod queue;
mod recording;
mod repeats;
mod second_factor;
mod secrets;
mod session_limit;
mod sessions;
mod sink;
mod standing;
mod typed;
mod users;
mod written;

use std::sync::LazyLock;

use anyhow::Result;
use sea_orm::{ConnectionTrait, DatabaseConnection, Statement, Value};
use watertight::auth::AuthError;
use watertight::auth::{
    AuditFilter, AuthSettings, EncryptionKeys, LoginRequest, NewUser, Password, SecondFactor, SigningKeys,
    TotpSecret, User,
};
use watertight::{TenantConnection, Watertight};
use watertight_tests::{TestDatabase, new_tenant};

pub(crate) const PASSWORD: &str = "correct horse battery staple";

/// Settings with a low hashing cost.
pub(crate) fn settings() -> AuthSettings {
    // Shared, because deriving the key is slow.
    static KEYS: LazyLock<EncryptionKeys> =
        LazyLock::new(|| EncryptionKeys::new(["a passphrase for tests"]).expect("not empty"));
    AuthSettings::default()
        .signing_keys(SigningKeys::new([vec![7; 32]]).expect("long enough"))
        .encryption_keys(KEYS.clone())
        .bcrypt_cost(4)
        // Bursts of guesses.
        .hashing_queue(1_000)
}

/// A database with two tenants.
pub(crate) struct World {
    pub(crate) database: TestDatabase,
    pub(crate) water: Watertight,
    pub(crate) clinic: TenantConnection,
    pub(crate) studio: TenantConnection,
}

impl World {
    pub(crate) async fn new() -> Result<Self> {
        Self::with(settings()).await
    }

    pub(crate) async fn with(settings: AuthSettings) -> Result<Self> {
        let database = TestDatabase::create().await?;
        let water = database.water_with(Watertight::builder().auth(settings)).await?;
        let (clinic, studio) = (water.tenant(new_tenant()?), water.tenant(new_tenant()?));
        Ok(Self { database, water, clinic, studio })
    }

    /// The clinic with a separate pool.
    pub(crate) async fn clinic_elsewhere(&self) -> Result<TenantConnection> {
        let water = self.database.water_with(Watertight::builder().auth(settings())).await?;
        Ok(water.tenant(self.clinic.tenant_id()))
    }

    pub(crate) async fn owner(&self) -> Result<Owner> {
        let connection = self.database.owner().await?;
        Ok(Owner { connection, tenant: self.clinic.tenant_id().to_string() })
    }
}

/// The tables' owner, which works in the clinic because row-level security binds it, too.
pub(crate) struct Owner {
    connection: DatabaseConnection,
    tenant: String,
}

impl Owner {
    /// Runs a statement of the owner, to move times or to write rows as another program would.
    pub(crate) async fn run<const N: usize>(&self, sql: &str, values: [Value; N]) -> Result<u64> {
        use sea_orm::TransactionTrait;
        let transaction = self.connection.begin().await?;
        transaction.execute_unprepared(&format!("SELECT watertight.enter('{}')", self.tenant)).await?;
        let statement = Statement::from_sql_and_values(sea_orm::DbBackend::Postgres, sql, values);
        let changed = transaction.execute_raw(statement).await?.rows_affected();
        transaction.commit().await?;
        Ok(changed)
    }
}

pub(crate) fn password() -> Password {
    Password::new(PASSWORD).expect("a good password")
}

pub(crate) fn new_user(handle: &str) -> NewUser {
    let email = format!("{handle}@example.com");
    NewUser::new(handle.parse().expect("a handle"), email.parse().expect("an email"), password())
}

pub(crate) async fn user(tenant: &TenantConnection, handle: &str) -> Result<User, AuthError> {
    tenant.auth().users().create(new_user(handle)).await
}

pub(crate) fn request(name: &str, password: &str) -> LoginRequest {
    LoginRequest::new(name.parse().expect("a name"), Password::new(password).expect("a password"))
}

pub(crate) fn with_code(name: &str, code: &str) -> LoginRequest {
    LoginRequest { second_factor: Some(SecondFactor::Totp(code.into())), ..request(name, PASSWORD) }
}

/// The types of the tenant's audit events, oldest first.
pub(crate) async fn trail(tenant: &TenantConnection) -> Result<Vec<String>, AuthError> {
    let page = tenant.auth().audit().page(&AuditFilter::default()).await?;
    Ok(page.events.iter().rev().map(|event| event.event_type.to_string()).collect())
}

/// A TOTP code by the database's clock, some steps from the current one.
///
/// Near the end of a step it waits for the next step, so that the code stays valid for some seconds.
pub(crate) async fn code(tenant: &TenantConnection, secret: &TotpSecret, steps: i64) -> Result<String> {
    let select = "SELECT floor(extract(epoch FROM CURRENT_TIMESTAMP))::bigint AS now";
    loop {
        let select = Statement::from_string(sea_orm::DbBackend::Postgres, select);
        let row = tenant.query_one_raw(select).await?.expect("a row");
        let now: i64 = row.try_get("", "now")?;
        if now % 30 < 26 {
            return Ok(secret.code_at(u64::try_from(now + 30 * steps)?)?);
        }
        tokio::time::sleep(std::time::Duration::from_millis(500)).await;
    }
}

/// Enrolls a second factor for a user, and returns the secret and the backup codes.
pub(crate) async fn enroll(tenant: &TenantConnection, handle: &str) -> Result<(TotpSecret, Vec<String>)> {
    let auth = tenant.auth();
    let login = auth.login(request(handle, PASSWORD)).await?;
    let enrollment = auth.totp().enroll(login.session.id).await?;
    // The code of the previous step, so that the current code stays unused.
    let confirming = code(tenant, enrollment.secret(), -1).await?;
    let codes = auth.totp().confirm(login.session.id, &confirming).await?;
    Ok((enrollment.secret().clone(), codes.expose_secrets().map(str::to_owned).collect()))
}
