//! The migration to the ledger: every earlier status, reference and redemption is an entry, and nothing is lost.

use anyhow::Result;
use watertight::entity::public::bookings;
use watertight_migration::sea_orm_migration::MigratorTrait;
use watertight_migration::{Migrator, Settings};

use super::Shop;
use super::migrated::since;
use crate::adopt::texts;
use crate::auth::World;

const LEDGER: &str = "m20260101_000014_booking_payments";

/// Rows of the version before, for the bookings 0 to 9 at `i` hours.
const EARLIER: &str = "
    UPDATE services SET currency = 'CAD';
    INSERT INTO gift_certificates (tenant_id, id, code, amount_cents, balance_cents, currency, purchaser_name, purchaser_email, stripe_session_id)
        SELECT t, md5(n::text)::uuid, 'G' || n, 99000, 99000, c, 'x', 'x@example.com', s FROM tenant, (VALUES
        (1, 'CAD', 'cs_1'), (2, 'USD', 'cs_1'), (3, 'CAD', NULL), (4, 'CAD', NULL)) v (n, c, s);
    INSERT INTO packages (tenant_id, id, code, package_type, total_sessions, remaining_sessions, price_cents, purchaser_name, purchaser_email, stripe_session_id)
        SELECT t, md5(n::text)::uuid, 'P' || n, 'five', 5, CASE n WHEN 1 THEN 4 ELSE 5 END, 1, 'x', 'x@example.com', 'cs_1' FROM tenant, generate_series(1, 2) n;
    INSERT INTO bookings (tenant_id, id, confirmation_code, service_id, client_id, datetime, end_time, duration, amount_cents,
        status, payment_status, payment_method, payment_ref)
        SELECT t, md5('b' || n)::uuid, 'B' || n, s.id, c.id, at, at + interval '1 hour', 60, cents, status, paid, method, ref
        FROM tenant, services s, clients c, LATERAL (VALUES
        (0, 9000, 'confirmed', 'pending', NULL, NULL),
        (1, 9000, 'confirmed', 'paid', 'card', 'pi_1'),
        (2, 9000, 'confirmed', 'paid', 'credit card', 'pi_1'),
        (3, 9000, 'confirmed', 'paid', NULL, NULL),
        (4, 9000, 'confirmed', 'pending', NULL, NULL),
        (5, 9000, 'completed', 'paid', 'card', 'pi_2'),
        (6, 9000, 'confirmed', 'paid', 'package', NULL),
        (7, 9000, 'cancelled', 'refunded', 'card', 'pi_3'),
        (8, 9000, 'cancelled', 'refunded', 'cash', ''),
        (9, 9000, 'confirmed', 'disputed', 'card', 'pi_4'),
        (10, 0, 'confirmed', 'paid', 'cash', NULL),
        (11, 0, 'cancelled', 'refunded', NULL, NULL),
        (12, 9000, 'cancelled', 'refunded', NULL, NULL),
        (13, 5000, 'confirmed', 'paid', 'gift_certificate', NULL)) v (n, cents, status, paid, method, ref),
        LATERAL (SELECT '2098-03-03'::timestamptz + n * interval '1 hour' AS at) a;
    INSERT INTO gift_certificate_redemptions (tenant_id, booking_id, gift_certificate_id, package_id, type, amount_cents, session_number,
        refunded_at, created_at)
        SELECT t, md5('b' || n)::uuid, CASE WHEN NOT p THEN md5(g::text)::uuid END, CASE WHEN p THEN md5(g::text)::uuid END,
        CASE WHEN p THEN 'package' ELSE 'gift_certificate' END, cents, CASE WHEN p THEN 1 END,
        CASE WHEN back THEN now() END, now() + k * interval '1 second' FROM tenant, (VALUES
        (1, 4, 1, false, 3000, false), (2, 5, 2, false, 2000, false), (3, 5, 2, false, 1000, false), (4, 6, 1, true, NULL, false),
        (5, 7, 1, false, 4000, true), (6, 12, 3, false, 3500, true), (7, 13, 4, false, 4000, false),
        (8, 13, 4, false, 2500, false), (9, 13, 4, false, 500, false)) v (k, n, g, p, cents, back);
    UPDATE gift_certificates c SET balance_cents = 99000 - coalesce((SELECT sum(amount_cents) FROM gift_certificate_redemptions r
        WHERE r.gift_certificate_id = c.id AND r.refunded_at IS NULL), 0)";

/// Each booking with its totals, and its entries: kind, method, processor, reference, item, cents.
const LATER: &str = "SELECT concat_ws(' ', b.confirmation_code, b.currency, b.payment_status, b.paid_cents, b.refunded_cents, '|',
        string_agg(concat_ws(' ', p.kind, p.method, p.processor, p.reference || '#' || p.item, p.amount_cents,
            CASE WHEN p.redemption_id IS NOT NULL THEN 'redeemed' END),
            '; ' ORDER BY p.kind, p.redemption_id IS NULL, p.created_at, p.amount_cents DESC))
    FROM bookings b LEFT JOIN booking_payments p ON p.tenant_id = b.tenant_id AND p.booking_id = b.id
    GROUP BY b.tenant_id, b.id ORDER BY b.datetime";

const EXPECTED: [&str; 14] = [
    "B0 CAD pending 0 0 |",
    "B1 CAD paid 9000 0 | payment card unknown pi_1#1 9000",
    "B2 CAD paid 9000 0 | payment credit card unknown pi_1#2 9000",
    "B3 CAD paid 9000 0 | payment unknown 9000",
    "B4 CAD partially_paid 3000 0 | payment gift_certificate 3000 redeemed",
    // The certificate shows the currency of the day.
    "B5 USD paid 9000 0 | payment gift_certificate 2000 redeemed; payment gift_certificate 1000 redeemed; \
     payment card unknown pi_2#1 6000",
    "B6 CAD paid 9000 0 | payment package 9000 redeemed",
    // The cancellation refunded the certificate, and nothing shows a refund to the card.
    "B7 CAD partially_refunded 9000 4000 | payment gift_certificate 4000 redeemed; payment card unknown pi_3#1 5000; \
     refund gift_certificate 4000",
    "B8 CAD refunded 9000 9000 | payment cash 9000; refund cash 9000",
    "B9 CAD disputed 0 0 |",
    "B10 CAD paid 0 0 |",
    "B11 CAD pending 0 0 |",
    "B12 CAD refunded 3500 3500 | payment gift_certificate 3500 redeemed; refund gift_certificate 3500",
    // More was redeemed than the booking costs.
    "B13 CAD paid 5000 0 | payment gift_certificate 4000 redeemed; payment gift_certificate 1000 redeemed",
];

async fn run_all(world: &World, sql: &str) -> Result<()> {
    let owner = world.owner().await?;
    for statement in sql.split(";\n") {
        owner
            .run(&statement.replace("FROM tenant,", "FROM (SELECT watertight.tenant() AS t) AS tenant,"), [])
            .await?;
    }
    Ok(())
}

async fn seen(world: &World, sql: &str) -> Result<Vec<String>> {
    use sea_orm::{ConnectionTrait, TransactionTrait};
    let transaction = world.database.owner().await?.begin().await?;
    let enter = format!("SELECT watertight.enter('{}')", world.clinic.tenant_id());
    transaction.execute_unprepared(&enter).await?;
    let rows = texts(&transaction, sql).await?;
    transaction.rollback().await?;
    Ok(rows)
}

async fn later(world: &World) -> Result<Vec<String>> {
    Ok(seen(world, LATER).await?.into_iter().map(|row| row.trim_end().to_owned()).collect())
}

#[tokio::test]
async fn earlier_rows_get_the_entries_that_they_show() -> Result<()> {
    let world = World::new().await?;
    let shop = Shop::open(world.clinic.clone(), &[]).await?;
    let owner = world.database.owner().await?;
    Migrator::down(&owner, since(LEDGER)).await?;
    run_all(&world, EARLIER).await?;
    Migrator::up(&owner, None).await?;
    assert_eq!(later(&world).await?, EXPECTED);
    let items = "SELECT concat_ws(' ', code, item) FROM (SELECT code, item, created_at, id FROM gift_certificates UNION ALL \
                 SELECT code, item, created_at, id FROM packages) p WHERE item > 1 ORDER BY 1";
    assert_eq!(
        seen(&world, items).await?.len(),
        2,
        "of two rows with the same session, one is the second item"
    );
    let forced = "SELECT relname::text FROM pg_class WHERE relrowsecurity AND NOT relforcerowsecurity";
    assert_eq!(texts(&owner, forced).await?, [""; 0]);

    // The redemption that counted in part, and the one that did not count.
    let found = shop.tenant.certificates().find_imbalances().await?;
    assert_eq!(
        found.iter().map(|found| (found.issued, found.redeemed)).collect::<Vec<_>>(),
        [(2_500, 1_000), (500, 0)]
    );
    let due = shop.tenant.scheduling().get_refunds_due().await?;
    assert_eq!(
        due.iter().map(|due| (due.amount_cents, due.reference.as_deref())).collect::<Vec<_>>(),
        [(5_000, Some("pi_3"))]
    );

    // Down and up again: what an earlier version can express is kept.
    Migrator::down(&owner, since(LEDGER)).await?;
    let statuses = "SELECT concat_ws(' ', confirmation_code, payment_status) FROM bookings ORDER BY datetime";
    let before = seen(&world, statuses).await?;
    assert_eq!(
        (before[4].as_str(), before[7].as_str(), before[9].as_str()),
        ("B4 pending", "B7 refunded", "B9 disputed")
    );
    Migrator::up(&owner, None).await?;
    assert_eq!(later(&world).await?, EXPECTED);
    Ok(())
}

/// The same rows of another tenant are not counted together, and partitions have the rules.
#[tokio::test]
async fn partitions_have_the_ledger_in_both_directions() -> Result<()> {
    let database = crate::partitions::divided().await?;
    let owner = database.owner().await?;
    let rules = "SELECT pg_get_triggerdef(oid) FROM pg_trigger WHERE tgname LIKE 'booking_ledger%' AND tgparentid = 0 UNION ALL \
                 SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE conrelid = 'bookings'::regclass AND contype = 'c' \
                 ORDER BY 1";
    let now = texts(&owner, rules).await?;
    assert!(now.iter().filter(|rule| rule.contains("CONSTRAINT TRIGGER")).count() == 3, "{now:?}");
    let manager = watertight_migration::sea_orm_migration::SchemaManager::new(&owner);
    let mut all = watertight_migration::migrations(&Settings::from_env()).into_iter();
    let migration = all.find(|it| it.name() == LEDGER).expect("the migration");
    migration.down(&manager).await?;
    migration.up(&manager).await?;
    assert_eq!(texts(&owner, rules).await?, now);

    let water = database.water().await?;
    let shop = Shop::open(water.tenant(watertight_tests::new_tenant()?), &[]).await?;
    let booking = shop.tenant.scheduling().book(&shop.booking("10:00")).await?;
    let cash = watertight::scheduling::NewPayment::new(watertight::scheduling::PaymentMethod::Cash);
    shop.tenant.scheduling().record_payment(booking.id, &cash).await?;
    let wrong = bookings::ActiveModel {
        paid_cents: sea_orm::Set(1),
        payment_status: sea_orm::Set("partially_paid".into()),
        ..sea_orm::IntoActiveModel::into_active_model(booking)
    };
    let refused =
        sea_orm::ActiveModelTrait::update(wrong, &shop.tenant).await.expect_err("the totals disagree");
    assert!(refused.to_string().contains("do not agree"), "{refused}");
    Ok(())
}
