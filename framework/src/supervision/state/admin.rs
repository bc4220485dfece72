//! What may be asked of a supervisor while it runs: children added, stopped, started again, forgotten.

use tokio::time::Instant;

use super::{Cause, Child, ChildState, Key, Kind, Phase, SharedPolicy, State};

/// A dynamic supervisor has as many children as it may. Nothing was started.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TooManyChildren;

/// Why nothing was done to a child.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NotDone {
    /// It runs.
    Running,
    /// It is being restarted.
    Restarting,
}

impl<S> State<S> {
    /// A boot or a group is under way: what is asked waits, as OTP's supervisor is not back in its loop then.
    pub(crate) fn is_busy(&self) -> bool {
        matches!(self.phase, Phase::Booting { .. } | Phase::Regrouping(_))
    }

    /// Adds a child behind the others: before the boot to be started in its turn, later to be started at once.
    pub(crate) fn add(&mut self, policy: impl Into<SharedPolicy>, slot: S) -> Result<Key, TooManyChildren> {
        if let Kind::Dynamic { children_max } = self.kind
            && self.children.len() >= children_max
        {
            return Err(TooManyChildren);
        }
        let policy = policy.into();
        let key = self.push(|| Child::new(|| slot, policy, ChildState::Idle));
        if self.phase == Phase::Running {
            self.start(key, Cause::Added);
        }
        Ok(key)
    }

    #[inline(always)]
    pub(super) fn push(&mut self, child: impl FnOnce() -> Child<S>) -> Key {
        let key = Key(self.next_key);
        self.next_key += 1;
        self.children.push(key, child);
        key
    }

    /// Stops one child, also in the middle of its restarts; its spec is kept unless it is temporary or of a dynamic supervisor. False when it
    /// is stuck already: only it can end itself.
    pub(crate) fn terminate(&mut self, now: Instant, key: Key) -> bool {
        if let Some(child) = self.children.get_mut(key) {
            child.is_unwanted = true;
        }
        match self.child_state(key) {
            Some(ChildState::Waiting) => {
                self.settle(key);
                self.give_group_up(key);
            }
            Some(ChildState::Idle | ChildState::Ended) => self.settle(key),
            Some(ChildState::Running | ChildState::Starting(_)) => self.ask(now, key),
            Some(ChildState::Stuck | ChildState::StuckWanted(_)) => return false,
            Some(ChildState::Stopping | ChildState::Killed) | None => {}
        }
        true
    }

    /// Starts a child that was stopped or has ended; not when everything stops.
    pub(crate) fn start_again(&mut self, key: Key) -> Result<(), NotDone> {
        self.at_rest(key)?;
        if !self.is_ending() {
            self.start(key, Cause::Asked);
        }
        Ok(())
    }

    /// Forgets a child that does not run.
    pub(crate) fn delete(&mut self, key: Key) -> Result<(), NotDone> {
        self.at_rest(key)?;
        self.discard(key);
        Ok(())
    }

    /// What keeps a child from being started again or forgotten.
    pub(crate) fn at_rest(&self, key: Key) -> Result<(), NotDone> {
        match self.child_state(key) {
            Some(ChildState::Idle) | None => Ok(()),
            Some(ChildState::Waiting | ChildState::Starting(_) | ChildState::StuckWanted(_)) => {
                Err(NotDone::Restarting)
            }
            Some(_) => Err(NotDone::Running),
        }
    }
}
