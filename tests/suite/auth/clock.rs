//! The database's clock decides on expiry, in any time zone of the process and the server.

use std::process::Command;

use anyhow::{Context, Result, ensure};
use chrono::{Local, TimeDelta, Utc};
use sea_orm::sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sea_orm::{DatabaseConnection, SqlxPostgresConnector};
use watertight::Watertight;
use watertight::auth::{InvitationUpdate, NewInvitation, Role, SessionMetadata, SessionUpdate};
use watertight_tests::{TestDatabase, new_tenant};

use super::{PASSWORD, request, settings, user};

/// The zones with the earliest and the latest start of the day, and a zone with an offset of fractional
/// hours.
const ZONES: [&str; 3] = ["Pacific/Kiritimati", "Etc/GMT+12", "Asia/Kathmandu"];

/// Runs `liveness` in separate processes, because a process keeps its initial zone.
#[tokio::test]
async fn liveness_is_the_same_in_every_time_zone() -> Result<()> {
    for (process, server) in ZONES.iter().zip(ZONES.iter().cycle().skip(1)) {
        let child = Command::new(std::env::current_exe()?)
            .args(["--exact", "auth::clock::liveness", "--ignored", "--nocapture"])
            .env("TZ", process)
            .env("WATERTIGHT_TEST_SERVER_ZONE", server)
            .output()?;
        let said = String::from_utf8_lossy(&child.stdout);
        ensure!(
            child.status.success() && said.contains("1 passed"),
            "{process}, {server}: {said}{}",
            String::from_utf8_lossy(&child.stderr)
        );
    }
    Ok(())
}

async fn connect(database: &TestDatabase, zone: &str) -> Result<DatabaseConnection> {
    let options: PgConnectOptions = database.app_url().parse()?;
    let zone = zone.to_owned();
    let pool = PgPoolOptions::new().after_connect(move |connection, _| {
        let set = format!("SET timezone = '{zone}'");
        Box::pin(async move {
            use sea_orm::sqlx::{AssertSqlSafe, Executor};
            connection.execute(AssertSqlSafe(set)).await.map(drop)
        })
    });
    Ok(SqlxPostgresConnector::from_sqlx_postgres_pool(pool.connect_with(options).await?))
}

#[tokio::test]
#[ignore = "run by the test above, with time zones set"]
async fn liveness() -> Result<()> {
    let zone = std::env::var("WATERTIGHT_TEST_SERVER_ZONE").context("run by another test")?;
    ensure!(Local::now().offset().local_minus_utc() != 0, "the process keeps an odd zone");
    let database = TestDatabase::create().await?;
    let water =
        Watertight::builder().auth(settings()).with_connection(connect(&database, &zone).await?).await?;
    let tenant = water.tenant(new_tenant()?);
    let auth = tenant.auth();

    let jess = user(&tenant, "jess").await?;
    ensure!((Utc::now() - jess.created_at).abs() < TimeDelta::minutes(5), "{}", jess.created_at);
    let login = auth.login(request("jess", PASSWORD)).await?;
    ensure!(login.session.expires_at - login.session.created_at == TimeDelta::days(7));
    ensure!(auth.authenticate(login.token.expose_secret()).await?.is_some());
    let session = auth.sessions().create(jess.id, &SessionMetadata::default()).await?;
    for (minutes, live) in [(2, true), (-2, false)] {
        let expires_at = Utc::now() + TimeDelta::minutes(minutes);
        let update = SessionUpdate { expires_at: expires_at.into(), ..Default::default() };
        let updated = auth.sessions().update(session.id, update).await?;
        ensure!(updated.expires_at.timestamp_micros() == expires_at.timestamp_micros());
        ensure!(auth.sessions().find(session.id).await?.is_some() == live, "{minutes}");
    }
    ensure!(auth.sessions().delete_expired().await? == 1);

    let made = auth
        .invitations()
        .create(NewInvitation::new("kai@example.com".parse()?, Role::Viewer, jess.id))
        .await?;
    for (minutes, live) in [(2, true), (-2, false)] {
        let expires_at = Utc::now() + TimeDelta::minutes(minutes);
        let update = InvitationUpdate { expires_at: expires_at.into(), ..Default::default() };
        auth.invitations().update(made.invitation.id, update).await?;
        ensure!(
            auth.invitations().find_by_token(made.token.expose_secret()).await?.is_some() == live,
            "{minutes}"
        );
    }
    let (secret, _) = super::enroll(&tenant, "jess").await?;
    // The code of an authenticator app, by the clock of the user's telephone.
    let shown = secret.code_at(u64::try_from(Utc::now().timestamp())?)?;
    auth.login(super::with_code("jess", &shown)).await?;
    Ok(())
}
