//! Why an actor ended. One word for each cause; which of them are failures is decided here and nowhere else.

use std::fmt;
use std::sync::Arc;

/// Why an incarnation of an actor ended, as its supervisor, its monitors and its callers see it.
///
/// [`Normal`](Self::Normal), [`Shutdown`](Self::Shutdown) and [`ShutdownWith`](Self::ShutdownWith) are expected ends: a transient
/// child is not restarted after them and nothing is logged (OTP: normal, shutdown, {shutdown, Reason}). All others are failures.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ExitReason {
    /// It stopped of its own accord, or [`ActorRef::stop`](crate::ActorRef::stop) asked it to.
    Normal,
    /// Its supervisor, or the system, asked it to stop.
    Shutdown,
    /// It ended as expected, for a reason of its own (OTP: {shutdown, Reason}), by [`Context::stop_with`](crate::Context::stop_with).
    ShutdownWith(Arc<str>),
    /// It was killed: at once by [`ActorRef::kill`](crate::ActorRef::kill), or because its shutdown deadline passed.
    Killed,
    /// A handler panicked.
    Panic {
        /// The panic's message, or a placeholder when its payload was not text.
        message: Arc<str>,
        /// `file:line:column` of the panic.
        location: Arc<str>,
    },
    /// It ended itself with [`Context::fail`](crate::Context::fail), or its start failed.
    Error(Arc<str>),
    /// Its tenure (the lease of a singleton) is no longer valid.
    Lapsed,
    /// The handler of this name did not yield within the shutdown deadline and the grace after a kill: it runs on,
    /// out of reach.
    Stuck {
        /// The message method that did not yield, or `init`.
        handler: Arc<str>,
    },
    /// The link to its node is gone. Whether the actor lives is not known.
    NodeDown,
    /// There was no such actor when the monitor was set (OTP: noproc).
    Gone,
}

impl ExitReason {
    /// True for the ends that a transient child is not restarted after and that are not logged.
    pub fn is_expected(&self) -> bool {
        matches!(self, Self::Normal | Self::Shutdown | Self::ShutdownWith(_))
    }

    /// [`ShutdownWith`](Self::ShutdownWith) with the text of `why`.
    pub fn shutdown_with(why: impl fmt::Display) -> Self {
        Self::ShutdownWith(why.to_string().into())
    }

    /// [`Error`](Self::Error) with the text of `error`.
    pub fn error(error: impl fmt::Display) -> Self {
        Self::Error(error.to_string().into())
    }
}

impl fmt::Display for ExitReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Normal => f.write_str("stopped"),
            Self::Shutdown => f.write_str("was shut down"),
            Self::ShutdownWith(why) => write!(f, "was shut down: {why}"),
            Self::Killed => f.write_str("was killed"),
            Self::Panic { message, location } => write!(f, "panicked at {location}: {message}"),
            Self::Error(text) => write!(f, "failed: {text}"),
            Self::Lapsed => f.write_str("lost its tenure"),
            Self::Stuck { handler } => write!(f, "is stuck in `{handler}`"),
            Self::NodeDown => f.write_str("is out of reach: its node is down"),
            Self::Gone => f.write_str("was not there"),
        }
    }
}
