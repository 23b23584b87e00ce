//! Clients, bookings, time blocks, special opening hours, and slot reservations.

use sea_orm_migration::{prelude::*, schema::*, sea_query::IndexOrder::Asc};

use crate::migration::TenantMigration;
use crate::{TableSet, TableSets, TenantForeignKey, TenantTable};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

impl TenantMigration for Migration {
    fn tables(&self, sets: &TableSets) -> Vec<TenantTable> {
        vec![
            clients(sets),
            bookings(sets),
            time_blocks(sets),
            business_hours_overrides(sets),
            slot_reservations(sets),
        ]
    }
}

fn clients(sets: &TableSets) -> TenantTable {
    TenantTable::new(sets.schema(TableSet::Booking), "clients")
        .col(string_len("first_name", 128))
        .col(string_len("last_name", 128))
        .col(string_len("email", 255))
        .col(string_len_null("phone", 32))
        .col(text_null("notes"))
        .col(json_binary("custom_fields").default("{}"))
        .col(timestamp_with_time_zone_default_now("created_at"))
        .col(timestamp_with_time_zone_default_now("updated_at"))
        .unique(["email"])
        .lower_case("email")
        .json_object("custom_fields")
}

fn bookings(sets: &TableSets) -> TenantTable {
    TenantTable::new(sets.schema(TableSet::Booking), "bookings")
        .col(string_len("confirmation_code", 16))
        .col(uuid("service_id"))
        .col(uuid_null("practitioner_id"))
        .col(uuid("client_id"))
        .col(timestamp_with_time_zone("datetime"))
        .col(timestamp_with_time_zone("end_time"))
        .col(integer("duration"))
        .col(string_len("status", 32).default("confirmed"))
        .col(string_len("payment_status", 32).default("pending"))
        .col(string_len_null("payment_method", 32))
        .col(string_len_null("payment_ref", 255))
        .col(integer("amount_cents"))
        .col(text_null("notes"))
        .col(string_len_null("idempotency_key", 255))
        .col(timestamp_with_time_zone_null("cancelled_at"))
        .col(text_null("cancel_reason"))
        .col(timestamp_with_time_zone_default_now("created_at"))
        .col(timestamp_with_time_zone_default_now("updated_at"))
        .unique(["confirmation_code"])
        .unique(["idempotency_key"])
        .foreign_key(TenantForeignKey::column("service_id").to(sets.schema(TableSet::Content), "services"))
        .foreign_key(
            TenantForeignKey::column("practitioner_id").to(sets.schema(TableSet::Content), "practitioners"),
        )
        .foreign_key(TenantForeignKey::column("client_id").to(sets.schema(TableSet::Booking), "clients"))
        .one_of("status", ["confirmed", "cancelled", "completed", "no_show"])
        .at_least("duration", 1)
        .at_least("amount_cents", 0)
        .check("ends_after_start", Expr::col("end_time").gt(Expr::col("datetime")))
        .index([("practitioner_id", Asc), ("datetime", Asc)])
        .index([("datetime", Asc)])
}

fn time_blocks(sets: &TableSets) -> TenantTable {
    TenantTable::new(sets.schema(TableSet::Booking), "time_blocks")
        .col(uuid("practitioner_id"))
        .col(timestamp_with_time_zone("start_time"))
        .col(timestamp_with_time_zone("end_time"))
        .col(string_len("block_type", 32))
        .col(string_len_null("title", 255))
        .col(timestamp_with_time_zone_default_now("created_at"))
        .foreign_key(
            TenantForeignKey::column("practitioner_id").to(sets.schema(TableSet::Content), "practitioners"),
        )
        .one_of("block_type", ["break", "vacation", "hold"])
        .check("ends_after_start", Expr::col("end_time").gt(Expr::col("start_time")))
        .index([("practitioner_id", Asc), ("start_time", Asc)])
}

/// Days with other opening hours. A day without hours is closed.
fn business_hours_overrides(sets: &TableSets) -> TenantTable {
    let absent = |column: &'static str| Expr::col(column).is_null();
    TenantTable::new(sets.schema(TableSet::Booking), "business_hours_overrides")
        .col(date("date"))
        .col(time_null("opens"))
        .col(time_null("closes"))
        .col(string_len_null("reason", 255))
        .col(timestamp_with_time_zone_default_now("created_at"))
        .unique(["date"])
        .check("both_hours_or_none", absent("opens").eq(absent("closes")))
        .check("opens_before_closes", Expr::col("opens").lt(Expr::col("closes")))
}

fn slot_reservations(sets: &TableSets) -> TenantTable {
    TenantTable::new(sets.schema(TableSet::Booking), "slot_reservations")
        .col(uuid_null("practitioner_id"))
        .col(timestamp_with_time_zone("datetime"))
        .col(timestamp_with_time_zone("end_time"))
        .col(integer("duration"))
        .col(timestamp_with_time_zone("expires_at"))
        .col(timestamp_with_time_zone_null("released_at"))
        .col(timestamp_with_time_zone_default_now("created_at"))
        .foreign_key(
            TenantForeignKey::column("practitioner_id").to(sets.schema(TableSet::Content), "practitioners"),
        )
        .at_least("duration", 1)
        .check("ends_after_start", Expr::col("end_time").gt(Expr::col("datetime")))
        .index([("practitioner_id", Asc), ("datetime", Asc)])
        .index([("expires_at", Asc)])
}
