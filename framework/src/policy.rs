//! The policy of a child: constants that the annotation on the struct writes and a [`ChildSpec`](crate::ChildSpec)
//! may override.

use std::time::Duration;

use crate::pace::InPlace;

/// The bound of a mailbox when nothing else is said, in messages.
pub(crate) const DEFAULT_MAILBOX: usize = 1024;

/// How long a worker may take to stop when nothing else is said (OTP: 5 s).
pub(crate) const DEFAULT_SHUTDOWN: Duration = Duration::from_secs(5);

/// When a child that ended is started again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Restart {
    /// Always, even after a normal end. The default.
    #[default]
    Permanent,
    /// Only after a failure: not after [`ExitReason::is_expected`](crate::ExitReason::is_expected).
    Transient,
    /// Never.
    Temporary,
}

/// How a child is stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shutdown {
    /// Without being asked.
    Kill,
    /// Asked, and killed when it has not ended after this time.
    After(Duration),
    /// Asked, and waited for however long it takes. The default of a supervisor.
    Infinity,
}

impl Default for Shutdown {
    fn default() -> Self {
        Self::After(DEFAULT_SHUTDOWN)
    }
}

/// How long to wait before the next restart: doubled from `min` to `max` with each restart inside the intensity
/// window, and shortened by a random part of itself, so that children that fail together do not come back together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Backoff {
    /// The wait before the first restart.
    pub min: Duration,
    /// The longest wait.
    pub max: Duration,
    /// By how much a wait is shortened at most, in percent of it; 0 by default, more than 100 is 100.
    pub jitter: u8,
}

impl Backoff {
    /// Without jitter.
    pub const fn new(min: Duration, max: Duration) -> Self {
        Self { min, max, jitter: 0 }
    }

    /// Shortens each wait by up to this many percent of it.
    #[must_use]
    pub const fn jitter(self, percent: u8) -> Self {
        Self {
            jitter: percent,
            ..self
        }
    }

    /// The wait before restart number `restarts` (counted from 1) of the window. `dice` is any number.
    pub(crate) fn delay(self, restarts: u32, dice: u64) -> Duration {
        let factor = 1_u32.checked_shl(restarts.saturating_sub(1)).unwrap_or(u32::MAX);
        let delay = self.min.saturating_mul(factor).min(self.max);
        let jitter = f64::from(self.jitter.min(100)) / 100.0 * ((dice >> 11) as f64 / (1_u64 << 53) as f64);
        // The longest duration there is may round up beyond itself.
        let cut = Duration::try_from_secs_f64(delay.as_secs_f64() * jitter).unwrap_or(delay);
        delay.saturating_sub(cut)
    }
}

/// What `#[actor(...)]` on a struct says. Only constants, so that it can be read without an instance.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Policy {
    /// When to restart.
    pub restart: Restart,
    /// How to stop.
    pub shutdown: Shutdown,
    /// The bound of the mailbox, in messages, from 1 to [`MAILBOX_MAX`](crate::MAILBOX_MAX).
    pub mailbox: usize,
    /// The wait before a restart; none by default, as in OTP.
    pub backoff: Option<Backoff>,
    /// Whether callers may run its methods in place.
    pub in_place: InPlace,
    /// How long the actor is idle before it hibernates (OTP: `hibernate_after`): what its messages and its waiting handlers have left
    /// behind for the next ones goes back to the allocator. Never by default. Not for what is idle often and for a short time: the
    /// next message pays for the memory.
    pub hibernate_after: Option<Duration>,
    /// Whether its end may end its supervisor, see [`AutoShutdown`](crate::supervision::AutoShutdown).
    pub significant: bool,
}

impl Policy {
    /// Permanent, 5 s to stop, a mailbox of 1024, no back-off, no hibernation.
    pub const DEFAULT: Self = Self {
        restart: Restart::Permanent,
        shutdown: Shutdown::After(DEFAULT_SHUTDOWN),
        mailbox: DEFAULT_MAILBOX,
        backoff: None,
        in_place: InPlace::Auto,
        hibernate_after: None,
        significant: false,
    };
}

impl Default for Policy {
    fn default() -> Self {
        Self::DEFAULT
    }
}
