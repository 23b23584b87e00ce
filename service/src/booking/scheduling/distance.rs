//! The distance of an appointment from now and from other appointments.

use std::time::Duration;

use chrono::TimeDelta;

use crate::vocabulary::InvalidInput;

/// The distance that a query or a new appointment keeps. Availability, holds, bookings and rescheduling read it alike.
#[derive(Debug, Clone, Copy)]
pub(super) struct Distance {
    buffer_minutes: i32,
    notice: TimeDelta,
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
        })
    }

    pub(super) const fn notice(self) -> TimeDelta {
        self.notice
    }

    /// The minutes that are kept free beside an appointment of a service with a buffer of its own.
    pub(super) fn buffer_minutes(self, of_service: i32) -> i32 {
        self.buffer_minutes.max(of_service)
    }
}
