-- Rows of four tenants, drawn by chance from a seed that the test sets.
CREATE FUNCTION pg_temp.word() RETURNS text LANGUAGE sql VOLATILE AS
    $$ SELECT left(md5(random()::text), 1 + floor(random() * 20)::int) || (ARRAY['', 'é', '鍵', ' – ''"\', E'\n'])[1 + floor(random() * 5)::int] $$;
CREATE FUNCTION pg_temp.maybe(value text) RETURNS text LANGUAGE sql VOLATILE AS
    $$ SELECT CASE WHEN random() < 0.7 THEN value END $$;
CREATE FUNCTION pg_temp.moment() RETURNS timestamp LANGUAGE sql VOLATILE AS
    $$ SELECT timestamp '1970-01-01' + floor(random() * 3e15)::bigint * interval '1 microsecond' $$;
CREATE TEMPORARY TABLE tenants AS SELECT gen_random_uuid() AS id FROM generate_series(1, 4);

INSERT INTO auth.users (tenant_id, handle, email, display_name, password_hash, role, is_active, locked_at, permissions,
    bio, onboarding_step, last_failed_login_at, last_login_at, created_at, updated_at)
SELECT t.id, 'User' || n, 'User' || n || '@Example.com', pg_temp.maybe(pg_temp.word()), pg_temp.word(), 'viewer',
    random() < 0.5, CASE WHEN random() < 0.5 THEN pg_temp.moment() END,
    CASE WHEN random() < 0.5 THEN jsonb_build_array(pg_temp.word(), pg_temp.word()) END, pg_temp.maybe(pg_temp.word()),
    floor(random() * 2147483647)::int, pg_temp.moment(), pg_temp.moment() AT TIME ZONE 'UTC', pg_temp.moment(),
    pg_temp.moment() AT TIME ZONE 'UTC'
FROM tenants t, generate_series(1, 40) n;
INSERT INTO auth.sessions (tenant_id, user_id, expires, expires_at, created_at, user_agent)
SELECT u.tenant_id, u.id, m, m AT TIME ZONE 'UTC', pg_temp.moment(), pg_temp.word()
FROM auth.users u, generate_series(1, 2), LATERAL (SELECT pg_temp.moment() AS m WHERE u.id IS NOT NULL) AS o;
INSERT INTO auth.audit_events (id, tenant_id, type, user_id, details, timestamp)
SELECT 'evt_' || n || '_' || md5(random()::text), t.id, 'LOGIN_SUCCESS', gen_random_uuid(),
    jsonb_build_object(pg_temp.word(), random() * 1e18), pg_temp.moment()
FROM tenants t, generate_series(1, 60) n;
INSERT INTO public.services (tenant_id, name, description, duration_minutes, price_cents, updated_at)
SELECT t.id, pg_temp.word(), pg_temp.maybe(pg_temp.word()), n, floor(random() * 2147483647)::int,
    pg_temp.moment() AT TIME ZONE 'UTC' FROM tenants t, generate_series(1, 5) n;
INSERT INTO public.practitioners (tenant_id, handle, name, credentials)
SELECT t.id, 'p' || n, pg_temp.word(), CASE WHEN random() < 0.5 THEN ARRAY[pg_temp.word(), pg_temp.word()] END
FROM tenants t, generate_series(1, 3) n;
INSERT INTO public.clients (tenant_id, first_name, last_name, email, phone, notes, created_at)
SELECT t.id, pg_temp.word(), pg_temp.word(), 'c' || n || '@example.com', pg_temp.maybe('1'), pg_temp.maybe(pg_temp.word()),
    pg_temp.moment() FROM tenants t, generate_series(1, 30) n;
INSERT INTO public.bookings (tenant_id, confirmation_code, service_id, practitioner_id, client_id, datetime, end_time,
    duration, status, amount_cents, notes)
SELECT p.tenant_id, 'B' || p.handle || n, s.id, p.id, c.id, at, (at + interval '1 hour') AT TIME ZONE 'UTC', 60,
    (ARRAY['confirmed', 'completed', 'no_show'])[1 + floor(random() * 3)::int], n, pg_temp.maybe(pg_temp.word())
FROM public.practitioners p, generate_series(1, 50) n,
    LATERAL (SELECT timestamp '2025-03-08' + n * interval '1 hour' AS at) AS a,
    LATERAL (SELECT id FROM public.services s WHERE s.tenant_id = p.tenant_id ORDER BY md5(s.id::text || n) LIMIT 1) AS s,
    LATERAL (SELECT id FROM public.clients c WHERE c.tenant_id = p.tenant_id ORDER BY md5(c.id::text || n) LIMIT 1) AS c;
INSERT INTO public.reviews (tenant_id, reviewer_name, rating, text, tags, published_at)
SELECT t.id, pg_temp.word(), 1 + floor(random() * 5)::int, pg_temp.word(), ARRAY[pg_temp.word()],
    pg_temp.moment() FROM tenants t, generate_series(1, 30) n;
INSERT INTO public.business_profile (tenant_id, name, phone, street_address, city, state, postal_code, latitude, longitude)
SELECT id, pg_temp.word(), '1', pg_temp.word(), pg_temp.word(), 'MA', '1', (random() * 180 - 90)::numeric(12, 8),
    (random() * 360 - 180)::numeric(12, 8) FROM tenants
