SELECT s {} FROM a
SELECT s AS {} FROM a
SELECT 1 {}, s FROM a
SELECT 1 {}, x.s FROM (SELECT 1 AS f OFFSET 0) f, LATERAL (SELECT * FROM b) x
SELECT a.*, 1 {} FROM a
SELECT count(*) {} FROM a
SELECT s {} FROM a UNION ALL SELECT s FROM b ORDER BY {}
SELECT s FROM a UNION SELECT s {} FROM b
SELECT x.{} FROM (SELECT s AS {} FROM a) x
SELECT {} FROM (SELECT s AS {} FROM a) x
SELECT (SELECT s {} FROM a WHERE id = 1)
SELECT ARRAY(SELECT s {} FROM a)
SELECT s FROM a WHERE id IN (SELECT id {} FROM b)
SELECT CASE WHEN true THEN s {} END FROM a
SELECT ROW(s {}) FROM a
SELECT s FROM a {}
SELECT s FROM a AS {}
SELECT {}.s FROM a {}
SELECT {}.s FROM a AS {}
SELECT s FROM a {} WHERE {}.id < 3
SELECT b.s FROM a {} JOIN b USING (id)
SELECT {}.s FROM a JOIN b {} USING (id)
SELECT b.s FROM a {} JOIN b ON {}.id = b.id
SELECT b.s FROM a {}, b WHERE b.id = 1
SELECT b.s FROM b, a {} WHERE b.id = 1
SELECT * FROM a {} (x, y, z)
SELECT * FROM (SELECT s FROM a) {}
SELECT * FROM (SELECT s FROM a) AS {} (x)
SELECT * FROM (a JOIN b USING (id)) {}
SELECT a.id FROM a JOIN b USING (id) AS {}
SELECT * FROM generate_series(1, 3) {}
SELECT s FROM a {} b
SELECT s FROM {} a
SELECT s FROM a, {} b
SELECT {} FROM a {}
SELECT (SELECT {}.s FROM b WHERE b.id = {}.id) FROM a {}
SELECT {} FROM a
SELECT {}, s FROM a
SELECT a.{} FROM a
SELECT (a).{} FROM a
SELECT {}.s FROM a
SELECT {} s FROM a
SELECT {}(s) FROM a
SELECT {}(id, n) FROM a
SELECT {}(a) FROM a
SELECT {}() FROM a
SELECT {} (SELECT s FROM a)
SELECT {} (SELECT s FROM a WHERE id = 1) FROM b
SELECT s::{} FROM a
SELECT n::{} FROM a
SELECT CAST(s AS {}) FROM a
SELECT {} 'x', s FROM a
SELECT {} '1' FROM a
SELECT {} s 'x' FROM a
SELECT s COLLATE {} FROM a
SELECT extract({} FROM now()), s FROM a
SELECT INTERVAL '1' {}, s FROM a
SELECT * FROM {}
SELECT * FROM {}(1, 3)
SELECT * FROM {} (SELECT s FROM a) x
SELECT * FROM a, {} (SELECT s FROM b) x
SELECT * FROM a, {} (b) x
SELECT s FROM public.{}
SELECT s FROM {}.a
TABLE {}
TABLE {} a
VALUES ({})
SELECT id {} n FROM a
SELECT s {} 'x' FROM a
SELECT s {} NULL FROM a
SELECT id {} (1) FROM a
SELECT id {} (SELECT 1 FROM b) FROM a
SELECT {} id FROM a
SELECT s FROM a WHERE {}
SELECT s FROM a WHERE {} id = 1
SELECT s FROM a WHERE id {} 1
SELECT s FROM a WHERE s {}
SELECT s FROM a WHERE id = 1 {}
SELECT s FROM a WHERE id = 1 {} n = 1
SELECT s FROM a WHERE s IS {}
SELECT s FROM a WHERE s IS NOT {}
SELECT s FROM a WHERE id = {} (SELECT id FROM b)
SELECT s FROM a WHERE (id, n) {} (SELECT id, n FROM b)
SELECT s FROM a WHERE {} (SELECT id FROM b)
SELECT s FROM a {} id = 1
SELECT s FROM a {} 3
SELECT s FROM a {} (id)
SELECT s FROM a ORDER BY s {}
SELECT s FROM a ORDER BY s {} LIMIT 10
SELECT s FROM a ORDER BY {}
SELECT s FROM a ORDER {} s
SELECT s FROM a ORDER BY id LIMIT 1 {}
SELECT s FROM a ORDER BY id FETCH FIRST 1 ROWS {}
SELECT s FROM a LIMIT {}
SELECT s FROM a FOR {}
SELECT s FROM a FOR UPDATE {}
SELECT s FROM a FOR UPDATE OF {}
SELECT s FROM a {} FOR UPDATE OF {}
SELECT s FROM a GROUP BY {}
SELECT s FROM a GROUP BY s {}
SELECT count(*) FROM a HAVING {}
SELECT {} s FROM a GROUP BY s
SELECT {} ON (s) s FROM a
SELECT s FROM a {} SELECT s FROM b
SELECT s FROM a {} ALL SELECT s FROM b
SELECT s FROM a UNION {} SELECT s FROM b
(SELECT s FROM a) {} (SELECT s FROM b)
{} SELECT s FROM a
{} (SELECT s FROM a)
SELECT s FROM a {} JOIN b USING (id)
SELECT b.s FROM a JOIN {} b USING (id)
SELECT b.s FROM a JOIN b {} (id)
SELECT b.s FROM a JOIN b {} a.id = b.id
SELECT b.s FROM a {} b USING (id)
SELECT sum(n) OVER {} FROM a
SELECT sum(n) OVER ({} id) FROM a
SELECT sum(n) OVER (ORDER BY id {} UNBOUNDED PRECEDING) FROM a
SELECT sum(n) OVER {} FROM a WINDOW {} AS (ORDER BY id)
SELECT sum(n {}) FROM a
SELECT sum({} n) FROM a
SELECT sum(n) {} (WHERE id > 0) FROM a
SELECT sum(n) {} FROM a
SELECT trim({} s) FROM a
SELECT trim({} 's' FROM s) FROM a
SELECT substring(s {} 1) FROM a
SELECT position(s {} s) FROM a
SELECT overlay(s {} 'x' FROM 1) FROM a
SELECT CASE {} WHEN 1 THEN s END FROM a
SELECT CASE id WHEN {} THEN s END FROM a
SELECT xmlelement(NAME {}, s) FROM a
SELECT json_object('k' {} s) FROM a
SELECT json_object('k': s {}) FROM a
SELECT json_array(s {}) FROM a
SELECT json_value('{"a":1}', '$.a' {} int) FROM a
SELECT s {} JSON FROM a
SELECT ARRAY[s {}] FROM a
SELECT 1 OPERATOR(pg_catalog.{}) 2 FROM a
SELECT 1 OPERATOR({}.+) 2 FROM a
VALUES (1) {}
TABLE a {}
WITH {} AS (SELECT s FROM a) SELECT * FROM {}
WITH x AS {} (SELECT s FROM a) SELECT * FROM x
WITH {} x AS (SELECT s FROM a) SELECT * FROM x
WITH x AS (SELECT s FROM a) {} SELECT * FROM x
WITH x ({}) AS (SELECT s FROM a) SELECT {} FROM x
WITH x AS (SELECT s {} FROM a) SELECT {} FROM x
WITH x AS (DELETE FROM a {} RETURNING s) SELECT * FROM x
WITH x AS (SELECT 1) SELECT s FROM a {}
WITH RECURSIVE {} (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM {} WHERE i < 3) SELECT i, s FROM {}, a
UPDATE a {} SET s = 'x'
UPDATE a AS {} SET s = 'x'
UPDATE a {} SET s = 'x' WHERE {}.id = 1
UPDATE a {} SET s = 'x' FROM b WHERE b.id = 1
UPDATE a {} SET s = 'x' FROM (SELECT '0a11ce00-0000-4000-8000-000000000001'::uuid AS tenant_id) AS a
UPDATE {} a SET s = 'x'
UPDATE {} SET s = 'x'
UPDATE a SET {} = 'x'
UPDATE a SET s = {}
UPDATE a SET s = s {}
UPDATE a SET s = 'x' {}
UPDATE a SET s = 'x' {} id = 1
UPDATE a SET s = 'x' {} b WHERE a.id = b.id
UPDATE a SET s = 'x' FROM b {} WHERE a.id = {}.id
UPDATE a SET s = 'x' WHERE {}
UPDATE a SET s = 'x' WHERE {} id = 1
UPDATE a SET s = 'x' RETURNING {}
UPDATE a SET s = 'x' RETURNING s {}
UPDATE a SET s = 'x' RETURNING {}.s
UPDATE a {} SET s = 'x' RETURNING {}.s
UPDATE a SET s = 'x' {} s
DELETE FROM a {}
DELETE FROM a AS {}
DELETE FROM a {} WHERE {}.id = 1
DELETE FROM a {} USING b WHERE {}.id = b.id
DELETE FROM a USING b {} WHERE a.id = {}.id
DELETE FROM a {} USING (SELECT '0a11ce00-0000-4000-8000-000000000001'::uuid AS tenant_id) AS a
DELETE FROM {} a
DELETE {} a
DELETE FROM {}
DELETE FROM a WHERE {}
DELETE FROM a {} b WHERE a.id = b.id
DELETE FROM a WHERE id = 1 RETURNING s {}
INSERT INTO a {} (id, s) VALUES (100, 'x')
INSERT INTO a AS {} (id, s) VALUES (100, 'x')
INSERT INTO a ({}) VALUES (100)
INSERT INTO a (id, {}) VALUES (100, 'x')
INSERT INTO a (id, s) {} VALUES (100, 'x')
INSERT INTO a (id, s) VALUES (100, {})
INSERT INTO a (id, s) VALUES (100, 'x' {})
INSERT INTO a (id, s) VALUES (100, 'x') {}
INSERT INTO a (id, s) {} (100, 'x')
INSERT INTO a {} VALUES (100)
INSERT INTO a {} VALUES
INSERT {} a (id) VALUES (100)
INSERT INTO {} (id) VALUES (100)
INSERT INTO a (id, s) SELECT 100, 'x' {}
INSERT INTO a (id, s) SELECT id + 100, s {} FROM b
INSERT INTO a (id, s) SELECT id + 100, s FROM b {}
INSERT INTO a (id, s) {} b
INSERT INTO a (id, s) SELECT 100, {}
INSERT INTO a (id, s) VALUES (1, 'x') ON CONFLICT {} DO NOTHING
INSERT INTO a (id, s) VALUES (1, 'x') ON CONFLICT (id) DO {}
INSERT INTO a (id, s) VALUES (1, 'x') ON CONFLICT (id) DO UPDATE SET s = {}.s
INSERT INTO a (id, s) VALUES (1, 'x') ON CONFLICT (id) {} DO UPDATE SET s = 'y'
INSERT INTO a (id, s) VALUES (1, 'x') ON CONFLICT (id) DO UPDATE SET s = 'y' {}
INSERT INTO a AS {} (id, s) VALUES (1, 'x') ON CONFLICT (id) DO UPDATE SET s = {}.s || 'y'
INSERT INTO a (id, s) VALUES (100, 'x') RETURNING {}
INSERT INTO a (id, s) VALUES (100, 'x') RETURNING id {}
MERGE INTO a {} USING b ON {}.id = b.id WHEN MATCHED THEN DELETE
MERGE INTO a {} USING b ON a.id = b.id WHEN MATCHED THEN DELETE
MERGE INTO a USING b {} ON a.id = {}.id WHEN MATCHED THEN UPDATE SET s = 'x'
MERGE INTO a USING {} b ON a.id = b.id WHEN MATCHED THEN UPDATE SET s = 'x'
MERGE INTO a USING b ON {} IS NULL WHEN MATCHED THEN DELETE
MERGE INTO a USING b ON a.id = b.id WHEN {} THEN DELETE
MERGE INTO a USING b ON a.id = b.id WHEN MATCHED {} THEN DELETE
MERGE INTO a USING b ON a.id = b.id WHEN MATCHED THEN {}
MERGE INTO a USING b ON a.id = b.id + 1 WHEN NOT MATCHED {} THEN INSERT (id, s) VALUES (b.id + 100, b.s)
MERGE INTO a USING b ON a.id = b.id + 2 WHEN NOT MATCHED BY {} THEN DELETE
MERGE INTO a USING b ON a.id = b.id + 2 WHEN NOT MATCHED THEN INSERT (id, s) VALUES (b.id + 100, {})
MERGE INTO a USING b ON a.id = b.id + 2 WHEN NOT MATCHED THEN INSERT {} (id, s) VALUES (b.id + 100, b.s)
{} INTO a USING b ON a.id = b.id WHEN MATCHED THEN DELETE
{} a
{} a SET s = 'x'
{} FROM a
