//! SQL that names moved tables by their static names.

use anyhow::{Context, Result};
use sea_orm::{ActiveModelTrait, DbBackend, EntityTrait, ModelTrait, PaginatorTrait, Statement};
use watertight::entity::auth::users;
use watertight::entity::public::{bookings, clients};
use watertight::{Refusal, TenantConnection};

use super::Moved;
use crate::rows;

async fn number(tenant: &TenantConnection, sql: &str) -> Result<i64> {
    let row = tenant.query_one_raw(Statement::from_string(DbBackend::Postgres, sql)).await;
    let row = row.with_context(|| sql.to_owned())?.context("a row")?;
    row.try_get_by_index(0).with_context(|| sql.to_owned())
}

/// Queries, each with its result for a tenant with two users, two clients and a booking.
const QUERIES: &[(&str, i64)] = &[
    ("SELECT count(*) FROM auth.users WHERE auth.users.handle = 'jess'", 1),
    (r#"SELECT count("auth"."users".*) FROM "auth"."users""#, 2),
    (
        "SELECT count(*) FROM public.clients JOIN public.bookings ON public.clients.id = public.bookings.client_id",
        1,
    ),
    ("SELECT count(*) FROM clients JOIN bookings ON clients.id = bookings.client_id", 1),
    (
        "SELECT count(*) FROM studio.clients LEFT JOIN public.bookings ON studio.clients.id = public.bookings.client_id",
        2,
    ),
    ("SELECT count(*) FROM public.clients c, auth.users u WHERE c.email <> u.email", 4),
    ("SELECT count(*) FROM public.bookings b JOIN public.services s ON s.id = b.service_id", 1),
    ("WITH u AS (SELECT auth.users.* FROM auth.users) SELECT count(*) FROM u WHERE handle = 'jess'", 1),
    (
        "SELECT (SELECT count(*) FROM public.bookings WHERE public.bookings.client_id = public.clients.id) \
      FROM public.clients ORDER BY public.clients.first_name LIMIT 1",
        1,
    ),
    (
        "SELECT count(*) FROM public.clients WHERE EXISTS \
      (SELECT FROM public.bookings WHERE public.bookings.client_id = public.clients.id)",
        1,
    ),
    ("SELECT count(*) FROM (TABLE auth.users) x (a, b, c)", 2),
    (
        "SELECT count(*) FROM auth.users GROUP BY auth.users.role HAVING count(auth.users.id) > 1 \
      ORDER BY auth.users.role",
        2,
    ),
    ("SELECT max(count(*)) OVER (PARTITION BY auth.users.role) FROM auth.users GROUP BY auth.users.role", 2),
    (
        "SELECT count(*) FROM public.clients, LATERAL (SELECT auth.users.id FROM auth.users \
      WHERE auth.users.email <> public.clients.email) x",
        4,
    ),
    ("SELECT count(*) FROM (SELECT id FROM auth.users UNION ALL SELECT id FROM public.clients) x", 4),
    (
        "SELECT count(*) FROM json_populate_recordset(NULL::auth.users, '[{\"handle\": \"x\"}]') AS r WHERE r.handle = 'x'",
        1,
    ),
];

#[tokio::test]
async fn queries_read_the_tenants_rows_of_moved_tables() -> Result<()> {
    let moved = Moved::new().await?;
    for tenant in [&moved.clinic, &moved.spa] {
        rows::business(tenant).await?;
        for handle in ["jess", "maya"] {
            rows::user(handle).insert(tenant).await?;
        }
    }
    for (sql, expected) in QUERIES {
        assert_eq!(number(&moved.clinic, sql).await?, *expected, "{sql}");
    }
    Ok(())
}

/// Changes, in the order in which they run, each with the number of rows that it changes.
const CHANGES: &[(&str, u64)] = &[
    (
        "INSERT INTO public.clients (first_name, last_name, email) \
      SELECT auth.users.handle, 'Doe', auth.users.email FROM auth.users WHERE auth.users.handle = 'jess'",
        1,
    ),
    (
        "INSERT INTO public.clients AS c (first_name, last_name, email) VALUES ('Jess', 'Doe', 'jess@example.com') \
      ON CONFLICT (email) DO UPDATE SET first_name = excluded.first_name WHERE c.last_name = 'Doe'",
        1,
    ),
    (
        "INSERT INTO public.clients (first_name, last_name, email) VALUES ('J', 'Doe', 'jess@example.com') \
      ON CONFLICT (email) DO UPDATE SET last_name = public.clients.last_name || 'r' \
      WHERE public.clients.first_name = 'Jess'",
        1,
    ),
    (
        "UPDATE auth.users SET display_name = public.clients.last_name FROM public.clients \
      WHERE public.clients.email = auth.users.email",
        1,
    ),
    (
        "MERGE INTO public.clients USING auth.users ON public.clients.email = auth.users.email \
      WHEN MATCHED THEN UPDATE SET notes = auth.users.handle \
      WHEN NOT MATCHED THEN INSERT (first_name, last_name, email) VALUES ('M', 'Doe', auth.users.email)",
        2,
    ),
    (
        "DELETE FROM public.clients USING auth.users WHERE auth.users.email = public.clients.email \
      AND public.clients.notes = 'jess' RETURNING public.clients.id",
        1,
    ),
    (
        "WITH gone AS (DELETE FROM auth.users WHERE auth.users.handle = 'jess' RETURNING auth.users.*) \
      INSERT INTO public.clients (first_name, last_name, email) SELECT handle, 'Doe', email FROM gone",
        1,
    ),
];

#[tokio::test]
async fn changes_reach_the_tenants_rows_of_moved_tables_and_no_others() -> Result<()> {
    let moved = Moved::new().await?;
    for tenant in [&moved.clinic, &moved.spa] {
        for handle in ["jess", "maya"] {
            rows::user(handle).insert(tenant).await?;
        }
    }
    for (sql, expected) in CHANGES {
        let done = moved.clinic.execute_unprepared(sql).await.with_context(|| (*sql).to_owned())?;
        assert_eq!(done.rows_affected(), *expected, "{sql}");
    }
    assert_eq!(users::Entity::find().count(&moved.clinic).await?, 1);
    assert_eq!(users::Entity::find().count(&moved.spa).await?, 2);
    assert_eq!(clients::Entity::find().count(&moved.spa).await?, 0);
    let named = users::Entity::find().all(&moved.spa).await?;
    assert!(named.iter().all(|user| user.display_name.is_none()));
    Ok(())
}

#[tokio::test]
async fn entities_and_their_relations_reach_moved_tables() -> Result<()> {
    let moved = Moved::new().await?;
    let business = rows::business(&moved.clinic).await?;
    let found = business.clients[0].find_related(bookings::Entity).all(&moved.clinic).await?;
    assert_eq!(found, std::slice::from_ref(&business.booking));
    let joined = bookings::Entity::find().find_also_related(clients::Entity).all(&moved.clinic).await?;
    assert_eq!(joined.len(), 1);
    assert!(joined[0].1.is_some());
    for query in [
        bookings::Entity::find(),
        bookings::Entity::find_by_id((business.booking.tenant_id, business.booking.id)),
    ] {
        assert_eq!(query.all(&moved.spa).await?, []);
    }
    Ok(())
}

#[tokio::test]
async fn names_that_mean_no_table_are_refused_before_they_are_sent() -> Result<()> {
    let moved = Moved::new().await?;
    for sql in [
        "SELECT count(*) FROM users",
        "SELECT count(*) FROM auth.clients",
        "SELECT count(*) FROM identity.clients",
        "SELECT count(*) FROM studio.users",
        "SELECT identity.users.handle FROM auth.users u",
        "SELECT 'identity.users'::regclass::text",
        "SELECT auth.users::text FROM auth.users",
    ] {
        let error = moved.clinic.execute_unprepared(sql).await.unwrap_err();
        assert!(Refusal::of(&error).is_some(), "{sql}: {error}");
    }
    Ok(())
}
