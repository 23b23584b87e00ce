//! Operators, which must be built in or declared. No other operator of the same name can be called.

use postgresql_cst_parser::syntax_kind::SyntaxKind as K;

use super::super::refusal::Reason;
use super::analysis::Analysis;
use super::identifier::identifier;
use super::tree::Node;
use super::walk::excerpt;
use super::{Walk, unhandled};

/// The names of all operators of PostgreSQL 15 to 18 (`pg_operator`).
const BUILT_IN: &[&str] = &[
    "!!", "!~", "!~*", "!~~", "!~~*", "#", "##", "#-", "#>", "#>>", "%", "&", "&&", "&<", "&<|", "&>", "*",
    "*<", "*<=", "*<>", "*=", "*>", "*>=", "+", "-", "->", "->>", "-|-", "/", "<", "<->", "<<", "<<=", "<<|",
    "<=", "<>", "<@", "<^", "=", ">", ">=", ">>", ">>=", ">^", "?", "?#", "?&", "?-", "?-|", "?|", "?||",
    "@", "@-@", "@>", "@?", "@@", "@@@", "^", "^@", "|", "|&>", "|/", "|>>", "||", "||/", "~", "~*", "~<=~",
    "~<~", "~=", "~>=~", "~>~", "~~", "~~*",
];

/// Whether a built-in operator has this name.
pub(crate) fn is_built_in(name: &str) -> bool {
    BUILT_IN.contains(&name)
}

impl Analysis<'_> {
    /// Checks an operator that PostgreSQL looks up by its name without a schema.
    pub(super) fn operator(&mut self, name: &str, node: Node<'_>) -> Walk {
        if self.registry.declares_operator(name) {
            return Ok(());
        }
        if !is_built_in(name) {
            return Err(Reason::UnknownOperator(name.to_owned()));
        }
        if self.snapshot.has_operator(name) {
            return Err(Reason::ShadowedOperator { operator: name.to_owned(), used: excerpt(node) });
        }
        Ok(())
    }

    /// Walks `qual_Op`, `subquery_Op` or `qual_all_Op`: an operator, or `OPERATOR()` with a schema.
    pub(super) fn named_operator(&mut self, node: Node<'_>) -> Walk {
        let children: Vec<Node<'_>> = node.children().collect();
        match &children[..] {
            [only] if only.is_token() && only.kind() != K::Op => match only.kind() {
                K::LIKE => self.operator("~~", *only),
                K::ILIKE => self.operator("~~*", *only),
                _ => self.operator(operator_text(*only), *only),
            },
            [only] => self.operator(operator_text(*only), *only),
            [not, like] if not.kind() == K::NOT_LA => match like.kind() {
                K::LIKE => self.operator("!~~", *like),
                K::ILIKE => self.operator("!~~*", *like),
                _ => unhandled(*like),
            },
            [operator, _, name, _] if operator.kind() == K::OPERATOR => {
                let text = name.text().chars().filter(|c| !c.is_ascii_whitespace()).collect::<String>();
                if self.registry.declares_operator(&text.to_ascii_lowercase()) {
                    return Ok(());
                }
                match name.children().collect::<Vec<_>>()[..] {
                    [schema, dot, operator]
                        if dot.kind() == K::Dot
                            && identifier(schema) == "pg_catalog"
                            && is_built_in(operator.text()) =>
                    {
                        Ok(())
                    }
                    [operator] => self.operator(operator.text(), operator),
                    _ => Err(Reason::UnknownOperator(text)),
                }
            }
            _ => unhandled(node),
        }
    }
}

fn operator_text(node: Node<'_>) -> &str {
    // PostgreSQL stores `!=` as `<>`.
    if node.text() == "!=" { "<>" } else { node.text() }
}
