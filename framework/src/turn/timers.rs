//! The timers of one incarnation's loop: its ticks, and when it hibernates.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::time::{Instant, Interval, MissedTickBehavior, Sleep, interval_at, sleep};

use crate::actor::Actor;
use crate::seldom::Seldom;

/// The timers of an incarnation that has any.
pub(super) struct Timers {
    pub(super) ticks: Ticks,
    pub(super) idle: Idle,
}

impl Timers {
    /// From now on. `None` for one that neither ticks nor hibernates.
    #[inline]
    pub(super) fn new<A: Actor>(hibernate_after: Option<Duration>) -> Seldom<Self> {
        let is_timed = !A::TICKS.is_empty() || hibernate_after.is_some();
        Seldom::new(is_timed.then(|| Self {
            ticks: Ticks::new::<A>(),
            idle: Idle::new(hibernate_after),
        }))
    }
}

/// When an idle actor hibernates.
pub(super) struct Idle {
    after: Option<Duration>,
    sleep: Option<Pin<Box<Sleep>>>,
    is_hibernating: bool,
}

impl Idle {
    fn new(after: Option<Duration>) -> Self {
        Self {
            after,
            sleep: None,
            is_hibernating: false,
        }
    }

    pub(super) fn ends(&mut self) {
        if self.after.is_some() {
            self.sleep = None;
            self.is_hibernating = false;
        }
    }

    /// Ready once, when it has been idle for long enough.
    pub(super) fn poll(&mut self, task: &mut Context<'_>) -> Poll<()> {
        let Some(after) = self.after.filter(|_| !self.is_hibernating) else {
            return Poll::Pending;
        };
        let sleep = self.sleep.get_or_insert_with(|| Box::pin(sleep(after)));
        let hibernates = sleep.as_mut().poll(task);
        if hibernates.is_ready() {
            self.sleep = None;
            self.is_hibernating = true;
        }
        hibernates
    }
}

/// The timers of `#[tick]` methods. A tick that is late is not made up for.
pub(super) struct Ticks(Vec<Interval>);

impl Ticks {
    fn new<A: Actor>() -> Self {
        let interval = |period| {
            let mut interval = interval_at(Instant::now() + period, period);
            interval.set_missed_tick_behavior(MissedTickBehavior::Delay);
            interval
        };
        Self(A::TICKS.iter().copied().map(interval).collect())
    }

    #[inline]
    pub(super) fn poll(&mut self, task: &mut Context<'_>) -> Poll<usize> {
        match self
            .0
            .iter_mut()
            .position(|interval| interval.poll_tick(task).is_ready())
        {
            Some(index) => Poll::Ready(index),
            None => Poll::Pending,
        }
    }
}
