//! Backups of the database as the guide describes them.

use std::process::{Command, Output};

use anyhow::{Context, Result, ensure};
use sea_orm::ConnectionTrait;
use watertight_tests::TestDatabase;

use super::{filled, number};

/// A program of the server's version: the one of `WATERTIGHT_PG_DUMP`'s folder, or of the path.
fn program(name: &str) -> Command {
    let folder = std::env::var_os("WATERTIGHT_PG_DUMP").map(std::path::PathBuf::from);
    let beside = folder.and_then(|dump| Some(dump.parent()?.join(name)));
    Command::new(beside.unwrap_or_else(|| name.into()))
}

fn run(command: &mut Command) -> Result<Output> {
    command.output().with_context(|| format!("{command:?}"))
}

#[tokio::test]
async fn a_dump_of_the_role_for_maintenance_is_restored_and_one_of_the_owner_fails() -> Result<()> {
    let (database, owner) = filled().await?;
    if std::env::var_os("WATERTIGHT_PG_DUMP").is_none()
        && !crate::maintenance::dump::reads_server(&database).await?
    {
        eprintln!("no pg_dump for this server");
        return Ok(());
    }
    let dump = |url: &str, more: &[&str]| run(program("pg_dump").args(more).args(["--dbname", url]));
    for more in [&[][..], &["--enable-row-security"]] {
        let failed = dump(&database.owner_url(), more)?;
        assert!(!failed.status.success(), "{more:?}: {}", String::from_utf8_lossy(&failed.stderr));
    }
    let file = tempfile::NamedTempFile::new()?;
    let path = file.path().to_str().context("a path")?;
    let dumped = dump(&database.maintenance_url()?, &["--format", "custom", "--file", path])?;
    ensure!(dumped.status.success(), "{}", String::from_utf8_lossy(&dumped.stderr));

    let restored = TestDatabase::empty().await?;
    let mut restore = program("pg_restore");
    restore.args(["--exit-on-error", "--single-transaction", "--dbname", &restored.superuser_url()?, path]);
    let done = run(&mut restore)?;
    ensure!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    assert_eq!(number(&restored.maintenance().await?, "SELECT count(*) FROM clients").await?, 4);
    // The policies and the functions are those of the dumped database.
    restored.water().await?;
    assert!(restored.owner().await?.execute_unprepared("DELETE FROM clients").await.is_err());
    drop(owner);
    Ok(())
}
