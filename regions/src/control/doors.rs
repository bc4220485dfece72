//! The control actors of other nodes, reached when they are first needed.
//!
//! A door is a session to a node and the ref of one actor there, looked up by name. It is opened on demand, kept while the link is up,
//! and opened anew after that. One address is this node itself: no session leads there, the actor is called directly.

use std::collections::BTreeMap;
use std::fmt;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use quorate::wire::handshake::HelloError;
use quorate::wire::{ConnectError, ConnectOptions, LookupError, Peer};
use quorate::{Actor, ActorRef, Name, System};
use tokio::sync::Mutex as AsyncMutex;

/// Doors of one kind that are kept open, at most; beyond, those whose link is down are dropped first.
const DOORS_MAX: usize = 1_024;

/// Why a door does not open. Nothing was sent to the actor behind it.
#[derive(Debug)]
pub(crate) enum DoorError {
    /// No session to that address.
    Connect(ConnectError),
    /// A session, and no such actor.
    Lookup(LookupError),
    /// Neither, within the time.
    TimedOut,
}

impl fmt::Display for DoorError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Connect(error) => error.fmt(f),
            Self::Lookup(error) => error.fmt(f),
            Self::TimedOut => f.write_str("no answer in time"),
        }
    }
}

/// The actors of one name on all nodes.
pub(crate) struct Doors<A: Actor> {
    system: System,
    options: ConnectOptions,
    name: Name<A>,
    /// This node's, and where it listens.
    own: (SocketAddr, ActorRef<A>),
    known: Mutex<BTreeMap<SocketAddr, Arc<Door<A>>>>,
}

/// A session, kept because it ends with its last owner, and the actor at its other end. Locked while it is being opened, so that all who want in
/// share one session.
struct Door<A: Actor>(AsyncMutex<Option<(Peer, ActorRef<A>)>>);

impl<A: Actor> Doors<A> {
    /// Doors that are opened from `system`; `own` is the actor of this node and where it listens.
    pub(crate) fn new(
        system: System,
        options: ConnectOptions,
        name: Name<A>,
        own: (SocketAddr, ActorRef<A>),
    ) -> Self {
        Self {
            system,
            options,
            name,
            own,
            known: Mutex::new(BTreeMap::new()),
        }
    }

    /// The actor at `addr`. Opening the way there goes on when nobody waits for it any more, so that one who comes back finds it open: it takes three
    /// round trips.
    pub(crate) async fn at(
        self: &Arc<Self>,
        addr: SocketAddr,
        timeout: Duration,
    ) -> Result<ActorRef<A>, DoorError> {
        if addr == self.own.0 {
            return Ok(self.own.1.clone());
        }
        let door = self.door(addr);
        if let Ok(open) = door.0.try_lock()
            && let Some((_, actor)) = open.as_ref().filter(|(peer, _)| peer.is_up())
        {
            return Ok(actor.clone());
        }
        let doors = Arc::clone(self);
        let entering = tokio::spawn(async move { doors.enter(addr, &door).await });
        let entered = match tokio::time::timeout(timeout, entering).await {
            Ok(Ok(entered)) => entered,
            Ok(Err(_)) | Err(_) => Err(DoorError::TimedOut),
        };
        entered.inspect_err(
            |error| tracing::debug!(%addr, %error, name = %self.name, "a control actor is out of reach"),
        )
    }

    async fn enter(&self, addr: SocketAddr, door: &Door<A>) -> Result<ActorRef<A>, DoorError> {
        let mut open = door.0.lock().await;
        if let Some((_, actor)) = open.as_ref().filter(|(peer, _)| peer.is_up()) {
            return Ok(actor.clone());
        }
        *open = None;
        let peer = match self.system.connect(addr, self.options.clone()).await {
            Ok(peer) => peer,
            // This node under another address of its own.
            Err(ConnectError::Refused {
                source: HelloError::SameNode { .. },
                ..
            }) => return Ok(self.own.1.clone()),
            Err(error) => return Err(DoorError::Connect(error)),
        };
        let actor = peer.lookup(self.name).await.map_err(DoorError::Lookup)?;
        *open = Some((peer, actor.clone()));
        Ok(actor)
    }

    fn door(&self, addr: SocketAddr) -> Arc<Door<A>> {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= DOORS_MAX {
            let is_open = |door: &Door<A>| {
                door.0
                    .try_lock()
                    .is_ok_and(|open| open.as_ref().is_some_and(|(peer, _)| peer.is_up()))
            };
            known.retain(|_, door| is_open(door));
        }
        Arc::clone(
            known
                .entry(addr)
                .or_insert_with(|| Arc::new(Door(AsyncMutex::new(None)))),
        )
    }
}
