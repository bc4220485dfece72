//! A thread that looks after actors who wait behind code that does not yield.
//!
//! An actor waits in the queue of the thread on which it was woken, and no other thread is woken for it. If what runs there goes on and on,
//! a handler that computes or a task that never awaits, the actor would wait as long. So somebody looks: when a queue is not empty and
//! has not moved between two looks, another dispatcher is woken, which takes what lies there. All of them may be awake and waiting behind the
//! same code, in tokio's own queues: then a task is spawned in their place, which tokio gives to a worker that is free.
//!
//! Looks are [`SOON`] apart after one that has found something, and twice as far after each that has not, [`SELDOM`] at most. While
//! nothing runs at all the thread sleeps; whoever wakes an actor wakes it, too.

use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering, fence};
use std::sync::{Arc, OnceLock, Weak};
use std::thread::{self, Thread};
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::task::yield_now;

use super::Scheduler;

/// Between two looks, when the last has found something.
const SOON: Duration = Duration::from_micros(50);
/// And when many have not.
const SELDOM: Duration = Duration::from_millis(1);
/// Tasks in place of the dispatchers, at most. More would not help: no worker is free.
const RELIEFS_MAX: usize = 64;
/// Looks at nothing that runs, until it sleeps.
const QUIET_MAX: u32 = 16;
/// And how long it sleeps when nobody wakes it. Whoever puts an actor into its own thread's queue looks whether it sleeps, but not so
/// carefully that none could be missed.
const SLEEP: Duration = Duration::from_millis(250);

/// How far a queue has moved, for who looks, and who sees to it.
pub(super) struct Moves {
    /// The dispatcher that empties it, and is woken for it.
    dispatcher: AtomicUsize,
    /// Turns that were taken out of it.
    turns: AtomicU64,
    /// It does not move: whoever comes may take what lies there.
    is_stuck: AtomicBool,
}

impl Moves {
    pub(super) fn new(dispatcher: usize) -> Self {
        Self {
            dispatcher: AtomicUsize::new(dispatcher),
            turns: AtomicU64::new(0),
            is_stuck: AtomicBool::new(false),
        }
    }

    #[inline]
    pub(super) fn dispatcher(&self) -> usize {
        self.dispatcher.load(Ordering::SeqCst)
    }

    pub(super) fn set_dispatcher(&self, dispatcher: usize) {
        self.dispatcher.store(dispatcher, Ordering::SeqCst);
    }

    /// A turn was taken out of it, by its own thread.
    #[inline]
    pub(super) fn moved(&self) {
        let turns = self.turns.load(Ordering::Relaxed);
        self.turns.store(turns.wrapping_add(1), Ordering::Relaxed);
        if self.is_stuck.load(Ordering::Relaxed) {
            self.is_stuck.store(false, Ordering::Relaxed);
        }
    }

    pub(super) fn is_stuck(&self) -> bool {
        self.is_stuck.load(Ordering::Relaxed)
    }
}

/// The thread, as those see it who wake it.
#[derive(Default)]
pub(super) struct Watch {
    thread: OnceLock<Thread>,
    is_asleep: AtomicBool,
    /// Tasks that run in place of the dispatchers, or will.
    reliefs: AtomicUsize,
}

impl Watch {
    /// Something runs again.
    #[inline]
    pub(super) fn stir(&self) {
        if self.is_asleep.load(Ordering::Relaxed) && self.is_asleep.swap(false, Ordering::AcqRel) {
            self.unpark();
        }
    }

    pub(super) fn unpark(&self) {
        if let Some(thread) = self.thread.get() {
            thread.unpark();
        }
    }
}

/// Starts the thread of a scheduler. Where there cannot be one, an actor may wait for as long as what runs before it does not yield.
pub(super) fn start(scheduler: &Arc<Scheduler>, runtime: &Handle) {
    let (watched, runtime) = (Arc::downgrade(scheduler), runtime.clone());
    let started = thread::Builder::new()
        .name("quorate-watch".into())
        .spawn(move || watch(&watched, &runtime));
    match started {
        Ok(thread) => drop(scheduler.watch.thread.set(thread.thread().clone())),
        Err(error) => tracing::warn!(
            target: "quorate::scheduler", %error,
            "no thread to watch the run queues: what waits behind code that does not yield waits as long as that"
        ),
    }
}

fn watch(watched: &Weak<Scheduler>, runtime: &Handle) {
    let (mut pause, mut quiet) = (SOON, 0);
    let mut seen = Seen::default();
    loop {
        let Some(scheduler) = watched.upgrade().filter(|scheduler| !scheduler.is_closed()) else {
            return;
        };
        match scheduler.look(&mut seen) {
            Look::Stuck => {
                relieve(&scheduler, runtime);
                (pause, quiet) = (SOON, 0);
            }
            Look::Moving => (pause, quiet) = ((pause * 2).min(SELDOM), 0),
            Look::Quiet => (pause, quiet) = ((pause * 2).min(SELDOM), quiet + 1),
        }
        if quiet < QUIET_MAX {
            drop(scheduler);
            thread::sleep(pause);
            continue;
        }
        scheduler.watch.is_asleep.store(true, Ordering::SeqCst);
        fence(Ordering::SeqCst);
        // Either this sees what was woken, or whoever has woken it sees that this sleeps and unparks it.
        let look = scheduler.look(&mut seen);
        drop(scheduler);
        if matches!(look, Look::Quiet) {
            thread::park_timeout(SLEEP);
        }
        (pause, quiet) = (SOON, 0);
    }
}

/// Wakes a dispatcher, or has a task do what none of them comes to. At the next look there is another one, if that has not helped: the last
/// may have come to wait behind the same code, where tokio takes it away only when a worker is woken anew, as it is for a new task.
fn relieve(scheduler: &Arc<Scheduler>, runtime: &Handle) {
    let reliefs = &scheduler.watch.reliefs;
    if scheduler.wake_another() || reliefs.load(Ordering::Acquire) >= RELIEFS_MAX {
        return;
    }
    reliefs.fetch_add(1, Ordering::AcqRel);
    let scheduler = Arc::clone(scheduler);
    runtime.spawn(async move {
        while scheduler.relieve() {
            yield_now().await;
        }
        scheduler.watch.reliefs.fetch_sub(1, Ordering::AcqRel);
    });
}

/// What a look has found.
enum Look {
    Quiet,
    Moving,
    Stuck,
}

/// What there was at a look, for the next one.
#[derive(Default)]
struct Seen {
    /// The number of each queue, and its turns.
    turns: Vec<(usize, u64)>,
    has_injected: bool,
}

impl Scheduler {
    fn look(&self, seen: &mut Seen) -> Look {
        let mut now = Seen {
            turns: Vec::with_capacity(seen.turns.len()),
            has_injected: !self.injected.is_empty(),
        };
        let (mut moves, mut is_stuck) = (false, false);
        let queues = Arc::clone(&self.lock_queues());
        for queue in &*queues {
            let turns = (queue.number, queue.moves.turns.load(Ordering::Relaxed));
            let is_as_it_was = seen.turns.contains(&turns);
            moves |= !is_as_it_was;
            if is_as_it_was && !queue.stealer.is_empty() {
                queue.moves.is_stuck.store(true, Ordering::Relaxed);
                is_stuck = true;
            }
            now.turns.push(turns);
        }
        // What was woken elsewhere lies there until some dispatcher looks, and each does often.
        is_stuck |= now.has_injected && seen.has_injected;
        *seen = now;
        if is_stuck {
            Look::Stuck
        } else if moves || seen.has_injected {
            Look::Moving
        } else {
            Look::Quiet
        }
    }
}
