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
#[inline]
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

/// A reason, or none yet.
#[derive(Default)]
pub(crate) struct Why(AtomicU8);

impl Why {
    #[inline(always)]
    pub(crate) fn set<'a>(&self, reason: &ExitReason, full: impl FnOnce() -> &'a Full) {
        let code = code(reason);
        self.put(code, || (code == FULL).then(|| reason.clone()), full);
    }

    #[inline]
    pub(crate) fn forget<'a>(&self, full: impl FnOnce() -> &'a Full) {
        self.put(NONE, || None, full);
    }

    /// Between words there is nothing but the byte; whatever else changes, changes under the lock.
    #[inline(always)]
    fn put<'a>(
        &self,
        code: u8,
        reason: impl FnOnce() -> Option<ExitReason>,
        full: impl FnOnce() -> &'a Full,
    ) {
        let before = self.0.load(Ordering::Relaxed);
        if code == FULL || before == FULL {
            self.put_in(full(), code, reason());
        } else if before != code {
            self.0.store(code, Ordering::Release);
        }
    }

    #[cold]
    fn put_in(&self, full: &Full, code: u8, reason: Option<ExitReason>) {
        let mut full = lock(full);
        let before = std::mem::replace(&mut *full, reason);
        self.0.store(code, Ordering::Release);
        drop(full);
        drop(before);
    }

    pub(crate) fn get<'a>(&self, full: impl FnOnce() -> Option<&'a Full>) -> Option<ExitReason> {
        match self.0.load(Ordering::Acquire) {
            FULL => {
                let full = lock(full()?);
                full.clone().or_else(|| word(self.0.load(Ordering::Acquire)))
            }
            code => word(code),
        }
    }
}

fn word(code: u8) -> Option<ExitReason> {
    WORDS.get(usize::from(code.checked_sub(1)?)).cloned()
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
