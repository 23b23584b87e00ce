//! The server plans a rewritten statement as it plans the same statement with the filters written by hand.

use anyhow::{Context, Result};
use chrono::{TimeDelta, Utc};
use sea_orm::{
    ColumnTrait, ConnectionTrait, DbBackend, EntityTrait, JoinType, QueryFilter, QueryOrder, QuerySelect,
    QueryTrait, RelationTrait, Statement, Value,
};
use serde_json::Value as Json;
use uuid::Uuid;
use watertight::entity::auth::{audit_events, sessions, users};
use watertight::entity::public::{bookings, clients, services};
use watertight::{Layers, TenantConnection, TenantId, Watertight};
use watertight_tests::{TestDatabase, new_tenant};

const TENANTS: u32 = 40;

/// Inserts enough rows of a tenant that the planner chooses indexes.
async fn fill(tenant: &TenantConnection) -> Result<()> {
    let id = tenant.tenant_id();
    for sql in [
        format!(
            "INSERT INTO auth.users (tenant_id, handle, email, password_hash) \
             SELECT '{id}', 'user' || i, 'user' || i || '@example.com', '!' FROM generate_series(1, 60) i"
        ),
        "INSERT INTO auth.sessions (tenant_id, user_id, expires_at) \
         SELECT tenant_id, id, now() + interval '1 day' FROM auth.users, generate_series(1, 3)"
            .to_owned(),
        format!(
            "INSERT INTO auth.audit_events (tenant_id, type, details, timestamp) \
             SELECT '{id}', 'LOGIN_SUCCESS', '{{}}', now() - i * interval '1 minute' FROM generate_series(1, 200) i"
        ),
        format!(
            "INSERT INTO public.services (tenant_id, name, duration_minutes, price_cents) \
             SELECT '{id}', 'service' || i, 60, 100 FROM generate_series(1, 10) i"
        ),
        format!(
            "INSERT INTO public.practitioners (tenant_id, handle, name) \
             SELECT '{id}', 'p' || i, 'P' FROM generate_series(1, 4) i"
        ),
        format!(
            "INSERT INTO public.clients (tenant_id, first_name, last_name, email) \
             SELECT '{id}', 'A', 'B', 'client' || i || '@example.com' FROM generate_series(1, 40) i"
        ),
        "INSERT INTO public.bookings (tenant_id, confirmation_code, service_id, practitioner_id, client_id, datetime, \
             end_time, duration, amount_cents) \
         SELECT c.tenant_id, 'C' || row_number() OVER (), s.id, p.id, c.id, at, at + interval '1 hour', 60, 100 \
         FROM (SELECT *, row_number() OVER () AS n FROM public.clients) c \
         JOIN (SELECT *, row_number() OVER () AS n FROM public.services) s ON s.n = c.n % 10 + 1 \
         JOIN (SELECT *, row_number() OVER () AS n FROM public.practitioners) p ON p.n = c.n % 4 + 1, \
         LATERAL (SELECT now() + (c.n * 5 + i) * interval '1 hour' AS at FROM generate_series(1, 5) i) t"
            .to_owned(),
    ] {
        tenant.execute_unprepared(&sql).await.with_context(|| sql)?;
    }
    Ok(())
}

/// The compared parts of a plan: nodes, joins, scans, indexes and conditions.
fn shape(plan: &Json) -> Json {
    const ALIKE: [&str; 6] =
        ["Node Type", "Join Type", "Relation Name", "Index Name", "Index Cond", "Hash Cond"];
    let mut alike = serde_json::Map::new();
    for key in ALIKE {
        if let Some(value) = plan.get(key) {
            alike.insert(key.to_owned(), value.clone());
        }
    }
    let inner: Vec<_> = plan.get("Plans").and_then(Json::as_array).into_iter().flatten().map(shape).collect();
    alike.insert("Plans".to_owned(), inner.into());
    alike.into()
}

/// Collects every scan of a table in the shape.
fn scans(shape: &Json, found: &mut Vec<Json>) {
    if shape.get("Relation Name").is_some() || shape.get("Index Name").is_some() {
        found.push(shape.clone());
    }
    for inner in shape["Plans"].as_array().into_iter().flatten() {
        scans(inner, found);
    }
}

/// The plan for a statement sent as it is, with row-level security in force.
async fn plan(db: &TenantConnection, statement: &Statement) -> Result<Json> {
    let sql = format!("EXPLAIN (FORMAT JSON, COSTS OFF) {statement}");
    let row =
        db.query_one_raw(Statement::from_string(DbBackend::Postgres, &sql)).await.with_context(|| sql)?;
    let plans: Json = row.context("a plan")?.try_get_by_index(0)?;
    Ok(shape(&plans[0]["Plan"]))
}

/// The statement as the tenant's connection would send it.
fn rewritten(statement: &Statement, tenant: TenantId) -> Result<Statement> {
    let rewriter = Watertight::builder().rewriter()?;
    let mut values: Vec<Value> = statement.values.clone().map_or_else(Vec::new, |values| values.0);
    let sql = rewriter.rewrite(&statement.sql, values.len())?;
    values.push(watertight_tests::uuid_of(tenant).into());
    Ok(Statement::from_sql_and_values(DbBackend::Postgres, sql, values))
}

/// The usual statements: without a filter on the tenant, and with it written by hand.
fn usual(tenant: Uuid, some: Uuid) -> Vec<(&'static str, Statement, Statement)> {
    let postgres = DbBackend::Postgres;
    let day = (Utc::now(), Utc::now() + TimeDelta::days(1));
    let by_handle = users::Entity::find().filter(users::Column::Handle.eq("user7"));
    let by_email = users::Entity::find().filter(users::Column::Email.eq("user7@example.com"));
    let own_sessions = sessions::Entity::find().filter(sessions::Column::UserId.eq(some));
    let newest = audit_events::Entity::find()
        .order_by_desc(audit_events::Column::Timestamp)
        .order_by_desc(audit_events::Column::Id)
        .limit(50);
    let in_a_day = bookings::Entity::find()
        .filter(bookings::Column::PractitionerId.eq(some))
        .filter(bookings::Column::Datetime.between(day.0, day.1));
    let joined = bookings::Entity::find()
        .filter(bookings::Column::ClientId.eq(some))
        .join(JoinType::InnerJoin, bookings::Relation::Services.def())
        .join(JoinType::LeftJoin, bookings::Relation::Clients.def());
    let joined_by_hand = joined
        .clone()
        .filter(bookings::Column::TenantId.eq(tenant))
        .filter(services::Column::TenantId.eq(tenant));
    let update = users::Entity::update_many()
        .col_expr(users::Column::Bio, "x".into())
        .filter(users::Column::Handle.eq("user7"));
    let delete = sessions::Entity::delete_many().filter(sessions::Column::UserId.eq(some));
    let of = |column: users::Column| column.eq(tenant);
    vec![
        (
            "a user by key",
            users::Entity::find().filter(users::Column::Id.eq(some)).build(postgres),
            users::Entity::find_by_id((tenant, some)).build(postgres),
        ),
        (
            "a user by handle",
            by_handle.clone().build(postgres),
            by_handle.filter(of(users::Column::TenantId)).build(postgres),
        ),
        (
            "a user by email",
            by_email.clone().build(postgres),
            by_email.filter(of(users::Column::TenantId)).build(postgres),
        ),
        (
            "sessions of a user",
            own_sessions.clone().build(postgres),
            own_sessions.filter(sessions::Column::TenantId.eq(tenant)).build(postgres),
        ),
        (
            "the newest audit events",
            newest.clone().build(postgres),
            newest.filter(audit_events::Column::TenantId.eq(tenant)).build(postgres),
        ),
        (
            "a practitioner's day",
            in_a_day.clone().build(postgres),
            in_a_day.filter(bookings::Column::TenantId.eq(tenant)).build(postgres),
        ),
        (
            "a client's bookings with service and client",
            joined.build(postgres),
            joined_by_hand.build(postgres),
        ),
        (
            "an update",
            update.clone().build(postgres),
            update.filter(of(users::Column::TenantId)).build(postgres),
        ),
        (
            "a delete",
            delete.clone().build(postgres),
            delete.filter(sessions::Column::TenantId.eq(tenant)).build(postgres),
        ),
        (
            "clients by e-mail in any of a list",
            clients::Entity::find()
                .filter(clients::Column::Email.is_in(["a@b.c", "client3@example.com"]))
                .build(postgres),
            clients::Entity::find()
                .filter(clients::Column::TenantId.eq(tenant))
                .filter(clients::Column::Email.is_in(["a@b.c", "client3@example.com"]))
                .build(postgres),
        ),
    ]
}

#[tokio::test]
async fn a_rewritten_statement_is_planned_as_one_filtered_by_hand() -> Result<()> {
    let database = TestDatabase::create().await?;
    let water =
        database.water_with(Watertight::builder().dangerous_layers(Layers::UnscopedRowSecurityOnly)).await?;
    let tenant = water.tenant(new_tenant()?);
    fill(&tenant).await?;
    for _ in 1..TENANTS {
        fill(&water.tenant(new_tenant()?)).await?;
    }
    database.owner().await?.execute_unprepared("ANALYZE").await?;

    for (name, plain, by_hand) in usual(watertight_tests::uuid_of(tenant.tenant_id()), Uuid::new_v4()) {
        let ours = plan(&tenant, &rewritten(&plain, tenant.tenant_id())?).await.context(name)?;
        let theirs = plan(&tenant, &by_hand).await.context(name)?;
        assert_eq!(ours, theirs, "{name}: {plain}");

        let mut found = Vec::new();
        scans(&ours, &mut found);
        for scan in &found {
            let node = scan["Node Type"].as_str().unwrap_or_default();
            let condition = scan["Index Cond"].as_str().unwrap_or_default();
            // A bitmap heap scan and a ModifyTable node are above the index scan that has the condition.
            let above = node.starts_with("Bitmap Heap") || node == "ModifyTable";
            assert!(above || condition.contains("tenant_id"), "{name}: {scan}");
        }
        assert!(!found.is_empty(), "{name}");
    }
    Ok(())
}

/// The limit that the guide states: row-level security keeps operators that are not leakproof from an index.
#[tokio::test]
async fn an_operator_that_is_not_leakproof_uses_an_index_without_row_level_security_only() -> Result<()> {
    let database = TestDatabase::create().await?;
    let owner = database.owner().await?;
    owner.execute_unprepared("CREATE INDEX by_fields ON public.clients USING gin (custom_fields)").await?;
    let off = format!("ALTER DATABASE \"{}\" SET enable_seqscan = off", database.name());
    owner.execute_unprepared(&off).await?;
    let water =
        database.water_with(Watertight::builder().dangerous_layers(Layers::UnscopedRowSecurityOnly)).await?;
    let tenant = water.tenant(new_tenant()?);
    fill(&tenant).await?;
    owner.execute_unprepared("ANALYZE").await?;
    let sql = "EXPLAIN (COSTS OFF) SELECT id FROM public.clients WHERE custom_fields @> '{\"a\": 1}'";
    let text = |rows: Vec<sea_orm::QueryResult>| -> Result<String> {
        Ok(rows.iter().map(|row| row.try_get_by_index(0)).collect::<Result<Vec<String>, _>>()?.join(" "))
    };
    let statement = || Statement::from_string(DbBackend::Postgres, sql);
    let with = text(tenant.query_all_raw(statement()).await?)?;
    assert!(!with.contains("by_fields"), "{with}");
    let without = text(database.maintenance().await?.query_all_raw(statement()).await?)?;
    assert!(without.contains("by_fields"), "{without}");
    Ok(())
}
