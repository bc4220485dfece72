//! A system: the root supervisor, the names, and the node's identity. Several may live in one process.

use std::fmt;
use std::future::poll_fn;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::Poll;

use tokio::sync::oneshot;
use tokio::sync::watch;
use tokio::task::coop;

use crate::actor::Actor;
use crate::actor_ref::ActorRef;
use crate::budget;
use crate::current;
use crate::error::{Error, StartError};
use crate::helping;
use crate::id::NodeId;
use crate::lane::Signal;
use crate::pace::{self, InPlace, InPlacePolicy, Pace};
use crate::panics;
use crate::raw_ref::RawRef;
use crate::registry::{Name, Names};
use crate::scheduler::Scheduler;
use crate::seat::SeatRef;
use crate::spec::Spec;
use crate::stamp::Highest;
use crate::supervision::ShutdownReport;
use crate::supervision::ask::ChildError;
use crate::supervision::casualties::Casualties;
use crate::supervision::child::Child;
use crate::supervision::root::{self, Root, RootDoor};
use crate::tree::Tree;

/// So many starts in place are worth a unit of a task's [budget].
const STARTS_A_UNIT: u8 = 16;

/// A system of actors on one node. Cheap to clone; dropping it stops nothing, [`shutdown`](Self::shutdown) does.
#[derive(Clone)]
pub struct System(Arc<Inner>);

struct Inner {
    name: Arc<str>,
    node: NodeId,
    runtime: tokio::runtime::Handle,
    scheduler: Arc<Scheduler>,
    in_place: InPlacePolicy,
    names: Names,
    highest: Arc<Highest>,
    root: RootDoor,
    casualties: Arc<Casualties>,
    ended: Mutex<Option<oneshot::Receiver<()>>>,
    /// What the shutdown came to, for everyone who waits for it.
    result: watch::Sender<Option<ShutdownReport>>,
}

/// Settings of a system.
#[derive(Clone, Debug)]
#[must_use]
pub struct SystemBuilder {
    name: Arc<str>,
    node: Option<NodeId>,
    in_place: InPlacePolicy,
}

impl SystemBuilder {
    /// The node's identity; by default the system's name and a random incarnation.
    pub fn node(mut self, node: NodeId) -> Self {
        self.node = Some(node);
        self
    }

    /// Whether callers run idle actors in place; by default what each actor says.
    pub fn in_place(mut self, policy: InPlacePolicy) -> Self {
        self.in_place = policy;
        self
    }

    /// Starts the system on the present tokio runtime.
    ///
    /// # Panics
    /// Outside of a tokio runtime.
    pub fn start(self) -> System {
        panics::install_hook();
        let runtime = tokio::runtime::Handle::current();
        let (end, ended) = oneshot::channel();
        let casualties = Arc::default();
        let root = root::start(&runtime, &casualties, end);
        let name = self.name;
        let node = self.node.unwrap_or_else(|| NodeId {
            name: Arc::clone(&name),
            incarnation: random(),
        });
        System(Arc::new(Inner {
            name,
            node,
            scheduler: Scheduler::of(&runtime),
            runtime,
            in_place: self.in_place,
            names: Names::default(),
            highest: Arc::default(),
            root,
            casualties,
            ended: Mutex::new(Some(ended)),
            result: watch::Sender::new(None),
        }))
    }
}

impl System {
    /// Starts a system on the present tokio runtime.
    ///
    /// # Panics
    /// Outside of a tokio runtime.
    pub fn new(name: &str) -> Self {
        Self::builder(name).start()
    }

    /// A system with settings.
    pub fn builder(name: &str) -> SystemBuilder {
        SystemBuilder {
            name: name.into(),
            node: None,
            in_place: pace::default_policy(),
        }
    }

    /// Starts an actor, or a supervisor with its children, under the root supervisor, and waits until it has started.
    ///
    /// # Errors
    /// It has not started; nothing of it is left, and its name is free. A start that does not yield is waited for however
    /// long it takes, even when the system has been shut down without it. An actor whose tenure has lapsed starts nothing
    /// ([`StartError::Lapsed`]).
    ///
    /// # Cancel safety
    /// Dropped early, the child may start nevertheless.
    pub async fn spawn<S: Spec>(&self, spec: S) -> Result<ActorRef<S::Actor>, StartError> {
        // Out of budget it yields before anything is made, or waits to be told of the start: a loop of spawns, however fast, lets others run.
        let is_left = budget::take_part(STARTS_A_UNIT)
            || poll_fn(|cx| budget::take_or_yield(cx, STARTS_A_UNIT).map(budget::is_spent)).await;
        if !current::may_act() {
            return Err(StartError::Lapsed);
        }
        let mut built = spec.build(self, None)?;
        let root = &self.0.root;
        let is_begun = poll_fn(|cx| {
            if !is_left || built.slot.is_some() || !built.me.may_start_in_place(cx.waker()) {
                return Poll::Ready(false);
            }
            let Ok(entry) = root.start(&built.me, &mut built.unbegun) else {
                return Poll::Ready(false);
            };
            helping::run_first(&built.me, entry, cx);
            Poll::Ready(true)
        })
        .await;
        if is_begun {
            if built.me.seat.starts.was_one() {
                return Ok(built.into_ref());
            }
            let (answer, started) = oneshot::channel();
            root.await_start(&built.me.seat, answer);
            return told(built.into_parts(), started).await;
        }
        let (me, child) = built.into_parts();
        let (answer, started) = oneshot::channel();
        root.add(Arc::clone(&child), answer);
        told((me, child), started).await
    }

    /// Stops what was spawned here under this ref, by its own shutdown policy, and waits until it has ended and its name is free.
    /// False when it is stuck: killed, and still in a handler that does not yield. True at once for any other ref.
    ///
    /// # Cancel safety
    /// Dropped early, it is stopped nevertheless.
    pub async fn terminate<A: Actor>(&self, actor: &ActorRef<A>) -> bool {
        let Some(seat) = ActorRef::raw(actor).own_seat() else {
            return true;
        };
        let (done, ended) = oneshot::channel();
        self.0.root.terminate(seat, done);
        !matches!(ended.await, Ok(Err(ChildError::Stuck)))
    }

    /// The actor of this name on this node. Its place may be between two incarnations.
    pub fn whereis<A: Actor>(&self, name: Name<A>) -> Option<ActorRef<A>> {
        let place = self.0.names.get::<A>(name.as_str())?;
        (!place.seat.is_gone()).then(|| ActorRef::from_raw(RawRef::local(place)))
    }

    /// Stops everything that was spawned, in reverse order, each within its own shutdown time, and waits for it.
    ///
    /// # Errors
    /// [`Error::Stuck`]: these actors did not yield; all others have ended.
    pub async fn shutdown(&self) -> Result<(), Error> {
        let report = self.shutdown_report().await;
        if report.stuck.is_empty() {
            return Ok(());
        }
        Err(Error::Stuck(report.stuck))
    }

    /// As [`shutdown`](Self::shutdown), and tells what did not stop within its time.
    pub async fn shutdown_report(&self) -> ShutdownReport {
        self.0.casualties.open();
        self.0.root.seat.signal(Signal::Shutdown);
        let ended = self.0.ended.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(ended) = ended {
            // In a task, so that dropping this future does not lose the answer for others.
            let system = self.clone();
            self.0.runtime.spawn(async move {
                // An error is an end, too.
                let _ = ended.await;
                let report = system.0.casualties.report();
                system.0.result.send_replace(Some(report));
            });
        }
        let mut result = self.0.result.subscribe();
        match result.wait_for(Option::is_some).await {
            Ok(report) => report.clone().unwrap_or_default(),
            Err(_) => ShutdownReport::default(),
        }
    }

    /// What runs now, as a value; it can be drawn with `println!("{}", system.tree().await)`.
    ///
    /// # Cancel safety
    /// May be dropped at any point.
    pub async fn tree(&self) -> Tree {
        Tree::of(Arc::clone(&self.0.name), &self.0.root).await
    }

    /// The system's name.
    pub fn name(&self) -> &str {
        &self.0.name
    }

    /// The node's identity.
    pub fn node(&self) -> &NodeId {
        &self.0.node
    }

    /// The runtime that its actors run on.
    pub(crate) fn runtime(&self) -> &tokio::runtime::Handle {
        &self.0.runtime
    }

    /// What runs its actors.
    pub(crate) fn scheduler(&self) -> &Arc<Scheduler> {
        &self.0.scheduler
    }

    /// Who supervises what is spawned.
    #[inline]
    pub(crate) fn root_supervisor(&self) -> &Arc<Root> {
        self.0.root.supervisor()
    }

    /// The seat of the root supervisor: it is left when the system has ended.
    pub(crate) fn root(&self) -> &SeatRef {
        &self.0.root.seat
    }

    /// A tenure has ended below the root.
    pub(crate) fn tell_lapse(&self) {
        self.0.root.tell_lapse();
    }

    pub(crate) fn casualties(&self) -> &Arc<Casualties> {
        &self.0.casualties
    }

    pub(crate) fn registry(&self) -> &Names {
        &self.0.names
    }

    /// Whether callers run an actor in place that says this.
    #[inline]
    pub(crate) fn pace(&self, actor: InPlace) -> Pace {
        Pace::new(self.0.in_place, actor)
    }

    /// What was heard of singletons.
    pub(crate) fn highest(&self) -> &Arc<Highest> {
        &self.0.highest
    }
}

impl fmt::Debug for System {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("System")
            .field("name", &self.0.name)
            .field("node", &self.0.node)
            .finish()
    }
}

/// What is told of a start, when it is over.
async fn told<A: Actor>(
    (me, child): (ActorRef<A>, Arc<dyn Child>),
    started: oneshot::Receiver<Result<(), StartError>>,
) -> Result<ActorRef<A>, StartError> {
    // Another task starts it: who waits for that yields, whatever is left of its budget.
    let refused = match coop::unconstrained(started).await {
        Ok(Ok(())) => return Ok(me),
        Ok(Err(error)) => error,
        Err(_) => StartError::SystemDown,
    };
    child.discard().await;
    Err(refused)
}

/// A random number that is never 0; falls back to the clock where the operating system has none to give.
pub(crate) fn random() -> u64 {
    getrandom::u64().unwrap_or_else(|_| {
        let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
        since.map_or(1, |since| since.as_nanos() as u64)
    }) | 1
}
