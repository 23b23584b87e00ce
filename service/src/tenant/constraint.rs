//! The constraint that a statement violated.

use sea_orm::DbErr;

use super::driver::of_statement;

/// The name of the violated constraint.
///
/// The constraint of a partition or of a shard has a suffix. It is removed by comparison with the name of the
/// table.
pub(crate) fn constraint(error: &DbErr) -> Option<&str> {
    let error = of_statement(error)?.as_database_error()?;
    let constraint = error.constraint()?;
    Some(error.table().map_or(constraint, |table| without_part(constraint, table)))
}

/// Removes the suffix of a partition, `_p` and a number, or of a shard, `_` and its ID.
fn without_part<'a>(constraint: &'a str, table: &str) -> &'a str {
    let digits = table.bytes().rev().take_while(u8::is_ascii_digit).count();
    let (name, number) = table.split_at(table.len() - digits);
    let name = name.strip_suffix("_p").or_else(|| name.strip_suffix('_')).unwrap_or(table);
    let of_part = table.strip_prefix(name).filter(|_| !number.is_empty()).unwrap_or_default();
    constraint.strip_suffix(of_part).unwrap_or(constraint)
}

#[cfg(test)]
mod tests {
    use super::without_part;

    #[test]
    fn a_parts_constraint_is_the_tables() {
        for (constraint, table, is) in [
            ("bookings_overlap_excl_p7", "bookings_p7", "bookings_overlap_excl"),
            ("bookings_idempotency_key_key_p12", "bookings_p12", "bookings_idempotency_key_key"),
            ("sessions_user_id_fkey", "sessions_p12", "sessions_user_id_fkey"),
            ("users_email_key", "users", "users_email_key"),
            ("users_email_key_102066", "users_102066", "users_email_key"),
            ("sessions_user_id_fkey_102080", "sessions_102080", "sessions_user_id_fkey"),
            ("at_p1", "at_p2", "at_p1"),
            ("keep_p1", "keep", "keep_p1"),
            ("x_p", "x_p", "x_p"),
        ] {
            assert_eq!(without_part(constraint, table), is);
        }
    }
}
