//! What a client is asked before a visit: forms and the answers to them.

use async_trait::async_trait;
use sea_orm_migration::{prelude::*, schema::*};

use crate::{
    Settings, TableError, TenantForeignKey, TenantTable,
    migration::{TenantMigration, drop_all, run_statements, statements_of},
};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait]
impl TenantMigration for Migration {
    async fn up(&self, manager: &SchemaManager, settings: &Settings) -> Result<(), DbErr> {
        run_statements(self, manager, settings).await
    }

    async fn down(&self, manager: &SchemaManager, _: &Settings) -> Result<(), DbErr> {
        drop_all(manager, &tables()).await?;
        manager.get_connection().execute_unprepared("DROP FUNCTION public.intake_consent_is_final()").await?;
        Ok(())
    }

    fn statements(&self, settings: &Settings) -> Result<Option<Vec<String>>, TableError> {
        let mut statements = statements_of(settings, &tables())?;
        statements.extend(CONSENT_IS_FINAL.map(str::to_owned));
        Ok(Some(statements))
    }
}

/// What was consented to, when, from where and with which answers is evidence once it is submitted.
const CONSENT_IS_FINAL: [&str; 2] = [
    "CREATE OR REPLACE FUNCTION public.intake_consent_is_final() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN \
        IF OLD.status <> 'draft' AND (NEW.status = 'draft' OR (NEW.consent_text, NEW.consented_at, \
            NEW.consent_ip, NEW.responses, NEW.client_id, NEW.template_id) IS DISTINCT FROM (OLD.consent_text, \
            OLD.consented_at, OLD.consent_ip, OLD.responses, OLD.client_id, OLD.template_id)) THEN \
            RAISE EXCEPTION 'a submitted intake form cannot be changed' USING ERRCODE = 'check_violation', \
                CONSTRAINT = 'intake_consent_is_final'; \
        END IF; RETURN NEW; END $$",
    "CREATE TRIGGER intake_consent_is_final BEFORE UPDATE ON public.intake_submissions \
        FOR EACH ROW EXECUTE FUNCTION public.intake_consent_is_final()",
];

pub(crate) fn tables() -> Vec<TenantTable> {
    vec![intake_form_templates(), intake_submissions()]
}

fn intake_form_templates() -> TenantTable {
    TenantTable::new("public", "intake_form_templates")
        .col(string_len("form_type", 64))
        .col(integer("version").default(1))
        .col(string_len("title", 255))
        .col(json_binary("schema"))
        .col(boolean("active").default(true))
        .col(timestamp_with_time_zone_default_now("created_at"))
        .unique(["form_type", "version"])
        .at_least("version", 1)
}

fn intake_submissions() -> TenantTable {
    TenantTable::new("public", "intake_submissions")
        .col(uuid("template_id"))
        .col(uuid("client_id"))
        .col(uuid_null("booking_id"))
        .col(json_binary("responses"))
        .col(json_binary_null("pain_areas"))
        .col(text("consent_text"))
        .col(timestamp_with_time_zone_null("consented_at"))
        .col(string_len_null("consent_ip", 45))
        .col(string_len("status", 32).default("draft"))
        .col(string_len_null("reviewed_by", 64))
        .col(timestamp_with_time_zone_null("reviewed_at"))
        .col(json_binary_null("therapist_notes"))
        .col(timestamp_with_time_zone_default_now("created_at"))
        .col(timestamp_with_time_zone_default_now("updated_at"))
        .foreign_key(TenantForeignKey::column("template_id").to("public", "intake_form_templates"))
        .foreign_key(TenantForeignKey::column("client_id").to("public", "clients"))
        .foreign_key(TenantForeignKey::column("booking_id").to("public", "bookings"))
        .one_of("status", ["draft", "submitted", "reviewed"])
        .check(
            "consented",
            Expr::cust("status = 'draft' OR (consented_at IS NOT NULL AND consent_text <> '')"),
        )
        .check("reviewed", Expr::cust("(status = 'reviewed') = (reviewed_at IS NOT NULL)"))
}
