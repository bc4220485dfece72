//! Names on this node: typed, unique, kept across restarts.
//!
//! A name belongs to a place from the moment its spec is built until the place is removed. A session finds the same
//! places under the same names, as [`Endpoint`]s.

use std::any::Any;
use std::collections::HashMap;
use std::fmt;
use std::marker::PhantomData;
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard, Weak};

use crate::actor::Actor;
use crate::id::ActorId;
use crate::place::Place;
use crate::wire::link::Endpoint;

/// The name of an actor of type `A`: `static LEDGER: Name<Ledger> = Name::new("ledger");`.
pub struct Name<A> {
    name: &'static str,
    of: PhantomData<fn() -> A>,
}

impl<A> Name<A> {
    /// A name. Two actors of one system cannot have the same, whatever their types.
    pub const fn new(name: &'static str) -> Self {
        Self {
            name,
            of: PhantomData,
        }
    }

    /// The name as text.
    pub const fn as_str(self) -> &'static str {
        self.name
    }
}

impl<A> Clone for Name<A> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<A> Copy for Name<A> {}

impl<A> fmt::Debug for Name<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Name({:?})", self.name)
    }
}

impl<A> fmt::Display for Name<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}

struct Entry {
    id: ActorId,
    /// A `Place<A>`. It is its supervisor's, as long as it has this name.
    place: Weak<dyn Any + Send + Sync>,
    /// Present unless the actor is local.
    endpoint: Option<Weak<dyn Endpoint>>,
}

/// The names of one system.
#[derive(Default)]
pub(crate) struct Names {
    names: RwLock<HashMap<&'static str, Entry>>,
}

impl Names {
    /// False when the name is taken.
    pub(crate) fn insert<A: Actor>(&self, name: &'static str, place: &Arc<Place<A>>) -> bool {
        let mut names = self.write();
        if names
            .get(name)
            .is_some_and(|entry| entry.place.strong_count() > 0)
        {
            return false;
        }
        let endpoint = A::WIRE
            .is_some()
            .then(|| Arc::downgrade(place) as Weak<dyn Endpoint>);
        names.insert(
            name,
            Entry {
                id: place.seat.id,
                place: Arc::downgrade(place) as _,
                endpoint,
            },
        );
        true
    }

    /// Frees the name if it is still this place's.
    pub(crate) fn remove(&self, name: &'static str, id: ActorId) {
        let mut names = self.write();
        if names.get(name).is_some_and(|entry| entry.id == id) {
            names.remove(name);
        }
    }

    pub(crate) fn get<A: Actor>(&self, name: &str) -> Option<Arc<Place<A>>> {
        self.read().get(name)?.place.upgrade()?.downcast().ok()
    }

    /// What a peer may ask for under this name.
    pub(crate) fn endpoint(&self, name: &str) -> Option<Arc<dyn Endpoint>> {
        self.read().get(name)?.endpoint.as_ref()?.upgrade()
    }

    fn read(&self) -> RwLockReadGuard<'_, HashMap<&'static str, Entry>> {
        self.names.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, HashMap<&'static str, Entry>> {
        self.names.write().unwrap_or_else(PoisonError::into_inner)
    }
}
