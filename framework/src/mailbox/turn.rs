//! Whose turn it is to run the actor: the loop's, or a caller's in its place. Lock-free.
//!
//! ```text
//!             end_turn                enter
//! the loop's ------------> nobody's --------> a caller's
//!   ^  ^  ^  \               |  ^                 |
//!   |  |  +---\- push, nudge +  +----- leave -----+  nothing has come
//!   |  |       +-> suspended                      |
//!   |  +-- nudge ---+                             |
//!   +-------------------------------- leave ------+  something has: who leaves lets the loop run
//! ```
//! Nobody's turn means: the mailbox is empty and nothing is begun. A caller enters in one step that sees both, so that it overtakes
//! nothing that was sent before. Suspended is a loop that waits for something else than a message; a caller, too, leaves it so when
//! what it has begun waits.
//!
//! Whoever takes the turn out of one of the two for the loop is the one who lets it run, and nobody else does.

use super::queue::Mailbox;
use super::word::Word;
use crate::sync::{AtomicU32, Ordering};

/// A caller has the turn. It is left once, or the actor stays out of everybody's reach.
#[must_use = "a turn is left"]
pub(crate) struct Entered(());

/// What the loop has said of its rest. Written and read by who has the loop's turn.
pub(super) struct Rest(AtomicU32);

/// Nothing: it waits for something else than a message.
const SUSPENDED: u32 = 0;
/// It has more to do.
const AGAIN: u32 = 1;
/// It has handled all messages. What is beyond this is the number of those whose room is not given back yet.
const IDLE: u32 = 2;

impl Default for Rest {
    fn default() -> Self {
        Self(AtomicU32::new(SUSPENDED))
    }
}

impl Rest {
    /// The loop has nothing to do, and has begun so many messages whose room is to be given back.
    #[inline]
    pub(super) fn set_idle(&self, begun: u32) {
        self.0.store(IDLE + begun, Ordering::Relaxed);
    }
}

impl<T> Mailbox<T> {
    /// The loop runs from here.
    #[inline]
    pub(crate) fn begin_turn(&self) {
        self.rest.0.store(SUSPENDED, Ordering::Relaxed);
    }

    /// The loop has more to do than it does now.
    #[inline]
    pub(crate) fn go_on(&self) {
        self.rest.0.store(AGAIN, Ordering::Relaxed);
    }

    /// The loop runs no further for now. True when it is to run again: it has more to do, or something has come.
    ///
    /// When this is false, the turn may be somebody else's already.
    #[inline]
    #[must_use = "the loop is run again, or sleeps for good"]
    pub(crate) fn end_turn(&self) -> bool {
        let rest = self.rest.0.load(Ordering::Relaxed);
        let begun = rest.saturating_sub(IDLE) as usize;
        let mut word = self.word();
        if rest == AGAIN {
            return true;
        }
        if begun > 0 && word.is_awaited() {
            self.free(begun);
            return true;
        }
        loop {
            let goes_on = word.is_nudged() || (rest >= IDLE && word.newest() != 0);
            let next = match rest {
                _ if goes_on => word.heeded(),
                SUSPENDED => word.suspended(),
                _ => word.idle(),
            };
            match self.change(word, next.minus(begun)) {
                Ok(()) => return goes_on,
                Err(now) if begun > 0 && now.is_awaited() => {
                    self.free(begun);
                    return true;
                }
                Err(now) => word = now,
            }
        }
    }

    /// Something else than a message has come for the loop. True when it is to run, by who asks.
    #[must_use = "the loop is run, or sleeps for good"]
    #[inline]
    pub(crate) fn nudge(&self) -> bool {
        let mut word = self.word();
        loop {
            let rests = word.is_idle() || word.is_suspended();
            // Written when it changes nothing, too: the loop takes it back and then sees what it was nudged for.
            let next = if rests { word.awake() } else { word.nudged() };
            match self.change(word, next) {
                Ok(()) => return rests,
                Err(now) => word = now,
            }
        }
    }

    /// Takes the turn for a caller, if it is nobody's, or another caller leaves it in no time: it looks so often, and each time waits twice as
    /// long, as each look takes the word from the one who has the turn.
    #[inline]
    pub(crate) fn enter(&self, looks: u32) -> Option<Entered> {
        for look in 0..looks {
            for _ in 0..(1 << look) >> 1 {
                std::hint::spin_loop();
            }
            let word = self.word();
            let is_nobodys = word.is_idle() && word.newest() == 0;
            if is_nobodys && self.change(word, word.entered()).is_ok() {
                return Some(Entered(()));
            }
            if !is_nobodys && !word.is_in_place() {
                // The loop's: it takes longer, and may wait for this very thread.
                return None;
            }
        }
        None
    }

    /// Gives the turn back. True when the loop is to run: something has come meanwhile, or the caller has left something to do.
    #[must_use = "the loop is run, or sleeps for good"]
    #[inline]
    pub(crate) fn leave(&self, entered: &mut Entered, is_done: bool) -> bool {
        self.leave_as(entered, |word| word.left(is_done))
    }

    /// Gives the turn back in the middle of a message: the loop goes on with it when it is woken. True when it has been woken already, and is to
    /// run.
    #[must_use = "the loop is run, or sleeps for good"]
    pub(crate) fn leave_waiting(&self, entered: &mut Entered) -> bool {
        self.leave_as(entered, Word::left_waiting)
    }

    #[inline]
    fn leave_as(&self, _: &mut Entered, left: impl Fn(Word) -> Word) -> bool {
        let mut word = self.word();
        loop {
            let next = left(word);
            match self.change(word, next) {
                Ok(()) => return !next.is_idle() && !next.is_suspended(),
                Err(now) => word = now,
            }
        }
    }
}
