//! The extreme values of each type, as SQL expressions.

use anyhow::{Result, bail};
use serde_json::{Value as Json, json};

/// A text as a literal.
pub(super) fn quoted(text: &str) -> String {
    let quoted = text.replace('\'', "''");
    if quoted.contains('\\') { format!("E'{}'", quoted.replace('\\', "\\\\")) } else { format!("'{quoted}'") }
}

/// The values for a column of a type, which has a good value or null.
pub(super) fn of(column_type: &str, good: Option<&str>) -> Result<Vec<String>> {
    let typed = |values: &[&str]| -> Vec<String> {
        values.iter().map(|value| format!("{}::{column_type}", quoted(value))).collect()
    };
    let mut values = match column_type {
        "timestamp with time zone" => typed(&[
            "infinity",
            "-infinity",
            "294276-12-31 23:59:59.999999+00",
            "262143-01-01 00:00:00+00",
            "20000-01-01 00:00:00+00",
            "19999-12-31 23:59:59.999999+00",
            "0001-01-01 00:00:00+00",
            "0001-12-31 23:59:59+00 BC",
            "4714-11-24 00:00:00+00 BC",
        ]),
        "date" => typed(&[
            "infinity",
            "-infinity",
            "5874897-12-31",
            "19999-12-31",
            "9999-12-31",
            "0001-01-01",
            "4714-11-24 BC",
        ]),
        "time without time zone" => {
            typed(&["00:00", "24:00", "23:59:59.999999", "23:59:60", "12:00:00.000001"])
        }
        "smallint" => typed(&["-32768", "32767", "0", "-1", "1"]),
        "integer" => typed(&["-2147483648", "2147483647", "0", "-1", "1"]),
        "bigint" => typed(&["-9223372036854775808", "9223372036854775807", "0", "-1"]),
        "boolean" => typed(&["true", "false"]),
        "uuid" => typed(&["00000000-0000-0000-0000-000000000000", "ffffffff-ffff-ffff-ffff-ffffffffffff"]),
        "jsonb" => json_values(good),
        "text[]" => typed(&[
            "{}",
            "{NULL}",
            "{a,NULL}",
            "{{a,b},{c,d}}",
            "[0:1]={a,b}",
            "[5:5]={x}",
            "[-3:-3]={x}",
            "{\"\"}",
            "{\" \"}",
        ])
        .into_iter()
        .chain(["array_fill('x'::text, ARRAY[10000])".to_owned(), "ARRAY[repeat('x', 1000000)]".to_owned()])
        .collect(),
        "text" => texts(1_000_000),
        "bytea" => typed(&["", "\\x", "\\x00", "\\xff00ff"]),
        _ if column_type.starts_with("numeric") => typed(&[
            "NaN",
            "Infinity",
            "-Infinity",
            "0.00000001",
            "-90",
            "90",
            "180",
            "-180",
            "9999.99999999",
            "1e1000",
        ]),
        _ => match column_type.strip_prefix("character varying(").and_then(|rest| rest.strip_suffix(')')) {
            Some(most) => texts(most.parse()?),
            None => bail!("the type {column_type} has no values: add them"),
        },
    };
    if good.is_some() {
        values.push("NULL".to_owned());
    }
    Ok(values)
}

fn texts(most: usize) -> Vec<String> {
    let odd =
        ["", " ", "\u{a0}", "\u{202e}gnp.exe", "İI ı e\u{301}", "\\ud800", "\u{1}", "a@b@c", "CANCELLED"];
    let lengths =
        [format!("repeat('x', {most})"), format!("repeat('ä', {most})"), format!("repeat(' ', {most})")];
    odd.iter().map(|text| quoted(text)).chain(lengths).collect()
}

fn json_values(good: Option<&str>) -> Vec<String> {
    let plain = [
        "null",
        "true",
        "0",
        "\"\"",
        "[]",
        "{}",
        "[null]",
        "[1]",
        "[[]]",
        "[\"a\", null]",
        "[{}]",
        "{\"\": \"\"}",
        "1e400",
        "-1e400",
        "{\"a\": [1e309]}",
        "18446744073709551616",
        "-9223372036854775809",
        "1.7976931348623157e308",
        "1e-400",
        "\"\\ud83d\\ude00\"",
        "{\"a\": \"\\u0001\"}",
    ];
    let mut values: Vec<String> = plain.iter().map(|json| format!("{}::jsonb", quoted(json))).collect();
    for depth in [32, 99, 100, 101, 127, 128, 1_000, 3_000] {
        values.push(format!("(repeat('[', {depth}) || repeat(']', {depth}))::jsonb"));
        values.push(format!("(repeat('{{\"a\":', {depth}) || '1' || repeat('}}', {depth}))::jsonb"));
    }
    values.push("jsonb_build_object('a', repeat('x', 1000000))".to_owned());
    let good: Json = good.and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default();
    values.extend(changed(&good).iter().map(|json| format!("{}::jsonb", quoted(&json.to_string()))));
    // Beyond what serde_json itself can write.
    if let Json::Object(fields) = &good {
        values.extend(
            fields
                .keys()
                .map(|field| format!("{}::jsonb || '{{\"{field}\": 1e400}}'", quoted(&good.to_string()))),
        );
    }
    values
}

/// A value with each of its fields, at any depth, missing or of another type.
fn changed(good: &Json) -> Vec<Json> {
    let others = [
        json!(null),
        json!(true),
        json!(1.5),
        json!(-1),
        json!(3_000_000_000_u64),
        json!(""),
        json!(" "),
        json!("x y"),
        json!([]),
        json!({}),
        json!(["a"]),
        json!("2026-13-45T99:99:99Z"),
        json!("x".repeat(100)),
    ];
    let mut all = Vec::new();
    match good {
        Json::Object(fields) => {
            for (name, value) in fields {
                let with = |other: Json| {
                    let mut fields = fields.clone();
                    fields.insert(name.clone(), other);
                    Json::Object(fields)
                };
                all.extend(others.iter().cloned().map(with));
                all.extend(changed(value).into_iter().map(with));
                let mut fields = fields.clone();
                fields.remove(name);
                all.push(Json::Object(fields));
            }
        }
        Json::Array(items) => {
            let Some(first) = items.first() else { return all };
            let rest = items.get(1..).unwrap_or_default();
            let with =
                |other: Json| Json::Array(std::iter::once(other).chain(rest.iter().cloned()).collect());
            all.extend(others.iter().cloned().map(with));
            all.extend(changed(first).into_iter().map(with));
        }
        _ => {}
    }
    all
}
