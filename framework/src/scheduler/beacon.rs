//! By which a dispatcher is woken, once, however many actors are.
//!
//! Whoever puts an actor into a queue looks afterwards whether the dispatcher sleeps; a dispatcher that goes to sleep says so, and looks into
//! the queues afterwards. One of both sees the other: nothing that was put there is slept through.

use std::sync::OnceLock;
use std::task::Waker;

use crate::sync::{AtomicBool, Ordering, fence};

/// Whether a dispatcher runs, or will: then nobody needs to wake it.
pub(super) struct Lit(AtomicBool);

impl Lit {
    pub(super) fn new(is_lit: bool) -> Self {
        Self(AtomicBool::new(is_lit))
    }

    /// It runs: by itself, without having been woken.
    pub(super) fn set(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    /// After something was put into a queue, and a fence: true when the dispatcher is to be woken for it, by who asks.
    #[inline]
    #[must_use = "a dispatcher that sleeps is woken"]
    pub(super) fn light(&self) -> bool {
        !self.0.load(Ordering::Relaxed) && !self.0.swap(true, Ordering::AcqRel)
    }

    /// Puts it out, unless there is work after all. True when the dispatcher sleeps, or has been woken again already.
    #[must_use = "a dispatcher that does not sleep goes on"]
    pub(super) fn put_out(&self, has_work: impl FnOnce() -> bool) -> bool {
        // A swap, as loom takes a plain store for one that may come before a swap that it has seen.
        self.0.swap(false, Ordering::AcqRel);
        fence(Ordering::SeqCst);
        !has_work() || self.0.swap(true, Ordering::AcqRel)
    }
}

/// A dispatcher, as those see it who wake it. On a line of its own.
#[repr(align(128))]
pub(super) struct Beacon {
    pub(super) lit: Lit,
    waker: OnceLock<Waker>,
}

impl Default for Beacon {
    fn default() -> Self {
        Self {
            lit: Lit::new(false),
            waker: OnceLock::new(),
        }
    }
}

impl Beacon {
    /// At its first poll: a task is woken by the same waker for all its life.
    pub(super) fn set_waker(&self, waker: &Waker) {
        self.waker.get_or_init(|| waker.clone());
    }

    /// Wakes the dispatcher. False when it is awake.
    #[inline]
    pub(super) fn light(&self) -> bool {
        fence(Ordering::SeqCst);
        self.light_fenced()
    }

    /// The same after a fence.
    #[inline]
    pub(super) fn light_fenced(&self) -> bool {
        let lights = self.lit.light();
        if lights && let Some(waker) = self.waker.get() {
            waker.wake_by_ref();
        }
        lights
    }
}
