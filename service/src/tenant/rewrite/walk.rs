//! The result of a step of the walk, and the refusal of unhandled parts.

use super::super::refusal::Reason;
use super::tree::Node;

/// The result of a step of the walk.
pub(super) type Walk<T = ()> = Result<T, Reason>;

/// Refuses a part of a statement that the walk does not handle.
pub(super) fn unhandled<T>(node: Node<'_>) -> Walk<T> {
    let production = format!("{:?}", node.kind());
    unsupported(format!("`{}` ({production})", excerpt(node)))
}

pub(super) fn unsupported<T>(what: impl Into<std::borrow::Cow<'static, str>>) -> Walk<T> {
    Err(Reason::Unsupported(what.into()))
}

/// The beginning of a part of the statement, for a message.
pub(super) fn excerpt(node: Node<'_>) -> String {
    const LONGEST: usize = 60;
    let text = node.text();
    match text.get(..text.floor_char_boundary(LONGEST)) {
        Some(beginning) if beginning.len() < text.len() => format!("{beginning}.."),
        _ => text.to_owned(),
    }
}
