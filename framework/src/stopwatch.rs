//! Whether something took longer than it may, or a deadline has passed, asked without reading the clock to the nanosecond where that says
//! nothing more.
//!
//! Reading the monotonic clock twice takes as long as a whole call in place. Its coarse sister, which the kernel moves on at every
//! tick, is read in a quarter of that. It is used for what may take [`COARSE_FROM`] or longer, to the precision of a tick, 10 ms at most.

use std::sync::OnceLock;
use std::time::Duration;

use tokio::time::Instant;

/// From here on a tick more or less is no matter.
const COARSE_FROM: Duration = Duration::from_millis(100);

/// The coarse clock is so much behind the other, at most.
const TICK: Duration = Duration::from_millis(10);
/// Deadlines so far away may be a tick later.
const FAR: Duration = Duration::from_secs(1);

const NANOS_A_SECOND: u64 = 1_000_000_000;

/// The instant after this time: a tick later, when that is of no matter.
#[inline]
pub(crate) fn deadline_after(timeout: Duration) -> Instant {
    let roughly = (timeout >= FAR).then(|| roughly_after(TICK + timeout)).flatten();
    roughly.unwrap_or_else(|| Instant::now() + timeout)
}

/// Whether a deadline has passed.
#[inline]
pub(crate) fn has_passed(deadline: Instant) -> bool {
    let is_far = roughly_after(TICK).is_some_and(|soon| soon < deadline);
    !is_far && deadline <= Instant::now()
}

/// So long after an instant that is not later than now, and less than a [`TICK`] earlier.
#[inline]
fn roughly_after(time: Duration) -> Option<Instant> {
    /// The same time by both clocks.
    static BASE: OnceLock<Option<(Instant, u64)>> = OnceLock::new();
    let (instant, since) = *BASE
        .get_or_init(|| Some((Instant::now(), fine_now()?)))
        .as_ref()?;
    // At the start the coarse clock is behind.
    let since = coarse_now()?.saturating_sub(since);
    Some(instant + Duration::from_nanos(since.saturating_add(nanos(time))))
}

/// Started when it was made.
pub(crate) enum Stopwatch {
    /// It is late after this time of the coarse clock.
    Coarse(u64),
    Fine(Instant, Duration),
}

impl Stopwatch {
    /// For something that may take so long.
    #[inline]
    pub(crate) fn start(may_take: Duration) -> Self {
        if may_take >= COARSE_FROM
            && let Some(now) = coarse_now()
        {
            return Self::Coarse(now.saturating_add(nanos(may_take)));
        }
        Self::Fine(Instant::now(), may_take)
    }

    /// Whether it has taken longer by now.
    #[inline]
    pub(crate) fn is_late(&self) -> bool {
        match self {
            Self::Coarse(latest) => coarse_now().is_some_and(|now| now > *latest),
            Self::Fine(start, may_take) => start.elapsed() > *may_take,
        }
    }
}

#[inline]
fn nanos(duration: Duration) -> u64 {
    let secs = duration.as_secs().saturating_mul(NANOS_A_SECOND);
    secs.saturating_add(u64::from(duration.subsec_nanos()))
}

/// The coarse clock, in nanoseconds.
#[cfg(all(target_os = "linux", not(feature = "test-util")))]
#[inline]
fn coarse_now() -> Option<u64> {
    read(libc::CLOCK_MONOTONIC_COARSE)
}

/// By the clock that the standard library's instants are of.
#[cfg(all(target_os = "linux", not(feature = "test-util")))]
fn fine_now() -> Option<u64> {
    read(libc::CLOCK_MONOTONIC)
}

#[cfg(all(target_os = "linux", not(feature = "test-util")))]
#[inline]
fn read(clock: libc::clockid_t) -> Option<u64> {
    let mut now = libc::timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    // SAFETY: the kernel writes to what we own, and nothing else is asked for.
    let result = unsafe { libc::clock_gettime(clock, &raw mut now) };
    // The kernel counts them from its start: they are not negative.
    (result == 0).then_some(
        now.tv_sec
            .cast_unsigned()
            .wrapping_mul(NANOS_A_SECOND)
            .wrapping_add(now.tv_nsec.cast_unsigned()),
    )
}

/// With virtual time there is one clock.
#[cfg(any(not(target_os = "linux"), feature = "test-util"))]
fn coarse_now() -> Option<u64> {
    None
}

#[cfg(any(not(target_os = "linux"), feature = "test-util"))]
fn fine_now() -> Option<u64> {
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

    #[test]
    fn a_deadline_has_passed_when_it_has_and_not_before() {
        assert!(has_passed(Instant::now()));
        for timeout in [Duration::from_millis(1), FAR, FAR * 10] {
            let (before, deadline) = (Instant::now(), deadline_after(timeout));
            assert!(!has_passed(deadline), "{timeout:?}");
            assert!(deadline >= before + timeout, "{timeout:?}");
            assert!(deadline <= Instant::now() + timeout + TICK, "{timeout:?}");
        }
        let deadline = deadline_after(Duration::from_millis(1));
        std::thread::sleep(Duration::from_millis(2));
        assert!(has_passed(deadline));
    }
}
