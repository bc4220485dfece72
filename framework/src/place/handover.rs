//! From one incarnation to the next: who has what was taken out of the mailbox, what is whose of what comes, and how a place is filled.

use std::sync::atomic::Ordering;

use super::{Held, Inbox, Place, refuse};
use crate::actor::Actor;
use crate::envelope::Item;
use crate::panics;
use crate::request::Refusal;
use crate::scheduler::Unbegun;
use crate::start_fn::StartFn;

/// It lives.
const ALIVE: u8 = 0;
/// It dies: an [`Item::End`] lies in the mailbox.
const DYING: u8 = 1;
/// The mailbox is drained: what lies there is for the successor.
pub(super) const DEAD: u8 = 2;

impl<A: Actor> Place<A> {
    /// How it is filled, for the incarnation. `None` when that is forgotten.
    #[inline]
    pub(crate) fn start_fn<'a>(&'a self, held: &'a Held) -> Option<&'a StartFn<A>> {
        self.between.start(held)
    }

    /// It was started for the last time.
    #[inline]
    pub(crate) fn spend_start(&self, held: &mut Held) {
        self.between.spend_start(held, take_out);
    }

    /// Its spec is forgotten: frees the name.
    #[inline]
    pub(crate) fn forget(&self) {
        if let Some(name) = self.seat.registered_name() {
            self.system.registry().remove(name, self.seat.id);
        }
        self.forget_start();
    }

    /// It is not filled any more.
    #[inline]
    pub(crate) fn forget_start(&self) {
        self.between.forget_start(take_out);
    }

    #[inline]
    fn give_back(&self, mut held: Held) {
        let is_filled = !self.inbox(&mut held).is_empty();
        self.between.give_back(held, is_filled, take_out);
    }

    /// Takes what was taken out of the mailbox, for the incarnation that begins.
    #[inline]
    pub(crate) fn take_inbox(&self) -> Option<Held> {
        self.between.take()
    }

    /// The same for the first incarnation.
    #[inline]
    pub(crate) fn take_inbox_first(&self, unbegun: &Unbegun) -> Held {
        self.between.take_first(unbegun)
    }

    /// What was taken out of the mailbox, for who has it.
    #[inline]
    pub(crate) fn inbox<'a>(&'a self, held: &'a mut Held) -> &'a mut Inbox<A> {
        // SAFETY: a place gives out its own, and nobody exchanges them: an incarnation is in one place for all its life.
        unsafe { self.between.inbox(held) }
    }

    /// An actor has started: what lies in the mailbox is its.
    #[inline]
    pub(crate) fn set_alive(&self) {
        self.death.store(ALIVE, Ordering::Relaxed);
    }

    /// Gives what was taken out back when the incarnation has ended.
    #[inline]
    pub(crate) fn return_inbox(&self, held: Held) {
        self.give_back(held);
        self.sweep();
    }

    /// What is sent from now on is for the successor: in the turn in which the actor falls, or asks for its end.
    pub(crate) fn mark(&self) {
        if self.death.load(Ordering::Relaxed) == ALIVE {
            self.death.store(DYING, Ordering::Relaxed);
            let end = self.ends.fetch_add(1, Ordering::Relaxed).wrapping_add(1);
            self.was_sent(self.mailbox.send_beyond(Item::End(end)));
        }
    }

    /// A turn is over and the actor lives. If it was dying, its own code has caught what of.
    #[inline]
    pub(crate) fn lives_on(&self) {
        if self.death.load(Ordering::Relaxed) == DYING {
            self.death.store(ALIVE, Ordering::Relaxed);
        }
    }

    /// Answers for what was sent to the incarnation that ends, if there is any.
    #[inline]
    pub(crate) fn drain(&self, held: &mut Held, refusal: impl FnOnce() -> Refusal) {
        let inbox = self.inbox(held);
        let death = self.death.load(Ordering::Relaxed);
        if death == DEAD {
            return;
        }
        if death == ALIVE && self.mailbox.is_empty(inbox) {
            // Nothing is this incarnation's: what comes from now on is for the successor, with no mark before it.
            self.death.store(DEAD, Ordering::Relaxed);
            self.mailbox.settle(inbox);
            return;
        }
        self.mark();
        let refusal = refusal();
        let last = self.ends.load(Ordering::Relaxed);
        while let Some(item) = self.mailbox.try_next(inbox) {
            if matches!(item, Item::End(end) if end == last) {
                break;
            }
            refuse(item, &refusal);
        }
        self.death.store(DEAD, Ordering::Relaxed);
        self.mailbox.settle(inbox);
    }

    /// No incarnation follows for now: everything that waits, and everything sent from now on, is answered `Gone`.
    #[inline]
    pub(crate) fn close(&self) {
        self.seat.leave();
        self.sweep();
    }

    /// Answers what lies in the mailbox of a place that has been left. Called after leaving and after sending: whoever comes second
    /// sees what the other did, so nothing stays behind unanswered.
    #[inline(always)]
    pub(super) fn sweep(&self) {
        if self.seat.is_gone() && self.holds_any() {
            self.sweep_now();
        }
    }

    #[inline]
    fn holds_any(&self) -> bool {
        self.mailbox.is_filled() || self.between.is_filled()
    }

    #[cold]
    fn sweep_now(&self) {
        while self.holds_any() {
            // Who has it looks again when it is given back.
            let Some(mut held) = self.take_inbox() else {
                return;
            };
            while let Some(item) = self.mailbox.try_next(self.inbox(&mut held)) {
                refuse(item, &Refusal::Gone);
            }
            self.give_back(held);
        }
    }
}

/// What it was filled by is forgotten.
#[inline]
fn take_out<A: Actor>(start: &mut Option<StartFn<A>>) {
    if start.is_some() && panics::caught_boxed(|| *start = None).is_err() {
        tracing::error!(target: "quorate::exit", actor = A::NAME, "dropping what an actor was started with panicked");
    }
}
