//! Availability: the free slots of a service.

use std::time::Duration;

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use serde::Serialize;
use uuid::Uuid;

use super::Scheduling;
use super::distance::{Distance, check_step};
use super::occupancy::Replaced;
use super::slots::{free, starts};
use super::spans::Span;
use crate::booking::BookingError;
use crate::tenant::TenantExecutor;
use crate::vocabulary::calendar::check_date;
use crate::vocabulary::{InvalidInput, limits};

/// A query for the free slots of a service.
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
    /// The service, which sets the duration.
    pub service: Uuid,
    /// The practitioner; `None` for every practitioner.
    pub practitioner: Option<Uuid>,
    /// The first day, in the time zone of the business.
    pub from: NaiveDate,
    /// The last day, inclusive. A range has at most 366 days.
    pub to: NaiveDate,
    /// The time between two starts, counted from the opening; 15 minutes by default.
    pub step: Duration,
    /// The time kept free before and after bookings, blocks and holds; none by default.
    ///
    /// The buffer of the service is kept in any case. Pass the same time to [`Hold`](super::Hold) and
    /// [`NewBooking`](super::NewBooking).
    pub buffer: Duration,
    /// The least time between now and the start of a slot; none by default.
    ///
    /// Pass the same time to [`Hold`](super::Hold) and [`NewBooking`](super::NewBooking).
    pub notice: Duration,
    /// The most time between now and the start of a slot; `None`, the default, for no limit.
    ///
    /// At most 100 years. Pass the same time to [`Hold`](super::Hold) and [`NewBooking`](super::NewBooking).
    pub horizon: Option<Duration>,
}

impl SlotQuery {
    /// The most days of a range.
    pub const MAX_DAYS: i64 = 366;
    /// The default step.
    pub const STEP: Duration = Duration::from_mins(15);
    /// The horizon of a [booking by a visitor](super::NewBooking::by_visitor).
    pub const HORIZON: Duration = Duration::from_hours(366 * 24);

    /// Every slot of a service on the days of a range.
    ///
    /// ```
    /// use std::time::Duration;
    /// use watertight::scheduling::SlotQuery;
    ///
    /// # let (massage, maya) = (uuid::Uuid::nil(), uuid::Uuid::nil());
    /// let week = SlotQuery::new(massage, "2026-03-02".parse()?, "2026-03-08".parse()?);
    /// assert_eq!(week.practitioner, None);
    /// assert_eq!(week.step, Duration::from_mins(15));
    /// // The same week of one practitioner, at least a day from now.
    /// let of_maya = SlotQuery { practitioner: Some(maya), notice: Duration::from_hours(24), ..week };
    /// # Ok::<(), chrono::ParseError>(())
    /// ```
    #[must_use]
    pub const fn new(service: Uuid, from: NaiveDate, to: NaiveDate) -> Self {
        Self {
            service,
            practitioner: None,
            from,
            to,
            step: Self::STEP,
            buffer: Duration::ZERO,
            notice: Duration::ZERO,
            horizon: None,
        }
    }

    fn check(&self) -> Result<Distance, InvalidInput> {
        let refuse = |what, value: String, reason: &str| Err(InvalidInput::new(what, value, reason));
        check_date("day", self.from)?;
        check_date("day", self.to)?;
        let days = (self.to - self.from).num_days();
        if !(0..Self::MAX_DAYS).contains(&days) {
            return refuse("range", format!("{} to {}", self.from, self.to), "does not span 1 to 366 days");
        }
        Distance::new(self.buffer, self.notice)?.with_step(Some(self.step))?.with_horizon(self.horizon)
    }
}

/// A free slot of a service.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[non_exhaustive]
pub struct Slot {
    /// The start, inclusive.
    pub start: DateTime<Utc>,
    /// The end, exclusive.
    pub end: DateTime<Utc>,
    /// The practitioner; `None` for a business without practitioners.
    pub practitioner: Option<Uuid>,
}

impl Slot {
    /// A slot from a start to an end.
    ///
    /// ```
    /// use watertight::scheduling::Slot;
    ///
    /// fn label(slot: &Slot) -> String {
    ///     format!("{}, {} minutes", slot.start.format("%H:%M"), (slot.end - slot.start).num_minutes())
    /// }
    ///
    /// // Tests of the page need no database.
    /// let slot = Slot::new("2026-03-02T15:00:00Z".parse()?, "2026-03-02T16:15:00Z".parse()?, None);
    /// assert_eq!(label(&slot), "15:00, 75 minutes");
    /// # Ok::<(), chrono::ParseError>(())
    /// ```
    #[must_use]
    pub const fn new(start: DateTime<Utc>, end: DateTime<Utc>, practitioner: Option<Uuid>) -> Self {
        Self { start, end, practitioner }
    }
}

/// Availability.
impl<C: TenantExecutor> Scheduling<'_, C> {
    /// The free slots of a service, ordered by start and then by the practitioner's handle.
    ///
    /// A slot begins on a day of the range and lies within the weekly hours, or within the overrides of a date, in the
    /// time zone of the business. It can go on past midnight while the business stays open. It keeps the buffer's
    /// distance from every booking, time block and live hold of the practitioner and of the whole business, and it does
    /// not start before now by the database's clock. The number of queries is two for a range of any length.
    ///
    /// A service that is not active has no slots.
    ///
    /// The business is open whenever its wall clock shows a time within its hours, so days on which clocks change are
    /// shorter or longer.
    ///
    /// ```no_run
    /// use chrono::{Days, Utc};
    /// use watertight::scheduling::SlotQuery;
    /// use watertight::{BookingError, Tenant};
    ///
    /// # async fn example(tenant: &impl Tenant, massage: uuid::Uuid) -> Result<(), BookingError> {
    /// let today = Utc::now().date_naive();
    /// let week = SlotQuery::new(massage, today, today + Days::new(6));
    /// for slot in tenant.scheduling().free_slots(&week).await? {
    ///     println!("{} to {}", slot.start, slot.end);
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`BookingError::NotFound`] for the service or the practitioner, [`BookingError::NoProfile`], [`BookingError::InvalidInput`].
    pub async fn free_slots(self, query: &SlotQuery) -> Result<Vec<Slot>, BookingError> {
        let distance = query.check()?;
        let offer = self.offer(query.service, query.practitioner, query.from, query.to).await?;
        if !offer.active {
            return Ok(Vec::new());
        }
        let (hours, not_before) = (&offer.hours, offer.now + distance.notice());
        let latest = distance.latest(offer.now);
        // Offsets are less than a day, so only dates in UTC at the edges need the time zone.
        let is_inside = |date: NaiveDate| query.from < date && date < query.to;
        let within = |start: DateTime<Utc>| {
            start >= not_before
                && latest.is_none_or(|latest| start <= latest)
                && (is_inside(start.date_naive()) || (query.from..=query.to).contains(&hours.date_of(start)))
        };
        let (openings, step) = (hours.openings(query.from, query.to), check_step(query.step)?);
        check_work(&openings, step, offer.practitioners.len())?;
        let starts = starts(&openings, offer.duration, step, within);
        let (Some(first), Some(last)) = (starts.first(), starts.last()) else { return Ok(Vec::new()) };
        let buffer = TimeDelta::minutes(distance.buffer_minutes(offer.buffer_minutes).into());
        let span = (*first, *last + offer.duration);
        let taken = self.taken(span, query.practitioner, buffer, Replaced::default()).await?;
        let practitioners = match offer.practitioners.as_slice() {
            [] => vec![None],
            some => some.iter().copied().map(Some).collect(),
        };
        let mut slots = Vec::new();
        for practitioner in practitioners {
            let blocked = taken.iter().filter(|taken| taken.concerns(practitioner));
            let free = free(&starts, offer.duration, blocked.map(|taken| taken.blocks(buffer)).collect());
            slots
                .extend(free.into_iter().map(|start| Slot::new(start, start + offer.duration, practitioner)));
        }
        // A stable sort: slots of one start stay in the order of their practitioners' handles.
        slots.sort_by_key(|slot| slot.start);
        Ok(slots)
    }
}

/// Refuses opening hours that have too many steps: a tenant's hours do not decide how long others wait.
fn check_work(openings: &[Span], step: TimeDelta, practitioners: usize) -> Result<(), InvalidInput> {
    let steps = |(opens, closes): &Span| (*closes - *opens).num_seconds() / step.num_seconds().max(1);
    let steps = openings.iter().map(steps).fold(0, i64::saturating_add);
    let slots = usize::try_from(steps).unwrap_or_default().saturating_mul(practitioners.max(1));
    if slots > limits::SLOTS {
        let reason = format!(
            "is the number of its possible slots; the maximum is {}: ask for fewer days, one practitioner or a longer step",
            limits::SLOTS
        );
        return Err(InvalidInput::new("range", slots.to_string(), reason));
    }
    Ok(())
}
