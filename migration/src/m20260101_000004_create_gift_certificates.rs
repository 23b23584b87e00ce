//! Gift certificates, packages of sessions, and the redemptions of both.

use sea_orm_migration::{prelude::*, schema::*};

use crate::migration::TenantMigration;
use crate::{TableSet, TableSets, TenantForeignKey, TenantTable};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

impl TenantMigration for Migration {
    fn tables(&self, sets: &TableSets) -> Vec<TenantTable> {
        vec![gift_certificates(sets), packages(sets), gift_certificate_redemptions(sets)]
    }
}

/// Gift certificates. By law they do not expire, so the table has no column for it.
fn gift_certificates(sets: &TableSets) -> TenantTable {
    TenantTable::new(sets.schema(TableSet::Certificates), "gift_certificates")
        .col(string_len("code", 16))
        .col(integer("amount_cents"))
        .col(integer("balance_cents"))
        .col(string_len("currency", 3).default("USD"))
        .col(string_len("status", 16).default("active"))
        .col(string_len("purchaser_name", 255))
        .col(string_len("purchaser_email", 255))
        .col(string_len_null("recipient_name", 255))
        .col(string_len_null("recipient_email", 255))
        .col(text_null("message"))
        .col(string_len_null("stripe_session_id", 255))
        .col(string_len_null("stripe_payment_id", 255))
        .col(string_len_null("issued_by", 64))
        .col(timestamp_with_time_zone_null("redeemed_at"))
        .col(timestamp_with_time_zone_default_now("created_at"))
        .col(timestamp_with_time_zone_default_now("updated_at"))
        .unique(["code"])
        .one_of("status", ["active", "void"])
        .check("currency", Expr::cust("currency ~ '^[A-Z]{3}$'"))
        .at_least("amount_cents", 0)
        .check("balance_cents", Expr::col("balance_cents").between(0, Expr::col("amount_cents")))
}

fn packages(sets: &TableSets) -> TenantTable {
    TenantTable::new(sets.schema(TableSet::Certificates), "packages")
        .col(string_len("code", 16))
        .col(uuid_null("client_id"))
        .col(string_len("package_type", 64))
        .col(integer("total_sessions"))
        .col(integer("remaining_sessions"))
        .col(integer("price_cents"))
        .col(string_len("currency", 3).default("USD"))
        .col(string_len("status", 16).default("active"))
        .col(string_len("purchaser_name", 255))
        .col(string_len("purchaser_email", 255))
        .col(string_len_null("stripe_session_id", 255))
        .col(string_len_null("stripe_payment_id", 255))
        .col(string_len_null("issued_by", 64))
        .col(timestamp_with_time_zone_null("expires_at"))
        .col(timestamp_with_time_zone_default_now("created_at"))
        .col(timestamp_with_time_zone_default_now("updated_at"))
        .unique(["code"])
        .foreign_key(TenantForeignKey::column("client_id").to(sets.schema(TableSet::Booking), "clients"))
        .one_of("status", ["active", "void"])
        .check("currency", Expr::cust("currency ~ '^[A-Z]{3}$'"))
        .at_least("total_sessions", 1)
        .at_least("price_cents", 0)
        .check("remaining_sessions", Expr::col("remaining_sessions").between(0, Expr::col("total_sessions")))
}

/// Redemptions, each of money of a certificate or of a session of a package, but not both.
fn gift_certificate_redemptions(sets: &TableSets) -> TenantTable {
    let is = |kind: &'static str| Expr::col("type").eq(kind);
    let given = |column: &'static str| Expr::col(column).is_not_null();
    let absent = |column: &'static str| Expr::col(column).is_null();
    TenantTable::new(sets.schema(TableSet::Certificates), "gift_certificate_redemptions")
        .col(uuid("booking_id"))
        .col(uuid_null("gift_certificate_id"))
        .col(uuid_null("package_id"))
        .col(string_len("type", 16))
        .col(integer_null("amount_cents"))
        .col(integer_null("session_number"))
        // A refunded redemption of a cancelled booking does not count.
        .col(timestamp_with_time_zone_null("refunded_at"))
        .col(timestamp_with_time_zone_default_now("created_at"))
        .foreign_key(TenantForeignKey::column("booking_id").to(sets.schema(TableSet::Booking), "bookings"))
        .foreign_key(
            TenantForeignKey::column("gift_certificate_id")
                .to(sets.schema(TableSet::Certificates), "gift_certificates"),
        )
        .foreign_key(
            TenantForeignKey::column("package_id").to(sets.schema(TableSet::Certificates), "packages"),
        )
        .one_of("type", ["gift_certificate", "package"])
        .check("gift_certificate_id", is("gift_certificate").eq(given("gift_certificate_id")))
        .check("package_id", is("package").eq(given("package_id")))
        .check(
            "amount_cents",
            absent("amount_cents").or(Expr::col("amount_cents").gte(0).and(is("gift_certificate"))),
        )
        .check(
            "session_number",
            absent("session_number").or(Expr::col("session_number").gte(1).and(is("package"))),
        )
}
