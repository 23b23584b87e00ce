//! The check of statements that read the rows of all tenants.

use std::sync::Arc;

use postgresql_cst_parser::syntax_kind::SyntaxKind as K;
use watertight_schema::sql;

use super::super::refusal::{Reason, Refusal, StatementKind};
use super::super::registry::Registry;
use super::Walk;
use super::edits::Edits;
use super::identifier::identifier;
use super::named_tables::named_tables;
use super::statement::{escape_backslashes, kind_of, on_deep_stack, only_statement};
use super::tree::{Node, Tree};
use super::unsupported;

/// Checks that a text is one `SELECT` that changes nothing, and writes the schemas of registered tables.
pub(super) fn check(registry: &Registry, text: &str) -> Result<Arc<str>, Refusal> {
    on_deep_stack(text, || {
        let unknown = |reason| Refusal::new(StatementKind::Unknown, reason);
        let tree = Tree::parse(text).map_err(unknown)?;
        let statement = only_statement(tree.root()).map_err(unknown)?;
        let checked = check_one(registry, &tree, statement);
        checked.map_err(|reason| Refusal::new(kind_of(statement), reason))
    })
}

fn check_one(registry: &Registry, tree: &Tree<'_>, statement: Node<'_>) -> Walk<Arc<str>> {
    if statement.kind() != K::SelectStmt {
        return Err(Reason::SelectOnly);
    }
    for node in statement.descendants() {
        match node.kind() {
            K::InsertStmt
            | K::UpdateStmt
            | K::DeleteStmt
            | K::MergeStmt
            | K::into_clause
            | K::for_locking_clause => return Err(Reason::SelectOnly),
            K::IDENT if identifier(node).eq_ignore_ascii_case("set_config") => {
                return unsupported("set_config");
            }
            _ => {}
        }
    }
    let mut edits = Edits::default();
    for named in named_tables(statement, registry)? {
        if registry.ownership(&named.table).is_none() {
            continue;
        }
        let schema = sql::identifier(&named.table.schema);
        match named.schema {
            None => edits.insert(named.start, format!("{schema}.")),
            Some(stated) if identifier(stated) != named.table.schema => {
                edits.replace(stated.start(), stated.end(), schema);
            }
            Some(_) => {}
        }
    }
    escape_backslashes(tree, &mut edits)?;
    Ok(edits.apply(tree.text())?.into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tenant::registry::tests::{moved_registry, registry};

    #[test]
    fn one_select_is_sent_with_the_schemas_of_registered_tables() {
        for (text, sent) in [
            ("SELECT 1", "SELECT 1"),
            (
                "SELECT tenant_id, count(*) FROM services GROUP BY 1",
                r#"SELECT tenant_id, count(*) FROM "public".services GROUP BY 1"#,
            ),
            ("TABLE services", r#"TABLE "public".services"#),
            ("SELECT * FROM other", "SELECT * FROM other"),
            (
                "WITH services AS (SELECT * FROM services) SELECT * FROM services s, ONLY clients",
                r#"WITH services AS (SELECT * FROM "public".services) SELECT * FROM services s, ONLY "public".clients"#,
            ),
        ] {
            assert_eq!(check(&registry(), text).as_deref(), Ok(sent));
        }
        assert_eq!(
            check(&moved_registry(), "SELECT * FROM auth.users u JOIN bookings ON true").as_deref(),
            Ok(r#"SELECT * FROM "identity".users u JOIN "Studio 1".bookings ON true"#)
        );
    }

    #[test]
    fn everything_else_is_refused() {
        let reason = |text| check(&registry(), text).map_err(|refusal| refusal.reason);
        for text in [
            "INSERT INTO services (name) VALUES ('a')",
            "UPDATE services SET name = 'a'",
            "DELETE FROM services",
            "MERGE INTO services USING clients ON true WHEN MATCHED THEN DELETE",
            "WITH gone AS (DELETE FROM services RETURNING 1) SELECT * FROM gone",
            "SELECT (SELECT 1 FROM services FOR UPDATE)",
            "SELECT * FROM services FOR SHARE",
            "SELECT * INTO copy FROM services",
            "CREATE TABLE copy AS SELECT * FROM services",
            "COPY services TO STDOUT",
            "EXPLAIN ANALYZE DELETE FROM services",
            "SET TRANSACTION READ WRITE",
            "SET LOCAL transaction_read_only = off",
            "COMMIT",
            "DO $$ BEGIN END $$",
            "CALL f()",
            "TRUNCATE services",
        ] {
            assert_eq!(reason(text), Err(Reason::SelectOnly), "{text}");
        }
        assert_eq!(reason("SELECT 1; DELETE FROM services"), Err(Reason::StatementCount(2)));
        let unread = "SELECT pg_catalog.\"set_config\"('transaction_read_only', 'off', true)";
        assert!(matches!(reason(unread), Err(Reason::Unsupported(_))));
        assert!(matches!(reason("SELECT FROM WHERE"), Err(Reason::NotUnderstood(_))));
    }
}
