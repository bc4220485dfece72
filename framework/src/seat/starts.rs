//! What is known of starts in a seat: for a supervisor that is not told of each, and for who waits for the first.

use std::sync::atomic::{AtomicU8, Ordering};

/// The present incarnation has started.
const NOW: u8 = 1;
/// One has started.
const ONCE: u8 = 2;
/// One was not wanted.
const IGNORED: u8 = 4;
/// The supervisor is to be told: somebody waits for it.
const AWAITED: u8 = 8;

/// Flags. Whoever sets one sees in the same step which others are set: of who starts and who waits for it one sees the other.
#[derive(Default)]
pub(crate) struct Starts(AtomicU8);

impl Starts {
    /// A new incarnation begins.
    #[inline]
    pub(crate) fn begin(&self) {
        if self.is_started() {
            self.0.fetch_and(!NOW, Ordering::SeqCst);
        }
    }

    /// The incarnation has started. True when somebody waits for that.
    #[inline]
    pub(crate) fn set_started(&self) -> bool {
        self.0.fetch_or(NOW | ONCE, Ordering::SeqCst) & AWAITED != 0
    }

    /// The same by the only one who might wait for it, and so does not yet.
    #[inline]
    pub(crate) fn set_started_unawaited(&self) {
        let flags = self.0.load(Ordering::Relaxed);
        debug_assert_eq!(flags & AWAITED, 0, "who spawns it waits later");
        self.0.store(flags | NOW | ONCE, Ordering::Release);
    }

    /// The start answered ignore.
    pub(crate) fn set_ignored(&self) {
        self.0.fetch_or(IGNORED, Ordering::SeqCst);
    }

    /// From now on the supervisor is told of starts. True when there was one already.
    pub(crate) fn set_awaited(&self) -> bool {
        self.0.fetch_or(AWAITED, Ordering::SeqCst) & ONCE != 0
    }

    /// Whether the present incarnation has started, or the last one had.
    #[inline]
    pub(crate) fn is_started(&self) -> bool {
        self.has(NOW)
    }

    /// Whether an incarnation has ever started.
    #[inline]
    pub(crate) fn was_one(&self) -> bool {
        self.has(ONCE)
    }

    /// Whether a start has answered ignore.
    pub(crate) fn is_ignored(&self) -> bool {
        self.has(IGNORED)
    }

    #[inline]
    fn has(&self, flag: u8) -> bool {
        self.0.load(Ordering::SeqCst) & flag != 0
    }
}
