//! The queue of one thread.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{Ordering, fence};

use crossbeam_deque::Worker;

use super::watch::Moves;
use super::{Entry, Queue, Scheduler};
use crate::id::ActorId;

pub(super) struct Local {
    scheduler: Arc<Scheduler>,
    number: usize,
    queue: Worker<Entry>,
    moves: Arc<Moves>,
    /// A dispatcher runs here now, and looks at the queue before it sleeps.
    is_running: Cell<bool>,
    /// The queues of all threads as they were after so many changes.
    known: RefCell<(usize, Arc<[Queue]>)>,
}

thread_local! {
    /// The last of `OWN` that was used.
    static HERE: Cell<*const Local> = const { Cell::new(std::ptr::null()) };
    /// The queues of this thread, one for each runtime that it has been a worker of.
    static OWN: RefCell<Vec<Rc<Local>>> = const { RefCell::new(Vec::new()) };
}

impl Local {
    /// This thread's queue for a scheduler, whose worker it is.
    pub(super) fn here(scheduler: &Arc<Scheduler>) -> Rc<Self> {
        OWN.with(|own| {
            let mut own = own.borrow_mut();
            // Runtimes come and go in the life of a thread.
            own.retain(|local| !local.scheduler.is_closed() || local.is_running.get());
            let known = own.iter().find(|local| Arc::ptr_eq(&local.scheduler, scheduler));
            let local = known.cloned().unwrap_or_else(|| {
                let queue = Worker::new_fifo();
                let (number, moves) = scheduler.register(queue.stealer());
                let local = Rc::new(Self {
                    scheduler: Arc::clone(scheduler),
                    number,
                    queue,
                    moves,
                    is_running: Cell::new(false),
                    known: RefCell::new((0, [].into())),
                });
                own.push(Rc::clone(&local));
                local
            });
            HERE.set(Rc::as_ptr(&local));
            local
        })
    }

    /// Runs a dispatcher here.
    pub(super) fn running(&self, run: impl FnOnce()) {
        /// Puts back what was, after a panic too.
        struct Before<'a>(&'a Cell<bool>, bool);

        impl Drop for Before<'_> {
            fn drop(&mut self) {
                self.0.set(self.1);
            }
        }

        let _before = Before(&self.is_running, self.is_running.replace(true));
        run();
    }

    #[inline]
    fn put(&self, entry: Entry) {
        self.queue.push(entry);
        self.scheduler.watch.stir();
        if self.is_running.get() {
            return;
        }
        fence(Ordering::SeqCst);
        // It is asked for afterwards: it may be another's meanwhile, who looks once more then.
        self.scheduler.beacons[self.dispatcher()].light_fenced();
        // The runtime may have been shut down meanwhile: then nobody looks any more.
        if self.scheduler.is_closed() {
            while let Some(entry) = self.queue.pop() {
                entry.cancel();
            }
        }
    }

    #[inline]
    pub(super) fn pop(&self) -> Option<Entry> {
        let entry = self.queue.pop();
        if entry.is_some() {
            self.moves.moved();
        }
        entry
    }

    pub(super) fn len(&self) -> usize {
        self.queue.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.queue.is_empty()
    }

    /// What `f` finds first among the queues of the other threads.
    pub(super) fn find_map<R>(&self, f: impl FnMut(&Queue) -> Option<R>) -> Option<R> {
        let mut known = self.known.borrow_mut();
        let changes = self.scheduler.changes.load(Ordering::Acquire);
        if known.0 != changes {
            *known = (changes, Arc::clone(&self.scheduler.lock_queues()));
        }
        let mut others = known.1.iter().filter(|queue| queue.number != self.number);
        others.find_map(f)
    }

    pub(super) fn queue(&self) -> &Worker<Entry> {
        &self.queue
    }

    #[inline]
    pub(super) fn dispatcher(&self) -> usize {
        self.moves.dispatcher()
    }

    pub(super) fn number(&self) -> usize {
        self.number
    }
}

impl Drop for Local {
    fn drop(&mut self) {
        self.scheduler.unregister(self.number);
        if HERE
            .try_with(Cell::get)
            .is_ok_and(|here| std::ptr::eq(here, self))
        {
            let _ = HERE.try_with(|here| here.set(std::ptr::null()));
        }
        while let Some(entry) = self.queue.pop() {
            self.scheduler.inject(entry);
        }
    }
}

/// Calls `f` with the queue of this thread, if it is one of this scheduler, or gives `what` back.
#[inline(always)]
fn with<T, R>(scheduler: &Scheduler, what: T, f: impl FnOnce(&Local, T) -> R) -> Result<R, T> {
    let here = HERE.try_with(Cell::get).unwrap_or(std::ptr::null());
    // SAFETY: `HERE` points into `OWN`, which drops a queue only in `Local::here`, by a dispatcher that begins to run, and with the thread; a
    // queue that is dropped takes itself out of `HERE`. `f`, all of which stand in this file, comes to neither.
    match unsafe { here.as_ref() } {
        Some(here) if std::ptr::eq(Arc::as_ptr(&here.scheduler), scheduler) => Ok(f(here, what)),
        _ => Err(what),
    }
}

/// Whether this thread has a queue of this scheduler.
#[inline]
pub(super) fn is_here(scheduler: &Scheduler) -> bool {
    with(scheduler, (), |_, ()| ()).is_ok()
}

/// Whether it has, and no dispatcher runs here: one is woken for what is put there.
pub(super) fn is_at_rest(scheduler: &Scheduler) -> bool {
    with(scheduler, (), |local, ()| !local.is_running.get()) == Ok(true)
}

/// Runs what lies in this thread's queue, turn by turn, until `is_done` or up to so many turns, by a task that has nothing else to do. What it may not run
/// goes behind the others. False when it has run nothing.
#[inline]
pub(crate) fn help(
    scheduler: &Scheduler,
    turns: u32,
    ends: Option<ActorId>,
    is_done: impl Fn() -> bool,
) -> bool {
    let mut has_run = false;
    for _ in 0..turns {
        if is_done() {
            break;
        }
        let entry = with(scheduler, (), |local, ()| {
            let entry = local.queue.pop()?;
            if entry.allows_help(ends) {
                local.moves.moved();
                return Some(Some(entry));
            }
            local.put(entry);
            Some(None)
        });
        match entry {
            Ok(Some(Some(entry))) => {
                entry.run();
                has_run = true;
            }
            Ok(Some(None)) => {}
            Ok(None) | Err(()) => break,
        }
    }
    has_run
}

/// Puts what was woken into this thread's queue, and sees to it that somebody looks there.
#[inline]
pub(super) fn push(scheduler: &Scheduler, entry: Entry) -> Result<(), Entry> {
    with(scheduler, entry, Local::put)
}
