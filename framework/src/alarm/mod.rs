//! Alarms: who is woken when its deadline passes. A call sets one when it begins to wait.
//!
//! ```text
//! queue    which alarms are due, and when the next one is: pure
//! shards   the queues of a runtime, and what its sleeper sleeps for: a lock each, and one atomic
//! sleeper  a task of each runtime that sleeps until the next alarm and lets those ring that are due
//! ```
//! A timer of tokio's for each call is a box, and the earliest one of all, so that a thread that waits for timers is woken to hear of it.
//! Here a call takes a lock that hardly anybody else takes, and disturbs the sleeper only when its deadline is earlier than what the sleeper
//! sleeps for. An alarm that is taken back leaves nothing behind; the sleeper sleeps on, and finds nothing due when it wakes.
//!
//! The clock is tokio's, as precise (a millisecond), and virtual when that is. With the feature `test-util` the sleeper is also told when
//! the alarm that it sleeps for is taken back, so that virtual time does not jump to where nothing happens; without it a runtime whose
//! time is paused may do so once.
//!
//! An alarm is of the runtime on which its call is first polled. When that ends before it rings, it rings then, and is set anew
//! where its call is polled next. The sleeper is started by the first call that waits, keeps no runtime from ending, and ends with it.

mod queue;
mod shards;
mod sleeper;

#[cfg(all(test, quorate_loom))]
mod loom_tests;
#[cfg(all(test, not(quorate_loom)))]
mod tests;

use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::time::{Instant, Sleep, sleep_until};

use self::shards::State;
use self::sleeper::Set;

/// Wakes who waits, once, when its deadline passes. Dropping it takes it back.
#[derive(Debug)]
pub(crate) struct Alarm(Kind);

#[derive(Debug)]
enum Kind {
    Set(Set),
    /// Where the runtime is ending: what tokio says then.
    Own(Pin<Box<Sleep>>),
}

impl Alarm {
    /// Sets an alarm on this runtime. It is not looked at whether it is due already: it rings at once then.
    ///
    /// # Panics
    /// Outside of a tokio runtime, or on one without timers: as tokio's own timers.
    #[track_caller]
    pub(crate) fn set(deadline: Instant, cx: &mut Context<'_>) -> Self {
        if let Some(set) = Set::new(deadline, cx.waker()) {
            return Self(Kind::Set(set));
        }
        let mut own = Box::pin(sleep_until(deadline));
        if own.as_mut().poll(cx).is_ready() {
            cx.waker().wake_by_ref();
        }
        Self(Kind::Own(own))
    }

    /// Ready when it has rung; else it wakes who polls now. `deadline` is what it was set to.
    pub(crate) fn poll(&mut self, deadline: Instant, cx: &mut Context<'_>) -> Poll<()> {
        match &mut self.0 {
            Kind::Set(set) => match set.renew(cx.waker()) {
                State::Waits => Poll::Pending,
                State::Rung => Poll::Ready(()),
                State::Ended => {
                    *self = Self::set(deadline, cx);
                    Poll::Pending
                }
            },
            Kind::Own(own) => own.as_mut().poll(cx),
        }
    }
}
