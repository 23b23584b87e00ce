//! The statements of imports. Each writes every row of a JSON array.
//!
//! SeaORM's builder cannot express `INSERT .. SELECT` from `jsonb_to_recordset`, so the statements are text. Rows are
//! written in the order of their keys, so that two concurrent imports do not wait for each other's rows in a circle.

pub(super) const APPOINTMENTS: &str = r#"INSERT INTO "public"."appointments" ("acuity_id", "client_name", "client_email", "client_phone",
        "service", "duration", "price_cents", "currency", "paid", "payment_method", "appointment_date", "notes")
    SELECT "r"."acuity_id", "r"."client_name", "r"."client_email", "r"."client_phone", "r"."service", "r"."duration",
        "r"."price_cents", "r"."currency", "r"."paid", "r"."payment_method", "r"."appointment_date", "r"."notes"
    FROM jsonb_to_recordset($1) AS "r"("acuity_id" int, "client_name" text, "client_email" text, "client_phone" text,
        "service" text, "duration" int, "price_cents" int, "currency" text, "paid" boolean,
        "payment_method" text,
        "appointment_date" timestamptz, "notes" text)
    ORDER BY "r"."acuity_id"
    ON CONFLICT ("acuity_id") DO UPDATE SET "client_name" = EXCLUDED."client_name",
        "client_email" = EXCLUDED."client_email", "client_phone" = EXCLUDED."client_phone",
        "service" = EXCLUDED."service", "duration" = EXCLUDED."duration", "price_cents" = EXCLUDED."price_cents",
        "currency" = EXCLUDED."currency",
        "paid" = EXCLUDED."paid", "payment_method" = EXCLUDED."payment_method",
        "appointment_date" = EXCLUDED."appointment_date", "notes" = EXCLUDED."notes""#;

pub(super) const PAYMENTS: &str = r#"INSERT INTO "public"."payments" ("appointment_id", "amount_cents", "currency", "processor",
        "processor_ref", "status", "metadata")
    SELECT "a"."id", "r"."amount_cents", "r"."currency", "r"."processor", "r"."processor_ref", "r"."status",
        "r"."metadata"
    FROM jsonb_to_recordset($1) AS "r"("acuity_id" int, "amount_cents" int, "currency" text, "processor" text,
        "processor_ref" text, "status" text, "metadata" jsonb)
    LEFT JOIN "public"."appointments" AS "a" ON "a"."acuity_id" = "r"."acuity_id"
    ORDER BY "r"."processor", "r"."processor_ref"
    ON CONFLICT ("processor", "processor_ref") DO UPDATE SET "appointment_id" = EXCLUDED."appointment_id",
        "amount_cents" = EXCLUDED."amount_cents", "currency" = EXCLUDED."currency", "status" = EXCLUDED."status",
        "metadata" = EXCLUDED."metadata""#;

pub(super) const BOOKINGS: &str = r#"INSERT INTO "public"."local_bookings" ("acuity_appointment_id", "service_id", "service_name",
        "provider_id", "provider_name", "datetime", "duration", "client", "payment_method",
        "payment_transaction_id", "amount_cents", "currency", "payment_status", "reconciliation_status", "reconciled_at")
    SELECT "r"."acuity_appointment_id", "r"."service_id", "r"."service_name", "r"."provider_id",
        "r"."provider_name", "r"."datetime", "r"."duration", "r"."client", "r"."payment_method",
        "r"."payment_transaction_id", "r"."amount_cents", "r"."currency", "r"."payment_status",
        'reconciled', CURRENT_TIMESTAMP
    FROM jsonb_to_recordset($1) AS "r"("acuity_appointment_id" text, "service_id" text, "service_name" text,
        "provider_id" text, "provider_name" text, "datetime" timestamptz, "duration" int, "client" jsonb,
        "payment_method" text, "payment_transaction_id" text, "amount_cents" int, "currency" text,
        "payment_status" text)
    ORDER BY "r"."acuity_appointment_id"
    ON CONFLICT ("acuity_appointment_id") DO UPDATE SET "service_id" = EXCLUDED."service_id",
        "service_name" = EXCLUDED."service_name", "provider_id" = EXCLUDED."provider_id",
        "provider_name" = EXCLUDED."provider_name", "datetime" = EXCLUDED."datetime",
        "duration" = EXCLUDED."duration", "client" = EXCLUDED."client",
        "payment_method" = EXCLUDED."payment_method",
        "payment_transaction_id" = EXCLUDED."payment_transaction_id",
        "amount_cents" = EXCLUDED."amount_cents", "currency" = EXCLUDED."currency", "payment_status" = EXCLUDED."payment_status",
        "updated_at" = EXCLUDED."updated_at""#;
