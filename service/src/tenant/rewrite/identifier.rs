//! Identifiers and dotted names as PostgreSQL reads them.

use postgresql_cst_parser::syntax_kind::SyntaxKind;

use super::tree::Node;
use super::{Walk, unhandled};

/// The maximum length of an identifier (`NAMEDATALEN - 1`). PostgreSQL truncates longer ones.
const LONGEST: usize = 63;

/// An identifier as PostgreSQL stores it: in lower case unless it is quoted, and truncated to 63 bytes.
pub(super) fn identifier(node: Node<'_>) -> String {
    let text = node.text();
    let mut name = match text.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')) {
        Some(quoted) => quoted.replace("\"\"", "\""),
        None => text.to_ascii_lowercase(),
    };
    name.truncate(name.floor_char_boundary(LONGEST));
    name
}

/// The parts of a dotted name without subscripts, such as `qualified_name`, `func_name` or `any_name`.
pub(super) fn parts(node: Node<'_>) -> Walk<Vec<Node<'_>>> {
    let mut parts = Vec::with_capacity(2);
    collect(node, &mut parts)?;
    Ok(parts)
}

fn collect<'t>(node: Node<'t>, parts: &mut Vec<Node<'t>>) -> Walk {
    for child in node.children() {
        match child.kind() {
            SyntaxKind::ColId
            | SyntaxKind::ColLabel
            | SyntaxKind::type_function_name
            | SyntaxKind::IDENT
            | SyntaxKind::unreserved_keyword
            | SyntaxKind::type_func_name_keyword
            | SyntaxKind::col_name_keyword => parts.push(child),
            SyntaxKind::indirection
            | SyntaxKind::indirection_el
            | SyntaxKind::attr_name
            | SyntaxKind::attrs => {
                collect(child, parts)?;
            }
            SyntaxKind::Dot => {}
            _ => return unhandled(child),
        }
    }
    Ok(())
}
