//! Each limit of a form, reached and exceeded by one.

use serde_json::{Map, Value as Json, json};

use super::{budget, validator, violations};
use crate::vocabulary::limits;

/// A schema whose references double `times` times.
fn doubling(times: usize) -> Json {
    let definition = |n: usize| {
        let next = json!({"$ref": format!("#/$defs/a{}", n + 1)});
        (format!("a{n}"), json!({"allOf": [next, next]}))
    };
    let mut definitions: Map<_, _> = (0..times).map(definition).collect();
    definitions.insert(format!("a{times}"), json!({"type": "string"}));
    json!({"$defs": definitions, "$ref": "#/$defs/a0"})
}

fn refusal(schema: &Json) -> Option<String> {
    budget::check(schema, true).err().map(|refused| refused.to_string())
}

fn assert_refused(schema: &Json, part: &str) {
    let refusal = refusal(schema);
    assert!(refusal.as_ref().is_some_and(|text| text.contains(part)), "{refusal:?} for {schema}");
}

fn of_schemas(count: usize) -> Json {
    json!({"allOf": vec![json!({"type": "string"}); count - 1]})
}

#[test]
fn references_that_double_are_refused_at_once() {
    assert!(doubling(20).to_string().len() < 1_600);
    assert_refused(&doubling(20), "the maximum is");
    let stored = violations(&doubling(20), &json!("a")).map_err(|error| error.to_string());
    assert!(stored.as_ref().is_err_and(|error| error.contains("the maximum is")), "{stored:?}");
    assert_eq!(refusal(&doubling(4)), None);
}

#[test]
fn a_schema_that_refers_to_itself_is_refused() {
    let tree = json!({"properties": {"children": {"items": {"$ref": "#"}}}});
    assert_refused(&tree, "a schema cannot refer to itself");
    let part = json!({"$defs": {"a": {"not": {"$ref": "#/$defs/a"}}}});
    assert_refused(&part, "a schema cannot refer to itself");
    assert_refused(&json!({"$dynamicRef": "#a"}), "use $ref");
}

#[test]
fn a_reference_names_a_part_of_the_schema() {
    let known = json!({"$defs": {"a/b": {"type": "string"}}, "properties": {"x": {"$ref": "#/$defs/a~1b"}}});
    assert_eq!(refusal(&known), None);
    for elsewhere in ["#/$defs/b", "#anchor", "other.json", "https://example.com/a.json", "#/%24defs"] {
        assert_refused(&json!({"$ref": elsewhere}), "does not refer to a part of this schema");
    }
    assert_eq!(refusal(&json!({"$id": "https://example.com/form"})), None);
    let part = json!({"properties": {"x": {"$id": "other.json"}}});
    assert_refused(&part, "only the whole schema can have one");
}

#[test]
fn the_number_of_schemas_is_limited() {
    assert_eq!(refusal(&of_schemas(limits::FORM_SCHEMAS)), None);
    assert_refused(&of_schemas(limits::FORM_SCHEMAS + 1), "2001");
}

#[test]
fn the_depth_through_references_is_limited() {
    let chain = |length: usize| {
        let schema = |n: usize| (format!("a{n}"), json!({"$ref": format!("#/$defs/a{}", n + 1)}));
        let mut definitions: Map<_, _> = (1..length).map(schema).collect();
        definitions.insert(format!("a{length}"), json!(true));
        json!({"$defs": definitions})
    };
    assert_eq!(refusal(&chain(limits::FORM_DEPTH - 1)), None);
    assert_refused(&chain(limits::FORM_DEPTH), "33");
}

#[test]
fn the_number_and_size_of_patterns_are_limited() {
    let patterns = |count: usize| json!({"allOf": vec![json!({"pattern": "^a"}); count]});
    assert_eq!(refusal(&patterns(limits::FORM_PATTERNS)), None);
    assert_refused(&patterns(limits::FORM_PATTERNS + 1), "patterns");
    assert!(validator(&json!({"pattern": "^[\\w .,'-]{1,64}$"}), true).is_ok());
    assert!(validator(&json!({"pattern": "(a{1000}){1000}"}), true).is_err());
}

#[test]
fn an_unknown_keyword_or_format_is_refused() {
    assert_refused(&json!({"properties": {"age": {"smallest": 3}}}), "\"smallest\" is not a keyword");
    assert_refused(&json!({"$defs": {"a": {"mandatory": []}}}), "\"mandatory\" is not a keyword");
    let names = json!({"properties": {"smallest": {"x-widget": "slider", "enum": [{"mandatory": 1}]}}});
    assert_eq!(refusal(&names), None);
    assert!(validator(&json!({"format": "mail"}), true).is_err());
    let stored = violations(&json!({"format": "mail", "smallest": 3}), &json!("a"));
    assert_eq!(stored.ok(), Some(Vec::new()), "a stored form stays usable");
}

#[test]
fn a_format_is_checked_in_every_draft() {
    for draft in ["https://json-schema.org/draft/2020-12/schema", "http://json-schema.org/draft-07/schema#"] {
        let schema = json!({"$schema": draft, "format": "date"});
        let found = |answer: &str| violations(&schema, &json!(answer)).map(|found| found.len()).ok();
        assert_eq!((found("2026-03-02"), found("soon")), (Some(0), Some(1)), "{draft}");
    }
}

#[test]
fn the_work_of_a_validation_is_limited() {
    let schema = json!({"items": {"allOf": vec![json!({"type": "string"}); 498]}});
    let found = |answers: usize| violations(&schema, &json!(vec![1; answers]));
    assert_eq!(found(499).map(|found| found.len()).ok(), Some(limits::FORM_VIOLATIONS));
    let refused = found(500).map_err(|error| error.to_string());
    assert!(refused.as_ref().is_err_and(|error| error.contains("the maximum is 250000")), "{refused:?}");
}

#[test]
fn a_violation_has_a_short_message() {
    let found = violations(&json!({"type": "integer"}), &json!("a".repeat(5_000)));
    let lengths: Option<Vec<_>> =
        found.ok().map(|found| found.iter().map(|one| one.message.chars().count()).collect());
    assert_eq!(lengths, Some(vec![limits::VIOLATION_CHARS]));
}
