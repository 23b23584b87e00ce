//! The check of statements on a connection without a tenant.

use postgresql_cst_parser::syntax_kind::SyntaxKind as K;

use super::super::refusal::{Reason, Refusal, StatementKind};
use super::super::registry::{Ownership, Registry};
use super::Walk;
use super::named_tables::named_tables;
use super::setting::outlives_transaction;
use super::statement::{kind_of, on_deep_stack, statements};
use super::tree::{Node, Tree};

/// Refuses a text with a statement that reads or changes rows of a tenant table.
///
/// Without a tenant, row-level security hides every row, so the server would answer with no rows and without an error.
/// Changes of the schema are allowed. So are texts with several statements.
pub(super) fn check(registry: &Registry, text: &str) -> Result<(), Refusal> {
    on_deep_stack(text, || {
        let unknown = |reason| Refusal::new(StatementKind::Unknown, reason);
        let tree = Tree::parse(text).map_err(unknown)?;
        for statement in statements(tree.root()).map_err(unknown)? {
            check_one(registry, statement).map_err(|reason| Refusal::new(kind_of(statement), reason))?;
        }
        Ok(())
    })
}

fn check_one(registry: &Registry, statement: Node<'_>) -> Walk {
    match statement.kind() {
        K::VariableSetStmt | K::VariableResetStmt => match outlives_transaction(statement) {
            Some(name) => Err(Reason::SessionSetting(name)),
            None => Ok(()),
        },
        K::TransactionStmt | K::TransactionStmtLegacy => super::unsupported(
            "BEGIN, COMMIT, ROLLBACK and SAVEPOINT as SQL, which could leave a transaction open on a pooled \
             connection (call `begin`, `commit` and `rollback`)",
        ),
        kind if uses_rows(kind) => {
            let tables = named_tables(statement, registry)?;
            let tenants = |ownership| ownership != Ownership::Shared;
            match tables.iter().find(|named| registry.ownership(&named.table).is_some_and(tenants)) {
                Some(named) => Err(Reason::TenantTableUnscoped(named.table.to_string())),
                None => Ok(()),
            }
        }
        _ => Ok(()),
    }
}

/// Whether a statement reads or changes rows. Others change the schema, or concern the session.
const fn uses_rows(kind: K) -> bool {
    matches!(
        kind,
        K::SelectStmt
            | K::InsertStmt
            | K::UpdateStmt
            | K::DeleteStmt
            | K::MergeStmt
            | K::ExplainStmt
            | K::CopyStmt
            | K::TruncateStmt
            | K::CreateAsStmt
            | K::CreateMatViewStmt
            | K::DeclareCursorStmt
            | K::PrepareStmt
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tenant::registry::tests::{moved_registry, registry};

    fn table(registry: &Registry, text: &str) -> Option<String> {
        match check(registry, text).map_err(|refusal| refusal.reason) {
            Ok(()) => None,
            Err(Reason::TenantTableUnscoped(table)) => Some(table),
            Err(reason) => panic!("{text}: {reason}"),
        }
    }

    #[test]
    fn rows_of_tenant_tables_are_refused_wherever_they_are_named() {
        for text in [
            "SELECT * FROM services",
            "TABLE public.services",
            "SELECT 1 WHERE EXISTS (SELECT FROM countries c JOIN ONLY services s ON true)",
            "SELECT (SELECT count(*) FROM services)",
            "INSERT INTO services (name) VALUES ('a')",
            "INSERT INTO countries SELECT name, name FROM services",
            "UPDATE services SET name = 'a'",
            "UPDATE countries SET name = s.name FROM services s",
            "DELETE FROM services",
            "DELETE FROM countries USING services",
            "MERGE INTO countries USING services s ON true WHEN MATCHED THEN DELETE",
            "MERGE INTO services USING countries s ON true WHEN MATCHED THEN DELETE",
            "COPY services TO STDOUT",
            "COPY (SELECT * FROM services) TO STDOUT",
            "TRUNCATE countries, services",
            "EXPLAIN SELECT * FROM services",
            "CREATE TABLE x AS SELECT * FROM services",
            "CREATE MATERIALIZED VIEW x AS SELECT * FROM services",
            "PREPARE p AS SELECT * FROM services",
            "DECLARE c CURSOR FOR SELECT * FROM services",
            "SELECT 1; SELECT 2; DELETE FROM services",
            "WITH services AS (SELECT * FROM services) SELECT * FROM services",
            "WITH services AS (SELECT 1) DELETE FROM services",
            "WITH services AS (SELECT 1) INSERT INTO services (name) SELECT 'a'",
            "WITH a AS (SELECT * FROM services), services AS (SELECT 1) SELECT * FROM a",
            "WITH x AS (DELETE FROM services RETURNING 1) SELECT * FROM x",
            "SELECT * FROM (WITH services AS (SELECT 1) SELECT 1) s, services",
            r#"SELECT * FROM "services""#,
        ] {
            assert_eq!(table(&registry(), text).as_deref(), Some("public.services"), "{text}");
        }
        assert_eq!(table(&moved_registry(), "SELECT * FROM auth.users").as_deref(), Some("identity.users"));
    }

    #[test]
    fn other_tables_and_the_schema_are_free() {
        for text in [
            "",
            "SELECT 1",
            "SELECT * FROM countries, jobs, pg_catalog.pg_class",
            "INSERT INTO countries VALUES ('IT', 'Italy')",
            "WITH services AS (SELECT 1) SELECT * FROM services",
            "WITH RECURSIVE services AS (SELECT 1 UNION ALL SELECT * FROM services) SELECT * FROM services",
            "WITH services AS (SELECT 1), x AS (SELECT * FROM services) SELECT * FROM x",
            "WITH services AS (SELECT 1) SELECT (SELECT count(*) FROM services)",
            "SELECT services.name FROM countries services FOR UPDATE OF services",
            "SELECT * FROM other.services",
            "SELECT 'services', \"SERVICES\".x FROM \"SERVICES\"",
            "ALTER TABLE services ADD COLUMN x int",
            "CREATE INDEX ON services (name)",
            "CREATE VIEW x AS SELECT * FROM services",
            "DROP TABLE services",
            "CREATE TABLE a (b int); CREATE TABLE c (d int)",
            "SET LOCAL work_mem = '1GB'",
            "SET TRANSACTION READ ONLY",
        ] {
            assert_eq!(table(&registry(), text), None, "{text}");
        }
        let deep = format!("SELECT {}1", "1+".repeat(20_000));
        assert_eq!(table(&registry(), &deep), None);
    }

    #[test]
    fn the_state_of_a_pooled_connection_is_kept() {
        let reason = |text| check(&registry(), text).map_err(|refusal| refusal.reason);
        for (text, name) in [
            ("SET work_mem = 1", "work_mem"),
            ("SET ROLE postgres", "role"),
            ("SET SESSION AUTHORIZATION postgres", "session_authorization"),
            ("SELECT 1; SET search_path = x", "search_path"),
            ("SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY", "transaction_mode"),
            ("RESET ALL", "ALL"),
        ] {
            assert_eq!(reason(text), Err(Reason::SessionSetting(name.to_owned())), "{text}");
        }
        for text in ["BEGIN", "COMMIT", "BEGIN; SELECT 1; COMMIT", "SAVEPOINT x"] {
            assert!(matches!(reason(text), Err(Reason::Unsupported(_))), "{text}");
        }
        assert!(matches!(reason("SELECT FROM WHERE"), Err(Reason::NotUnderstood(_))));
    }
}
