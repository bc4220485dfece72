//! What runs actors: a run queue of their own, inside the tokio workers.
//!
//! ```text
//! local       the queue of one thread: who is woken on a thread is run there
//! dispatcher  a tokio task that runs what is in the queues, turn by turn
//! life        what is in the queues: an actor's place, for the future of its present life
//! here        whether code runs on a runtime
//! live        all that live, to be dropped with the runtime
//! ```
//! Tokio wakes a sleeping thread for the second task that is woken on one; a hand-over between cores takes a hundred times as long as a
//! turn. Here an actor stays with the thread on which it was sent to, and another thread is woken only when there is more to do than this
//! one does within a [slice](dispatcher::SLICE). Handlers are in tokio's context as in any task: timers, sockets, `tokio::spawn`.
//!
//! There is one scheduler in a runtime, with as many dispatchers as the runtime has workers. Messages and wake-ups from elsewhere come in by
//! a common queue. A queue holds each actor once at most, so their number is its bound.

mod dispatcher;
mod here;
mod life;
mod live;
mod local;

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering, fence};
use std::sync::{Arc, Mutex, PoisonError, RwLock, Weak};

use crossbeam_deque::{Injector, Steal, Stealer};
use tokio::runtime::{self, Handle};

use self::dispatcher::Beacon;
pub(crate) use self::life::{Entry, Lives, LivesCell, begin, schedule};
use self::live::Live;
pub(crate) use self::local::helping;

/// The schedulers of all runtimes that have one.
static ALL: Mutex<Vec<(runtime::Id, Weak<Scheduler>)>> = Mutex::new(Vec::new());

pub(crate) struct Scheduler {
    runtime: runtime::Id,
    /// What was woken outside of the runtime.
    injected: Injector<Entry>,
    /// The queues of threads, with the dispatcher that sees to each.
    queues: RwLock<Vec<Queue>>,
    /// Numbers the queues.
    registered: AtomicUsize,
    beacons: Box<[Beacon]>,
    live: Live,
    /// The runtime has been shut down: what is woken is dropped.
    is_closed: AtomicBool,
}

struct Queue {
    number: usize,
    dispatcher: usize,
    stealer: Stealer<Entry>,
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
            queues: RwLock::default(),
            registered: AtomicUsize::new(0),
            beacons: (0..dispatchers).map(|_| Beacon::default()).collect(),
            live: Live::default(),
            is_closed: AtomicBool::new(false),
        });
        all.push((id, Arc::downgrade(&scheduler)));
        drop(all);
        for number in 0..dispatchers {
            runtime.spawn(dispatcher::dispatch(Arc::clone(&scheduler), number));
        }
        scheduler
    }

    /// Puts what was woken into the queue of this thread, if it is one of the runtime, and else into the common one.
    fn schedule(&self, entry: Entry) {
        if self.is_closed.load(Ordering::Acquire) {
            entry.cancel();
            return;
        }
        if let Err(entry) = local::push(self, entry) {
            self.inject(entry);
        }
    }

    fn inject(&self, entry: Entry) {
        self.injected.push(entry);
        fence(Ordering::SeqCst);
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

    fn register(&self, stealer: Stealer<Entry>) -> (usize, usize) {
        let number = self.registered.fetch_add(1, Ordering::Relaxed);
        let dispatcher = number % self.beacons.len();
        let queue = Queue {
            number,
            dispatcher,
            stealer,
        };
        self.queues
            .write()
            .unwrap_or_else(PoisonError::into_inner)
            .push(queue);
        (number, dispatcher)
    }

    fn unregister(&self, number: usize) {
        let mut queues = self.queues.write().unwrap_or_else(PoisonError::into_inner);
        queues.retain(|queue| queue.number != number);
    }

    /// Something for a dispatcher whose thread's own queue is empty: what came from elsewhere, what lies in a queue that it sees to, what a
    /// thread has more of than it runs now.
    fn find(&self, dispatcher: usize, into: &crossbeam_deque::Worker<Entry>, own: usize) -> Option<Entry> {
        let injected = retried(|| self.injected.steal_batch_and_pop(into));
        injected.or_else(|| {
            let queues = self.queues.read().unwrap_or_else(PoisonError::into_inner);
            queues
                .iter()
                .filter(|queue| queue.number != own && queue.is_for(dispatcher))
                .find_map(|queue| retried(|| queue.stealer.steal_batch_and_pop(into)))
        })
    }

    /// Whether there is anything that [`find`](Self::find) would find.
    fn has_work(&self, dispatcher: usize, own: usize) -> bool {
        let queues = self.queues.read().unwrap_or_else(PoisonError::into_inner);
        !self.injected.is_empty()
            || queues
                .iter()
                .any(|queue| queue.number != own && queue.is_for(dispatcher))
    }

    /// The runtime is being shut down: drops what is left.
    fn close(&self) {
        if !self.is_closed.swap(true, Ordering::SeqCst) {
            self.live.end();
        }
        self.drop_injected();
        let queues = self.queues.read().unwrap_or_else(PoisonError::into_inner);
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
    /// One's own is emptied, of another's it is taken when more than one waits.
    fn is_for(&self, dispatcher: usize) -> bool {
        let least = if self.dispatcher == dispatcher { 1 } else { 2 };
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
