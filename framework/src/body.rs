//! What runs when an actor has its turn: its state and its context, kept in its place for as long as the incarnation lives.
//!
//! Whoever has the [turn](crate::mailbox) may use it, and nobody else: the loop, or a caller in its place.

use std::cell::UnsafeCell;
use std::sync::Arc;

use tracing::Span;

use crate::actor::Actor;
use crate::context::Context;
use crate::exit::ExitReason;
use crate::storage::Stored;

/// A present incarnation.
pub(crate) struct Body<A: Actor> {
    pub(crate) actor: A,
    pub(crate) cx: Context<A>,
    /// What a turn is in, when somebody looks at that.
    pub(crate) span: Option<Arc<Span>>,
    /// Why it ends, when its code panicked in a turn that was not the loop's.
    pub(crate) fell: Option<Box<ExitReason>>,
}

/// A place for one, and for what waits in its turn.
pub(crate) struct BodyCell<A: Actor> {
    /// It borrows the body.
    code: UnsafeCell<Option<Stored<'static, ()>>>,
    body: UnsafeCell<Option<Body<A>>>,
}

// SAFETY: a body and what waits in it go from thread to thread with the turn, which is one's at a time, and is never shared.
unsafe impl<A: Actor> Send for BodyCell<A> {}
// SAFETY: as above.
unsafe impl<A: Actor> Sync for BodyCell<A> {}

impl<A: Actor> BodyCell<A> {
    #[inline]
    pub(crate) const fn new() -> Self {
        Self {
            code: UnsafeCell::new(None),
            body: UnsafeCell::new(None),
        }
    }

    /// The body.
    ///
    /// # Safety
    ///
    /// The caller has the turn, until it has used what it gets for the last time, and gets it once at a time.
    #[allow(clippy::mut_from_ref, reason = "the turn is what makes it exclusive")]
    #[inline]
    pub(crate) unsafe fn get(&self) -> &mut Option<Body<A>> {
        // SAFETY: whoever has the turn is alone with it; between two turns lies an atomic operation that orders them.
        unsafe { &mut *self.body.get() }
    }

    /// The actor's own code that waits in its turn: what is put there borrows the body, so that it is dropped before anything else is done with that.
    ///
    /// # Safety
    ///
    /// As for [`get`](Self::get).
    #[allow(clippy::mut_from_ref, reason = "the turn is what makes it exclusive")]
    #[inline]
    pub(crate) unsafe fn code(&self) -> &mut Option<Stored<'static, ()>> {
        // SAFETY: as above.
        unsafe { &mut *self.code.get() }
    }
}
