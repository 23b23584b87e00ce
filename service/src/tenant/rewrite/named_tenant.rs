//! Tenants that a statement names for the rows that it writes.

use postgresql_cst_parser::syntax_kind::SyntaxKind as K;

use super::super::refusal::Reason;
use super::super::registry::TableName;
use super::Walk;
use super::analysis::Analysis;
use super::plan::NamedTenant;
use super::scope::Value;
use super::tree::Node;

impl Analysis<'_> {
    /// Records a tenant that the statement names for a row. It is compared with the connection's tenant at
    /// each run.
    pub(super) fn name_tenant(&mut self, expression: Node<'_>, value: Value, table: &TableName) -> Walk {
        if value.own_tenant {
            return Ok(());
        }
        if is_default(expression) {
            self.edits.replace(expression.start(), expression.end(), self.tenant.clone());
            return Ok(());
        }
        match named_tenant(expression) {
            Some(named) => {
                if !self.named.contains(&named) {
                    self.named.push(named);
                }
                Ok(())
            }
            None => Err(Reason::TenantExpression(table.to_string())),
        }
    }
}

/// Whether an expression is `DEFAULT`.
pub(super) fn is_default(node: Node<'_>) -> bool {
    node.only_child().is_some_and(|child| child.kind() == K::DEFAULT)
}

/// The tenant in an expression that is a bound value or a plain string, with or without a cast to uuid.
fn named_tenant(node: Node<'_>) -> Option<NamedTenant> {
    let children: Vec<Node<'_>> = node.children().collect();
    match &children[..] {
        [token] if token.kind() == K::PARAM => {
            placeholder(token.text())?.checked_sub(1).map(NamedTenant::Parameter)
        }
        [token] if token.kind() == K::SCONST => plain_string(token.text()).map(NamedTenant::Literal),
        [only] if !only.is_token() => named_tenant(*only),
        [open, inner, close] if (open.kind(), close.kind()) == (K::LParen, K::RParen) => named_tenant(*inner),
        [inner, cast, kind] if cast.kind() == K::TYPECAST && is_uuid(*kind) => named_tenant(*inner),
        [cast, _, inner, _, kind, _] if cast.kind() == K::CAST && is_uuid(*kind) => named_tenant(*inner),
        _ => None,
    }
}

fn is_uuid(kind: Node<'_>) -> bool {
    kind.kind() == K::Typename && kind.text().eq_ignore_ascii_case("uuid")
}

/// The content of a simple string literal without escapes.
fn plain_string(text: &str) -> Option<String> {
    let inner = text.strip_prefix('\'')?.strip_suffix('\'')?;
    (!inner.contains(['\'', '\\'])).then(|| inner.to_owned())
}

/// The number of a placeholder, `$n`.
pub(super) fn placeholder(text: &str) -> Option<usize> {
    text.strip_prefix('$')?.parse().ok().filter(|number| *number > 0)
}
