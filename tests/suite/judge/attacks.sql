-- 1. Texts that two parsers read differently: words, labels, aliases, comments, literals, operators.
SELECT 1 END, f.s, x.s FROM (SELECT set_config('app.tenant_id','{B}',true) AS s OFFSET 0) f, LATERAL (SELECT * FROM b x WHERE f.s IS NOT NULL) x
SELECT s OR FROM a
SELECT s AND FROM a
SELECT s IS FROM a
SELECT s NOTNULL FROM a
SELECT s ISNULL FROM a
SELECT s IN FROM a
SELECT s LIKE FROM a
SELECT s CASE FROM a
SELECT s WHEN FROM a
SELECT s THEN FROM a
SELECT s ELSE FROM a
SELECT s END FROM a
SELECT s FROM a GLOBAL
SELECT s FROM a QUALIFY true
SELECT s FROM a FINAL
SELECT s FROM a PREWHERE
SELECT s FROM a PIVOT
SELECT s FROM a SAMPLE
SELECT s FROM a VIEW
SELECT s FROM a SETTINGS
SELECT s FROM a FORMAT
SELECT s FROM a START
SELECT s FROM a CONNECT
SELECT s FROM a ASOF
SELECT s FROM a ANTI
SELECT s FROM a SEMI
SELECT s FROM a TOP
UPDATE a GLOBAL SET s = 'x' FROM (SELECT '{A}'::uuid AS tenant_id) AS a
UPDATE a AS GLOBAL SET s = 'x' FROM (SELECT '{A}'::uuid AS tenant_id) AS a
DELETE FROM a GLOBAL USING (SELECT '{A}'::uuid AS tenant_id) AS a
MERGE INTO a GLOBAL USING (SELECT '{A}'::uuid AS tenant_id) AS a ON true WHEN MATCHED THEN DELETE
INSERT INTO a AS GLOBAL (id) VALUES (1) ON CONFLICT (tenant_id, id) DO UPDATE SET s = 'x'
SELECT * FROM a/**/x
SELECT * FROM a--
SELECT * FROM a /* /* nested */ WHERE false */
SELECT * FROM a /* /* */ , b */
SELECT * FROM a -- , b
SELECT s FROM a WHERE id = 1--1
SELECT s FROM a WHERE id = 1-- OR true
SELECT s FROM a WHERE n = -- comment
SELECT s FROM a /*+ hint */ WHERE id = 1
SELECT $$a$$, s FROM a
SELECT $x$ $y$ $x$, s FROM a WHERE s <> $z$'$z$
SELECT $a$'$a$ FROM a WHERE s <> $b$'$b$
SELECT 'a\' OR s <> '\\' FROM a
SELECT E'a\' FROM a WHERE s <> ', s FROM b' FROM a
SELECT E'\'', s FROM a
SELECT 'a''b', s FROM a
SELECT N'a', s FROM a
SELECT N'\', s FROM a WHERE s <> '
SELECT B'1', X'1F', s FROM a
SELECT B'1' '0' FROM a
SELECT U&'\0041', s FROM a
SELECT U&"s" FROM a
SELECT U&'a' UESCAPE '!' FROM a
SELECT 'a' 'b' FROM a
SELECT "s" "from" FROM a
SELECT s "from b" FROM a
SELECT s """" FROM a
SELECT 1a FROM a
SELECT 1e FROM a
SELECT 1.e5, s FROM a
SELECT 1..2 FROM a
SELECT .5 s FROM a
SELECT 0x1F, s FROM a
SELECT 0b1, 0o7, 1_000, s FROM a
SELECT 1_000s FROM a
SELECT $1s FROM a
SELECT 1 +-1, s FROM a
SELECT 1 @-1, s FROM a
SELECT n*-1 FROM a
SELECT n!=1 FROM a
SELECT n<>-1 FROM a
SELECT n=-1 FROM a
SELECT n<=-1, n>=-1 FROM a
SELECT id =>1 FROM a
SELECT id:=1 FROM a
SELECT id::int::text FROM a
SELECT s||s||'--' FROM a
SELECT n-/**/-1 FROM a
SELECT n/*--*/+1 FROM a
SELECT @-n FROM a
SELECT |/ 4::float8, s FROM a
SELECT n # 1, ~n, n << 1 FROM a
SELECT tags @> ARRAY['x'], tags && tags FROM a
SELECT d -> 'k', d ->> 'k', d #> '{k}', d ? 'k' FROM a
SELECT s FROM a WHERE s ~ 's' AND s !~~ 'x' AND s ~~* 'S%'
SELECT s FROM a WHERE (a.id, n) = (1, 1)
SELECT s FROM a OFFSET 1 ROWS FETCH NEXT 1 ROWS ONLY
SELECT s FROM a LIMIT ALL OFFSET 0
SELECT s FROM a FETCH FIRST ROW WITH TIES
SELECT ALL s FROM a
SELECT DISTINCT ON (n) n FROM a ORDER BY n
SELECT s FROM ONLY a
SELECT s FROM ONLY (a)
SELECT s FROM a *
SELECT s FROM a * x
SELECT s FROM (a)
SELECT s FROM ((a JOIN b USING (s)))
SELECT FROM a
SELECT * FROM (TABLE a) x, LATERAL (VALUES (x.s)) y (z)
SELECT * FROM a AS "b", b AS "a"
SELECT "a".s, a.s FROM b AS a
SELECT a.s FROM b a WHERE a.tenant_id = '{B}'
SELECT s FROM a WHERE tenant_id = '{B}'
SELECT s FROM a WHERE tenant_id <> '{A}' OR true
SELECT s FROM a x (tenant_id, id2) WHERE tenant_id = 1
SELECT * FROM (SELECT id AS tenant_id FROM a) a
SELECT s FROM pg_catalog.a
SELECT s FROM "public".a
SELECT s FROM "Public".a
SELECT s FROM PUBLIC.A
SELECT s FROM pg_temp.a
SELECT s FROM watertight.public.a
SELECT relname FROM pg_class
SELECT relname FROM pg_catalog.pg_class
SELECT table_name FROM information_schema.tables
SELECT most_common_vals FROM pg_stats
SELECT query FROM pg_stat_activity
SELECT * FROM pg_prepared_statements
WITH a AS (SELECT * FROM b) SELECT * FROM a
WITH a AS (SELECT * FROM a) SELECT * FROM a
WITH a AS (SELECT * FROM public.a) SELECT * FROM a, public.a x
WITH RECURSIVE a AS (SELECT * FROM public.a UNION ALL SELECT a.* FROM a WHERE false) SELECT * FROM a
WITH RECURSIVE a (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM a WHERE i < 3), b AS (SELECT * FROM a) SELECT * FROM b
WITH RECURSIVE x AS (SELECT * FROM y), y AS (SELECT s FROM a) SELECT * FROM x
WITH x AS (SELECT * FROM y), y AS (SELECT s FROM a) SELECT * FROM x
WITH x AS (WITH a AS (SELECT 1 AS s) SELECT s FROM a) SELECT x.s, a.s FROM x, a
WITH a AS (SELECT 1 AS s) SELECT (WITH a AS (SELECT 2 AS s) SELECT s FROM a), s FROM a
WITH x AS (INSERT INTO a (id) VALUES (70) RETURNING *), y AS (UPDATE b SET s = 'y' RETURNING *) SELECT x.id, y.s FROM x, y
WITH x AS (DELETE FROM a RETURNING *) INSERT INTO b (id, s) SELECT id + 70, s FROM x
WITH x AS (DELETE FROM a RETURNING tenant_id, id) INSERT INTO b (tenant_id, id) SELECT tenant_id, id + 70 FROM x
WITH x AS MATERIALIZED (SELECT s FROM a), y AS NOT MATERIALIZED (SELECT s FROM b) TABLE x UNION TABLE y
SELECT s FROM a UNION SELECT s FROM b EXCEPT SELECT s FROM k INTERSECT SELECT s FROM a
(SELECT s FROM a) UNION ALL (SELECT s FROM b ORDER BY 1) ORDER BY 1
((SELECT s FROM a))
VALUES ((SELECT s FROM a WHERE id = 1)), ((SELECT s FROM b WHERE id = 2))
TABLE a UNION TABLE a
SELECT (TABLE b LIMIT 1) FROM a
SELECT s FROM a; SELECT s FROM b
SELECT s FROM a;
; SELECT s FROM a
SELECT s FROM a;;
EXPLAIN SELECT s FROM a
EXPLAIN ANALYZE SELECT s FROM a
COPY a TO STDOUT
COPY (SELECT s FROM a) TO STDOUT
DECLARE c CURSOR FOR SELECT s FROM a
PREPARE p AS SELECT s FROM a
DO $$ BEGIN PERFORM 1; END $$
CREATE TEMP TABLE a AS SELECT 1 AS s
SELECT s INTO TEMP z FROM a
SELECT s INTO b FROM a
LOCK a
TRUNCATE a
CALL whole(1)
SET LOCAL app.tenant_id = '{B}'
BEGIN
SELECT POSITION(POSITION(POSITION(POSITION('a' IN 'b')::text IN 'b')::text IN 'b')::text IN s) FROM a
SELECT CAST(CAST(CAST(s AS text) AS varchar) AS text) FROM a
SELECT x FROM unnest(ARRAY['a','b']) AS x WHERE x IN (SELECT s FROM a)
-- Guards that mean something else.
SELECT s FROM a "__tenant_1"
SELECT "__tenant_1" FROM a
SELECT "__tenant_1".* FROM a
SELECT s FROM a, (SELECT '{A}'::uuid AS tenant_id) "__tenant_2"
WITH "__tenant_1" AS (SELECT 1) SELECT s FROM a
SELECT s FROM a FOR UPDATE OF "__tenant_1"
SELECT s FROM a FOR UPDATE
SELECT a.s FROM a, b FOR SHARE OF a
SELECT s FROM a FOR NO KEY UPDATE SKIP LOCKED
SELECT s FROM a x (q, r) FOR KEY SHARE NOWAIT
SELECT s FROM (SELECT * FROM a) x FOR UPDATE
WITH x AS (SELECT s FROM a FOR UPDATE) SELECT * FROM x
SELECT * FROM a WHERE EXISTS (SELECT FROM b WHERE b.id = a.id FOR UPDATE)
UPDATE a SET s = b.s FROM b
UPDATE a SET s = b.s FROM b WHERE a.id = b.id OR true
UPDATE a SET s = 'x' WHERE tenant_id = '{B}'
UPDATE a SET s = 'x' WHERE id IN (SELECT id FROM b) OR NOT false
UPDATE a SET (s, n) = (SELECT s, n FROM b WHERE b.id = a.id)
UPDATE a SET (s, n) = ROW ('x', 1)
UPDATE a SET (s, n) = ('x', DEFAULT)
UPDATE a SET tenant_id = '{B}'
UPDATE a SET tenant_id = '{A}'
UPDATE a SET tenant_id = DEFAULT
UPDATE a SET tenant_id = tenant_id
UPDATE a SET tenant_id = u
UPDATE a SET tenant_id = (SELECT '{B}'::uuid)
UPDATE a SET tenant_id = b.u FROM b
UPDATE a SET tenant_id = b.tenant_id FROM b
UPDATE a SET tenant_id = x.tenant_id FROM (SELECT '{B}'::uuid AS tenant_id) x
UPDATE a SET tenant_id = x.tenant_id FROM (SELECT * FROM b) x
UPDATE a SET tenant_id = CASE WHEN true THEN '{B}'::uuid ELSE tenant_id END
UPDATE a SET tenant_id = coalesce(tenant_id, u)
UPDATE a SET (tenant_id) = ROW ('{B}')
UPDATE a SET (tenant_id, s) = ('{B}', 'x')
UPDATE a SET "tenant_id" = '{B}'
UPDATE a SET TENANT_ID = '{B}'
UPDATE a AS x SET s = 'x' WHERE x.id = 1 RETURNING x.s, x.tenant_id
UPDATE a SET s = 'x' WHERE CURRENT OF c
UPDATE ONLY a SET s = 'x'
UPDATE a * SET s = 'x'
UPDATE a SET s = 'x' FROM a x WHERE x.id = a.id
UPDATE a SET s = 'x' FROM b a2 JOIN b a3 USING (id) WHERE a.id = a2.id RETURNING a3.s
UPDATE a SET d['k'] = '1', tags[1] = 'z'
UPDATE a SET d['k']['j'] = '1'
UPDATE k SET s = 'x'
UPDATE pg_class SET relname = 'x'
DELETE FROM a WHERE ctid IN (SELECT ctid FROM a LIMIT 1)
DELETE FROM a WHERE ctid = (SELECT max(ctid) FROM a)
DELETE FROM a WHERE ctid = ANY (ARRAY(SELECT ctid FROM a WHERE n = 1))
DELETE FROM a WHERE ctid = '(0,5)'
UPDATE a SET s = 'x' WHERE ctid > '(0,0)'
SELECT s FROM a WHERE ctid >= '(0,1)'
SELECT s FROM a WHERE a.ctid = '(0,6)'
SELECT ctid, xmin, xmax, cmin, cmax, tableoid FROM a
SELECT tableoid::regclass, s FROM a
SELECT (SELECT ctid) FROM a
SELECT (SELECT a.ctid FROM b LIMIT 1) FROM a
SELECT (SELECT ctid FROM b x JOIN b y USING (id) LIMIT 1) FROM a
SELECT 1 AS ctid FROM a GROUP BY ctid
SELECT count(*) FROM a GROUP BY ctid
SELECT count(*) FROM a GROUP BY xmin::text
DELETE FROM a USING b WHERE a.id = b.id OR true
DELETE FROM a x USING a y WHERE x.id = y.id
DELETE FROM a WHERE tenant_id IS NOT NULL
DELETE FROM a WHERE EXISTS (SELECT FROM b WHERE b.tenant_id = a.tenant_id)
DELETE FROM a RETURNING *
DELETE FROM a RETURNING a
DELETE FROM a AS b USING b AS a WHERE a.id = b.id RETURNING a.s
INSERT INTO a (tenant_id, id) VALUES ('{B}', 90)
INSERT INTO a (tenant_id, id) VALUES ('{A}', 90)
INSERT INTO a (tenant_id, id) VALUES ('{A}', 90), ('{B}', 91)
INSERT INTO a (id, tenant_id) VALUES (90, ('{B}'))
INSERT INTO a (id, tenant_id) VALUES (90, '{B}'::uuid)
INSERT INTO a (id, tenant_id) VALUES (90, '{A}'::text::uuid)
INSERT INTO a (id, tenant_id) VALUES (90, CAST('{B}' AS uuid))
INSERT INTO a (id, tenant_id) VALUES (90, uuid '{B}')
INSERT INTO a (id, tenant_id) VALUES (90, (SELECT tenant_id FROM b LIMIT 1))
INSERT INTO a (id, tenant_id) VALUES (90, DEFAULT)
INSERT INTO a VALUES (90)
INSERT INTO a VALUES (90, '{B}')
INSERT INTO a VALUES (90, '{A}', 1, 'x')
INSERT INTO a VALUES (90, DEFAULT, 1, 'x')
INSERT INTO a DEFAULT VALUES
INSERT INTO a (id) VALUES (DEFAULT)
INSERT INTO a (id, "tenant_id") VALUES (90, '{B}')
INSERT INTO a (id, tenant_id, tenant_id) VALUES (90, '{A}', '{B}')
INSERT INTO a (id, id) VALUES (90, 91)
INSERT INTO a (id, s) SELECT id + 90, s FROM b
INSERT INTO a (id, s) SELECT id + 90, s FROM b UNION SELECT id + 95, s FROM b
INSERT INTO a (id, s) (SELECT id + 90, s FROM b LIMIT 2)
INSERT INTO a (id, s) SELECT DISTINCT ON (n) id + 90, s FROM b ORDER BY n, id
INSERT INTO a (id, s) SELECT id + 90, s FROM b GROUP BY id, s
INSERT INTO a (id, s) SELECT max(id) + 90, 'x' FROM b HAVING count(*) > 0
INSERT INTO a (id, s) SELECT 90, s x FROM b WHERE id = 1
INSERT INTO a (id, s) SELECT 90, s AS tenant_id FROM b WHERE id = 1
INSERT INTO a (id, s) TABLE x
INSERT INTO a (id, s) VALUES (90, (SELECT s FROM b WHERE id = 1))
INSERT INTO a (tenant_id, id) SELECT tenant_id, id + 90 FROM b
INSERT INTO a (tenant_id, id) SELECT u, id + 90 FROM b
INSERT INTO a (tenant_id, id) SELECT u AS tenant_id, id + 90 FROM b
INSERT INTO a (tenant_id, id) SELECT x.tenant_id, 90 FROM (SELECT '{B}'::uuid AS tenant_id) x
INSERT INTO a (tenant_id, id) SELECT tenant_id, 90 FROM (SELECT tenant_id FROM b UNION SELECT '{B}') x
INSERT INTO a (tenant_id, id) SELECT tenant_id, 90 FROM b x (tenant_id, id) WHERE false
INSERT INTO a (tenant_id, id) SELECT q, 90 FROM b x (r, q, t)
INSERT INTO a (tenant_id, id) SELECT t, 90 FROM b x (r, q, t)
INSERT INTO a (tenant_id, id) SELECT u, 90 FROM b x (r, u)
INSERT INTO a (tenant_id, id) SELECT tenant_id, 90 FROM b FULL JOIN (SELECT '{B}'::uuid AS tenant_id) x USING (tenant_id)
INSERT INTO a (tenant_id, id) SELECT tenant_id, 90 FROM b RIGHT JOIN (SELECT '{B}'::uuid AS tenant_id) x USING (tenant_id)
INSERT INTO a (tenant_id, id) SELECT x.tenant_id, 90 FROM b RIGHT JOIN (SELECT '{B}'::uuid AS tenant_id) x USING (tenant_id)
INSERT INTO a (tenant_id, id) SELECT m.tenant_id, 90 FROM b RIGHT JOIN (SELECT '{B}'::uuid AS tenant_id) x USING (tenant_id) AS m
INSERT INTO a (tenant_id, id) SELECT tenant_id, 90 FROM b NATURAL RIGHT JOIN (SELECT '{B}'::uuid AS tenant_id) x
INSERT INTO a (tenant_id, id) SELECT t, 90 FROM (SELECT * FROM (SELECT 1 AS id) q JOIN a USING (id) CROSS JOIN (SELECT b.tenant_id, '{B}'::uuid AS f FROM b) z) AS z (c1, c2, c3, c4, c5, c6, c7, c8, t)
INSERT INTO b (tenant_id, id) SELECT t, 999 FROM ((((SELECT 1 AS id) q JOIN a USING (id)) CROSS JOIN (SELECT b.tenant_id, '{B}'::uuid AS f FROM b WHERE id = 1) q2)) AS z (c1, c2, c3, c4, c5, c6, c7, c8, t)
INSERT INTO b (tenant_id, id) SELECT t, 999 FROM (SELECT (a.*), '{B}'::uuid FROM a) AS z (c1, t)
INSERT INTO b (tenant_id, id) SELECT (x).tenant_id, 999 FROM (SELECT '{B}'::uuid AS tenant_id) x
INSERT INTO b (tenant_id, id) SELECT min(tenant_id::text)::uuid, 999 FROM a
WITH z (c1, c2, c3, c4, c5, c6, t) AS (MERGE INTO a USING (SELECT 1 AS id, '{B}'::uuid AS f) q ON a.id = q.id WHEN MATCHED THEN UPDATE SET n = 1 RETURNING *) INSERT INTO b (tenant_id, id) SELECT t, 999 FROM z
WITH z (c1, t) AS (UPDATE a SET n = 1 FROM (SELECT 1 AS id, '{B}'::uuid AS f) q WHERE a.id = q.id RETURNING q.*, a.*) INSERT INTO b (tenant_id, id) SELECT t, 999 FROM z
INSERT INTO a (id) VALUES (1) ON CONFLICT DO NOTHING
INSERT INTO a (id) VALUES (1) ON CONFLICT (id) DO UPDATE SET s = 'x' WHERE a.n = 1 OR true
INSERT INTO a (id) VALUES (1) ON CONFLICT (tenant_id, id) DO UPDATE SET s = excluded.s RETURNING *
INSERT INTO a (id) VALUES (1) ON CONFLICT (id) DO UPDATE SET tenant_id = '{B}'
INSERT INTO a (id) VALUES (1) ON CONFLICT (id) DO UPDATE SET tenant_id = excluded.tenant_id
INSERT INTO a (id) VALUES (1) ON CONFLICT (id) DO UPDATE SET tenant_id = excluded.u
INSERT INTO a AS x (id) VALUES (1) ON CONFLICT (id) DO UPDATE SET s = x.s || 'y'
INSERT INTO a AS excluded (id) VALUES (1) ON CONFLICT (id) DO UPDATE SET s = 'y'
INSERT INTO a (id) VALUES (1) ON CONFLICT ON CONSTRAINT a_pkey DO UPDATE SET s = 'y'
INSERT INTO a (id) VALUES (1) ON CONFLICT (id) WHERE id > 0 DO NOTHING
INSERT INTO a (id) VALUES (1) ON CONFLICT ((id + 0)) DO NOTHING
INSERT INTO a (id) VALUES (1) ON CONFLICT (id) DO UPDATE SET s = (SELECT max(s) FROM b)
INSERT INTO a (id) OVERRIDING SYSTEM VALUE VALUES (90)
INSERT INTO k (id, n, s) VALUES (9, 9, 'x')
MERGE INTO a USING b ON true WHEN MATCHED THEN DO NOTHING
MERGE INTO a USING b ON a.id = b.id OR true WHEN MATCHED AND b.id = 1 THEN UPDATE SET s = 'm'
MERGE INTO a USING b ON a.id = b.id WHEN MATCHED THEN UPDATE SET tenant_id = '{B}'
MERGE INTO a USING b ON a.id = b.id WHEN MATCHED THEN UPDATE SET tenant_id = b.u
MERGE INTO a USING b ON a.id = b.id + 90 WHEN NOT MATCHED THEN INSERT (id, tenant_id) VALUES (b.id + 90, '{B}')
MERGE INTO a USING b ON a.id = b.id + 90 WHEN NOT MATCHED THEN INSERT (id, tenant_id) VALUES (b.id + 90, b.tenant_id)
MERGE INTO a USING b ON a.id = b.id + 90 WHEN NOT MATCHED THEN INSERT (id, tenant_id) VALUES (b.id + 90, b.u)
MERGE INTO a USING b ON a.id = b.id + 90 WHEN NOT MATCHED THEN INSERT VALUES (b.id + 90)
MERGE INTO a USING b ON a.id = b.id + 90 WHEN NOT MATCHED THEN INSERT DEFAULT VALUES
MERGE INTO a USING b ON a.id = b.id + 90 WHEN NOT MATCHED THEN INSERT (id) VALUES (DEFAULT)
MERGE INTO a USING (SELECT 1 AS id) q ON a.id = q.id WHEN NOT MATCHED BY SOURCE THEN DELETE
MERGE INTO a USING (SELECT 1 AS id) q ON a.id = q.id WHEN NOT MATCHED BY SOURCE AND a.n = 1 OR true THEN UPDATE SET s = 'm'
MERGE INTO a USING (SELECT 1 AS id) q ON false WHEN NOT MATCHED BY SOURCE THEN UPDATE SET s = 'm' WHEN NOT MATCHED BY TARGET THEN INSERT (id) VALUES (91) WHEN MATCHED THEN DELETE
MERGE INTO a USING a x ON a.id = x.id + 1 WHEN MATCHED THEN DELETE WHEN NOT MATCHED BY SOURCE THEN DO NOTHING RETURNING merge_action(), a.id
MERGE INTO ONLY a AS t USING b AS a ON t.id = a.id WHEN MATCHED THEN UPDATE SET s = a.s
MERGE INTO a USING (SELECT * FROM b) AS x ON a.id = x.id WHEN MATCHED AND x.tenant_id <> a.tenant_id THEN DELETE
WITH x AS (SELECT 1 AS id) MERGE INTO a USING x ON a.id = x.id WHEN MATCHED THEN DELETE
MERGE INTO k USING a ON k.id = a.id WHEN MATCHED THEN DELETE
-- 2. The tenant's setting.
SELECT set_config('app.tenant_id', '{B}', false)
SELECT pg_catalog.set_config('app.tenant_id', '{B}', true), s FROM a
SELECT "set_config"('app.tenant_id', '{B}', true)
SELECT f.s FROM set_config('app.tenant_id', '{B}', true) f (s)
SELECT * FROM ROWS FROM (set_config('app.tenant_id', '{B}', true))
SELECT set_config ('app.tenant_id', '{B}', true) OVER ()
SELECT '{{B}}'::auth._watertight_tenant
SELECT '{B}'::auth.watertight_tenant
SELECT auth.watertight_tenant '{B}'
SELECT CAST('{B}' AS auth.watertight_tenant), s FROM a
SELECT * FROM json_to_record('{"t":"{B}"}') AS x (t auth.watertight_tenant)
SELECT * FROM json_table('["{B}"]', '$[*]' COLUMNS (t auth.watertight_tenant PATH '$')) x
SELECT * FROM xmltable('/a' PASSING '<a/>' COLUMNS t auth.watertight_tenant) x
SELECT json_value('{"t":"{B}"}', '$.t' RETURNING auth.watertight_tenant)
SELECT json_populate_record(NULL::auth.watertight_tenant, '{}')
SELECT xmlserialize(CONTENT '<a/>' AS auth.watertight_tenant)
SELECT s FROM a WHERE tenant_id = ANY ('{{B}}'::auth.watertight_tenant[])
SELECT current_setting('app.tenant_id', true)
-- 3. Functions, operators and casts that are found by rows.
SELECT whole(a) FROM a
SELECT a.whole FROM a
SELECT (a).whole FROM a
SELECT x.whole FROM (SELECT * FROM a) x
SELECT (x).whole FROM a x
SELECT (SELECT a).whole FROM a
SELECT (a.*).whole FROM a
SELECT (array_agg(a))[1].whole FROM a
SELECT ((array_agg(a))[1]).whole FROM a
SELECT (CASE WHEN true THEN a END).whole FROM a
SELECT (coalesce(a, a)).whole FROM a
SELECT (ROW(a.*)::a).whole FROM a
SELECT (NULL::a).whole
SELECT ('(1,{A},1,x,{A},,)'::a).whole
SELECT a::text FROM a
SELECT a.*::text FROM a
SELECT CAST(a AS text) FROM a
SELECT CAST(a AS varchar) FROM a
SELECT text(a) FROM a
SELECT a.text FROM a
SELECT (a).text FROM a
SELECT text a FROM a
SELECT lower(a) FROM a
SELECT upper(a) FROM a
SELECT length(a) FROM a
SELECT abs(b) FROM b
SELECT concat(a) FROM a
SELECT concat_ws(',', a, a) FROM a
SELECT format('%s', a) FROM a
SELECT string_agg(a, ',') FROM a
SELECT max(a) FROM a
SELECT quote_literal(a) FROM a
SELECT a || 'x' FROM a
SELECT 'x' || a FROM a
SELECT a || a FROM a
SELECT a = a FROM a
SELECT a <> a FROM a
SELECT a < a FROM a
SELECT a <-> a FROM a
SELECT a LIKE 'x' FROM a
SELECT a ~~ a FROM a
SELECT a IN (a) FROM a
SELECT a IN (SELECT a FROM a) FROM a
SELECT a = ANY (ARRAY[a]) FROM a
SELECT a = ANY (SELECT x FROM a x) FROM a
SELECT a BETWEEN a AND a FROM a
SELECT a IS DISTINCT FROM a FROM a
SELECT nullif(a, a) FROM a
SELECT greatest(a, a) FROM a
SELECT CASE a WHEN a THEN 1 END FROM a
SELECT (a, 1) = (a, 1) FROM a
SELECT ROW(a) = ROW(a) FROM a
SELECT ROW(a, a) < ROW(a, a) FROM a
SELECT ROW(ROW(a)) = ROW(ROW(a)) FROM a
SELECT (SELECT a) = (SELECT a) FROM a
SELECT ARRAY[a] @> ARRAY[a] FROM a
SELECT ARRAY[a] || a FROM a
SELECT array_append(ARRAY[a], a) FROM a
SELECT array_to_string(ARRAY[a], ',') FROM a
SELECT array_position(ARRAY[a], a) FROM a
SELECT lower(ARRAY[a]) FROM a
SELECT (ARRAY[a])::text FROM a
SELECT (ARRAY[a])::text[] FROM a
SELECT ARRAY(SELECT a FROM a)::text[]
SELECT (SELECT a FROM a LIMIT 1)::text
SELECT x::text FROM (SELECT a AS x FROM a) y
SELECT x::text FROM (SELECT a FROM a) y (x)
SELECT x::text FROM (VALUES ((SELECT a FROM a LIMIT 1))) y (x)
SELECT column1::text FROM (VALUES ((SELECT a FROM a LIMIT 1))) y
SELECT y::text FROM (SELECT a FROM a) y
SELECT x::text FROM (SELECT a AS x FROM a UNION SELECT NULL) y
SELECT x::text FROM (SELECT NULL AS x UNION SELECT a FROM a) y
WITH y (x) AS (SELECT a FROM a) SELECT x::text FROM y
WITH y AS (DELETE FROM a RETURNING a AS x) SELECT x::text FROM y
WITH y AS (UPDATE a SET n = 1 RETURNING a) SELECT a::text FROM y
WITH y AS (INSERT INTO a (id) VALUES (90) RETURNING new) SELECT new::text FROM y
WITH RECURSIVE y (x) AS (SELECT a FROM a UNION SELECT x FROM y WHERE false) SELECT x::text FROM y
WITH RECURSIVE y (x) AS (SELECT NULL::text UNION SELECT a::text FROM a) SELECT x FROM y
SELECT x::text FROM a, LATERAL (SELECT a AS x) y
SELECT x::text FROM a, LATERAL (VALUES (a)) y (x)
SELECT x::text FROM a, unnest(ARRAY[a]) x
SELECT x.whole FROM a, unnest(ARRAY[a]) x
SELECT x::text FROM a lexeme, LATERAL (SELECT lexeme AS x FROM unnest(ARRAY[1]) u) y
SELECT x::text FROM a weights, LATERAL (SELECT weights AS x FROM unnest(ARRAY[1], ARRAY[2]) u) y
SELECT z.w FROM b zz, LATERAL (SELECT zz::text AS w FROM (SELECT * FROM (SELECT 1 AS zz, 2 AS y) k JOIN (SELECT 1 AS zz, 3 AS y) k2 USING (zz)) AS j (x1, x2)) z
SELECT z.w FROM b zz, LATERAL (SELECT zz::text AS w FROM (SELECT * FROM (SELECT 1 AS zz, 2 AS y) k NATURAL JOIN (SELECT 1 AS zz, 2 AS y) k2) AS j (x1, x2)) z
SELECT z.w FROM b zz, LATERAL (SELECT zz::text AS w FROM (((SELECT 1 AS zz, 2 AS y) k JOIN (SELECT 1 AS zz, 3 AS u) k2 USING (zz)) JOIN (SELECT 2 AS y) k3 USING (y)) AS j (x1, x2)) z
SELECT p.z FROM b q, LATERAL (SELECT q::text AS z FROM JSON_TABLE('[1]'::jsonb, '$[*]' COLUMNS (NESTED PATH '$' COLUMNS (p int), q int)) AS jt (z)) p
WITH src AS (SELECT x AS t FROM a x) SELECT q2.w FROM (SELECT 1 AS t) o, LATERAL (SELECT CAST(t AS text) AS w FROM (SELECT ((((((((((((((((((((((((((((((((((((((((src.t)))))))))))))))))))))))))))))))))))))))) FROM src) q) q2
WITH src AS (SELECT x AS t FROM a x) SELECT q2.w FROM (SELECT 1 AS t) o, LATERAL (SELECT CAST(t AS text) AS w FROM (SELECT (SELECT src.t UNION SELECT src.t) FROM src) q) q2
WITH src AS (SELECT x AS t FROM a x) SELECT q2.w FROM (SELECT 1 AS column1) o, LATERAL (SELECT CAST(column1 AS text) AS w FROM (SELECT (VALUES (src.t)) FROM src) q) q2
SELECT y.w FROM a bool, LATERAL (SELECT bool::text AS w FROM (SELECT true) q) y
SELECT y.w FROM a float8, LATERAL (SELECT float8::text AS w FROM (SELECT 1::float(3)) q) y
SELECT y.w FROM a is_normalized, LATERAL (SELECT is_normalized::text AS w FROM (SELECT 'x' IS NOT NORMALIZED) q) y
SELECT y.w FROM a "case", LATERAL (SELECT "case"::text AS w FROM (SELECT CASE WHEN true THEN 1 ELSE o.z END FROM (SELECT 1 AS z) o) q) y
SELECT * FROM a ORDER BY a
SELECT * FROM a ORDER BY a USING <
SELECT * FROM a ORDER BY a::text
SELECT count(*) FROM a GROUP BY a
SELECT DISTINCT a FROM a
SELECT count(DISTINCT a) FROM a
SELECT json_agg(a ORDER BY a) FROM a
SELECT sum(1) OVER (PARTITION BY a ORDER BY a) FROM a
SELECT json_agg(a) FROM a
SELECT json_agg(a)::text FROM a
SELECT to_jsonb(a) - 'u' FROM a
SELECT row_to_json(a) FROM a
SELECT json_build_object(a, a) FROM a
SELECT json_object_agg(a, a) FROM a
SELECT json_object('k': a) FROM a
SELECT json_array(a) FROM a
SELECT json_objectagg('k': a) FROM a
SELECT json_scalar(a) FROM a
SELECT json_serialize(a) FROM a
SELECT xmlelement(NAME x, a) FROM a
SELECT xmlforest(a) FROM a
SELECT jsonb_populate_record(a, '{}') FROM a
SELECT (jsonb_populate_record(a, '{}')).whole FROM a
SELECT (json_populate_recordset(a, '[{}]')).* FROM a
SELECT jsonb_set(to_jsonb(a), '{n}', '1') FROM a
SELECT x.whole FROM json_to_record('{}') AS x (w a)
SELECT x.w::text FROM json_to_record('{"w":{}}') AS x (w a)
SELECT x.w::text FROM json_to_record('{"w":{}}') AS x (w public.a)
SELECT x.w::text FROM json_table('{}', '$' COLUMNS (w a PATH '$')) x
SELECT first_value(a) OVER () FROM a
SELECT (first_value(a) OVER ()).whole FROM a
SELECT lower(first_value(a) OVER ()) FROM a
SELECT lag(a, 1, a) OVER () FROM a
SELECT any_value(a)::text FROM a
SELECT num_nulls(a, a) FROM a
SELECT pg_typeof(a) FROM a
SELECT pg_column_size(a) FROM a
SELECT hashtext(a::text) FROM a
SELECT record_out(a) FROM a
SELECT a IS NULL FROM a
SELECT a IS NOT NULL FROM a
SELECT a IS TRUE FROM a
SELECT NOT a FROM a
SELECT -a FROM a
SELECT a COLLATE "C" FROM a
SELECT a AT TIME ZONE 'UTC' FROM a
SELECT s FROM a WHERE a::text LIKE '%'
SELECT s FROM a x NATURAL JOIN (SELECT a AS s FROM a) y
SELECT 1 FROM (SELECT a AS w FROM a) x JOIN (SELECT a AS w FROM a) y USING (w)
SELECT s OPERATOR(public.<->) s FROM a
SELECT s OPERATOR(public.||) s FROM a
SELECT s OPERATOR(pg_catalog.||) s FROM a
SELECT public.lower(s) FROM a
SELECT pg_catalog.lower(s) FROM a
SELECT "lower"(s) FROM a
SELECT LOWER(s) FROM a
SELECT lower(VARIADIC ARRAY[s]) FROM a
SELECT id_of(a) FROM a
SELECT query_to_xml('SELECT 1', true, false, '')
SELECT * FROM ts_stat('SELECT to_tsvector(s) FROM a')
SELECT ts_rewrite('a'::tsquery, 'SELECT ''a''::tsquery, ''b''::tsquery')
SELECT pg_read_file('PG_VERSION')
SELECT lo_get(1)
SELECT nextval('x')
SELECT pg_sleep(0)
SELECT has_table_privilege('a', 'SELECT')
SELECT to_regclass('a')
SELECT 'a'::regclass
SELECT s::regclass FROM a
SELECT 'lower(a)'::regprocedure
SELECT pg_get_viewdef('a'::regclass)
SELECT currtid2('a', '(0,1)')
SELECT pg_relation_size('a')
SELECT txid_current(), s FROM a
SELECT pg_notify('x', s) FROM a
SELECT pg_advisory_lock(1)
SELECT dblink('x', 'y')
SELECT database_to_xml(true, false, '')
SELECT inet_server_addr()
SELECT * FROM generate_series(1, 3) WITH ORDINALITY
SELECT * FROM pg_ls_dir('.')
SELECT * FROM pg_options_to_table(ARRAY['a=b'])
-- 4. Names in other scopes.
SELECT (SELECT s) FROM a
SELECT (SELECT a.s FROM b a WHERE a.id = 1) FROM a
SELECT (SELECT max(b.s) FROM b WHERE b.id = a.id) FROM a
SELECT s FROM a WHERE id IN (SELECT a.id FROM b)
SELECT x.s FROM a x LEFT JOIN b y ON x.id = y.id AND y.s IS NULL
SELECT x.s, y.s FROM a x FULL JOIN b y ON x.id = y.id AND x.n = 1
SELECT x.s FROM a x RIGHT JOIN b y ON false
SELECT x.s, y.s FROM a x LEFT JOIN LATERAL (SELECT * FROM b WHERE b.id = x.id) y ON true
SELECT * FROM a x JOIN b y USING (id) JOIN b z USING (id)
SELECT * FROM a NATURAL FULL JOIN b
SELECT m.id FROM a JOIN b USING (id) AS m
SELECT count(*) FROM a CROSS JOIN b CROSS JOIN k
SELECT k.s FROM k LEFT JOIN a ON k.id = a.id WHERE a.s IS NULL
SELECT k.s FROM k WHERE NOT EXISTS (SELECT FROM a WHERE a.s = k.s)
SELECT s FROM a WHERE s = ALL (SELECT s FROM b)
SELECT s FROM a GROUP BY ROLLUP (s), CUBE (n), GROUPING SETS ((id), ())
SELECT a.s, a.n FROM a GROUP BY a.tenant_id, a.id
SELECT s, sum(n) OVER w FROM a WINDOW w AS (PARTITION BY n ORDER BY id ROWS BETWEEN 1 PRECEDING AND CURRENT ROW EXCLUDE TIES)
SELECT s FROM a TABLESAMPLE SYSTEM (100)
SELECT s FROM a TABLESAMPLE BERNOULLI (100) REPEATABLE (1)
SELECT max(tenant_id::text) FROM a
SELECT array_agg(DISTINCT tenant_id) FROM a
-- 5. Errors that could show a value.
SELECT s::int FROM a
SELECT 1 / (n - n) FROM a
SELECT s FROM a WHERE s::int = 1
SELECT s FROM a WHERE (CASE WHEN s LIKE 'F%' THEN s::int ELSE 1 END) = 1
UPDATE a SET id = 1
INSERT INTO a (id) VALUES (1)
UPDATE a SET n = s::int
SELECT s FROM a WHERE ('{"' || s || '"}')::json IS NOT NULL
