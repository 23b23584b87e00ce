//! Appointments, payments and bookings that were imported from other systems.

use sea_orm_migration::{prelude::*, schema::*};

use crate::migration::TenantMigration;
use crate::{TableSet, TableSets, TenantForeignKey, TenantTable};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

impl TenantMigration for Migration {
    fn tables(&self, sets: &TableSets) -> Vec<TenantTable> {
        vec![appointments(sets), payments(sets), local_bookings(sets)]
    }
}

fn appointments(sets: &TableSets) -> TenantTable {
    TenantTable::new(sets.schema(TableSet::History), "appointments")
        .col(integer_null("acuity_id"))
        .col(string_len("client_name", 255))
        .col(string_len_null("client_email", 255))
        .col(string_len_null("client_phone", 32))
        .col(string_len("service", 255))
        .col(integer("duration"))
        .col(integer("price_cents"))
        .col(boolean("paid").default(false))
        .col(string_len_null("payment_method", 32))
        .col(timestamp_with_time_zone("appointment_date"))
        .col(text_null("notes"))
        .col(timestamp_with_time_zone_default_now("created_at"))
        .unique(["acuity_id"])
        .at_least("duration", 0)
        .at_least("price_cents", 0)
}

fn payments(sets: &TableSets) -> TenantTable {
    TenantTable::new(sets.schema(TableSet::History), "payments")
        .col(uuid_null("appointment_id"))
        .col(integer("amount_cents"))
        .col(string_len("currency", 3).default("USD"))
        .col(string_len("processor", 32))
        .col(string_len("processor_ref", 255))
        .col(string_len("status", 32).default("pending"))
        .col(json_binary_null("metadata"))
        .col(timestamp_with_time_zone_default_now("created_at"))
        .unique(["processor", "processor_ref"])
        .foreign_key(
            TenantForeignKey::column("appointment_id").to(sets.schema(TableSet::History), "appointments"),
        )
        .at_least("amount_cents", 0)
}

/// Imported bookings. They name services and providers of the other system, which need not exist here.
fn local_bookings(sets: &TableSets) -> TenantTable {
    TenantTable::new(sets.schema(TableSet::History), "local_bookings")
        .col(string_len("service_id", 128))
        .col(string_len("service_name", 255))
        .col(string_len_null("provider_id", 128))
        .col(string_len_null("provider_name", 255))
        .col(timestamp_with_time_zone("datetime"))
        .col(integer("duration"))
        .col(json_binary("client"))
        .col(string_len("payment_method", 32))
        .col(string_len_null("payment_transaction_id", 255))
        .col(integer("amount_cents"))
        .col(string_len("payment_status", 32).default("pending"))
        .col(string_len("reconciliation_status", 32).default("pending"))
        .col(string_len_null("acuity_appointment_id", 64))
        .col(timestamp_with_time_zone_null("reconciled_at"))
        .col(text_null("notes"))
        .col(timestamp_with_time_zone_default_now("created_at"))
        .col(timestamp_with_time_zone_default_now("updated_at"))
        .unique(["acuity_appointment_id"])
        .one_of("reconciliation_status", ["pending", "reconciled", "failed"])
        .at_least("duration", 0)
        .at_least("amount_cents", 0)
        .json_object("client")
}
