//! A child as its supervisor's driver handles it: something to start, to signal and to close, whatever its type.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;

use tokio::sync::mpsc;
use tokio::sync::mpsc::error::TrySendError;

use super::ask::{ChildKind, Door};
use super::root::Root;
use super::state::Key;
pub(crate) use super::state::{ChildPolicy, SharedPolicy};
use crate::actor::Actor;
use crate::exit::ExitReason;
use crate::lane::Signal;
use crate::place::{Place, Present};
use crate::policy::Policy;
use crate::scheduler::{self, Entry, Unbegun};
use crate::seat::{Seat, SeatRef};
use crate::turn::{End, Incarnation};

/// A slot of a supervisor.
pub(crate) trait Child: Send + Sync + 'static {
    fn policy(&self) -> SharedPolicy;

    fn seat(&self) -> &Seat;

    /// The seat, kept.
    fn seat_ref(&self) -> SeatRef;

    fn kind(&self) -> ChildKind {
        ChildKind::Worker
    }

    /// Its seat and, behind it, those of all below it.
    fn seats(&self, into: &mut Vec<SeatRef>) {
        into.push(self.seat_ref());
    }

    /// Where it is asked, when it is a supervisor.
    fn door(&self) -> Option<&Door> {
        None
    }

    /// What waits in its mailbox, and its bound.
    fn mailbox(&self) -> Option<(usize, usize)> {
        None
    }

    /// Starts an incarnation, once the last one has ended.
    fn start(self: Arc<Self>, report: Report);

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

    /// Asks the present incarnation to end, or the one whose start waits for its seat.
    fn signal(&self, signal: Signal) {
        self.seat().signal_from_above(signal);
    }
}

/// An actor that runs on, out of reach.
pub(crate) struct Left {
    pub(crate) seat: SeatRef,
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
#[derive(Clone)]
pub(crate) struct Report {
    key: Key,
    to: ReportTo,
}

/// A report for which there is no room yet.
pub(crate) type Telling = Pin<Box<dyn Future<Output = ()> + Send>>;

/// Where all children of a supervisor report to.
#[derive(Clone)]
pub(crate) enum ReportTo {
    /// To its task.
    Queue(mpsc::Sender<Event>),
    /// To the root, which does what follows at once, and looks itself whether a child has started.
    Root(Arc<Root>),
}

/// Where one incarnation of an actor reports to, by the key in its seat: that is another one only when the supervisor is another incarnation, and
/// nobody hears what is told to the one before.
#[derive(Clone)]
pub(crate) enum Reports {
    /// To the root of the system that it is in: the one most actors are below.
    Home,
    To(ReportTo),
}

/// Who runs a start.
#[derive(Clone, Copy)]
pub(crate) enum StartedBy {
    /// Who spawns it, and so is not waiting for it.
    Spawner,
    Loop,
}

impl ReportTo {
    /// Where this child reports to.
    #[inline]
    pub(super) fn of(&self, key: Key) -> Report {
        let to = self.clone();
        Report { key, to }
    }
}

impl Reports {
    /// Tells that an actor has started, and notes it in its seat. The root looks there itself, unless somebody waits for it to be told.
    #[inline]
    pub(crate) fn tell_started<A: Actor>(&self, place: &Place<A>, by: StartedBy) -> Option<Telling> {
        let starts = &place.seat.starts;
        let is_awaited = match by {
            StartedBy::Spawner => {
                starts.set_started_unawaited();
                false
            }
            StartedBy::Loop => starts.set_started(),
        };
        if self.root(place).is_some() && !is_awaited {
            return None;
        }
        self.report(place).send_now(Happened::Started)
    }

    /// Tells that an actor has ended. What it answers, when the supervisor has no room, is to be waited for.
    #[inline]
    pub(crate) fn tell_end<A: Actor>(&self, place: &Place<A>, end: &End) -> Option<Telling> {
        if let (Some((root, key)), End::Ended(reason)) = (self.root(place), end)
            && root.ended(place, key, reason)
        {
            return None;
        }
        self.report(place).send_now(match end {
            End::Ended(reason) => Happened::Exited(reason.clone()),
            End::Ignored => Happened::Ignored,
            End::NotStarted(reason) => Happened::StartFailed(reason.clone()),
        })
    }

    /// Whether the root is told, whose children are started again by nobody else.
    #[inline]
    pub(crate) fn are_to_root<A: Actor>(&self, place: &Place<A>) -> bool {
        self.root(place).is_some()
    }

    /// The root, if that is told.
    #[inline]
    fn root<'a, A: Actor>(&'a self, place: &'a Place<A>) -> Option<(&'a Root, Key)> {
        let root = match self {
            Self::Home => place.system().root_supervisor(),
            Self::To(ReportTo::Root(root)) => root,
            Self::To(ReportTo::Queue(_)) => return None,
        };
        Some((root, Key(place.seat.key())))
    }

    /// The same for who does not know the place.
    #[cold]
    fn report<A: Actor>(&self, place: &Place<A>) -> Report {
        let key = Key(place.seat.key());
        match self {
            Self::Home => ReportTo::Root(Arc::clone(place.system().root_supervisor())).of(key),
            Self::To(to) => to.of(key),
        }
    }
}

impl Report {
    /// Whether the incarnation's span lies within that of who starts it.
    pub(crate) fn is_within(&self) -> bool {
        matches!(self.to, ReportTo::Queue(_))
    }

    /// Runs a task where the supervisor runs.
    fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        match &self.to {
            ReportTo::Queue(_) => drop(tokio::spawn(task)),
            ReportTo::Root(root) => drop(root.runtime().spawn(task)),
        }
    }

    pub(crate) async fn started(&self) {
        self.send(Happened::Started).await;
    }

    pub(crate) async fn failed(&self, reason: ExitReason) {
        self.send(Happened::StartFailed(reason)).await;
    }

    pub(crate) async fn exited(&self, reason: ExitReason) {
        self.send(Happened::Exited(reason)).await;
    }

    /// The supervisor has ended.
    fn is_closed(&self) -> bool {
        match &self.to {
            ReportTo::Queue(events) => events.is_closed(),
            ReportTo::Root(root) => root.has_ended(),
        }
    }

    /// Tells what has happened. What it answers, when the supervisor has no room, is to be waited for.
    #[cold]
    fn send_now(&self, happened: Happened) -> Option<Telling> {
        let event = Event {
            key: self.key,
            happened,
            left: Vec::new(),
        };
        let events = match &self.to {
            ReportTo::Queue(events) => events,
            ReportTo::Root(root) => {
                root.told(event);
                return None;
            }
        };
        let Err(TrySendError::Full(event)) = events.try_send(event) else {
            return None;
        };
        let events = events.clone();
        Some(Box::pin(async move {
            let _ = events.send(event).await;
        }))
    }

    async fn send(&self, happened: Happened) {
        self.send_without(happened, Vec::new()).await;
    }

    /// What has happened to a supervisor that goes without these.
    pub(crate) async fn send_without(&self, happened: Happened, left: Vec<Left>) {
        let key = self.key;
        let event = Event { key, happened, left };
        match &self.to {
            ReportTo::Queue(events) => {
                let _ = events.send(event).await;
            }
            ReportTo::Root(root) => root.told(event),
        }
    }
}

impl ChildPolicy {
    /// What a supervisor needs to know of a policy.
    pub(crate) const fn of(policy: &Policy) -> Self {
        Self {
            restart: policy.restart,
            shutdown: policy.shutdown,
            backoff: policy.backoff,
            is_significant: policy.significant,
        }
    }
}

impl SharedPolicy {
    /// That of an actor's type.
    #[inline]
    pub(crate) fn of_type<A: Actor>() -> Self {
        Self::Type(const { &ChildPolicy::of(&A::POLICY) })
    }

    /// This one, for an actor of this type.
    pub(crate) fn of<A: Actor>(policy: &Policy) -> Self {
        let policy = ChildPolicy::of(policy);
        if policy == const { ChildPolicy::of(&A::POLICY) } {
            Self::of_type::<A>()
        } else {
            policy.into()
        }
    }
}

impl<A: Actor> Place<A> {
    /// Starts the first incarnation, below the root of its system, for a caller who runs what this answers.
    #[inline]
    pub(super) fn start_first(self: &Arc<Self>, unbegun: Unbegun) -> Entry {
        // Before anything has begun: a subscriber may panic.
        let span = span(&self.seat, false).map(Arc::new);
        self.seat.begin();
        let held = self.take_inbox_first(&unbegun);
        scheduler::begin_first(
            Arc::clone(self),
            unbegun,
            #[inline(always)]
            || Present::Actor(Incarnation::first(span, Reports::Home, held)),
        )
    }

    /// Begins a life here, which ends with who is reported to.
    pub(crate) fn begin(self: &Arc<Self>, life: Present, report: &Report) {
        scheduler::begin(Arc::clone(self), life);
        // It may have gone while this was waited for.
        if report.is_closed() {
            self.signal(Signal::Kill);
        }
    }
}

/// An actor: its place is the slot.
impl<A: Actor> Child for Place<A> {
    fn policy(&self) -> SharedPolicy {
        self.policy()
    }

    fn seat(&self) -> &Seat {
        &self.seat
    }

    fn seat_ref(&self) -> SeatRef {
        self.seat_ref()
    }

    fn start(self: Arc<Self>, report: Report) {
        let span = span(&self.seat, report.is_within()).map(Arc::new);
        let incarnation = Incarnation::new(span, Reports::To(report.to.clone()));
        let place = Arc::clone(&self);
        let begin = move |life, report: &Report| place.begin(Present::Actor(life), report);
        spawn_in(begin, &self.seat_ref(), report, incarnation);
    }

    fn mailbox(&self) -> Option<(usize, usize)> {
        Some(self.mailbox().filled())
    }

    fn close(&self) {
        self.close();
    }

    fn signal(&self, signal: Signal) {
        self.seat.signal_from_above(signal);
        self.nudge();
    }

    fn remove(&self) {
        self.forget();
    }
}

/// The span of an incarnation in this seat, if somebody looks at it: within that of its supervisor, whose task starts it, or, below the root, in
/// none.
#[inline(always)]
pub(crate) fn span(seat: &Seat, is_within: bool) -> Option<tracing::Span> {
    let span = if is_within {
        tracing::info_span!(target: "quorate::actor", "actor", path = tracing::field::Empty, actor = seat.actor(), id = %seat.id)
    } else {
        tracing::info_span!(target: "quorate::actor", parent: None, "actor", path = tracing::field::Empty, actor = seat.actor(), id = %seat.id)
    };
    if span.is_disabled() {
        return None;
    }
    span.record("path", seat.path());
    Some(span)
}

/// Begins an incarnation in a seat: at once when it is vacant, as it is unless the last one is stuck. A start that waits is not made when it
/// is told to end meanwhile, or when its supervisor has ended.
pub(crate) fn spawn_in<F: Send + 'static>(
    begin: impl FnOnce(F, &Report) + Send + 'static,
    seat: &SeatRef,
    report: Report,
    incarnation: F,
) {
    if seat.is_vacant() {
        seat.begin();
        begin(incarnation, &report);
        return;
    }
    let (seat, before, spawner) = (seat.clone(), seat.times_told(), report.clone());
    spawner.spawn(async move {
        seat.vacant().await;
        if report.is_closed() {
            return;
        }
        // What it is told from here on is in its own lane.
        seat.begin();
        if seat.times_told() == before {
            begin(incarnation, &report);
        } else {
            seat.end(&ExitReason::Shutdown);
            report.failed(ExitReason::Shutdown).await;
        }
    });
}

/// Begins what is not an actor, as a task: a supervisor, which is asked seldom, or a user's own task, which takes as long as it likes.
pub(crate) fn as_task(incarnation: impl Future<Output = ()> + Send + 'static, report: &Report) {
    report.spawn(incarnation);
}
