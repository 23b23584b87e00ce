#![doc = include_str!("../../docs/history.md")]
//! # Example
//!
#![doc = concat!("```no_run\n", include_str!("../../examples/history.rs"), "\n```")]

use chrono::{DateTime, Utc};
use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder};
use serde::Serialize;
use uuid::Uuid;
use watertight_entity::public::local_bookings;

use crate::booking::BookingError;
use crate::tenant::TenantExecutor;
use crate::tenant::sql::statement;
use crate::vocabulary::InvalidInput;
use crate::vocabulary::currency::check_currency;
use crate::vocabulary::text;
use crate::vocabulary::text_enum::text_enum;

/// What one tenant brings from a system before. Cheap to make: a reference.
///
/// [`TenantConnection::history`](crate::TenantConnection::history) gives it.
#[derive(Debug)]
pub struct History<'a, C> {
    db: &'a C,
}

crate::tenant::facade::facade! {
    /// What the tenant brings from a system before.
    History by history
}

text_enum! {
    /// Whether a local booking is known to the foreign system.
    #[derive(Default)]
    pub enum ReconciliationStatus as "reconciliation status" {
        /// Not yet.
        #[default]
        Pending = "pending",
        /// It is.
        Reconciled = "reconciled",
        /// It could not be told it.
        Failed = "failed",
    }
}

/// An appointment of a foreign system, known by its identity there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ImportedAppointment {
    /// The foreign system's identity.
    pub acuity_id: i32,
    /// At most 255 characters.
    pub client_name: String,
    /// At most 255 characters.
    pub client_email: Option<String>,
    /// At most 32 characters.
    pub client_phone: Option<String>,
    /// At most 255 characters.
    pub service: String,
    /// Minutes.
    pub duration: u16,
    /// The price, in cents.
    pub price_cents: u32,
    /// Whether it is paid.
    pub paid: bool,
    /// At most 32 characters.
    pub payment_method: Option<String>,
    /// When it was, or will be.
    pub appointment_date: DateTime<Utc>,
    /// Whatever was noted.
    pub notes: Option<String>,
}

/// A payment, known by the processor and its reference there.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ImportedPayment {
    /// The foreign system's identity of the appointment that it pays, which is there.
    pub acuity_id: Option<i32>,
    /// Cents.
    pub amount_cents: u32,
    /// Three capital letters (ISO 4217).
    pub currency: String,
    /// At most 32 characters.
    pub processor: String,
    /// The processor's reference; at most 255 characters.
    pub processor_ref: String,
    /// At most 32 characters.
    pub status: String,
    /// Whatever else the processor tells.
    pub metadata: Option<serde_json::Value>,
}

/// A booking made here while a foreign system was in use, known by the identity that it has there.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ImportedBooking {
    /// The foreign system's identity; at most 64 characters.
    pub acuity_appointment_id: String,
    /// The foreign system's identity of the service; at most 128 characters.
    pub service_id: String,
    /// At most 255 characters.
    pub service_name: String,
    /// The foreign system's identity of the practitioner; at most 128 characters.
    pub provider_id: Option<String>,
    /// At most 255 characters.
    pub provider_name: Option<String>,
    /// When it was, or will be.
    pub datetime: DateTime<Utc>,
    /// Minutes.
    pub duration: u16,
    /// Who it is for.
    pub client: ImportedClient,
    /// At most 32 characters.
    pub payment_method: String,
    /// At most 255 characters.
    pub payment_transaction_id: Option<String>,
    /// Cents.
    pub amount_cents: u32,
    /// At most 32 characters.
    pub payment_status: String,
}

/// Whom an imported booking is for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ImportedClient {
    /// The first name.
    pub first_name: String,
    /// The last name.
    pub last_name: String,
    /// The address for mail.
    pub email: String,
    /// The telephone number.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub phone: Option<String>,
}

/// What an import did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct ImportReport {
    /// Rows that were not there.
    pub inserted: u64,
    /// Rows that were there, and became as given.
    pub updated: u64,
}

/// The rows of one import, each looked at before any is written.
trait Imported: Serialize {
    const WHAT: &'static str;

    fn key(&self) -> String;

    /// The texts, by what they are and how long they may be.
    fn texts(&self) -> Vec<(&'static str, &str, usize)>;

    fn cents(&self) -> u32;
}

impl Imported for ImportedAppointment {
    const WHAT: &'static str = "appointment";

    fn key(&self) -> String {
        self.acuity_id.to_string()
    }

    fn texts(&self) -> Vec<(&'static str, &str, usize)> {
        vec![
            ("client name", &self.client_name, 255),
            ("client email", optional_ref(self.client_email.as_ref()), 255),
            ("client phone", optional_ref(self.client_phone.as_ref()), 32),
            ("service", &self.service, 255),
            ("payment method", optional_ref(self.payment_method.as_ref()), 32),
            ("notes", optional_ref(self.notes.as_ref()), usize::MAX),
        ]
    }

    fn cents(&self) -> u32 {
        self.price_cents
    }
}

fn optional_ref(text: Option<&String>) -> &str {
    text.map_or("", String::as_str)
}

impl Imported for ImportedPayment {
    const WHAT: &'static str = "payment";

    fn key(&self) -> String {
        format!("{} {}", self.processor, self.processor_ref)
    }

    fn texts(&self) -> Vec<(&'static str, &str, usize)> {
        vec![
            ("currency", &self.currency, 3),
            ("processor", &self.processor, 32),
            ("processor reference", &self.processor_ref, 255),
            ("status", &self.status, 32),
        ]
    }

    fn cents(&self) -> u32 {
        self.amount_cents
    }
}

impl Imported for ImportedBooking {
    const WHAT: &'static str = "booking";

    fn key(&self) -> String {
        self.acuity_appointment_id.clone()
    }

    fn texts(&self) -> Vec<(&'static str, &str, usize)> {
        vec![
            ("foreign identity", &self.acuity_appointment_id, 64),
            ("service", &self.service_id, 128),
            ("service name", &self.service_name, 255),
            ("provider", optional_ref(self.provider_id.as_ref()), 128),
            ("provider name", optional_ref(self.provider_name.as_ref()), 255),
            ("client first name", &self.client.first_name, usize::MAX),
            ("client last name", &self.client.last_name, usize::MAX),
            ("client email", &self.client.email, usize::MAX),
            ("client phone", optional_ref(self.client.phone.as_ref()), usize::MAX),
            ("payment method", &self.payment_method, 32),
            ("transaction", optional_ref(self.payment_transaction_id.as_ref()), 255),
            ("payment status", &self.payment_status, 32),
        ]
    }

    fn cents(&self) -> u32 {
        self.amount_cents
    }
}

const APPOINTMENTS: &str = r#"INSERT INTO "public"."appointments" ("acuity_id", "client_name", "client_email", "client_phone",
        "service", "duration", "price_cents", "paid", "payment_method", "appointment_date", "notes")
    SELECT "r"."acuity_id", "r"."client_name", "r"."client_email", "r"."client_phone", "r"."service", "r"."duration",
        "r"."price_cents", "r"."paid", "r"."payment_method", "r"."appointment_date", "r"."notes"
    FROM jsonb_to_recordset($1) AS "r"("acuity_id" int, "client_name" text, "client_email" text, "client_phone" text,
        "service" text, "duration" int, "price_cents" int, "paid" boolean, "payment_method" text,
        "appointment_date" timestamptz, "notes" text)
    ON CONFLICT ("acuity_id") DO UPDATE SET "client_name" = EXCLUDED."client_name",
        "client_email" = EXCLUDED."client_email", "client_phone" = EXCLUDED."client_phone",
        "service" = EXCLUDED."service", "duration" = EXCLUDED."duration", "price_cents" = EXCLUDED."price_cents",
        "paid" = EXCLUDED."paid", "payment_method" = EXCLUDED."payment_method",
        "appointment_date" = EXCLUDED."appointment_date", "notes" = EXCLUDED."notes""#;

const PAYMENTS: &str = r#"INSERT INTO "public"."payments" ("appointment_id", "amount_cents", "currency", "processor",
        "processor_ref", "status", "metadata")
    SELECT "a"."id", "r"."amount_cents", "r"."currency", "r"."processor", "r"."processor_ref", "r"."status",
        "r"."metadata"
    FROM jsonb_to_recordset($1) AS "r"("acuity_id" int, "amount_cents" int, "currency" text, "processor" text,
        "processor_ref" text, "status" text, "metadata" jsonb)
    LEFT JOIN "public"."appointments" AS "a" ON "a"."acuity_id" = "r"."acuity_id"
    ON CONFLICT ("processor", "processor_ref") DO UPDATE SET "appointment_id" = EXCLUDED."appointment_id",
        "amount_cents" = EXCLUDED."amount_cents", "currency" = EXCLUDED."currency", "status" = EXCLUDED."status",
        "metadata" = EXCLUDED."metadata""#;

const BOOKINGS: &str = r#"INSERT INTO "public"."local_bookings" ("acuity_appointment_id", "service_id", "service_name",
        "provider_id", "provider_name", "datetime", "duration", "client", "payment_method",
        "payment_transaction_id", "amount_cents", "payment_status", "reconciliation_status", "reconciled_at")
    SELECT "r"."acuity_appointment_id", "r"."service_id", "r"."service_name", "r"."provider_id",
        "r"."provider_name", "r"."datetime", "r"."duration", "r"."client", "r"."payment_method",
        "r"."payment_transaction_id", "r"."amount_cents", "r"."payment_status", 'reconciled', CURRENT_TIMESTAMP
    FROM jsonb_to_recordset($1) AS "r"("acuity_appointment_id" text, "service_id" text, "service_name" text,
        "provider_id" text, "provider_name" text, "datetime" timestamptz, "duration" int, "client" jsonb,
        "payment_method" text, "payment_transaction_id" text, "amount_cents" int, "payment_status" text)
    ON CONFLICT ("acuity_appointment_id") DO UPDATE SET "service_id" = EXCLUDED."service_id",
        "service_name" = EXCLUDED."service_name", "provider_id" = EXCLUDED."provider_id",
        "provider_name" = EXCLUDED."provider_name", "datetime" = EXCLUDED."datetime",
        "duration" = EXCLUDED."duration", "client" = EXCLUDED."client",
        "payment_method" = EXCLUDED."payment_method",
        "payment_transaction_id" = EXCLUDED."payment_transaction_id",
        "amount_cents" = EXCLUDED."amount_cents", "payment_status" = EXCLUDED."payment_status",
        "updated_at" = EXCLUDED."updated_at""#;

/// Imports.
impl<C: TenantExecutor> History<'_, C> {
    /// Brings appointments, thousands in one statement: those that are there, by the foreign system's identity, become
    /// as given.
    ///
    /// # Errors
    /// [`BookingError::InvalidInput`], before anything is written.
    pub async fn import_appointments(
        self,
        rows: &[ImportedAppointment],
    ) -> Result<ImportReport, BookingError> {
        self.import(APPOINTMENTS, rows).await
    }

    /// Brings payments, as [`import_appointments`](Self::import_appointments) does: known by processor and reference.
    ///
    /// # Errors
    /// [`BookingError::InvalidInput`], before anything is written.
    pub async fn import_payments(self, rows: &[ImportedPayment]) -> Result<ImportReport, BookingError> {
        for row in rows {
            check_currency(&row.currency)?;
            row.metadata.as_ref().map_or(Ok(()), |metadata| text::check_json("metadata", metadata))?;
        }
        self.import(PAYMENTS, rows).await
    }

    /// Brings bookings that the foreign system knows, as [`import_appointments`](Self::import_appointments) does. They
    /// are reconciled.
    ///
    /// # Errors
    /// [`BookingError::InvalidInput`], before anything is written.
    pub async fn import_bookings(self, rows: &[ImportedBooking]) -> Result<ImportReport, BookingError> {
        self.import(BOOKINGS, rows).await
    }

    async fn import<T: Imported + Sync>(
        self,
        upsert: &str,
        rows: &[T],
    ) -> Result<ImportReport, BookingError> {
        let mut keys = std::collections::HashSet::new();
        for row in rows {
            let invalid = |reason: &str| {
                Err(InvalidInput { what: T::WHAT, value: row.key(), reason: reason.to_owned() }.into())
            };
            for (what, value, most) in row.texts() {
                text::check(what, value, most)?;
            }
            if i32::try_from(row.cents()).is_err() {
                return invalid("has more cents than an integer holds");
            }
            if !keys.insert(row.key()) {
                return invalid("is given twice; give it once");
            }
        }
        if rows.is_empty() {
            return Ok(ImportReport::default());
        }
        let json = serde_json::to_value(rows).map_err(|error| sea_orm::DbErr::Json(error.to_string()))?;
        // A row that no transaction has changed has no `xmax`: it was inserted.
        let counted = format!(
            r#"WITH "written" AS ({upsert} RETURNING ("xmax" = 0) AS "inserted")
               SELECT count(*) FILTER (WHERE "inserted") AS "inserted",
                      count(*) FILTER (WHERE NOT "inserted") AS "updated" FROM "written""#
        );
        let row = self.db.query_one_raw(statement(counted, [json.into()])).await?;
        let Some(row) = row else { return Ok(ImportReport::default()) };
        let count = |column| -> Result<u64, BookingError> {
            Ok(u64::try_from(row.try_get::<i64>("", column)?).unwrap_or_default())
        };
        Ok(ImportReport { inserted: count("inserted")?, updated: count("updated")? })
    }

    /// Says that the foreign system knows a local booking, by an identity of its own.
    ///
    /// # Errors
    /// [`BookingError::NotFound`], [`BookingError::InvalidTransition`] when it is reconciled, [`BookingError::InvalidInput`].
    pub async fn reconcile(
        self,
        id: Uuid,
        acuity_appointment_id: &str,
    ) -> Result<local_bookings::Model, BookingError> {
        text::check_word("foreign identity", acuity_appointment_id, 64)?;
        let update = local_bookings::Entity::update_many()
            .col_expr(local_bookings::Column::AcuityAppointmentId, Expr::val(acuity_appointment_id))
            .col_expr(local_bookings::Column::ReconciledAt, Expr::current_timestamp());
        self.move_to(id, update, ReconciliationStatus::Reconciled, "reconciled").await
    }

    /// Says that the foreign system could not be told a local booking. It can be reconciled later.
    ///
    /// # Errors
    /// [`BookingError::NotFound`], [`BookingError::InvalidTransition`] when it is reconciled.
    pub async fn mark_reconciliation_failed(self, id: Uuid) -> Result<local_bookings::Model, BookingError> {
        self.move_to(id, local_bookings::Entity::update_many(), ReconciliationStatus::Failed, "failed").await
    }

    async fn move_to(
        self,
        id: Uuid,
        update: sea_orm::UpdateMany<local_bookings::Entity>,
        to: ReconciliationStatus,
        name: &'static str,
    ) -> Result<local_bookings::Model, BookingError> {
        let update = update
            .col_expr(local_bookings::Column::ReconciliationStatus, Expr::val(to))
            .col_expr(local_bookings::Column::UpdatedAt, Expr::current_timestamp())
            .filter(local_bookings::Column::Id.eq(id))
            .filter(local_bookings::Column::ReconciliationStatus.ne(ReconciliationStatus::Reconciled));
        if let Some(moved) = update.exec_with_returning(self.db).await?.into_iter().next() {
            return Ok(moved);
        }
        let select = local_bookings::Entity::find().filter(local_bookings::Column::Id.eq(id));
        Err(match select.one(self.db).await? {
            Some(row) => BookingError::InvalidTransition {
                what: "local booking",
                from: row.reconciliation_status,
                to: name,
            },
            None => BookingError::not_found("local booking", id),
        })
    }

    /// The local bookings that the foreign system does not know, oldest first.
    ///
    /// # Errors
    /// What the database reports.
    pub async fn get_unreconciled(self) -> Result<Vec<local_bookings::Model>, BookingError> {
        let select = local_bookings::Entity::find()
            .filter(local_bookings::Column::ReconciliationStatus.ne(ReconciliationStatus::Reconciled))
            .order_by_asc(local_bookings::Column::Datetime)
            .order_by_asc(local_bookings::Column::Id);
        Ok(select.all(self.db).await?)
    }
}
