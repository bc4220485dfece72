//! What the core knows of one child. There may be a million, so most of it is there only when it is needed.

use std::sync::Arc;

use tokio::time::Instant;

use super::{Cause, ChildPolicy, ChildState, SharedPolicy};
use crate::exit::ExitReason;
use crate::policy::Policy;
use crate::supervision::intensity::Window;

/// What is there of a type's where a child has a policy of its own.
const NONE: &ChildPolicy = &ChildPolicy::of(&Policy::DEFAULT);

#[derive(Clone, Debug)]
pub(super) struct Child<S> {
    /// The driver's.
    pub(super) slot: S,
    /// Its type's. One of its own is in `more`.
    of_type: &'static ChildPolicy,
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
    /// The policy, when it is not that of its type.
    own: Option<Arc<ChildPolicy>>,
    pub(super) deadline: Option<Instant>,
    /// Its own window, under a root, once it was restarted.
    pub(super) window: Option<Window>,
    /// Why it ended, while that waits.
    pub(super) ended: Option<ExitReason>,
}

impl<S> Child<S> {
    #[inline(always)]
    pub(super) fn new(slot: impl FnOnce() -> S, policy: SharedPolicy, state: ChildState) -> Self {
        let (of_type, more) = match policy {
            SharedPolicy::Type(policy) => (policy, None),
            SharedPolicy::Own(own) => (NONE, Some(Box::new(More::owning(own)))),
        };
        Self {
            slot: slot(),
            of_type,
            more,
            state,
            is_new: state == ChildState::Starting(Cause::Added),
            is_unwanted: false,
        }
    }

    #[inline]
    pub(super) fn policy(&self) -> &ChildPolicy {
        let own = self.more.as_ref().and_then(|more| more.own.as_deref());
        own.unwrap_or(self.of_type)
    }

    pub(super) fn more(&mut self) -> &mut More {
        self.more.get_or_insert_default()
    }

    pub(super) fn deadline(&mut self) -> Option<&mut Option<Instant>> {
        self.more.as_mut().map(|more| &mut more.deadline)
    }

    pub(super) fn take_ended(&mut self) -> Option<ExitReason> {
        self.more.as_mut()?.ended.take()
    }

    /// Whether it just runs, or does not.
    #[inline]
    pub(super) fn is_plain(&self) -> bool {
        self.more.as_deref().is_none_or(More::is_plain)
    }

    /// Keeps nothing that is not needed any more.
    pub(super) fn tidy(&mut self) {
        if self.is_plain() && self.more.as_ref().is_some_and(|more| more.own.is_none()) {
            self.more = None;
        }
    }
}

impl More {
    #[cold]
    fn owning(own: Arc<ChildPolicy>) -> Self {
        Self {
            own: Some(own),
            ..Self::default()
        }
    }

    fn is_plain(&self) -> bool {
        self.deadline.is_none() && self.window.is_none() && self.ended.is_none()
    }
}
