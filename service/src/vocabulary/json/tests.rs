//! Each limit of a JSON value, reached and exceeded by one.

use serde_json::{Value as Json, json};

use super::{check, check_object};
use crate::vocabulary::limits::{JSON_BYTES, JSON_DEPTH, JSON_VALUES};

fn nested(levels: usize) -> Json {
    (1..levels).fold(json!(1), |inner, _| json!([inner]))
}

fn refusal(json: &Json) -> Option<String> {
    check("notes", json).err().map(|refused| refused.to_string())
}

#[test]
fn the_size_is_limited() {
    assert_eq!(refusal(&json!("a".repeat(JSON_BYTES - 2))), None);
    let refused = "notes \"262145\" is its number of bytes as text; the maximum is 262144";
    assert_eq!(refusal(&json!("a".repeat(JSON_BYTES - 1))).as_deref(), Some(refused));
}

#[test]
fn the_depth_is_limited() {
    assert_eq!(refusal(&nested(JSON_DEPTH)), None);
    let refused = "notes \"33\" is a level of nesting; the maximum is 32";
    assert_eq!(refusal(&nested(JSON_DEPTH + 1)).as_deref(), Some(refused));
}

#[test]
fn the_number_of_values_is_limited() {
    assert_eq!(refusal(&json!(vec![1; JSON_VALUES - 1])), None);
    let refused = "notes \"more than 10000\" is the number of its values; the maximum is 10000";
    assert_eq!(refusal(&json!(vec![1; JSON_VALUES])).as_deref(), Some(refused));
}

#[test]
fn an_object_is_checked_for_nul() {
    assert!(check_object("notes", &json!({"a": [1]})).is_ok());
    for wrong in [json!([1]), json!({"a": "\0"}), json!({"\0": 1}), json!({"a": nested(JSON_DEPTH)})] {
        assert!(check_object("notes", &wrong).is_err(), "{wrong}");
    }
}
