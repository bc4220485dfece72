//! What runs in a place, and how it is found there by those who run and wake it.

use std::mem::ManuallyDrop;
use std::sync::Arc;
use std::task::{Context, Poll, Wake};

use super::Place;
use crate::actor::Actor;
use crate::id::ActorId;
use crate::scheduler::{Lives, LivesCell, Scheduler};
use crate::turn::Incarnation;

/// A place, by its address in its `Arc`.
pub(super) struct Me<A: Actor>(pub(super) *const Place<A>);

// SAFETY: it is an address, and a place is shared by all threads.
unsafe impl<A: Actor> Send for Me<A> {}
// SAFETY: as above.
unsafe impl<A: Actor> Sync for Me<A> {}

/// What runs in a place.
pub(crate) enum Present<A: Actor> {
    Actor(Incarnation<A>),
    /// A test's probe of its mailbox.
    #[cfg(feature = "test-util")]
    Probe(std::pin::Pin<Box<dyn Future<Output = ()> + Send>>),
}

impl<A: Actor> Lives for Place<A> {
    type Life = Present<A>;

    #[inline]
    fn arc(&self) -> ManuallyDrop<Arc<Self>> {
        // SAFETY: `new` is the only way to make a place, and has put it into an `Arc`, at this address; one is counted as long as it is
        // borrowed from there. What this answers is not counted, and not dropped.
        ManuallyDrop::new(unsafe { Arc::from_raw(self.me.0) })
    }

    #[inline]
    fn poll(self: &Arc<Self>, life: &mut Present<A>, task: &mut Context<'_>) -> Poll<()> {
        match life {
            Present::Actor(incarnation) => incarnation.poll(self, task),
            #[cfg(feature = "test-util")]
            Present::Probe(probe) => probe.as_mut().poll(task),
        }
    }

    fn drop_life(self: &Arc<Self>, life: Present<A>) {
        match life {
            Present::Actor(incarnation) => incarnation.drop_in(self),
            #[cfg(feature = "test-util")]
            Present::Probe(probe) => drop(probe),
        }
    }

    fn lives(&self) -> &LivesCell<Present<A>> {
        &self.lives
    }

    fn scheduler(&self) -> &Arc<Scheduler> {
        self.system.scheduler()
    }

    #[inline]
    fn begin_turn(&self) {
        self.mailbox.begin_turn();
    }

    #[inline]
    fn end_turn(&self) -> bool {
        self.mailbox.end_turn()
    }

    fn allows_help(&self, ends: Option<ActorId>) -> bool {
        // As it may be started by who spawns it, it may be ended by who waits for that, unless it is known to be slow.
        let ends = || ends == Some(self.seat.id) && self.pace.allows_end();
        self.allows_in_place() || self.seat.tenure().is_none() && ends()
    }
}

/// Its loop is woken for something else than a message.
impl<A: Actor> Wake for Place<A> {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.nudge();
    }
}
