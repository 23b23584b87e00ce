//! Values that the database would accept, and the application could not read or find.

use watertight_schema::sql;

use super::ProblemKind;
use super::original::Original;
use super::rules::Rule;
use crate::readable::GAP;

const TIMESTAMP: &str = r"^\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]\d\d:\d\d)$";
const UUID: &str = "^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$";

pub(super) fn rules(original: &Original) -> Vec<Rule> {
    let table = original.full_name();
    let handle = || {
        let condition = format!("handle ~ '{GAP}' OR handle ~ '[@:]'");
        let what = "is not a handle: a handle contains no white space, @ or :";
        let remedy = format!(
            "UPDATE {table} to a valid handle, or accept the proposal (`Adoption::convert_names`, `--convert-names`)"
        );
        Rule::local(ProblemKind::Unreadable, "handle", what, remedy, condition)
    };
    let email = || {
        let condition = format!("email ~ '{GAP}' OR email !~ '^.+@[^@]+$'");
        let what = "is not an email address: it has the form name@host, without white space";
        let accept = match original.new.name() {
            "users" | "clients" => {
                ", or accept the proposal for empty addresses (`Adoption::convert_names`, `--convert-names`)"
            }
            _ => "",
        };
        let remedy = format!("UPDATE {table} to a valid address{accept}");
        Rule::local(ProblemKind::Unreadable, "email", what, remedy, condition)
    };
    let word = |column: &str| {
        let quoted = sql::identifier(column);
        let condition = format!("{quoted} = '' OR {quoted} ~ '{GAP}'");
        let what = "is not a single word";
        let remedy = format!("UPDATE {table} to a single word");
        Rule::local(ProblemKind::Unreadable, column, what, remedy, condition)
    };
    match original.new.name() {
        "users" => vec![
            handle(),
            email(),
            word("role"),
            json(
                &table,
                "permissions",
                elements("permissions", "jsonb_typeof(e) <> 'string'"),
                "a list of strings",
            ),
        ],
        "sessions" => sessions(&table),
        "totp_secrets" => vec![
            handle(),
            Rule::local(
                ProblemKind::Unreadable,
                "version",
                "is not 1, the only version that the original writes",
                format!("DELETE the secrets from {table}; their users have to enroll again"),
                "version <> 1",
            ),
        ],
        "backup_codes" => vec![json(
            &table,
            "codes",
            elements(
                "codes",
                &broken(
                    "e",
                    &[
                        Field("id", "string", true),
                        Field("hash", "string", true),
                        Field("used", "boolean", true),
                        Field("usedAt", "string", false),
                    ],
                    &format!("e->>'usedAt' !~ '{TIMESTAMP}'"),
                ),
            ),
            "a list of {id, hash, used, usedAt?}",
        )],
        "invitations" => vec![
            email(),
            word("role"),
            json(
                &table,
                "metadata",
                object(
                    "metadata",
                    &[
                        Field("inviterHandle", "string", true),
                        Field("inviterDisplayName", "string", false),
                        Field("message", "string", false),
                        Field("customInstructions", "string", false),
                    ],
                    "FALSE",
                ),
                "an object {inviterHandle, inviterDisplayName?, message?, customInstructions?}",
            ),
        ],
        "audit_events" => vec![word("type")],
        "practitioners" => vec![handle()],
        "clients" => vec![email()],
        _ => Vec::new(),
    }
}

fn sessions(table: &str) -> Vec<Rule> {
    vec![
        Rule::local(
            ProblemKind::Disagreement,
            "expires",
            "differs from expires_at, so the end of the session is ambiguous",
            format!(
                "UPDATE {table} SET expires = expires_at, or SET expires_at = expires, or DELETE the sessions"
            ),
            "expires IS DISTINCT FROM expires_at",
        ),
        json(
            table,
            "user_data",
            object(
                "user_data",
                &[
                    Field("id", "string", true),
                    Field("username", "string", true),
                    Field("name", "string", true),
                    Field("role", "string", true),
                    Field("needsOnboarding", "boolean", false),
                    Field("onboardingStep", "number", false),
                ],
                &format!(
                    "v->>'id' !~ '{UUID}' OR v->>'role' = '' OR v->>'role' ~ '{GAP}' OR \
                         length(v->>'role') > 32 OR v->>'onboardingStep' !~ '^-?[0-9]{{1,9}}$'"
                ),
            ),
            "an object {id, username, name, role, needsOnboarding?, onboardingStep?}",
        ),
        json(
            table,
            "geo_location",
            object(
                "geo_location",
                &[Field("country", "string", true), Field("city", "string", false)],
                "FALSE",
            ),
            "an object {country, city?}",
        ),
    ]
}

fn json(table: &str, column: &str, condition: String, what: &str) -> Rule {
    let remedy = format!("UPDATE {table} to a value of this form, or DELETE the rows");
    Rule::local(ProblemKind::Unreadable, column, format!("is not {what}"), remedy, condition)
}

/// A field of a JSON object: its name, its type, and true if it is required and not null.
struct Field(&'static str, &'static str, bool);

/// The condition that a column is an object that breaks a rule of its fields.
fn object(column: &str, fields: &[Field], besides: &str) -> String {
    let column = sql::identifier(column);
    let broken = broken("v", fields, besides);
    format!(
        "jsonb_typeof({column}) = 'object' AND EXISTS (SELECT FROM (SELECT {column} AS v) AS one WHERE {broken})"
    )
}

/// The condition that a column is an array with an element `e` that meets another condition.
fn elements(column: &str, condition: &str) -> String {
    let column = sql::identifier(column);
    // PostgreSQL reports an error for the elements of a value that is no array.
    format!(
        "EXISTS (SELECT FROM jsonb_array_elements(CASE WHEN jsonb_typeof({column}) = 'array' THEN {column} END) AS e \
         WHERE {condition})"
    )
}

fn broken(value: &str, fields: &[Field], besides: &str) -> String {
    let mut conditions = vec![format!("jsonb_typeof({value}) <> 'object'")];
    for Field(name, of_type, required) in fields {
        conditions.push(if *required {
            format!("jsonb_typeof({value}->'{name}') IS DISTINCT FROM '{of_type}'")
        } else {
            format!("jsonb_typeof({value}->'{name}') NOT IN ('{of_type}', 'null')")
        });
    }
    conditions.push(besides.to_owned());
    conditions.join(" OR ")
}
