-- Rows of one tenant in every table, with values that are awkward to print and to read again. The tenant is the
-- one of the setting; identities are the same for every tenant, which the keys allow.
INSERT INTO auth.users (tenant_id, id, handle, email, display_name, password_hash, permissions, last_login_at)
SELECT t, md5('jess')::uuid, 'jess', 'jess@example.com', E'Jess "J"\nO''Brien \\ 漢字 🦀', '$2b$04$hash',
    '["bookings:write", "ünïcode"]'::jsonb, '2026-11-01 01:59:59.999999-04'::timestamptz FROM tenant
UNION ALL SELECT t, md5('kim')::uuid, 'kim', 'kim@example.com', '', '$2b$04$hash', NULL, '0044-03-15 00:00:00+00 BC'
FROM tenant;
INSERT INTO auth.sessions (tenant_id, user_id, expires_at, user_data, geo_location)
SELECT t, md5('jess')::uuid, now() - interval '1 day' * n, '{"id": "00000000-0000-4000-8000-000000000001", "username": "jess", "name": "Jess", "role": "viewer"}', NULL
FROM tenant, generate_series(-1, 1500) AS n;
INSERT INTO auth.totp_secrets (tenant_id, handle, user_id, encrypted_secret, iv, auth_tag, salt, last_used_step)
SELECT t, 'jess', md5('jess')::uuid, 'c2VjcmV0', 'aXY=', 'dGFn', 'c2FsdA==', 9223372036854775807 FROM tenant;
INSERT INTO auth.backup_codes (tenant_id, user_id, codes)
SELECT t, md5('jess')::uuid, '[{"id": "1", "hash": "x", "used": false}]' FROM tenant;
INSERT INTO auth.invitations (tenant_id, token, email, role, created_by, expires_at)
SELECT t, 'hashed', 'new@example.com', 'viewer', md5('jess')::uuid, now() - interval '1 day' FROM tenant;
INSERT INTO auth.audit_events (tenant_id, id, type, details, timestamp)
SELECT t, md5(n::text)::uuid, 'LOGIN', jsonb_build_object('n', n, 'nothing', NULL), now() - interval '1 day' * n
FROM tenant, generate_series(1, 1200) AS n;
INSERT INTO public.business_profile
    (tenant_id, name, phone, street_address, city, state, postal_code, latitude, longitude, time_zone)
SELECT t, 'Harbor', '555', '1 Quay', 'Ithaca', 'NY', '14850', 42.44396181, -76.50000000, 'America/New_York' FROM tenant;
INSERT INTO public.services (tenant_id, id, name, duration_minutes, price_cents)
SELECT t, md5('massage')::uuid, 'Massage', 60, 2147483647 FROM tenant;
INSERT INTO public.business_hours (tenant_id, day_of_week, opens, closes)
SELECT t, 0, '00:00:00.000001', '24:00' FROM tenant;
INSERT INTO public.reviews (tenant_id, reviewer_name, rating, text, tags)
SELECT t, 'A', 5, 'x', ARRAY['a,b', 'NULL', '"', '{}', ''] FROM tenant
UNION ALL SELECT t, 'B', 1, '', '{}' FROM tenant;
INSERT INTO public.practitioners (tenant_id, id, handle, name, credentials)
SELECT t, md5('pat')::uuid, 'pat', 'Pat', ARRAY['LMT'] FROM tenant;
INSERT INTO public.clients (tenant_id, id, first_name, last_name, email, custom_fields)
SELECT t, md5('ana')::uuid, 'Ana', 'Díaz', 'ana@example.com', '{"a": {"b": [1, 1.0, 1e3, null, true]}, "n": 12345678901234567890.123456789}' FROM tenant;
INSERT INTO public.bookings
    (tenant_id, id, confirmation_code, service_id, practitioner_id, client_id, datetime, end_time, duration, amount_cents)
SELECT t, md5('booking')::uuid, 'ABCD2345', md5('massage')::uuid, md5('pat')::uuid, md5('ana')::uuid,
    '2026-03-08 06:59:59+00', '2026-03-08 07:59:59+00', 60, 9000 FROM tenant;
INSERT INTO public.time_blocks (tenant_id, practitioner_id, start_time, end_time, block_type)
SELECT t, md5('pat')::uuid, now(), '19999-12-31 23:59:59.999999+00', 'vacation' FROM tenant;
INSERT INTO public.business_hours_overrides (tenant_id, date) SELECT t, '2026-12-25' FROM tenant;
INSERT INTO public.slot_reservations (tenant_id, datetime, end_time, duration, expires_at, released_at)
SELECT t, now(), now() + interval '1 hour', 60, now() - interval '1 hour', now() FROM tenant;
INSERT INTO public.gift_certificates
    (tenant_id, id, code, amount_cents, balance_cents, purchaser_name, purchaser_email)
SELECT t, md5('gift')::uuid, 'GIFT2345', 10000, 1000, 'Ben', 'ben@example.com' FROM tenant;
INSERT INTO public.packages
    (tenant_id, id, code, client_id, package_type, total_sessions, remaining_sessions, price_cents, purchaser_name, purchaser_email)
SELECT t, md5('pack')::uuid, 'PACK2345', md5('ana')::uuid, 'five', 5, 4, 40000, 'Ben', 'ben@example.com' FROM tenant;
INSERT INTO public.gift_certificate_redemptions (tenant_id, booking_id, gift_certificate_id, type, amount_cents)
SELECT t, md5('booking')::uuid, md5('gift')::uuid, 'gift_certificate', 9000 FROM tenant;
INSERT INTO public.booking_payments
    (tenant_id, id, booking_id, kind, refund_of, method, processor, reference, item, amount_cents, currency, idempotency_key, request_digest)
SELECT t, md5('paid')::uuid, md5('booking')::uuid, 'payment', NULL, 'card', 'stripe', 'pi_1', 2, 9000, 'USD', 'k', decode(repeat('00ff', 16), 'hex') FROM tenant
UNION ALL SELECT t, md5('back')::uuid, md5('booking')::uuid, 'refund', md5('paid')::uuid, 'cash', NULL, NULL, 1, 1000, 'USD', NULL, NULL FROM tenant;
UPDATE public.bookings SET paid_cents = 9000, refunded_cents = 1000, payment_status = 'partially_refunded';
INSERT INTO public.intake_form_templates (tenant_id, id, form_type, title, schema)
SELECT t, md5('form')::uuid, 'health', 'Health', '{"type": "object"}' FROM tenant;
INSERT INTO public.intake_submissions
    (tenant_id, template_id, client_id, booking_id, responses, consent_text, consented_at, status)
SELECT t, md5('form')::uuid, md5('ana')::uuid, md5('booking')::uuid, '{"q": "\u0001"}', 'I do', now(), 'submitted' FROM tenant;
INSERT INTO public.appointments (tenant_id, id, client_name, service, duration, price_cents, appointment_date)
SELECT t, md5('old')::uuid, 'Ana', 'Massage', 60, 9000, '1999-12-31 23:59:59.5+00' FROM tenant;
INSERT INTO public.payments (tenant_id, appointment_id, amount_cents, processor, processor_ref, metadata)
SELECT t, md5('old')::uuid, 9000, 'cash', '1', 'null' FROM tenant;
INSERT INTO public.local_bookings
    (tenant_id, service_id, service_name, datetime, duration, client, payment_method, amount_cents)
SELECT t, 's', 'Massage', now(), 60, '{"firstName": "Ana", "lastName": "D", "email": "a@b.c"}', 'cash', 9000 FROM tenant;
INSERT INTO watertight.numbers (tenant_id, series, value) SELECT t, 'invoice', 41 FROM tenant;
