//! A task that yields, in the queue among the actors: it goes on when those before it had their turn.
//!
//! Where a task yields to tokio, tokio wakes another worker for it, which takes tens of microseconds and often moves the task to another core, away
//! from what it works with. Woken by a dispatcher it stays on its worker.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::Waker;

use super::life::{Entry, Keeps, Runs, Turn};
use super::{Scheduler, local};
use crate::id::ActorId;

/// How many of them there may be on one runtime; what comes then yields to tokio. A task that is polled on and on where it has yielded already does not
/// fill the queue.
const YIELDED_MAX: usize = 1_024;

/// Kept by its entry alone.
struct Yielded {
    scheduler: Arc<Scheduler>,
    waker: Waker,
}

/// Puts a task that has this waker into this thread's queue. False where the thread is none of the scheduler's, or there are too many: nothing
/// wakes the task.
#[cold]
pub(crate) fn yield_behind(scheduler: &Arc<Scheduler>, waker: &Waker) -> bool {
    if !local::is_here(scheduler) || scheduler.yielded.load(Ordering::Relaxed) >= YIELDED_MAX {
        return false;
    }
    scheduler.yielded.fetch_add(1, Ordering::Relaxed);
    let yielded = Arc::new(Yielded {
        scheduler: Arc::clone(scheduler),
        waker: waker.clone(),
    });
    scheduler.schedule(Entry::keeping(yielded));
    true
}

impl Yielded {
    /// What has kept it, from its entry.
    ///
    /// # Safety
    ///
    /// The caller has the entry.
    unsafe fn kept(&self) -> Arc<Self> {
        // SAFETY: `yield_behind` has made it an `Arc` that is left to the entry.
        unsafe { Arc::from_raw(self) }
    }
}

impl Drop for Yielded {
    fn drop(&mut self) {
        self.scheduler.yielded.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Runs for Yielded {
    fn scheduler(&self) -> &Arc<Scheduler> {
        &self.scheduler
    }

    /// # Safety
    ///
    /// As said in the trait.
    unsafe fn turn(&self) -> Turn {
        self.waker.wake_by_ref();
        // SAFETY: as the caller says.
        Turn::LifeEnded(Some(unsafe { self.kept() }))
    }

    /// # Safety
    ///
    /// As said in the trait.
    unsafe fn cancel(&self) -> [Keeps; 2] {
        self.waker.wake_by_ref();
        // SAFETY: as the caller says.
        [Some(unsafe { self.kept() }), None]
    }

    /// Who waits may wake it.
    fn allows_help(&self, _: Option<ActorId>) -> bool {
        true
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicUsize;
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
            while scheduler.yielded.load(Ordering::Relaxed) > 0 {
                yield_now().await;
            }
            assert!(yield_behind(&scheduler, &waker));
        });
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
