//! One singleton as this node hosts and follows it: starts its actor under an epoch, ends it, and keeps the ref that moves.
//!
//! It decides nothing: the steward says when. The actor runs in the user's system, on the user's runtime. Nobody else spawns it.

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};

use quorate::wire::Peer;
use quorate::{Actor, ActorRef, ChildSpec, Mover, Name, StartError, System, Tenure, Validity};
use tokio::runtime::Handle;

use crate::clock::ValidityCell;
use crate::id::Epoch;

/// A future of the driver, boxed: once per move of a singleton, never per message.
pub(crate) type Task<T> = Pin<Box<dyn Future<Output = T> + Send>>;

impl Validity for ValidityCell {
    fn is_valid(&self) -> bool {
        Self::is_valid(self)
    }
}

/// What the steward asks of a singleton, whatever its type.
pub(crate) trait Host: Send + Sync + 'static {
    /// Whether this node's program can run it at all.
    fn can_host(&self) -> bool;
    /// Starts the actor under this tenure. When it has started, calls of this node go to it.
    fn start(self: Arc<Self>, tenure: Tenure) -> Task<Result<(), StartError>>;
    /// Ends when the actor of that start is gone, does not come back by itself, and its name is free.
    fn gone(&self) -> Task<()>;
    /// Ends the actor by its own shutdown policy: what waits in its mailbox goes on to the next holder. Ends when it is gone.
    fn shut_down(&self) -> Task<()>;
    /// Drops the actor at its next await, also one that is still starting or waits to be restarted.
    fn lapse(&self);
    /// It is at the other end of this session, under this epoch: calls of this node go there.
    fn follow(self: Arc<Self>, epoch: Epoch, peer: Arc<Peer>) -> Task<bool>;
    /// It is not known where it is: calls wait.
    fn lose(&self);
}

/// A singleton of type `A`.
pub(crate) struct Hosted<A: Actor> {
    name: Name<A>,
    spec: Option<ChildSpec<A>>,
    system: System,
    mover: Mover<A>,
    moving: ActorRef<A>,
    here: Mutex<Option<ActorRef<A>>>,
    /// The session to where it is, kept open.
    there: Mutex<Option<Arc<Peer>>>,
    /// The user's.
    runtime: Handle,
}

impl<A: Actor> Hosted<A> {
    /// A singleton that is started from `spec`, or only followed when there is none.
    ///
    /// # Panics
    ///
    /// Outside of a tokio runtime, which becomes the one that it runs on.
    pub(crate) fn new(name: Name<A>, spec: Option<ChildSpec<A>>, system: System) -> Self {
        let (mover, moving) = ActorRef::moving();
        Self {
            name,
            spec,
            system,
            mover,
            moving,
            here: Mutex::new(None),
            there: Mutex::new(None),
            runtime: Handle::current(),
        }
    }

    /// The ref that follows it.
    pub(crate) fn actor(&self) -> ActorRef<A> {
        self.moving.clone()
    }

    /// The actor of this node: from the moment on when its start began.
    fn here(&self) -> Option<ActorRef<A>> {
        let started = self.here.lock().unwrap_or_else(PoisonError::into_inner).clone();
        self.spec
            .as_ref()
            .and_then(|_| self.system.whereis(self.name))
            .or(started)
    }
}

impl<A: Actor> Host for Hosted<A> {
    fn can_host(&self) -> bool {
        self.spec.is_some()
    }

    fn start(self: Arc<Self>, tenure: Tenure) -> Task<Result<(), StartError>> {
        Box::pin(async move {
            let Some(spec) = self.spec.clone() else {
                return Err(StartError::Ignored);
            };
            let epoch = tenure.epoch();
            let spec = spec.name(self.name).tenure(tenure);
            let actor = self.system.spawn(spec).await?;
            *self.here.lock().unwrap_or_else(PoisonError::into_inner) = Some(actor.clone());
            *self.there.lock().unwrap_or_else(PoisonError::into_inner) = None;
            self.mover.set(&actor, epoch);
            Ok(())
        })
    }

    fn gone(&self) -> Task<()> {
        let (here, system) = (self.here(), self.system.clone());
        Box::pin(async move {
            if let Some(actor) = here {
                ActorRef::gone(&actor).await;
                // Its supervisor is done with it when it has answered this.
                system.terminate(&actor).await;
            }
        })
    }

    fn shut_down(&self) -> Task<()> {
        let (here, system) = (self.here(), self.system.clone());
        // Callers wait for the next location from here on.
        self.mover.clear();
        Box::pin(async move {
            if let Some(actor) = here {
                system.terminate(&actor).await;
                ActorRef::gone(&actor).await;
            }
        })
    }

    fn lapse(&self) {
        self.mover.clear();
        if let Some(actor) = self.here() {
            ActorRef::lapse(&actor);
            // The signal reaches an actor; this reaches one that its supervisor is about to start again.
            let system = self.system.clone();
            self.runtime.spawn(async move { system.terminate(&actor).await });
        }
    }

    fn follow(self: Arc<Self>, epoch: Epoch, peer: Arc<Peer>) -> Task<bool> {
        Box::pin(async move {
            let Ok(actor) = peer.lookup(self.name).await else {
                return false;
            };
            self.mover.set(&actor, epoch.0);
            *self.there.lock().unwrap_or_else(PoisonError::into_inner) = Some(peer);
            true
        })
    }

    fn lose(&self) {
        self.mover.clear();
    }
}
