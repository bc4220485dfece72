//! The reason of an end, as it is kept for each actor: a byte, and beside it what few reasons have.

use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::exit::ExitReason;

const NONE: u8 = 0;
/// It is in [`Full`].
const FULL: u8 = u8::MAX;
/// Those that are a word: one more than its place in this list each.
static WORDS: [ExitReason; 6] = [
    ExitReason::Normal,
    ExitReason::Shutdown,
    ExitReason::Killed,
    ExitReason::Lapsed,
    ExitReason::NodeDown,
    ExitReason::Gone,
];

/// What is kept of a reason.
fn code(reason: &ExitReason) -> u8 {
    match reason {
        ExitReason::Normal => 1,
        ExitReason::Shutdown => 2,
        ExitReason::Killed => 3,
        ExitReason::Lapsed => 4,
        ExitReason::NodeDown => 5,
        ExitReason::Gone => 6,
        ExitReason::ShutdownWith(_)
        | ExitReason::Panic { .. }
        | ExitReason::Error(_)
        | ExitReason::Stuck { .. } => FULL,
    }
}

/// A reason that is more than a word.
pub(crate) type Full = Mutex<Option<ExitReason>>;

/// A reason, or none yet. Written by one at a time.
#[derive(Default)]
pub(crate) struct Why(AtomicU8);

impl Why {
    pub(crate) fn set<'a>(&self, reason: &ExitReason, full: impl FnOnce() -> &'a Full) {
        let code = code(reason);
        if code == FULL {
            *lock(full()) = Some(reason.clone());
            self.0.store(FULL, Ordering::Release);
        } else {
            self.set_code(code, full);
        }
    }

    pub(crate) fn forget<'a>(&self, full: impl FnOnce() -> &'a Full) {
        self.set_code(NONE, full);
    }

    fn set_code<'a>(&self, code: u8, full: impl FnOnce() -> &'a Full) {
        let before = self.0.load(Ordering::Relaxed);
        if before != code {
            self.0.store(code, Ordering::Release);
            if before == FULL {
                *lock(full()) = None;
            }
        }
    }

    pub(crate) fn get<'a>(&self, full: impl FnOnce() -> Option<&'a Full>) -> Option<ExitReason> {
        match self.0.load(Ordering::Acquire) {
            NONE => None,
            FULL => lock(full()?).clone(),
            word => WORDS.get(usize::from(word) - 1).cloned(),
        }
    }
}

fn lock(full: &Full) -> MutexGuard<'_, Option<ExitReason>> {
    full.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reason_is_kept_and_words_take_no_room() {
        let (why, full) = (Why::default(), Full::default());
        let get = || why.get(|| Some(&full));
        assert_eq!(get(), None);
        for word in &WORDS {
            why.set(word, || unreachable!("a word"));
            assert_eq!(get().as_ref(), Some(word));
        }
        let error = ExitReason::error("no disk");
        why.set(&error, || &full);
        assert_eq!(get(), Some(error));
        why.set(&ExitReason::Killed, || &full);
        assert_eq!(get(), Some(ExitReason::Killed));
        assert_eq!(*lock(&full), None, "nothing is kept beside a word");
        why.forget(|| unreachable!("a word"));
        assert_eq!(get(), None);
    }
}
