//! The operations in sqlx: prepared statements, columns read by position, and the tenant in every condition.

use anyhow::{Context, Result};
use chrono::{DateTime, Utc};
use sea_orm::sqlx::postgres::PgRow;
use sea_orm::sqlx::{PgPool, Row, query};
use serde_json::{Value, json};
use uuid::Uuid;
use watertight_entity::auth::{audit_events, sessions, users};

use crate::hand::{CLEANUP, CREATE_SESSION, verified};
use crate::operation::Operation;
use crate::ours::Joined;
use crate::slots::{BUSY, TERMS, Terms};
use crate::world::World;

pub(crate) const GET_USER: &str = r#"SELECT * FROM "auth"."users" WHERE "tenant_id" = $1 AND "id" = $2"#;
pub(crate) const GET_USER_BY_HANDLE: &str =
    r#"SELECT * FROM "auth"."users" WHERE "tenant_id" = $1 AND "handle" = $2"#;
pub(crate) const AUTHENTICATE: &str = r#"SELECT "s".*, "u".* FROM "auth"."sessions" AS "s"
    JOIN "auth"."users" AS "u" ON "u"."tenant_id" = "s"."tenant_id" AND "u"."id" = "s"."user_id"
    WHERE "s"."tenant_id" = $1 AND "s"."id" = $2 AND "s"."expires_at" > CURRENT_TIMESTAMP AND "u"."is_active"
        AND NOT "u"."is_locked""#;
const LOG_AUDIT_EVENT: &str = r#"INSERT INTO "auth"."audit_events"
    ("tenant_id", "id", "type", "handle", "ip_address", "details", "severity", "source", "timestamp")
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)"#;
const LOG_AUDIT_EVENTS: &str = r#"INSERT INTO "auth"."audit_events"
    ("tenant_id", "id", "type", "handle", "ip_address", "details", "severity", "source", "timestamp")
    SELECT $1, * FROM unnest($2::uuid[], $3::text[], $4::text[], $5::text[], $6::jsonb[], $7::text[], $8::text[],
        $9::timestamptz[])"#;
pub(crate) const GET_AUDIT_EVENTS: &str = r#"SELECT * FROM "auth"."audit_events" WHERE "tenant_id" = $1
    ORDER BY "timestamp" DESC, "id" DESC LIMIT 51"#;
pub(crate) const GET_ALL_USERS: &str =
    r#"SELECT * FROM "auth"."users" WHERE "tenant_id" = $1 ORDER BY "handle""#;
pub(crate) const JOIN: &str = r#"SELECT "b"."id", "b"."confirmation_code", "b"."amount_cents", "s"."name", "c"."email"
    FROM "public"."bookings" AS "b"
    JOIN "public"."services" AS "s" ON "s"."tenant_id" = "b"."tenant_id" AND "s"."id" = "b"."service_id"
    JOIN "public"."clients" AS "c" ON "c"."tenant_id" = "b"."tenant_id" AND "c"."id" = "b"."client_id"
    WHERE "b"."tenant_id" = $1 AND "b"."datetime" >= $2 AND "b"."status" = 'confirmed' AND "s"."active"
    ORDER BY "b"."datetime" LIMIT 50"#;
const UPDATE_USER: &str = r#"UPDATE "auth"."users" SET "display_name" = $3, "updated_at" = CURRENT_TIMESTAMP
    WHERE "tenant_id" = $1 AND "id" = $2 RETURNING *"#;

fn user(row: &PgRow, from: usize) -> Result<users::Model> {
    Ok(users::Model {
        tenant_id: row.try_get(from)?,
        id: row.try_get(from + 1)?,
        handle: row.try_get(from + 2)?,
        email: row.try_get(from + 3)?,
        display_name: row.try_get(from + 4)?,
        password_hash: row.try_get(from + 5)?,
        role: row.try_get(from + 6)?,
        is_active: row.try_get(from + 7)?,
        is_locked: row.try_get(from + 8)?,
        lock_reason: row.try_get(from + 9)?,
        locked_at: row.try_get(from + 10)?,
        locked_until: row.try_get(from + 11)?,
        needs_onboarding: row.try_get(from + 12)?,
        onboarding_step: row.try_get(from + 13)?,
        first_login: row.try_get(from + 14)?,
        totp_enabled: row.try_get(from + 15)?,
        totp_secret_id: row.try_get(from + 16)?,
        permissions: row.try_get(from + 17)?,
        bio: row.try_get(from + 18)?,
        avatar_url: row.try_get(from + 19)?,
        pronouns: row.try_get(from + 20)?,
        timezone: row.try_get(from + 21)?,
        locale: row.try_get(from + 22)?,
        theme: row.try_get(from + 23)?,
        email_notifications: row.try_get(from + 24)?,
        login_attempts: row.try_get(from + 25)?,
        last_failed_login_at: row.try_get(from + 26)?,
        last_login_at: row.try_get(from + 27)?,
        password_changed_at: row.try_get(from + 28)?,
        ip_address: row.try_get(from + 29)?,
        user_agent: row.try_get(from + 30)?,
        created_at: row.try_get(from + 31)?,
        updated_at: row.try_get(from + 32)?,
    })
}

fn session(row: &PgRow) -> Result<sessions::Model> {
    Ok(sessions::Model {
        tenant_id: row.try_get(0)?,
        id: row.try_get(1)?,
        user_id: row.try_get(2)?,
        expires_at: row.try_get(3)?,
        created_at: row.try_get(4)?,
        user_data: row.try_get(5)?,
        client_ip: row.try_get(6)?,
        client_ip_masked: row.try_get(7)?,
        user_agent: row.try_get(8)?,
        device_type: row.try_get(9)?,
        browser_fingerprint: row.try_get(10)?,
        geo_location: row.try_get(11)?,
        temp_totp_secret: row.try_get(12)?,
        temp_totp_expires_at: row.try_get(13)?,
    })
}

fn event(row: &PgRow) -> Result<audit_events::Model> {
    Ok(audit_events::Model {
        tenant_id: row.try_get(0)?,
        id: row.try_get(1)?,
        r#type: row.try_get(2)?,
        user_id: row.try_get(3)?,
        target_user_id: row.try_get(4)?,
        handle: row.try_get(5)?,
        ip_address: row.try_get(6)?,
        user_agent: row.try_get(7)?,
        details: row.try_get(8)?,
        severity: row.try_get(9)?,
        source: row.try_get(10)?,
        timestamp: row.try_get(11)?,
    })
}

const SESSION_COLUMNS: usize = 14;

/// Runs an operation and returns the number of rows.
pub(crate) async fn run(operation: Operation, pool: &PgPool, world: &World, n: usize) -> Result<usize> {
    let tenant = world.tenant.uuid().unwrap_or_default();
    Ok(match operation {
        Operation::GetUser => {
            one_user(query(GET_USER).bind(tenant).bind(World::user(n)).fetch_optional(pool).await?)?
        }
        Operation::GetUserByHandle => one_user(
            query(GET_USER_BY_HANDLE).bind(tenant).bind(World::handle(n)).fetch_optional(pool).await?,
        )?,
        Operation::Authenticate => authenticate(pool, world, n).await?,
        Operation::CreateSession => {
            let insert = query(CREATE_SESSION)
                .bind(World::user(n))
                .bind(tenant)
                .bind(Uuid::new_v4())
                .bind("192.0.2.1")
                .bind("bench")
                .bind("desktop");
            session(&insert.fetch_one(pool).await?)?;
            1
        }
        Operation::LogAuditEvent => {
            let insert = query(LOG_AUDIT_EVENT)
                .bind(tenant)
                .bind(Uuid::now_v7())
                .bind("login.success")
                .bind("bench")
                .bind("192.0.2.1")
                .bind(json!({ "method": "password" }))
                .bind("info")
                .bind("system")
                .bind(Utc::now());
            usize::try_from(insert.execute(pool).await?.rows_affected())?
        }
        Operation::LogAuditEvents => log_audit_events(pool, world).await?,
        Operation::GetAuditEvents => {
            let rows = query(GET_AUDIT_EVENTS).bind(tenant).fetch_all(pool).await?;
            let events = rows.iter().map(event).collect::<Result<Vec<_>>>()?;
            events.len().min(50)
        }
        Operation::GetAllUsers => {
            let rows = query(GET_ALL_USERS).bind(tenant).fetch_all(pool).await?;
            rows.iter().map(|row| user(row, 0)).collect::<Result<Vec<_>>>()?.len()
        }
        Operation::Join => {
            let from = world.from.and_time(chrono::NaiveTime::MIN).and_utc();
            let rows = query(JOIN).bind(tenant).bind(from).fetch_all(pool).await?;
            let rows = rows.iter().map(joined).collect::<Result<Vec<_>>>()?;
            rows.iter().filter(|row| row.is_whole()).count()
        }
        Operation::UpdateUser => {
            let update = query(UPDATE_USER).bind(tenant).bind(World::user(n)).bind(format!("User {n}"));
            one_user(update.fetch_optional(pool).await?)?
        }
        Operation::Availability => availability(pool, world).await?,
        Operation::Transaction => {
            let mut transaction = pool.begin().await?;
            let select = query(GET_USER).bind(tenant).bind(World::user(n));
            let found = one_user(select.fetch_optional(&mut *transaction).await?)?;
            transaction.commit().await?;
            found
        }
        Operation::Cleanup => clean_up(pool, world).await?,
    })
}

fn one_user(row: Option<PgRow>) -> Result<usize> {
    let found = row.map(|row| user(&row, 0)).transpose()?;
    Ok(usize::from(found.is_some()))
}

fn joined(row: &PgRow) -> Result<Joined> {
    Ok(Joined {
        id: row.try_get(0)?,
        confirmation_code: row.try_get(1)?,
        amount_cents: row.try_get(2)?,
        service: row.try_get(3)?,
        client: row.try_get(4)?,
    })
}

async fn authenticate(pool: &PgPool, world: &World, n: usize) -> Result<usize> {
    let tenant = world.tenant.uuid().unwrap_or_default();
    let id = verified(tenant, world.token(n)?)?;
    let Some(row) = query(AUTHENTICATE).bind(tenant).bind(id).fetch_optional(pool).await? else {
        return Ok(0);
    };
    let (session, user) = (session(&row)?, user(&row, SESSION_COLUMNS)?);
    Ok(usize::from(session.user_id == user.id))
}

async fn log_audit_events(pool: &PgPool, world: &World) -> Result<usize> {
    let tenant = world.tenant.uuid().unwrap_or_default();
    let ids: Vec<Uuid> = (0..1_000).map(|_| Uuid::now_v7()).collect();
    let details: Vec<Value> = vec![json!({ "method": "password" }); 1_000];
    let insert = query(LOG_AUDIT_EVENTS)
        .bind(tenant)
        .bind(ids)
        .bind(vec!["login.success"; 1_000])
        .bind(vec!["bench"; 1_000])
        .bind(vec!["192.0.2.1"; 1_000])
        .bind(details)
        .bind(vec!["info"; 1_000])
        .bind(vec!["system"; 1_000])
        .bind(vec![Utc::now(); 1_000]);
    Ok(usize::try_from(insert.execute(pool).await?.rows_affected())?)
}

async fn availability(pool: &PgPool, world: &World) -> Result<usize> {
    let tenant = world.tenant.uuid().unwrap_or_default();
    let terms = query(TERMS)
        .bind(world.service)
        .bind(world.from)
        .bind(world.to)
        .bind(Option::<Uuid>::None)
        .bind(tenant)
        .fetch_one(pool)
        .await?;
    let zone: String = terms.try_get(0)?;
    let terms = Terms::read(
        &zone,
        terms.try_get(1)?,
        terms.try_get(3)?,
        terms.try_get(4)?,
        terms.try_get(5)?,
        terms.try_get(6)?,
    )?;
    let open = terms.open(world.from, world.to);
    let (first, last) = open.first().zip(open.last()).context("open days")?;
    let rows = query(BUSY).bind(first.0).bind(last.1).bind(Option::<Uuid>::None).bind(tenant);
    let mut busy = Vec::new();
    for row in rows.fetch_all(pool).await? {
        let span: (DateTime<Utc>, DateTime<Utc>) = (row.try_get(1)?, row.try_get(2)?);
        busy.push((row.try_get(0)?, span));
    }
    Ok(terms.free(&open, busy))
}

async fn clean_up(pool: &PgPool, world: &World) -> Result<usize> {
    let tenant = world.tenant.uuid().unwrap_or_default();
    let mut total = 0;
    loop {
        let mut transaction = pool.begin().await?;
        let done = query(CLEANUP).bind(tenant).bind(1_000_i64).execute(&mut *transaction).await?;
        transaction.commit().await?;
        total += usize::try_from(done.rows_affected())?;
        if done.rows_affected() < 1_000 {
            return Ok(total);
        }
    }
}
