//! Whose turn it is to run the actor: the loop's, or a caller's in its place. Lock-free.
//!
//! ```text
//!            next_or_sleep            enter
//! the loop's -------------> nobody's -------> a caller's
//!     ^ ^                     |  ^                |
//!     | +--- take, push ------+  +----- leave ----+  nothing has come
//!     +---------------------------------- leave --+  something has: who leaves wakes the loop
//! ```
//! Nobody's turn means: the mailbox is empty and nothing is begun. A caller enters in one step that sees both, so that it overtakes
//! nothing that was sent before.

use super::queue::Mailbox;
use super::word::Word;

/// A caller has the turn. It is left, or the actor stays out of everybody's reach.
#[must_use = "a turn is left"]
pub(crate) struct Entered(());

impl<T> Mailbox<T> {
    /// Takes the turn for the loop. False when a caller has it, who wakes the loop when it leaves.
    pub(crate) fn take_turn(&self) -> bool {
        let mut word = self.word();
        loop {
            let is_taken = word.is_in_place();
            let next = if is_taken { word.nudged() } else { word.awake() };
            if next == word {
                return !is_taken;
            }
            match self.change(word, next) {
                Ok(()) => return !is_taken,
                Err(now) => word = now,
            }
        }
    }

    /// Takes the turn for a caller, if it is nobody's.
    pub(crate) fn enter(&self) -> Option<Entered> {
        let word = self.word();
        let is_nobodys = word.is_idle() && word.newest() == 0;
        (is_nobodys && self.change(word, word.entered()).is_ok()).then_some(Entered(()))
    }

    /// Gives the turn back. True when the loop is to be woken: something has come meanwhile, or the caller has left something to do.
    #[must_use = "the loop is woken, or sleeps for good"]
    pub(crate) fn leave(&self, entered: Entered, is_done: bool) -> bool {
        drop(entered);
        let mut word = self.word();
        loop {
            let next: Word = word.left(is_done);
            match self.change(word, next) {
                Ok(()) => return !next.is_idle(),
                Err(now) => word = now,
            }
        }
    }
}
