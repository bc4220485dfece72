//! The life of an actor as the scheduler sees it: what is polled when it is its loop's turn.
//!
//! The [turn](crate::mailbox) says who may poll it. Whoever takes the turn for the loop puts an [`Entry`] into a queue, once; whoever takes
//! the entry out polls, and ends the turn. So the word of the mailbox is all there is to agree on, for messages and wake-ups alike.
//!
//! A life lies in its place, takes no memory of its own, and keeps the place until it has ended. When the runtime is shut down, whoever has
//! started it, a supervisor's task that is dropped, kills it: what is scheduled then is dropped.

use std::mem::ManuallyDrop;
use std::ptr::NonNull;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};

use super::{Scheduler, Succession, local};
use crate::exit::ExitReason;
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

    /// Goes on after a panic in [`poll`](Self::poll). Ready when the life has ended.
    fn fell(self: &Arc<Self>, life: &mut Self::Life, reason: ExitReason, task: &mut Context<'_>) -> Poll<()>;

    /// Whether nothing is left of a life that would have to be dropped.
    fn is_nothing(life: &Self::Life) -> bool;

    /// A life of this place is about to be dropped, wherever it is.
    fn end_life(&self, life: &mut Self::Life);

    fn lives(&self) -> &Succession<Self::Life>;

    fn scheduler(&self) -> &Arc<Scheduler>;

    /// See [`Mailbox::begin_turn`](crate::mailbox::Mailbox::begin_turn).
    fn begin_turn(&self);

    /// See [`Mailbox::end_turn`](crate::mailbox::Mailbox::end_turn).
    fn end_turn(&self) -> bool;

    /// Whether a task that waits may run the loop: for the end of this actor, or for none.
    fn allows_help(&self, ends: Option<ActorId>) -> bool;
}

/// What wakes the loop of a place, not counted among those who keep the place.
#[inline]
pub(crate) fn waker<P: Lives>(place: &P) -> ManuallyDrop<Waker> {
    ManuallyDrop::new(Waker::from(ManuallyDrop::into_inner(place.arc())))
}

/// Begins a life: it is polled on the scheduler from now on, or from the end of the present one.
pub(crate) fn begin<P: Lives>(place: Arc<P>, life: P::Life) {
    // Counted for the life, until that ends.
    let place = ManuallyDrop::new(place);
    if place.lives().begin(life) {
        Entry::of(&**place).schedule();
    }
}

/// That a place has had no life yet, and that only who has this begins one.
#[must_use = "a place is for lives"]
pub(crate) struct Unbegun(());

impl Unbegun {
    /// # Safety
    ///
    /// The place is new, and this is the only one for it.
    pub(crate) unsafe fn new() -> Self {
        Self(())
    }
}

/// Begins the first life of a place, for who runs its first turn.
#[inline]
pub(crate) fn begin_first<P: Lives>(place: Arc<P>, _: Unbegun, life: impl FnOnce() -> P::Life) -> Entry {
    // As above.
    let place = ManuallyDrop::new(place);
    // SAFETY: as `Unbegun` says, which goes with its place from where both are made to here.
    unsafe { place.lives().begin_first(life) };
    Entry::of(&**place)
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
    fn scheduler(&self) -> &Arc<Scheduler>;

    /// One turn. When the life ends in it the next one begins, if there is one.
    ///
    /// # Safety
    ///
    /// The caller has the entry.
    unsafe fn turn(&self) -> Turn;

    /// Drops the life, as nobody will run it any more.
    ///
    /// # Safety
    ///
    /// The caller has the entry, and what is answered is all that keeps this.
    unsafe fn cancel(&self) -> [Keeps; 2];

    fn allows_help(&self, ends: Option<ActorId>) -> bool;
}

/// What has kept the place of a life that has ended, for whoever needs the place last.
pub(super) type Keeps = Option<Arc<dyn Runs>>;

impl<P: Lives> Runs for P {
    fn scheduler(&self) -> &Arc<Scheduler> {
        Lives::scheduler(self)
    }

    /// # Safety
    ///
    /// As said in the trait.
    unsafe fn turn(&self) -> Turn {
        self.begin_turn();
        // SAFETY: the caller's entry is the loop's turn.
        let Some(life) = (unsafe { self.lives().present() }) else {
            return Turn::Over;
        };
        let (place, waker) = (self.arc(), waker(self));
        let poll = || {
            let task = &mut Context::from_waker(&waker);
            match panics::caught(|| place.poll(life, task)) {
                Ok(polled) => polled,
                Err(reason) => fell(&place, life, reason, task),
            }
        };
        match Lives::scheduler(self).enter(&waker, poll) {
            Poll::Pending if self.end_turn() => Turn::GoesOn,
            Poll::Pending => Turn::Over,
            Poll::Ready(()) => {
                // SAFETY: the turn is the caller's, and what was got of it before is not used any more.
                let keeps = drop_life(self, unsafe { self.lives().present() });
                // SAFETY: as above.
                if unsafe { self.lives().end() } {
                    Turn::NextBegins(keeps)
                } else {
                    Turn::LifeEnded(keeps)
                }
            }
        }
    }

    /// # Safety
    ///
    /// As said in the trait.
    unsafe fn cancel(&self) -> [Keeps; 2] {
        let lives = self.lives();
        // SAFETY: the turn is the caller's.
        let keeps = drop_life(self, unsafe { lives.present() });
        // SAFETY: as above.
        let mut next = unsafe { lives.cancel() };
        [drop_life(self, &mut next), keeps]
    }

    fn allows_help(&self, ends: Option<ActorId>) -> bool {
        Lives::allows_help(self, ends)
    }
}

/// After a panic in a turn.
#[cold]
fn fell<P: Lives>(
    place: &Arc<P>,
    life: &mut P::Life,
    reason: ExitReason,
    task: &mut Context<'_>,
) -> Poll<()> {
    panics::caught(|| place.fell(life, reason, task)).unwrap_or_else(|reason| {
        tracing::error!(target: "quorate::exit", %reason, "what runs an actor panicked");
        Poll::Ready(())
    })
}

/// Drops a life, but for what keeps its place.
#[inline(always)]
fn drop_life<P: Lives>(place: &P, life: &mut Option<P::Life>) -> Keeps {
    let present = life.as_mut()?;
    if P::is_nothing(present) {
        std::mem::forget(life.take());
    } else {
        let is_ended = panics::caught(|| place.end_life(present)).is_ok();
        if panics::caught(|| *life = None).is_err() || !is_ended {
            tracing::error!(target: "quorate::exit", "dropping what ran an actor panicked");
        }
    }
    // What was counted for this life when it began.
    Some(ManuallyDrop::into_inner(place.arc()) as _)
}

/// A place whose loop is to run, in a queue. It is not counted: the life that it stands for keeps its place, and ends in its own turn or by
/// who has the entry. Or a [task that yields](super::yielded), which keeps itself as long.
#[must_use = "what is in a queue is run or cancelled, or nobody does it any more"]
pub(crate) struct Entry(NonNull<dyn Runs>);

// SAFETY: a place is shared by all threads.
unsafe impl Send for Entry {}

impl Entry {
    #[inline]
    fn of<P: Lives>(place: &P) -> Self {
        Self::to(&place.arc())
    }

    /// The entry of something that keeps itself until its last turn.
    #[inline]
    pub(super) fn to<R: Runs + 'static>(kept: &Arc<R>) -> Self {
        let kept: *const R = Arc::as_ptr(kept);
        let kept: *const dyn Runs = kept;
        Self(NonNull::new(kept.cast_mut()).expect("an `Arc` points to something"))
    }

    /// Has the loop run for one turn.
    #[inline]
    pub(crate) fn run(self) {
        self.run_up_to(1);
    }

    /// The same, where `first` may be all there is to the turn: it answers whether the loop may rest.
    #[inline]
    pub(crate) fn run_first<P: Lives>(self, place: &P, first: impl FnOnce(&mut P::Life) -> bool) {
        place.begin_turn();
        let waker = waker(place);
        // SAFETY: this entry is the loop's turn.
        let life = unsafe { place.lives().present() };
        let rests = Lives::scheduler(place).enter(&waker, || life.as_mut().is_some_and(first));
        if !rests {
            self.run();
        } else if place.end_turn() {
            self.schedule();
        }
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
                // It is the last that keeps the place.
                Turn::LifeEnded(keeps) => return drop(keeps),
                // From here on the next life keeps it.
                Turn::NextBegins(_keeps) => break,
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
    #[inline]
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
    /// What is in it has kept the place.
    LifeEnded(Keeps),
    /// As above; the first turn of the life that follows is the caller's.
    NextBegins(Keeps),
}
