//! One lease clock out of the several clocks of a host. Rule 16 of the design.
//!
//! Time is counted from reading to reading, on each clock for itself. A holder goes by the clock that moved *most*, a region by the one
//! that moved *least*: whichever of them is wrong, the holder stops early and the region waits long. The driver reads the clocks; wall
//! clocks are none of them.

use std::time::Duration;

use super::clock::{Drift, Time};

/// How far two clocks may part between two readings for reasons other than their rates: they are not read at one instant.
const READING_JITTER: Duration = Duration::from_millis(10);

/// What a host's clocks show at one instant, each in nanoseconds since its own beginning.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Readings {
    /// `CLOCK_BOOTTIME`: counts suspension.
    pub boottime: u64,
    /// `CLOCK_MONOTONIC`: stands still during suspension; its rate is corrected.
    pub monotonic: u64,
    /// `CLOCK_MONOTONIC_RAW`: stands still during suspension; its rate is the hardware's.
    pub monotonic_raw: u64,
}

/// Whose side a clock must err on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// The larger of BOOTTIME and MONOTONIC_RAW counts.
    Holder,
    /// The smaller of MONOTONIC and MONOTONIC_RAW counts.
    Region,
}

/// Two clocks of this host moved apart by more than the drift that everybody counts on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Disagreement {
    /// What the faster clock counted since the last reading.
    pub most: Duration,
    /// What the slower clock counted.
    pub least: Duration,
}

/// A lease clock.
#[derive(Debug, Clone)]
pub struct LeaseClock {
    side: Side,
    drift: Drift,
    last: Readings,
    now: Time,
}

impl LeaseClock {
    /// A clock that shows [`Time`] zero at these readings.
    pub fn new(side: Side, drift: Drift, readings: Readings) -> Self {
        Self {
            side,
            drift,
            last: readings,
            now: Time::default(),
        }
    }

    /// The time at the last reading.
    pub fn now(&self) -> Time {
        self.now
    }

    /// Moves on to these readings: the time, and an alarm when the clocks moved apart. A suspension is such an alarm at a holder.
    pub fn read(&mut self, readings: Readings) -> (Time, Option<Disagreement>) {
        let elapsed = |reading: fn(&Readings) -> u64| {
            Duration::from_nanos(reading(&readings).saturating_sub(reading(&self.last)))
        };
        let raw = elapsed(|it| it.monotonic_raw);
        let other = match self.side {
            Side::Holder => elapsed(|it| it.boottime),
            Side::Region => elapsed(|it| it.monotonic),
        };
        let (most, least) = (raw.max(other), raw.min(other));
        self.now = self
            .now
            .after(if self.side == Side::Holder { most } else { least });
        self.last = readings;
        let apart = most.saturating_sub(least) > self.drift.spread(most) + READING_JITTER;
        (self.now, apart.then_some(Disagreement { most, least }))
    }
}
