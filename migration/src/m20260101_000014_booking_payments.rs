//! The ledger of a booking's payments and refunds, and the currency of a booking.
//!
//! A booking keeps the totals of its ledger, and checks compare them with its amount and its payment status. The row of the
//! booking is locked by every change of a total, so concurrent payments cannot exceed the amount. Deferred triggers
//! compare the totals with the ledger when a transaction commits. They read several rows, which Citus does not allow:
//! `Distribution` drops them.

use async_trait::async_trait;
use sea_orm_migration::{prelude::*, schema::*};
use watertight_schema::sql::literal;

use crate::migration::{TenantMigration, drop_all, statements_of, unforced};
use crate::{Settings, TableError, TableSet, TableSets, TenantForeignKey, TenantTable};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

/// The payment status that follows from the totals of a booking.
const DERIVED: &str = "CASE WHEN paid_cents = 0 THEN 'pending' WHEN paid_cents = refunded_cents THEN 'refunded' \
    WHEN paid_cents - refunded_cents = amount_cents THEN 'paid' WHEN refunded_cents > 0 THEN 'partially_refunded' \
    ELSE 'partially_paid' END";

/// The condition of a derived payment status. An application's own status follows from nothing, and a free booking is
/// paid from the start.
const AGREES: &str = "payment_status NOT IN ('pending', 'partially_paid', 'paid', 'partially_refunded', 'refunded') \
    OR amount_cents = 0 AND payment_status IN ('pending', 'paid')";

/// The triggers, each with its table.
pub(crate) const TRIGGERS: [(&str, &str); 3] = [
    ("booking_ledger_of_inserted", "bookings"),
    ("booking_ledger_of_updated", "bookings"),
    ("booking_ledger_of_payment", "booking_payments"),
];

#[async_trait]
impl TenantMigration for Migration {
    async fn down(&self, manager: &SchemaManager, settings: &Settings) -> Result<(), DbErr> {
        let bookings = format!("{}.bookings", settings.schema_sql(TableSet::Booking));
        let mut statements: Vec<String> =
            TRIGGERS.iter().map(|(trigger, table)| dropped(settings, trigger, table)).collect();
        statements.extend([
            format!("DROP FUNCTION IF EXISTS {}()", ledger_agrees(settings)),
            without_status_rule(settings),
        ]);
        // The earlier version knows neither status.
        let earlier = format!(
            "UPDATE {bookings} SET payment_status = CASE payment_status WHEN 'partially_paid' THEN 'pending' \
             ELSE 'refunded' END WHERE payment_status IN ('partially_paid', 'partially_refunded')"
        );
        statements.extend(unforced(std::slice::from_ref(&bookings), [earlier]));
        for sql in statements {
            manager.get_connection().execute_unprepared(&sql).await?;
        }
        drop_all(manager, &self.tables(settings.table_sets())).await?;
        let columns = format!(
            "ALTER TABLE {bookings} DROP COLUMN currency, DROP COLUMN paid_cents, DROP COLUMN refunded_cents, \
             DROP COLUMN request_digest"
        );
        manager.get_connection().execute_unprepared(&columns).await.map(drop)
    }

    fn tables(&self, sets: &TableSets) -> Vec<TenantTable> {
        vec![booking_payments(sets)]
    }

    fn statements(&self, settings: &Settings) -> Result<Option<Vec<String>>, TableError> {
        let bookings = format!("{}.bookings", settings.schema_sql(TableSet::Booking));
        let mut statements = vec![format!(
            "ALTER TABLE {bookings} ADD COLUMN currency varchar(3) NOT NULL DEFAULT 'USD', \
                 ADD COLUMN paid_cents bigint NOT NULL DEFAULT 0, ADD COLUMN refunded_cents bigint NOT NULL DEFAULT 0, \
                 ADD COLUMN request_digest bytea"
        )];
        statements.extend(statements_of(settings, &self.tables(settings.table_sets()))?);
        statements.extend(entries_of_earlier_rows(settings));
        statements.push(format!(
            "ALTER TABLE {bookings} ADD CONSTRAINT bookings_currency_check CHECK (currency ~ '^[A-Z]{{3}}$'), \
             ADD CONSTRAINT bookings_paid_cents_check CHECK (paid_cents >= refunded_cents AND \
             paid_cents - refunded_cents <= amount_cents), \
             ADD CONSTRAINT bookings_refunded_cents_check CHECK (refunded_cents >= 0), \
             ADD CONSTRAINT bookings_request_digest_check CHECK (octet_length(request_digest) = 32)"
        ));
        statements.push(status_rule(settings));
        statements.extend(triggers(settings));
        Ok(Some(statements))
    }
}

/// Payments and refunds. A refund names its payment, and the trigger compares the two: a foreign key from the table to
/// itself would make imports depend on temporary tables. A redemption can be in a table set that is not chosen.
fn booking_payments(sets: &TableSets) -> TenantTable {
    let given = |column: &'static str| Expr::col(column).is_not_null();
    TenantTable::new(sets.schema(TableSet::Booking), "booking_payments")
        .col(uuid("booking_id"))
        .col(string_len("kind", 16))
        .col(uuid_null("refund_of"))
        .col(string_len("method", 32))
        .col(string_len_null("processor", 32))
        .col(string_len_null("reference", 255))
        .col(integer("item").default(1))
        .col(integer("amount_cents"))
        .col(string_len("currency", 3))
        .col(uuid_null("redemption_id"))
        .col(string_len_null("idempotency_key", 255))
        .col(ColumnDef::new("request_digest").custom("bytea").null().take())
        .col(timestamp_with_time_zone_default_now("created_at"))
        .unique(["processor", "reference", "item"])
        .unique(["redemption_id"])
        .unique(["idempotency_key"])
        .foreign_key(TenantForeignKey::column("booking_id").to(sets.schema(TableSet::Booking), "bookings"))
        .one_of("kind", ["payment", "refund"])
        .check("refund_of", Expr::col("kind").eq("refund").eq(given("refund_of")))
        .check("reference", given("processor").eq(given("reference")))
        .check("redemption_id", Expr::col("redemption_id").is_null().or(Expr::col("kind").eq("payment")))
        .check("request_digest", Expr::cust("octet_length(request_digest) = 32"))
        .check("currency", Expr::cust("currency ~ '^[A-Z]{3}$'"))
        .at_least("item", 1)
        .at_least("amount_cents", 1)
        .append_only()
}

/// The rule that the payment status follows from the totals.
pub(crate) fn status_rule(settings: &Settings) -> String {
    format!(
        "ALTER TABLE {}.bookings ADD CONSTRAINT bookings_payment_status_check \
         CHECK ({AGREES} OR payment_status = {DERIVED})",
        settings.schema_sql(TableSet::Booking)
    )
}

pub(crate) fn without_status_rule(settings: &Settings) -> String {
    format!(
        "ALTER TABLE {}.bookings DROP CONSTRAINT bookings_payment_status_check",
        settings.schema_sql(TableSet::Booking)
    )
}

/// The SQL that gives earlier bookings their currency and the entries that their rows show.
///
/// The ids are computed, so the migration has the same result each time.
pub(crate) fn entries_of_earlier_rows(settings: &Settings) -> Vec<String> {
    let booking = settings.schema_sql(TableSet::Booking);
    let services = format!("{}.services", settings.schema_sql(TableSet::Content));
    let (bookings, ledger) = (format!("{booking}.bookings"), format!("{booking}.booking_payments"));
    let mut tables = vec![bookings.clone(), ledger.clone(), services.clone()];
    // The entries and the totals agree after the last change alone, and no table can be altered before they are compared.
    let constraints = |when: &str| format!("SET CONSTRAINTS ALL {when}");
    let mut changes = vec![
        constraints("DEFERRED"),
        format!(
            "UPDATE {bookings} AS b SET currency = s.currency FROM {services} AS s \
             WHERE s.tenant_id = b.tenant_id AND s.id = b.service_id AND s.currency <> b.currency"
        ),
    ];
    if settings.table_sets().contains(TableSet::Certificates) {
        let certificates = settings.schema_sql(TableSet::Certificates);
        let redemptions = format!("{certificates}.gift_certificate_redemptions");
        let certificates = format!("{certificates}.gift_certificates");
        tables.extend([redemptions.clone(), certificates.clone()]);
        changes.extend(entries_of_redemptions(&bookings, &ledger, &redemptions, &certificates));
    }
    changes.extend(entries_of_statuses(&bookings, &ledger));
    changes.push(constraints("IMMEDIATE"));
    unforced(&tables, changes)
}

/// The SQL for the entries of redemptions. A certificate knows the currency in which a booking was paid. Redemptions of
/// more than the amount of a booking count up to the amount.
fn entries_of_redemptions(
    bookings: &str,
    ledger: &str,
    redemptions: &str,
    certificates: &str,
) -> [String; 3] {
    [
        format!(
            "UPDATE {bookings} AS b SET currency = p.currency FROM (SELECT DISTINCT ON (r.tenant_id, r.booking_id) \
             r.tenant_id, r.booking_id, c.currency FROM {redemptions} AS r JOIN {certificates} AS c \
             ON c.tenant_id = r.tenant_id AND c.id = r.gift_certificate_id \
             ORDER BY r.tenant_id, r.booking_id, r.created_at DESC, r.id) AS p \
             WHERE p.tenant_id = b.tenant_id AND p.booking_id = b.id AND p.currency <> b.currency"
        ),
        format!(
            "INSERT INTO {ledger} (tenant_id, id, booking_id, kind, method, amount_cents, currency, redemption_id, created_at) \
             SELECT tenant_id, md5('redemption ' || id)::uuid, booking_id, 'payment', type, amount, currency, id, created_at FROM ( \
             SELECT q.*, CASE WHEN refunded_at IS NULL THEN least(cents, price - coalesce(sum(cents) \
                 FILTER (WHERE refunded_at IS NULL) OVER (PARTITION BY tenant_id, booking_id ORDER BY created_at, id \
                 ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING), 0)) ELSE cents END AS amount FROM ( \
             SELECT r.tenant_id, r.id, r.booking_id, r.type, r.refunded_at, r.created_at, b.currency, \
                 b.amount_cents AS price, CASE r.type WHEN 'package' THEN b.amount_cents ELSE r.amount_cents END AS cents \
             FROM {redemptions} AS r JOIN {bookings} AS b ON b.tenant_id = r.tenant_id AND b.id = r.booking_id) AS q) AS q \
             WHERE amount > 0"
        ),
        format!(
            "INSERT INTO {ledger} (tenant_id, id, booking_id, kind, refund_of, method, amount_cents, currency, created_at) \
             SELECT p.tenant_id, md5('refund ' || p.id)::uuid, p.booking_id, 'refund', p.id, p.method, p.amount_cents, p.currency, r.refunded_at \
             FROM {ledger} AS p JOIN {redemptions} AS r ON r.tenant_id = p.tenant_id AND r.id = p.redemption_id \
             WHERE r.refunded_at IS NOT NULL"
        ),
    ]
}

/// The SQL for the entries that a status shows, and for the totals.
///
/// A booking with the status `refunded` whose certificates were refunded by a cancellation can have another payment, of
/// which nothing shows a refund. Equal references of several bookings are items of one payment.
fn entries_of_statuses(bookings: &str, ledger: &str) -> [String; 4] {
    let signed = "CASE kind WHEN 'payment' THEN amount_cents ELSE -amount_cents END";
    let totals = format!(
        "SELECT tenant_id, booking_id, sum({signed}) AS net, \
         sum(amount_cents) FILTER (WHERE kind = 'payment') AS paid, \
         coalesce(sum(amount_cents) FILTER (WHERE kind = 'refund'), 0) AS refunded \
         FROM {ledger} GROUP BY tenant_id, booking_id"
    );
    [
        format!(
            "INSERT INTO {ledger} (tenant_id, id, booking_id, kind, method, processor, reference, item, amount_cents, currency, \
             created_at) SELECT tenant_id, md5('booking ' || id)::uuid, id, 'payment', coalesce(nullif(payment_method, ''), 'unknown'), \
             CASE WHEN payment_ref <> '' THEN 'unknown' END, nullif(payment_ref, ''), \
             row_number() OVER (PARTITION BY tenant_id, payment_ref ORDER BY created_at, id), amount, currency, updated_at \
             FROM (SELECT b.*, CASE payment_status WHEN 'paid' THEN b.amount_cents - coalesce(t.net, 0) \
                 WHEN 'refunded' THEN CASE WHEN t.paid IS NULL \
                     OR b.payment_method NOT IN ('gift_certificate', 'package') \
                     THEN b.amount_cents - coalesce(t.paid, 0) END END AS amount \
             FROM {bookings} AS b LEFT JOIN ({totals}) AS t ON t.tenant_id = b.tenant_id AND t.booking_id = b.id) AS b \
             WHERE amount > 0"
        ),
        format!(
            "INSERT INTO {ledger} (tenant_id, id, booking_id, kind, refund_of, method, amount_cents, currency, created_at) \
             SELECT p.tenant_id, md5('refund ' || p.id)::uuid, p.booking_id, 'refund', p.id, p.method, p.amount_cents, p.currency, b.updated_at \
             FROM {ledger} AS p JOIN {bookings} AS b ON b.tenant_id = p.tenant_id AND b.id = p.booking_id \
             WHERE p.kind = 'payment' AND b.payment_status = 'refunded' \
             AND NOT EXISTS (SELECT FROM {ledger} AS r WHERE r.tenant_id = p.tenant_id AND r.booking_id = p.booking_id \
                 AND r.kind = 'refund' AND (r.refund_of = p.id OR p.redemption_id IS NULL))"
        ),
        format!(
            "UPDATE {bookings} AS b SET paid_cents = t.paid, refunded_cents = t.refunded FROM ({totals}) AS t \
             WHERE t.tenant_id = b.tenant_id AND t.booking_id = b.id"
        ),
        format!(
            "UPDATE {bookings} SET payment_status = {DERIVED} WHERE NOT ({AGREES} OR payment_status = {DERIVED})"
        ),
    ]
}

/// The function of the triggers as SQL names it.
pub(crate) fn ledger_agrees(settings: &Settings) -> String {
    format!("{}.booking_ledger_agrees", settings.schema_sql(TableSet::Booking))
}

/// The SQL that drops a trigger, which a cluster may lack.
pub(crate) fn dropped(settings: &Settings, trigger: &str, table: &str) -> String {
    format!("DROP TRIGGER IF EXISTS {trigger} ON {}.{table}", settings.schema_sql(TableSet::Booking))
}

/// The triggers that compare the totals of a booking with its ledger at the end of a transaction, and each refund with its
/// payment. A cluster has none.
fn triggers(settings: &Settings) -> [String; 2] {
    let (function, schema) = (ledger_agrees(settings), settings.schema_sql(TableSet::Booking));
    // The tables are named by the schema of the one that fires, so that they can move to another schema.
    let disagreement = "SELECT EXISTS (SELECT FROM %1$I.bookings AS b CROSS JOIN LATERAL (SELECT \
        coalesce(sum(p.amount_cents) FILTER (WHERE p.kind = 'payment'), 0) AS paid, \
        coalesce(sum(p.amount_cents) FILTER (WHERE p.kind = 'refund'), 0) AS refunded, \
        bool_and(p.currency = b.currency) AS is_same FROM %1$I.booking_payments AS p \
        WHERE p.tenant_id = b.tenant_id AND p.booking_id = b.id) AS t WHERE b.tenant_id = $1 AND b.id = $2 \
        AND (b.paid_cents <> t.paid OR b.refunded_cents <> t.refunded OR NOT t.is_same)) \
        OR EXISTS (SELECT FROM %1$I.booking_payments AS r LEFT JOIN %1$I.booking_payments AS p \
        ON p.tenant_id = r.tenant_id AND p.id = r.refund_of AND p.booking_id = r.booking_id AND p.kind = 'payment' \
        WHERE r.tenant_id = $1 AND r.booking_id = $2 AND r.kind = 'refund' GROUP BY r.refund_of, p.amount_cents \
        HAVING p.amount_cents IS NULL OR sum(r.amount_cents) > p.amount_cents)";
    let body = format!(
        "DECLARE booking pg_catalog.uuid; disagrees pg_catalog.bool; BEGIN \
         IF TG_ARGV[0] = 'booking' THEN booking := NEW.id; ELSE booking := NEW.booking_id; END IF; \
         EXECUTE pg_catalog.format({}, TG_TABLE_SCHEMA) INTO disagrees USING NEW.tenant_id, booking; \
         IF disagrees THEN RAISE EXCEPTION 'the payments of booking % do not agree with its totals', booking \
             USING ERRCODE = 'check_violation', CONSTRAINT = 'booking_ledger_agrees', HINT = \
             'Record payments and refunds with the operations of watertight.'; \
         END IF; RETURN NULL; END",
        literal(disagreement)
    );
    let when = [
        "AFTER INSERT ON {table} DEFERRABLE INITIALLY DEFERRED FOR EACH ROW \
         WHEN (NEW.paid_cents <> 0 OR NEW.refunded_cents <> 0) EXECUTE FUNCTION {function}('booking')",
        "AFTER UPDATE ON {table} DEFERRABLE INITIALLY DEFERRED FOR EACH ROW \
         WHEN (OLD.paid_cents <> NEW.paid_cents OR OLD.refunded_cents <> NEW.refunded_cents \
             OR OLD.currency <> NEW.currency) EXECUTE FUNCTION {function}('booking')",
        "AFTER INSERT OR UPDATE ON {table} DEFERRABLE INITIALLY DEFERRED FOR EACH ROW \
         EXECUTE FUNCTION {function}('payment')",
    ];
    let created = TRIGGERS.iter().zip(when).map(|((name, table), when)| {
        let when = when.replace("{table}", &format!("{schema}.{table}")).replace("{function}", &function);
        format!("CREATE CONSTRAINT TRIGGER {name} {when};")
    });
    let created: Vec<String> = created.collect();
    let block = format!(
        "BEGIN IF NOT EXISTS (SELECT FROM pg_catalog.pg_extension WHERE extname = 'citus') THEN {} END IF; END",
        created.join(" ")
    );
    [
        format!(
            "CREATE OR REPLACE FUNCTION {function}() RETURNS trigger LANGUAGE plpgsql \
             SET search_path = pg_catalog, pg_temp AS {}",
            literal(&body)
        ),
        format!("DO {}", literal(&block)),
    ]
}
