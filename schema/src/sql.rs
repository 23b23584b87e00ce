//! Identifiers and strings as PostgreSQL reads them.

/// An identifier in double quotes: PostgreSQL reads exactly this name.
///
/// ```
/// assert_eq!(watertight_schema::sql::identifier(r#"odd"name"#), r#""odd""name""#);
/// ```
#[must_use]
pub fn identifier(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// A schema and a name, each in double quotes.
///
/// ```
/// assert_eq!(watertight_schema::sql::qualified("auth", "users"), r#""auth"."users""#);
/// ```
#[must_use]
pub fn qualified(schema: &str, name: &str) -> String {
    format!("{}.{}", identifier(schema), identifier(name))
}

/// Splits `name` or `schema.name` at the first dot.
///
/// ```
/// assert_eq!(watertight_schema::sql::split("billing.orders"), (Some("billing"), "orders"));
/// assert_eq!(watertight_schema::sql::split("orders"), (None, "orders"));
/// ```
#[must_use]
pub fn split(name: &str) -> (Option<&str>, &str) {
    match name.split_once('.') {
        Some((schema, name)) => (Some(schema), name),
        None => (None, name),
    }
}

/// A string literal. Backslashes are kept whether or not `standard_conforming_strings` is on.
///
/// ```
/// use watertight_schema::sql::literal;
///
/// assert_eq!(literal("it's"), "'it''s'");
/// assert_eq!(literal(r"a\b"), r"E'a\\b'");
/// ```
#[must_use]
pub fn literal(text: &str) -> String {
    let quoted = text.replace('\'', "''");
    if quoted.contains('\\') { format!("E'{}'", quoted.replace('\\', "\\\\")) } else { format!("'{quoted}'") }
}
