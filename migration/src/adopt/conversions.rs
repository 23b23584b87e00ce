//! Conversions of values that are not copied unchanged.

use watertight_schema::sql;

use super::Adoption;
use super::catalog::Found;
use super::original::Context;
use crate::readable::GAP;

/// The conversion that computes a new column's value from the original's row.
pub(super) struct Conversion {
    /// The original's columns that it reads.
    pub(super) reads: &'static [&'static str],
    /// Returns the SQL for the column of a name.
    pub(super) sql: fn(&Context, &str) -> String,
    /// True if the original lacks the column.
    pub(super) new: bool,
    /// True if the original stores the column as text, and the new table has another type.
    pub(super) any_text: bool,
}

/// The conversion of a column; `None` for a column that is copied unchanged.
pub(super) fn of(table: &str, column: &str) -> Option<Conversion> {
    let made = |reads, sql| Some(Conversion { reads, sql, new: false, any_text: false });
    let new = |sql| Some(Conversion { reads: &[], sql, new: true, any_text: false });
    match (table, column) {
        (_, "handle") if lowered(table).contains(&column) => made(&["handle"], handle),
        ("users", "email") => made(&["email"], email_of_user),
        ("clients", "email") => made(&["email"], email_of_client),
        (_, "email") if lowered(table).contains(&column) => made(&["email"], lower_case),
        ("users", "locked_until") => new(|_, _| "NULL::timestamptz".to_owned()),
        ("sessions", "temp_totp_secret") => made(&["temp_totp_secret"], |_, _| "NULL::text".to_owned()),
        ("sessions", "temp_totp_expires_at") => {
            made(&["temp_totp_expires_at"], |_, _| "NULL::timestamptz".to_owned())
        }
        ("totp_secrets", "user_id") => Some(Conversion {
            reads: &["user_id", "handle"],
            sql: user_of_secret,
            new: false,
            any_text: true,
        }),
        ("totp_secrets", "last_used_step") => new(|_, _| "NULL::bigint".to_owned()),
        ("invitations", "token") => made(&["token"], hashed_token),
        ("invitations", "temporary_totp_secret") => {
            made(&["temporary_totp_secret"], |_, _| "NULL::text".to_owned())
        }
        ("audit_events", "id") => {
            Some(Conversion { reads: &["id", "timestamp"], sql: audit_id, new: false, any_text: true })
        }
        ("business_profile", "time_zone") => new(time_zone),
        ("bookings", "confirmation_code") => made(&["confirmation_code"], booking_code),
        ("gift_certificates" | "packages", "code") => made(&["code"], certificate_code),
        ("slot_reservations", "end_time") => new(|context, _| {
            format!("{} + {} * INTERVAL '1 minute'", context.value("datetime"), context.value("duration"))
        }),
        ("slot_reservations", "released_at") => made(&["released_at"], released),
        ("gift_certificate_redemptions", "refunded_at") => new(|_, _| "NULL::timestamptz".to_owned()),
        _ => None,
    }
}

/// The columns that have to agree with an adopted column and are not adopted themselves.
pub(super) fn only_compared(table: &str) -> impl Iterator<Item = &'static str> {
    (table == "sessions").then_some("expires").into_iter()
}

/// The columns of a table that are converted to lower case.
pub(super) fn lowered(table: &str) -> &'static [&'static str] {
    match table {
        "users" => &["handle", "email"],
        "totp_secrets" | "practitioners" => &["handle"],
        "invitations" | "clients" => &["email"],
        _ => &[],
    }
}

/// A handle in its normal form. If the operator has accepted it, `_` replaces each character that a handle cannot have.
fn handle(context: &Context, column: &str) -> String {
    handle_of(&context.value(column), context)
}

/// The same for the handle of another row.
pub(super) fn handle_of(value: &str, context: &Context) -> String {
    let plain = lower(value, context.found);
    if context.convert_names { format!(r"regexp_replace({plain}, '{GAP}|[@:]', '_', 'g')") } else { plain }
}

/// The email address of a user. If the operator has accepted it, an empty one becomes the handle where that is an
/// address, or an address that no mail reaches.
fn email_of_user(context: &Context, column: &str) -> String {
    let plain = lower_case(context, column);
    if !context.convert_names {
        return plain;
    }
    let named = lower_case(context, "handle");
    format!(
        "CASE WHEN {plain} <> '' THEN {plain} WHEN {named} ~ '^.+@[^@]+$' AND {named} !~ '{GAP}' THEN {named} \
         ELSE {} || '@{}' END",
        handle(context, "handle"),
        Adoption::NO_EMAIL_HOST
    )
}

fn email_of_client(context: &Context, column: &str) -> String {
    let plain = lower_case(context, column);
    if !context.convert_names {
        return plain;
    }
    format!("CASE WHEN {plain} <> '' THEN {plain} ELSE o.id::text || '@{}' END", Adoption::NO_EMAIL_HOST)
}

/// The form in which the application stores names and searches for them.
pub(super) fn lower_case(context: &Context, column: &str) -> String {
    lower(&context.value(column), context.found)
}

/// The form of a name that [`name`](watertight_schema::text::name) computes, as SQL: without surrounding white space,
/// in lower case and with composed letters.
pub(super) fn lower(text: &str, found: &Found) -> String {
    // The case of a letter must not depend on the database's locale: in Turkish, `I` becomes `ı`.
    let cased = format!("lower(btrim({text}, {WHITE_SPACE}) COLLATE {})", found.letter_case);
    format!(r#"(normalize({cased}, NFC) COLLATE "default")"#)
}

/// Characters that a name does not begin or end with: Unicode's white space, except characters that no
/// keyboard types.
const WHITE_SPACE: &str = r"U&' \0009\000A\000B\000C\000D\0085\00A0\2028\2029\202F\3000'";

/// The user of a second factor: the user with its ID, or the user with its handle when the ID is no UUID.
fn user_of_secret(context: &Context, _: &str) -> String {
    let users = context.place.table("auth", "users");
    let named = "o.user_id::text";
    format!(
        "CASE WHEN {named} ~* '^[0-9a-f]{{8}}(-[0-9a-f]{{4}}){{3}}-[0-9a-f]{{12}}$' THEN {named}::uuid ELSE \
         (SELECT (array_agg(u.id ORDER BY u.id))[1] FROM {users} AS u WHERE u.tenant_id = o.tenant_id \
         AND {} = {}) END",
        lower("u.handle", context.found),
        lower_case(context, "handle")
    )
}

/// The hash of a token as the application computes it: SHA-256, in base64 for URLs, without padding.
fn hashed_token(context: &Context, column: &str) -> String {
    let token = context.value(column);
    format!("rtrim(translate(encode(sha256(convert_to({token}, 'UTF8')), 'base64'), '+/', '-_'), '=')")
}

/// A UUID of version 7 (RFC 9562) from the event's time in milliseconds and the MD5 of the tenant and the old
/// ID.
///
/// The MD5 replaces the random bits. Events keep their order, and the new ID can be computed from the old ID.
fn audit_id(context: &Context, column: &str) -> String {
    let time = context.value("timestamp");
    let hash = format!("md5(o.tenant_id::text || ':' || o.{}::text)", sql::identifier(column));
    format!(
        "CASE WHEN isfinite({time}) THEN (lpad(to_hex(least(greatest(floor(extract(epoch FROM {time}) * 1000), 0), \
         281474976710655)::bigint), 12, '0') || '7' || left({hash}, 3) \
         || substr('89ab', 1 + (('x' || substr({hash}, 4, 1))::bit(4)::int & 3), 1) \
         || substr({hash}, 5, 15))::uuid END"
    )
}

fn time_zone(context: &Context, _: &str) -> String {
    sql::literal(context.time_zone.unwrap_or("UTC"))
}

/// A code in the form in which the application searches for it.
///
/// A code that has the application's own format in another case or with other dashes is stored in that
/// format. Any other code is stored in upper case.
fn booking_code(context: &Context, column: &str) -> String {
    let (upper, bare) = code(context, column);
    format!("CASE WHEN {bare} ~ '^[A-HJ-NP-Z2-9]{{8}}$' THEN {bare} ELSE {upper} END")
}

fn certificate_code(context: &Context, column: &str) -> String {
    let (upper, bare) = code(context, column);
    format!(
        "CASE WHEN {bare} ~ '^[A-HJ-NP-Z2-9]{{12}}$' \
         THEN left({bare}, 4) || '-' || substr({bare}, 5, 4) || '-' || right({bare}, 4) ELSE {upper} END"
    )
}

fn code(context: &Context, column: &str) -> (String, String) {
    let (value, case) = (context.value(column), context.found.letter_case);
    let upper = format!(r#"(upper(btrim({value}, {WHITE_SPACE}) COLLATE {case}) COLLATE "default")"#);
    let bare = format!("regexp_replace({upper}, '[-[:space:]]', '', 'g')");
    (upper, bare)
}

/// The time of release. An expired reservation that was never released counts as released at its expiry.
fn released(context: &Context, column: &str) -> String {
    let (released, expires) = (context.value(column), context.value("expires_at"));
    format!("coalesce({released}, CASE WHEN {expires} <= CURRENT_TIMESTAMP THEN {expires} END)")
}
