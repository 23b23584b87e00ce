//! Intake forms and the submissions of clients.

use async_trait::async_trait;
use sea_orm_migration::{prelude::*, schema::*};

use crate::migration::{TenantMigration, drop_all, statements_of};
use crate::{Settings, TableError, TableSet, TableSets, TenantForeignKey, TenantTable};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait]
impl TenantMigration for Migration {
    async fn down(&self, manager: &SchemaManager, settings: &Settings) -> Result<(), DbErr> {
        drop_all(manager, &self.tables(settings.table_sets())).await?;
        let drop = format!("DROP FUNCTION {}()", consent_is_final(settings));
        manager.get_connection().execute_unprepared(&drop).await?;
        Ok(())
    }

    fn tables(&self, sets: &TableSets) -> Vec<TenantTable> {
        vec![intake_form_templates(sets), intake_submissions(sets)]
    }

    fn statements(&self, settings: &Settings) -> Result<Option<Vec<String>>, TableError> {
        let mut statements = statements_of(settings, &self.tables(settings.table_sets()))?;
        statements.extend(consent_trigger(settings));
        Ok(Some(statements))
    }
}

/// The trigger that keeps the text, time, origin and answers of a submitted consent unchanged, as evidence.
pub(crate) fn consent_trigger(settings: &Settings) -> [String; 2] {
    let function = consent_is_final(settings);
    let schema = settings.schema_sql(TableSet::Intake);
    [
        format!(
            "CREATE OR REPLACE FUNCTION {function}() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN \
            IF OLD.status <> 'draft' AND (NEW.status = 'draft' OR (NEW.consent_text, NEW.consented_at, \
                NEW.consent_ip, NEW.responses, NEW.client_id, NEW.template_id) IS DISTINCT FROM (OLD.consent_text, \
                OLD.consented_at, OLD.consent_ip, OLD.responses, OLD.client_id, OLD.template_id)) THEN \
                RAISE EXCEPTION 'a submitted intake form cannot be changed' USING ERRCODE = 'check_violation', \
                    CONSTRAINT = 'intake_consent_is_final'; \
            END IF; RETURN NEW; END $$"
        ),
        format!(
            "CREATE TRIGGER intake_consent_is_final BEFORE UPDATE ON {schema}.intake_submissions \
            FOR EACH ROW EXECUTE FUNCTION {function}()"
        ),
    ]
}

/// The trigger's function as SQL names it.
pub(crate) fn consent_is_final(settings: &Settings) -> String {
    format!("{}.intake_consent_is_final", settings.schema_sql(TableSet::Intake))
}

fn intake_form_templates(sets: &TableSets) -> TenantTable {
    TenantTable::new(sets.schema(TableSet::Intake), "intake_form_templates")
        .col(string_len("form_type", 64))
        .col(integer("version").default(1))
        .col(string_len("title", 255))
        .col(json_binary("schema"))
        .col(boolean("active").default(true))
        .col(timestamp_with_time_zone_default_now("created_at"))
        .unique(["form_type", "version"])
        .at_least("version", 1)
}

fn intake_submissions(sets: &TableSets) -> TenantTable {
    TenantTable::new(sets.schema(TableSet::Intake), "intake_submissions")
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
        .foreign_key(
            TenantForeignKey::column("template_id")
                .to(sets.schema(TableSet::Intake), "intake_form_templates"),
        )
        .foreign_key(TenantForeignKey::column("client_id").to(sets.schema(TableSet::Booking), "clients"))
        .foreign_key(TenantForeignKey::column("booking_id").to(sets.schema(TableSet::Booking), "bookings"))
        .one_of("status", ["draft", "submitted", "reviewed"])
        .check(
            "consented",
            Expr::cust("status = 'draft' OR (consented_at IS NOT NULL AND consent_text <> '')"),
        )
        .check("reviewed", Expr::cust("(status = 'reviewed') = (reviewed_at IS NOT NULL)"))
}
