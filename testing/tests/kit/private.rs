//! Private servers of an installed PostgreSQL, if there is one.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use sea_orm::{ConnectionTrait, Statement};
use watertight_testing::{PrivateServer, TestDatabase, TestError, TestServer};

/// The variable that tells this program to start a server and to be killed.
const VICTIM: &str = "WATERTIGHT_TESTING_VICTIM";

/// A server, or `None` without an installation. CI installs one.
async fn start() -> Result<Option<TestServer>> {
    match PrivateServer::builder().app_role("kit_app").owner_role("kit owner").start().await {
        Ok(server) => Ok(Some(server)),
        Err(error @ TestError::NoInstallation { .. }) if std::env::var_os("CI").is_none() => {
            println!("{error}");
            Ok(None)
        }
        Err(error) => Err(error.into()),
    }
}

/// The directory of a server's socket.
fn folder(database: &TestDatabase) -> Result<PathBuf> {
    let url = database.app_url();
    Ok(PathBuf::from(url.split_once("host=").context("a socket")?.1))
}

#[tokio::test]
async fn a_private_server_has_the_roles_and_ends_with_its_value() -> Result<()> {
    let Some(server) = start().await? else { return Ok(()) };
    assert_eq!(server.app_role(), "kit_app");
    let database = TestDatabase::empty(&server).await?;
    let owner = database.owner().await?;
    let sql = "SELECT string_agg(format('%s %s %s %s', rolname, rolsuper, rolbypassrls, rolcreatedb), ', ' ORDER BY rolname) \
               FROM pg_roles WHERE rolname LIKE 'kit%'";
    let row = owner.query_one_raw(Statement::from_string(owner.get_database_backend(), sql)).await?;
    let roles: String = row.context("a row")?.try_get_by_index(0)?;
    assert_eq!(roles, "kit owner f f t, kit_app f f f");
    owner.close().await?;
    let folder = folder(&database)?;
    assert!(folder.join("data").is_dir());
    drop((database, server));
    assert!(!folder.exists(), "{} is left", folder.display());
    Ok(())
}

/// Not a test of its own: it runs in a process that `a_killed_process_leaves_no_server` kills.
#[tokio::test]
async fn victim() -> Result<()> {
    let Some(file) = std::env::var_os(VICTIM) else { return Ok(()) };
    let server = start().await?.context("a server")?;
    let database = TestDatabase::empty(&server).await?;
    std::fs::write(file, folder(&database)?.to_str().context("a path")?)?;
    tokio::time::sleep(Duration::from_mins(1)).await;
    Ok(())
}

#[tokio::test]
async fn a_killed_process_leaves_no_server() -> Result<()> {
    if start().await?.is_none() {
        return Ok(());
    }
    let scratch = tempfile::tempdir()?;
    let file = scratch.path().join("folder");
    let mut victim = Command::new(std::env::current_exe()?)
        .args(["--exact", "private::victim"])
        .env(VICTIM, &file)
        .stdout(Stdio::null())
        .spawn()?;
    let folder = wait_for(|| std::fs::read_to_string(&file).ok().filter(|text| !text.is_empty())).await;
    let folder = PathBuf::from(folder.context("the other process started no server")?);
    assert!(folder.join("data/postmaster.pid").is_file());
    victim.kill()?;
    victim.wait()?;
    let gone = wait_for(|| (!folder.exists()).then_some(())).await;
    assert!(gone.is_some(), "{} is left", folder.display());
    Ok(())
}

/// The variable that tells this program that the environment names a superuser alone.
const SUPERUSER_ALONE: &str = "WATERTIGHT_TESTING_SUPERUSER_ALONE";

/// Not a test of its own: it runs in a process whose environment names a superuser alone.
#[tokio::test]
async fn with_a_superuser_alone() -> Result<()> {
    if std::env::var_os(SUPERUSER_ALONE).is_none() {
        return Ok(());
    }
    // A second process finds the roles of the first.
    for _ in 0..2 {
        let server = TestServer::from_env().await?;
        assert_eq!((server.owner_role(), server.app_role()), ("watertight_owner", "watertight_app"));
        let database = TestDatabase::empty(&server).await?;
        let app = sea_orm::Database::connect(database.app_url()).await?;
        let sql = "SELECT rolsuper OR rolbypassrls OR rolcreatedb FROM pg_roles WHERE rolname = current_user";
        let row = app.query_one_raw(Statement::from_string(app.get_database_backend(), sql)).await?;
        assert!(
            !row.context("a row")?.try_get_by_index::<bool>(0)?,
            "the application's role has too many rights"
        );
        app.close().await?;
    }
    println!("the roles are there");
    Ok(())
}

#[tokio::test]
async fn the_roles_are_created_by_a_superuser() -> Result<()> {
    let Some(server) = start().await? else { return Ok(()) };
    let database = TestDatabase::empty(&server).await?;
    let output = Command::new(std::env::current_exe()?)
        .args(["--exact", "private::with_a_superuser_alone", "--nocapture"])
        .env_remove("DATABASE_URL")
        .env_remove("DATABASE_OWNER_URL")
        .env("DATABASE_SUPERUSER_URL", database.superuser_url()?)
        .env(SUPERUSER_ALONE, "1")
        .output()?;
    let printed = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && printed.contains("the roles are there"), "{printed}");
    Ok(())
}

async fn wait_for<T>(ready: impl Fn() -> Option<T>) -> Option<T> {
    let started = Instant::now();
    while started.elapsed() < Duration::from_secs(30) {
        if let Some(value) = ready() {
            return Some(value);
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    None
}

#[tokio::test]
async fn a_folder_without_an_installation_is_refused() {
    let started = PrivateServer::builder().installation(Path::new("/usr/share")).start().await;
    let error = started.map(drop).unwrap_err();
    assert!(matches!(&error, TestError::NoInstallation { folders } if folders.len() == 2), "{error}");
}
