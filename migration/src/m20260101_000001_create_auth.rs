//! Users, sessions, second factors, invitations, and the audit trail.

use async_trait::async_trait;
use sea_orm_migration::{
    prelude::*,
    schema::*,
    sea_query::IndexOrder::{Asc, Desc},
};

use crate::migration::{TenantMigration, run_statements};
use crate::{Settings, TableSet, TableSets, TenantForeignKey, TenantTable, access};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait]
impl TenantMigration for Migration {
    async fn up(&self, manager: &SchemaManager, settings: &Settings) -> Result<(), DbErr> {
        access::refuse_leftovers(manager, settings.table_sets().schema(TableSet::Auth), "users").await?;
        run_statements(manager, settings, self.statements(settings)?).await
    }

    fn tables(&self, sets: &TableSets) -> Vec<TenantTable> {
        vec![
            users(sets),
            sessions(sets),
            totp_secrets(sets),
            backup_codes(sets),
            invitations(sets),
            audit_events(sets),
        ]
    }
}

fn users(sets: &TableSets) -> TenantTable {
    TenantTable::new(sets.schema(TableSet::Auth), "users")
        .col(string_len("handle", 64))
        .col(string_len("email", 255))
        .col(string_len_null("display_name", 128))
        .col(text("password_hash"))
        .col(string_len("role", 32).default("viewer"))
        .col(boolean("is_active").default(true))
        .col(boolean("is_locked").default(false))
        .col(text_null("lock_reason"))
        .col(timestamp_with_time_zone_null("locked_at"))
        // Null in a locked account: the lock lasts until an administrator ends it.
        .col(timestamp_with_time_zone_null("locked_until"))
        .col(boolean("needs_onboarding").default(true))
        .col(integer("onboarding_step").default(0))
        .col(boolean("first_login").default(true))
        .col(boolean("totp_enabled").default(false))
        .col(string_len_null("totp_secret_id", 128))
        .col(json_binary_null("permissions"))
        .col(text_null("bio"))
        .col(text_null("avatar_url"))
        .col(string_len_null("pronouns", 32))
        .col(string_len_null("timezone", 64))
        .col(string_len_null("locale", 16))
        .col(string_len_null("theme", 8))
        .col(boolean("email_notifications").default(true))
        .col(integer("login_attempts").default(0))
        .col(timestamp_with_time_zone_null("last_failed_login_at"))
        .col(timestamp_with_time_zone_null("last_login_at"))
        .col(timestamp_with_time_zone_null("password_changed_at"))
        .col(string_len_null("ip_address", 45))
        .col(text_null("user_agent"))
        .col(timestamp_with_time_zone_default_now("created_at"))
        .col(timestamp_with_time_zone_default_now("updated_at"))
        .unique(["handle"])
        .unique(["email"])
        .lower_case("handle")
        .lower_case("email")
        .at_least("onboarding_step", 0)
        .at_least("login_attempts", 0)
        .json_array("permissions")
}

fn sessions(sets: &TableSets) -> TenantTable {
    TenantTable::new(sets.schema(TableSet::Auth), "sessions")
        .col(uuid("user_id"))
        .col(timestamp_with_time_zone("expires_at"))
        .col(timestamp_with_time_zone_default_now("created_at"))
        .col(json_binary_null("user_data"))
        .col(string_len("client_ip", 45).default("unknown"))
        .col(string_len_null("client_ip_masked", 45))
        .col(text("user_agent").default("unknown"))
        .col(string_len("device_type", 16).default("unknown"))
        .col(text_null("browser_fingerprint"))
        .col(json_binary_null("geo_location"))
        .col(text_null("temp_totp_secret"))
        .col(timestamp_with_time_zone_null("temp_totp_expires_at"))
        .foreign_key(of_user(sets, "user_id"))
        .json_object("user_data")
        .json_object("geo_location")
        .one_of("device_type", ["mobile", "tablet", "desktop", "unknown"])
        .index([("expires_at", Asc)])
}

fn totp_secrets(sets: &TableSets) -> TenantTable {
    TenantTable::new(sets.schema(TableSet::Auth), "totp_secrets")
        .col(string_len("handle", 64))
        .col(uuid("user_id"))
        .col(text("encrypted_secret"))
        .col(text("iv"))
        .col(text("auth_tag"))
        .col(text("salt"))
        .col(boolean("backup_codes_generated").default(false))
        .col(integer("version").default(1))
        .col(big_integer_null("last_used_step"))
        .col(timestamp_with_time_zone_null("last_used_at"))
        .col(timestamp_with_time_zone_default_now("created_at"))
        .key(["handle"])
        .foreign_key(of_user(sets, "user_id"))
        .lower_case("handle")
        .at_least("version", 1)
        .at_least("last_used_step", 0)
}

fn backup_codes(sets: &TableSets) -> TenantTable {
    TenantTable::new(sets.schema(TableSet::Auth), "backup_codes")
        .col(uuid("user_id"))
        .col(json_binary("codes"))
        .col(timestamp_with_time_zone_default_now("generated_at"))
        .col(timestamp_with_time_zone_null("last_used_at"))
        .key(["user_id"])
        .foreign_key(of_user(sets, "user_id"))
        .json_array("codes")
}

fn invitations(sets: &TableSets) -> TenantTable {
    TenantTable::new(sets.schema(TableSet::Auth), "invitations")
        .col(text("token"))
        .col(string_len("email", 255))
        .col(string_len("role", 32))
        .col(uuid("created_by"))
        .col(boolean("is_active").default(true))
        .col(timestamp_with_time_zone("expires_at"))
        .col(timestamp_with_time_zone_null("used_at"))
        .col(uuid_null("used_by"))
        .col(text_null("temporary_totp_secret"))
        .col(json_binary_null("metadata"))
        .col(timestamp_with_time_zone_default_now("created_at"))
        .unique(["token"])
        .foreign_key(TenantForeignKey::column("created_by").to(sets.schema(TableSet::Auth), "users"))
        .lower_case("email")
        .json_object("metadata")
        .index([("expires_at", Asc)])
}

/// The audit trail. It has no foreign key to users, because it outlives them.
fn audit_events(sets: &TableSets) -> TenantTable {
    TenantTable::new(sets.schema(TableSet::Auth), "audit_events")
        .col(string_len("type", 64))
        .col(uuid_null("user_id"))
        .col(uuid_null("target_user_id"))
        .col(string_len_null("handle", 64))
        .col(string_len_null("ip_address", 45))
        .col(text_null("user_agent"))
        .col(json_binary("details"))
        .col(string_len("severity", 16).default("info"))
        .col(string_len("source", 16).default("system"))
        .col(timestamp_with_time_zone_default_now("timestamp"))
        .one_of("severity", ["info", "warning", "error", "critical"])
        .one_of("source", ["system", "user", "admin"])
        .index([("timestamp", Desc), ("id", Desc)])
        .index([("type", Asc), ("timestamp", Desc), ("id", Desc)])
        .index([("user_id", Asc), ("timestamp", Desc), ("id", Desc)])
        .index([("severity", Asc), ("timestamp", Desc), ("id", Desc)])
        .append_only()
}

/// A reference to a user, deleted with the user.
fn of_user(sets: &TableSets, column: &str) -> TenantForeignKey {
    TenantForeignKey::column(column)
        .to(sets.schema(TableSet::Auth), "users")
        .on_delete(ForeignKeyAction::Cascade)
}
