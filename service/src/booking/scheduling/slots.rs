//! The starts of free slots within open spans.

use chrono::{DateTime, TimeDelta, Utc};

use super::spans::{Span, merged};

/// The starts of slots of a duration within open time, step by step from each opening, in order.
///
/// An opening is a span of hours. A slot begins in it and ends before the business closes, which can be in later hours
/// that touch or overlap it.
pub(super) fn starts(
    openings: &[Span],
    duration: TimeDelta,
    step: TimeDelta,
    within: impl Fn(DateTime<Utc>) -> bool,
) -> Vec<DateTime<Utc>> {
    let open = merged(openings.to_vec());
    let mut starts = Vec::new();
    for (opens, closes) in openings {
        // The open spans are sorted: the first one that ends after the opening contains it.
        let closing = open.partition_point(|(_, end)| end <= opens);
        let until = open.get(closing).map_or(*closes, |(_, end)| *end);
        let mut start = *opens;
        while start < *closes && start + duration <= until {
            if within(start) {
                starts.push(start);
            }
            start += step;
        }
    }
    starts.sort_unstable();
    starts.dedup();
    starts
}

/// The starts whose slots overlap no blocked span.
pub(super) fn free(starts: &[DateTime<Utc>], duration: TimeDelta, blocked: Vec<Span>) -> Vec<DateTime<Utc>> {
    let blocked = merged(blocked);
    let is_free = |start: &DateTime<Utc>| {
        // Blocked spans are sorted: only the first one that ends after the start can overlap the slot first.
        let next = blocked.partition_point(|(_, to)| to <= start);
        blocked.get(next).is_none_or(|(from, _)| *from >= *start + duration)
    };
    starts.iter().copied().filter(is_free).collect()
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use chrono::TimeZone;

    use super::*;

    fn at(minutes: i64) -> DateTime<Utc> {
        Utc.timestamp_opt(minutes * 60, 0).unwrap()
    }

    #[test]
    fn slots_keep_their_distance_and_end_before_closing() {
        let (duration, step) = (TimeDelta::minutes(60), TimeDelta::minutes(30));
        let all = starts(&[(at(0), at(480))], duration, step, |start| start >= at(30));
        let free = free(&all, duration, vec![(at(180), at(240))]);
        assert_eq!(free, [30, 60, 90, 120, 240, 270, 300, 330, 360, 390, 420].map(at));
    }

    #[test]
    fn slots_go_on_into_later_hours_and_each_opening_has_steps_of_its_own() {
        let openings = [(at(0), at(100)), (at(100), at(200)), (at(150), at(220))];
        let found = starts(&openings, TimeDelta::minutes(60), TimeDelta::minutes(40), |_| true);
        assert_eq!(found, [0, 40, 80, 100, 140, 150].map(at));
    }
}
