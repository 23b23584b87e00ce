-- The original's tables as they are described: keys of one column, references that do not know of tenants, and times
-- of both types, those without a zone in UTC.
CREATE SCHEMA auth;

CREATE TABLE auth.users (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(), tenant_id uuid NOT NULL,
    handle varchar(64) NOT NULL, email varchar(255) NOT NULL, display_name varchar(128), password_hash text NOT NULL,
    role varchar(32) NOT NULL DEFAULT 'viewer', is_active boolean NOT NULL DEFAULT true,
    is_locked boolean NOT NULL DEFAULT false, lock_reason text, locked_at timestamp,
    needs_onboarding boolean NOT NULL DEFAULT true, onboarding_step integer NOT NULL DEFAULT 0,
    first_login boolean NOT NULL DEFAULT true, totp_enabled boolean NOT NULL DEFAULT false,
    totp_secret_id varchar(128), permissions jsonb, bio text, avatar_url text, pronouns varchar(32),
    timezone varchar(64), locale varchar(16), theme varchar(8), email_notifications boolean NOT NULL DEFAULT true,
    login_attempts integer NOT NULL DEFAULT 0, last_failed_login_at timestamp, last_login_at timestamptz,
    password_changed_at timestamp, ip_address varchar(45), user_agent text,
    created_at timestamp NOT NULL DEFAULT now(), updated_at timestamptz NOT NULL DEFAULT now()
);
CREATE UNIQUE INDEX users_handle_key ON auth.users (tenant_id, handle);
CREATE INDEX users_tenant_id_idx ON auth.users (tenant_id);

CREATE TABLE auth.sessions (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(), tenant_id uuid NOT NULL,
    user_id uuid NOT NULL REFERENCES auth.users ON DELETE CASCADE, expires timestamp NOT NULL,
    expires_at timestamptz NOT NULL, created_at timestamp NOT NULL DEFAULT now(), user_data jsonb,
    client_ip varchar(45) NOT NULL DEFAULT 'unknown', client_ip_masked varchar(45),
    user_agent text NOT NULL DEFAULT 'unknown', device_type varchar(16) NOT NULL DEFAULT 'unknown',
    browser_fingerprint text, geo_location jsonb, temp_totp_secret text, temp_totp_expires_at timestamp
);

CREATE TABLE auth.totp_secrets (
    tenant_id uuid NOT NULL, handle varchar(64) NOT NULL, user_id varchar(128) NOT NULL, encrypted_secret text NOT NULL,
    iv text NOT NULL, auth_tag text NOT NULL, salt text NOT NULL,
    backup_codes_generated boolean NOT NULL DEFAULT false, version integer NOT NULL DEFAULT 1, last_used_at timestamp,
    created_at timestamp NOT NULL DEFAULT now(), PRIMARY KEY (tenant_id, handle)
);

CREATE TABLE auth.backup_codes (
    tenant_id uuid NOT NULL, user_id uuid NOT NULL REFERENCES auth.users ON DELETE CASCADE, codes jsonb NOT NULL,
    generated_at timestamp NOT NULL DEFAULT now(), last_used_at timestamp, PRIMARY KEY (tenant_id, user_id)
);

CREATE TABLE auth.invitations (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(), tenant_id uuid NOT NULL, token text NOT NULL,
    email varchar(255) NOT NULL, role varchar(32) NOT NULL, created_by uuid NOT NULL REFERENCES auth.users,
    is_active boolean NOT NULL DEFAULT true, expires_at timestamp NOT NULL, used_at timestamp, used_by uuid,
    temporary_totp_secret text, metadata jsonb, created_at timestamp NOT NULL DEFAULT now()
);
CREATE INDEX invitations_token_key ON auth.invitations (tenant_id, token);

CREATE TABLE auth.audit_events (
    id text PRIMARY KEY, tenant_id uuid NOT NULL, type varchar(64) NOT NULL, user_id uuid, target_user_id uuid,
    handle varchar(64), ip_address varchar(45), user_agent text, details jsonb NOT NULL,
    severity varchar(16) NOT NULL DEFAULT 'info', source varchar(16) NOT NULL DEFAULT 'system',
    timestamp timestamp NOT NULL DEFAULT now()
);

CREATE TABLE public.business_profile (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(), tenant_id uuid NOT NULL, name varchar(255) NOT NULL,
    phone varchar(32) NOT NULL, email varchar(255), street_address varchar(255) NOT NULL, suite_unit varchar(64),
    city varchar(128) NOT NULL, state varchar(2) NOT NULL, postal_code varchar(10) NOT NULL,
    country varchar(2) NOT NULL DEFAULT 'US', latitude numeric(12, 8), longitude numeric(12, 8),
    license_number varchar(32), description text, slogan varchar(255), website_url varchar(512), google_maps_url text,
    updated_at timestamp NOT NULL DEFAULT now()
);

CREATE TABLE public.services (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(), tenant_id uuid NOT NULL, acuity_id varchar(64),
    name varchar(255) NOT NULL, description text, category varchar(128), duration_minutes integer NOT NULL,
    price_cents integer NOT NULL, currency varchar(3) NOT NULL DEFAULT 'USD', active boolean NOT NULL DEFAULT true,
    display_order integer NOT NULL DEFAULT 0, updated_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE public.business_hours (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(), tenant_id uuid NOT NULL, day_of_week smallint NOT NULL,
    opens time NOT NULL, closes time NOT NULL, label varchar(64), updated_at timestamp NOT NULL DEFAULT now()
);

CREATE TABLE public.reviews (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(), tenant_id uuid NOT NULL, reviewer_name varchar(255) NOT NULL,
    rating smallint NOT NULL, text text NOT NULL, source varchar(64) NOT NULL DEFAULT 'google', tags text[],
    featured boolean NOT NULL DEFAULT false, published_at timestamp, updated_at timestamp NOT NULL DEFAULT now()
);

CREATE TABLE public.practitioners (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(), tenant_id uuid NOT NULL, handle varchar(64) NOT NULL,
    name varchar(255) NOT NULL, title varchar(128), bio text, credentials text[], specializations text[],
    license_number varchar(32), photo_url varchar(512), updated_at timestamp NOT NULL DEFAULT now()
);

CREATE TABLE public.clients (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(), tenant_id uuid NOT NULL, first_name varchar(128) NOT NULL,
    last_name varchar(128) NOT NULL, email varchar(255) NOT NULL, phone varchar(32), notes text,
    custom_fields jsonb NOT NULL DEFAULT '{}', created_at timestamp NOT NULL DEFAULT now(),
    updated_at timestamp NOT NULL DEFAULT now()
);

CREATE TABLE public.bookings (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(), tenant_id uuid NOT NULL, confirmation_code varchar(16) NOT NULL,
    service_id uuid NOT NULL REFERENCES public.services, practitioner_id uuid REFERENCES public.practitioners,
    client_id uuid NOT NULL REFERENCES public.clients, datetime timestamp NOT NULL, end_time timestamptz NOT NULL,
    duration integer NOT NULL, status varchar(32) NOT NULL DEFAULT 'confirmed',
    payment_status varchar(32) NOT NULL DEFAULT 'pending', payment_method varchar(32), payment_ref varchar(255),
    amount_cents integer NOT NULL, notes text, idempotency_key varchar(255), cancelled_at timestamp, cancel_reason text,
    created_at timestamp NOT NULL DEFAULT now(), updated_at timestamp NOT NULL DEFAULT now()
);
CREATE INDEX bookings_datetime_idx ON public.bookings (datetime);

CREATE TABLE public.time_blocks (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(), tenant_id uuid NOT NULL,
    practitioner_id uuid NOT NULL REFERENCES public.practitioners, start_time timestamp NOT NULL,
    end_time timestamp NOT NULL, block_type varchar(32) NOT NULL, title varchar(255),
    created_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE public.business_hours_overrides (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(), tenant_id uuid NOT NULL, date date NOT NULL, opens time, closes time,
    reason varchar(255), created_at timestamp NOT NULL DEFAULT now()
);

CREATE TABLE public.slot_reservations (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(), tenant_id uuid NOT NULL,
    practitioner_id uuid REFERENCES public.practitioners, datetime timestamp NOT NULL, duration integer NOT NULL,
    expires_at timestamp NOT NULL, released_at timestamp, created_at timestamp NOT NULL DEFAULT now()
);

CREATE TABLE public.gift_certificates (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(), tenant_id uuid NOT NULL, code varchar(16) NOT NULL,
    amount_cents integer NOT NULL, balance_cents integer NOT NULL, currency varchar(3) NOT NULL DEFAULT 'USD',
    status varchar(16) NOT NULL DEFAULT 'active', purchaser_name varchar(255) NOT NULL,
    purchaser_email varchar(255) NOT NULL, recipient_name varchar(255), recipient_email varchar(255), message text,
    stripe_session_id varchar(255), stripe_payment_id varchar(255), issued_by varchar(64), redeemed_at timestamp,
    created_at timestamp NOT NULL DEFAULT now(), updated_at timestamp NOT NULL DEFAULT now()
);

CREATE TABLE public.packages (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(), tenant_id uuid NOT NULL, code varchar(16) NOT NULL,
    client_id uuid REFERENCES public.clients, package_type varchar(64) NOT NULL, total_sessions integer NOT NULL,
    remaining_sessions integer NOT NULL, price_cents integer NOT NULL, currency varchar(3) NOT NULL DEFAULT 'USD',
    status varchar(16) NOT NULL DEFAULT 'active', purchaser_name varchar(255) NOT NULL,
    purchaser_email varchar(255) NOT NULL, stripe_session_id varchar(255), stripe_payment_id varchar(255),
    issued_by varchar(64), expires_at timestamp, created_at timestamp NOT NULL DEFAULT now(),
    updated_at timestamp NOT NULL DEFAULT now()
);

CREATE TABLE public.redemptions (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(), tenant_id uuid NOT NULL,
    booking_id uuid NOT NULL REFERENCES public.bookings, gift_certificate_id uuid REFERENCES public.gift_certificates,
    package_id uuid REFERENCES public.packages, type varchar(16) NOT NULL, amount_cents integer, session_number integer,
    created_at timestamp NOT NULL DEFAULT now()
);

CREATE TABLE public.intake_form_templates (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(), tenant_id uuid NOT NULL, form_type varchar(64) NOT NULL,
    version integer NOT NULL DEFAULT 1, title varchar(255) NOT NULL, schema jsonb NOT NULL,
    active boolean NOT NULL DEFAULT true, created_at timestamp NOT NULL DEFAULT now()
);

CREATE TABLE public.intake_form_responses (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(), tenant_id uuid NOT NULL,
    template_id uuid NOT NULL REFERENCES public.intake_form_templates,
    client_id uuid NOT NULL REFERENCES public.clients, booking_id uuid REFERENCES public.bookings,
    responses jsonb NOT NULL, pain_areas jsonb, consent_text text NOT NULL, consented_at timestamp,
    consent_ip varchar(45), status varchar(32) NOT NULL DEFAULT 'draft', reviewed_by varchar(64), reviewed_at timestamp,
    therapist_notes jsonb, created_at timestamp NOT NULL DEFAULT now(), updated_at timestamp NOT NULL DEFAULT now()
);

CREATE TABLE public.appointments (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(), tenant_id uuid NOT NULL, acuity_id integer,
    client_name varchar(255) NOT NULL, client_email varchar(255), client_phone varchar(32), service varchar(255) NOT NULL,
    duration integer NOT NULL, price_cents integer NOT NULL, paid boolean NOT NULL DEFAULT false,
    payment_method varchar(32), appointment_date timestamptz NOT NULL, notes text,
    created_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE public.payments (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(), tenant_id uuid NOT NULL,
    appointment_id uuid REFERENCES public.appointments, amount_cents integer NOT NULL,
    currency varchar(3) NOT NULL DEFAULT 'USD', processor varchar(32) NOT NULL, processor_ref varchar(255) NOT NULL,
    status varchar(32) NOT NULL DEFAULT 'pending', metadata jsonb, created_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE public.local_bookings (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(), tenant_id uuid NOT NULL, service_id varchar(128) NOT NULL,
    service_name varchar(255) NOT NULL, provider_id varchar(128), provider_name varchar(255), datetime timestamp NOT NULL,
    duration integer NOT NULL, client jsonb NOT NULL, payment_method varchar(32) NOT NULL,
    payment_transaction_id varchar(255), amount_cents integer NOT NULL,
    payment_status varchar(32) NOT NULL DEFAULT 'pending', reconciliation_status varchar(32) NOT NULL DEFAULT 'pending',
    acuity_appointment_id varchar(64), reconciled_at timestamp, notes text,
    created_at timestamp NOT NULL DEFAULT now(), updated_at timestamptz NOT NULL DEFAULT now()
)
