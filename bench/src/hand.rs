//! The operations in hand-written SeaORM, with the tenant in every condition.

use anyhow::{Context, Result};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::Utc;
use hmac::{Hmac, KeyInit, Mac};
use sea_orm::sea_query::{Expr, ExprTrait, JoinType};
use sea_orm::{
    ActiveModelTrait, ColumnTrait, ConnectionTrait, DatabaseConnection, DbBackend, EntityTrait, QueryFilter,
    QueryOrder, QuerySelect, RelationTrait, Set, Statement, TransactionTrait,
};
use serde_json::json;
use sha2::Sha256;
use uuid::Uuid;
use watertight_entity::auth::{audit_events, sessions, users};
use watertight_entity::public::{bookings, clients, services};

use crate::operation::Operation;
use crate::ours::Joined;
use crate::slots::{BUSY, TERMS, Terms};
use crate::world::{SIGNING_KEY, World};

/// Inserts a session of a user, with the session's data from the user's row.
pub(crate) const CREATE_SESSION: &str = r#"INSERT INTO "auth"."sessions"
    ("tenant_id", "id", "user_id", "expires_at", "user_data", "client_ip", "user_agent", "device_type")
    SELECT $2, $3, "users"."id", CURRENT_TIMESTAMP + interval '7 days',
           jsonb_build_object('id', "users"."id", 'username', "users"."handle",
               'name', coalesce("users"."display_name", "users"."handle"), 'role', "users"."role",
               'needsOnboarding', "users"."needs_onboarding", 'onboardingStep', "users"."onboarding_step"),
           $4, $5, $6
    FROM "auth"."users" WHERE "users"."tenant_id" = $2 AND "users"."id" = $1
    RETURNING *"#;

/// Deletes a thousand expired sessions.
pub(crate) const CLEANUP: &str = r#"DELETE FROM "auth"."sessions" WHERE "tenant_id" = $1 AND "id" IN (
    SELECT "s"."id" FROM "auth"."sessions" AS "s" WHERE "s"."tenant_id" = $1 AND "s"."expires_at" <= CURRENT_TIMESTAMP
    ORDER BY "s"."expires_at" LIMIT $2 FOR UPDATE SKIP LOCKED)"#;

fn signature(tenant: Uuid, session: Uuid) -> Result<Hmac<Sha256>> {
    let mut signature = Hmac::<Sha256>::new_from_slice(&SIGNING_KEY)?;
    signature.update(format!("{tenant}:{session}").as_bytes());
    Ok(signature)
}

/// The token of a session.
pub(crate) fn token(tenant: Uuid, session: Uuid) -> Result<String> {
    let mac = signature(tenant, session)?.finalize().into_bytes();
    Ok(format!("{session}.{}", URL_SAFE_NO_PAD.encode(mac)))
}

/// The session of a token, if the token was signed for the tenant.
pub(crate) fn verified(tenant: Uuid, token: &str) -> Result<Uuid> {
    let (id, mac) = token.split_once('.').context("a token")?;
    let session: Uuid = id.parse()?;
    signature(tenant, session)?.verify_slice(&URL_SAFE_NO_PAD.decode(mac)?)?;
    Ok(session)
}

fn statement<const N: usize>(sql: &str, values: [sea_orm::Value; N]) -> Statement {
    Statement::from_sql_and_values(DbBackend::Postgres, sql, values)
}

fn event(tenant: Uuid) -> audit_events::ActiveModel {
    audit_events::ActiveModel {
        tenant_id: Set(tenant),
        id: Set(Uuid::now_v7()),
        r#type: Set("login.success".to_owned()),
        handle: Set(Some("bench".to_owned())),
        ip_address: Set(Some("192.0.2.1".to_owned())),
        details: Set(json!({ "method": "password" })),
        severity: Set("info".to_owned()),
        source: Set("system".to_owned()),
        timestamp: Set(Utc::now().into()),
        ..Default::default()
    }
}

/// Runs an operation and returns the number of rows.
pub(crate) async fn run(
    operation: Operation,
    db: &DatabaseConnection,
    world: &World,
    n: usize,
) -> Result<usize> {
    let tenant = world.tenant.uuid().unwrap_or_default();
    Ok(match operation {
        Operation::GetUser => usize::from(user(tenant, n).one(db).await?.is_some()),
        Operation::GetUserByHandle => {
            let select = users::Entity::find()
                .filter(users::Column::TenantId.eq(tenant))
                .filter(users::Column::Handle.eq(World::handle(n)));
            usize::from(select.one(db).await?.is_some())
        }
        Operation::Authenticate => authenticate(db, world, n).await?,
        Operation::CreateSession => {
            let values = [
                World::user(n).into(),
                tenant.into(),
                Uuid::new_v4().into(),
                "192.0.2.1".into(),
                "bench".into(),
                "desktop".into(),
            ];
            let row = db.query_one_raw(statement(CREATE_SESSION, values)).await?.context("a session")?;
            let _: sessions::Model = sea_orm::FromQueryResult::from_query_result(&row, "")?;
            1
        }
        Operation::LogAuditEvent => {
            event(tenant).insert(db).await?;
            1
        }
        Operation::LogAuditEvents => {
            let events = (0..1_000).map(|_| event(tenant));
            audit_events::Entity::insert_many(events).exec_without_returning(db).await?;
            1_000
        }
        Operation::GetAuditEvents => {
            let rows = audit_events::Entity::find()
                .filter(audit_events::Column::TenantId.eq(tenant))
                .order_by_desc(audit_events::Column::Timestamp)
                .order_by_desc(audit_events::Column::Id)
                .limit(51)
                .all(db)
                .await?;
            rows.len().min(50)
        }
        Operation::GetAllUsers => {
            let all = users::Entity::find()
                .filter(users::Column::TenantId.eq(tenant))
                .order_by_asc(users::Column::Handle);
            all.all(db).await?.len()
        }
        Operation::Join => join(db, world).await?,
        Operation::UpdateUser => {
            let changed = users::Entity::update_many()
                .col_expr(users::Column::DisplayName, Expr::val(format!("User {n}")))
                .col_expr(users::Column::UpdatedAt, Expr::current_timestamp())
                .filter(users::Column::TenantId.eq(tenant))
                .filter(users::Column::Id.eq(World::user(n)))
                .exec_with_returning(db)
                .await?;
            changed.len()
        }
        Operation::Availability => availability(db, world).await?,
        Operation::Transaction => {
            let transaction = db.begin().await?;
            let found = user(tenant, n).one(&transaction).await?;
            transaction.commit().await?;
            usize::from(found.is_some())
        }
        Operation::Cleanup => clean_up(db, world).await?,
    })
}

fn user(tenant: Uuid, n: usize) -> sea_orm::Select<users::Entity> {
    users::Entity::find()
        .filter(users::Column::TenantId.eq(tenant))
        .filter(users::Column::Id.eq(World::user(n)))
}

async fn authenticate(db: &DatabaseConnection, world: &World, n: usize) -> Result<usize> {
    let tenant = world.tenant.uuid().unwrap_or_default();
    let session = verified(tenant, world.token(n)?)?;
    let found = sessions::Entity::find()
        .filter(sessions::Column::TenantId.eq(tenant))
        .filter(sessions::Column::Id.eq(session))
        .filter(Expr::col((sessions::Entity, sessions::Column::ExpiresAt)).gt(Expr::current_timestamp()))
        .find_also_related(users::Entity)
        .filter(users::Column::IsActive.eq(true))
        .filter(users::Column::IsLocked.eq(false))
        .one(db)
        .await?;
    Ok(usize::from(matches!(found, Some((_, Some(_))))))
}

async fn join(db: &DatabaseConnection, world: &World) -> Result<usize> {
    let tenant = world.tenant.uuid().unwrap_or_default();
    let rows = bookings::Entity::find()
        .select_only()
        .columns([bookings::Column::Id, bookings::Column::ConfirmationCode, bookings::Column::AmountCents])
        .column_as(services::Column::Name, "service")
        .column_as(clients::Column::Email, "client")
        .join(JoinType::InnerJoin, bookings::Relation::Services.def())
        .join(JoinType::InnerJoin, bookings::Relation::Clients.def())
        .filter(bookings::Column::TenantId.eq(tenant))
        .filter(services::Column::TenantId.eq(tenant))
        .filter(clients::Column::TenantId.eq(tenant))
        .filter(bookings::Column::Datetime.gte(world.from.and_time(chrono::NaiveTime::MIN).and_utc()))
        .filter(bookings::Column::Status.eq("confirmed"))
        .filter(services::Column::Active.eq(true))
        .order_by_asc(bookings::Column::Datetime)
        .limit(50)
        .into_model::<Joined>()
        .all(db)
        .await?;
    Ok(rows.iter().filter(|row| row.is_whole()).count())
}

async fn availability(db: &DatabaseConnection, world: &World) -> Result<usize> {
    let tenant = world.tenant.uuid().unwrap_or_default();
    let values = [
        world.service.into(),
        world.from.into(),
        world.to.into(),
        Option::<Uuid>::None.into(),
        tenant.into(),
    ];
    let row = db.query_one_raw(statement(TERMS, values)).await?.context("a service")?;
    let zone: String = row.try_get("", "time_zone")?;
    let terms = Terms::read(
        &zone,
        row.try_get("", "duration_minutes")?,
        row.try_get("", "weekly")?,
        row.try_get("", "overrides")?,
        row.try_get("", "practitioners")?,
        row.try_get("", "now")?,
    )?;
    let open = terms.open(world.from, world.to);
    let (first, last) = open.first().zip(open.last()).context("open days")?;
    let values = [first.0.into(), last.1.into(), Option::<Uuid>::None.into(), tenant.into()];
    let mut busy = Vec::new();
    for row in db.query_all_raw(statement(BUSY, values)).await? {
        busy.push((row.try_get("", "practitioner_id")?, (row.try_get("", "from")?, row.try_get("", "to")?)));
    }
    Ok(terms.free(&open, busy))
}

async fn clean_up(db: &DatabaseConnection, world: &World) -> Result<usize> {
    let tenant = world.tenant.uuid().unwrap_or_default();
    let mut total = 0;
    loop {
        let transaction = db.begin().await?;
        let done = transaction.execute_raw(statement(CLEANUP, [tenant.into(), 1_000_i64.into()])).await?;
        transaction.commit().await?;
        total += usize::try_from(done.rows_affected())?;
        if done.rows_affected() < 1_000 {
            return Ok(total);
        }
    }
}
