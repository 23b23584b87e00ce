//! Conditions on values that the application can read. PostgreSQL's types have values that the types of Rust lack.

use sea_orm_migration::prelude::*;

use watertight_schema::sql;

use crate::TenantTable;

/// The first day that is too late. The operations accept years up to 9999; the sum of such a time and a duration is later.
const TOO_LATE: &str = "20000-01-01";

/// More levels are more than a parser of JSON follows.
const JSON_LEVELS: u32 = 100;

/// White space and control characters as Rust has them, independent of the database's locale.
macro_rules! gaps {
    () => {
        r"\u0001-\u0020\u007f-\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000"
    };
}

/// A regular expression of a character that no word contains.
pub(crate) const GAP: &str = concat!("[", gaps!(), "]");

/// A regular expression of a character of a word.
const OF_A_WORD: &str = concat!("[^", gaps!(), "]");

/// The columns of a table whose values are limited to those that the application can read, each with the condition.
pub(crate) fn conditions(table: &TenantTable) -> Vec<(String, String)> {
    let conditions = table.all_columns().into_iter().filter_map(|column| {
        let name = column.get_column_name();
        let by_type = of_type(&sql::identifier(&name), column.get_column_type()?);
        let by_shape = of_shape(table.name(), &name);
        let all: Vec<String> = by_type.into_iter().chain(by_shape).collect();
        (!all.is_empty()).then(|| (name, all.join(" AND ")))
    });
    conditions.collect()
}

/// The condition on the values of a type, true or null if the application can read the value.
pub(crate) fn of_type(column: &str, of: &ColumnType) -> Option<String> {
    match of {
        ColumnType::TimestampWithTimeZone => {
            Some(format!("{column} > '-infinity' AND {column} < '{TOO_LATE} 00:00:00+00'"))
        }
        ColumnType::Date => Some(format!("{column} > '-infinity' AND {column} < '{TOO_LATE}'")),
        ColumnType::JsonBinary => Some(format!(
            "NOT jsonb_path_exists({column}, '$.**{{{JSON_LEVELS}}}') AND NOT jsonb_path_exists({column}, \
             '$.** ? (@.type() == \"number\" && (@ > 1.7976931348623157e308 || @ < -1.7976931348623157e308))')"
        )),
        // The position of a null is asked of arrays of one dimension only: PostgreSQL refuses others.
        ColumnType::Array(_) => Some(format!(
            "CASE WHEN array_ndims({column}) = 1 THEN array_lower({column}, 1) = 1 AND \
             array_position({column}, NULL) IS NULL ELSE array_ndims({column}) IS NULL END"
        )),
        _ => None,
    }
}

/// The condition on the form of a column that is read as a structure or as a word.
fn of_shape(table: &str, column: &str) -> Option<String> {
    let text_or_null =
        |field: &str| format!("(!exists($.{field}) || $.{field} == null || $.{field}.type() == \"string\")");
    let object = |rules: &[String]| {
        format!("({column} IS NULL OR coalesce({column} @@ '{}', FALSE))", rules.join(" && "))
    };
    let text = |field: &str| format!("$.{field}.type() == \"string\"");
    match (table, column) {
        ("users" | "invitations", "role") => Some(format!("{column} ~ '^{OF_A_WORD}+$'")),
        ("audit_events", "type") => Some(format!("\"{column}\" ~ '^{OF_A_WORD}+$'")),
        ("users", "permissions") => {
            Some(format!("NOT jsonb_path_exists({column}, 'strict $[*] ? (@.type() != \"string\")')"))
        }
        ("sessions", "user_data") => Some(object(&[
            text("id"),
            "$.id like_regex \"^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$\"".to_owned(),
            text("username"),
            text("name"),
            text("role"),
            format!("$.role like_regex \"^{OF_A_WORD}{{1,32}}$\""),
            "(!exists($.needsOnboarding) || $.needsOnboarding == null || $.needsOnboarding.type() == \"boolean\")"
                .to_owned(),
            "(!exists($.onboardingStep) || $.onboardingStep == null || $.onboardingStep.type() == \"number\")"
                .to_owned(),
        ]) + &format!(
            " AND CASE WHEN coalesce({column} ->> 'onboardingStep', '0') ~ '^-?[0-9]{{1,10}}$' THEN \
             coalesce({column} ->> 'onboardingStep', '0')::bigint BETWEEN -2147483648 AND 2147483647 ELSE FALSE END"
        )),
        ("sessions", "geo_location") => Some(object(&[text("country"), text_or_null("city")])),
        ("invitations", "metadata") => Some(object(&[
            text("inviterHandle"),
            text_or_null("inviterDisplayName"),
            text_or_null("message"),
            text_or_null("customInstructions"),
        ])),
        ("backup_codes", "codes") => Some(format!(
            "NOT jsonb_path_exists({column}, 'strict $[*] ? (@.type() != \"object\")') AND NOT \
             jsonb_path_exists({column}, '$[*] ? (!(@.id.type() == \"string\" && @.hash.type() == \"string\" && \
             @.used.type() == \"boolean\" && (!exists(@.usedAt) || @.usedAt == null || @.usedAt.type() == \"string\")))')"
        )),
        _ => None,
    }
}
