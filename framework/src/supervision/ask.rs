//! What a running supervisor is asked, and what it answers.

use std::fmt;
use std::sync::Arc;

use tokio::sync::{mpsc, oneshot};

use super::Flags;
use super::child::Child;
use super::state::{ChildState, Kind, NotDone};
use crate::error::StartError;
use crate::id::ActorId;
use crate::seat::{SeatRef, WeakSeat};
use crate::system::System;

/// Requests to a supervisor that wait in its queue, and as many again that wait until a group is restarted. Who asks for more waits.
pub(crate) const ASKS_MAX: usize = 64;

/// Told once whether a child has started.
pub(crate) type Started = oneshot::Sender<Result<(), StartError>>;

/// Told once whether something was done to a child.
pub(crate) type Done = oneshot::Sender<Result<(), ChildError>>;

/// Which child is meant.
#[derive(Clone)]
pub(crate) enum Which {
    Seat(SeatRef),
    Id(Arc<str>),
}

pub(crate) enum Ask {
    /// Start this child; answered when it has started or has not.
    Add {
        /// Unique, where children have ids.
        id: Option<Arc<str>>,
        child: Arc<dyn Child>,
        started: Started,
    },
    /// Why no other child can have this id; `None` when one can.
    Known(Arc<str>, oneshot::Sender<Option<StartError>>),
    /// Stop a child; answered when it has ended.
    Terminate(Which, Done),
    /// Start a child again that was stopped or has ended; answered when that was begun, and when it has started or has not.
    Restart(Which, Done, Started),
    /// Forget a child that does not run.
    Delete(Which, Done),
    /// What there is.
    List(oneshot::Sender<Vec<Listed>>),
}

/// Why nothing was done to a child of a supervisor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ChildError {
    /// The supervisor has no such child (OTP: not_found).
    NotFound,
    /// It runs: terminate it first.
    Running,
    /// It is being restarted: terminate it first, or wait.
    Restarting,
    /// It was killed and its handler does not yield: only it can end itself.
    Stuck,
    /// The supervisor has ended and does not come back.
    Gone,
}

impl fmt::Display for ChildError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotFound => "the supervisor has no such child",
            Self::Running => "the child runs: terminate it first",
            Self::Restarting => "the child is being restarted: terminate it first, or wait",
            Self::Stuck => "the child is stuck in a handler that does not yield",
            Self::Gone => "the supervisor is gone",
        })
    }
}

impl std::error::Error for ChildError {}

impl From<NotDone> for ChildError {
    fn from(not_done: NotDone) -> Self {
        match not_done {
            NotDone::Running => Self::Running,
            NotDone::Restarting => Self::Restarting,
        }
    }
}

/// Why a child was not started again.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum RestartError {
    /// It was not tried.
    Child(ChildError),
    /// Its start did not succeed; its spec is kept, and it may be tried again.
    Start(StartError),
}

impl fmt::Display for RestartError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Child(error) => error.fmt(f),
            Self::Start(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for RestartError {}

/// Whether a child is an actor or has children itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ChildKind {
    /// An actor or a task.
    Worker,
    /// A supervisor.
    Supervisor,
}

/// Where a child is, as its supervisor sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ChildStatus {
    /// It runs, starts for the first time, or is being stopped.
    Running(ActorId),
    /// It has ended and is on its way back (OTP: restarting).
    Restarting,
    /// It does not run and does not come back by itself (OTP: undefined).
    Stopped,
    /// It was killed and its handler does not yield.
    Stuck,
}

/// One child, as [`which_children`](crate::ActorRef::which_children) tells of it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ChildInfo {
    /// Its id; what it is called in reports where children have no ids.
    pub id: Arc<str>,
    /// The wire name of its type.
    pub actor: &'static str,
    /// An actor or a supervisor.
    pub kind: ChildKind,
    /// Where it is.
    pub status: ChildStatus,
}

impl ChildInfo {
    pub(super) fn new(id: Option<&Arc<str>>, child: &dyn Child, state: ChildState) -> Self {
        let seat = child.seat();
        let status = match state {
            ChildState::Idle => ChildStatus::Stopped,
            ChildState::Waiting | ChildState::Ended => ChildStatus::Restarting,
            ChildState::Stuck | ChildState::StuckWanted(_) => ChildStatus::Stuck,
            ChildState::Starting(cause) if cause.is_restart() => ChildStatus::Restarting,
            _ => ChildStatus::Running(seat.id),
        };
        Self {
            id: id.map_or_else(|| seat.shared_name(), Arc::clone),
            actor: seat.actor(),
            kind: child.kind(),
            status,
        }
    }
}

/// How many children there are (OTP: count_children).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ChildCounts {
    /// All that the supervisor knows, whether they run or not.
    pub specs: usize,
    /// Those that run.
    pub active: usize,
    /// Those that are supervisors.
    pub supervisors: usize,
    /// Those that are not.
    pub workers: usize,
}

impl ChildCounts {
    pub(crate) fn of(children: &[ChildInfo]) -> Self {
        let count = |is: &dyn Fn(&ChildInfo) -> bool| children.iter().filter(|child| is(child)).count();
        let supervisors = count(&|child| child.kind == ChildKind::Supervisor);
        Self {
            specs: children.len(),
            active: count(&|child| matches!(child.status, ChildStatus::Running(_))),
            supervisors,
            workers: children.len() - supervisors,
        }
    }
}

/// A child with what its supervisor knows of it.
pub(crate) struct Listed {
    pub(crate) info: ChildInfo,
    pub(crate) child: Arc<dyn Child>,
}

/// The way to a supervisor, whichever of its incarnations runs.
#[derive(Clone)]
pub(crate) struct Door {
    pub(crate) asks: mpsc::Sender<Ask>,
    /// It lies in the same place.
    pub(crate) seat: WeakSeat,
}

/// The way to a supervisor with children of its own spec, and what they may be.
pub(crate) struct Desk {
    pub(crate) door: Door,
    pub(super) system: System,
    pub(super) flags: Flags,
    pub(super) kind: Kind,
}

impl Door {
    /// Asks, and waits for the answer; `None` when the supervisor is gone.
    pub(crate) async fn ask<T>(&self, ask: impl FnOnce(oneshot::Sender<T>) -> Ask) -> Option<T> {
        let seat = self.seat.upgrade()?;
        let (sender, answer) = oneshot::channel();
        let asked = async {
            self.asks.send(ask(sender)).await.ok()?;
            answer.await.ok()
        };
        tokio::select! {
            biased;
            answer = asked => answer,
            () = seat.departed() => None,
        }
    }
}
