//! Migrations under a running application: connections that know an older schema are replaced.

use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use futures_util::TryStreamExt;
use futures_util::future::{join_all, try_join_all};
use sea_orm::{
    ActiveModelTrait, ConnectOptions, ConnectionTrait, DatabaseConnection, DbBackend, DbErr, Statement,
};
use watertight::auth::{NewInvitation, Role, SessionMetadata};
use watertight::scheduling::{Hold, NewBooking, SlotQuery};
use watertight::{Error, Watertight};
use watertight_tests::{TestDatabase, new_tenant};

use crate::auth::{PASSWORD, World, request, user};
use crate::business::tables;
use crate::rows;
use crate::scheduling::{Shop, client, hours};
use crate::source::source_files;

/// A sign-in, a look at the calendar, a hold, and a booking that is cancelled, with every statement that returns rows.
async fn workload(shop: &Shop, day: i64) -> Result<(), Error> {
    let (auth, scheduling) = (shop.tenant.auth(), shop.tenant.scheduling());
    let login = auth.login(request("jess", PASSWORD)).await?;
    auth.authenticate(login.token.expose_secret()).await?;
    auth.sessions().renew(login.session.id).await?;
    auth.sessions().create(login.user.id, &SessionMetadata::default()).await?;
    let invited = NewInvitation::new("kai@example.com".parse()?, Role::Editor, login.user.id);
    let invitation = auth.invitations().create(invited).await?;
    auth.invitations().find_by_token(invitation.token.expose_secret()).await?;
    auth.users().all().await?;
    scheduling.save_client(&client("ann")).await?;
    let new = shop.booking("10:00");
    let start = new.start + hours(24 * day);
    let date = start.date_naive();
    scheduling.free_slots(&SlotQuery::new(new.service, date, date)).await?;
    let hold = scheduling.hold(&Hold::new(new.service, new.practitioner, start)).await?;
    scheduling.release_hold(hold.id).await?;
    let booking = scheduling.book(&NewBooking { start, ..new }).await?;
    scheduling.cancel(booking.id, "moved").await?;
    shop.tenant.content().get_hours().await?;
    Ok(())
}

async fn open(world: &World) -> Result<Shop> {
    user(&world.clinic, "jess").await?;
    Shop::open(world.clinic.clone(), &["maya"]).await
}

/// Runs the workload several times at once, so that the connections of the pool have prepared its statements.
async fn warm(shop: &Shop) -> Result<(), Error> {
    try_join_all((0..4).map(|day| workload(shop, day))).await.map(drop)
}

/// Changes every table. A change that waited for its lock would make requests wait behind it, which can end in a
/// deadlock, so it tries again instead.
async fn migrate(owner: &DatabaseConnection, change: &str) -> Result<()> {
    for table in tables() {
        let alter =
            format!("LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE NOWAIT; ALTER TABLE {table} {change}");
        // One message is one transaction.
        while let Err(error) = owner.execute_unprepared(&alter).await {
            ensure!(error.to_string().contains("could not obtain lock"), "{alter}: {error}");
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }
    Ok(())
}

#[tokio::test]
async fn operations_continue_on_warm_connections_when_columns_come_and_go() -> Result<()> {
    let world = World::new().await?;
    let (shop, owner) = (open(&world).await?, world.database.owner().await?);
    warm(&shop).await?;
    migrate(&owner, "ADD COLUMN note text").await?;
    warm(&shop).await?;
    migrate(&owner, "RENAME COLUMN note TO remark").await?;
    warm(&shop).await?;
    migrate(&owner, "DROP COLUMN remark").await?;
    warm(&shop).await?;
    Ok(())
}

const EVERYTHING: &str = "SELECT * FROM services";

/// The columns of the table as the connection reads them.
async fn columns(db: &impl ConnectionTrait) -> Result<usize, DbErr> {
    let row = db.query_one_raw(Statement::from_string(DbBackend::Postgres, EVERYTHING)).await?;
    Ok(row.map_or(0, |row| row.column_names().len()))
}

#[tokio::test]
async fn a_statement_of_the_application_is_sent_once_more() -> Result<()> {
    let database = TestDatabase::create().await?;
    let (clinic, _) = database.two_tenants().await?;
    let owner = database.owner().await?;
    rows::service("Massage").insert(&clinic).await?;
    let before = columns(&clinic).await?;
    try_join_all((0..4).map(|_| columns(&clinic))).await?;

    owner.execute_unprepared("ALTER TABLE services ADD COLUMN note text").await?;
    let seen = try_join_all((0..4).map(|_| columns(&clinic))).await?;
    assert_eq!(seen, [before + 1; 4]);

    owner.execute_unprepared("ALTER TABLE services ADD COLUMN remark text").await?;
    let statement = Statement::from_string(DbBackend::Postgres, EVERYTHING);
    let streamed: Vec<_> = clinic.stream_raw(statement).await?.try_collect().await?;
    assert_eq!(streamed.iter().map(|row| row.column_names().len()).collect::<Vec<_>>(), [before + 2]);

    // A type that was dropped and created again, with another number.
    let recreate =
        "DROP TABLE IF EXISTS moods; DROP TYPE IF EXISTS mood; CREATE TYPE mood AS ENUM ('good', 'bad');
        ALTER TABLE services ADD COLUMN IF NOT EXISTS mood mood";
    owner.execute_unprepared(recreate).await?;
    columns(&clinic).await?;
    let recreate =
        "ALTER TABLE services DROP COLUMN mood; DROP TYPE mood; CREATE TYPE mood AS ENUM ('good', 'bad');
        ALTER TABLE services ADD COLUMN mood mood";
    owner.execute_unprepared(recreate).await?;
    assert_eq!(columns(&clinic).await?, before + 3);
    Ok(())
}

/// The statement cannot be sent again, because the server has aborted the transaction. The next transaction gets another
/// connection, whichever of the pool it would have been.
#[tokio::test]
async fn a_transaction_fails_once_and_not_again() -> Result<()> {
    let database = TestDatabase::create().await?;
    let mut options = ConnectOptions::new(database.app_url());
    options.min_connections(4).max_connections(4);
    let clinic = Watertight::builder().connect(options).await?.tenant(new_tenant()?);
    let owner = database.owner().await?;
    rows::service("Massage").insert(&clinic).await?;
    let all_at_once = async || -> Result<usize, DbErr> {
        let transactions = try_join_all((0..4).map(|_| clinic.begin())).await?;
        let read = join_all(transactions.iter().map(columns)).await;
        Ok(read.iter().filter(|read| read.is_err()).count())
    };
    assert_eq!(all_at_once().await?, 0);
    // The connections return to the pool in the background.
    tokio::time::sleep(Duration::from_millis(100)).await;
    owner.execute_unprepared("ALTER TABLE services ADD COLUMN note text").await?;
    let transaction = clinic.begin().await?;
    assert!(columns(&transaction).await.is_err());
    transaction.rollback().await?;
    assert_eq!(all_at_once().await?, 0);

    // All connections are in use when the first one fails: the others close at the end of their use.
    owner.execute_unprepared("ALTER TABLE services ADD COLUMN remark text").await?;
    assert_eq!(all_at_once().await?, 4);
    assert_eq!(all_at_once().await?, 0);
    Ok(())
}

/// Requests go on while the tables change. One that fails succeeds when it is sent again.
#[tokio::test]
async fn no_request_fails_twice_while_migrations_run() -> Result<()> {
    let world = World::new().await?;
    let (shop, owner) = (open(&world).await?, world.database.owner().await?);
    let (done, requests) = (AtomicBool::new(false), AtomicUsize::new(0));
    let worker = async |day: i64| -> Result<()> {
        while !done.load(Ordering::Relaxed) {
            if let Err(first) = workload(&shop, day).await {
                workload(&shop, day).await.with_context(|| format!("after {first}"))?;
            }
            requests.fetch_add(1, Ordering::Relaxed);
        }
        Ok(())
    };
    let migrations = async {
        let ended = Instant::now() + Duration::from_secs(2);
        let mut outcome = Ok(());
        while outcome.is_ok() && Instant::now() < ended {
            outcome = async {
                migrate(&owner, "ADD COLUMN note varchar(10)").await?;
                migrate(&owner, "ALTER COLUMN note TYPE text").await?;
                migrate(&owner, "RENAME COLUMN note TO remark").await?;
                migrate(&owner, "DROP COLUMN remark").await
            }
            .await;
        }
        done.store(true, Ordering::Relaxed);
        outcome
    };
    let (migrated, requested) = tokio::join!(migrations, try_join_all((0..4).map(worker)));
    migrated?;
    requested?;
    assert!(requests.load(Ordering::Relaxed) > 0);
    Ok(())
}

/// A `*` in our own SQL means other columns after a migration, so a prepared statement with one fails.
#[test]
fn own_statements_name_their_columns() -> Result<()> {
    let folders = ["auth", "booking", "tenant", "vocabulary", "watertight", "web"];
    for folder in folders {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../service/src").join(folder);
        for file in source_files(&root)? {
            if file.components().any(|part| part.as_os_str() == "rewrite") {
                // The rewriter edits the statements of the application.
                continue;
            }
            let text = std::fs::read_to_string(&file)?;
            let code = text.lines().filter(|line| !line.trim_start().starts_with("//"));
            for line in code {
                let wild = ["RETURNING *", "SELECT *", ".*,", ".* FROM", "returning_all", "Asterisk"]
                    .iter()
                    .find(|it| line.contains(**it));
                let is_list = line.contains("FROM unnest(");
                assert!(wild.is_none() || is_list, "{}: {line}", file.display());
            }
        }
    }
    Ok(())
}
