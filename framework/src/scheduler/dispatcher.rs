//! A dispatcher: a tokio task that runs the actors that were woken, turn by turn, on whatever thread tokio polls it.

use std::future::poll_fn;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use tokio::task::{coop, yield_now};

use super::Scheduler;
use super::local::Local;

/// How long a dispatcher goes on before another one is woken, when more than one actor waits.
const ALONE: Duration = Duration::from_micros(50);
/// How long it goes on before other tasks have their turn. Tokio wakes another worker whenever a task yields, so it is not done more often.
const SLICE: Duration = Duration::from_micros(500);
/// Turns between two looks at the clock and at what came from elsewhere.
const LOOK: u32 = 16;

/// The dispatcher of this number. Never ends; dropped with its runtime.
pub(super) async fn dispatch(scheduler: Arc<Scheduler>, number: usize) {
    /// The first of them that is dropped closes.
    struct Closes(Arc<Scheduler>);

    impl Drop for Closes {
        fn drop(&mut self) {
            self.0.close();
        }
    }

    let scheduler = Closes(scheduler);
    poll_fn(|cx| {
        scheduler.0.beacons[number].set_waker(cx.waker());
        let local = Local::here(&scheduler.0);
        local.running(|| scheduler.0.run(number, &local, cx));
        Poll::<()>::Pending
    })
    .await;
}

/// The number of who is no dispatcher: it sees to no queue.
const NOBODY: usize = usize::MAX;

impl Scheduler {
    /// Runs what does not move, for a slice, on this thread. True when there is more.
    pub(super) fn relieve(self: &Arc<Self>) -> bool {
        let (local, start) = (Local::here(self), Instant::now());
        let mut goes_on = true;
        local.running(|| {
            while goes_on && start.elapsed() < SLICE {
                match local.pop().or_else(|| self.find(NOBODY, &local)) {
                    Some(entry) => entry.run(),
                    None => goes_on = false,
                }
            }
        });
        if !local.is_empty() {
            // Tokio may poll the task on another thread next.
            self.beacons[local.dispatcher()].light();
        }
        goes_on
    }

    /// Runs what is there, until there is nothing or the slice is over.
    fn run(&self, number: usize, local: &Local, cx: &mut Context<'_>) {
        let start = Instant::now();
        let lit = &self.beacons[number].lit;
        lit.set();
        let mut turns: u32 = 0;
        loop {
            let Some(entry) = local.pop().or_else(|| self.find(number, local)) else {
                if lit.put_out(|| self.has_work(number, local)) {
                    return;
                }
                continue;
            };
            entry.run();
            turns += 1;
            let is_spent = !coop::has_budget_remaining();
            if turns.is_multiple_of(LOOK) || is_spent {
                let since = start.elapsed();
                let helps = since > ALONE && local.len() > 1 && self.wake_another();
                if helps {
                    // Tokio keeps the one that was woken on this thread, and wakes another thread for this one.
                    cx.waker().wake_by_ref();
                    break;
                }
                if since > SLICE || is_spent {
                    // Polled again when all other tasks of this worker, timers and sockets have had their turn.
                    let _ = pin!(yield_now()).poll(cx);
                    break;
                }
                if let Some(entry) = super::retried(|| self.injected.steal()) {
                    entry.run();
                }
            }
        }
        if !local.is_empty() && local.dispatcher() != number {
            self.take_over(number, local.number());
        }
    }
}
