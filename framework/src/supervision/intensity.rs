//! The restart window: how many restarts lie in the last period (OTP: `add_restart`). Pure.

use std::collections::VecDeque;
use std::time::Duration;

use tokio::time::Instant;

/// The restarts of the last period. Holds at most `intensity + 1` instants.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Window {
    intensity: u32,
    period: Duration,
    restarts: VecDeque<Instant>,
}

impl Window {
    pub(super) fn new(intensity: u32, period: Duration) -> Self {
        Self {
            intensity,
            period,
            restarts: VecDeque::new(),
        }
    }

    /// Adds a restart. `Some(count)` of those with `t >= now - period`, this one included, while the count is within the intensity.
    pub(super) fn add(&mut self, now: Instant) -> Option<u32> {
        while self
            .restarts
            .front()
            .is_some_and(|restart| now.duration_since(*restart) > self.period)
        {
            self.restarts.pop_front();
        }
        self.restarts.push_back(now);
        let count = u32::try_from(self.restarts.len()).unwrap_or(u32::MAX);
        if count > self.intensity {
            self.restarts.pop_front();
            return None;
        }
        Some(count)
    }
}
