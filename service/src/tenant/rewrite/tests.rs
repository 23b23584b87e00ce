use super::*;
use crate::tenant::registry::tests::registry;

fn rewritten(text: &str) -> Result<String, Refusal> {
    let rewriter = Rewriter::new(registry(), 1 << 20);
    match rewriter.rewrite(text, 0) {
        Err(Refusal { reason: Reason::Placeholder { placeholder, .. }, .. }) => {
            rewriter.rewrite(text, placeholder)
        }
        answer => answer,
    }
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
        r#"INSERT INTO "public".services (name, price, "tenant_id") VALUES ($1, $2, $3), ('a', (SELECT max(price) FROM ("public".services JOIN (SELECT) AS "__tenant_1" ON services."tenant_id" = $3)), $3) RETURNING id"#,
    );
    becomes(
        "INSERT INTO services DEFAULT VALUES",
        r#"INSERT INTO "public".services ("tenant_id") VALUES ($1)"#,
    );
    becomes(
        "INSERT INTO services (name) SELECT a IS DISTINCT FROM 'x' AS from FROM clients ORDER BY 1",
        r#"INSERT INTO "public".services (name, "tenant_id") SELECT a IS DISTINCT FROM 'x' AS from, $1::uuid FROM ("public".clients JOIN (SELECT) AS "__tenant_1" ON clients."tenant_id" = $1) ORDER BY 1"#,
    );
    becomes(
        "INSERT INTO services (name) SELECT 1FROM services",
        r#"INSERT INTO "public".services (name, "tenant_id") SELECT 1, $1::uuid FROM ("public".services JOIN (SELECT) AS "__tenant_1" ON services."tenant_id" = $1)"#,
    );
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
        r#"INSERT INTO "public".services AS s (name, "tenant_id") VALUES ($1, $2) ON CONFLICT (name, "tenant_id") DO UPDATE SET price = excluded.price, tenant_id = excluded.tenant_id WHERE s."tenant_id" = $2 AND ( s.price > 1 OR true) RETURNING *"#,
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
        r#"UPDATE "public".services SET price = $1 WHERE services."tenant_id" = $3 AND ( id = $2 OR true) RETURNING id"#,
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
        r#"DELETE FROM "public".services USING ("public".clients JOIN (SELECT) AS "__tenant_1" ON clients."tenant_id" = $1) WHERE services."tenant_id" = $1 AND ( clients.id = services.id) -- the end"#,
    );
}

#[test]
fn a_tenant_in_the_statement_is_held_against_the_connection() {
    let own = crate::TenantId::new(uuid::Uuid::from_u128(1)).unwrap();
    let foreign = sea_orm::Value::from(uuid::Uuid::from_u128(2));
    let rewriter = Rewriter::new(registry(), 1 << 20);
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
    assert_eq!(refused("SELECT * FROM ONLY services"), Reason::UnknownTable("public.only".into()));
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
        "SET app.tenant_id = 'x'",
        "RESET ALL",
        "SET LOCAL app.tenant_id = 'x'",
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
        "EXPLAIN ANALYZE TRUNCATE services",
        "EXPLAIN ANALYZE CREATE TABLE t AS SELECT 1",
        "MERGE INTO services USING clients ON true WHEN MATCHED THEN DELETE",
        "VACUUM",
    ] {
        assert_eq!(refused(text), Reason::StatementKind, "{text}");
    }
    for text in [
        "SELECT * INTO x FROM services",
        "TABLE services",
        "SELECT * FROM services TABLESAMPLE SYSTEM (1)",
        "INSERT INTO services VALUES (1)",
        "UPDATE countries SET name = 'x'",
        "DELETE FROM services WHERE CURRENT OF c",
        "SELECT 1 OPERATOR(public.+) 2",
        "SELECT * FROM ROWS FROM (generate_series(1, 2))",
        "SELECT ?",
    ] {
        refused(text);
    }
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
        assert_eq!(refused(text), Reason::TenantType, "{text}");
    }
    // Written by its code points it would be another name to the parser.
    for text in
        [r#"SELECT 'x'::watertight.U&"tenant\005ftoken""#, r#"SELECT 'x'::u&"!0074enant_token" UESCAPE '!'"#]
    {
        assert!(matches!(refused(text), Reason::NotUnderstood(_)), "{text}");
    }
}

#[test]
fn values_and_placeholders_are_as_many() {
    let rewriter = Rewriter::new(registry(), 1 << 20);
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
    let long = format!("SELECT {}1", "1+".repeat(OPERATOR_LIMIT - 10));
    assert!(rewritten(&long).is_ok());
    let longer = format!("SELECT {}1", "1+".repeat(OPERATOR_LIMIT));
    assert!(matches!(refused(&longer), Reason::Unsupported(_)));
    for opening in ["(", "(SELECT ", "NOT ", "abs(", "-", "CASE WHEN "] {
        refused(&format!("SELECT {}1", opening.repeat(5_000)));
    }
    let list = (1..=60_000).map(|n| format!("${n}")).collect::<Vec<_>>().join(", ");
    assert!(rewritten(&format!("SELECT * FROM services WHERE id IN ({list})")).is_ok());
}

#[test]
fn what_postgresql_would_read_otherwise_is_refused() {
    // PostgreSQL ends the comment at the carriage return, and would see the second table.
    assert_eq!(
        refused("SELECT 1 FROM services -- \r, secrets"),
        Reason::UnknownTable("public.secrets".to_owned())
    );
    for text in [
        "SELECT 1\u{a0}FROM services",
        // An operator that holds the start of a comment is one operator here, and a comment there.
        "UPDATE services SET a = b @-- c WHERE d = 1\n + c",
        "UPDATE services SET a = b ~/* c WHERE d = 1 */ + c",
        "SELECT $1$x$ FROM secrets $x$",
        "SELECT 1 /* not closed",
        "SELECT 'not closed",
    ] {
        assert!(matches!(refused(text), Reason::NotUnderstood(_)), "{text}");
    }
    becomes(
        "SELECT 1 - /* x */ -2 -- y\n FROM services",
        "SELECT 1 - /* x */ -2 -- y\n FROM (\"public\".services JOIN (SELECT) AS \"__tenant_1\" ON services.\"tenant_id\" = $1)",
    );
}
