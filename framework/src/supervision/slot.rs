//! What a [driver](super::driver) keeps of each child. There may be a million, so most of it is there only when it is needed.

use std::sync::Arc;

use super::ask::{Done, Started};
use super::child::Child;

/// A child, and what the driver knows of it.
pub(super) struct Slot {
    pub(super) child: Arc<dyn Child>,
    pub(super) more: Option<Box<More>>,
}

/// What most children of a dynamic supervisor do without.
#[derive(Default)]
pub(super) struct More {
    pub(super) id: Option<Arc<str>>,
    /// It belongs to the supervisor's own spec, which keeps it for the next incarnation.
    pub(super) is_declared: bool,
    pub(super) started: Option<Started>,
    pub(super) terminated: Vec<Done>,
}

impl Slot {
    /// Of a child that nothing else is known of.
    #[inline]
    pub(super) fn plain(child: Arc<dyn Child>) -> Self {
        Self { child, more: None }
    }

    pub(super) fn more(&mut self) -> &mut More {
        self.more.get_or_insert_default()
    }

    pub(super) fn is_declared(&self) -> bool {
        self.more.as_ref().is_some_and(|more| more.is_declared)
    }

    /// Forgets its spec, unless the supervisor's own has it.
    pub(super) fn forget(&self) {
        if !self.is_declared() {
            self.child.remove();
        }
    }

    pub(super) fn take_started(&mut self) -> Option<Started> {
        let started = self.more.as_mut()?.started.take();
        self.tidy();
        started
    }

    pub(super) fn take_terminated(&mut self) -> Vec<Done> {
        let Some(more) = &mut self.more else {
            return Vec::new();
        };
        let terminated = std::mem::take(&mut more.terminated);
        self.tidy();
        terminated
    }

    fn tidy(&mut self) {
        if self.more.as_deref().is_some_and(More::is_empty) {
            self.more = None;
        }
    }
}

impl More {
    pub(super) fn is_empty(&self) -> bool {
        self.id.is_none() && !self.is_declared && self.started.is_none() && self.terminated.is_empty()
    }
}
