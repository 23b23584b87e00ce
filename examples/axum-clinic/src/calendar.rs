//! Days and times in the time zone of a business.

use std::fmt;
use std::str::FromStr;

use chrono::{DateTime, Datelike, Days, NaiveDate, NaiveTime, TimeDelta, TimeZone, Utc};
use watertight::chrono_tz::Tz;

use crate::problem::Problem;

/// A requested day, in the years 2000 to 2999.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Day(NaiveDate);

impl Day {
    pub(crate) fn today(zone: Tz) -> Self {
        Self(Utc::now().with_timezone(&zone).date_naive())
    }

    pub(crate) fn of(moment: DateTime<Utc>, zone: Tz) -> Self {
        Self(moment.with_timezone(&zone).date_naive())
    }

    /// The typed day; today if the text is empty.
    pub(crate) fn typed(text: Option<&str>, zone: Tz) -> Result<Self, Problem> {
        text.filter(|text| !text.is_empty()).map_or_else(|| Ok(Self::today(zone)), str::parse)
    }

    pub(crate) const fn date(self) -> NaiveDate {
        self.0
    }

    pub(crate) fn later(self, days: u64) -> Self {
        Self(self.0.checked_add_days(Days::new(days)).unwrap_or(self.0))
    }

    pub(crate) fn earlier(self, days: u64) -> Self {
        Self(self.0.checked_sub_days(Days::new(days)).unwrap_or(self.0))
    }

    /// The day in words: `Tuesday 24 November 2026`.
    pub(crate) fn in_words(self) -> String {
        self.0.format("%A %-d %B %Y").to_string()
    }

    /// The span from the start of the day to the start of the next.
    pub(crate) fn span(self, zone: Tz) -> (DateTime<Utc>, DateTime<Utc>) {
        (start_of(self.0, zone), start_of(self.later(1).0, zone))
    }
}

/// The start of a day. If clocks are set forward at midnight, the day does not start at 00:00.
fn start_of(date: NaiveDate, zone: Tz) -> DateTime<Utc> {
    let midnight = date.and_time(NaiveTime::MIN);
    (0..8)
        .map(|quarters| midnight + TimeDelta::minutes(15 * quarters))
        .find_map(|time| zone.from_local_datetime(&time).earliest())
        .map_or_else(|| midnight.and_utc(), |start| start.to_utc())
}

impl FromStr for Day {
    type Err = Problem;

    fn from_str(text: &str) -> Result<Self, Problem> {
        let date = NaiveDate::parse_from_str(text, "%Y-%m-%d").ok();
        date.filter(|date| (2000..3000).contains(&date.year()))
            .map(Self)
            .ok_or_else(|| Problem::Invalid("That is no day. Give one as 2026-11-24.".to_owned()))
    }
}

impl fmt::Display for Day {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// `9:30 am`
pub(crate) fn time(moment: DateTime<Utc>, zone: Tz) -> String {
    moment.with_timezone(&zone).format("%-I:%M %P").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hours(day: &str, zone: Tz) -> i64 {
        let day: Day = day.parse().unwrap();
        let (from, to) = day.span(zone);
        assert_eq!(Day::of(from, zone), day);
        assert_eq!(Day::of(to - TimeDelta::seconds(1), zone), day);
        (to - from).num_hours()
    }

    #[test]
    fn clock_changes_make_days_shorter_and_longer() {
        assert_eq!(hours("2026-11-24", Tz::America__New_York), 24);
        assert_eq!(hours("2026-03-08", Tz::America__New_York), 23);
        assert_eq!(hours("2026-11-01", Tz::America__New_York), 25);
        assert_eq!(hours("2018-11-04", Tz::America__Sao_Paulo), 23, "it has no midnight");
    }

    #[test]
    fn malformed_days_are_refused() {
        for text in
            ["", "today", "2026-02-30", "2026-11-24T00:00", "1999-12-31", "+12026-01-01", "-0001-01-01"]
        {
            assert!(text.parse::<Day>().is_err(), "{text}");
        }
    }
}
