//! The indexes that watertight's migrations create, besides primary keys.
//!
//! A test compares the list with a freshly migrated database.

/// An index that the migrations create.
pub(super) struct OwnIndex {
    /// The table, as `schema.name` with the schema of its entity.
    pub(super) table: &'static str,
    pub(super) name: &'static str,
    /// Whether it enforces a constraint, in addition to serving queries.
    pub(super) forbids: bool,
    /// Whether the constraint is an exclusion constraint.
    pub(super) excludes: bool,
    /// The columns and expressions, as PostgreSQL prints them.
    pub(super) keys: &'static [&'static str],
}

const fn key(table: &'static str, name: &'static str, keys: &'static [&'static str]) -> OwnIndex {
    OwnIndex { table, name, forbids: true, excludes: false, keys }
}

const fn exclusion(table: &'static str, name: &'static str, keys: &'static [&'static str]) -> OwnIndex {
    OwnIndex { table, name, forbids: true, excludes: true, keys }
}

const fn index(table: &'static str, name: &'static str, keys: &'static [&'static str]) -> OwnIndex {
    OwnIndex { table, name, forbids: false, excludes: false, keys }
}

const OCCUPIED: &str = "tstzrange(datetime, (((end_time AT TIME ZONE 'UTC'::text) + make_interval(mins => buffer_minutes)) \
                        AT TIME ZONE 'UTC'::text))";

/// The keys of the exclusion constraint, with ranges in place of equality.
const OVERLAP: &[&str] = &[
    "uuidrange(tenant_id, tenant_id, '[]'::text)",
    "uuidrange(practitioner_id, practitioner_id, '[]'::text)",
    OCCUPIED,
];

/// The keys of the same constraint on a Citus cluster, which compares the tenant with `=`.
pub(super) const OVERLAP_BY_EQUALITY: &[&str] = &[
    "tenant_id",
    "COALESCE(regexp_replace(replace(practitioner_id::text, '-'::text, ''::text), '(....)(?=.)'::text, '\\1:'::text, \
     'g'::text)::inet, '::/0'::inet)",
    OCCUPIED,
];

pub(super) const OWN_INDEXES: &[OwnIndex] = &[
    index(
        "auth.audit_events",
        "audit_events_severity_timestamp_id_idx",
        &["tenant_id", "severity", "\"timestamp\"", "id"],
    ),
    index("auth.audit_events", "audit_events_timestamp_id_idx", &["tenant_id", "\"timestamp\"", "id"]),
    index(
        "auth.audit_events",
        "audit_events_type_timestamp_id_idx",
        &["tenant_id", "type", "\"timestamp\"", "id"],
    ),
    index(
        "auth.audit_events",
        "audit_events_user_id_timestamp_id_idx",
        &["tenant_id", "user_id", "\"timestamp\"", "id"],
    ),
    index("auth.invitations", "invitations_created_by_idx", &["tenant_id", "created_by"]),
    index("auth.invitations", "invitations_expires_at_idx", &["tenant_id", "expires_at"]),
    key("auth.invitations", "invitations_token_key", &["tenant_id", "token"]),
    index("auth.sessions", "sessions_expires_at_idx", &["tenant_id", "expires_at"]),
    index("auth.sessions", "sessions_user_id_idx", &["tenant_id", "user_id"]),
    index("auth.totp_secrets", "totp_secrets_user_id_idx", &["tenant_id", "user_id"]),
    key("auth.users", "users_email_key", &["tenant_id", "email"]),
    key("auth.users", "users_handle_key", &["tenant_id", "handle"]),
    key("public.appointments", "appointments_acuity_id_key", &["tenant_id", "acuity_id"]),
    index("public.booking_payments", "booking_payments_booking_id_idx", &["tenant_id", "booking_id"]),
    key("public.booking_payments", "booking_payments_idempotency_key_key", &["tenant_id", "idempotency_key"]),
    key(
        "public.booking_payments",
        "booking_payments_processor_reference_item_key",
        &["tenant_id", "processor", "reference", "item"],
    ),
    key("public.booking_payments", "booking_payments_redemption_id_key", &["tenant_id", "redemption_id"]),
    index("public.bookings", "bookings_client_id_idx", &["tenant_id", "client_id"]),
    key("public.bookings", "bookings_confirmation_code_key", &["tenant_id", "confirmation_code"]),
    index("public.bookings", "bookings_datetime_idx", &["tenant_id", "datetime"]),
    key("public.bookings", "bookings_idempotency_key_key", &["tenant_id", "idempotency_key"]),
    exclusion("public.bookings", "bookings_overlap_excl", OVERLAP),
    index(
        "public.bookings",
        "bookings_practitioner_id_datetime_idx",
        &["tenant_id", "practitioner_id", "datetime"],
    ),
    index("public.bookings", "bookings_service_id_idx", &["tenant_id", "service_id"]),
    index("public.business_hours_overrides", "business_hours_overrides_date_idx", &["tenant_id", "date"]),
    key("public.clients", "clients_email_key", &["tenant_id", "email"]),
    index(
        "public.gift_certificate_redemptions",
        "gift_certificate_redemptions_booking_id_idx",
        &["tenant_id", "booking_id"],
    ),
    index(
        "public.gift_certificate_redemptions",
        "gift_certificate_redemptions_gift_certificate_id_idx",
        &["tenant_id", "gift_certificate_id"],
    ),
    index(
        "public.gift_certificate_redemptions",
        "gift_certificate_redemptions_package_id_idx",
        &["tenant_id", "package_id"],
    ),
    key("public.gift_certificates", "gift_certificates_code_key", &["tenant_id", "code"]),
    key(
        "public.gift_certificates",
        "gift_certificates_stripe_session_id_item_key",
        &["tenant_id", "stripe_session_id", "item"],
    ),
    key(
        "public.intake_form_templates",
        "intake_form_templates_form_type_version_key",
        &["tenant_id", "form_type", "version"],
    ),
    index("public.intake_submissions", "intake_submissions_booking_id_idx", &["tenant_id", "booking_id"]),
    index("public.intake_submissions", "intake_submissions_client_id_idx", &["tenant_id", "client_id"]),
    index("public.intake_submissions", "intake_submissions_template_id_idx", &["tenant_id", "template_id"]),
    key(
        "public.local_bookings",
        "local_bookings_acuity_appointment_id_key",
        &["tenant_id", "acuity_appointment_id"],
    ),
    index("public.packages", "packages_client_id_idx", &["tenant_id", "client_id"]),
    key("public.packages", "packages_code_key", &["tenant_id", "code"]),
    key(
        "public.packages",
        "packages_stripe_session_id_item_key",
        &["tenant_id", "stripe_session_id", "item"],
    ),
    index("public.payments", "payments_appointment_id_idx", &["tenant_id", "appointment_id"]),
    key(
        "public.payments",
        "payments_processor_processor_ref_key",
        &["tenant_id", "processor", "processor_ref"],
    ),
    key("public.practitioners", "practitioners_handle_key", &["tenant_id", "handle"]),
    key("public.services", "services_acuity_id_key", &["tenant_id", "acuity_id"]),
    index("public.slot_reservations", "slot_reservations_expires_at_idx", &["tenant_id", "expires_at"]),
    exclusion("public.slot_reservations", "slot_reservations_overlap_excl", OVERLAP),
    index(
        "public.slot_reservations",
        "slot_reservations_practitioner_id_datetime_idx",
        &["tenant_id", "practitioner_id", "datetime"],
    ),
    index(
        "public.time_blocks",
        "time_blocks_practitioner_id_start_time_idx",
        &["tenant_id", "practitioner_id", "start_time"],
    ),
];
