-- Rows of three tenants, as awkward as the original lets them be: c.. the clinic, 5.. the studio, e.. one with a user
-- and nothing else. An identity begins with its tenant's digit; its end says what it is of.
SET LOCAL TIME ZONE 'UTC';

INSERT INTO auth.users (id, tenant_id, handle, email, display_name, password_hash, role, is_active, is_locked,
    lock_reason, locked_at, permissions, bio, totp_enabled, timezone, last_login_at, password_changed_at, created_at,
    updated_at) VALUES
('c0000000-0000-4000-8000-000000000001', 'c0000000-0000-4000-8000-000000000000', ' Jess ', 'Jess@Example.COM',
    'Jess O''Hara – 鍵', '$2a$06$abcdefghijklmnopqrstuu10cNU3mXRamSUZYs8I8M/Szu..qXq5K', 'admin', true, false, null,
    null, '["bookings:read", "Ümlaut \"quoted\""]', E'line one\nline two\t\\', true, 'America/New_York',
    '2025-03-09 06:59:59.999999+00', '2025-03-09 02:30:00', '2024-11-03 01:30:00.123456', '2024-11-03 01:30:00-05'),
('c0000000-0000-4000-8000-000000000002', 'c0000000-0000-4000-8000-000000000000', 'mona', 'mona@example.com', null,
    '$2b$06$ABCDEFGHIJKLMNOPQRSTUORFG5lJdDdEAs0F5GdiUk6fbRkvxj4d2', 'front_desk', true, false, null, null, null, null,
    true, null, null, null, '1969-12-31 23:59:59.999999', '9999-12-31 23:59:59.999999+00'),
('c0000000-0000-4000-8000-000000000003', 'c0000000-0000-4000-8000-000000000000', 'locked', 'locked@example.com', '',
    'never', 'viewer', false, true, 'asked to', '2025-07-01 12:00:00', '[]', '', false, '', null, null, now(), now()),
('50000000-0000-4000-8000-000000000001', '50000000-0000-4000-8000-000000000000', 'jess', 'jess@example.com', 'Jess',
    '$2b$04$zyxwvutsrqponmlkjihgfecKV29yPOsR5TZ12bq3Rs..1zVghAvle', 'business_owner', true, false, null, null, null,
    null, false, null, null, null, now(), now()),
('e0000000-0000-4000-8000-000000000001', 'e0000000-0000-4000-8000-000000000000', 'jess', 'jess@example.com', null,
    '$2y$06$abcdefghijklmnopqrstuuLef0uu6zZZbg/pRtkAWa8/qYlyl0DtG', 'viewer', true, false, null, null, null, null,
    false, null, null, null, now(), now());

INSERT INTO auth.sessions (id, tenant_id, user_id, expires, expires_at, created_at, user_data, device_type,
    geo_location, temp_totp_secret, temp_totp_expires_at) VALUES
('c0000000-0000-4000-8000-000000000011', 'c0000000-0000-4000-8000-000000000000',
    'c0000000-0000-4000-8000-000000000001', '2999-01-01', '2999-01-01+00', '2025-01-02 03:04:05.678901',
    '{"id": "c0000000-0000-4000-8000-000000000001", "username": "jess", "name": "Jess", "role": "admin",
      "needsOnboarding": false, "onboardingStep": 3}', 'desktop', '{"country": "AT", "city": null}',
    'PAQQDMKYXMI2RKEJ4PYNEB4S2Q', '2999-01-01'),
('50000000-0000-4000-8000-000000000011', '50000000-0000-4000-8000-000000000000',
    '50000000-0000-4000-8000-000000000001', '2020-01-01', '2020-01-01+00', '2019-12-31', null, 'unknown', null, null,
    null);

INSERT INTO auth.totp_secrets (tenant_id, handle, user_id, encrypted_secret, iv, auth_tag, salt, last_used_at) VALUES
('c0000000-0000-4000-8000-000000000000', 'Jess', 'C0000000-0000-4000-8000-000000000001',
    'VYc07xjp0h6wvVdjJP7T79aiYdZosYuLbgk=', '25PdnuJ5ZKt4jt1cXqmc1w==', 'k41o2f/hfroD3yXLGGK1eA==',
    'ZYsq3EnYS1eOWoVEukXMH9OtOIoOpuLPPPbGSkEX2mk=', '2025-05-05 05:05:05'),
('c0000000-0000-4000-8000-000000000000', 'mona', 'user-2', 'oPz/hdy/ailQ0/j1JMQ6iJ/Dd8RiKqFPGzyQZtwGbEE=',
    '+yKQ9jZTQKJVGcjGSDz9Nw==', 'BKepPPZikGELdiK3FLuvLA==', 'cvjbFfHFXHtab9xIt7AYpZ8G0XYpV/d4tQlNEr2tyOc=', null);

INSERT INTO auth.backup_codes (tenant_id, user_id, codes, last_used_at) VALUES
('c0000000-0000-4000-8000-000000000000', 'c0000000-0000-4000-8000-000000000001',
    '[{"id": "1", "hash": "a00d76646eba91b057841554d5c8334f498dc592ed744bce404f21fe271cd36e", "used": true,
       "usedAt": "2025-01-01T00:00:00.000Z"},
      {"id": "2", "hash": "bb1ab0dd3aee0aa84716401792122e5ddbdec3b306cef3d54b359353c9fd3e07", "used": false}]', null),
('c0000000-0000-4000-8000-000000000000', 'c0000000-0000-4000-8000-000000000002',
    '[{"id": "1", "hash": "$2b$04$zyxwvutsrqponmlkjihgfecKV29yPOsR5TZ12bq3Rs..1zVghAvle", "used": false, "usedAt": null}]', '2025-01-01');

INSERT INTO auth.invitations (id, tenant_id, token, email, role, created_by, is_active, expires_at, used_at, used_by,
    temporary_totp_secret, metadata) VALUES
('c0000000-0000-4000-8000-000000000021', 'c0000000-0000-4000-8000-000000000000', 'a token – in clear', 'New@Example.com ',
    'editor', 'c0000000-0000-4000-8000-000000000001', true, '2999-01-01', null, null, 'PAQQDMKYXMI2RKEJ4PYNEB4S2Q',
    '{"inviterHandle": "jess", "message": "Grüß Gott"}'),
('50000000-0000-4000-8000-000000000021', '50000000-0000-4000-8000-000000000000', 'a token – in clear', 'gone@example.com',
    'viewer', '50000000-0000-4000-8000-000000000001', false, '2020-01-01', '2019-12-31 10:00:00',
    '50000000-0000-4000-8000-00000000ffff', null, null);

INSERT INTO auth.audit_events (id, tenant_id, type, user_id, handle, details, severity, source, timestamp) VALUES
('evt_1700000000000_abc123', 'c0000000-0000-4000-8000-000000000000', 'LOGIN_SUCCESS',
    'c0000000-0000-4000-8000-000000000001', 'jess', '{"big": 12345678901234567890.123456789012345678901234567890}',
    'info', 'user', '2023-11-14 22:13:20.000'),
('evt_1700000000000_abc124', 'c0000000-0000-4000-8000-000000000000', 'SOMETHING_OWN', null, null, '[]', 'critical',
    'system', '2023-11-14 22:13:20.001'),
('no pattern', '50000000-0000-4000-8000-000000000000', 'LOGOUT', null, 'jess', 'null', 'warning', 'admin',
    '2025-03-30 02:30:00.000001');

INSERT INTO public.business_profile (tenant_id, name, phone, street_address, city, state, postal_code, latitude,
    longitude, updated_at) VALUES
('c0000000-0000-4000-8000-000000000000', 'Harbor Clinic', '+1', '1 Quay', 'Boston', 'MA', '02110', 42.36008123,
    -71.05888456, '2025-03-09 02:30:00'),
('50000000-0000-4000-8000-000000000000', 'Studio', '+2', '2 Hill', 'Wien', '', '1010', null, null, now());

INSERT INTO public.services (id, tenant_id, acuity_id, name, duration_minutes, price_cents) VALUES
('c0000000-0000-4000-8000-000000000031', 'c0000000-0000-4000-8000-000000000000', '77', 'Massage', 60, 9000),
('50000000-0000-4000-8000-000000000031', '50000000-0000-4000-8000-000000000000', '77', 'Yoga', 45, 0);

INSERT INTO public.business_hours (tenant_id, day_of_week, opens, closes, label)
SELECT 'c0000000-0000-4000-8000-000000000000', day, '09:00', '23:59:59.999999', null FROM generate_series(0, 6) AS day;

INSERT INTO public.reviews (tenant_id, reviewer_name, rating, text, tags, published_at) VALUES
('c0000000-0000-4000-8000-000000000000', 'A', 5, E'"good"\\', ARRAY['a,b', '"q"', '{}', '', 'NULL'],
    '2025-10-26 01:30:00.5'),
('c0000000-0000-4000-8000-000000000000', 'B', 1, '', '{}', null),
('50000000-0000-4000-8000-000000000000', 'C', 3, 'so', null, '2025-10-26 00:30:00');

INSERT INTO public.practitioners (id, tenant_id, handle, name, credentials) VALUES
('c0000000-0000-4000-8000-000000000041', 'c0000000-0000-4000-8000-000000000000', 'Kim', 'Kim', ARRAY['LMT']),
('50000000-0000-4000-8000-000000000041', '50000000-0000-4000-8000-000000000000', 'kim', 'Kim', null);

INSERT INTO public.clients (id, tenant_id, first_name, last_name, email, custom_fields) VALUES
('c0000000-0000-4000-8000-000000000051', 'c0000000-0000-4000-8000-000000000000', 'Ann', 'Doe', 'Ann@Example.com',
    '{"n": 9007199254740993, "deep": {"a": [1, null, "x"]}}'),
('50000000-0000-4000-8000-000000000051', '50000000-0000-4000-8000-000000000000', 'Ann', 'Doe', 'ann@example.com', '{}');

INSERT INTO public.bookings (id, tenant_id, confirmation_code, service_id, practitioner_id, client_id, datetime,
    end_time, duration, status, amount_cents, idempotency_key, cancelled_at) VALUES
('c0000000-0000-4000-8000-000000000061', 'c0000000-0000-4000-8000-000000000000', 'abcd-2345',
    'c0000000-0000-4000-8000-000000000031', 'c0000000-0000-4000-8000-000000000041',
    'c0000000-0000-4000-8000-000000000051', '2025-03-09 06:30:00', '2025-03-09 07:30:00+00', 60, 'completed', 9000, 'k',
    null),
('c0000000-0000-4000-8000-000000000062', 'c0000000-0000-4000-8000-000000000000', 'BK-OLD-1',
    'c0000000-0000-4000-8000-000000000031', 'c0000000-0000-4000-8000-000000000041',
    'c0000000-0000-4000-8000-000000000051', '2025-03-09 07:30:00', '2025-03-09 08:30:00+00', 60, 'confirmed', 9000, null,
    null),
('c0000000-0000-4000-8000-000000000063', 'c0000000-0000-4000-8000-000000000000', 'BK-OLD-2',
    'c0000000-0000-4000-8000-000000000031', 'c0000000-0000-4000-8000-000000000041',
    'c0000000-0000-4000-8000-000000000051', '2025-03-09 07:45:00', '2025-03-09 08:15:00+00', 30, 'cancelled', 9000, null,
    '2025-03-08 00:00:00'),
('50000000-0000-4000-8000-000000000061', '50000000-0000-4000-8000-000000000000', 'ABCD2345',
    '50000000-0000-4000-8000-000000000031', null, '50000000-0000-4000-8000-000000000051', '2025-03-09 07:00:00',
    '2025-03-09 07:45:00+00', 45, 'no_show', 0, 'k', null);

INSERT INTO public.time_blocks (tenant_id, practitioner_id, start_time, end_time, block_type) VALUES
('c0000000-0000-4000-8000-000000000000', 'c0000000-0000-4000-8000-000000000041', '2025-12-24', '2026-01-02', 'vacation');

INSERT INTO public.business_hours_overrides (tenant_id, date, opens, closes) VALUES
('c0000000-0000-4000-8000-000000000000', '2025-12-25', null, null),
('50000000-0000-4000-8000-000000000000', '2025-12-25', '10:00', '12:00');

INSERT INTO public.slot_reservations (id, tenant_id, practitioner_id, datetime, duration, expires_at, released_at) VALUES
('c0000000-0000-4000-8000-000000000071', 'c0000000-0000-4000-8000-000000000000', null, '2025-11-02 05:30:00', 90,
    '2025-11-02 05:00:00', null),
('c0000000-0000-4000-8000-000000000072', 'c0000000-0000-4000-8000-000000000000', null, '2025-11-02 05:30:00', 90,
    '2999-01-01', null);

INSERT INTO public.gift_certificates (id, tenant_id, code, amount_cents, balance_cents, purchaser_name,
    purchaser_email) VALUES
('c0000000-0000-4000-8000-000000000081', 'c0000000-0000-4000-8000-000000000000', 'cert-abcd2345', 10000, 1000, 'P',
    'P@Example.com'),
('c0000000-0000-4000-8000-000000000082', 'c0000000-0000-4000-8000-000000000000', 'GC-2024-7', 5000, 5000, 'P', 'p@e.com');

INSERT INTO public.packages (id, tenant_id, code, client_id, package_type, total_sessions, remaining_sessions,
    price_cents, purchaser_name, purchaser_email, expires_at) VALUES
('c0000000-0000-4000-8000-000000000091', 'c0000000-0000-4000-8000-000000000000', 'PK1',
    'c0000000-0000-4000-8000-000000000051', 'five', 5, 4, 40000, 'P', 'p@e.com', '2026-01-01');

INSERT INTO public.redemptions (tenant_id, booking_id, gift_certificate_id, package_id, type, amount_cents,
    session_number) VALUES
('c0000000-0000-4000-8000-000000000000', 'c0000000-0000-4000-8000-000000000061',
    'c0000000-0000-4000-8000-000000000081', null, 'gift_certificate', 9000, null),
('c0000000-0000-4000-8000-000000000000', 'c0000000-0000-4000-8000-000000000062', null,
    'c0000000-0000-4000-8000-000000000091', 'package', null, 1);

INSERT INTO public.intake_form_templates (id, tenant_id, form_type, title, schema) VALUES
('c0000000-0000-4000-8000-0000000000a1', 'c0000000-0000-4000-8000-000000000000', 'health', 'Health', '{"type": "object"}');

INSERT INTO public.intake_form_responses (tenant_id, template_id, client_id, booking_id, responses, consent_text,
    consented_at, status, reviewed_at) VALUES
('c0000000-0000-4000-8000-000000000000', 'c0000000-0000-4000-8000-0000000000a1',
    'c0000000-0000-4000-8000-000000000051', 'c0000000-0000-4000-8000-000000000061', '{"a": 1e308}', 'I do', '2025-03-01',
    'reviewed', '2025-03-02'),
('c0000000-0000-4000-8000-000000000000', 'c0000000-0000-4000-8000-0000000000a1',
    'c0000000-0000-4000-8000-000000000051', null, '{}', '', null, 'draft', null);

INSERT INTO public.appointments (id, tenant_id, acuity_id, client_name, service, duration, price_cents,
    appointment_date) VALUES
('c0000000-0000-4000-8000-0000000000b1', 'c0000000-0000-4000-8000-000000000000', 1, 'Ann', 'Massage', 60, 9000,
    '2019-11-03 01:30:00-05');

INSERT INTO public.payments (tenant_id, appointment_id, amount_cents, processor, processor_ref, metadata) VALUES
('c0000000-0000-4000-8000-000000000000', 'c0000000-0000-4000-8000-0000000000b1', 9000, 'stripe', 'pi_1', '{"k": []}'),
('c0000000-0000-4000-8000-000000000000', null, 0, 'cash', 'pi_1', null);

INSERT INTO public.local_bookings (tenant_id, service_id, service_name, datetime, duration, client, payment_method,
    amount_cents) VALUES
('50000000-0000-4000-8000-000000000000', 's', 'Yoga', '2025-03-30 01:00:00', 45,
    '{"firstName": "A", "lastName": "B", "email": "a@b"}', 'cash', 0)
