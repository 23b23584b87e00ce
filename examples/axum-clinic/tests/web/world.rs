//! A clinic and a studio, served on a port.

use std::net::SocketAddr;
use std::sync::LazyLock;

use anyhow::{Context, Result};
use axum::Router;
use sea_orm::{DbBackend, Statement};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use watertight::auth::{AuthSettings, EncryptionKeys, SigningKeys, TotpSecret};
use watertight::web::Tenancy;
use watertight::{TenantConnection, Watertight};
use watertight_axum_clinic::{demo, router};
use watertight_tests::TestDatabase;

use crate::visitor::Visitor;

pub(crate) const CLINIC: &str = "clinic.localhost";
pub(crate) const STUDIO: &str = "studio.localhost";
/// The handle and the PIN of the owner of both businesses.
pub(crate) const OWNER: (&str, &str) = ("jess", "428913");
/// The handle and the PIN of an employee of the clinic.
pub(crate) const VIEWER: (&str, &str) = ("frontdesk", "316648");

pub(crate) struct World {
    pub(crate) water: Watertight,
    pub(crate) clinic: TenantConnection,
    pub(crate) studio: TenantConnection,
    pub(crate) served: Served,
    database: TestDatabase,
}

/// A router on a port, served until the value is dropped.
pub(crate) struct Served {
    pub(crate) address: SocketAddr,
    task: JoinHandle<()>,
}

impl Served {
    pub(crate) async fn new(router: Router) -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let service = router.into_make_service_with_connect_info::<SocketAddr>();
        let task = tokio::spawn(async move { axum::serve(listener, service).await.expect("it serves") });
        Ok(Self { address, task })
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Settings with a low hashing cost.
pub(crate) fn settings() -> AuthSettings {
    // Shared, because deriving the key is slow.
    static KEYS: LazyLock<EncryptionKeys> =
        LazyLock::new(|| EncryptionKeys::new(["a passphrase for tests"]).expect("not empty"));
    AuthSettings::default()
        .signing_keys(SigningKeys::new([vec![7; 32]]).expect("long enough"))
        .encryption_keys(KEYS.clone())
        .issuer("axum-clinic")
        .bcrypt_cost(4)
}

impl World {
    pub(crate) async fn open() -> Result<Self> {
        Self::with(settings()).await
    }

    pub(crate) async fn with(settings: AuthSettings) -> Result<Self> {
        let database = TestDatabase::create().await?;
        let water = database.water_with(Watertight::builder().auth(settings)).await?;
        let [clinic, studio] = demo::businesses()?;
        let hosts = [(clinic.host(), clinic.tenant()?), (studio.host(), studio.tenant()?)];
        let (at_clinic, at_studio) = (water.tenant(clinic.tenant()?), water.tenant(studio.tenant()?));
        clinic.open(&at_clinic).await?;
        studio.open(&at_studio).await?;
        let served = Served::new(router(Tenancy::by_host(water.clone(), hosts)?)).await?;
        Ok(Self { water, clinic: at_clinic, studio: at_studio, served, database })
    }

    /// The URL of the database for the application's role.
    pub(crate) fn app_url(&self) -> String {
        self.database.app_url()
    }

    /// Books the clients of both businesses.
    pub(crate) async fn fill_today(&self) -> Result<()> {
        let [clinic, studio] = demo::businesses()?;
        clinic.fill_today(&self.clinic).await?;
        Ok(studio.fill_today(&self.studio).await?)
    }

    pub(crate) fn visitor(&self, host: &str) -> Visitor {
        Visitor::new(host, self.served.address)
    }

    /// A visitor who has logged in.
    pub(crate) async fn known(&self, host: &str, who: (&str, &str)) -> Result<Visitor> {
        let visitor = self.visitor(host);
        let answer = visitor.log_in(who).await?;
        anyhow::ensure!(answer.status == 303, "{answer:?}");
        Ok(visitor)
    }
}

/// A TOTP code by the database's clock, some steps from the current one.
///
/// Near the end of a step it waits for the next step, so that the code stays valid for some seconds.
pub(crate) async fn code(tenant: &TenantConnection, secret: &TotpSecret, steps: i64) -> Result<String> {
    let select = "SELECT floor(extract(epoch FROM CURRENT_TIMESTAMP))::bigint AS now";
    loop {
        let select = Statement::from_string(DbBackend::Postgres, select);
        let now: i64 = tenant.query_one_raw(select).await?.context("a row")?.try_get("", "now")?;
        if now % 30 < 22 {
            return Ok(secret.code_at(u64::try_from(now + 30 * steps)?)?);
        }
        tokio::time::sleep(std::time::Duration::from_millis(500)).await;
    }
}
