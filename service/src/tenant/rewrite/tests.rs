use super::super::refusal::Reason;
use super::*;
use crate::tenant::registry::tests::{moved_registry, registry};

fn rewriter() -> Rewriter {
    Rewriter::new(registry(), Settings { explain: true, token: false }, 1 << 20)
}

/// The rewritten text, without the comment at its end about the bound values.
fn rewritten(text: &str) -> Result<String, Refusal> {
    let rewriter = rewriter();
    let answer = match rewriter.rewrite(text, 0) {
        Err(Refusal { reason: Reason::Placeholder { placeholder, .. }, .. }) => {
            rewriter.rewrite(text, placeholder)
        }
        answer => answer,
    };
    answer.map(|sql| match sql.split_once(" /* tenant $") {
        Some((before, after)) => format!("{before}{}", after.split_once("*/").map_or("", |(_, rest)| rest)),
        None => sql,
    })
}

#[track_caller]
fn becomes(text: &str, expected: &str) {
    assert_eq!(rewritten(text).as_deref(), Ok(expected), "{text}");
}

#[track_caller]
fn refused(text: &str) -> Reason {
    match rewritten(text) {
        Ok(sql) => panic!("{text} was accepted as {sql}"),
        Err(refusal) => refusal.reason,
    }
}

#[test]
fn a_table_is_guarded_where_it_stands() {
    becomes(
        r#"SELECT "users"."id" FROM "auth"."users" WHERE "users"."id" = $1 OR true"#,
        r#"SELECT "users"."id" FROM ("auth"."users" JOIN (SELECT) AS "__tenant_1" ON "users"."tenant_id" = $2) WHERE "users"."id" = $1 OR true"#,
    );
    becomes(
        "SELECT * FROM services s, clients AS c LEFT JOIN LATERAL (SELECT 1 FROM auth.users u WHERE u.id = c.id) x ON true FOR UPDATE OF s SKIP LOCKED",
        r#"SELECT * FROM ("public".services s JOIN (SELECT) AS "__tenant_1" ON s."tenant_id" = $1), ("public".clients AS c JOIN (SELECT) AS "__tenant_2" ON c."tenant_id" = $1) LEFT JOIN LATERAL (SELECT 1 FROM (auth.users u JOIN (SELECT) AS "__tenant_3" ON u."tenant_id" = $1) WHERE u.id = c.id) x ON true FOR UPDATE OF s SKIP LOCKED"#,
    );
}

#[test]
fn a_table_whose_columns_are_renamed_is_filtered_under_its_own_names() {
    becomes(
        "SELECT x.a FROM services AS x (a, tenant_id), auth.users y (b)",
        r#"SELECT x.a FROM (SELECT * FROM "public".services WHERE services."tenant_id" = $1) AS x (a, tenant_id), (SELECT * FROM auth.users WHERE users."tenant_id" = $1) y (b)"#,
    );
}

#[test]
fn what_is_explained_is_rewritten_first() {
    becomes(
        "EXPLAIN (ANALYZE, FORMAT JSON) DELETE FROM services",
        r#"EXPLAIN (ANALYZE, FORMAT JSON) DELETE FROM "public".services WHERE services."tenant_id" = $1"#,
    );
    assert_eq!(refused("EXPLAIN SELECT * FROM secrets"), Reason::UnknownTable("public.secrets".into()));
}

#[test]
fn text_around_the_guards_stays_byte_for_byte() {
    becomes(
        "SELECT 'é — ü' /* ключ */,\n\t\"id\" FROM -- the table\r\n  services\n WHERE name = '$1'",
        "SELECT 'é — ü' /* ключ */,\n\t\"id\" FROM -- the table\r\n  (\"public\".services JOIN (SELECT) AS \"__tenant_1\" ON services.\"tenant_id\" = $1)\n WHERE name = '$1'",
    );
}

#[test]
fn common_table_expressions_shadow_tables_in_their_scope_only() {
    becomes(
        "WITH services AS (SELECT id FROM services) SELECT * FROM services",
        r#"WITH services AS (SELECT id FROM ("public".services JOIN (SELECT) AS "__tenant_1" ON services."tenant_id" = $1)) SELECT * FROM services"#,
    );
    becomes(
        "SELECT (WITH services AS (SELECT 1) SELECT * FROM services) FROM services",
        r#"SELECT (WITH services AS (SELECT 1) SELECT * FROM services) FROM ("public".services JOIN (SELECT) AS "__tenant_1" ON services."tenant_id" = $1)"#,
    );
    becomes(
        "WITH RECURSIVE services AS (SELECT 1 UNION SELECT * FROM services) SELECT * FROM services",
        "WITH RECURSIVE services AS (SELECT 1 UNION SELECT * FROM services) SELECT * FROM services",
    );
}

#[test]
fn an_insert_is_stamped() {
    becomes(
        "INSERT INTO services (name, price) VALUES ($1, $2), ('a', (SELECT max(price) FROM services)) RETURNING id",
        r#"INSERT INTO "public".services (name, price, "tenant_id") VALUES ($1, $2, $3), ('a', (SELECT pg_catalog.max(price) FROM ("public".services JOIN (SELECT) AS "__tenant_1" ON services."tenant_id" = $3)), $3) RETURNING id"#,
    );
    becomes(
        "INSERT INTO services DEFAULT VALUES",
        r#"INSERT INTO "public".services ("tenant_id") VALUES ($1)"#,
    );
    becomes(
        "INSERT INTO services (name) SELECT a IS DISTINCT FROM 'x' AS from FROM clients ORDER BY 1",
        r#"INSERT INTO "public".services (name, "tenant_id") SELECT a IS DISTINCT FROM 'x' AS from, $1::uuid FROM ("public".clients JOIN (SELECT) AS "__tenant_1" ON clients."tenant_id" = $1) ORDER BY 1"#,
    );
    refused("INSERT INTO services (name) SELECT 1FROM services");
    refused("INSERT INTO services (name) SELECT ON a, 60 FROM clients");
    becomes(
        "INSERT INTO services (name) (SELECT DISTINCT ON (a) a FROM clients) UNION ALL VALUES ('x')",
        r#"INSERT INTO "public".services (name, "tenant_id") (SELECT DISTINCT ON (a) a, $1::uuid FROM ("public".clients JOIN (SELECT) AS "__tenant_1" ON clients."tenant_id" = $1)) UNION ALL VALUES ('x', $1)"#,
    );
}

#[test]
fn a_conflict_is_sought_and_settled_within_the_tenant() {
    becomes(
        "INSERT INTO services AS s (name) VALUES ($1) ON CONFLICT (name) DO UPDATE SET price = excluded.price, tenant_id = excluded.tenant_id WHERE s.price > 1 OR true RETURNING *",
        r#"INSERT INTO "public".services AS s (name, "tenant_id") VALUES ($1, $2) ON CONFLICT (name, "tenant_id") DO UPDATE SET price = excluded.price, tenant_id = excluded.tenant_id WHERE s."tenant_id" = $2 AND (s.price > 1 OR true) RETURNING *"#,
    );
    becomes(
        "INSERT INTO services (name) VALUES ($1) ON CONFLICT (tenant_id, name) DO NOTHING",
        r#"INSERT INTO "public".services (name, "tenant_id") VALUES ($1, $2) ON CONFLICT (tenant_id, name) DO NOTHING"#,
    );
}

#[test]
fn updates_and_deletes_are_guarded_whatever_their_condition() {
    becomes(
        "UPDATE services SET price = $1 WHERE id = $2 OR true RETURNING id",
        r#"UPDATE "public".services SET price = $1 WHERE services."tenant_id" = $3 AND (id = $2 OR true) RETURNING id"#,
    );
    becomes(
        "UPDATE services AS s SET price = 1 FROM clients c;",
        r#"UPDATE "public".services AS s SET price = 1 FROM ("public".clients c JOIN (SELECT) AS "__tenant_1" ON c."tenant_id" = $1) WHERE s."tenant_id" = $1;"#,
    );
    becomes(
        "WITH gone AS (DELETE FROM services RETURNING *) SELECT * FROM gone",
        r#"WITH gone AS (DELETE FROM "public".services WHERE services."tenant_id" = $1 RETURNING *) SELECT * FROM gone"#,
    );
    becomes(
        "DELETE FROM services USING clients WHERE clients.id = services.id -- the end",
        r#"DELETE FROM "public".services USING ("public".clients JOIN (SELECT) AS "__tenant_1" ON clients."tenant_id" = $1) WHERE services."tenant_id" = $1 AND (clients.id = services.id) -- the end"#,
    );
}

#[test]
fn a_tenant_in_the_statement_is_held_against_the_connection() {
    let own = crate::TenantId::new(uuid::Uuid::from_u128(1)).unwrap();
    let foreign = sea_orm::Value::from(uuid::Uuid::from_u128(2));
    let rewriter = rewriter();
    for text in [
        "INSERT INTO services (tenant_id, name) VALUES ($1, 'a')",
        "INSERT INTO services (name, tenant_id) SELECT 'a', $1::uuid",
        "UPDATE services SET tenant_id = $1",
        "INSERT INTO services (name) VALUES ('a') ON CONFLICT (name) DO UPDATE SET tenant_id = $1",
    ] {
        let plan = rewriter.plan(text, 1).unwrap();
        assert!(plan.check(own, &[own.into()]).is_ok(), "{text}");
        let refusal = plan.check(own, std::slice::from_ref(&foreign)).unwrap_err();
        assert!(matches!(refusal.reason, Reason::ForeignTenant { .. }), "{text}: {refusal}");
        assert!(plan.check(own, &[sea_orm::Value::Uuid(None)]).is_err(), "{text}");
    }
    for text in [
        "INSERT INTO services (tenant_id, name) VALUES (gen_random_uuid(), 'a')",
        "INSERT INTO services (tenant_id, name) SELECT id, 'a' FROM clients",
        "INSERT INTO services (name, tenant_id) SELECT *, $1 FROM clients",
        "UPDATE services SET tenant_id = id",
        "UPDATE services SET (name, tenant_id) = ('a', $1)",
    ] {
        assert!(matches!(refused(text), Reason::TenantExpression(_) | Reason::Unsupported(_)), "{text}");
    }
}

#[test]
fn what_is_not_known_is_refused() {
    assert_eq!(refused("SELECT * FROM secrets"), Reason::UnknownTable("public.secrets".into()));
    assert_eq!(refused("SELECT * FROM users"), Reason::UnknownTable("public.users".into()));
    assert_eq!(
        refused("SELECT * FROM pg_catalog.pg_class"),
        Reason::UnknownTable("pg_catalog.pg_class".into())
    );
    assert_eq!(refused(r#"SELECT * FROM "SERVICES""#), Reason::UnknownTable("public.SERVICES".into()));
    assert_eq!(
        refused("SELECT set_config('app.tenant_id', $1, true)"),
        Reason::UnknownFunction("set_config".into())
    );
    assert_eq!(
        refused("SELECT * FROM query_to_xml('SELECT * FROM services', true, true, '')"),
        Reason::UnknownFunction("query_to_xml".into())
    );
    assert_eq!(refused("SELECT public.lower('A')"), Reason::UnknownFunction("public.lower".into()));
    assert_eq!(refused("SELECT 1; SELECT 2"), Reason::StatementCount(2));
    assert_eq!(refused(""), Reason::StatementCount(0));
    for text in [
        "TRUNCATE services",
        "COPY services TO STDOUT",
        "RESET ALL",
        "DISCARD ALL",
        "BEGIN",
        "COMMIT",
        "ROLLBACK",
        "DO $$ BEGIN END $$",
        "CALL f()",
        "CREATE TABLE t (id int)",
        "DROP TABLE services",
        "ALTER TABLE services DISABLE ROW LEVEL SECURITY",
        "GRANT ALL ON services TO public",
        "LISTEN x",
        "NOTIFY x",
        "LOCK TABLE services",
        "PREPARE p AS SELECT 1",
        "EXECUTE p",
        "EXPLAIN ANALYZE CREATE TABLE t AS SELECT 1",
        "VACUUM",
    ] {
        assert_eq!(refused(text), Reason::StatementKind, "{text}");
    }
    for text in [
        "SELECT * INTO x FROM services",
        "EXPLAIN ANALYZE TRUNCATE services",
        "SELECT * FROM services TABLESAMPLE SYSTEM (1)",
        "INSERT INTO services SELECT * FROM services",
        "UPDATE countries SET name = 'x'",
        "DELETE FROM services WHERE CURRENT OF c",
        "SELECT 1 OPERATOR(public.+) 2",
        "SELECT ?",
    ] {
        refused(text);
    }
}

#[test]
fn settings_of_a_transaction_are_sent_without_a_tenant() {
    for text in [
        "SET LOCAL statement_timeout = 1",
        "set local \"Statement_Timeout\" to '5s'",
        "SET LOCAL work_mem TO DEFAULT",
        "SET LOCAL TIME ZONE 'UTC'",
        "SET LOCAL TIME ZONE INTERVAL '1' HOUR TO MINUTE",
        "SET LOCAL enable_seqscan = off",
        "SET LOCAL datestyle = ISO, DMY",
        "SET LOCAL hnsw.ef_search = 100",
        "SET CONSTRAINTS ALL DEFERRED",
        "SET CONSTRAINTS a, auth.b IMMEDIATE",
        "SHOW timezone",
        "SHOW TIME ZONE",
        "SHOW TRANSACTION ISOLATION LEVEL",
        "SHOW server_version",
    ] {
        assert_eq!(rewritten(text).as_deref(), Ok(text));
    }
    for (text, sent) in [
        ("RESET work_mem", "SET LOCAL work_mem TO DEFAULT"),
        ("RESET/**/TIME ZONE ;", "SET LOCAL/**/TIME ZONE DEFAULT ;"),
        (r"SET LOCAL application_name = 'a\b'", r"SET LOCAL application_name = E'a\\b'"),
    ] {
        assert_eq!(rewritten(text).as_deref(), Ok(sent));
    }
    let plan = rewriter().plan("SET LOCAL work_mem = '1GB'", 0).unwrap();
    assert_eq!(plan.settings, Some(SettingUse::Changes));
    assert_eq!(rewriter().plan("SHOW work_mem", 0).unwrap().settings, Some(SettingUse::Shows));
    assert!(matches!(
        rewriter().rewrite("SHOW work_mem", 1).unwrap_err().reason,
        Reason::Placeholder { values: 1, .. }
    ));
}

#[test]
fn settings_that_could_reach_another_tenant_are_refused() {
    for (text, name) in [
        ("SET app.tenant_id = 'x'", "app.tenant_id"),
        ("SET LOCAL watertight.tenant = 'x'", "watertight.tenant"),
        (r#"SET LOCAL "Watertight"."TENANT" = 'x'"#, "watertight.tenant"),
        ("SET LOCAL watertight . tenant TO DEFAULT", "watertight.tenant"),
        ("RESET watertight.tenant", "watertight.tenant"),
        ("SET ROLE postgres", "role"),
        ("SET LOCAL ROLE NONE", "role"),
        ("SET LOCAL role = postgres", "role"),
        ("RESET role", "role"),
        ("SET SESSION AUTHORIZATION postgres", "session_authorization"),
        ("SET LOCAL SESSION AUTHORIZATION DEFAULT", "session_authorization"),
        ("RESET SESSION AUTHORIZATION", "session_authorization"),
        ("SET LOCAL row_security = off", "row_security"),
        ("SET LOCAL search_path = evil", "search_path"),
        ("SET SCHEMA 'evil'", "search_path"),
        ("SET LOCAL standard_conforming_strings = off", "standard_conforming_strings"),
        ("SET LOCAL transform_null_equals = on", "transform_null_equals"),
        ("SET LOCAL NAMES 'SJIS'", "client_encoding"),
        ("SET LOCAL XML OPTION DOCUMENT", "xmloption"),
        ("SET LOCAL session_replication_role = replica", "session_replication_role"),
        ("SET TRANSACTION READ WRITE", "transaction_mode"),
        ("SET LOCAL transaction_read_only = off", "transaction_read_only"),
        ("SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY", "transaction_mode"),
        ("SET LOCAL TRANSACTION SNAPSHOT '1'", "transaction_mode"),
        ("SET LOCAL whatever.it.was = 1", "whatever.it.was"),
        ("SET LOCAL lo_compat_privileges = on", "lo_compat_privileges"),
        (r#"SET LOCAL "work_mem " = 1"#, "work_mem "),
    ] {
        assert!(matches!(refused(text), Reason::Setting { name: refused, .. } if refused == name), "{text}");
    }
    for (text, name) in [
        ("SET statement_timeout = 1", "statement_timeout"),
        ("SET SESSION work_mem = 64", "work_mem"),
        ("SET TIME ZONE 'UTC'", "timezone"),
    ] {
        assert_eq!(refused(text), Reason::SessionSetting(name.to_owned()), "{text}");
    }
    for text in
        ["SHOW ALL", "SHOW SESSION AUTHORIZATION", "SHOW watertight.tenant", "SET LOCAL jit FROM CURRENT"]
    {
        assert!(matches!(refused(text), Reason::Unsupported(_)), "{text}");
    }
    assert_eq!(refused("SET LOCAL jit = on; SELECT 1"), Reason::StatementCount(2));
    assert!(matches!(refused("SET LOCAL work_mem = $1"), Reason::Unsupported(_)));
}

#[test]
fn the_type_that_carries_the_tenant_is_not_for_statements() {
    for text in [
        "SELECT $1::watertight.tenant_token",
        "SELECT CAST('x' AS Tenant_Token) FROM services",
        r#"SELECT 'x'::"watertight"."tenant_token"[]"#,
        "SELECT watertight.tenant_token 'x'",
        "SELECT tenant_token('x')",
        "SELECT * FROM json_to_record('{}') AS x (a watertight.tenant_token)",
        "EXPLAIN SELECT NULL::watertight/**/.tenant_token",
    ] {
        let reason = refused(text);
        assert!(matches!(reason, Reason::UnknownType(_) | Reason::UnknownFunction(_)), "{text}: {reason}");
    }
    // The parser would read a name with Unicode escapes as another name.
    for text in
        [r#"SELECT 'x'::watertight.U&"tenant\005ftoken""#, r#"SELECT 'x'::u&"!0074enant_token" UESCAPE '!'"#]
    {
        assert!(matches!(refused(text), Reason::Unsupported(_)), "{text}");
    }
}

#[test]
fn values_and_placeholders_are_as_many() {
    let rewriter = rewriter();
    for values in [0, 1, 3] {
        let refusal = rewriter.rewrite("SELECT $2, $1 FROM services", values).unwrap_err();
        assert_eq!(refusal.reason, Reason::Placeholder { placeholder: 2, values });
    }
}

#[test]
fn locks_of_every_strength_are_kept() {
    for lock in
        ["UPDATE", "NO KEY UPDATE", "SHARE", "KEY SHARE OF s NOWAIT", "NO /* x */ KEY\nUPDATE SKIP LOCKED"]
    {
        becomes(
            &format!("SELECT 1 FROM services s FOR {lock}"),
            &format!(
                r#"SELECT 1 FROM ("public".services s JOIN (SELECT) AS "__tenant_1" ON s."tenant_id" = $1) FOR {lock}"#
            ),
        );
    }
}

#[test]
fn shared_tables_are_read_as_they_are() {
    becomes("SELECT * FROM countries", r#"SELECT * FROM "public".countries"#);
    assert_eq!(refused("DELETE FROM countries"), Reason::SharedTable("public.countries".into()));
}

#[test]
fn deep_and_long_statements_are_answered() {
    let long = format!("SELECT {}1", "1+".repeat(20_000));
    assert!(rewritten(&long).is_ok());
    for opening in ["(", "(SELECT ", "NOT ", "abs(", "-", "CASE WHEN ", "POSITION('a' IN ", "a.", "[", "x::"]
    {
        // The rewriter must return and may accept the text: `NOT NOT 1` is a statement.
        let _ = rewritten(&format!("SELECT {}1", opening.repeat(5_000)));
    }
    let nested = |depth| format!("SELECT {}1{}", "(SELECT ".repeat(depth), ")".repeat(depth));
    assert!(rewritten(&nested(100)).is_ok());
    assert!(matches!(refused(&nested(300)), Reason::Unsupported(_)));
    let list = (1..=60_000).map(|n| format!("${n}")).collect::<Vec<_>>().join(", ");
    assert!(rewritten(&format!("SELECT * FROM services WHERE id IN ({list})")).is_ok());
    // Each level doubles the columns. The limit of the server is 1,664.
    let levels: Vec<_> = (1..40).map(|n| format!("c{n} AS (SELECT x.*, x.* FROM c{} x)", n - 1)).collect();
    let doubling = format!("WITH c0 AS (SELECT 1 AS a), {} SELECT 1", levels.join(", "));
    assert!(matches!(refused(&doubling), Reason::Unsupported(_)));
    let joins: Vec<_> = (1..2_000).map(|n| format!("JOIN services x{n} USING (id)")).collect();
    refused(&format!("SELECT * FROM services {}", joins.join(" ")));
    let longest = " ".repeat(tree::TEXT_LIMIT);
    assert!(matches!(refused(&format!("SELECT 1{longest}")), Reason::TooLarge { .. }));
}

#[test]
fn a_limit_is_named_where_it_is_exceeded() {
    let unions = format!("SELECT 1{}", " UNION SELECT 1".repeat(600));
    assert_eq!(refused(&unions), Reason::Unsupported("queries nested more than 512 levels deep".into()));
    let joins: Vec<_> = (1..600).map(|n| format!("JOIN services x{n} USING (id)")).collect();
    assert_eq!(
        refused(&format!("SELECT 1 FROM services {}", joins.join(" "))),
        Reason::Unsupported("joins with more than 500,000 columns in total".into())
    );
}

#[test]
fn what_postgresql_would_read_otherwise_is_refused() {
    // PostgreSQL ends the comment at the carriage return and would read the second table.
    assert_eq!(
        refused("SELECT 1 FROM services -- \r, secrets"),
        Reason::UnknownTable("public.secrets".to_owned())
    );
    for text in [
        "SELECT $1$x$ FROM secrets $x$",
        "SELECT 1 /* not closed",
        "SELECT 'not closed",
        "SELECT 1\0; DROP TABLE services",
    ] {
        assert!(matches!(refused(text), Reason::NotUnderstood(_)), "{text}");
    }
    // PostgreSQL treats a no-break space as a letter.
    assert_eq!(refused("SELECT 1 FROM services WHERE a=\u{a0}b"), Reason::UnknownColumn("\u{a0}b".into()));
    // An operator ends where a comment starts.
    becomes(
        "UPDATE services SET a = b @-- c WHERE d = 1\n c",
        "UPDATE \"public\".services SET a = b @-- c WHERE d = 1\n c WHERE services.\"tenant_id\" = $1",
    );
    becomes(
        "SELECT 1 - /* x */ -2 -- y\n FROM services",
        "SELECT 1 - /* x */ -2 -- y\n FROM (\"public\".services JOIN (SELECT) AS \"__tenant_1\" ON services.\"tenant_id\" = $1)",
    );
}

#[test]
fn words_mean_what_they_mean_to_postgresql() {
    // A keyword that can be a label without AS does not end an expression.
    assert_eq!(
        refused(
            "SELECT 1 END, f.s, x.password_hash FROM (SELECT set_config('app.tenant_id', 'b', true) AS s OFFSET 0) f, \
             LATERAL (SELECT * FROM auth.users u WHERE f.s IS NOT NULL) x"
        ),
        Reason::UnknownFunction("set_config".into())
    );
    becomes(
        "SELECT email OR FROM clients",
        r#"SELECT email OR FROM ("public".clients JOIN (SELECT) AS "__tenant_1" ON clients."tenant_id" = $1)"#,
    );
    // The keyword is the alias of the table, and the guard uses it.
    becomes(
        "UPDATE services GLOBAL SET name = 'x' FROM (SELECT 'a'::uuid AS tenant_id) AS services",
        r#"UPDATE "public".services GLOBAL SET name = 'x' FROM (SELECT 'a'::uuid AS tenant_id) AS services WHERE GLOBAL."tenant_id" = $1"#,
    );
    becomes(
        r"SELECT * FROM services WHERE name LIKE 'a\_' AND email = 'b\'",
        r#"SELECT * FROM ("public".services JOIN (SELECT) AS "__tenant_1" ON services."tenant_id" = $1) WHERE name LIKE E'a\\_' AND email = E'b\\'"#,
    );
}

#[test]
fn rows_as_a_whole_are_not_operands() {
    for text in [
        "SELECT lower(w) FROM clients w",
        "SELECT w::text FROM clients w",
        "SELECT CAST(w AS text) FROM clients w",
        "SELECT w || 'x' FROM clients w",
        "SELECT w = w FROM clients w",
        "SELECT 1 FROM clients w WHERE w IN (SELECT w FROM clients w)",
        "SELECT 1 FROM clients w WHERE w = ANY (ARRAY[w])",
        "SELECT lower((SELECT w FROM clients w LIMIT 1))",
        "SELECT lower(x.w) FROM (SELECT w FROM clients w) x",
        "SELECT lower(CASE WHEN true THEN w END) FROM clients w",
        "SELECT lower(coalesce(w, w)) FROM clients w",
        "SELECT lower((array_agg(w))[1]) FROM clients w",
        "SELECT array_agg(w) || array_agg(w) FROM clients w",
        "SELECT nullif(w, w) FROM clients w",
        "SELECT CASE w WHEN w THEN 1 END FROM clients w",
        "SELECT w BETWEEN w AND w FROM clients w",
        "SELECT w IS DISTINCT FROM w FROM clients w",
        "SELECT ROW(w) = ROW(w) FROM clients w",
        "SELECT ROW(1, 2) || 'x'",
        "SELECT 1 FROM (SELECT w FROM clients w) a JOIN (SELECT w FROM clients w) b USING (w)",
        "SELECT 1 FROM (SELECT w FROM clients w) a NATURAL JOIN (SELECT w FROM clients w) b",
        "SELECT (w).leak FROM clients w",
        "SELECT (x.w).leak FROM (SELECT w FROM clients w) x",
        "SELECT ((SELECT w FROM clients w)).leak",
        "SELECT a[1].leak FROM clients",
        "SELECT $1.leak",
        "UPDATE clients w SET name = w",
        "INSERT INTO clients (name) SELECT w FROM clients w",
        "INSERT INTO clients (name) VALUES ((SELECT w FROM clients w))",
        "SELECT 1 FROM clients w ORDER BY w USING <, lower(w)",
        "SELECT count(*) FILTER (WHERE w = w) FROM clients w",
        "SELECT count(*) OVER (PARTITION BY lower(w)) FROM clients w",
        "SELECT * FROM clients w, lower(w)",
        "SELECT * FROM clients w LIMIT w",
        "SELECT lower(w.*) FROM clients w",
        "SELECT lower(public.clients.*) FROM clients",
    ] {
        let reason = refused(text);
        assert!(matches!(reason, Reason::RowOperand(_) | Reason::UnknownColumn(_)), "{text}: {reason}");
    }
    for text in
        ["SELECT w.leak FROM clients w", "SELECT leak FROM clients w", "SELECT x.leak FROM (SELECT 1) x"]
    {
        assert!(matches!(refused(text), Reason::UnknownColumn(_)), "{text}");
    }
    for text in [
        "SELECT w FROM clients w",
        "SELECT w.*, (w).name, count(w), to_jsonb(w), json_agg(w.*) FROM clients w GROUP BY w, w.id ORDER BY w",
        "SELECT 1 FROM clients w LEFT JOIN services s ON s.id = w.id WHERE s IS NULL AND w IS NOT NULL",
        "SELECT DISTINCT w FROM clients w",
        "SELECT (a, b) = (c, d), (a, b) IN ((1, 2), (c, d)), (a, b) IN (SELECT c, d FROM clients) FROM clients",
        "SELECT (w).id FROM clients w",
        "SELECT (json_each('{}')).key, (jsonb_each('{}')).*",
    ] {
        assert!(rewritten(text).is_ok(), "{text}: {:?}", rewritten(text));
    }
}

#[test]
fn system_columns_are_those_of_the_table() {
    becomes(
        "DELETE FROM services WHERE ctid IN (SELECT ctid FROM services WHERE a = 1 LIMIT 1)",
        r#"DELETE FROM "public".services WHERE services."tenant_id" = $1 AND (services.ctid IN (SELECT services.ctid FROM ("public".services JOIN (SELECT) AS "__tenant_1" ON services."tenant_id" = $1) WHERE a = 1 LIMIT 1))"#,
    );
    becomes(
        "SELECT xmin, tableoid::regclass FROM clients c WHERE EXISTS (SELECT 1 FROM (SELECT 1 AS ctid) x WHERE ctid = 1)",
        r#"SELECT c.xmin, c.tableoid::pg_catalog.regclass FROM ("public".clients c JOIN (SELECT) AS "__tenant_1" ON c."tenant_id" = $1) WHERE EXISTS (SELECT 1 FROM (SELECT 1 AS ctid) x WHERE ctid = 1)"#,
    );
    refused("SELECT ctid FROM clients, services");
}

#[test]
fn functions_types_and_operators_are_postgresqls_own_or_declared() {
    becomes(
        "SELECT now(), substring(name, 1), substring(name from 1), count(*) FILTER (WHERE a > 1), generate_series(1, 2) FROM clients",
        r#"SELECT pg_catalog.now(), pg_catalog.substring(name, 1), substring(name from 1), pg_catalog.count(*) FILTER (WHERE a > 1), pg_catalog.generate_series(1, 2) FROM ("public".clients JOIN (SELECT) AS "__tenant_1" ON clients."tenant_id" = $1)"#,
    );
    for text in ["SELECT 'x'::mood", "SELECT mood 'x'", "SELECT 'a'::regclass"] {
        assert!(matches!(refused(text), Reason::UnknownType(_)), "{text}");
    }
    for text in
        ["SELECT 1 <%> 2", "SELECT 1 OPERATOR(public.+) 2", "SELECT 1 = ANY (SELECT 1) OR 1 === ALL ('{}')"]
    {
        assert!(matches!(refused(text), Reason::UnknownOperator(_)), "{text}");
    }
    assert!(rewritten("SELECT 1 OPERATOR(pg_catalog.+) 2").is_ok());
}

#[test]
fn merge_reads_and_changes_rows_of_the_tenant() {
    becomes(
        "MERGE INTO services s USING clients c ON c.id = s.id WHEN MATCHED THEN UPDATE SET name = c.name \
         WHEN NOT MATCHED BY SOURCE THEN DELETE WHEN NOT MATCHED BY SOURCE AND a = 1 THEN DO NOTHING \
         WHEN NOT MATCHED THEN INSERT (name) VALUES (c.name)",
        "MERGE INTO \"public\".services s USING (\"public\".clients c JOIN (SELECT) AS \"__tenant_1\" ON c.\"tenant_id\" = $1) \
         ON s.\"tenant_id\" = $1 AND (c.id = s.id) WHEN MATCHED THEN UPDATE SET name = c.name \
         WHEN NOT MATCHED BY SOURCE AND s.\"tenant_id\" = $1 THEN DELETE \
         WHEN NOT MATCHED BY SOURCE AND s.\"tenant_id\" = $1 AND (a = 1) THEN DO NOTHING \
         WHEN NOT MATCHED THEN INSERT (name, \"tenant_id\") VALUES (c.name, $1)",
    );
    becomes(
        "MERGE INTO services USING (VALUES (1)) v (x) ON false WHEN NOT MATCHED THEN INSERT VALUES (DEFAULT, NULL, 'n')",
        "MERGE INTO \"public\".services USING (VALUES (1)) v (x) ON services.\"tenant_id\" = $1 AND (false) \
         WHEN NOT MATCHED THEN INSERT (\"tenant_id\", \"id\", \"name\") VALUES ($1, NULL, 'n')",
    );
    assert_eq!(
        refused("MERGE INTO countries c USING clients ON true WHEN MATCHED THEN DELETE"),
        Reason::SharedTable("public.countries".into())
    );
    refused(
        "MERGE INTO services USING clients c ON true WHEN NOT MATCHED THEN INSERT (tenant_id) VALUES (c.id)",
    );
}

#[test]
fn inserts_may_leave_their_columns_out() {
    becomes(
        "INSERT INTO services VALUES (DEFAULT)",
        r#"INSERT INTO "public".services ("tenant_id") VALUES ($1)"#,
    );
    becomes(
        "INSERT INTO services SELECT tenant_id, id, 'copy' FROM clients",
        r#"INSERT INTO "public".services ("tenant_id", "id", "name") SELECT tenant_id, id, 'copy' FROM ("public".clients JOIN (SELECT) AS "__tenant_1" ON clients."tenant_id" = $1)"#,
    );
    becomes(
        "INSERT INTO services (name) TABLE countries",
        r#"INSERT INTO "public".services (name, "tenant_id") SELECT *, $1::uuid FROM "public".countries"#,
    );
    for text in [
        "INSERT INTO services VALUES (gen_random_uuid())",
        "INSERT INTO services TABLE services",
        "INSERT INTO services (tenant_id, name) SELECT *, name FROM clients",
        "INSERT INTO services (tenant_id) SELECT x FROM (SELECT id AS x FROM clients) y",
        "INSERT INTO services (tenant_id) SELECT tenant_id FROM (VALUES ('a'::uuid)) AS v (tenant_id)",
    ] {
        refused(text);
    }
    assert!(
        rewritten("INSERT INTO services (tenant_id) SELECT x FROM (SELECT tenant_id AS x FROM clients) y")
            .is_ok()
    );
}

#[test]
fn conflicts_may_be_sought_by_expressions_and_predicates() {
    becomes(
        "INSERT INTO clients (email) VALUES ($1) ON CONFLICT (lower(email), (a + 1)) WHERE b > 0 DO NOTHING",
        r#"INSERT INTO "public".clients (email, "tenant_id") VALUES ($1, $2) ON CONFLICT (pg_catalog.lower(email), (a + 1), "tenant_id") WHERE b > 0 DO NOTHING"#,
    );
    becomes(
        "UPDATE clients SET c['k'] = '1', (a, b) = (SELECT 1, 2), d = DEFAULT",
        r#"UPDATE "public".clients SET c['k'] = '1', (a, b) = (SELECT 1, 2), d = DEFAULT WHERE clients."tenant_id" = $1"#,
    );
}

#[test]
fn what_applications_send_is_understood() {
    for text in [
        "TABLE services",
        "SELECT * FROM ONLY services",
        "SELECT * FROM services *",
        "SELECT * FROM ROWS FROM (generate_series(1, 2), unnest(ARRAY[1])) WITH ORDINALITY AS x (a, b, c)",
        "SELECT * FROM jsonb_to_recordset($1) AS x (a int, b text)",
        "SELECT x.a, j.value FROM json_each($1) j, jsonb_array_elements($2) AS e, unnest(ARRAY[1]) AS x (a) WHERE e.value = '1'",
        "WITH RECURSIVE t (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM t WHERE n < 5) SEARCH DEPTH FIRST BY n SET o CYCLE n SET c USING p SELECT n, o, c FROM t",
        "WITH RECURSIVE a AS (SELECT * FROM b), b AS (SELECT 1 AS x) SELECT x FROM a",
        "SELECT a BETWEEN SYMMETRIC 1 AND 2, now() AT LOCAL, now() AT TIME ZONE 'UTC' FROM clients",
        "SELECT JSON_VALUE(a, '$.x' RETURNING int DEFAULT 1 ON EMPTY), JSON_OBJECT('a': b ABSENT ON NULL), JSON_ARRAYAGG(b ORDER BY b) FROM clients GROUP BY a, b",
        "SELECT t.x FROM clients, JSON_TABLE(a, '$[*]' COLUMNS (x int PATH '$.x', NESTED PATH '$.y' COLUMNS (z text))) AS t",
        "UPDATE clients SET name = 'x' RETURNING old.name, new.*",
        "SELECT name, rank() OVER w, sum(a) OVER (PARTITION BY b ORDER BY c ROWS BETWEEN 1 PRECEDING AND CURRENT ROW) FROM clients WINDOW w AS (ORDER BY a)",
        "SELECT a AS x FROM clients GROUP BY x HAVING count(*) > 1 ORDER BY x DESC NULLS LAST LIMIT $1 OFFSET $2 FOR UPDATE OF clients",
        "(SELECT a FROM clients) UNION (SELECT b FROM services ORDER BY c) ORDER BY a LIMIT 1",
        "SELECT u.a, j.id FROM clients u JOIN services s USING (id) AS k JOIN (clients c NATURAL JOIN services z) AS j ON j.id = k.id",
        "SELECT extract(epoch from a), trim(both 'x' from name), position('a' in name), overlay(name placing 'x' from 1), normalize(name, NFC) FROM clients",
        "SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY a), string_agg(DISTINCT name, ',' ORDER BY name) FROM clients",
        "SELECT interval '1 day', date '2020-01-01', timestamp with time zone '2020-01-01', '{}'::int[], x'1F', 1e5, 'a'::varchar(10), '1'::numeric(10, 2)",
        "INSERT INTO clients (name) VALUES ('a') ON CONFLICT ON CONSTRAINT clients_key DO UPDATE SET name = excluded.name RETURNING xmax = 0",
        "SELECT EXISTS (SELECT 1 FROM clients), ARRAY(SELECT id FROM clients), (SELECT max(a) FROM clients)",
        "SELECT GROUPING(a), a FROM clients GROUP BY GROUPING SETS ((a), ()), ROLLUP (b), CUBE (c)",
        "SELECT xmlelement(name foo, xmlattributes(a AS b), c), xmlforest(a, b) FROM clients",
        "SELECT * FROM clients c, LATERAL (SELECT c.a AS z) l WHERE l.z = c.a AND c.ctid = '(0,1)'",
        "SELECT public.clients.a, clients.tenant_id FROM public.clients",
    ] {
        assert!(rewritten(text).is_ok(), "{text}: {:?}", rewritten(text));
    }
}

#[test]
fn a_text_tells_how_many_values_it_is_bound_with() {
    let rewriter = rewriter();
    let given =
        rewriter.rewrite(r#"INSERT INTO "public".services (name, "tenant_id") VALUES ($1, $2)"#, 2).unwrap();
    let stamped = rewriter.rewrite("INSERT INTO services (name) VALUES ($1)", 1).unwrap();
    assert_ne!(given, stamped);
}

#[test]
fn rows_can_be_made_of_documents() {
    becomes(
        "SELECT r.name FROM jsonb_populate_recordset(NULL::services, $1) AS r",
        r#"SELECT r.name FROM pg_catalog.jsonb_populate_recordset(NULL::"public".services, $1) AS r"#,
    );
    refused("SELECT r.leak FROM jsonb_populate_recordset(NULL::services, $1) AS r");
    refused(
        "INSERT INTO services (tenant_id) SELECT r.tenant_id FROM jsonb_populate_recordset(NULL::services, $1) AS r",
    );
    assert!(matches!(refused("SELECT lower(NULL::services)"), Reason::RowOperand(_)));
}

#[test]
fn the_setting_that_carries_the_tenant_is_not_read() {
    assert!(rewritten("SELECT current_setting('TimeZone')").is_ok());
    for text in [
        "SELECT current_setting('app.tenant_id')",
        "SELECT current_setting('WaterTight.tenant', true)",
        "SELECT current_setting('watertight' || '.tenant')",
        "SELECT current_setting(name) FROM clients",
        "SELECT current_setting(E'app\\x2etenant_id')",
    ] {
        refused(text);
    }
}

#[test]
fn columns_are_counted_as_the_server_counts_them() {
    for text in [
        // The common column of a join comes first and only once, which shifts the columns that an alias
        // renames.
        "INSERT INTO services (tenant_id, id) SELECT z.t, z.i FROM \
         (SELECT * FROM (SELECT 1 AS id) q JOIN clients USING (id) CROSS JOIN (SELECT 'x'::uuid AS f) f) \
         AS z (i, x, t)",
        "INSERT INTO services (tenant_id) SELECT x FROM (SELECT * FROM (services JOIN clients USING (id) AS k)) AS z (x)",
        "INSERT INTO services (tenant_id) SELECT x FROM (SELECT * FROM unnest('a:1'::tsvector) u, services) AS z (y, x)",
        "SELECT lexeme::text FROM clients lexeme, LATERAL (SELECT lexeme FROM unnest(ARRAY[1]) u) y",
        "SELECT 1 FROM clients lexeme WHERE EXISTS (SELECT lexeme::text FROM unnest(ARRAY[1]) u)",
        "WITH RECURSIVE r (i) AS (SELECT 1 UNION ALL SELECT i FROM r) SEARCH DEPTH FIRST BY i SET o SELECT o = o FROM r",
        "WITH RECURSIVE r (i) AS (SELECT 1 UNION ALL SELECT i FROM r) CYCLE i SET c USING p SELECT lower(p) FROM r",
        "MERGE INTO services s USING clients c ON true WHEN MATCHED THEN DELETE RETURNING lower(s)",
    ] {
        let reason = refused(text);
        assert!(matches!(reason, Reason::TenantExpression(_) | Reason::RowOperand(_)), "{text}: {reason}");
    }
    for text in [
        "SELECT x.a FROM (SELECT (WITH w AS (SELECT 1 AS a) SELECT a AS b FROM w)) x",
        "SELECT x.is_normalized FROM (SELECT name IS NOT NORMALIZED FROM services) x",
        "SELECT 1 FROM services FOR UPDATE OF \"__tenant_1\"",
        "INSERT INTO services AS excluded (id) VALUES (1) ON CONFLICT (id) DO UPDATE SET name = 'y'",
    ] {
        refused(text);
    }
    for text in [
        "INSERT INTO services (tenant_id, id) SELECT z.t, z.i FROM \
         (SELECT * FROM (SELECT 1 AS id) q JOIN clients USING (id)) AS z (i, t)",
        "SELECT 1 FROM clients WHERE EXISTS (SELECT 1 FROM unnest($1::text[]) AS x (v) WHERE v = name)",
        "SELECT 1 FROM clients WHERE id IN (SELECT * FROM unnest($1::int[]))",
        "SELECT lexeme FROM unnest(to_tsvector('a'))",
        "WITH RECURSIVE r (i) AS (SELECT 1 UNION ALL SELECT i FROM r) CYCLE i SET c USING p SELECT NOT c, p FROM r",
        "SELECT 1 FROM unnest($1::int[], $2::text[]) AS u (a, b) WHERE u.a = 1",
        "SELECT x.name FROM (SELECT (services.*) FROM services) x",
        "SELECT json_array(SELECT name FROM services)",
        "SELECT x.column1, x.s FROM (SELECT (VALUES (1)), (SELECT 1 AS s UNION SELECT 2)) x",
        "SELECT x.b FROM (SELECT (WITH w AS (SELECT 1 AS a) SELECT a AS b FROM w)) x",
        "SELECT x.float4 FROM (SELECT 1::float(3)) x",
        "SELECT y, z FROM JSON_TABLE('{}', '$' COLUMNS (NESTED '$.a' COLUMNS (a int), b int)) AS t (y, z)",
    ] {
        assert!(rewritten(text).is_ok(), "{text}: {:?}", rewritten(text));
    }
    let deep = format!("SELECT w FROM (SELECT {}w{} FROM clients w) x", "(".repeat(100), ")".repeat(100));
    assert!(rewritten(&deep).is_ok());
    assert!(matches!(refused(&deep.replace("SELECT w FROM", "SELECT lower(w) FROM")), Reason::RowOperand(_)));
}

/// Checks the rewritten text with `auth` in the schema `identity` and booking in the schema `Studio 1`.
#[track_caller]
fn becomes_moved(text: &str, expected: &str) {
    let rewriter = Rewriter::new(moved_registry(), Settings { explain: true, token: false }, 1 << 20);
    let sql = rewriter.rewrite(text, 0).map(|sql| sql.split(" /* tenant $").next().map(str::to_owned));
    assert_eq!(sql, Ok(Some(expected.to_owned())), "{text}");
}

#[test]
fn statements_name_moved_tables_by_their_static_names() {
    becomes_moved(
        r#"SELECT auth.users.email, "auth"."users".*, count(auth.users.*) FROM auth.users WHERE auth.users.a = 1 GROUP BY auth.users.email ORDER BY auth.users.email"#,
        r#"SELECT "identity".users.email, "identity"."users".*, pg_catalog.count("identity".users.*) FROM ("identity".users JOIN (SELECT) AS "__tenant_1" ON users."tenant_id" = $1) WHERE "identity".users.a = 1 GROUP BY "identity".users.email ORDER BY "identity".users.email"#,
    );
    becomes_moved(
        "SELECT x.b, public.clients.name FROM public.bookings b JOIN ONLY public.clients USING (id), auth.users x (a, b)",
        r#"SELECT x.b, "Studio 1".clients.name FROM ("Studio 1".bookings b JOIN (SELECT) AS "__tenant_1" ON b."tenant_id" = $1) JOIN (ONLY "Studio 1".clients JOIN (SELECT) AS "__tenant_2" ON clients."tenant_id" = $1) USING (id), (SELECT * FROM "identity".users WHERE users."tenant_id" = $1) x (a, b)"#,
    );
    becomes_moved(
        "WITH u AS (SELECT id FROM auth.users) SELECT EXISTS (SELECT 1 FROM auth.users WHERE auth.users.id = u.id) FROM u",
        r#"WITH u AS (SELECT id FROM ("identity".users JOIN (SELECT) AS "__tenant_1" ON users."tenant_id" = $1)) SELECT EXISTS (SELECT 1 FROM ("identity".users JOIN (SELECT) AS "__tenant_2" ON users."tenant_id" = $1) WHERE "identity".users.id = u.id) FROM u"#,
    );
    becomes_moved(
        "TABLE auth.users",
        r#"SELECT * FROM ("identity".users JOIN (SELECT) AS "__tenant_1" ON users."tenant_id" = $1)"#,
    );
}

#[test]
fn changes_name_moved_tables_by_their_static_names() {
    becomes_moved(
        "INSERT INTO auth.users (id, name) SELECT id, name FROM public.clients WHERE public.clients.a = 1 \
         ON CONFLICT (id) DO UPDATE SET name = excluded.name WHERE auth.users.b = 2 RETURNING auth.users.id",
        r#"INSERT INTO "identity".users (id, name, "tenant_id") SELECT id, name, $1::uuid FROM ("Studio 1".clients JOIN (SELECT) AS "__tenant_1" ON clients."tenant_id" = $1) WHERE "Studio 1".clients.a = 1 ON CONFLICT (id, "tenant_id") DO UPDATE SET name = excluded.name WHERE users."tenant_id" = $1 AND ("identity".users.b = 2) RETURNING "identity".users.id"#,
    );
    becomes_moved(
        "UPDATE auth.users SET name = auth.users.email FROM public.bookings WHERE public.bookings.id = auth.users.id",
        r#"UPDATE "identity".users SET name = "identity".users.email FROM ("Studio 1".bookings JOIN (SELECT) AS "__tenant_1" ON bookings."tenant_id" = $1) WHERE users."tenant_id" = $1 AND ("Studio 1".bookings.id = "identity".users.id)"#,
    );
    becomes_moved(
        "DELETE FROM auth.sessions USING auth.users WHERE auth.users.id = auth.sessions.id",
        r#"DELETE FROM "identity".sessions USING ("identity".users JOIN (SELECT) AS "__tenant_1" ON users."tenant_id" = $1) WHERE sessions."tenant_id" = $1 AND ("identity".users.id = "identity".sessions.id)"#,
    );
    becomes_moved(
        "MERGE INTO public.clients USING auth.users ON auth.users.id = public.clients.id WHEN MATCHED THEN UPDATE SET name = auth.users.name",
        r#"MERGE INTO "Studio 1".clients USING ("identity".users JOIN (SELECT) AS "__tenant_1" ON users."tenant_id" = $1) ON clients."tenant_id" = $1 AND ("identity".users.id = "Studio 1".clients.id) WHEN MATCHED THEN UPDATE SET name = "identity".users.name"#,
    );
}

#[test]
fn a_name_without_a_schema_is_the_applications_table_before_ours() {
    becomes_moved(
        "SELECT clients.name FROM clients, bookings",
        r#"SELECT clients.name FROM ("public".clients JOIN (SELECT) AS "__tenant_1" ON clients."tenant_id" = $1), ("Studio 1".bookings JOIN (SELECT) AS "__tenant_2" ON bookings."tenant_id" = $1)"#,
    );
    becomes_moved(
        r#"SELECT 1 FROM identity.users, "Studio 1".clients WHERE identity.users.id = "Studio 1".clients.id AND public.clients.a = auth.users.a"#,
        r#"SELECT 1 FROM (identity.users JOIN (SELECT) AS "__tenant_1" ON users."tenant_id" = $1), ("Studio 1".clients JOIN (SELECT) AS "__tenant_2" ON clients."tenant_id" = $1) WHERE identity.users.id = "Studio 1".clients.id AND "Studio 1".clients.a = "identity".users.a"#,
    );
}

#[test]
fn names_that_mean_no_moved_table_are_refused() {
    let rewriter = Rewriter::new(moved_registry(), Settings::default(), 1 << 20);
    let refused = |text: &str| rewriter.rewrite(text, 0).map_err(|refusal| refusal.reason);
    assert_eq!(refused("SELECT 1 FROM users"), Err(Reason::UnknownTable("public.users".to_owned())));
    assert_eq!(refused("SELECT 1 FROM auth.clients"), Err(Reason::UnknownTable("auth.clients".to_owned())));
    // The table in FROM belongs to the application, but the column name refers to watertight's table.
    let column = refused("SELECT public.clients.name FROM clients");
    assert_eq!(column, Err(Reason::UnknownColumn("public.clients.name".to_owned())));
    // Rows of a table in another schema are refused like all rows.
    assert!(matches!(refused("SELECT NULL::auth.users::text"), Err(Reason::RowOperand(_))));
    assert!(matches!(refused("SELECT 'auth.users'::regclass"), Err(Reason::UnknownType(_))));
}

#[test]
fn types_of_rows_are_those_of_moved_tables() {
    becomes_moved(
        "SELECT r.name FROM json_populate_record(NULL::auth.users, '{}') AS r",
        r#"SELECT r.name FROM pg_catalog.json_populate_record(NULL::"identity".users, '{}') AS r"#,
    );
}
