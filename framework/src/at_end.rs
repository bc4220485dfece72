//! What is done at the end of an incarnation, before anybody hears of it.
//!
//! The context holds it. So it happens whichever way the incarnation ends, when the actor's state and its tasks have been dropped and
//! before its monitors fire; and it needs no task that could be late. It does not happen while a handler does not yield: whoever
//! relies on it also looks whether the incarnation is alive.

use std::sync::Arc;

use crate::actor::Actor;
use crate::actor_ref::ActorRef;
use crate::id::ActorId;
use crate::panics;
use crate::seat::Seat;

/// One incarnation of an actor of this process (OTP: a pid).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Incarnation {
    pub(crate) place: ActorId,
    number: u64,
}

impl Incarnation {
    /// The present or last one in this seat.
    pub(crate) fn of(seat: &Seat) -> Self {
        Self {
            place: seat.id,
            number: seat.incarnation(),
        }
    }

    /// The one that a ref is pinned to, else the present or last one. `None` when the actor is not in this process.
    pub(crate) fn behind<A: Actor>(actor: &ActorRef<A>) -> Option<Self> {
        let raw = ActorRef::raw(actor).located();
        let present = Self::of(&*raw.seat()?);
        Some(match raw.incarnation {
            0 => present,
            number => Self { number, ..present },
        })
    }
}

/// Told once when an incarnation has ended.
pub(crate) trait AtEnd: Send + Sync + 'static {
    fn ended(&self, who: Incarnation);
}

/// Who is told at the end of one incarnation: when this is dropped.
pub(crate) struct AtEnds {
    who: Incarnation,
    told: Vec<Arc<dyn AtEnd>>,
}

impl AtEnds {
    pub(crate) fn new(who: Incarnation) -> Self {
        Self {
            who,
            told: Vec::new(),
        }
    }

    /// Adds one that is told; no second time.
    pub(crate) fn add(&mut self, told: Arc<dyn AtEnd>) {
        let is_known = |other: &Arc<dyn AtEnd>| std::ptr::addr_eq(Arc::as_ptr(other), Arc::as_ptr(&told));
        if !self.told.iter().any(is_known) {
            self.told.push(told);
        }
    }
}

impl Drop for AtEnds {
    fn drop(&mut self) {
        for told in self.told.drain(..) {
            // What it drops is a user's: a panic there must not keep the others from being told.
            if panics::caught(|| told.ended(self.who)).is_err() {
                tracing::error!(target: "quorate::exit", place = %self.who.place, "what an actor left behind panicked when dropped");
            }
        }
    }
}
