//! The clocks of this host, read as rule 16 asks: the only place of this crate that reads one for a lease.
//!
//! How readings become time is decided in [`LeaseClock`]. Here is one clock for what this process holds, one for what its replica of a
//! region judges, and the cell in which an actor's right to act is kept. Wall clocks are never read.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};

use crate::lease::{Drift, LeaseClock, Readings, Side, Time};

/// A lease clock of this process, shared by its threads.
#[derive(Debug, Clone)]
pub(crate) struct HostClock {
    clock: Arc<Mutex<LeaseClock>>,
    side: Side,
}

impl HostClock {
    /// Begins to count for `side`.
    pub(crate) fn start(side: Side, drift: Drift) -> Self {
        let clock = LeaseClock::new(side, drift, readings());
        Self {
            clock: Arc::new(Mutex::new(clock)),
            side,
        }
    }

    /// The time since the start.
    pub(crate) fn now(&self) -> Time {
        self.read().0
    }

    /// The time since the start, and the readings that it is made of. A disagreement of this host's clocks is an event at level `warn`.
    pub(crate) fn read(&self) -> (Time, Readings) {
        // A panic while the lock was held leaves a clock that only lags behind its next reading.
        let mut clock = self.clock.lock().unwrap_or_else(PoisonError::into_inner);
        let readings = readings();
        let (now, disagreement) = clock.read(readings);
        drop(clock);
        if let Some(apart) = disagreement {
            let (side, most, least) = (self.side, apart.most, apart.least);
            tracing::warn!(
                ?side,
                ?most,
                ?least,
                "the clocks of this host disagree beyond the bound, or it was suspended"
            );
        }
        (now, readings)
    }
}

fn readings() -> Readings {
    Readings {
        boottime: nanos(ClockId::Boottime),
        monotonic: nanos(ClockId::Monotonic),
        monotonic_raw: nanos(ClockId::MonotonicRaw),
    }
}

fn nanos(clock: ClockId) -> u64 {
    let now = clock_gettime(clock);
    // These clocks begin at zero and never show a negative time.
    u64::try_from(now.tv_sec).unwrap_or(0) * 1_000_000_000 + u64::try_from(now.tv_nsec).unwrap_or(0)
}

/// Until when one epoch may act: written by the lease's thread, looked at before each message and each effect.
///
/// It is over when *either* clock of the holder's side says so. Once ended it never becomes valid again; it is never used for another
/// epoch.
#[derive(Debug, Default)]
pub(crate) struct ValidityCell {
    boottime: AtomicU64,
    raw: AtomicU64,
    ended: AtomicBool,
}

impl ValidityCell {
    /// Moves the end to `remaining` after the instant of these readings. Not after the instant of this call: the thread may have been
    /// paused since it read its clocks.
    pub(crate) fn set_end(&self, at: Readings, remaining: Duration) {
        let remaining = u64::try_from(remaining.as_nanos()).unwrap_or(u64::MAX);
        // One thread writes. A reader between the two stores sees one older end, and the earlier end counts.
        self.boottime
            .store(at.boottime.saturating_add(remaining), Ordering::Release);
        self.raw
            .store(at.monotonic_raw.saturating_add(remaining), Ordering::Release);
    }

    /// Ends it for good.
    pub(crate) fn end(&self) {
        self.ended.store(true, Ordering::Release);
    }

    /// Whether the epoch may act at this moment.
    pub(crate) fn is_valid(&self) -> bool {
        !self.ended.load(Ordering::Acquire)
            && nanos(ClockId::Boottime) < self.boottime.load(Ordering::Acquire)
            && nanos(ClockId::MonotonicRaw) < self.raw.load(Ordering::Acquire)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_ended_cell_never_becomes_valid_again() {
        let cell = ValidityCell::default();
        assert!(!cell.is_valid());
        cell.set_end(readings(), Duration::from_mins(1));
        assert!(cell.is_valid());
        cell.end();
        cell.set_end(readings(), Duration::from_mins(10));
        assert!(!cell.is_valid());
    }

    #[test]
    fn a_pause_between_reading_the_clock_and_setting_the_end_extends_nothing() {
        let cell = ValidityCell::default();
        let before = readings();
        let minute = 60_000_000_000;
        let long_ago = Readings {
            boottime: before.boottime.saturating_sub(minute),
            monotonic_raw: before.monotonic_raw.saturating_sub(minute),
            ..before
        };
        cell.set_end(long_ago, Duration::from_secs(4));
        assert!(!cell.is_valid());
        let one_clock_stood_still = Readings {
            monotonic_raw: before.monotonic_raw,
            ..long_ago
        };
        cell.set_end(one_clock_stood_still, Duration::from_secs(4));
        assert!(!cell.is_valid(), "the clock that counted the pause decides");
    }

    #[test]
    fn time_goes_on() {
        let clock = HostClock::start(Side::Holder, Drift::DEFAULT);
        let first = clock.now();
        while clock.now() <= first {}
    }
}
