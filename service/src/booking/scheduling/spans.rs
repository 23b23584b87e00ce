//! Spans of time.

use chrono::{DateTime, Utc};

/// From a time, inclusive, to another, exclusive.
pub(super) type Span = (DateTime<Utc>, DateTime<Utc>);

/// Sorts spans and merges those that overlap or touch.
pub(super) fn merged(mut spans: Vec<Span>) -> Vec<Span> {
    spans.sort_unstable();
    let mut merged: Vec<Span> = Vec::with_capacity(spans.len());
    for (from, to) in spans {
        match merged.last_mut() {
            Some((_, end)) if from <= *end => *end = to.max(*end),
            _ => merged.push((from, to)),
        }
    }
    merged
}
