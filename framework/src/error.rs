//! The errors of starting and of whole programs.

use std::fmt;
use std::sync::Arc;

use crate::exit::ExitReason;
use crate::id::ActorId;
use crate::pool::PoolError;
use crate::request::{CallError, CastError};
use crate::supervision::{Casualty, SpecProblem};

/// Why an actor or a supervisor was not started. Nothing of it runs and its spec is discarded.
///
/// An actor whose own tenure has lapsed is [`Failed`](Self::Failed) with [`ExitReason::Lapsed`].
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum StartError {
    /// The actor's start failed, panicked or was cut off by a stop.
    Failed(ExitReason),
    /// A child of the supervisor failed to start. Those before it have been stopped in reverse order.
    Child {
        /// The child's id.
        child: Arc<str>,
        /// Why.
        reason: ExitReason,
    },
    /// The start answered that the actor is not wanted (OTP: ignore).
    Ignored,
    /// Another actor of the system has this name.
    NameTaken(&'static str),
    /// Two children of one supervisor have this id.
    DuplicateChild(Arc<str>),
    /// The supervisor has a child of this id, which runs or is being restarted (OTP: already_started).
    AlreadyStarted(ActorId),
    /// The supervisor has a child of this id, which does not run: start it again or delete it (OTP: already_present).
    AlreadyPresent,
    /// The dynamic supervisor has as many children as it may (OTP: max_children).
    MaxChildren,
    /// No supervisor can have this child.
    Spec {
        /// The child's id, or the supervisor's own.
        child: Arc<str>,
        /// Why.
        problem: SpecProblem,
    },
    /// The supervisor has ended and does not come back.
    SupervisorGone,
    /// The system has been shut down.
    SystemDown,
    /// The tenure of the actor that asked is no longer valid: it starts nothing any more.
    Lapsed,
}

impl fmt::Display for StartError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Failed(reason) => write!(f, "the start did not succeed: the actor {reason}"),
            Self::Child { child, reason } => write!(f, "child `{child}` was not started: it {reason}"),
            Self::Ignored => f.write_str("the actor's start answered to be ignored"),
            Self::NameTaken(name) => write!(f, "the name `{name}` is taken"),
            Self::DuplicateChild(id) => write!(f, "two children have the id `{id}`"),
            Self::AlreadyStarted(_) => f.write_str("a child of this id runs already"),
            Self::AlreadyPresent => {
                f.write_str("a child of this id is there and does not run: start it again or delete it")
            }
            Self::MaxChildren => f.write_str("the supervisor has as many children as it may"),
            Self::Spec { child, problem } => write!(f, "`{child}`: {problem}"),
            Self::SupervisorGone => f.write_str("the supervisor is gone"),
            Self::SystemDown => f.write_str("the system has been shut down"),
            Self::Lapsed => f.write_str("the tenure of who asked is no longer valid"),
        }
    }
}

impl std::error::Error for StartError {}

/// Any error of this crate, for programs that only pass it on.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Error {
    /// See [`StartError`].
    Start(StartError),
    /// See [`CallError`].
    Call(CallError),
    /// See [`PoolError`].
    Pool(PoolError),
    /// A cast was not sent; the text of its [`CastError`].
    Cast(Arc<str>),
    /// No listener, no session or no remote ref; the text of the error of [`wire`](crate::wire).
    Wire(Arc<str>),
    /// The system was shut down but for these actors, whose handlers did not yield.
    Stuck(Vec<Casualty>),
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Start(error) => error.fmt(f),
            Self::Call(error) => error.fmt(f),
            Self::Pool(error) => error.fmt(f),
            Self::Cast(text) | Self::Wire(text) => f.write_str(text),
            Self::Stuck(actors) => {
                f.write_str("the system is shut down, but:")?;
                actors.iter().try_for_each(|actor| write!(f, " {actor}"))
            }
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Start(error) => Some(error),
            Self::Call(error) => Some(error),
            Self::Pool(error) => Some(error),
            Self::Cast(_) | Self::Wire(_) | Self::Stuck(_) => None,
        }
    }
}

impl From<StartError> for Error {
    fn from(error: StartError) -> Self {
        Self::Start(error)
    }
}

impl From<CallError> for Error {
    fn from(error: CallError) -> Self {
        Self::Call(error)
    }
}

impl From<PoolError> for Error {
    fn from(error: PoolError) -> Self {
        Self::Pool(error)
    }
}

impl<T> From<CastError<T>> for Error {
    fn from(error: CastError<T>) -> Self {
        Self::Cast(error.to_string().into())
    }
}

macro_rules! from_wire {
    ($($error:ident),*) => {
        $(impl From<crate::wire::$error> for Error {
            fn from(error: crate::wire::$error) -> Self {
                Self::Wire(error.to_string().into())
            }
        })*
    };
}

from_wire!(BindError, ServeError, ConnectError, LookupError);
