//! Results and rows without the values that differ between any two runs: new UUIDs and the current time.
//!
//! A new UUID is replaced by a name that depends only on the places where it occurs, so two runs that create the same rows
//! with other ids become equal, and references between the new rows are still compared.

use std::collections::{BTreeMap, BTreeSet};
use std::hash::{DefaultHasher, Hash, Hasher};

use chrono::{DateTime, NaiveDateTime, TimeDelta, Utc};
use uuid::Uuid;

use super::rows::Rows;

/// The difference of clocks that the judge allows.
const CLOCKS: TimeDelta = TimeDelta::seconds(2);

/// The number of references along which two new ids are told apart.
const ROUNDS: usize = 4;

/// The values of the rows before the run. They are compared as they are: a value of another tenant is never a new one.
#[derive(Debug)]
pub(super) struct Known {
    uuids: BTreeSet<Uuid>,
    times: BTreeSet<DateTime<Utc>>,
}

impl Known {
    pub(super) fn of(rows: &Rows, tenants: &[String; 2]) -> Self {
        let mut known = Self { uuids: BTreeSet::new(), times: BTreeSet::new() };
        for line in rows.all().iter().chain(tenants) {
            for token in tokens(line) {
                known.uuids.extend(uuid(token));
                known.times.extend(time(token));
            }
        }
        known
    }
}

/// A result and rows that can be compared with those of another run.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Canonical {
    pub(super) result: String,
    pub(super) rows: Vec<String>,
}

impl Canonical {
    pub(super) fn of(result: String, rows: Vec<String>, known: &Known, times: &[String; 2]) -> Self {
        let [begin, end] = times.each_ref().map(|text| time(text).unwrap_or_default());
        let is_now = |token: &str| {
            time(token).is_some_and(|time| {
                !known.times.contains(&time) && begin - CLOCKS <= time && time <= end + CLOCKS
            })
        };
        let mut lines: Vec<String> = rows;
        lines.push(result);
        for line in &mut lines {
            *line = replaced(line, |token| is_now(token).then(|| "<now>".to_owned()));
        }
        let new = names(&lines, known);
        let renamed =
            |line: &String| replaced(line, |token| Some(format!("<new {}>", new.get(&uuid(token)?)?)));
        let mut lines: Vec<String> = lines.iter().map(renamed).collect();
        let result = lines.pop().unwrap_or_default();
        lines.sort_unstable();
        Self { result, rows: lines }
    }
}

/// A name for each new UUID, by the lines in which it occurs.
fn names(lines: &[String], known: &Known) -> BTreeMap<Uuid, String> {
    let mut places: BTreeMap<Uuid, BTreeSet<usize>> = BTreeMap::new();
    for (at, line) in lines.iter().enumerate() {
        for new in tokens(line).filter_map(uuid).filter(|uuid| !known.uuids.contains(uuid)) {
            places.entry(new).or_default().insert(at);
        }
    }
    let mut names: BTreeMap<Uuid, String> = places.keys().map(|new| (*new, String::new())).collect();
    for _ in 0..ROUNDS {
        let next = places.iter().map(|(new, at)| {
            let mut seen: Vec<String> = at
                .iter()
                .filter_map(|at| lines.get(*at))
                .map(|line| {
                    replaced(line, |token| match uuid(token)? {
                        uuid if uuid == *new => Some("<this>".to_owned()),
                        uuid => names.get(&uuid).map(|name| format!("<new {name}>")),
                    })
                })
                .collect();
            seen.sort_unstable();
            let mut hasher = DefaultHasher::new();
            seen.hash(&mut hasher);
            (*new, format!("{:08x}", hasher.finish() >> 32))
        });
        names = next.collect();
    }
    names
}

/// The parts of a text that can be a UUID or a time.
fn tokens(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c| !is_part(c)).filter(|token| !token.is_empty())
}

const fn is_part(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '-' | ':' | '.' | '+')
}

/// The text with some tokens replaced.
fn replaced(text: &str, replace: impl Fn(&str) -> Option<String>) -> String {
    let mut result = String::with_capacity(text.len());
    for piece in text.split_inclusive(|c| !is_part(c)) {
        let token = piece.trim_end_matches(|c| !is_part(c));
        match replace(token) {
            Some(other) => {
                result.push_str(&other);
                result.push_str(piece.strip_prefix(token).unwrap_or_default());
            }
            None => result.push_str(piece),
        }
    }
    result
}

fn uuid(token: &str) -> Option<Uuid> {
    // The parser also accepts 32 digits without hyphens, which are more often a hash.
    Uuid::parse_str(token).ok().filter(|_| token.len() == 36)
}

fn time(token: &str) -> Option<DateTime<Utc>> {
    let with_zone = DateTime::parse_from_rfc3339(token).map(|time| time.to_utc());
    let without = || NaiveDateTime::parse_from_str(token, "%Y-%m-%dT%H:%M:%S%.f").map(|time| time.and_utc());
    with_zone.or_else(|_| without()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOTHING: Known = Known { uuids: BTreeSet::new(), times: BTreeSet::new() };

    fn times() -> [String; 2] {
        ["2026-03-01T10:00:00+00:00".to_owned(), "2026-03-01T10:00:01.5+00:00".to_owned()]
    }

    fn canonical(lines: &[String]) -> Canonical {
        Canonical::of("()".to_owned(), lines.to_vec(), &NOTHING, &times())
    }

    /// Two projects of the same name, each with a task, under random ids.
    fn world(tasks: [&str; 2], swapped: bool) -> Vec<String> {
        let ids = [Uuid::new_v4(), Uuid::new_v4()];
        let of = |at: usize| ids[if swapped { 1 - at } else { at }];
        let projects = ids.map(|id| format!(r#"projects {{"id": "{id}", "name": "Bridge"}}"#));
        let tasks =
            [0, 1].map(|at| format!(r#"tasks {{"project_id": "{}", "title": "{}"}}"#, of(at), tasks[at]));
        let mut lines: Vec<String> = projects.into_iter().chain(tasks).collect();
        lines.sort_unstable();
        lines
    }

    #[test]
    fn new_ids_are_equal_by_their_places() {
        let first = canonical(&world(["Survey", "Build"], false));
        assert_eq!(first, canonical(&world(["Survey", "Build"], true)));
        assert_ne!(first, canonical(&world(["Survey", "Survey"], false)));
    }

    #[test]
    fn a_reference_to_another_row_is_a_difference() {
        let ids = [Uuid::new_v4(), Uuid::new_v4()];
        let lines = |to: Uuid| {
            vec![
                format!(r#"projects {{"id": "{}", "name": "Bridge"}}"#, ids[0]),
                format!(r#"projects {{"id": "{}", "name": "Tunnel"}}"#, ids[1]),
                format!(r#"tasks {{"project_id": "{to}"}}"#),
            ]
        };
        assert_ne!(canonical(&lines(ids[0])), canonical(&lines(ids[1])));
    }

    #[test]
    fn a_known_id_and_a_known_time_stay_as_they_are() {
        let (id, time) = (Uuid::new_v4(), "2026-03-01T10:00:01+00:00");
        let known = Known { uuids: [id].into(), times: super::time(time).into_iter().collect() };
        let line = format!(r#"t {{"id": "{id}", "at": "{time}"}}"#);
        let kept = Canonical::of(String::new(), vec![line.clone()], &known, &times());
        assert_eq!(kept.rows, [line]);
    }

    #[test]
    fn only_times_of_the_run_are_replaced() {
        let at = |time: &str| canonical(&[format!(r#"t {{"at": "{time}"}}"#)]).rows;
        assert_eq!(at("2026-03-01T10:00:01.25+00:00"), at("2026-03-01T12:00:01+02:00"));
        assert_eq!(at("2026-03-01T10:00:01.25Z"), at("2026-03-01T10:00:01"));
        assert_ne!(at("2026-03-01T10:00:01+00:00"), at("2026-03-02T10:00:01+00:00"));
    }

    #[test]
    fn replacing_nothing_changes_nothing() {
        for text in ["", "a", "ä \"b\": {c-d}", "–", "x\n  y: [1.5, -2],\n"] {
            assert_eq!(replaced(text, |_| None), text);
        }
    }
}
