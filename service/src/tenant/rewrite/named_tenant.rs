//! Tenants that a statement names for the rows that it writes.

use postgresql_cst_parser::syntax_kind::SyntaxKind as K;

use super::super::refusal::Reason;
use super::super::registry::TableName;
use super::Walk;
use super::analysis::Analysis;
use super::plan::NamedTenant;
use super::scope::Value;
use super::tree::Node;
use watertight_schema::TenantType;

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
        match named_tenant(expression, self.registry.tenant_type()) {
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

/// The tenant in an expression that is a bound value, a plain string or a number, with or without a cast to the tenant's type.
fn named_tenant(node: Node<'_>, tenant_type: TenantType) -> Option<NamedTenant> {
    let children: Vec<Node<'_>> = node.children().collect();
    let within = |inner: &Node<'_>| named_tenant(*inner, tenant_type);
    let casts = |kind: &Node<'_>| is_type(*kind, tenant_type);
    match &children[..] {
        [token] if token.kind() == K::PARAM => {
            placeholder(token.text())?.checked_sub(1).map(NamedTenant::Parameter)
        }
        [token] if token.kind() == K::SCONST => plain_string(token.text()).map(NamedTenant::Literal),
        [token] if token.kind() == K::ICONST && tenant_type != TenantType::Uuid => {
            Some(NamedTenant::Literal(token.text().to_owned()))
        }
        [only] if !only.is_token() => within(only),
        [open, inner, close] if (open.kind(), close.kind()) == (K::LParen, K::RParen) => within(inner),
        [inner, cast, kind] if cast.kind() == K::TYPECAST && casts(kind) => within(inner),
        [cast, _, inner, _, kind, _] if cast.kind() == K::CAST && casts(kind) => within(inner),
        _ => None,
    }
}

/// Whether a type in a cast is the tenant's. `varchar` is only accepted without a length, which could cut the text off.
fn is_type(kind: Node<'_>, tenant_type: TenantType) -> bool {
    let names: &[&str] = match tenant_type {
        TenantType::BigInt => &["bigint", "int8"],
        TenantType::Integer => &["integer", "int", "int4"],
        TenantType::Text => &["text", "varchar"],
        _ => &["uuid"],
    };
    kind.kind() == K::Typename && names.iter().any(|name| kind.text().eq_ignore_ascii_case(name))
}

/// The content of a simple string literal without backslashes. A quote within it is doubled.
fn plain_string(text: &str) -> Option<String> {
    let inner = text.strip_prefix('\'')?.strip_suffix('\'')?;
    (!inner.contains('\\')).then(|| inner.replace("''", "'"))
}

/// The number of a placeholder, `$n`.
pub(super) fn placeholder(text: &str) -> Option<usize> {
    text.strip_prefix('$')?.parse().ok().filter(|number| *number > 0)
}
