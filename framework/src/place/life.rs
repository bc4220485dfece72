//! What runs in a place, and how it is found there by those who run and wake it.

use std::mem::ManuallyDrop;
use std::sync::Arc;
use std::task::{Context, Poll, Wake};

use super::Place;
use crate::actor::Actor;
use crate::exit::ExitReason;
use crate::id::ActorId;
use crate::scheduler::{Lives, Scheduler, Succession};
use crate::turn::Incarnation;

/// A place, by its address in its `Arc`: for what lies in it, or is kept beside it.
pub(crate) struct Me<A: Actor>(pub(super) *const Place<A>);

// SAFETY: it is an address, and a place is shared by all threads.
unsafe impl<A: Actor> Send for Me<A> {}
// SAFETY: as above.
unsafe impl<A: Actor> Sync for Me<A> {}

impl<A: Actor> Me<A> {
    /// # Safety
    ///
    /// The place is kept as long as the `Arc` that is got from this is used.
    #[inline]
    unsafe fn arc(&self) -> ManuallyDrop<Arc<Place<A>>> {
        // SAFETY: `Place::new` is the only way to make a place, and has put it into an `Arc`, at this address; the caller keeps it. What this
        // answers is not counted, and not dropped.
        ManuallyDrop::new(unsafe { Arc::from_raw(self.0) })
    }
}

/// What runs in a place.
pub(crate) enum Present {
    Actor(Incarnation),
    /// A test's probe of its mailbox.
    #[cfg(feature = "test-util")]
    Probe(std::pin::Pin<Box<dyn Future<Output = ()> + Send>>),
}

impl Present {
    /// Makes the actor, if that does not wait. True when there is nothing else to do for now.
    #[inline]
    pub(crate) fn start_here<A: Actor>(&mut self, place: &Arc<Place<A>>) -> bool {
        match self {
            Self::Actor(incarnation) => incarnation.start_here(place),
            #[cfg(feature = "test-util")]
            Self::Probe(_) => false,
        }
    }
}

impl<A: Actor> Lives for Place<A> {
    type Life = Present;

    #[inline]
    fn arc(&self) -> ManuallyDrop<Arc<Self>> {
        // SAFETY: whoever has borrowed this place keeps it.
        unsafe { self.me.arc() }
    }

    #[inline]
    fn poll(self: &Arc<Self>, life: &mut Present, task: &mut Context<'_>) -> Poll<()> {
        match life {
            Present::Actor(incarnation) => incarnation.poll(self, task),
            #[cfg(feature = "test-util")]
            Present::Probe(probe) => probe.as_mut().poll(task),
        }
    }

    fn fell(self: &Arc<Self>, life: &mut Present, reason: ExitReason, task: &mut Context<'_>) -> Poll<()> {
        match life {
            Present::Actor(incarnation) => incarnation.fell(self, reason, task),
            #[cfg(feature = "test-util")]
            Present::Probe(_) => Poll::Ready(()),
        }
    }

    #[inline]
    fn is_nothing(life: &Present) -> bool {
        match life {
            Present::Actor(incarnation) => incarnation.is_nothing(),
            #[cfg(feature = "test-util")]
            Present::Probe(_) => false,
        }
    }

    #[inline]
    fn end_life(&self, life: &mut Present) {
        match life {
            Present::Actor(incarnation) => incarnation.end_in(self),
            #[cfg(feature = "test-util")]
            Present::Probe(_) => {}
        }
    }

    #[inline]
    fn lives(&self) -> &Succession<Present> {
        &self.lives
    }

    #[inline]
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

    #[inline]
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
