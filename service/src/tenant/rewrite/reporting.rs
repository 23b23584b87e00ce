//! The description of a refused statement that report-only mode sends unchanged.

use postgresql_cst_parser::syntax_kind::SyntaxKind as K;
use sha2::{Digest, Sha256};

use super::identifier::identifier;
use super::statement::{highest_placeholder, on_deep_stack, only_statement};
use super::tree::{Node, Tree};

/// A refused statement, without its values.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Described {
    /// The text without comments, with `?` for each literal and each list of literals.
    pub(crate) text: String,
    /// The first digits of the SHA-256 of the text.
    pub(crate) fingerprint: String,
}

/// Describes a statement that row-level security alone isolates. Returns `None` for any other.
///
/// It must be one `SELECT`, `INSERT`, `UPDATE`, `DELETE` or `MERGE`, must not create a table, and must not call
/// `set_config`: a role or a session must not change. Its placeholders are those of its values, because the tenant is
/// bound after them.
pub(crate) fn describe(text: &str, values: usize) -> Option<Described> {
    let described = on_deep_stack(text, || {
        let Ok(tree) = Tree::parse(text) else { return Ok(None) };
        let Ok(statement) = only_statement(tree.root()) else { return Ok(None) };
        let is_allowed = matches!(
            statement.kind(),
            K::SelectStmt | K::InsertStmt | K::UpdateStmt | K::DeleteStmt | K::MergeStmt
        );
        let is_complete = highest_placeholder(&tree) == values;
        if !is_allowed || !is_complete || statement.descendants().any(changes_session) {
            return Ok(None);
        }
        let text = without_values(&tree);
        let fingerprint = hex::encode(Sha256::digest(&text)).chars().take(FINGERPRINT).collect();
        Ok(Some(Described { text: shortened(text), fingerprint }))
    });
    described.ok().flatten()
}

/// The number of hexadecimal digits of a fingerprint.
const FINGERPRINT: usize = 16;

fn changes_session(node: Node<'_>) -> bool {
    match node.kind() {
        K::into_clause => true,
        K::IDENT => identifier(node).eq_ignore_ascii_case("set_config"),
        _ => false,
    }
}

fn without_values(tree: &Tree<'_>) -> String {
    let mut words: Vec<&str> = Vec::new();
    for token in tree.tokens() {
        match token.kind() {
            K::SCONST | K::ICONST | K::FCONST | K::BCONST | K::XCONST | K::PARAM => {
                // A list of any length has the same fingerprint.
                if words.ends_with(&["?", ","]) {
                    words.pop();
                } else {
                    words.push("?");
                }
            }
            _ => words.push(token.text()),
        }
    }
    words.join(" ")
}

fn shortened(mut text: String) -> String {
    /// The longest text that is logged, in bytes.
    const LONGEST: usize = 1_000;
    if text.len() > LONGEST {
        text.truncate(text.floor_char_boundary(LONGEST));
        text.push_str("..");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(sql: &str) -> Option<String> {
        describe(sql, 0).map(|described| described.text)
    }

    #[test]
    fn values_and_comments_are_left_out() {
        let sql = "SELECT 'secret', 12 FROM \"T\" -- secret\n WHERE a IN ($1, $2, 'x') AND b = 1.5";
        let one = describe(sql, 2).unwrap();
        assert_eq!((describe(sql, 0), describe(sql, 3)), (None, None));
        assert_eq!(one.text, "SELECT ? FROM \"T\" WHERE a IN ( ? ) AND b = ?");
        let other = describe("SELECT 'other' FROM \"T\" WHERE a IN (1) AND b = E'2'", 0).unwrap();
        assert_eq!((one.fingerprint.len(), one), (16, other));
        let long = format!("SELECT {}", "é, ".repeat(2_000).trim_end_matches(", "));
        assert!(text(&long).unwrap().len() <= 1_002);
    }

    #[test]
    fn what_changes_the_session_or_the_schema_is_not_described() {
        for sql in [
            "SELECT * INTO x FROM services",
            "SELECT set_config('role', 'x', false)",
            "SELECT pg_catalog.\"set_config\"('role', 'x', false)",
            "SELECT SET_CONFIG('role', 'x', false)",
            "UPDATE services SET name = set_config('role', 'x', true)",
            "SET ROLE x",
            "SET LOCAL work_mem = 1",
            "DO $$ BEGIN END $$",
            "COPY services TO PROGRAM 'x'",
            "SELECT 1; SELECT 2",
            "BEGIN",
            "EXPLAIN SELECT 1",
            "TRUNCATE services",
            "CALL f()",
            "CREATE TABLE x AS SELECT 1",
            "PREPARE p AS SELECT 1",
            "EXECUTE p",
            "",
            "SELECT U&'x'",
        ] {
            assert_eq!(text(sql), None, "{sql}");
        }
        for sql in [
            "SELECT 1",
            "VALUES (1)",
            "TABLE x",
            "WITH x AS (DELETE FROM y RETURNING 1) SELECT * FROM x",
            "INSERT INTO x SELECT * FROM y",
            "MERGE INTO x USING y ON true WHEN MATCHED THEN DELETE",
        ] {
            assert!(text(sql).is_some(), "{sql}");
        }
    }
}
