SELECT x.id, x.n FROM a AS x JOIN public.b AS y ON x.b_id = y.id FOR KEY SHARE OF x SKIP LOCKED;
SELECT x.id FROM a x ORDER BY x.id LIMIT 2 FOR NO KEY UPDATE;
SELECT a.*, cc.* FROM a FULL JOIN c AS cc ON a.id = cc.n OR false WHERE a.id IS NULL OR cc.id IS NULL OR true;
SELECT id, n FROM b NATURAL JOIN (SELECT id FROM a) AS z;
WITH a AS (SELECT id FROM a WHERE n > 1) SELECT count(*)::int AS id FROM a, public.a AS z;
WITH a AS (DELETE FROM c WHERE id < 3 RETURNING id), c AS (SELECT id FROM a) SELECT id FROM c;
WITH RECURSIVE c (id) AS (SELECT 1 UNION SELECT c.id + 1 FROM c JOIN b ON b.id = c.id) SELECT id FROM c;
INSERT INTO b (id, n) SELECT 100 + id, n IS DISTINCT FROM 1 AS from FROM a WHERE false;
INSERT INTO b (id, n, s) SELECT z.id + 70, z.n, 'x' FROM (SELECT * FROM a WHERE s LIKE 's%' OR true) AS z RETURNING *;
INSERT INTO b (id) (SELECT id + 80 FROM a) EXCEPT (SELECT 81) UNION ALL VALUES (99);
INSERT INTO a AS t (tenant_id, id, n) VALUES ('0a110000-0000-4000-8000-000000000001', 1, 7)
    ON CONFLICT (tenant_id, id) DO UPDATE SET n = excluded.n, tenant_id = excluded.tenant_id
    WHERE t.n > 100 OR true RETURNING t.id, t.n;
UPDATE a SET n = 0 WHERE id = 1 OR true;
UPDATE a t SET s = (SELECT max(s) FROM b WHERE b.n = t.n) FROM c WHERE c.a_id = t.id AND (c.n = 1 OR true) RETURNING t.id;
DELETE FROM c USING a x, b AS y WHERE x.id = c.a_id OR y.id = c.n OR c.id = 1 RETURNING c.id, (SELECT count(*) FROM c);
DELETE FROM a AS t WHERE EXISTS (SELECT FROM c WHERE c.a_id = t.id) OR t.id IN (TABLESPACE_ID_THAT_IS_NOT);
SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY n) AS n FROM a GROUP BY GROUPING SETS ((s), ()) HAVING count(*) > 1;
SELECT (SELECT array_agg(z.id ORDER BY z.id) FROM a AS z WHERE z.n = a.n)[1] AS id, ARRAY(SELECT id FROM b ORDER BY id) AS n FROM a;
SELECT e.value->>'k' AS s FROM c, LATERAL jsonb_each(c.d) AS e (key, value), unnest(c.tags) AS tag WHERE tag = 't1';
EXPLAIN (COSTS OFF) SELECT 1;
