//! Supervisors as actors: their spec, their children, and the ref whose handle has the children's refs as fields.

use std::any::Any;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Mutex, mpsc, oneshot};
use tracing::{Instrument, Span};

use super::ask::{ASKS_MAX, Ask, ChildKind, Desk, Door};
use super::casualties::Casualties;
use super::child::{Child, ChildPolicy, Happened, Report, SharedPolicy, as_task, span, spawn_in};
use super::ended::Ended;
use super::server::Server;
use super::state::{Kind, Outcome};
use super::{AutoShutdown, Flags};
use crate::actor::Actor;
use crate::actor_ref::ActorRef;
use crate::error::StartError;
use crate::exit::ExitReason;
use crate::label::Label;
use crate::pace::InPlace;
use crate::place::Place;
use crate::policy::{Backoff, Policy, Restart, Shutdown};
use crate::reply::Port;
use crate::seat::{Seat, SeatRef};
use crate::spec::{Built, Spec, type_of};
use crate::start_fn::StartFn;
use crate::system::System;

/// A supervisor, declared with `#[supervisor]`. The struct is never built; its ref derefs to a handle with the children's refs.
pub trait Supervisor: Actor<Message = SupervisorMessage, Envelope = SupervisorMessage> {
    /// Strategy and intensity.
    const FLAGS: Flags = Flags::DEFAULT;
}

/// The messages of a supervisor: none. What it is asked goes another way, see [`ActorRef::start_child`] and its siblings.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SupervisorMessage {}

impl SupervisorMessage {
    /// There is no message, so there is no port.
    #[doc(hidden)]
    pub fn port(&mut self) -> &mut dyn Port {
        match *self {}
    }
}

/// Why a supervisor cannot have a child, or cannot be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SpecProblem {
    /// A significant child is not permanent: it would never end for good.
    SignificantPermanent,
    /// A significant child wants a supervisor with an automatic shutdown.
    SignificantWithoutAutoShutdown,
    /// The children of a dynamic supervisor are not significant.
    SignificantDynamic,
    /// The period of the restart intensity is more than zero.
    ZeroPeriod,
    /// A partition supervisor has at least one partition.
    NoPartitions,
    /// A pool has at least one worker.
    NoWorkers,
}

impl SpecProblem {
    pub(super) fn of_child(policy: &ChildPolicy, flags: &Flags, kind: Kind) -> Option<Self> {
        if !policy.is_significant {
            None
        } else if kind != Kind::Declared {
            Some(Self::SignificantDynamic)
        } else if policy.restart == Restart::Permanent {
            Some(Self::SignificantPermanent)
        } else if flags.auto_shutdown == AutoShutdown::Never {
            Some(Self::SignificantWithoutAutoShutdown)
        } else {
            None
        }
    }
}

impl fmt::Display for SpecProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::SignificantPermanent => {
                "a significant child must be transient or temporary: a permanent one never ends for good"
            }
            Self::SignificantWithoutAutoShutdown => {
                "a significant child needs a supervisor with `auto_shutdown = any_significant` or `all_significant`"
            }
            Self::SignificantDynamic => "a child of a dynamic supervisor cannot be significant",
            Self::ZeroPeriod => "the period of the restart intensity must be more than zero",
            Self::NoPartitions => "a partition supervisor must have at least one partition",
            Self::NoWorkers => "a pool must have at least one worker",
        })
    }
}

/// A supervisor whose children come and go.
pub trait Dynamic: Supervisor {}

/// How a supervisor and its children are started. Made by the generated `Shop::spec(...)`.
#[must_use = "a spec does nothing until it is spawned or given to a supervisor"]
pub struct SupervisorSpec<S: Supervisor> {
    children: Box<BuildChildren>,
    policy: Policy,
    flags: Flags,
    kind: Kind,
    of: std::marker::PhantomData<fn() -> S>,
}

type BuildChildren = dyn FnOnce(&mut Children<'_>) -> Result<Box<dyn Any + Send + Sync>, StartError> + Send;

impl<S: Supervisor> SupervisorSpec<S> {
    /// A supervisor of the children that `children` adds, in start order. What it answers (a tuple of their refs) is what the
    /// handle gets from [`RawRef::children`].
    #[doc(hidden)]
    pub fn new<C, F>(children: F) -> Self
    where
        C: Clone + Send + Sync + 'static,
        F: FnOnce(&mut Children<'_>) -> Result<C, StartError> + Send + 'static,
    {
        // A supervisor takes as long to stop as its children do (OTP: infinity).
        let policy = Policy {
            shutdown: Shutdown::Infinity,
            ..S::POLICY
        };
        let children = Box::new(move |to: &mut Children<'_>| {
            children(to).map(|refs| Box::new(refs) as Box<dyn Any + Send + Sync>)
        });
        Self {
            children,
            policy,
            flags: S::FLAGS,
            kind: Kind::Declared,
            of: std::marker::PhantomData,
        }
    }

    /// When to restart it.
    pub fn restart(mut self, restart: Restart) -> Self {
        self.policy.restart = restart;
        self
    }

    /// How to stop it; its children are killed when its time is up.
    pub fn shutdown(mut self, shutdown: Shutdown) -> Self {
        self.policy.shutdown = shutdown;
        self
    }

    /// The wait before a restart.
    pub fn backoff(mut self, backoff: Backoff) -> Self {
        self.policy.backoff = Some(backoff);
        self
    }

    /// Makes it significant for the supervisor above it.
    pub fn significant(mut self) -> Self {
        self.policy.significant = true;
        self
    }

    /// How many restarts it allows within `period`; one more ends it.
    pub fn intensity(mut self, intensity: u32, period: Duration) -> Self {
        (self.flags.intensity, self.flags.period) = (intensity, period);
        self
    }
}

impl<S: Dynamic> SupervisorSpec<S> {
    /// Without children, and with room for any number.
    pub(super) fn dynamic() -> Self {
        let spec = Self::new(|_| Ok(()));
        spec.max_children(usize::MAX)
    }

    /// More children are refused with [`StartError::MaxChildren`]. Those that are being restarted count.
    pub fn max_children(mut self, children_max: usize) -> Self {
        self.kind = Kind::Dynamic { children_max };
        self
    }
}

impl<S: Supervisor> fmt::Debug for SupervisorSpec<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SupervisorSpec")
            .field("supervisor", &S::NAME)
            .field("flags", &self.flags)
            .finish_non_exhaustive()
    }
}

/// The children of a supervisor while it is built.
pub struct Children<'a> {
    system: &'a System,
    flags: Flags,
    kind: Kind,
    added: Vec<(Arc<str>, Arc<dyn Child>)>,
}

impl Children<'_> {
    pub(super) fn system(&self) -> &System {
        self.system
    }

    /// Makes the place of a child; it is started with the supervisor, after those added before.
    ///
    /// # Errors
    /// The id or the spec's name is taken, or the supervisor cannot have such a child.
    pub fn add<C: Spec>(&mut self, id: &str, spec: C) -> Result<ActorRef<C::Actor>, StartError> {
        if self.added.iter().any(|(other, _)| **other == *id) {
            return Err(StartError::DuplicateChild(id.into()));
        }
        let policy = ChildPolicy::of(&spec.policy());
        check(id, &policy, &self.flags, self.kind)?;
        let (me, child) = spec.build(self.system, Some(id))?.into_parts();
        self.added.push((id.into(), child));
        Ok(me)
    }

    fn remove_all(&self) {
        for (_, child) in &self.added {
            child.remove();
        }
    }
}

impl fmt::Debug for Children<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list()
            .entries(self.added.iter().map(|(id, _)| id))
            .finish()
    }
}

pub(super) fn check(id: &str, policy: &ChildPolicy, flags: &Flags, kind: Kind) -> Result<(), StartError> {
    match SpecProblem::of_child(policy, flags, kind) {
        None => Ok(()),
        Some(problem) => Err(StartError::Spec {
            child: id.into(),
            problem,
        }),
    }
}

impl<S: Supervisor> Spec for SupervisorSpec<S> {
    type Actor = S;

    fn policy(&self) -> Policy {
        self.policy
    }

    fn policy_mut(&mut self) -> &mut Policy {
        &mut self.policy
    }

    fn build(self, system: &System, id: Option<&str>) -> Result<Built<S>, StartError> {
        let label = id.map(Label::id);
        if self.flags.period.is_zero() {
            return Err(StartError::Spec {
                child: id.unwrap_or(S::NAME).into(),
                problem: SpecProblem::ZeroPeriod,
            });
        }
        let mut children = Children {
            system,
            flags: self.flags,
            kind: self.kind,
            added: Vec::new(),
        };
        let refs = (self.children)(&mut children).inspect_err(|_| children.remove_all())?;
        let seat = Seat::new(type_of::<S>(), label, None);
        let policy = Policy {
            in_place: InPlace::Off,
            ..self.policy
        };
        let (place, _) = Place::<S>::new(
            || seat,
            system,
            policy.mailbox,
            Some(&policy),
            StartFn::otherwise(),
        );
        let (asks, asked) = mpsc::channel(ASKS_MAX);
        let desk = Desk {
            door: Door {
                asks,
                seat: place.seat_ref().downgrade(),
            },
            system: system.clone(),
            flags: self.flags,
            kind: self.kind,
        };
        place.set_supervising(refs, desk);
        let me = Arc::clone(&place);
        let child = SupervisorChild {
            place,
            children: children.added.into(),
            policy: ChildPolicy::of(&self.policy).into(),
            flags: self.flags,
            kind: self.kind,
            asked: Arc::new(Mutex::new(asked)),
            casualties: Arc::clone(system.casualties()),
        };
        Ok(Built {
            me,
            unbegun: None,
            slot: Some(Arc::new(child)),
        })
    }
}

/// Ids and slots, in start order.
type Slots = Arc<[(Arc<str>, Arc<dyn Child>)]>;

/// What it is asked; of one incarnation at a time.
type Asked = Arc<Mutex<mpsc::Receiver<Ask>>>;

/// The slot of a supervisor: its children's places outlive its incarnations.
struct SupervisorChild<S: Supervisor> {
    place: Arc<Place<S>>,
    children: Slots,
    policy: SharedPolicy,
    flags: Flags,
    kind: Kind,
    asked: Asked,
    casualties: Arc<Casualties>,
}

impl<S: Supervisor> Child for SupervisorChild<S> {
    fn policy(&self) -> SharedPolicy {
        self.policy.clone()
    }

    fn seat(&self) -> &Seat {
        &self.place.seat
    }

    fn seat_ref(&self) -> SeatRef {
        self.place.seat_ref()
    }

    fn kind(&self) -> ChildKind {
        ChildKind::Supervisor
    }

    fn seats(&self, into: &mut Vec<SeatRef>) {
        into.push(self.place.seat_ref());
        for (_, child) in self.children.iter() {
            child.seats(into);
        }
    }

    fn door(&self) -> Option<&Door> {
        self.place.desk().map(|desk| &desk.door)
    }

    fn start(self: Arc<Self>, report: Report) {
        let (booted, has_booted) = oneshot::channel();
        let server = Server::new(
            self.place.seat_ref(),
            Arc::clone(&self.casualties),
            (self.flags, self.kind),
            self.children.iter(),
            booted,
        );
        let (seat, children, asked) = (
            self.place.seat_ref(),
            Arc::clone(&self.children),
            Arc::clone(&self.asked),
        );
        let incarnation = incarnation(server, has_booted, seat.clone(), children, asked, report.clone());
        let span = span(&seat, report.is_within());
        spawn_in(
            as_task,
            &seat,
            report,
            incarnation.instrument(span.unwrap_or_else(Span::none)),
        );
    }

    fn close(&self) {
        self.place.close();
        for (_, child) in self.children.iter() {
            child.close();
        }
    }

    fn remove(&self) {
        for (_, child) in self.children.iter() {
            child.remove();
        }
    }
}

async fn incarnation(
    server: Server,
    has_booted: oneshot::Receiver<()>,
    seat: SeatRef,
    children: Slots,
    asked: Asked,
    report: Report,
) {
    let tell = async {
        let booted = has_booted.await.is_ok();
        if booted {
            report.started().await;
        }
        booted
    };
    let mut asked = asked.lock().await;
    let (ended, booted) = tokio::join!(server.run(&mut asked), tell);
    drop(asked);
    let reason = exit_reason(&ended, &children);
    log_end(&seat, &ended);
    seat.end(&reason);
    let happened = if booted {
        Happened::Exited(reason)
    } else {
        Happened::StartFailed(reason)
    };
    report.send_without(happened, ended.left).await;
}

fn exit_reason(ended: &Ended, children: &[(Arc<str>, Arc<dyn Child>)]) -> ExitReason {
    match &ended.outcome {
        Outcome::BootFailed { child, reason } => {
            let id = usize::try_from(child.0)
                .ok()
                .and_then(|index| children.get(index));
            ExitReason::error(format_args!("child `{}` {reason}", id.map_or("?", |(id, _)| id)))
        }
        _ => ended.reason(),
    }
}

fn log_end(seat: &Seat, ended: &Ended) {
    if ended.outcome == Outcome::Escalated {
        tracing::error!(target: "quorate::exit", path = seat.path(), actor = seat.actor(), "a supervisor ended: too many restarts");
    }
}
