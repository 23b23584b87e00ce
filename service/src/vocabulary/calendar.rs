//! Dates and times that both PostgreSQL and chrono represent, with room for sums of days.

#[cfg(feature = "booking")]
use chrono::NaiveDate;
use chrono::{DateTime, Datelike, Utc};

use super::InvalidInput;

const YEARS: std::ops::RangeInclusive<i32> = 1..=9999;

const REASON: &str = "is not between the years 1 and 9999";

/// Refuses a time outside the years 1 to 9999.
pub(crate) fn check_time(what: &'static str, time: DateTime<Utc>) -> Result<(), InvalidInput> {
    if YEARS.contains(&time.year()) { Ok(()) } else { Err(InvalidInput::new(what, time.to_string(), REASON)) }
}

/// Refuses a date outside the years 1 to 9999.
#[cfg(feature = "booking")]
pub(crate) fn check_date(what: &'static str, date: NaiveDate) -> Result<(), InvalidInput> {
    if YEARS.contains(&date.year()) { Ok(()) } else { Err(InvalidInput::new(what, date.to_string(), REASON)) }
}
