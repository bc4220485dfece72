//! What runs actors: a run queue of their own, inside the tokio workers.
//!
//! ```text
//! local       the queue of one thread: who is woken on a thread is run there
//! beacon      by which a dispatcher is woken
//! dispatcher  a tokio task that runs what is in the queues, turn by turn
//! life        what is in the queues: most often an actor's place, for its present life
//! succession  the life in a place, and the one that follows
//! yielded     a task that lets those in the queue have their turn
//! watch       a thread that has others help when what runs on one does not yield
//! ```
//! Tokio wakes a sleeping thread for the second task that is woken on one; a hand-over between cores takes a hundred times as long as a
//! turn. Here an actor stays with the thread on which it was sent to, and another thread is woken only when there is more to do than this
//! one does alone in 50 us. A task that would wait for an actor helps instead: who spawns one runs its start, and who waits for room or for
//! an actor's end runs what lies in the queue of its thread. Handlers are in tokio's context as in any task: timers, sockets, `tokio::spawn`.
//!
//! # Why not a task for each actor
//!
//! What was tried, on two cores, in nanoseconds for a message: a tokio task for each actor (ping-pong 168, a ring of 1000 with one token 232, with
//! a hundred 60, one producer to 1000 actors 120); `async-task` in these queues, three read-modify-writes more (ping-pong 128 to 148); and, as it is
//! now, the word of the mailbox as all that schedules an actor (90, 90, 32, 77). Tokio's own yield searches other workers' queues, and
//! when it finds work again wakes another worker, 20 to 50 us on a virtual machine: so slices are half a millisecond long, casts and calls
//! that are done at once spend a part of a unit of the budget, and a task that has none left waits in the queue here, three times of four.
//!
//! There is one scheduler in a runtime, with as many dispatchers as the runtime has workers. Messages and wake-ups from elsewhere come in by
//! a common queue. A queue holds each actor once at most, so their number is its bound, and tasks that yield up to a bound of their own.

mod beacon;
mod dispatcher;
mod life;
mod local;
mod succession;
mod watch;
mod yielded;

#[cfg(all(test, quorate_loom))]
mod loom_tests;

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering, fence};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::task::Waker;

use crossbeam_deque::{Injector, Steal, Stealer};
use tokio::runtime::{self, Handle};

use self::beacon::Beacon;
pub(crate) use self::life::{Entry, Lives, Unbegun, begin, begin_first, run, schedule, waker};
use self::local::Local;
pub(crate) use self::local::help;
pub(crate) use self::succession::Succession;
use self::watch::{Moves, Watch};
use self::yielded::Yields;
pub(crate) use self::yielded::yield_behind;
use crate::here;

/// The schedulers of all runtimes that have one.
static ALL: Mutex<Vec<(runtime::Id, Weak<Scheduler>)>> = Mutex::new(Vec::new());

pub(crate) struct Scheduler {
    runtime: runtime::Id,
    /// What was woken outside of the runtime.
    injected: Injector<Entry>,
    /// The queues of threads, with the dispatcher that sees to each.
    queues: Mutex<Arc<[Queue]>>,
    /// How often they have changed.
    changes: AtomicUsize,
    /// Numbers the queues.
    registered: AtomicUsize,
    beacons: Box<[Beacon]>,
    watch: Watch,
    yields: Yields,
    /// The runtime has been shut down: what is woken is dropped.
    is_closed: AtomicBool,
}

#[derive(Clone)]
struct Queue {
    number: usize,
    stealer: Stealer<Entry>,
    moves: Arc<Moves>,
}

impl Scheduler {
    /// The scheduler of a runtime.
    pub(crate) fn of(runtime: &Handle) -> Arc<Self> {
        let mut all = ALL.lock().unwrap_or_else(PoisonError::into_inner);
        all.retain(|(_, scheduler)| scheduler.strong_count() > 0);
        let id = runtime.id();
        let known = all.iter().find(|(of, _)| *of == id);
        if let Some(known) = known.and_then(|(_, scheduler)| scheduler.upgrade()) {
            return known;
        }
        let dispatchers = runtime.metrics().num_workers().max(1);
        let scheduler = Arc::new(Self {
            runtime: id,
            injected: Injector::new(),
            queues: Mutex::new([].into()),
            changes: AtomicUsize::new(0),
            registered: AtomicUsize::new(0),
            beacons: (0..dispatchers).map(|_| Beacon::default()).collect(),
            watch: Watch::default(),
            yields: Yields::default(),
            is_closed: AtomicBool::new(false),
        });
        all.push((id, Arc::downgrade(&scheduler)));
        drop(all);
        for number in 0..dispatchers {
            runtime.spawn(dispatcher::dispatch(Arc::clone(&scheduler), number));
        }
        // Where there is one worker, there is nobody to help it.
        if dispatchers > 1 {
            watch::start(&scheduler, runtime);
        }
        scheduler
    }

    /// Puts what was woken into the queue of this thread, if it is one of the runtime, and else into the common one.
    #[inline(always)]
    fn schedule(&self, entry: Entry) {
        if self.is_closed() {
            entry.cancel();
            return;
        }
        if let Err(entry) = local::push(self, entry) {
            self.inject(entry);
        }
    }

    fn inject(&self, entry: Entry) {
        self.injected.push(entry);
        self.watch.stir();
        self.wake_another();
        // Whoever closes looks at the queue afterwards; whoever injects looks whether it was too late.
        if self.is_closed.load(Ordering::SeqCst) {
            self.drop_injected();
        }
    }

    /// Wakes a dispatcher that sleeps, if one does.
    fn wake_another(&self) -> bool {
        self.beacons.iter().any(Beacon::light)
    }

    /// Runs the code of an actor, which is polled with this waker.
    #[inline]
    pub(crate) fn enter<R>(&self, waker: &Waker, run: impl FnOnce() -> R) -> R {
        here::enter(self.runtime, waker, run)
    }

    /// Whether what is polled with this waker now runs on the runtime of this scheduler.
    #[inline]
    pub(crate) fn is_here(&self, waker: &Waker) -> bool {
        here::runtime(waker) == Some(self.runtime)
    }

    #[inline]
    fn is_closed(&self) -> bool {
        self.is_closed.load(Ordering::Acquire)
    }

    fn register(&self, stealer: Stealer<Entry>) -> (usize, Arc<Moves>) {
        let number = self.registered.fetch_add(1, Ordering::Relaxed);
        let moves = Arc::new(Moves::new(number % self.beacons.len()));
        let queue = Queue {
            number,
            stealer,
            moves: Arc::clone(&moves),
        };
        self.change(|queues| queues.iter().cloned().chain([queue]).collect());
        (number, moves)
    }

    /// Has a dispatcher see to the queue of the thread that it runs on, in exchange for the one that it has seen to: tokio may move it.
    fn take_over(&self, dispatcher: usize, number: usize) {
        let queues = self.lock_queues();
        let Some(own) = queues.iter().find(|queue| queue.number == number) else {
            return;
        };
        let other = own.moves.dispatcher();
        if other == dispatcher {
            return;
        }
        for queue in queues
            .iter()
            .filter(|queue| queue.moves.dispatcher() == dispatcher)
        {
            queue.moves.set_dispatcher(other);
        }
        own.moves.set_dispatcher(dispatcher);
        fence(Ordering::SeqCst);
        let has_work = |queue: &Queue| queue.moves.dispatcher() == other && !queue.stealer.is_empty();
        if queues.iter().any(has_work) {
            self.beacons[other].light();
        }
    }

    fn unregister(&self, number: usize) {
        let others = |queues: &[Queue]| {
            queues
                .iter()
                .filter(|queue| queue.number != number)
                .cloned()
                .collect()
        };
        self.change(others);
    }

    fn change(&self, change: impl FnOnce(&[Queue]) -> Arc<[Queue]>) {
        let mut queues = self.lock_queues();
        *queues = change(&queues);
        self.changes.fetch_add(1, Ordering::Release);
    }

    fn lock_queues(&self) -> MutexGuard<'_, Arc<[Queue]>> {
        self.queues.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Something for a dispatcher whose thread's own queue is empty: what came from elsewhere, what lies in a queue that it sees to, what a
    /// thread has more of than it runs now.
    fn find(&self, dispatcher: usize, local: &Local) -> Option<Entry> {
        let injected = retried(|| self.injected.steal_batch_and_pop(local.queue()));
        injected.or_else(|| {
            local.find_map(|queue| {
                let steals = queue.is_for(dispatcher);
                steals.then(|| retried(|| queue.stealer.steal_batch_and_pop(local.queue())))?
            })
        })
    }

    /// Whether there is anything that [`find`](Self::find) would find.
    fn has_work(&self, dispatcher: usize, local: &Local) -> bool {
        !self.injected.is_empty()
            || local
                .find_map(|queue| queue.is_for(dispatcher).then_some(()))
                .is_some()
    }

    /// The runtime is being shut down: drops what is left.
    fn close(&self) {
        if !self.is_closed.swap(true, Ordering::SeqCst) {
            self.watch.unpark();
        }
        self.drop_injected();
        let queues = Arc::clone(&self.lock_queues());
        for queue in &*queues {
            while let Some(entry) = retried(|| queue.stealer.steal()) {
                entry.cancel();
            }
        }
    }

    fn drop_injected(&self) {
        while let Some(entry) = retried(|| self.injected.steal()) {
            entry.cancel();
        }
    }
}

impl Queue {
    /// One's own is emptied, and one that does not move; of another it is taken when more than one waits.
    fn is_for(&self, dispatcher: usize) -> bool {
        let is_emptied = self.moves.dispatcher() == dispatcher || self.moves.is_stuck();
        let least = if is_emptied { 1 } else { 2 };
        self.stealer.len() >= least
    }
}

fn retried<T>(steal: impl Fn() -> Steal<T>) -> Option<T> {
    loop {
        match steal() {
            Steal::Success(stolen) => return Some(stolen),
            Steal::Empty => return None,
            Steal::Retry => std::hint::spin_loop(),
        }
    }
}
