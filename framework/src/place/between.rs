//! What a place keeps between two incarnations: the inbox, and how it is filled. Lock-free.
//!
//! An incarnation has both for all its life; between two of them whoever answers for messages of a place that is left has the inbox. How it is
//! filled is there until that is forgotten, or it was needed for the last time: what it holds is a user's, and refs may stay for long.

use crate::scheduler::Unbegun;
use crate::sync::{AtomicU8, Ordering, UnsafeCell};

/// Somebody has the inbox.
const TAKEN: u8 = 1;
/// Something is in it.
const FILLED: u8 = 2;
/// The start is taken out, or will be by who has the inbox, if he had it before.
const FORGOTTEN: u8 = 4;

pub(super) struct Between<I, S> {
    inbox: UnsafeCell<I>,
    start: UnsafeCell<Option<S>>,
    state: AtomicU8,
}

// SAFETY: what is here may go from thread to thread. The inbox is touched by who has taken it, which is one at a time; the start by him, if
// it was not forgotten before, and by who has forgotten it while nobody had the inbox. Atomic operations order them.
unsafe impl<I: Send, S: Send> Send for Between<I, S> {}
// SAFETY: as above.
unsafe impl<I: Send, S: Send> Sync for Between<I, S> {}

/// That one has the inbox, and whether the start, too. It is given back, or nobody gets it any more.
#[must_use = "what is taken is given back"]
pub(crate) struct Held {
    has_start: bool,
}

impl<I, S> Between<I, S> {
    #[inline]
    pub(super) fn new(inbox: I, start: S) -> Self {
        Self {
            inbox: UnsafeCell::new(inbox),
            start: UnsafeCell::new(Some(start)),
            state: AtomicU8::new(0),
        }
    }

    /// Takes the inbox. `None` when somebody has it: he sees what was done before this, once he has given it back.
    #[inline]
    pub(super) fn take(&self) -> Option<Held> {
        let state = self.state.fetch_or(TAKEN, Ordering::AcqRel);
        if state & TAKEN != 0 {
            return None;
        }
        let has_start = state & FORGOTTEN == 0;
        Some(Held { has_start })
    }

    /// The same for the first life, before anybody else comes to this.
    #[inline]
    pub(super) fn take_first(&self, _: &Unbegun) -> Held {
        self.state.store(TAKEN, Ordering::Release);
        Held { has_start: true }
    }

    /// The inbox.
    ///
    /// # Safety
    ///
    /// What says that it is held is of this, and no other.
    #[inline]
    pub(super) unsafe fn inbox<'a>(&'a self, _held: &'a mut Held) -> &'a mut I {
        // SAFETY: it is the caller's, for as long as what says so is borrowed.
        self.inbox.with_mut(|here| unsafe { &mut *here })
    }

    /// How it is filled. `None` when that is forgotten.
    #[inline]
    pub(super) fn start<'a>(&'a self, held: &'a Held) -> Option<&'a S> {
        if !held.has_start {
            return None;
        }
        // SAFETY: as long as it is held nobody changes it.
        self.start.with(|start| unsafe { &*start }).as_ref()
    }

    /// The start was needed for the last time: it is taken out where it lies.
    #[inline]
    pub(super) fn spend_start(&self, held: &mut Held, take_out: impl FnOnce(&mut Option<S>)) {
        // Who forgets it leaves it to who has it; whoever has it next finds it forgotten.
        if std::mem::take(&mut held.has_start) {
            self.end_start(take_out);
        }
    }

    /// Gives the inbox back, for the one that was left, in the one order of all with who leaves the place: one of both sees the other. A start
    /// that was forgotten meanwhile is taken out.
    #[inline]
    #[allow(clippy::needless_pass_by_value, reason = "it is held no longer")]
    pub(super) fn give_back(&self, held: Held, is_filled: bool, take_out: impl FnOnce(&mut Option<S>)) {
        let filled = if is_filled { FILLED } else { 0 };
        // It was before, or was spent since.
        let forgotten = if held.has_start { 0 } else { FORGOTTEN };
        let mut state = self.state.load(Ordering::Relaxed);
        while state & FORGOTTEN == 0 || !held.has_start {
            match self
                .state
                .compare_exchange(state, forgotten | filled, Ordering::SeqCst, Ordering::SeqCst)
            {
                Ok(_) => return,
                Err(now) => state = now,
            }
        }
        self.end_start(take_out);
        self.state.swap(FORGOTTEN | filled, Ordering::SeqCst);
    }

    /// Whether something is in the inbox, and nobody has it.
    #[inline]
    pub(super) fn is_filled(&self) -> bool {
        self.state.load(Ordering::SeqCst) & (TAKEN | FILLED) == FILLED
    }

    /// Has the start taken out where it lies, or who uses it do so.
    #[inline]
    pub(super) fn forget_start(&self, take_out: impl FnOnce(&mut Option<S>)) {
        if self.state.load(Ordering::Acquire) & FORGOTTEN != 0 {
            return;
        }
        let state = self.state.fetch_or(FORGOTTEN, Ordering::AcqRel);
        if state & (TAKEN | FORGOTTEN) == 0 {
            self.end_start(take_out);
        }
    }

    /// By who has forgotten it while nobody had it, or who has it and gives it back, or spends it.
    #[inline]
    fn end_start(&self, take_out: impl FnOnce(&mut Option<S>)) {
        // SAFETY: this is one who does so, and nobody else comes to it any more.
        self.start.with_mut(|here| take_out(unsafe { &mut *here }));
    }
}
