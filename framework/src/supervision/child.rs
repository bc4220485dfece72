//! A child as its supervisor's driver handles it: something to start, to signal and to close, whatever its type.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::sync::mpsc;
use tracing::Instrument;
use tracing::instrument::Instrumented;

use super::ask::{ChildKind, Door};
pub(crate) use super::state::ChildPolicy;
use super::state::Key;
use crate::actor::Actor;
use crate::exit::ExitReason;
use crate::lane::Signal;
use crate::place::Place;
use crate::policy::Policy;
use crate::scheduler;
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

    /// Counts the signals.
    fn told(&self) -> &Told;

    /// Asks the present incarnation to end, or the one whose start waits for its seat.
    fn signal(&self, signal: Signal) {
        self.told().0.fetch_add(1, Ordering::SeqCst);
        self.seat().signal(signal);
    }
}

/// How often a child was told to end by its supervisor: a start that waits for a seat sees by it that it is not wanted any more. The signal
/// itself is in the seat's lane, and meant for whoever sits there.
#[derive(Clone, Debug, Default)]
pub(crate) struct Told(Arc<AtomicU64>);

/// An actor that runs on, out of reach.
pub(crate) struct Left {
    pub(crate) seat: Arc<Seat>,
    /// Where it was when it was found.
    pub(crate) path: String,
    /// It does not yield.
    pub(crate) handler: Arc<str>,
}

impl fmt::Debug for Left {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Left({} in {})", self.path, self.handler)
    }
}

/// What a child's task tells the driver.
#[derive(Debug)]
pub(crate) struct Event {
    pub(crate) key: Key,
    pub(crate) happened: Happened,
    /// Who runs on below a supervisor that has ended.
    pub(crate) left: Vec<Left>,
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

    /// The supervisor has ended.
    fn is_closed(&self) -> bool {
        self.events.is_closed()
    }

    async fn send(&self, happened: Happened) {
        self.send_without(happened, Vec::new()).await;
    }

    /// What has happened to a supervisor that goes without these.
    pub(crate) async fn send_without(&self, happened: Happened, left: Vec<Left>) {
        let key = self.key;
        let _ = self.events.send(Event { key, happened, left }).await;
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
    pub(crate) place: Arc<Place<A>>,
    pub(crate) start: Arc<StartFn<A>>,
    pub(crate) policy: ChildPolicy,
    pub(crate) hibernate_after: Option<Duration>,
    pub(crate) name: Option<&'static str>,
    pub(crate) system: System,
    pub(crate) told: Told,
}

impl<A: Actor> Child for ActorChild<A> {
    fn policy(&self) -> ChildPolicy {
        self.policy
    }

    fn seat(&self) -> &Arc<Seat> {
        &self.place.seat
    }

    fn told(&self) -> &Told {
        &self.told
    }

    fn start(&self, report: Report) {
        let (place, start, system) = (
            Arc::clone(&self.place),
            Arc::clone(&self.start),
            self.system.clone(),
        );
        let seat = Arc::clone(&place.seat);
        let incarnation = turn::incarnation(place, start, system, report.clone(), self.hibernate_after);
        let begin = {
            let place = Arc::clone(&self.place);
            move |life| scheduler::begin(&place, life)
        };
        spawn_in(begin, seat, &self.told, report, incarnation);
    }

    fn mailbox(&self) -> Option<(usize, usize)> {
        Some(self.place.mailbox().filled())
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

/// Begins an incarnation in a seat: at once when it is vacant, as it is unless the last one is stuck. A start that waits is not made when it
/// is told to end meanwhile, or when its supervisor has ended.
pub(crate) fn spawn_in<F: Future<Output = ()> + Send + 'static>(
    begin: impl FnOnce(Instrumented<F>) + Send + 'static,
    seat: Arc<Seat>,
    told: &Told,
    report: Report,
    incarnation: F,
) {
    let span = tracing::info_span!(target: "quorate::actor", "actor", path = tracing::field::Empty, actor = seat.actor, id = %seat.id);
    if !span.is_disabled() {
        span.record("path", seat.path());
    }
    let incarnation = incarnation.instrument(span);
    if !seat.is_live() {
        seat.begin();
        begin(incarnation);
        return;
    }
    let (told, before) = (told.clone(), told.0.load(Ordering::SeqCst));
    tokio::spawn(async move {
        seat.vacant().await;
        if report.is_closed() {
            return;
        }
        // What it is told from here on is in its own lane.
        seat.begin();
        if told.0.load(Ordering::SeqCst) == before {
            begin(incarnation);
        } else {
            seat.end(&ExitReason::Shutdown);
            report.failed(ExitReason::Shutdown).await;
        }
    });
}

/// Begins what is not an actor, as a task: a supervisor, which is asked seldom, or a user's own task, which takes as long as it likes.
pub(crate) fn as_task(incarnation: Instrumented<impl Future<Output = ()> + Send + 'static>) {
    drop(tokio::spawn(incarnation));
}
