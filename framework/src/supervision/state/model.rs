//! The words of the core: what it knows of a child, where a child can be, what the driver is told.

use std::ops::Deref;
use std::sync::Arc;

use crate::exit::ExitReason;
use crate::policy::{Backoff, Restart, Shutdown};

/// A child; keys are given out in start order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Key(pub(crate) u64);

impl Key {
    /// The first that may stand behind it.
    pub(super) fn next(self) -> Self {
        Self(self.0 + 1)
    }
}

/// What the core needs to know of a child.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ChildPolicy {
    pub(crate) restart: Restart,
    pub(crate) shutdown: Shutdown,
    pub(crate) backoff: Option<Backoff>,
    pub(crate) is_significant: bool,
}

/// A policy that a type has for all its actors, or one child alone.
#[derive(Clone, Debug)]
pub(crate) enum SharedPolicy {
    Type(&'static ChildPolicy),
    Own(Arc<ChildPolicy>),
}

impl Deref for SharedPolicy {
    type Target = ChildPolicy;

    fn deref(&self) -> &ChildPolicy {
        match self {
            Self::Type(policy) => policy,
            Self::Own(policy) => policy,
        }
    }
}

impl From<ChildPolicy> for SharedPolicy {
    fn from(policy: ChildPolicy) -> Self {
        Self::Own(Arc::new(policy))
    }
}

/// What kind of children it has, and whose end too many restarts are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Declared children under one window: the supervisor ends and its parent decides.
    Declared,
    /// Children that come and go under one window; stopped all at once.
    Dynamic {
        /// More are refused. Those that are being restarted count.
        children_max: usize,
    },
    /// Children that come and go, each with a window of its own: only the child is given up. The root of a system.
    Root,
}

/// Why a child is started.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cause {
    /// The supervisor starts.
    Boot,
    /// It was added while the supervisor runs: a failure discards it.
    Added,
    /// It was asked for again: a failure leaves it as it was.
    Asked,
    /// It ended.
    Restart,
    /// One of its group ended.
    Group,
}

impl Cause {
    /// It ran before.
    pub(crate) fn is_restart(self) -> bool {
        matches!(self, Self::Restart | Self::Group)
    }
}

/// Where a child is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ChildState {
    /// Not running, and not about to by itself.
    Idle,
    /// Its start runs.
    Starting(Cause),
    Running,
    /// It has ended, and what follows from that waits until the boot or the group is done.
    Ended,
    /// To be restarted (OTP: restarting).
    Waiting,
    /// Asked to end.
    Stopping,
    /// Killed.
    Killed,
    /// Killed, and still running: out of reach.
    Stuck,
    /// Out of reach, and to be started when it has ended.
    StuckWanted(Cause),
}

/// What the driver is to do. It keeps an `S` with each child.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Command<S = ()> {
    /// Start it, in its place.
    Start(Key),
    /// Ask it to shut down.
    Ask(Key),
    /// Kill it.
    Kill(Key),
    /// Send yourself the message that leads to `handle_retry`.
    Retry(Key),
    /// It does not come back for now: its refs answer `Gone`.
    Close(Key),
    /// The same, and its spec is forgotten.
    Remove(Key, S),
    /// It has not ended after a kill.
    Stuck(Key),
    /// All children have started.
    Booted,
    /// All children have ended: end.
    End(Outcome),
}

/// How a supervisor ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// It was asked to.
    Shutdown,
    /// It was killed.
    Killed,
    /// A child failed at boot.
    BootFailed { child: Key, reason: ExitReason },
    /// Too many restarts; its exit reason is shutdown (OTP).
    Escalated,
    /// A significant child ended; its exit reason is shutdown (OTP).
    AutoShutdown,
}
