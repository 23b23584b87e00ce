//! The distance of an appointment from now and from other appointments.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};

use crate::vocabulary::InvalidInput;

/// The distance that a query or a new appointment keeps. Availability, holds, bookings and rescheduling read it alike.
#[derive(Debug, Clone, Copy)]
pub(super) struct Distance {
    buffer_minutes: i32,
    notice: TimeDelta,
    step: Option<TimeDelta>,
    horizon: Option<TimeDelta>,
}

/// Checks the time between two starts.
pub(super) fn check_step(step: Duration) -> Result<TimeDelta, InvalidInput> {
    let day = Duration::from_hours(24);
    if step < Duration::from_mins(1) || step > day {
        let reason = "is not between one minute and one day";
        return Err(InvalidInput::new("step", format!("{step:?}"), reason));
    }
    Ok(TimeDelta::from_std(step).unwrap_or(TimeDelta::MAX))
}

impl Distance {
    /// Checks a buffer and a notice. A buffer is kept in whole minutes and rounded up.
    pub(super) fn new(buffer: Duration, notice: Duration) -> Result<Self, InvalidInput> {
        let day = Duration::from_hours(24);
        for (what, span, most) in [("buffer", buffer, day), ("notice", notice, day * 366)] {
            if span > most {
                return Err(InvalidInput::new(what, format!("{span:?}"), format!("is longer than {most:?}")));
            }
        }
        let minutes = buffer.as_nanos().div_ceil(60_000_000_000);
        Ok(Self {
            buffer_minutes: i32::try_from(minutes).unwrap_or(i32::MAX),
            notice: TimeDelta::from_std(notice).unwrap_or(TimeDelta::MAX),
            step: None,
            horizon: None,
        })
    }

    /// Restricts starts to those of free slots with a step.
    pub(super) fn with_step(self, step: Option<Duration>) -> Result<Self, InvalidInput> {
        Ok(Self { step: step.map(check_step).transpose()?, ..self })
    }

    /// Restricts starts to a time from now.
    pub(super) fn with_horizon(self, horizon: Option<Duration>) -> Result<Self, InvalidInput> {
        let most = Duration::from_hours(24 * 366 * 100);
        match horizon {
            Some(horizon) if horizon > most => {
                let reason = format!("is longer than {most:?}; use `None` for bookings at any time");
                Err(InvalidInput::new("horizon", format!("{horizon:?}"), reason))
            }
            _ => Ok(Self { horizon: horizon.and_then(|horizon| TimeDelta::from_std(horizon).ok()), ..self }),
        }
    }

    pub(super) const fn step(self) -> Option<TimeDelta> {
        self.step
    }

    /// The latest start of an appointment that is made now.
    pub(super) fn latest(self, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
        now.checked_add_signed(self.horizon?)
    }

    pub(super) const fn notice(self) -> TimeDelta {
        self.notice
    }

    /// The minutes that are kept free beside an appointment of a service with a buffer of its own.
    pub(super) fn buffer_minutes(self, of_service: i32) -> i32 {
        self.buffer_minutes.max(of_service)
    }
}
