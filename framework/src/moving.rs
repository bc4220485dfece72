//! Places that move: the ref of a singleton follows it from node to node.
//!
//! A call waits, within its deadline, until a location is known. When a location answers that nothing was handled (gone before
//! delivery, a link down before sending, still in the mailbox at a planned stop) the call waits for the next location. What may have been
//! handled is never sent again. A cast goes to the present location, or fails.

use std::fmt;
use std::sync::Arc;

use tokio::sync::watch;

use crate::actor::Actor;
use crate::actor_ref::ActorRef;
use crate::id::ActorId;
use crate::raw_ref::RawRef;

/// A place whose location changes.
pub(crate) struct MovingPlace<A: Actor> {
    pub(crate) id: ActorId,
    location: watch::Sender<Located<A>>,
}

/// Where it is now, and the how many-th location that is.
pub(crate) struct Located<A: Actor> {
    pub(crate) raw: Option<RawRef<A>>,
    pub(crate) version: u64,
    epoch: u64,
}

impl<A: Actor> Clone for Located<A> {
    fn clone(&self) -> Self {
        Self {
            raw: self.raw.clone(),
            version: self.version,
            epoch: self.epoch,
        }
    }
}

impl<A: Actor> MovingPlace<A> {
    pub(crate) fn new() -> Arc<Self> {
        let (location, _) = watch::channel(Located {
            raw: None,
            version: 0,
            epoch: 0,
        });
        Arc::new(Self {
            id: ActorId::next(),
            location,
        })
    }

    pub(crate) fn location(&self) -> Option<RawRef<A>> {
        self.location.borrow().raw.clone()
    }

    /// The next location after version `after`.
    pub(crate) fn next(self: &Arc<Self>, after: u64) -> impl Future<Output = Located<A>> + Send + use<A> {
        let mut locations = self.location.subscribe();
        let place = Arc::clone(self);
        async move {
            loop {
                let located = locations.borrow_and_update().clone();
                if located.raw.is_some() && located.version > after {
                    return located;
                }
                if locations.changed().await.is_err() {
                    // Not reached: `place` keeps the sender.
                    drop(place);
                    return std::future::pending().await;
                }
            }
        }
    }
}

/// Sets the location of a moving place. Its clones set the same one.
pub struct Mover<A: Actor>(Arc<MovingPlace<A>>);

impl<A: Actor> Mover<A> {
    pub(crate) fn new(place: Arc<MovingPlace<A>>) -> Self {
        Self(place)
    }

    /// The actor is there now, with this epoch. A lower epoch than the last one is ignored, and so is the
    /// location that is set already.
    pub fn set(&self, to: &ActorRef<A>, epoch: u64) {
        self.0.location.send_if_modified(|located| {
            let raw = ActorRef::raw(to);
            if epoch < located.epoch || (located.raw.as_ref() == Some(raw) && located.epoch == epoch) {
                return false;
            }
            *located = Located {
                raw: Some(raw.clone()),
                version: located.version + 1,
                epoch,
            };
            true
        });
    }

    /// It is not known where the actor is: calls wait.
    pub fn clear(&self) {
        self.0
            .location
            .send_if_modified(|located| located.raw.take().is_some());
    }
}

impl<A: Actor> Clone for Mover<A> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<A: Actor> fmt::Debug for Mover<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Mover").field(&self.0.location()).finish()
    }
}
