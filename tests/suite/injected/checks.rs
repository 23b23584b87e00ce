//! The comparison of the history with the rows, as a superuser and in plain SQL.

use std::collections::{HashMap, HashSet};

use anyhow::{Context, Result, ensure};
use sea_orm::{ConnectionTrait, DatabaseConnection, DbBackend, Statement};
use watertight::TenantId;

use super::history::History;

/// The id of each operation that was carried out, by the kind of its record.
const DONE: &[(&str, &str)] = &[
    ("user", "SELECT tenant_id, id::text AS id FROM auth.users WHERE handle LIKE 'u%'"),
    ("event", "SELECT tenant_id, id::text AS id FROM auth.audit_events"),
    ("logged", "SELECT tenant_id, id::text AS id FROM auth.audit_events"),
    ("hold", "SELECT tenant_id, id::text AS id FROM public.slot_reservations"),
    ("booking", "SELECT tenant_id, idempotency_key AS id FROM public.bookings"),
    (
        "redemption",
        "SELECT b.tenant_id, b.idempotency_key AS id FROM public.bookings AS b
         JOIN public.gift_certificate_redemptions AS r ON r.tenant_id = b.tenant_id AND r.booking_id = b.id",
    ),
    (
        "payment",
        "SELECT tenant_id, reference AS id FROM public.booking_payments WHERE processor = 'stripe' AND kind = 'payment'",
    ),
    (
        "cancellation",
        "SELECT tenant_id, idempotency_key AS id FROM public.bookings WHERE status = 'cancelled'",
    ),
    // Bookings are made at whole hours, and moved to half ones.
    (
        "move",
        "SELECT tenant_id, idempotency_key AS id FROM public.bookings WHERE extract(minute FROM datetime) = 30",
    ),
    (
        "certificate",
        "SELECT tenant_id, stripe_session_id AS id FROM public.gift_certificates WHERE stripe_session_id IS NOT NULL",
    ),
    ("pair", "SELECT tenant_id, id::text AS id FROM public.services WHERE name = 'first half'"),
    ("row", "SELECT tenant_id, id::text AS id FROM public.services WHERE name = 'row'"),
];

/// Statements that select a violation each.
const NEVER: &[(&str, &str)] = &[
    (
        "half a transaction",
        "SELECT count(*) FILTER (WHERE name = 'first half') AS n FROM public.services
         GROUP BY tenant_id HAVING count(*) FILTER (WHERE name = 'first half') <> count(*) FILTER (WHERE name = 'second half')",
    ),
    (
        "two bookings of one time",
        "SELECT a.id FROM public.bookings AS a JOIN public.bookings AS b
             ON a.tenant_id = b.tenant_id AND a.practitioner_id = b.practitioner_id AND a.id < b.id
             AND a.datetime < b.end_time AND b.datetime < a.end_time
         WHERE a.status <> 'cancelled' AND b.status <> 'cancelled'",
    ),
    (
        "a certificate with a wrong balance",
        "SELECT c.code FROM public.gift_certificates AS c LEFT JOIN public.gift_certificate_redemptions AS r
             ON r.tenant_id = c.tenant_id AND r.gift_certificate_id = c.id AND r.refunded_at IS NULL
         GROUP BY c.tenant_id, c.id, c.code, c.amount_cents, c.balance_cents
         HAVING c.balance_cents <> c.amount_cents - coalesce(sum(r.amount_cents), 0)",
    ),
    (
        "a booking that was paid twice",
        "SELECT r.booking_id FROM public.gift_certificate_redemptions AS r GROUP BY r.tenant_id, r.booking_id HAVING count(*) > 1",
    ),
    (
        "a booking whose ledger does not agree with its totals, its status or its redemptions",
        "SELECT b.id FROM public.bookings AS b
             LEFT JOIN public.booking_payments AS p ON p.tenant_id = b.tenant_id AND p.booking_id = b.id
             LEFT JOIN public.gift_certificate_redemptions AS r ON r.tenant_id = b.tenant_id AND r.id = p.redemption_id
         GROUP BY b.tenant_id, b.id
         HAVING b.paid_cents <> coalesce(sum(p.amount_cents) FILTER (WHERE p.kind = 'payment'), 0)
             OR b.refunded_cents <> coalesce(sum(p.amount_cents) FILTER (WHERE p.kind = 'refund'), 0)
             OR b.paid_cents - b.refunded_cents > b.amount_cents
             OR (b.payment_status = 'paid') <> (b.paid_cents - b.refunded_cents = b.amount_cents)
             OR coalesce(sum(r.amount_cents) FILTER (WHERE r.refunded_at IS NOT NULL), 0) <> b.refunded_cents",
    ),
    (
        "an accepted invitation without its user or its events",
        "SELECT i.id FROM auth.invitations AS i WHERE i.used_at IS NOT NULL AND NOT EXISTS
             (SELECT FROM auth.users AS u WHERE u.tenant_id = i.tenant_id AND u.id = i.used_by AND u.email = i.email)
         UNION ALL
         SELECT i.id FROM auth.invitations AS i WHERE i.used_at IS NOT NULL AND 2 <> (SELECT count(*) FROM auth.audit_events AS e
             WHERE e.tenant_id = i.tenant_id AND e.user_id = i.used_by AND e.type IN ('INVITATION_ACCEPTED', 'USER_CREATED'))",
    ),
    (
        "a login without its session event, or the other way round",
        "SELECT e.user_id FROM auth.audit_events AS e WHERE e.type IN ('LOGIN_SUCCESS', 'SESSION_CREATED')
         GROUP BY e.tenant_id, e.user_id
         HAVING count(*) FILTER (WHERE e.type = 'LOGIN_SUCCESS') <> count(*) FILTER (WHERE e.type = 'SESSION_CREATED')",
    ),
    ("a right login that was counted as a failure", "SELECT id FROM auth.users WHERE login_attempts <> 0"),
    (
        "a row of one caller at the tenant of another",
        "SELECT handle FROM auth.users WHERE handle LIKE 'caller%' GROUP BY handle HAVING count(*) > 1",
    ),
];

async fn column(judge: &DatabaseConnection, sql: &str) -> Result<Vec<(uuid::Uuid, String)>> {
    let rows = judge.query_all_raw(Statement::from_string(DbBackend::Postgres, sql)).await?;
    rows.iter().map(|row| Ok((row.try_get("", "tenant_id")?, row.try_get("", "id")?))).collect()
}

pub(super) async fn check(
    judge: &DatabaseConnection,
    tenants: [TenantId; 2],
    history: &History,
) -> Result<()> {
    for (violation, sql) in NEVER {
        let found = judge.query_all_raw(Statement::from_string(DbBackend::Postgres, *sql)).await?;
        ensure!(found.is_empty(), "{violation}: {found:?}");
    }
    for (kind, sql) in DONE {
        let rows = column(judge, sql).await.with_context(|| (*kind).to_owned())?;
        let distinct: HashSet<_> = rows.iter().collect();
        ensure!(distinct.len() == rows.len(), "{kind} was carried out twice");
        for record in history.of(kind) {
            let is_there =
                distinct.contains(&(watertight_tests::uuid_of(record.tenant), record.id.to_string()));
            let elsewhere = tenants.iter().filter(|tenant| **tenant != record.tenant);
            for other in elsewhere {
                ensure!(
                    !distinct.contains(&(watertight_tests::uuid_of(*other), record.id.to_string())),
                    "at another tenant: {record:?}"
                );
            }
            ensure!(is_there || !record.is_done(), "told, and lost: {record:?}");
            ensure!(!is_there || record.may_be_done() || *kind == "logged", "left behind: {record:?}");
        }
    }
    check_logins(judge, history).await
}

/// Each attempt to log in has one session event, or none if it may not have been carried out.
async fn check_logins(judge: &DatabaseConnection, history: &History) -> Result<()> {
    let sql = "SELECT tenant_id, count(*)::text AS id FROM auth.audit_events WHERE type = 'SESSION_CREATED' GROUP BY tenant_id";
    let events: HashMap<_, _> = column(judge, sql).await?.into_iter().collect();
    for (tenant, count) in events {
        let of_tenant =
            || history.of("login").filter(|record| watertight_tests::uuid_of(record.tenant) == tenant);
        let least = of_tenant().filter(|record| record.is_done()).count();
        let most = of_tenant().filter(|record| record.may_be_done()).count();
        // Each of the three callers of the tenant logs in once more at the end, at most a few times if answers are lost.
        let count: usize = count.parse()?;
        ensure!((least..=most + 12).contains(&count), "{count} sessions for {least} to {most} logins");
    }
    Ok(())
}
