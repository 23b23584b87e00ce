//! Databases on a Citus cluster, for the tests that need one.
//!
//! `CITUS_URLS` lists its machines, separated by commas: the coordinator, and then the workers, each as a
//! superuser, in a database without the extension. The machines trust one another and the test program
//! without a password.

use anyhow::{Context, Result, ensure};
use sea_orm::{ConnectionTrait, Database};
use tokio::sync::OnceCell;
use url::Url;
use watertight_testing::TestServer;

/// The variable that names the machines.
const CITUS_URLS: &str = "CITUS_URLS";

/// The roles, which all databases of a machine share.
const ROLES: &str = "DO $$ BEGIN
    IF to_regrole('watertight_app') IS NULL THEN CREATE ROLE watertight_app LOGIN; END IF;
    IF to_regrole('watertight_owner') IS NULL THEN CREATE ROLE watertight_owner LOGIN CREATEDB; END IF;
    IF to_regrole('watertight_maintenance') IS NULL THEN
        CREATE ROLE watertight_maintenance LOGIN BYPASSRLS IN ROLE watertight_owner;
    END IF;
END $$";

/// The machines of a cluster, the coordinator first, each by the URL of a superuser.
#[derive(Debug, Clone)]
pub(crate) struct Machines(Vec<Url>);

impl Machines {
    pub(crate) async fn from_env() -> Result<(Self, TestServer)> {
        static ROLES_ARE_THERE: OnceCell<()> = OnceCell::const_new();
        let urls = std::env::var(CITUS_URLS)
            .with_context(|| format!("{CITUS_URLS} is not set; it names the machines of a cluster"))?;
        let machines: Vec<Url> = urls.split(',').map(Url::parse).collect::<Result<_, _>>()?;
        ensure!(machines.len() > 1, "{CITUS_URLS} names no worker");
        ROLES_ARE_THERE
            .get_or_try_init(|| async {
                for machine in &machines {
                    run(machine.as_str(), ROLES).await?;
                }
                anyhow::Ok(())
            })
            .await?;
        let coordinator = machines.first().context("a coordinator")?;
        let role = |name: &str| as_role(coordinator, name).map(String::from);
        let server = TestServer::at(&role("watertight_owner")?, &role("watertight_app")?)?
            .and_privileged(&role("watertight_maintenance")?, coordinator.as_str())?;
        Ok((Self(machines), server))
    }

    /// Creates a database on each machine, and joins the databases to a cluster.
    pub(crate) async fn create_database(&self, name: &str) -> Result<()> {
        for machine in &self.0 {
            run(machine.as_str(), &format!(r#"CREATE DATABASE "{name}" OWNER watertight_owner"#)).await?;
            run(&with_database(machine, name), "CREATE EXTENSION citus").await?;
        }
        let (coordinator, workers) = self.0.split_first().context("a coordinator")?;
        let place = |machine: &Url| {
            let host = machine.host_str().unwrap_or("localhost").to_owned();
            format!("'{host}', {}", machine.port().unwrap_or(5432))
        };
        let connection = Database::connect(with_database(coordinator, name)).await?;
        let coordinates = format!("SELECT citus_set_coordinator_host({})", place(coordinator));
        connection.execute_unprepared(&coordinates).await?;
        for worker in workers {
            connection.execute_unprepared(&format!("SELECT citus_add_node({})", place(worker))).await?;
        }
        connection.close().await?;
        Ok(())
    }

    /// The URL of a database on each worker, as a role.
    pub(crate) fn workers(&self, name: &str, role: &str) -> Result<Vec<String>> {
        let url = |machine: &Url| Ok(with_database(&as_role(machine, role)?, name));
        self.0.iter().skip(1).map(url).collect()
    }

    pub(crate) async fn drop_database(&self, name: &str) -> Result<()> {
        for machine in &self.0 {
            run(machine.as_str(), &format!(r#"DROP DATABASE IF EXISTS "{name}" WITH (FORCE)"#)).await?;
        }
        Ok(())
    }
}

/// Runs one statement outside a transaction.
async fn run(url: &str, sql: &str) -> Result<()> {
    let connection = Database::connect(url).await?;
    let done = connection.execute_unprepared(sql).await.with_context(|| sql.to_owned());
    connection.close().await?;
    done.map(drop)
}

fn with_database(machine: &Url, name: &str) -> String {
    let mut url = machine.clone();
    url.set_path(name);
    url.into()
}

/// A machine's URL for another role, which has no password.
fn as_role(machine: &Url, role: &str) -> Result<Url> {
    let mut url = machine.clone();
    let set = url.set_username(role).and_then(|()| url.set_password(None));
    set.map_err(|()| anyhow::anyhow!("{CITUS_URLS} has a URL without a host"))?;
    Ok(url)
}
