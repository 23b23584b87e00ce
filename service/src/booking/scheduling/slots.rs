//! The starts of free slots within open spans.

use chrono::{DateTime, TimeDelta, Utc};

use super::spans::{Span, merged};

/// The rules that a free slot fulfills.
#[derive(Debug, Clone, Copy)]
pub(super) struct SlotRules {
    pub(super) duration: TimeDelta,
    pub(super) step: TimeDelta,
    pub(super) buffer: TimeDelta,
    pub(super) not_before: DateTime<Utc>,
}

/// The starts of free slots, step by step from each opening. A slot ends before closing time and keeps the buffer's
/// distance from every busy span.
pub(super) fn free_starts(open: &[Span], busy: Vec<Span>, rules: SlotRules) -> Vec<DateTime<Utc>> {
    let blocked = busy.into_iter().map(|(from, to)| (from - rules.buffer, to + rules.buffer));
    let blocked = merged(blocked.collect());
    let mut starts = Vec::new();
    for (opens, closes) in open {
        let mut start = *opens;
        while let Some(end) = start.checked_add_signed(rules.duration).filter(|end| end <= closes) {
            // Blocked spans are sorted: only the first one that ends after the start can overlap the slot first.
            let next = blocked.partition_point(|(_, to)| *to <= start);
            let free = blocked.get(next).is_none_or(|(from, _)| *from >= end);
            if free && start >= rules.not_before {
                starts.push(start);
            }
            start += rules.step;
        }
    }
    starts
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use chrono::TimeZone;

    use super::*;

    #[test]
    fn slots_keep_their_distance_and_end_before_closing() {
        let at = |minutes: i64| Utc.timestamp_opt(minutes * 60, 0).unwrap();
        let rules = SlotRules {
            duration: TimeDelta::minutes(60),
            step: TimeDelta::minutes(30),
            buffer: TimeDelta::minutes(15),
            not_before: at(30),
        };
        let starts = free_starts(&[(at(0), at(480))], vec![(at(195), at(225))], rules);
        assert_eq!(starts, [30, 60, 90, 120, 240, 270, 300, 330, 360, 390, 420].map(at));
    }
}
