//! The clock that every process of a run shares: CLOCK_MONOTONIC counts alike in all processes of one machine.
//!
//! So what an instance, a caller and the driver wrote down can be put in one order. Nothing here is used to decide
//! who holds a lease; the runtime has clocks of its own.

use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};

/// Now, in nanoseconds on CLOCK_MONOTONIC.
pub fn now_ns() -> u64 {
    let now = Duration::try_from(clock_gettime(ClockId::Monotonic));
    nanos(now.expect("CLOCK_MONOTONIC counts up from zero"))
}

/// A duration in nanoseconds; what does not fit, some 584 years, is cut off there.
pub fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

/// Whole milliseconds from `start_ns` to `at_ns`; 0 when that was before.
pub fn ms_between(start_ns: u64, at_ns: u64) -> u64 {
    at_ns.saturating_sub(start_ns) / 1_000_000
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_clock_never_goes_back() {
        let first = now_ns();
        assert!(now_ns() >= first);
    }

    #[test]
    fn milliseconds_are_whole_and_never_negative() {
        assert_eq!(ms_between(1_000_000, 3_999_999), 2);
        assert_eq!(ms_between(5, 4), 0);
    }
}
