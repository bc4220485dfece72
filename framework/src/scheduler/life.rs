//! The life of an actor as the scheduler sees it: a future that is polled when it is its loop's turn.
//!
//! The [turn](crate::mailbox) says who may poll it. Whoever takes the turn for the loop puts an [`Entry`] into a queue, once; whoever takes
//! the entry out polls, and ends the turn. So the word of the mailbox is all there is to agree on, for messages and wake-ups alike.

use std::cell::UnsafeCell;
use std::pin::Pin;
use std::ptr::NonNull;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Wake, Waker};

use super::Scheduler;
use crate::id::ActorId;
use crate::panics;

type BoxFuture = Pin<Box<dyn Future<Output = ()> + Send>>;

/// Turns that who is not a dispatcher runs at a time, when messages come and come.
const TURNS_MAX: u32 = 4;

/// What has lives, one after another: an actor's place.
pub(crate) trait Lives: Send + Sync + 'static {
    fn lives(&self) -> &LivesCell;

    /// See [`Mailbox::begin_turn`](crate::mailbox::Mailbox::begin_turn).
    fn begin_turn(&self);

    /// See [`Mailbox::end_turn`](crate::mailbox::Mailbox::end_turn).
    fn end_turn(&self) -> bool;

    /// Whether a task that waits may run the loop: for the end of this actor, or for none.
    fn allows_help(&self, ends: Option<ActorId>) -> bool;
}

/// The present life, and the next one if that has begun before the end of this one.
pub(crate) struct LivesCell {
    scheduler: Arc<Scheduler>,
    present: UnsafeCell<Option<Life>>,
    next: Mutex<Next>,
}

#[derive(Default)]
enum Next {
    /// There is no present one.
    #[default]
    Vacant,
    Occupied,
    Follows(Box<Life>),
}

struct Life {
    future: BoxFuture,
    /// Keeps the place, too.
    waker: Waker,
    _kept: Kept,
}

/// A place in the table of those who live.
struct Kept {
    scheduler: Arc<Scheduler>,
    place: usize,
}

impl Drop for Kept {
    fn drop(&mut self) {
        self.scheduler.live.free(self.place);
    }
}

// SAFETY: the present life is touched only by who has the turn, which is one's at a time.
unsafe impl Sync for LivesCell {}

impl LivesCell {
    pub(crate) fn new(scheduler: Arc<Scheduler>) -> Self {
        Self {
            scheduler,
            present: UnsafeCell::new(None),
            next: Mutex::default(),
        }
    }

    pub(crate) fn scheduler(&self) -> &Arc<Scheduler> {
        &self.scheduler
    }

    /// What wakes the present life.
    ///
    /// # Safety
    ///
    /// The caller has the turn, the loop's or a caller's, until it has used this for the last time.
    pub(crate) unsafe fn waker(&self) -> Option<&Waker> {
        // SAFETY: the caller promises it: a life begins and ends in the loop's turn.
        let life = unsafe { &*self.present.get() };
        life.as_ref().map(|life| &life.waker)
    }

    fn next(&self) -> MutexGuard<'_, Next> {
        self.next.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Begins a life: its future is polled on the scheduler from now on, or from the end of the present one.
pub(crate) fn begin<P: Lives + Wake>(place: &Arc<P>, future: impl Future<Output = ()> + Send + 'static) {
    let cell = place.lives();
    let waker = Waker::from(Arc::clone(place));
    let kept = Kept {
        scheduler: Arc::clone(&cell.scheduler),
        place: cell.scheduler.live.keep(waker.clone()),
    };
    let life = Life {
        future: Box::pin(future),
        waker,
        _kept: kept,
    };
    let mut next = cell.next();
    if matches!(*next, Next::Vacant) {
        *next = Next::Occupied;
        // SAFETY: without a life nobody lets the loop run, so its turn is that of who makes it occupied.
        unsafe { *cell.present.get() = Some(life) };
        drop(next);
        schedule(&**place);
    } else {
        *next = Next::Follows(Box::new(life));
    }
}

/// Lets the loop run, by who has taken the turn for it.
#[inline]
pub(crate) fn schedule<P: Lives>(place: &P) {
    let place: &dyn Lives = place;
    place.lives().scheduler.schedule(Entry(NonNull::from(place)));
}

/// Runs the loop, by who has taken the turn for it, on its runtime.
#[inline]
pub(crate) fn run<P: Lives>(place: &P) {
    let place: &dyn Lives = place;
    Entry(NonNull::from(place)).run_up_to(TURNS_MAX);
}

/// A place whose loop is to run, in a queue. It is not counted: the life that it stands for keeps its place, and ends in its own turn or by
/// who has the entry.
#[must_use = "what is in a queue is run or cancelled, or nobody does it any more"]
pub(crate) struct Entry(NonNull<dyn Lives>);

// SAFETY: a place is shared by all threads.
unsafe impl Send for Entry {}

impl Entry {
    /// Has the loop run for one turn.
    #[inline]
    pub(crate) fn run(self) {
        self.run_up_to(1);
    }

    /// Has the loop run for a turn, and for more of them as long as it has more to do; beyond so many it is scheduled.
    #[inline]
    pub(crate) fn run_up_to(self, turns: u32) {
        for _ in 0..turns {
            match self.turn() {
                Turn::Over => return,
                Turn::GoesOn => {}
                Turn::LifeEnded => {
                    self.end();
                    return;
                }
            }
        }
        // SAFETY: it goes on, so its life has not ended.
        unsafe { self.0.as_ref() }.lives().scheduler.schedule(self);
    }

    #[inline]
    fn turn(&self) -> Turn {
        // SAFETY: the life has not ended, as it would have in the turn that this entry stands for, and it keeps the place.
        let place = unsafe { self.0.as_ref() };
        place.begin_turn();
        // SAFETY: this entry is the loop's turn.
        let Some(Life { future, waker, .. }) = (unsafe { &mut *place.lives().present.get() }) else {
            return Turn::Over;
        };
        let poll = || panics::poll_caught(future.as_mut(), &mut Context::from_waker(waker));
        match place.lives().scheduler.enter(waker, poll) {
            Poll::Pending if place.end_turn() => Turn::GoesOn,
            Poll::Pending => Turn::Over,
            Poll::Ready(Ok(())) => Turn::LifeEnded,
            Poll::Ready(Err(reason)) => {
                tracing::error!(target: "quorate::exit", %reason, "what runs an actor panicked");
                Turn::LifeEnded
            }
        }
    }

    /// The life has ended. The next one begins, if there is one.
    fn end(self) {
        let ended = {
            // SAFETY: as in `turn`; what is taken out keeps the place until it is dropped.
            let cell = unsafe { self.0.as_ref() }.lives();
            let mut next = cell.next();
            // SAFETY: the turn is still this entry's.
            let ended = unsafe { (*cell.present.get()).take() };
            match std::mem::take(&mut *next) {
                Next::Follows(life) => {
                    // SAFETY: as above.
                    unsafe { *cell.present.get() = Some(*life) };
                    *next = Next::Occupied;
                    drop(next);
                    cell.scheduler.schedule(self);
                }
                Next::Occupied | Next::Vacant => {}
            }
            ended
        };
        drop_caught(ended);
    }

    /// See [`Lives::allows_help`].
    pub(super) fn allows_help(&self, ends: Option<ActorId>) -> bool {
        // SAFETY: as in `turn`.
        unsafe { self.0.as_ref() }.allows_help(ends)
    }

    /// Drops the life, as nobody will run it any more.
    pub(super) fn cancel(self) {
        let (ended, next) = {
            // SAFETY: as in `end`.
            let cell = unsafe { self.0.as_ref() }.lives();
            // Under the lock, as the next life begins under it.
            let mut next = cell.next();
            // SAFETY: as in `end`.
            let ended = unsafe { (*cell.present.get()).take() };
            (ended, std::mem::take(&mut *next))
        };
        drop_caught(next);
        drop_caught(ended);
    }
}

/// What a turn of the loop came to.
enum Turn {
    /// It may be somebody else's already.
    Over,
    GoesOn,
    LifeEnded,
}

fn drop_caught<T>(value: T) {
    if panics::caught(|| drop(value)).is_err() {
        tracing::error!(target: "quorate::exit", "dropping what ran an actor panicked");
    }
}
