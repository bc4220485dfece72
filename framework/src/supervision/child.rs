//! A child as its supervisor's driver handles it: something to start, to signal and to close, whatever its type.

use std::pin::Pin;
use std::sync::Arc;

use tokio::sync::mpsc;
use tracing::Instrument;

use super::ask::{ChildKind, Door};
pub(crate) use super::state::ChildPolicy;
use super::state::Key;
use crate::actor::Actor;
use crate::exit::ExitReason;
use crate::lane::Signal;
use crate::place::Place;
use crate::policy::Policy;
use crate::seat::Seat;
use crate::spec::StartFn;
use crate::system::System;
use crate::turn;

/// A slot of a supervisor.
pub(crate) trait Child: Send + Sync + 'static {
    fn policy(&self) -> ChildPolicy;

    fn seat(&self) -> &Arc<Seat>;

    fn kind(&self) -> ChildKind {
        ChildKind::Worker
    }

    /// Its seat and, behind it, those of all below it.
    fn seats(&self, into: &mut Vec<Arc<Seat>>) {
        into.push(Arc::clone(self.seat()));
    }

    /// Where it is asked, when it is a supervisor.
    fn door(&self) -> Option<&Door> {
        None
    }

    /// What waits in its mailbox, and its bound.
    fn mailbox(&self) -> Option<(usize, usize)> {
        None
    }

    /// Starts an incarnation in a task of its own, once the last one has ended.
    fn start(&self, report: Report);

    /// No incarnation follows for now.
    fn close(&self);

    /// The spec is forgotten: frees the name.
    fn remove(&self);

    /// Nothing of what did not start is left when this ends.
    fn discard(&self) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        Box::pin(async {
            self.close();
            let mut seats = Vec::new();
            self.seats(&mut seats);
            for seat in seats {
                seat.vacant().await;
            }
            self.remove();
        })
    }

    /// Asks the present incarnation to end.
    fn signal(&self, signal: Signal) {
        self.seat().signal(signal);
    }
}

/// What a child's task tells the driver.
#[derive(Debug)]
pub(crate) struct Event {
    pub(crate) key: Key,
    pub(crate) happened: Happened,
}

#[derive(Debug)]
pub(crate) enum Happened {
    Started,
    Ignored,
    StartFailed(ExitReason),
    Exited(ExitReason),
}

/// Where one incarnation reports to. A supervisor that has ended is told nothing.
#[derive(Clone, Debug)]
pub(crate) struct Report {
    key: Key,
    events: mpsc::Sender<Event>,
}

impl Report {
    pub(crate) fn new(key: Key, events: mpsc::Sender<Event>) -> Self {
        Self { key, events }
    }

    pub(crate) async fn started(&self) {
        self.send(Happened::Started).await;
    }

    pub(crate) async fn ignored(&self) {
        self.send(Happened::Ignored).await;
    }

    pub(crate) async fn failed(&self, reason: ExitReason) {
        self.send(Happened::StartFailed(reason)).await;
    }

    pub(crate) async fn exited(&self, reason: ExitReason) {
        self.send(Happened::Exited(reason)).await;
    }

    async fn send(&self, happened: Happened) {
        let _ = self
            .events
            .send(Event {
                key: self.key,
                happened,
            })
            .await;
    }
}

impl From<&Policy> for ChildPolicy {
    fn from(policy: &Policy) -> Self {
        Self {
            restart: policy.restart,
            shutdown: policy.shutdown,
            backoff: policy.backoff,
            is_significant: policy.significant,
        }
    }
}

/// The slot of an actor.
pub(crate) struct ActorChild<A: Actor> {
    place: Arc<Place<A>>,
    start: Arc<StartFn<A>>,
    policy: ChildPolicy,
    name: Option<&'static str>,
    system: System,
}

impl<A: Actor> ActorChild<A> {
    pub(crate) fn new(
        place: Arc<Place<A>>,
        start: Arc<StartFn<A>>,
        policy: ChildPolicy,
        name: Option<&'static str>,
        system: System,
    ) -> Self {
        Self {
            place,
            start,
            policy,
            name,
            system,
        }
    }
}

impl<A: Actor> Child for ActorChild<A> {
    fn policy(&self) -> ChildPolicy {
        self.policy
    }

    fn seat(&self) -> &Arc<Seat> {
        &self.place.seat
    }

    fn start(&self, report: Report) {
        let (place, start, system) = (
            Arc::clone(&self.place),
            Arc::clone(&self.start),
            self.system.clone(),
        );
        spawn_in(
            &self.place.seat.clone(),
            turn::incarnation(place, start, system, report),
        );
    }

    fn mailbox(&self) -> Option<(usize, usize)> {
        Some(self.place.sender().filled())
    }

    fn close(&self) {
        self.place.close();
    }

    fn remove(&self) {
        if let Some(name) = self.name {
            self.system.registry().remove(name, self.place.seat.id);
        }
    }
}

/// Runs an incarnation in a seat: at once when it is vacant, as it is unless the last one is stuck.
pub(crate) fn spawn_in(seat: &Arc<Seat>, incarnation: impl Future<Output = ()> + Send + 'static) {
    let span = tracing::info_span!(target: "quorate::actor", "actor", path = tracing::field::Empty, actor = seat.actor, id = %seat.id);
    if !span.is_disabled() {
        span.record("path", seat.path());
    }
    let incarnation = incarnation.instrument(span);
    if seat.is_live() {
        let seat = Arc::clone(seat);
        tokio::spawn(async move {
            seat.vacant().await;
            seat.begin();
            incarnation.await;
        });
    } else {
        seat.begin();
        tokio::spawn(incarnation);
    }
}
