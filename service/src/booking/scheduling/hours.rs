//! The opening hours of a business, as spans of time.

use std::collections::HashMap;

use chrono::{DateTime, Datelike, Days, NaiveDate, NaiveTime, Offset, TimeDelta, TimeZone, Utc};
use chrono_tz::Tz;

use super::spans::{Span, merged};

/// The time from an opening to a closing, both since midnight of the date on which the hours begin. The closing may be on
/// the next day.
pub(super) type LocalSpan = (TimeDelta, TimeDelta);

/// The opening hours of a business.
#[derive(Debug)]
pub(super) struct Hours {
    pub(super) zone: Tz,
    /// By the day of the week on which they begin, 0 for Sunday.
    pub(super) weekly: Vec<(u32, LocalSpan)>,
    /// Replace the weekly hours that begin on a date; without a span the business is closed.
    pub(super) overrides: HashMap<NaiveDate, Vec<LocalSpan>>,
}

impl Hours {
    /// The open spans that reach into the dates of a range, in order, each as long as the business stays open.
    pub(super) fn open(&self, from: NaiveDate, to: NaiveDate) -> Vec<Span> {
        merged(self.openings(from, to))
    }

    /// The spans of the hours that begin on the dates of a range or on two dates beside it. Spans of one date do not
    /// overlap; those of two dates can.
    ///
    /// The business is open whenever its wall clock shows a time within its hours. A time that the clock skips is in no
    /// span, and a time that the clock shows twice is in two spans.
    pub(super) fn openings(&self, from: NaiveDate, to: NaiveDate) -> Vec<Span> {
        // Hours of the day before go past midnight, as do slots, and clocks have skipped a day.
        let from = from.checked_sub_days(Days::new(2)).unwrap_or(from);
        let to = to.checked_add_days(Days::new(2)).unwrap_or(to);
        let offsets = self.offsets(from, to);
        from.iter_days()
            .take_while(|date| *date <= to)
            .flat_map(|date| self.open_on(date, &offsets))
            .collect()
    }

    fn open_on(&self, date: NaiveDate, offsets: &[(Span, TimeDelta)]) -> Vec<Span> {
        let day = date.weekday().num_days_from_sunday();
        let local: Vec<LocalSpan> = match self.overrides.get(&date) {
            Some(hours) => hours.clone(),
            None => self.weekly.iter().filter(|(of, _)| *of == day).map(|(_, span)| *span).collect(),
        };
        let midnight = date.and_time(NaiveTime::MIN).and_utc();
        let mut spans = Vec::new();
        for ((begin, end), offset) in offsets {
            for (opens, closes) in &local {
                let at = |time: TimeDelta| midnight + time - *offset;
                let span = (at(*opens).max(*begin), at(*closes).min(*end));
                if span.0 < span.1 {
                    spans.push(span);
                }
            }
        }
        merged(spans)
    }

    /// The offsets from UTC, each with its span, from before the first date until after the last.
    fn offsets(&self, from: NaiveDate, to: NaiveDate) -> Vec<(Span, TimeDelta)> {
        let midnight = from.and_time(NaiveTime::MIN).and_utc();
        let days = to.signed_duration_since(from).num_days();
        // Offsets from UTC are at most 14 hours, and clocks have skipped a day (Samoa, 2011). No clock changes its
        // offset twice within the 6 hours between two samples.
        let samples = (-8..=12 + 4 * days).map(|quarter| midnight + TimeDelta::hours(6 * quarter));
        let mut spans: Vec<(Span, TimeDelta)> = Vec::with_capacity(2);
        for sample in samples {
            let offset = self.offset_at(sample);
            match spans.last_mut() {
                Some(((_, end), same)) if *same == offset => *end = sample,
                Some(((_, end), before)) => {
                    let leap = self.leap(*end, sample, *before);
                    *end = leap;
                    spans.push(((leap, sample), offset));
                }
                None => spans.push(((sample, sample), offset)),
            }
        }
        spans
    }

    fn offset_at(&self, moment: DateTime<Utc>) -> TimeDelta {
        let offset = self.zone.offset_from_utc_datetime(&moment.naive_utc()).fix();
        TimeDelta::seconds(offset.local_minus_utc().into())
    }

    /// The second at which the offset changes, found by bisection between two moments.
    fn leap(&self, mut before: DateTime<Utc>, mut after: DateTime<Utc>, offset: TimeDelta) -> DateTime<Utc> {
        while after - before > TimeDelta::seconds(1) {
            let middle = before + TimeDelta::seconds((after - before).num_seconds() / 2);
            if self.offset_at(middle) == offset { before = middle } else { after = middle }
        }
        after
    }

    /// The business's local date at a moment.
    pub(super) fn date_of(&self, moment: DateTime<Utc>) -> NaiveDate {
        moment.with_timezone(&self.zone).date_naive()
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    fn hours(zone: Tz, weekly: &[(u32, &str, &str)]) -> Hours {
        let time = |text: &str| NaiveTime::parse_from_str(text, "%H:%M").unwrap();
        let since = |text: &str| time(text) - NaiveTime::MIN;
        let weekly = weekly.iter().map(|(day, from, to)| (*day, (since(from), since(to)))).collect();
        Hours { zone, weekly, overrides: HashMap::new() }
    }

    fn open(hours: &Hours, date: &str) -> Vec<(String, String)> {
        let text = |moment: DateTime<Utc>| moment.format("%dT%H:%M").to_string();
        let date = date.parse().unwrap();
        let of_date = hours.openings(date, date).into_iter().filter(|(from, _)| hours.date_of(*from) == date);
        of_date.map(|(from, to)| (text(from), text(to))).collect()
    }

    #[test]
    fn hours_that_overlap_are_one() {
        let hours = hours(Tz::UTC, &[(1, "14:00", "18:00"), (1, "09:00", "12:00"), (1, "11:00", "13:00")]);
        let expected = [("05T09:00", "05T13:00"), ("05T14:00", "05T18:00")];
        assert_eq!(open(&hours, "2026-01-05"), expected.map(|(a, b)| (a.to_owned(), b.to_owned())));
        assert!(open(&hours, "2026-01-06").is_empty());
    }

    /// The clocks of New York go from 02:00 to 03:00 on 8 March 2026 and back from 02:00 to 01:00 on 1 November.
    #[test]
    fn daylight_saving_makes_days_shorter_and_longer() {
        let whole = hours(Tz::America__New_York, &[(0, "00:00", "06:00")]);
        assert_eq!(open(&whole, "2026-03-01"), [("01T05:00".to_owned(), "01T11:00".to_owned())]);
        assert_eq!(open(&whole, "2026-03-08"), [("08T05:00".to_owned(), "08T10:00".to_owned())], "5 hours");
        assert_eq!(open(&whole, "2026-11-01"), [("01T04:00".to_owned(), "01T11:00".to_owned())], "7 hours");
        let leapt = hours(Tz::America__New_York, &[(0, "02:15", "02:45")]);
        assert!(open(&leapt, "2026-03-08").is_empty(), "no clock shows these");
        let until = hours(Tz::America__New_York, &[(0, "01:00", "02:30")]);
        assert_eq!(open(&until, "2026-03-08"), [("08T06:00".to_owned(), "08T07:00".to_owned())]);
        let twice = hours(Tz::America__New_York, &[(0, "01:00", "01:30")]);
        let expected = [("01T05:00", "01T05:30"), ("01T06:00", "01T06:30")];
        assert_eq!(
            open(&twice, "2026-11-01"),
            expected.map(|(a, b)| (a.to_owned(), b.to_owned())),
            "shown twice"
        );
        let samoa = hours(Tz::Pacific__Apia, &[(5, "09:00", "17:00")]);
        assert!(open(&samoa, "2011-12-30").is_empty(), "a Friday that was not");
    }

    /// The spans of a range are the spans of its dates, even where clocks change within the range.
    #[test]
    fn a_range_is_its_days() {
        let every_day: Vec<_> =
            (0..7).flat_map(|day| [(day, "00:00", "03:30"), (day, "22:00", "23:59")]).collect();
        for zone in
            [Tz::America__New_York, Tz::Pacific__Apia, Tz::Australia__Lord_Howe, Tz::Africa__Casablanca]
        {
            let hours = hours(zone, &every_day);
            for (from, to) in
                [("2026-02-20", "2026-04-20"), ("2026-09-20", "2026-11-20"), ("2011-12-20", "2012-01-05")]
            {
                let (from, to): (NaiveDate, NaiveDate) = (from.parse().unwrap(), to.parse().unwrap());
                let days =
                    from.iter_days().take_while(|date| *date <= to).flat_map(|date| hours.open(date, date));
                assert_eq!(hours.open(from, to), merged(days.collect()), "{zone} {from}");
            }
        }
    }
}
