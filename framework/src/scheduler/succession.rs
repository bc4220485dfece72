//! The life in a place, and the one that follows it if that has begun before the end of this one. Lock-free.
//!
//! ```text
//! vacant --begin--> occupied --begin--> followed
//!   ^                  |  ^                |
//!   +------- end ------+  +------ end -----+  the one that follows is the present one
//! ```

use std::ptr::{null_mut, without_provenance_mut};

use crate::sync::{AtomicPtr, Ordering, UnsafeCell, take};

/// A life that follows. Aligned, so that no address of one is [`OCCUPIED`](Succession::OCCUPIED).
#[repr(align(8))]
struct Follower<L>(L);

pub(crate) struct Succession<L> {
    present: UnsafeCell<Option<L>>,
    /// Null when there is no present one; else the one that follows, or `OCCUPIED`.
    next: AtomicPtr<Follower<L>>,
}

// SAFETY: the present life is touched only by who has the turn, which is one's at a time, and the next one by who has taken it out.
unsafe impl<L: Send> Send for Succession<L> {}
// SAFETY: as above.
unsafe impl<L: Send> Sync for Succession<L> {}

impl<L> Succession<L> {
    const OCCUPIED: *mut Follower<L> = without_provenance_mut(1);

    #[inline]
    pub(crate) fn new() -> Self {
        Self {
            present: UnsafeCell::new(None),
            next: AtomicPtr::new(null_mut()),
        }
    }

    /// Begins a life. True when it is the present one: then the turn is the caller's.
    pub(super) fn begin(&self, mut life: L) -> bool {
        loop {
            if self.take_vacancy() {
                // SAFETY: without a life nobody has the turn, so it is that of who makes this occupied; and there is none to be dropped.
                self.present
                    .with_mut(|present| unsafe { present.write(Some(life)) });
                return true;
            }
            match self.follow(life) {
                Ok(()) => return false,
                // It has ended meanwhile.
                Err(back) => life = back,
            }
        }
    }

    /// Begins the first life of all.
    ///
    /// # Safety
    ///
    /// Nobody begins another one before this is over, and there has been none.
    #[inline]
    pub(super) unsafe fn begin_first(&self, make: impl FnOnce() -> L) {
        // SAFETY: without a life nobody has the turn, and as the caller says nobody else makes this occupied.
        self.present
            .with_mut(|present| unsafe { present.write(Some(make())) });
        self.next.store(Self::OCCUPIED, Ordering::Release);
    }

    #[inline]
    fn take_vacancy(&self) -> bool {
        self.change(null_mut(), Self::OCCUPIED)
    }

    #[cold]
    fn follow(&self, life: L) -> Result<(), L> {
        let follower = Box::into_raw(Box::new(Follower(life)));
        let mut next = self.next.load(Ordering::Relaxed);
        while !next.is_null() {
            match self
                .next
                .compare_exchange(next, follower, Ordering::AcqRel, Ordering::Relaxed)
            {
                Ok(before) => {
                    // SAFETY: it was in `next`, and is not any more.
                    drop(unsafe { Self::follower(before) });
                    return Ok(());
                }
                Err(now) => next = now,
            }
        }
        // SAFETY: it has not been anywhere.
        Err(unsafe { Box::from_raw(follower) }.0)
    }

    /// The present life.
    ///
    /// # Safety
    ///
    /// The caller has the turn, until it has used what it gets for the last time, and gets it once at a time.
    #[allow(clippy::mut_from_ref, reason = "the turn is what makes it exclusive")]
    #[inline]
    pub(super) unsafe fn present(&self) -> &mut Option<L> {
        // SAFETY: whoever has the turn is alone with it.
        self.present.with_mut(|present| unsafe { &mut *present })
    }

    /// The present life has been dropped. True when another follows: then its first turn is the caller's.
    ///
    /// # Safety
    ///
    /// The caller has the turn; if none follows, no longer.
    #[inline]
    pub(super) unsafe fn end(&self) -> bool {
        if self.change(Self::OCCUPIED, null_mut()) {
            return false;
        }
        // SAFETY: the caller has the turn; what was in `next` is taken out once.
        unsafe { *self.present() = Self::follower(self.next.swap(Self::OCCUPIED, Ordering::AcqRel)) };
        true
    }

    /// The present life has been dropped, and another that follows is taken out.
    ///
    /// # Safety
    ///
    /// The caller has the turn, and has it no longer.
    pub(super) unsafe fn cancel(&self) -> Option<L> {
        // SAFETY: what was in `next` is taken out once.
        unsafe { Self::follower(self.next.swap(null_mut(), Ordering::AcqRel)) }
    }

    #[inline]
    fn change(&self, from: *mut Follower<L>, to: *mut Follower<L>) -> bool {
        self.next
            .compare_exchange(from, to, Ordering::AcqRel, Ordering::Relaxed)
            .is_ok()
    }

    /// What was in `next`.
    ///
    /// # Safety
    ///
    /// It is not there any more, and is asked for once.
    unsafe fn follower(next: *mut Follower<L>) -> Option<L> {
        if next.is_null() || next == Self::OCCUPIED {
            return None;
        }
        // SAFETY: all others are of a box, and the caller has it.
        Some(unsafe { Box::from_raw(next) }.0)
    }
}

impl<L> Drop for Succession<L> {
    fn drop(&mut self) {
        let next = take(&mut self.next);
        // SAFETY: nobody else has this any more.
        drop(unsafe { Self::follower(next) });
    }
}
