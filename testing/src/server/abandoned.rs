//! The databases of processes that were killed before they could drop them.
//!
//! Each process holds an advisory lock with its number, which is part of the names of its databases. A number
//! whose lock is free belongs to a process that has ended.

use std::collections::BTreeMap;
use std::sync::mpsc;

use sea_orm::{
    ConnectOptions, ConnectionTrait, Database, DatabaseConnection, DbErr, Statement, TransactionTrait,
};
use tokio::sync::oneshot;
use url::Url;

use crate::TestError;
use crate::database::{PREFIX, PROCESS, drop_database};

/// The first half of the keys of the locks.
const LOCKS: i32 = 0x7774_6b69;

/// The lock of this process, which a thread of its own holds, since the runtimes of tests end with each test.
#[derive(Debug)]
pub(super) struct Presence {
    /// The thread ends when this end of the channel is dropped.
    _ends: mpsc::Sender<()>,
}

impl Presence {
    /// Takes the lock, and drops the databases of processes that have ended.
    pub(super) async fn announce(owner: &Url) -> Result<Self, TestError> {
        let (sender, ends) = mpsc::channel();
        let (answer, taken) = oneshot::channel();
        let url = owner.clone();
        std::thread::spawn(move || hold(&url, answer, &ends));
        let ended = || DbErr::Custom("the thread of the lock has ended".to_owned());
        let taken = taken.await.unwrap_or_else(|_| Err(ended()));
        taken.map_err(TestError::database("the lock that protects the databases of this process"))?;
        let abandoned = abandoned(owner).await;
        for name in abandoned.map_err(TestError::database("the search for databases of ended processes"))? {
            drop_database(owner, &name).await?;
        }
        Ok(Self { _ends: sender })
    }
}

fn hold(owner: &Url, answer: oneshot::Sender<Result<(), DbErr>>, ends: &mpsc::Receiver<()>) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let Ok(runtime) = runtime else { return };
    let taken = runtime.block_on(async {
        let connection = one_connection(owner).await?;
        let transaction = connection.begin().await?;
        transaction.execute_unprepared("SET LOCAL idle_in_transaction_session_timeout = 0").await?;
        let process = PROCESS.cast_signed();
        transaction
            .execute_unprepared(&format!("SELECT pg_advisory_xact_lock_shared({LOCKS}, {process})"))
            .await?;
        Ok(transaction)
    });
    match taken {
        Err(error) => drop(answer.send(Err(error))),
        Ok(transaction) => {
            answer.send(Ok(())).ok();
            // The sender never sends: the call returns when the sender is dropped.
            ends.recv().ok();
            runtime.block_on(transaction.rollback()).ok();
        }
    }
}

async fn one_connection(owner: &Url) -> Result<DatabaseConnection, DbErr> {
    let mut options = ConnectOptions::new(owner.as_str());
    options.max_connections(1).sqlx_logging(false);
    Database::connect(options).await
}

/// The names of the databases of ended processes that this role owns.
async fn abandoned(owner: &Url) -> Result<Vec<String>, DbErr> {
    let connection = one_connection(owner).await?;
    let backend = connection.get_database_backend();
    let sql = "SELECT datname::text FROM pg_database WHERE pg_get_userbyid(datdba) = current_user";
    let rows = connection.query_all_raw(Statement::from_string(backend, sql)).await?;
    let mut by_process: BTreeMap<u32, Vec<String>> = BTreeMap::new();
    for row in rows {
        let name: String = row.try_get_by_index(0)?;
        if let Some(process) = process_of(&name) {
            by_process.entry(process).or_default().push(name);
        }
    }
    let mut abandoned = Vec::new();
    for (process, names) in by_process {
        // Outside a transaction, the lock is released at once.
        let sql = format!("SELECT pg_try_advisory_xact_lock({LOCKS}, {})", process.cast_signed());
        let row = connection.query_one_raw(Statement::from_string(backend, sql)).await?;
        let is_free = row.is_some_and(|row| row.try_get_by_index(0).unwrap_or(false));
        if is_free && process != *PROCESS {
            abandoned.extend(names);
        }
    }
    connection.close().await?;
    Ok(abandoned)
}

/// The number of the process in the name of a database.
fn process_of(name: &str) -> Option<u32> {
    let (process, number) = name.strip_prefix(PREFIX)?.split_once('_')?;
    let is_ours = process.len() == 8 && !number.is_empty() && number.bytes().all(|b| b.is_ascii_digit());
    u32::from_str_radix(process, 16).ok().filter(|_| is_ours)
}

#[cfg(test)]
mod tests {
    use super::process_of;

    #[test]
    fn only_names_that_the_kit_gives_have_a_process() {
        assert_eq!(process_of("watertight_test_00000fff_12"), Some(0xfff));
        for other in
            ["watertight_test_123_4", "watertight_test_00000fff_", "watertight_test_00000fff_x", "shop"]
        {
            assert_eq!(process_of(other), None, "{other}");
        }
    }
}
