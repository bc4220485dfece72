//! The life of an actor as the scheduler sees it: what is polled when it is its loop's turn.
//!
//! The [turn](crate::mailbox) says who may poll it. Whoever takes the turn for the loop puts an [`Entry`] into a queue, once; whoever takes
//! the entry out polls, and ends the turn. So the word of the mailbox is all there is to agree on, for messages and wake-ups alike.
//!
//! A life lies in its place, and takes no memory of its own.

use std::cell::UnsafeCell;
use std::mem::ManuallyDrop;
use std::ptr::NonNull;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Wake, Waker};

use super::{Scheduler, local};
use crate::id::ActorId;
use crate::panics;

/// Turns that who is not a dispatcher runs at a time, when messages come and come.
const TURNS_MAX: u32 = 4;

/// What has lives, one after another: an actor's place.
pub(crate) trait Lives: Wake + Send + Sync + 'static {
    type Life: Send + 'static;

    /// The `Arc` that this lies in, without counting one more.
    fn arc(&self) -> ManuallyDrop<Arc<Self>>;

    /// Goes on with a life of this place. Ready when that has ended.
    fn poll(self: &Arc<Self>, life: &mut Self::Life, task: &mut Context<'_>) -> Poll<()>;

    /// Drops a life of this place, wherever it is.
    fn drop_life(self: &Arc<Self>, life: Self::Life);

    fn lives(&self) -> &LivesCell<Self::Life>;

    fn scheduler(&self) -> &Arc<Scheduler>;

    /// See [`Mailbox::begin_turn`](crate::mailbox::Mailbox::begin_turn).
    fn begin_turn(&self);

    /// See [`Mailbox::end_turn`](crate::mailbox::Mailbox::end_turn).
    fn end_turn(&self) -> bool;

    /// Whether a task that waits may run the loop: for the end of this actor, or for none.
    fn allows_help(&self, ends: Option<ActorId>) -> bool;
}

/// The present life, and the next one if that has begun before the end of this one.
pub(crate) struct LivesCell<L> {
    present: UnsafeCell<Option<Life<L>>>,
    next: Mutex<Next<L>>,
}

#[derive(Default)]
enum Next<L> {
    /// There is no present one.
    #[default]
    Vacant,
    Occupied,
    Follows(Box<Life<L>>),
}

struct Life<L> {
    life: L,
    /// In the table of those who live, which keeps the place.
    number: usize,
}

// SAFETY: the present life is touched only by who has the turn, which is one's at a time.
unsafe impl<L: Send> Sync for LivesCell<L> {}

impl<L> LivesCell<L> {
    pub(crate) fn new() -> Self {
        Self {
            present: UnsafeCell::new(None),
            next: Mutex::default(),
        }
    }

    fn next(&self) -> MutexGuard<'_, Next<L>> {
        self.next.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What wakes the loop of a place, not counted among those who keep the place.
#[inline]
pub(crate) fn waker<P: Lives>(place: &P) -> ManuallyDrop<Waker> {
    ManuallyDrop::new(Waker::from(ManuallyDrop::into_inner(place.arc())))
}

/// Begins a life: it is polled on the scheduler from now on, or from the end of the present one.
pub(crate) fn begin<P: Lives>(place: &Arc<P>, life: P::Life) {
    if let Some(entry) = begin_here(place, life) {
        entry.schedule();
    }
}

/// The same for who runs the first turn of it, if it is the present one.
pub(crate) fn begin_here<P: Lives>(place: &Arc<P>, life: P::Life) -> Option<Entry> {
    let cell = place.lives();
    let kept: Arc<dyn Runs> = Arc::clone(place) as _;
    let life = Life {
        life,
        number: place.scheduler().live.keep(kept),
    };
    let mut next = cell.next();
    if matches!(*next, Next::Vacant) {
        *next = Next::Occupied;
        // SAFETY: without a life nobody lets the loop run, so its turn is that of who makes it occupied.
        unsafe { *cell.present.get() = Some(life) };
        Some(Entry::of(&**place))
    } else {
        *next = Next::Follows(Box::new(life));
        None
    }
}

/// Lets the loop run, by who has taken the turn for it.
#[inline]
pub(crate) fn schedule<P: Lives>(place: &P) {
    place.scheduler().schedule(Entry::of(place));
}

/// Runs the loop, by who has taken the turn for it, on its runtime.
#[inline]
pub(crate) fn run<P: Lives>(place: &P) {
    Entry::of(place).run_up_to(TURNS_MAX);
}

/// What an [`Entry`] stands for, whatever its lives are. Called by who has the entry, which is the loop's turn.
pub(super) trait Runs: Send + Sync {
    /// Wakes the loop.
    fn wake(&self);

    fn scheduler(&self) -> &Arc<Scheduler>;

    /// One turn.
    ///
    /// # Safety
    ///
    /// The caller has the entry.
    unsafe fn turn(&self) -> Turn;

    /// The life has ended. The next one begins, if there is one: then this is true, and its first turn is the caller's.
    ///
    /// # Safety
    ///
    /// The caller has the entry. When none follows, what is answered is all that keeps this.
    unsafe fn end(&self) -> (Keeps, bool);

    /// Drops the life, as nobody will run it any more.
    ///
    /// # Safety
    ///
    /// As for [`end`](Self::end).
    unsafe fn cancel(&self) -> [Keeps; 2];

    fn allows_help(&self, ends: Option<ActorId>) -> bool;
}

/// What has kept the place of a life that has ended, for whoever needs the place last.
type Keeps = Option<Arc<dyn Runs>>;

impl<P: Lives> Runs for P {
    fn wake(&self) {
        self.arc().wake_by_ref();
    }

    fn scheduler(&self) -> &Arc<Scheduler> {
        Lives::scheduler(self)
    }

    /// # Safety
    ///
    /// As said in the trait.
    unsafe fn turn(&self) -> Turn {
        self.begin_turn();
        let cell = self.lives();
        // SAFETY: the caller's entry is the loop's turn.
        let Some(Life { life, .. }) = (unsafe { &mut *cell.present.get() }) else {
            return Turn::Over;
        };
        let (place, waker) = (self.arc(), waker(self));
        let poll = || panics::caught(|| place.poll(life, &mut Context::from_waker(&waker)));
        match Lives::scheduler(self).enter(&waker, poll) {
            Ok(Poll::Pending) if self.end_turn() => Turn::GoesOn,
            Ok(Poll::Pending) => Turn::Over,
            Ok(Poll::Ready(())) => Turn::LifeEnded,
            Err(reason) => {
                tracing::error!(target: "quorate::exit", %reason, "what runs an actor panicked");
                Turn::LifeEnded
            }
        }
    }

    /// # Safety
    ///
    /// As said in the trait.
    unsafe fn end(&self) -> (Keeps, bool) {
        let cell = self.lives();
        let mut next = cell.next();
        // SAFETY: the turn is the caller's.
        let present = unsafe { &mut *cell.present.get() };
        let ended = present.take();
        let follows = match std::mem::take(&mut *next) {
            Next::Follows(life) => {
                *present = Some(*life);
                *next = Next::Occupied;
                true
            }
            Next::Occupied | Next::Vacant => false,
        };
        drop(next);
        (drop_life(self, ended), follows)
    }

    /// # Safety
    ///
    /// As said in the trait.
    unsafe fn cancel(&self) -> [Keeps; 2] {
        let cell = self.lives();
        let (ended, next) = {
            // Under the lock, as the next life begins under it.
            let mut next = cell.next();
            // SAFETY: the turn is the caller's.
            let ended = unsafe { (*cell.present.get()).take() };
            (ended, std::mem::take(&mut *next))
        };
        let next = match next {
            Next::Follows(life) => Some(*life),
            Next::Occupied | Next::Vacant => None,
        };
        [drop_life(self, next), drop_life(self, ended)]
    }

    fn allows_help(&self, ends: Option<ActorId>) -> bool {
        Lives::allows_help(self, ends)
    }
}

/// Drops a life that is not in its place any more, but for what keeps the place.
fn drop_life<P: Lives>(place: &P, life: Option<Life<P::Life>>) -> Keeps {
    let Life { life, number } = life?;
    if panics::caught(|| place.arc().drop_life(life)).is_err() {
        tracing::error!(target: "quorate::exit", "dropping what ran an actor panicked");
    }
    Lives::scheduler(place).live.free(number)
}

/// A place whose loop is to run, in a queue. It is not counted: the life that it stands for keeps its place, and ends in its own turn or by
/// who has the entry.
#[must_use = "what is in a queue is run or cancelled, or nobody does it any more"]
pub(crate) struct Entry(NonNull<dyn Runs>);

// SAFETY: a place is shared by all threads.
unsafe impl Send for Entry {}

impl Entry {
    #[inline]
    fn of<P: Lives>(place: &P) -> Self {
        let place: *const P = Arc::as_ptr(&place.arc());
        let place: *const dyn Runs = place;
        Self(NonNull::new(place.cast_mut()).expect("an `Arc` points to something"))
    }

    /// Has the loop run for one turn.
    #[inline]
    pub(crate) fn run(self) {
        self.run_up_to(1);
    }

    /// Has the loop run for a turn, and for more of them as long as it has more to do; beyond so many it is scheduled.
    #[inline]
    pub(crate) fn run_up_to(self, turns: u32) {
        // SAFETY: the life has not ended, as it would have in the turn that this entry stands for, and it keeps the place.
        let place = unsafe { self.0.as_ref() };
        for _ in 0..turns {
            // SAFETY: this entry is the loop's turn.
            match unsafe { place.turn() } {
                Turn::Over => return,
                Turn::GoesOn => {}
                Turn::LifeEnded => {
                    // SAFETY: as above; when none follows the place is not used any more.
                    let (_keeps, follows) = unsafe { place.end() };
                    if follows {
                        place.scheduler().schedule(self);
                    }
                    return;
                }
            }
        }
        place.scheduler().schedule(self);
    }

    /// Puts it into a queue.
    pub(crate) fn schedule(self) {
        // SAFETY: as in `run_up_to`.
        let scheduler = Arc::clone(unsafe { self.0.as_ref() }.scheduler());
        scheduler.schedule(self);
    }

    /// Whether this thread is one of those that run what is in the queues.
    pub(crate) fn is_at_home(&self) -> bool {
        // SAFETY: as in `run_up_to`.
        local::is_here(unsafe { self.0.as_ref() }.scheduler())
    }

    /// See [`Lives::allows_help`].
    pub(super) fn allows_help(&self, ends: Option<ActorId>) -> bool {
        // SAFETY: as in `run_up_to`.
        unsafe { self.0.as_ref() }.allows_help(ends)
    }

    /// Drops the life, as nobody will run it any more.
    pub(super) fn cancel(self) {
        // SAFETY: as in `run_up_to`; nothing uses the place when what has kept it is dropped.
        drop(unsafe { self.0.as_ref().cancel() });
    }
}

/// What a turn of the loop came to.
pub(super) enum Turn {
    /// It may be somebody else's already.
    Over,
    GoesOn,
    LifeEnded,
}
