//! Triggers that keep final rows unchanged: submitted intake forms and the versions of forms, redemptions and the amounts
//! of what was redeemed, reconciled bookings, and used backup codes.
//!
//! Each trigger compares the two versions of one row and reads nothing else, so a cluster can have it. Each table set has
//! a migration of its own.

use async_trait::async_trait;
use sea_orm_migration::{MigrationName, prelude::*};
use watertight_schema::sql::literal;

use crate::m20260101_000005_create_intake::{consent_is_final, consent_trigger};
use crate::migration::TenantMigration;
use crate::{Settings, TableError, TableSet};

/// The migration of a table set.
pub(crate) struct Migration(pub(crate) TableSet);

impl MigrationName for Migration {
    fn name(&self) -> &str {
        match self.0 {
            TableSet::Auth => "m20260101_000015_final_auth",
            TableSet::Certificates => "m20260101_000015_final_certificates",
            TableSet::Intake => "m20260101_000015_final_intake",
            _ => "m20260101_000015_final_history",
        }
    }
}

/// A trigger: its table, its name, the condition on the two versions of the row, and the refusal.
struct Final(&'static str, &'static str, &'static str, &'static str);

const USED_CODES: Final = Final(
    "backup_codes",
    "used_backup_codes_are_final",
    "OLD.codes IS DISTINCT FROM NEW.codes",
    "a used backup code cannot be changed; generate new codes",
);

const REDEEMED: [Final; 3] = [
    Final(
        "gift_certificates",
        "redeemed_amount_is_final",
        "OLD.balance_cents <> OLD.amount_cents AND (NEW.amount_cents, NEW.currency, NEW.code) IS DISTINCT FROM \
         (OLD.amount_cents, OLD.currency, OLD.code)",
        "the amount, currency and code of a redeemed gift certificate cannot be changed",
    ),
    Final(
        "packages",
        "redeemed_amount_is_final",
        "OLD.remaining_sessions <> OLD.total_sessions AND (NEW.total_sessions, NEW.price_cents, NEW.currency, \
         NEW.code) IS DISTINCT FROM (OLD.total_sessions, OLD.price_cents, OLD.currency, OLD.code)",
        "the sessions, price, currency and code of a redeemed package cannot be changed",
    ),
    Final(
        "gift_certificate_redemptions",
        "redemption_is_final",
        "(NEW.tenant_id, NEW.id, NEW.booking_id, NEW.gift_certificate_id, NEW.package_id, NEW.type, NEW.amount_cents, \
         NEW.session_number, NEW.created_at) IS DISTINCT FROM (OLD.tenant_id, OLD.id, OLD.booking_id, \
         OLD.gift_certificate_id, OLD.package_id, OLD.type, OLD.amount_cents, OLD.session_number, OLD.created_at) \
         OR OLD.refunded_at IS NOT NULL AND NEW.refunded_at IS DISTINCT FROM OLD.refunded_at",
        "a redemption cannot be changed; it can be refunded once",
    ),
];

const RECONCILED: Final = Final(
    "local_bookings",
    "reconciliation_is_final",
    "OLD.reconciliation_status = 'reconciled' AND (NEW.reconciliation_status, NEW.acuity_appointment_id, \
     NEW.reconciled_at) IS DISTINCT FROM (OLD.reconciliation_status, OLD.acuity_appointment_id, OLD.reconciled_at)",
    "the reconciliation of a booking cannot be changed",
);

const INTAKE: [Final; 2] = [
    Final(
        "intake_submissions",
        "intake_consent_is_final",
        "OLD.status <> 'draft' AND (NEW.status = 'draft' OR (NEW.tenant_id, NEW.id, NEW.consent_text, NEW.consented_at, \
         NEW.consent_ip, NEW.responses, NEW.pain_areas, NEW.client_id, NEW.template_id, NEW.booking_id, \
         NEW.created_at) IS DISTINCT FROM (OLD.tenant_id, OLD.id, OLD.consent_text, OLD.consented_at, OLD.consent_ip, \
         OLD.responses, OLD.pain_areas, OLD.client_id, OLD.template_id, OLD.booking_id, OLD.created_at) OR \
         OLD.status = 'reviewed' AND (NEW.status, NEW.reviewed_by, NEW.reviewed_at) IS DISTINCT FROM (OLD.status, \
         OLD.reviewed_by, OLD.reviewed_at))",
        "a submitted intake form cannot be changed",
    ),
    Final(
        "intake_form_templates",
        "intake_consent_is_final",
        "(NEW.tenant_id, NEW.id, NEW.form_type, NEW.version, NEW.title, NEW.schema, NEW.created_at) IS DISTINCT FROM \
         (OLD.tenant_id, OLD.id, OLD.form_type, OLD.version, OLD.title, OLD.schema, OLD.created_at)",
        "a version of a form cannot be changed; create the next version",
    ),
];

const REFUSE: &str =
    "RAISE EXCEPTION '%', TG_ARGV[0] USING ERRCODE = 'check_violation', CONSTRAINT = TG_NAME";

impl Migration {
    const fn triggers(&self) -> &'static [Final] {
        match self.0 {
            TableSet::Auth => &[USED_CODES],
            TableSet::Certificates => &REDEEMED,
            TableSet::Intake => &INTAKE,
            _ => &[RECONCILED],
        }
    }

    /// The trigger's function as SQL names it.
    fn function(&self, settings: &Settings) -> String {
        let schema = settings.schema_sql(self.0);
        match self.0 {
            TableSet::Auth => format!("{schema}.used_backup_codes_are_final"),
            TableSet::Certificates => format!("{schema}.redemptions_are_final"),
            TableSet::Intake => consent_is_final(settings),
            _ => format!("{schema}.reconciliations_are_final"),
        }
    }

    /// The function's body. Whether a used code has changed cannot be said in a condition, which has no subqueries.
    fn body(&self) -> String {
        match self.0 {
            TableSet::Auth => format!(
                "IF EXISTS (SELECT FROM pg_catalog.jsonb_array_elements(OLD.codes) AS o, \
                 pg_catalog.jsonb_array_elements(NEW.codes) AS n \
                 WHERE o ->> 'id' = n ->> 'id' AND o -> 'used' = 'true' AND \
                 (n -> 'used' <> 'true' OR n ->> 'hash' <> o ->> 'hash')) THEN {REFUSE}; END IF; RETURN NEW;"
            ),
            _ => format!("{REFUSE};"),
        }
    }

    fn creating(&self, settings: &Settings) -> Vec<String> {
        let (schema, function) = (settings.schema_sql(self.0), self.function(settings));
        let body = literal(&format!("BEGIN {} END", self.body()));
        let function_sql =
            format!("CREATE OR REPLACE FUNCTION {function}() RETURNS trigger LANGUAGE plpgsql AS {body}");
        let triggers = self.triggers().iter().map(|Final(table, name, condition, refusal)| {
            format!(
                "CREATE TRIGGER {name} BEFORE UPDATE ON {schema}.{table} FOR EACH ROW WHEN ({condition}) \
                 EXECUTE FUNCTION {function}({})",
                literal(refusal)
            )
        });
        std::iter::once(function_sql).chain(triggers).collect()
    }

    fn dropping(&self, settings: &Settings) -> Vec<String> {
        let schema = settings.schema_sql(self.0);
        let drop = |Final(table, name, ..): &Final| format!("DROP TRIGGER {name} ON {schema}.{table}");
        self.triggers().iter().map(drop).collect()
    }
}

/// Citus allows no trigger on a distributed table otherwise. Other servers ignore the setting.
const ALLOWED_ON_CLUSTERS: &str = "SET LOCAL citus.enable_unsafe_triggers = on";

#[async_trait]
impl TenantMigration for Migration {
    async fn down(&self, manager: &SchemaManager, settings: &Settings) -> Result<(), DbErr> {
        let mut statements = vec![ALLOWED_ON_CLUSTERS.to_owned()];
        statements.extend(self.dropping(settings));
        match self.0 {
            TableSet::Intake => statements.extend(consent_trigger(settings)),
            _ => statements.push(format!("DROP FUNCTION {}()", self.function(settings))),
        }
        for sql in statements {
            manager.get_connection().execute_unprepared(&sql).await?;
        }
        Ok(())
    }

    fn statements(&self, settings: &Settings) -> Result<Option<Vec<String>>, TableError> {
        let mut statements = vec![ALLOWED_ON_CLUSTERS.to_owned()];
        if self.0 == TableSet::Intake {
            // The earlier trigger keeps fewer columns.
            let schema = settings.schema_sql(self.0);
            statements.push(format!("DROP TRIGGER intake_consent_is_final ON {schema}.intake_submissions"));
        }
        statements.extend(self.creating(settings));
        Ok(Some(statements))
    }
}

/// Watertight's own triggers: the name of each, and its function as SQL names it.
pub(crate) fn own_triggers(settings: &Settings) -> Vec<(&'static str, String)> {
    let sets = [TableSet::Auth, TableSet::Certificates, TableSet::Intake, TableSet::History];
    let of_set = |set| {
        let migration = Migration(set);
        let function = migration.function(settings);
        migration
            .triggers()
            .iter()
            .map(move |Final(_, name, ..)| (*name, function.clone()))
            .collect::<Vec<_>>()
    };
    sets.into_iter().flat_map(of_set).collect()
}
