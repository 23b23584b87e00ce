//! PostgreSQL's own parser as the judge of the rewriter: it parses the text and the rewritten text, and each tenant
//! table in its tree has to be under the tenant's condition.

pub mod mutate;
pub mod repeated;
mod tree;

use std::collections::BTreeSet;

use watertight::{Reason, Refusal, Rewriter};

pub use self::tree::{Parsed, parse};

/// The verdict on a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Seen {
    /// The rewriter refused the text.
    Refused,
    /// PostgreSQL parses neither the text nor the rewritten text.
    Unparsed,
    /// Every table of the rewritten text is guarded.
    Guarded {
        /// The number of tables.
        tables: usize,
    },
}

/// Rewrites a text with as many values as it has placeholders, and judges the result.
///
/// # Errors
/// A description of the fault in the rewritten text.
pub fn check(rewriter: &Rewriter, shared: &BTreeSet<String>, text: &str) -> Result<Seen, String> {
    let values = match rewriter.rewrite(text, 0) {
        Err(Refusal { reason: Reason::Placeholder { placeholder, .. }, .. }) if placeholder < 60_000 => {
            placeholder
        }
        _ => 0,
    };
    let Ok(sql) = rewriter.rewrite(text, values) else {
        return Ok(Seen::Refused);
    };
    let fault = |problem: &str| format!("{problem}\n{text}\n{sql}");
    match (parse(text), parse(&sql)) {
        (Err(_), Err(_)) => Ok(Seen::Unparsed),
        (Ok(_), Err(error)) => Err(fault(&format!("the rewritten text is no statement: {error}"))),
        (Err(error), Ok(_)) => Err(fault(&format!("only the rewritten text is a statement: {error}"))),
        (Ok(original), Ok(rewritten)) => {
            if original.statements != 1 || rewritten.statements != 1 {
                return Err(fault("another number of statements than one"));
            }
            let (before, after) = (original.names(), rewritten.names());
            if before != after {
                return Err(fault(&format!("tables {before:?} became {after:?}")));
            }
            let placeholder = values + 1;
            match rewritten.unguarded(placeholder, shared) {
                Some(table) => Err(fault(&format!("{table} is not guarded"))),
                None => Ok(Seen::Guarded { tables: after.len() }),
            }
        }
    }
}
