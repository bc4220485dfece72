//! Monitors: a [`Down`] message when an incarnation, or the link to its node, ends.
//!
//! A `Down` takes its place in the watcher's mailbox behind what the dead actor had sent before. When that mailbox is full it waits for
//! room, in a task of its own: it is never lost and never delays the dead actor's supervisor. A monitor ends with the
//! incarnation of either side.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::exit::ExitReason;
use crate::id::ActorId;

/// One monitor, unique in this process life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct MonitorId(u64);

impl MonitorId {
    pub(crate) fn next() -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        Self(NEXT.fetch_add(1, Ordering::Relaxed))
    }

    /// The number that stands for it on the wire.
    pub(crate) fn as_u64(self) -> u64 {
        self.0
    }
}

/// A monitored actor has ended, or the link to its node is gone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Down {
    /// What [`Context::monitor`](crate::Context::monitor) answered.
    pub monitor: MonitorId,
    /// The place whose incarnation ended.
    pub actor: ActorId,
    /// Why. [`ExitReason::NodeDown`] when only the link is known to be gone; [`ExitReason::Gone`] when the
    /// actor was not there when the monitor was set.
    pub reason: ExitReason,
}

/// Told once why an actor ended.
pub(crate) struct Watcher {
    id: MonitorId,
    tell: Box<dyn FnOnce(ExitReason) + Send>,
}

impl Watcher {
    pub(crate) fn new(id: MonitorId, tell: impl FnOnce(ExitReason) + Send + 'static) -> Self {
        Self {
            id,
            tell: Box::new(tell),
        }
    }

    pub(crate) fn id(&self) -> MonitorId {
        self.id
    }

    pub(crate) fn fire(self, reason: ExitReason) {
        (self.tell)(reason);
    }
}

impl fmt::Debug for Watcher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Watcher").field(&self.id).finish()
    }
}
