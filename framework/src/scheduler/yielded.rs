//! A task that yields, in the queue among the actors: it goes on when those before it had their turn.
//!
//! Where a task yields to tokio, tokio wakes another worker for it, which takes tens of microseconds and often moves the task to another core, away
//! from what it works with. Woken by a dispatcher it stays on its worker. That is for one that is alone with its actors: where others are at it on
//! the same worker, another one is wanted, and tokio sees to timers and sockets when all of them have yielded to it.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Waker;
use std::time::Duration;

use tokio::time::Instant;

use super::life::{Entry, Keeps, Runs, Turn};
use super::{Scheduler, local};
use crate::id::ActorId;
use crate::panics;

/// How many of them there may be on one runtime; what comes then yields to tokio. A task that is polled on and on where it has yielded already does not
/// fill the queue.
const YIELDED_MAX: usize = 64;
/// Who waits longer is not alone: what the actors of one task take is less.
const ALONE_MAX: Duration = Duration::from_micros(200);
/// So many yield to tokio then.
const CROWD: usize = 32;

/// The tasks in the queues of a scheduler.
#[derive(Default)]
pub(super) struct Yields {
    queued: AtomicUsize,
    /// So many more are to yield to tokio.
    crowd: AtomicUsize,
}

impl Yields {
    /// Whether one more may be queued. It is counted then.
    fn admit(&self) -> bool {
        let crowd = self.crowd.load(Ordering::Relaxed);
        if crowd > 0 {
            self.crowd.store(crowd - 1, Ordering::Relaxed);
            return false;
        }
        let one_more = |queued| (queued < YIELDED_MAX).then_some(queued + 1);
        let counted = self
            .queued
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, one_more);
        counted.is_ok()
    }
}

/// Itself, and whom to wake.
type Kept = Option<(Arc<Yielded>, Waker)>;

struct Yielded {
    scheduler: Arc<Scheduler>,
    /// By tokio's clock: in a test what follows from that is the same each time.
    since: Instant,
    /// Taken by who has the entry.
    kept: Mutex<Kept>,
}

/// Puts a task that has this waker into this thread's queue, to be woken when those before it had their turn. False where it is to yield to tokio: it is
/// not of the scheduler's runtime, runs within a turn that the queue waits for, is not alone, or is there often enough.
#[cold]
pub(crate) fn yield_behind(scheduler: &Arc<Scheduler>, waker: &Waker) -> bool {
    let may_wait = local::is_at_rest(scheduler) && scheduler.is_here(waker) && scheduler.yields.admit();
    if may_wait {
        let yielded = Arc::new(Yielded {
            scheduler: Arc::clone(scheduler),
            since: Instant::now(),
            kept: Mutex::default(),
        });
        *yielded.kept() = Some((Arc::clone(&yielded), waker.clone()));
        scheduler.schedule(Entry::to(&yielded));
    }
    may_wait
}

impl Yielded {
    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Wakes the task. Answers what has kept this.
    fn wake(&self) -> Keeps {
        let (me, waker) = self.kept().take()?;
        if panics::caught(|| waker.wake()).is_err() {
            tracing::error!(target: "quorate::scheduler", "a waker panicked");
        }
        Some(me)
    }
}

impl Drop for Yielded {
    fn drop(&mut self) {
        self.scheduler.yields.queued.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Runs for Yielded {
    fn scheduler(&self) -> &Arc<Scheduler> {
        &self.scheduler
    }

    /// # Safety
    ///
    /// None: it is woken once, whoever calls this.
    unsafe fn turn(&self) -> Turn {
        if self.since.elapsed() > ALONE_MAX {
            self.scheduler.yields.crowd.store(CROWD, Ordering::Relaxed);
        }
        Turn::LifeEnded(self.wake())
    }

    /// # Safety
    ///
    /// As above.
    unsafe fn cancel(&self) -> [Keeps; 2] {
        [self.wake(), None]
    }

    /// Who waits may wake it.
    fn allows_help(&self, _: Option<ActorId>) -> bool {
        true
    }
}

#[cfg(test)]
mod tests {
    use std::task::Wake;

    use tokio::runtime::{Builder, Handle, Runtime};
    use tokio::task::yield_now;

    use super::*;

    /// How often it was woken.
    #[derive(Default)]
    struct Woken(AtomicUsize);

    impl Wake for Woken {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::SeqCst);
        }
    }

    fn runtime() -> Runtime {
        Builder::new_current_thread().build().unwrap()
    }

    /// The scheduler of this runtime, on a thread that is known to run what is in its queues.
    async fn scheduler() -> Arc<Scheduler> {
        let scheduler = Scheduler::of(&Handle::current());
        while !local::is_here(&scheduler) {
            yield_now().await;
        }
        scheduler
    }

    #[test]
    fn who_yields_is_woken_once_and_not_before_it_has() {
        let woken = Arc::new(Woken::default());
        runtime().block_on(async {
            let scheduler = scheduler().await;
            assert!(yield_behind(&scheduler, &Waker::from(Arc::clone(&woken))));
            assert_eq!(woken.0.load(Ordering::SeqCst), 0);
            while Arc::strong_count(&woken) > 1 {
                yield_now().await;
            }
        });
        assert_eq!(woken.0.load(Ordering::SeqCst), 1);
    }

    #[test]
    fn what_yields_as_its_runtime_ends_is_dropped_with_it() {
        let woken = Arc::new(Woken::default());
        let runtime = runtime();
        let scheduler = runtime.block_on(async {
            let scheduler = scheduler().await;
            assert!(yield_behind(&scheduler, &Waker::from(Arc::clone(&woken))));
            scheduler
        });
        drop(runtime);
        assert_eq!(Arc::strong_count(&woken), 1);
        assert_eq!(
            Arc::strong_count(&scheduler),
            2,
            "this one, and that of the thread's queue"
        );
    }

    #[test]
    fn no_more_of_them_than_their_bound_are_in_the_queue() {
        let woken = Arc::new(Woken::default());
        runtime().block_on(async {
            let (scheduler, waker) = (scheduler().await, Waker::from(Arc::clone(&woken)));
            let yields = (0..2 * YIELDED_MAX).map(|_| yield_behind(&scheduler, &waker));
            assert_eq!(yields.filter(|yields| *yields).count(), YIELDED_MAX);
            while scheduler.yields.queued.load(Ordering::Relaxed) > 0 {
                yield_now().await;
            }
        });
        assert_eq!(woken.0.load(Ordering::SeqCst), YIELDED_MAX);
    }

    #[test]
    fn who_has_waited_long_is_not_alone_by_the_clock_of_the_runtime() {
        for (is_paused, expected) in [(false, CROWD), (true, 0)] {
            let mut builder = Builder::new_current_thread();
            let runtime = builder.enable_time().start_paused(is_paused).build();
            let refused = runtime.unwrap().block_on(async {
                let scheduler = scheduler().await;
                assert!(yield_behind(&scheduler, Waker::noop()));
                std::thread::sleep(2 * ALONE_MAX);
                while scheduler.yields.queued.load(Ordering::Relaxed) > 0 {
                    yield_now().await;
                }
                let refused = (0..2 * CROWD).filter(|_| !yield_behind(&scheduler, Waker::noop()));
                refused.count()
            });
            assert_eq!(refused, expected, "{is_paused}");
        }
    }

    #[test]
    fn who_is_on_no_thread_of_the_scheduler_does_not_yield_to_it() {
        let runtime = runtime();
        let scheduler = runtime.block_on(scheduler());
        let other = std::thread::scope(|scope| {
            let other = scope.spawn(|| yield_behind(&scheduler, Waker::noop()));
            other.join().unwrap()
        });
        assert!(!other);
    }
}
