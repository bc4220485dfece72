//! Whether something took longer than it may, asked without reading the clock to the nanosecond where that says nothing more.
//!
//! Reading the monotonic clock twice takes as long as a whole call in place. Its coarse sister, which the kernel moves on at every
//! tick, is read in a quarter of that. It is used for what may take [`COARSE_FROM`] or longer, to the precision of a tick, 10 ms at most.

use std::time::Duration;

use tokio::time::Instant;

/// From here on a tick more or less is no matter.
const COARSE_FROM: Duration = Duration::from_millis(100);

/// Started when it was made.
pub(crate) struct Stopwatch {
    may_take: Duration,
    start: Start,
}

enum Start {
    Coarse(Duration),
    Fine(Instant),
}

impl Stopwatch {
    /// For something that may take so long.
    #[inline]
    pub(crate) fn start(may_take: Duration) -> Self {
        let coarse = coarse_now().filter(|_| may_take >= COARSE_FROM);
        Self {
            may_take,
            start: coarse.map_or_else(|| Start::Fine(Instant::now()), Start::Coarse),
        }
    }

    /// Whether it has taken longer by now.
    #[inline]
    pub(crate) fn is_late(&self) -> bool {
        let took = match &self.start {
            Start::Coarse(start) => coarse_now().unwrap_or_default().saturating_sub(*start),
            Start::Fine(start) => start.elapsed(),
        };
        took > self.may_take
    }
}

#[cfg(all(target_os = "linux", not(feature = "test-util")))]
#[inline]
fn coarse_now() -> Option<Duration> {
    let mut now = libc::timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    // SAFETY: the kernel writes to what we own, and nothing else is asked for.
    let result = unsafe { libc::clock_gettime(libc::CLOCK_MONOTONIC_COARSE, &raw mut now) };
    let (secs, nanos) = (u64::try_from(now.tv_sec).ok()?, u32::try_from(now.tv_nsec).ok()?);
    (result == 0).then(|| Duration::new(secs, nanos))
}

/// With virtual time there is one clock.
#[cfg(any(not(target_os = "linux"), feature = "test-util"))]
fn coarse_now() -> Option<Duration> {
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_takes_longer_than_it_may_is_late() {
        for may_take in [1, 100] {
            let may_take = Duration::from_millis(may_take);
            let stopwatch = Stopwatch::start(may_take);
            assert!(!stopwatch.is_late());
            // A tick more, for the coarse clock.
            std::thread::sleep(may_take + Duration::from_millis(21));
            assert!(stopwatch.is_late(), "{may_take:?}");
        }
    }
}
