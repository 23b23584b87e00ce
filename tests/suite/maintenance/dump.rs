//! The rows of a database as PostgreSQL's own tools write them. Exports and imports use neither of them.

use std::collections::BTreeMap;

use anyhow::{Context, Result, ensure};
use futures_util::TryStreamExt;
use sea_orm::DatabaseConnection;
use watertight_tests::TestDatabase;

use super::texts;

/// The rows of each table and partition in the text format of COPY, sorted.
pub(super) async fn copied(database: &TestDatabase) -> Result<BTreeMap<String, Vec<String>>> {
    let superuser = database.superuser().await?;
    let tables = "SELECT format('%I.%I', n.nspname, c.relname) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace \
                  WHERE c.relkind = 'r' AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'";
    let mut rows = BTreeMap::new();
    for table in texts(&superuser, tables).await? {
        rows.insert(table.clone(), copy(&superuser, &table).await?);
    }
    superuser.close().await?;
    Ok(rows)
}

async fn copy(db: &DatabaseConnection, table: &str) -> Result<Vec<String>> {
    let mut connection = db.get_postgres_connection_pool().acquire().await?;
    // A generated column is part of the rows, so the table itself cannot be copied.
    let sql = format!("COPY (SELECT * FROM ONLY {table}) TO STDOUT");
    let bytes: Vec<u8> = connection
        .copy_out_raw(&sql)
        .await
        .with_context(|| sql.clone())?
        .try_fold(Vec::new(), |mut all, chunk| async move {
            all.extend_from_slice(&chunk);
            Ok(all)
        })
        .await?;
    let mut lines: Vec<String> = String::from_utf8(bytes)?.lines().map(str::to_owned).collect();
    lines.sort_unstable();
    Ok(lines)
}

/// The rows and the positions of sequences as `pg_dump` writes them, sorted.
///
/// `cargo xtask test --server` names the `pg_dump` of its server in `WATERTIGHT_PG_DUMP`, and it must work. Otherwise a
/// `pg_dump` in the path is used if it reads this server; `None` without it.
pub(super) async fn dumped(database: &TestDatabase) -> Result<Option<Vec<String>>> {
    let named = std::env::var_os("WATERTIGHT_PG_DUMP");
    if named.is_none() && !reads_server(database).await? {
        eprintln!("no pg_dump for this server: only COPY is compared");
        return Ok(None);
    }
    let dump = std::process::Command::new(named.unwrap_or_else(|| "pg_dump".into()))
        .args(["--data-only", "--dbname", &database.superuser_url()?])
        .output()?;
    ensure!(dump.status.success(), "{}", String::from_utf8_lossy(&dump.stderr));
    let text = String::from_utf8(dump.stdout)?;
    // A dump has a random key in its `\restrict`.
    let lines =
        text.lines().filter(|line| !line.starts_with("\\restrict") && !line.starts_with("\\unrestrict"));
    let mut lines: Vec<String> = lines.map(str::to_owned).collect();
    lines.sort_unstable();
    Ok(Some(lines))
}

/// Whether the `pg_dump` in the path is as new as the server.
pub(crate) async fn reads_server(database: &TestDatabase) -> Result<bool> {
    let superuser = database.superuser().await?;
    let version =
        texts(&superuser, "SELECT (current_setting('server_version_num')::int / 10000)::text").await?;
    superuser.close().await?;
    let server: u32 = version.first().context("a version")?.parse()?;
    let Ok(output) = std::process::Command::new("pg_dump").arg("--version").output() else {
        return Ok(false);
    };
    let text = String::from_utf8(output.stdout)?;
    let program = text.split_whitespace().find_map(|word| word.split('.').next()?.parse::<u32>().ok());
    Ok(program.is_some_and(|program| program >= server))
}
