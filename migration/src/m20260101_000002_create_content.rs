//! The content of a tenant's site: the business, its services, hours, reviews and practitioners.

use sea_orm_migration::{prelude::*, schema::*, sea_query::ColumnType};

use crate::migration::TenantMigration;
use crate::{TableSet, TableSets, TenantTable};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

impl TenantMigration for Migration {
    fn tables(&self, sets: &TableSets) -> Vec<TenantTable> {
        vec![business_profile(sets), services(sets), business_hours(sets), reviews(sets), practitioners(sets)]
    }
}

fn business_profile(sets: &TableSets) -> TenantTable {
    TenantTable::new(sets.schema(TableSet::Content), "business_profile")
        .one_row_per_tenant()
        .col(string_len("name", 255))
        .col(string_len("phone", 32))
        .col(string_len_null("email", 255))
        .col(string_len("street_address", 255))
        .col(string_len_null("suite_unit", 64))
        .col(string_len("city", 128))
        .col(string_len("state", 2))
        .col(string_len("postal_code", 10))
        .col(string_len("country", 2).default("US"))
        .col(decimal_len_null("latitude", 12, 8))
        .col(decimal_len_null("longitude", 12, 8))
        .col(string_len_null("license_number", 32))
        .col(text_null("description"))
        .col(string_len_null("slogan", 255))
        .col(string_len_null("website_url", 512))
        .col(text_null("google_maps_url"))
        // The name of the IANA time zone of the opening hours.
        .col(string_len("time_zone", 64).default("UTC"))
        .col(timestamp_with_time_zone_default_now("updated_at"))
        .between("latitude", -90, 90)
        .between("longitude", -180, 180)
        .check("country", Expr::cust("country ~ '^[A-Z]{2}$'"))
}

fn services(sets: &TableSets) -> TenantTable {
    TenantTable::new(sets.schema(TableSet::Content), "services")
        .col(string_len_null("acuity_id", 64))
        .col(string_len("name", 255))
        .col(text_null("description"))
        .col(string_len_null("category", 128))
        .col(integer("duration_minutes"))
        .col(integer("price_cents"))
        .col(string_len("currency", 3).default("USD"))
        .col(boolean("active").default(true))
        .col(integer("display_order").default(0))
        .col(timestamp_with_time_zone_default_now("updated_at"))
        .unique(["acuity_id"])
        .at_least("duration_minutes", 1)
        .at_least("price_cents", 0)
        .check("currency", Expr::cust("currency ~ '^[A-Z]{3}$'"))
}

fn business_hours(sets: &TableSets) -> TenantTable {
    TenantTable::new(sets.schema(TableSet::Content), "business_hours")
        .col(small_integer("day_of_week"))
        .col(time("opens"))
        .col(time("closes"))
        .col(string_len_null("label", 64))
        .col(timestamp_with_time_zone_default_now("updated_at"))
        .between("day_of_week", 0, 6)
        .check("opens_before_closes", Expr::col("opens").lt(Expr::col("closes")))
}

fn reviews(sets: &TableSets) -> TenantTable {
    TenantTable::new(sets.schema(TableSet::Content), "reviews")
        .col(string_len("reviewer_name", 255))
        .col(small_integer("rating"))
        .col(text("text"))
        .col(string_len("source", 64).default("google"))
        .col(array_null("tags", ColumnType::Text))
        .col(boolean("featured").default(false))
        .col(timestamp_with_time_zone_null("published_at"))
        .col(timestamp_with_time_zone_default_now("updated_at"))
        .between("rating", 1, 5)
}

fn practitioners(sets: &TableSets) -> TenantTable {
    TenantTable::new(sets.schema(TableSet::Content), "practitioners")
        .col(string_len("handle", 64))
        .col(string_len("name", 255))
        .col(string_len_null("title", 128))
        .col(text_null("bio"))
        .col(array_null("credentials", ColumnType::Text))
        .col(array_null("specializations", ColumnType::Text))
        .col(string_len_null("license_number", 32))
        .col(string_len_null("photo_url", 512))
        .col(timestamp_with_time_zone_default_now("updated_at"))
        .unique(["handle"])
        .lower_case("handle")
}
