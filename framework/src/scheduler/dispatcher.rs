//! A dispatcher: a tokio task that runs the actors that were woken, turn by turn, on whatever thread tokio polls it.

use std::future::poll_fn;
use std::pin::pin;
use std::sync::atomic::{AtomicBool, Ordering, fence};
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use tokio::task::{coop, yield_now};

use super::Scheduler;
use super::local::Local;

/// How long a dispatcher goes on before other tasks have their turn.
pub(super) const SLICE: Duration = Duration::from_micros(50);
/// Turns between two looks at the clock and at what came from elsewhere.
const LOOK: u32 = 16;

/// By which a dispatcher is woken.
#[derive(Default)]
#[repr(align(128))]
pub(super) struct Beacon {
    /// It runs, or will: nobody needs to wake it.
    is_lit: AtomicBool,
    waker: OnceLock<Waker>,
}

impl Beacon {
    /// Wakes the dispatcher. False when it is awake.
    #[inline]
    pub(super) fn light(&self) -> bool {
        if self.is_lit.load(Ordering::SeqCst) || self.is_lit.swap(true, Ordering::SeqCst) {
            return false;
        }
        if let Some(waker) = self.waker.get() {
            waker.wake_by_ref();
        }
        true
    }
}

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
        scheduler.0.beacons[number]
            .waker
            .get_or_init(|| cx.waker().clone());
        let local = Local::here(&scheduler.0);
        local.running(|| scheduler.0.run(number, &local, cx));
        Poll::<()>::Pending
    })
    .await;
}

impl Scheduler {
    /// Runs what is there, until there is nothing or the slice is over.
    fn run(&self, number: usize, local: &Local, cx: &mut Context<'_>) {
        let start = Instant::now();
        let beacon = &self.beacons[number];
        beacon.is_lit.store(true, Ordering::Relaxed);
        let mut turns: u32 = 0;
        loop {
            let Some(entry) = local
                .pop()
                .or_else(|| self.find(number, local.queue(), local.number()))
            else {
                beacon.is_lit.store(false, Ordering::SeqCst);
                fence(Ordering::SeqCst);
                if !self.has_work(number, local.number()) {
                    return;
                }
                // Whoever has lit it meanwhile has woken this task, too.
                if beacon.is_lit.swap(true, Ordering::SeqCst) {
                    return;
                }
                continue;
            };
            entry.run();
            turns += 1;
            if turns.is_multiple_of(LOOK) || !coop::has_budget_remaining() {
                if start.elapsed() > SLICE || !coop::has_budget_remaining() {
                    break;
                }
                if let Some(entry) = super::retried(|| self.injected.steal()) {
                    entry.run();
                }
            }
        }
        // Tokio may poll this one on another thread next: who sees to this thread's queue must be awake.
        fence(Ordering::SeqCst);
        self.beacons[local.dispatcher()].light();
        if local.len() > 1 && self.wake_another() {
            // Tokio keeps the one that was woken on this thread, and wakes another for this one.
            cx.waker().wake_by_ref();
        } else {
            // Polled again when all other tasks of this worker, timers and sockets have had their turn.
            let _ = pin!(yield_now()).poll(cx);
        }
    }
}
