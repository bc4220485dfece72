//! What the core knows of one child. There may be a million, so most of it is there only when it is needed.

use tokio::time::Instant;

use super::{ChildState, SharedPolicy};
use crate::exit::ExitReason;
use crate::supervision::intensity::Window;

#[derive(Clone, Debug)]
pub(super) struct Child<S> {
    /// The driver's.
    pub(super) slot: S,
    pub(super) policy: SharedPolicy,
    /// What few children have.
    pub(super) more: Option<Box<More>>,
    pub(super) state: ChildState,
    /// It was added and has not started so far: when it does not, its spec is discarded.
    pub(super) is_new: bool,
    /// It was asked for its end, from outside.
    pub(super) is_unwanted: bool,
}

/// What a child has that does not just run.
#[derive(Clone, Debug, Default)]
pub(super) struct More {
    pub(super) deadline: Option<Instant>,
    /// Its own window, under a root, once it was restarted.
    pub(super) window: Option<Window>,
    /// Why it ended, while that waits.
    pub(super) ended: Option<ExitReason>,
}

impl<S> Child<S> {
    pub(super) fn more(&mut self) -> &mut More {
        self.more.get_or_insert_default()
    }

    pub(super) fn deadline(&mut self) -> Option<&mut Option<Instant>> {
        self.more.as_mut().map(|more| &mut more.deadline)
    }

    pub(super) fn take_ended(&mut self) -> Option<ExitReason> {
        self.more.as_mut()?.ended.take()
    }

    /// It just runs, or does not.
    pub(super) fn tidy(&mut self) {
        let is_idle = |more: &More| more.deadline.is_none() && more.window.is_none() && more.ended.is_none();
        if self.more.as_deref().is_some_and(is_idle) {
            self.more = None;
        }
    }
}
