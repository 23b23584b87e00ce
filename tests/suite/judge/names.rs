//! The rewriter's columns are compared with the server's: names, order, columns with rows, and columns with
//! the tenant.
//!
//! If the server reads a name or a position differently, a row or another tenant could bypass the rewriter.

use anyhow::{Context, Result};
use sea_orm::sqlx::{AssertSqlSafe, Column, Executor, SqlSafeStr, Statement};
use sea_orm::{ConnectionTrait, TransactionTrait};

use super::{Court, text};

/// Expressions over `a`. The rewriter has to give the column of each the same name as the server.
const EXPRESSIONS: &[&str] = &[
    "s",
    "a.s",
    "public.a.s",
    "(s)",
    "((((((s))))))",
    "a",
    "(a)",
    "a.ctid",
    "1",
    "'x'",
    "true",
    "NULL",
    "1 + 1",
    "-n",
    "s || s",
    "s::text",
    "s::varchar(3)",
    "1::int",
    "1::int4",
    "1::integer",
    "1::bigint",
    "1::smallint",
    "1::real",
    "1::float",
    "1::float(3)",
    "1::double precision",
    "1::decimal",
    "1::dec(3)",
    "1::numeric(3, 1)",
    "1::boolean",
    "1::bool",
    "'1'::bit(1)",
    "'1'::bit varying",
    "'1'::varbit",
    "'1'::char",
    "'1'::\"char\"",
    "'1'::char varying",
    "'1'::character(3)",
    "'1'::nchar",
    "'1'::national character varying",
    "'1'::bpchar",
    "'1'::name",
    "'2020-01-01'::timestamp",
    "'2020-01-01'::timestamp with time zone",
    "'2020-01-01'::timestamp(3) without time zone",
    "'10:00'::time",
    "'10:00'::time with time zone",
    "'1 day'::interval",
    "'1 day'::interval day to second",
    "'1'::interval(3)",
    "'{}'::json",
    "'{}'::pg_catalog.json",
    "'{}'::jsonb",
    "'{1}'::int[]",
    "'{1}'::int4 ARRAY[3]",
    "'{1}'::pg_catalog.int4[]",
    "int '1'",
    "int4 '1'",
    "pg_catalog.int4 '1'",
    "float8 '1'",
    "varchar(3) '1'",
    "numeric(3) '1'",
    "bit '1'",
    "char '1'",
    "timestamp '2020-01-01'",
    "timestamp with time zone '2020-01-01'",
    "time '10:00'",
    "time with time zone '10:00'",
    "interval '1 day'",
    "interval '1' day",
    "interval(3) '1 s'",
    "date '2020-01-01'",
    "json '{}'",
    "jsonb '{}'",
    "b'1'",
    "x'1'",
    "CAST(s AS text)",
    "CAST(1 AS bigint)",
    "CAST(a.s AS varchar)",
    "CAST(CAST(1 AS int) AS text)",
    "(1 + 1)::text",
    "(s || s)::varchar",
    "s COLLATE \"C\"",
    "(1::text) COLLATE \"C\"",
    "lower(s)",
    "pg_catalog.lower(s)",
    "LOWER(s)::varchar",
    "count(*) OVER ()",
    "sum(n) OVER (ORDER BY id)",
    "coalesce(s, 'x')",
    "nullif(s, 'x')",
    "greatest(1, 2)",
    "least(1, 2)",
    "CASE WHEN true THEN s END",
    "CASE WHEN true THEN 1 ELSE n END",
    "CASE WHEN true THEN 1 ELSE n + 1 END",
    "CASE WHEN true THEN 1 ELSE lower(s)::int END",
    "CASE WHEN true THEN 1 ELSE 2::int END",
    "(CASE WHEN true THEN 1 END)::text",
    "ARRAY[1]",
    "ARRAY[s]::text[]",
    "ARRAY(SELECT s FROM b)",
    "ROW(1, 2)",
    "(1, 2)",
    "(ARRAY[1])[1]",
    "tags[1]",
    "tags[1:2]",
    "(tags)[1]",
    "a.tags[1]",
    "(a).s",
    "(a).tags[1]",
    "(SELECT s FROM b LIMIT 1)",
    "(SELECT s AS q FROM b LIMIT 1)",
    "(SELECT 1)",
    "(SELECT 1 + 1)",
    "(SELECT 1 z)",
    "(SELECT s FROM b LIMIT 1)::varchar",
    "(SELECT 1 UNION SELECT 1)",
    "(SELECT s FROM b WHERE id = 1 UNION SELECT s FROM b WHERE id = 1)",
    "(VALUES (1))",
    "(TABLE x1)",
    "(WITH q AS (SELECT 1 AS y) SELECT y FROM q)",
    "((SELECT s FROM b LIMIT 1))",
    "(SELECT (SELECT s) FROM b LIMIT 1)",
    "(SELECT b.id FROM b LIMIT 1)",
    "(SELECT lower(s) FROM b LIMIT 1)",
    "EXISTS (SELECT FROM b)",
    "NOT EXISTS (SELECT FROM b)",
    "s IS NULL",
    "s = 'x'",
    "s LIKE 'x'",
    "n IN (1, 2)",
    "n BETWEEN 1 AND 2",
    "s IS DISTINCT FROM 'x'",
    "NOT true",
    "s IS NORMALIZED",
    "s IS NFC NORMALIZED",
    "s IS NOT NORMALIZED",
    "normalize(s)",
    "normalize(s, NFC)",
    "(now(), now()) OVERLAPS (now(), now())",
    "now() AT TIME ZONE 'UTC'",
    "now()",
    "current_date",
    "current_time",
    "current_time(3)",
    "current_timestamp",
    "current_timestamp(3)",
    "localtime",
    "localtimestamp",
    "localtimestamp(0)",
    "current_user",
    "user",
    "session_user",
    "current_role",
    "current_catalog",
    "current_schema",
    "extract(year FROM now())",
    "position('x' IN s)",
    "overlay(s PLACING 'x' FROM 1)",
    "overlay(s, 'x', 1)",
    "substring(s FROM 1)",
    "substring(s FROM 1 FOR 2)",
    "substring(s, 1, 2)",
    "substring(s SIMILAR 'x' ESCAPE '#')",
    "trim(s)",
    "trim(BOTH FROM s)",
    "trim(LEADING 'x' FROM s)",
    "trim(TRAILING FROM s)",
    "trim(LEADING FROM s)",
    "trim('x', s)",
    "trim(TRAILING s)",
    "trim(BOTH 'x' FROM s)",
    "collation for (s)",
    "date_part('year', now())",
    "xmlelement(NAME q)",
    "xmlconcat('<a/>', '<b/>')",
    "xmlforest(s AS q)",
    "xmlpi(NAME q)",
    "xmlparse(DOCUMENT '<a/>')",
    "xmlserialize(CONTENT '<a/>' AS text)",
    "xmlroot('<a/>', VERSION '1')",
    "xmlexists('/a' PASSING '<a/>')",
    "json_object('k': 1)",
    "json_object('{a,b}')",
    "json_array(1)",
    "json_array(SELECT s FROM b)",
    "json_objectagg('k': 1) OVER ()",
    "json_arrayagg(s) OVER ()",
    "json_scalar(1)",
    "json_serialize('{}')",
    "json('{}')",
    "json_value('{}', '$.a')",
    "json_query('{}', '$.a')",
    "json_exists('{}', '$.a')",
    "s IS JSON",
    "rank() OVER ()",
    "grouping(s)",
    "1 OPERATOR(pg_catalog.+) 2",
    "n % 2",
    "@ n",
    "tenant_id",
    "u",
    "\"s\"",
    "A.S",
    "a.tenant_id",
    "(a.*)",
    "(a).*",
    "a.*",
    "1 AS q",
    "1 q",
    "1 \"Q\"",
    "s AS \"S\"",
    "1 AS \"x y\"",
    "1 AS select",
    "1 year",
    "n year",
    "1 AS year",
    "any_value(s) OVER ()",
    "(('x'))::varchar",
    "('x'::text)::varchar",
    "(lower('x'))::varchar::text",
    "((s))::int4",
    "(1)::int::text",
    "ARRAY[[1]]",
    "'x'::text::varchar",
    "(SELECT ARRAY[1])",
    "(SELECT 'x'::varchar)",
    "(SELECT (SELECT 1 AS deep))",
    "(((SELECT (((SELECT (1) AS deeper))))))",
    "$$x$$",
    "E'x'",
    "merge_action()",
    "greatest(1)::text",
    "system_user",
    "current_timestamp::date",
    "(current_timestamp)::timestamp",
    "extract(year FROM now())::int",
    "count(s) FILTER (WHERE true) OVER ()",
    "percentile_cont(0.5)",
    "now() AT LOCAL",
];

/// Items of FROM: the columns of `SELECT *` have these names in this order.
const SOURCES: &[&str] = &[
    "a",
    "a x",
    "a x (q)",
    "a x (q, r)",
    "b, a",
    "b JOIN a ON b.id = a.id",
    "a JOIN b USING (id)",
    "a JOIN b USING (tenant_id, id)",
    "a JOIN b USING (n, s)",
    "a NATURAL JOIN b",
    "a LEFT JOIN b USING (id)",
    "a RIGHT JOIN b USING (s)",
    "a FULL JOIN b USING (u)",
    "a CROSS JOIN b",
    "a JOIN b USING (id) AS m",
    "(a JOIN b USING (id)) AS j",
    "(a JOIN b USING (id)) AS j (q, r)",
    "(a JOIN b USING (id) AS m) AS j (q)",
    "(a JOIN b USING (id)) JOIN b c USING (n)",
    "a JOIN b USING (id) JOIN b c USING (id)",
    "a JOIN (b JOIN b c USING (id)) USING (id)",
    "((a JOIN b USING (id)) JOIN b c USING (n)) AS j",
    "((a JOIN b USING (id)) JOIN b c USING (n)) AS j (q, r, t)",
    "(a NATURAL JOIN b) NATURAL JOIN b c",
    "a NATURAL JOIN (b NATURAL JOIN b c) AS j",
    "(SELECT 1 AS id) q JOIN a USING (id) CROSS JOIN b",
    "(SELECT 1 AS id) q JOIN a USING (id) CROSS JOIN (SELECT b.tenant_id, s FROM b) c",
    "(SELECT 1 AS id) q NATURAL JOIN a CROSS JOIN b",
    "k, a",
    "k JOIN a USING (id)",
    "k JOIN (a JOIN b USING (tenant_id)) USING (id)",
    "a JOIN k USING (n, s, id)",
    "(k JOIN a USING (id)) JOIN b USING (tenant_id)",
    "(SELECT * FROM a JOIN b USING (id)) x",
    "(SELECT * FROM a JOIN b USING (id)) x (q)",
    "(SELECT a.*, b.* FROM a JOIN b USING (id)) x",
    "(SELECT b.*, a FROM a, b) x",
    "(SELECT a, b.* FROM a, b) x (q)",
    "(SELECT * FROM a UNION SELECT * FROM a) x",
    "(SELECT id, tenant_id FROM a UNION SELECT id, u FROM b) x",
    "(SELECT id, u FROM a UNION SELECT id, tenant_id FROM b) x",
    "(SELECT tenant_id, u FROM a UNION ALL SELECT u, tenant_id FROM b) x",
    "(SELECT tenant_id FROM a INTERSECT SELECT tenant_id FROM b) x",
    "(SELECT tenant_id FROM a EXCEPT SELECT u FROM b) x",
    "(VALUES (1, 2)) x",
    "(VALUES (1, 2)) x (q)",
    "(TABLE a) x",
    "(TABLE a) x (q, r)",
    "(VALUES ((SELECT tenant_id FROM a LIMIT 1)))  x",
    "generate_series(1, 3)",
    "generate_series(1, 3) g",
    "generate_series(1, 3) AS g (q)",
    "generate_series(1, 3) WITH ORDINALITY",
    "generate_series(1, 3) WITH ORDINALITY g",
    "generate_series(1, 3) WITH ORDINALITY g (q, r)",
    "unnest(ARRAY[1])",
    "unnest(ARRAY[1]) u1",
    "unnest(ARRAY[1], ARRAY[2])",
    "unnest(ARRAY[1], ARRAY[2]) x",
    "unnest(ARRAY[1], ARRAY[2]) x (q)",
    "unnest(ARRAY[1], ARRAY[2]) WITH ORDINALITY x",
    "unnest(to_tsvector('a b'))",
    "unnest(to_tsvector('a b')) x",
    "ROWS FROM (unnest(ARRAY[1], ARRAY[2]))",
    "ROWS FROM (generate_series(1, 2), generate_series(1, 3))",
    "ROWS FROM (generate_series(1, 2), generate_series(1, 3)) WITH ORDINALITY x",
    "ROWS FROM (generate_series(1, 2), unnest(ARRAY[1])) x (q)",
    "ROWS FROM (generate_series(1, 2), json_each('{}')) x",
    "ROWS FROM (json_to_record('{}') AS (p int, q text), generate_series(1, 2)) x",
    "json_to_record('{}') AS x (p int, q text)",
    "json_to_recordset('[]') AS x (p int, q text)",
    "json_each('{}')",
    "json_each('{}') x",
    "json_each('{}') x (q)",
    "jsonb_each_text('{}') x",
    "json_array_elements('[]')",
    "json_array_elements('[]') x",
    "jsonb_array_elements_text('[]') x (q)",
    "json_array_elements('[]') WITH ORDINALITY x",
    "json_object_keys('{}')",
    "json_object_keys('{}') x",
    "jsonb_path_query('{}', '$') x",
    "regexp_matches('a', 'b') x",
    "regexp_split_to_table('a', 'b')",
    "string_to_table('a', 'b') x",
    "generate_subscripts(ARRAY[1], 1) x",
    "lower('X')",
    "lower('X') x",
    "current_date",
    "current_date x",
    "coalesce(1, 2)",
    "coalesce(1, 2) x",
    "CAST(1 AS int)",
    "CAST(1 AS int) x",
    "now()",
    "trim('x')",
    "substring('x' FROM 1)",
    "extract(year FROM now())",
    "nullif(1, 2)",
    "greatest(1, 2) g",
    "xmlelement(NAME q)",
    "json_array(1) x",
    "json_scalar(1)",
    "parse_ident('a')",
    "ts_debug('a')",
    "pg_typeof(1) x",
    "json_table('{}', '$' COLUMNS (p int, q text)) x",
    "json_table('{}', '$' COLUMNS (p int, q text))",
    "json_table('{}', '$' COLUMNS (p int, NESTED PATH '$.a' COLUMNS (q text), r int)) x",
    "json_table('{}', '$' COLUMNS (NESTED '$.a' AS z COLUMNS (q text, NESTED '$.b' COLUMNS (t int), w int), r FOR ORDINALITY, NESTED '$.c' COLUMNS (v int))) x (c1)",
    "json_table('{}', '$' AS root COLUMNS (p int EXISTS PATH '$.a', q jsonb FORMAT JSON PATH '$')) AS x (c9)",
    "xmltable('/a' PASSING '<a/>' COLUMNS p int, q text)",
    "xmltable('/a' PASSING '<a/>' COLUMNS p int PATH '.', q FOR ORDINALITY) x (c8)",
    "a, LATERAL (SELECT a.s AS w, a.tenant_id) x",
    "a, LATERAL unnest(a.tags) x",
    "a, unnest(a.tags) WITH ORDINALITY x (q, r)",
    "a, jsonb_each(a.d) x",
    "a, jsonb_each(a.d) x (q, r)",
    "(SELECT a.tenant_id, count(*) FROM a GROUP BY a.tenant_id) x",
    "(SELECT coalesce(tenant_id, u) AS tenant_id FROM a) x",
    "(SELECT x AS t FROM a x) x",
    "(SELECT array_agg(x) AS t FROM a x) x",
    "(SELECT (x) FROM a x) y",
    "(SELECT ROW(1, 2)) y",
    "(SELECT json_each('{}')) y",
    "(SELECT json_each(d::json) FROM a) y",
    "(SELECT (json_each('{}')).*) y",
    "(SELECT (x).* FROM a x) y",
    "(SELECT (x).* FROM a x (q1, q2)) y",
    "(SELECT lag(x) OVER () AS l, first_value(x) OVER () FROM a x) y",
    "(SELECT min(tenant_id::text) FROM a) y",
    "(SELECT CASE WHEN true THEN x END AS c FROM a x) y",
    "(SELECT coalesce(x) FROM a x) y",
    "(SELECT (array_agg(x))[1] FROM a x) y",
    "(SELECT any_value(x) FROM a x) y",
    "(SELECT ARRAY(SELECT x FROM a x) AS arr) y",
    "(SELECT (SELECT x FROM a x LIMIT 1) AS one) y",
    "(SELECT DISTINCT x FROM a x) y",
    "(WITH q AS (SELECT * FROM a JOIN b USING (id)) SELECT * FROM q) y",
    "(WITH q (c9) AS (SELECT * FROM b) SELECT * FROM q) y",
    "(WITH q (c9) AS (SELECT * FROM b) SELECT * FROM q x (w1, w2)) y",
    "(WITH RECURSIVE q (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM q WHERE i < 3) SEARCH DEPTH FIRST BY i SET o SELECT * FROM q) y",
    "(WITH RECURSIVE q (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM q WHERE i < 3) SEARCH BREADTH FIRST BY i SET o SELECT * FROM q) y",
    "(WITH RECURSIVE q (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM q WHERE i < 3) CYCLE i SET c USING p SELECT * FROM q) y",
    "(WITH RECURSIVE q (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM q WHERE i < 3) SEARCH DEPTH FIRST BY i SET o CYCLE i SET c TO 1 DEFAULT 0 USING p SELECT * FROM q) y",
    "(WITH RECURSIVE q AS (SELECT tenant_id, id FROM a UNION ALL SELECT u, id + 10 FROM q JOIN b USING (id)) SELECT * FROM q) y",
    "(WITH RECURSIVE q AS (SELECT u, id FROM a UNION ALL SELECT b.tenant_id, q.id + 10 FROM q JOIN b USING (id)) SELECT * FROM q) y",
];

/// Statements that return rows of what they change: `SELECT *` from them, as common table expressions.
const CHANGES: &[&str] = &[
    "INSERT INTO a (id) VALUES (50) RETURNING *",
    "INSERT INTO a AS x (id) VALUES (50) RETURNING x.*, id, x",
    "UPDATE a SET n = 1 RETURNING *",
    "UPDATE a SET n = 1 FROM b WHERE a.id = b.id RETURNING *",
    "UPDATE a x SET n = 1 FROM b JOIN b c USING (id) WHERE x.id = b.id RETURNING *",
    "DELETE FROM a USING b WHERE a.id = b.id RETURNING *",
    "DELETE FROM a RETURNING a, a.id, ctid",
    "MERGE INTO a USING b ON a.id = b.id WHEN MATCHED THEN UPDATE SET n = 1 RETURNING *",
    "MERGE INTO a USING b ON a.id = b.id WHEN MATCHED THEN UPDATE SET n = 1 RETURNING merge_action(), a.*, b.id",
    "UPDATE a SET n = 1 RETURNING old.*, new.id, old",
    "DELETE FROM a RETURNING new.tenant_id, old.tenant_id",
    "INSERT INTO a (id) VALUES (50) RETURNING old.tenant_id AS o, new.tenant_id AS n",
];

/// Other names that a relation could seem to have.
const OTHERS: &[&str] = &[
    "?column?",
    "column1",
    "value",
    "key",
    "ordinality",
    "lexeme",
    "positions",
    "weights",
    "id",
    "tenant_id",
    "s",
    "n",
    "u",
    "q",
    "r",
    "case",
    "bool",
    "int4",
    "text",
    "row",
    "array",
    "exists",
    "xmltable",
    "json_table",
];

/// A column of a result as the server describes it.
#[derive(Debug)]
struct Described {
    name: String,
    row: bool,
    uuid: bool,
}

/// A query with the compared columns: an item of FROM, or a change in a WITH clause.
#[derive(Debug, Clone, Copy)]
enum Of<'a> {
    Query(&'a str),
    Change(&'a str),
}

impl Of<'_> {
    /// The text that selects `list` from the query's columns, the first of which have new names.
    fn select(self, list: &str, names: &[String]) -> String {
        let names = if names.is_empty() { String::new() } else { format!("({})", names.join(", ")) };
        match self {
            Self::Query(query) => format!("SELECT {list} FROM ({query}) AS y1 {names}"),
            Self::Change(change) => format!("WITH y1 {names} AS ({change}) SELECT {list} FROM y1"),
        }
    }

    fn insert(self, column: &str, names: &[String]) -> String {
        let select = self.select(&format!("{column}, 999"), names);
        match self {
            Self::Query(_) => format!("INSERT INTO b (tenant_id, id) {select}"),
            Self::Change(_) => select.replacen(") SELECT", ") INSERT INTO b (tenant_id, id) SELECT", 1),
        }
    }
}

/// `z1`, `z2`, ..
fn fresh(count: usize) -> Vec<String> {
    (1..=count).map(|number| format!("z{number}")).collect()
}

impl Court {
    /// The columns of a query in a database of one tenant. `None` if the server does not accept the query.
    async fn columns(&self, of: Of<'_>) -> Result<Option<Vec<Described>>> {
        let mut connection = self.solo.get_postgres_connection_pool().acquire().await?;
        let sql = match of {
            Of::Query(sql) | Of::Change(sql) => sql.to_owned(),
        };
        let prepared = connection.prepare(AssertSqlSafe(sql).into_sql_str()).await;
        let Ok(prepared) = prepared else { return Ok(None) };
        let names: Vec<String> = prepared.columns().iter().map(|column| column.name().to_owned()).collect();
        drop((prepared, connection));
        let new = fresh(names.len());
        let types: Vec<String> = new.iter().map(|name| format!("pg_typeof({name})::text")).collect();
        let list = format!("json_build_array({}) AS types", types.join(", "));
        let one = match of {
            Of::Query(query) => {
                format!(
                    "SELECT {list} FROM (SELECT) one LEFT JOIN ({query}) AS y1 ({}) ON false LIMIT 1",
                    new.join(", ")
                )
            }
            Of::Change(change) => {
                format!(
                    "WITH y1 ({}) AS ({change}) SELECT {list} FROM (SELECT) one LEFT JOIN y1 ON true LIMIT 1",
                    new.join(", ")
                )
            }
        };
        let transaction = self.solo.begin().await?;
        let row = transaction.query_one_raw(text(&one)).await.context(one)?.context("no row")?;
        let types: serde_json::Value = row.try_get_by_index(0)?;
        transaction.rollback().await?;
        let types = types.as_array().context("no types")?.iter();
        let described = names.into_iter().zip(types).map(|(name, kind)| {
            let kind = kind.as_str().unwrap_or_default();
            let row = ["a", "b", "k", "record"].contains(&kind.trim_end_matches("[]"));
            Described { name, row, uuid: kind == "uuid" }
        });
        Ok(Some(described.collect()))
    }

    fn accepts(&self, sql: &str) -> bool {
        self.water.rewriter().rewrite(sql, 0).is_ok()
    }

    /// The rewriter's wrong columns of a query. `None` if the server or the rewriter does not accept the
    /// query.
    async fn misread(&self, of: Of<'_>) -> Result<Option<Vec<String>>> {
        let Some(columns) = self.columns(of).await? else { return Ok(None) };
        if !self.accepts(&of.select("1", &[])) {
            return Ok(None);
        }
        let mut faults = Vec::new();
        for renamed in 0..=columns.len() {
            let new = fresh(renamed);
            let kept: Vec<&str> = columns[renamed..].iter().map(|column| column.name.as_str()).collect();
            let others = if renamed == 0 || renamed == columns.len() { OTHERS } else { &[] };
            let all = columns.iter().map(|column| column.name.as_str()).chain(others.iter().copied());
            for name in all.collect::<std::collections::BTreeSet<_>>() {
                let sql = of.select(&format!("y1.\"{name}\""), &new);
                match (self.accepts(&sql), kept.contains(&name)) {
                    (true, false) => faults.push(format!("believes in {name}: {sql}")),
                    (false, true) => faults.push(format!("does not know {name}: {sql}")),
                    _ => {}
                }
            }
        }
        let new = fresh(columns.len());
        for (column, name) in columns.iter().zip(&new) {
            let cast = of.select(&format!("{name}::text"), &new);
            if column.row && self.accepts(&cast) {
                faults.push(format!("takes a row for a value: {cast}"));
            }
            let insert = of.insert(name, &new);
            if self.accepts(&insert) {
                if !column.uuid {
                    faults.push(format!("takes another value for the tenant: {insert}"));
                }
                let verdict = self.judge(&insert).await?;
                if verdict.is_fault() {
                    faults.push(format!("{insert}: {verdict:?}"));
                }
            }
        }
        Ok(Some(faults))
    }
}

#[tokio::test]
async fn columns_are_those_of_the_server() -> Result<()> {
    let court = Court::open(1).await?;
    let expressions: Vec<String> =
        EXPRESSIONS.iter().map(|expression| format!("SELECT {expression} FROM a")).collect();
    let sources: Vec<String> = SOURCES.iter().map(|source| format!("SELECT * FROM {source}")).collect();
    let queries = expressions.iter().chain(&sources).map(|query| Of::Query(query));
    let (mut known, mut faults) = (0, Vec::new());
    for of in queries.chain(CHANGES.iter().map(|change| Of::Change(change))) {
        match court.misread(of).await? {
            None => println!("not taken: {of:?}"),
            Some(found) => {
                known += 1;
                faults.extend(found);
            }
        }
    }
    println!("{known} queries are known");
    assert!(known > 300, "{known}");
    assert!(faults.is_empty(), "{} faults:\n{}", faults.len(), faults.join("\n"));
    Ok(())
}
