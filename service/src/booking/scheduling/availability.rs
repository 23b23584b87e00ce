//! When a service is to be had.

use std::time::Duration;

use chrono::{DateTime, Datelike, NaiveDate, TimeDelta, Utc};
use serde::Serialize;
use uuid::Uuid;

use super::Scheduling;
use super::hours::{Fit, free_starts};
use super::resource::But;
use crate::booking::BookingError;
use crate::tenant::TenantExecutor;
use crate::vocabulary::InvalidInput;

/// What slots are looked for.
///
/// ```
/// use std::time::Duration;
/// use watertight::scheduling::SlotQuery;
///
/// # let service = uuid::Uuid::nil();
/// let query = SlotQuery {
///     step: Duration::from_mins(30),
///     buffer: Duration::from_mins(10),
///     ..SlotQuery::new(service, "2026-03-02".parse()?, "2026-03-08".parse()?)
/// };
/// # Ok::<(), chrono::ParseError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SlotQuery {
    /// The service, which says how long a slot is.
    pub service: Uuid,
    /// With whom; everyone when `None`.
    pub practitioner: Option<Uuid>,
    /// The first day, of the business's own calendar.
    pub from: NaiveDate,
    /// The last day, which is included; at most 366 days.
    pub to: NaiveDate,
    /// From one start to the next, counted from the opening; 15 minutes by default.
    pub step: Duration,
    /// What is left free before and after everything else; none by default.
    pub buffer: Duration,
    /// How long before its start a slot can still be had; none by default.
    pub notice: Duration,
}

impl SlotQuery {
    /// The most days of a range.
    pub const MAX_DAYS: i64 = 366;

    /// Every slot of a service on some days.
    #[must_use]
    pub const fn new(service: Uuid, from: NaiveDate, to: NaiveDate) -> Self {
        Self {
            service,
            practitioner: None,
            from,
            to,
            step: Duration::from_mins(15),
            buffer: Duration::ZERO,
            notice: Duration::ZERO,
        }
    }

    fn check(&self) -> Result<(), InvalidInput> {
        let refuse =
            |what, value: String, reason: &str| Err(InvalidInput { what, value, reason: reason.to_owned() });
        for day in [self.from, self.to] {
            if !(1..=9999).contains(&day.year()) {
                return refuse("day", day.to_string(), "is not in the years 1 to 9999");
            }
        }
        let days = (self.to - self.from).num_days();
        if !(0..Self::MAX_DAYS).contains(&days) {
            return refuse("range", format!("{} to {}", self.from, self.to), "is not of 1 to 366 days");
        }
        let day = Duration::from_hours(24);
        if self.step < Duration::from_mins(1) || self.step > day {
            return refuse("step", format!("{:?}", self.step), "is not between a minute and a day");
        }
        for (what, span, most) in [("buffer", self.buffer, day), ("notice", self.notice, day * 366)] {
            if span > most {
                return refuse(what, format!("{span:?}"), "is longer than makes sense");
            }
        }
        Ok(())
    }
}

/// A time at which a service is to be had.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct Slot {
    /// When it begins.
    pub start: DateTime<Utc>,
    /// When it ends.
    pub end: DateTime<Utc>,
    /// With whom; `None` where the business has no practitioners.
    pub practitioner: Option<Uuid>,
}

fn delta(span: Duration) -> TimeDelta {
    TimeDelta::from_std(span).unwrap_or(TimeDelta::MAX)
}

/// Availability.
impl<C: TenantExecutor> Scheduling<'_, C> {
    /// The free slots of a service, by start and then by practitioner: within the weekly hours, or the override of a
    /// day, in the business's time zone, beside bookings that are not cancelled, time blocks and live holds, and not
    /// before now by the database's clock. Two queries, however long the range.
    ///
    /// Hours are told by the clock on the wall: the business is open whenever that shows a time within them. On the day
    /// that clocks leap forward there is less between two hours, and on the day that they go back there is more.
    ///
    /// # Errors
    /// [`BookingError::NotFound`] for the service or the practitioner, [`BookingError::NoProfile`], [`BookingError::InvalidInput`].
    pub async fn free_slots(self, query: &SlotQuery) -> Result<Vec<Slot>, BookingError> {
        query.check()?;
        let terms = self.terms(query.service, query.practitioner, query.from, query.to).await?;
        let open = terms.hours.open(query.from, query.to);
        let (Some((first, _)), Some((_, last))) = (open.first(), open.last()) else { return Ok(Vec::new()) };
        let buffer = delta(query.buffer);
        let mut busy =
            self.busy((*first - buffer, *last + buffer), query.practitioner, But::default()).await?;
        let fit = Fit {
            duration: terms.duration,
            step: delta(query.step),
            buffer,
            not_before: terms.now + delta(query.notice),
        };
        let whom = match terms.practitioners.as_slice() {
            [] => vec![None],
            some => some.iter().copied().map(Some).collect(),
        };
        let mut slots = Vec::new();
        for practitioner in whom {
            let starts = free_starts(&open, busy.remove(&practitioner).unwrap_or_default(), fit);
            slots.extend(starts.into_iter().map(|start| Slot {
                start,
                end: start + fit.duration,
                practitioner,
            }));
        }
        // Stable: within a start they stay in the order of their handles.
        slots.sort_by_key(|slot| slot.start);
        Ok(slots)
    }
}
