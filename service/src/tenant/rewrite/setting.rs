//! Settings of a transaction: `SET LOCAL`, `SET CONSTRAINTS`, `RESET` and `SHOW`.
//!
//! A closed list of settings can be changed. They decide how much time and memory statements take, which plans the
//! planner prefers, and how the server prints values. Guards and policies hold for every plan and every format. A
//! setting that decides which rows a statement reaches, or how the server reads a statement, is refused.

use postgresql_cst_parser::syntax_kind::SyntaxKind as K;

use super::super::refusal::Reason;
use super::edits::Edits;
use super::identifier::identifier;
use super::setting_names::{READABLE, SETTABLE, because};
use super::tree::Node;
use super::{Walk, unhandled, unsupported};

/// The use of settings by a statement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SettingUse {
    /// The statement changes a setting until the end of the transaction.
    Changes,
    /// The statement returns the value of a setting.
    Shows,
}

/// Checks a statement about settings, or returns `None` for any other statement.
pub(super) fn check(statement: Node<'_>, edits: &mut Edits) -> Walk<Option<SettingUse>> {
    // The parser accepts a placeholder as a value, the server does not.
    let has_placeholder = || statement.descendants().any(|node| node.kind() == K::PARAM);
    match statement.kind() {
        K::VariableSetStmt if has_placeholder() => {
            return unsupported("a bound value in SET, where the server accepts literals only");
        }
        K::VariableSetStmt => set(statement)?,
        K::VariableResetStmt => reset(statement, edits)?,
        K::ConstraintsSetStmt => constraints(statement)?,
        K::VariableShowStmt => {
            show(statement)?;
            return Ok(Some(SettingUse::Shows));
        }
        _ => return Ok(None),
    }
    Ok(Some(SettingUse::Changes))
}

/// `SET LOCAL ..`, whose values are always literals. A plain `SET` outlives the transaction.
fn set(statement: Node<'_>) -> Walk {
    let mut local = false;
    for child in statement.children() {
        match child.kind() {
            K::SET | K::SESSION => {}
            K::LOCAL => local = true,
            K::set_rest => {
                let name = target(child)?;
                require_settable(&name)?;
                if !local {
                    return Err(Reason::SessionSetting(name));
                }
            }
            _ => return unhandled(child),
        }
    }
    Ok(())
}

/// The setting that a `SET` or `RESET` changes beyond the end of the transaction.
pub(super) fn outlives_transaction(statement: Node<'_>) -> Option<String> {
    if statement.has(K::LOCAL) {
        return None;
    }
    let Some(rest) = statement.child(K::set_rest) else {
        let name = statement.descendants().find(|node| node.kind() == K::var_name);
        return Some(name.and_then(|name| setting_name(name).ok()).unwrap_or_else(|| "ALL".to_owned()));
    };
    // `SET TRANSACTION` ends with the transaction, `SET SESSION CHARACTERISTICS` does not.
    if rest.has(K::TRANSACTION) && !rest.has(K::CHARACTERISTICS) {
        return None;
    }
    Some(target(rest).unwrap_or_else(|_| "of a session".to_owned()))
}

/// The setting that a `set_rest` or a `set_rest_more` changes.
fn target(rest: Node<'_>) -> Walk<String> {
    let children: Vec<Node<'_>> = rest.children().collect();
    let kinds: Vec<K> = children.iter().map(|child| child.kind()).collect();
    match (&kinds[..], &children[..]) {
        ([K::set_rest_more], [more]) => target(*more),
        ([K::generic_set], [generic]) => generic_target(*generic),
        ([K::TIME, K::ZONE, K::zone_value], _) => Ok("timezone".to_owned()),
        ([K::TRANSACTION, ..] | [K::SESSION, K::CHARACTERISTICS, ..], _) => Ok("transaction_mode".to_owned()),
        ([K::SESSION, K::AUTHORIZATION, ..], _) => Ok("session_authorization".to_owned()),
        ([K::ROLE, ..], _) => Ok("role".to_owned()),
        ([K::SCHEMA, ..], _) => Ok("search_path".to_owned()),
        ([K::NAMES, ..], _) => Ok("client_encoding".to_owned()),
        ([K::XML_P, ..], _) => Ok("xmloption".to_owned()),
        _ => unhandled(rest),
    }
}

/// The setting of `name = value`, `name TO value` or `name TO DEFAULT`.
fn generic_target(generic: Node<'_>) -> Walk<String> {
    let mut name = None;
    for child in generic.children() {
        match child.kind() {
            K::var_name => name = Some(setting_name(child)?),
            K::Equals | K::TO | K::DEFAULT | K::var_list => {}
            _ => return unhandled(child),
        }
    }
    name.map_or_else(|| unhandled(generic), Ok)
}

/// `RESET name` changes the session, so it is sent as `SET LOCAL name TO DEFAULT`.
fn reset(statement: Node<'_>, edits: &mut Edits) -> Walk {
    for child in statement.children() {
        match child.kind() {
            K::RESET => edits.replace(child.start(), child.end(), "SET LOCAL"),
            K::reset_rest => {
                let children: Vec<Node<'_>> = child.children().collect();
                let kinds: Vec<K> = children.iter().map(|child| child.kind()).collect();
                match (&kinds[..], &children[..]) {
                    ([K::TIME, K::ZONE], _) => edits.insert(child.end(), " DEFAULT"),
                    ([K::generic_reset], [generic]) => {
                        let Some(name) = generic.child(K::var_name) else {
                            return Err(Reason::StatementKind);
                        };
                        require_settable(&setting_name(name)?)?;
                        edits.insert(child.end(), " TO DEFAULT");
                    }
                    ([K::TRANSACTION, ..], _) => require_settable("transaction_mode")?,
                    ([K::SESSION, ..], _) => require_settable("session_authorization")?,
                    _ => return unhandled(child),
                }
            }
            _ => return unhandled(child),
        }
    }
    Ok(())
}

/// `SET CONSTRAINTS ALL | names DEFERRED | IMMEDIATE`, which ends with the transaction.
fn constraints(statement: Node<'_>) -> Walk {
    for child in statement.children() {
        match child.kind() {
            K::SET | K::CONSTRAINTS | K::constraints_set_list | K::constraints_set_mode => {}
            _ => return unhandled(child),
        }
    }
    Ok(())
}

/// `SHOW name`.
fn show(statement: Node<'_>) -> Walk {
    let children: Vec<Node<'_>> = statement.children().collect();
    let kinds: Vec<K> = children.iter().map(|child| child.kind()).collect();
    match (&kinds[..], &children[..]) {
        ([K::SHOW, K::TIME, K::ZONE] | [K::SHOW, K::TRANSACTION, K::ISOLATION, K::LEVEL], _) => Ok(()),
        ([K::SHOW, K::var_name], [_, name]) => {
            let name = setting_name(*name)?;
            if is_settable(&name) || READABLE.binary_search(&name.as_str()).is_ok() {
                return Ok(());
            }
            unsupported(format!("SHOW {name}"))
        }
        _ => unsupported("this form of SHOW"),
    }
}

/// The name of a setting, whose letters have no case even in quotes.
fn setting_name(node: Node<'_>) -> Walk<String> {
    let mut name = String::new();
    for child in node.children() {
        match child.kind() {
            K::var_name => name.push_str(&setting_name(child)?),
            K::Dot => name.push('.'),
            K::ColId => name.push_str(&identifier(child).to_ascii_lowercase()),
            _ => return unhandled(child),
        }
    }
    Ok(name)
}

fn is_settable(name: &str) -> bool {
    SETTABLE.binary_search(&name).is_ok()
}

fn require_settable(name: &str) -> Walk {
    if is_settable(name) {
        return Ok(());
    }
    Err(Reason::Setting { name: name.to_owned(), because: because(name).into() })
}
