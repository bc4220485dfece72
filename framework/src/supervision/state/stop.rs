//! The ways to an end: of the supervisor, and of one child within its time.

use tokio::time::Instant;

use super::{ChildState, Command, Key, Kind, Outcome, Phase, STUCK_AFTER, State};
use crate::policy::Shutdown;

impl<S> State<S> {
    /// Stops all children in reverse order, each within its own time, then ends. Those of a dynamic supervisor all at once.
    pub(crate) fn handle_shutdown(&mut self, now: Instant) {
        self.stop(now, Outcome::Shutdown);
    }

    /// Kills all children at once, then ends.
    pub(crate) fn handle_kill(&mut self, now: Instant) {
        if matches!(self.phase, Phase::Ended | Phase::Stopping(Outcome::Killed)) {
            return;
        }
        self.phase = Phase::Stopping(Outcome::Killed);
        self.each_in_reverse(|state, key, child| match child {
            ChildState::Running | ChildState::Starting(_) | ChildState::Stopping => state.kill(now, key),
            ChildState::Waiting | ChildState::Ended => state.settle(key),
            _ => {}
        });
        self.stop_next(now);
    }

    pub(super) fn stop(&mut self, now: Instant, outcome: Outcome) {
        if matches!(self.phase, Phase::Stopping(_) | Phase::Ended) {
            return;
        }
        self.phase = Phase::Stopping(outcome);
        let all_at_once = matches!(self.kind, Kind::Dynamic { .. });
        self.each_in_reverse(|state, key, child| match child {
            ChildState::Running | ChildState::Starting(_) if all_at_once => state.ask(now, key),
            // Nothing comes back any more.
            ChildState::Waiting | ChildState::Ended => state.settle(key),
            _ => {}
        });
        self.stop_next(now);
    }

    /// Asks the last child that still runs, or ends when there is none.
    pub(super) fn stop_next(&mut self, now: Instant) {
        let Phase::Stopping(outcome) = &self.phase else {
            return;
        };
        let outcome = outcome.clone();
        match self.last_active(Key(0)) {
            Some((key, ChildState::Running | ChildState::Starting(_))) => return self.ask(now, key),
            Some(_) => return,
            None => {}
        }
        self.phase = Phase::Ended;
        self.commands.push_back(Command::End(outcome));
    }

    /// A child that was asked, killed or stuck has ended, or one has while everything is stopped.
    pub(super) fn stopped(&mut self, now: Instant, key: Key) {
        let Some(child) = self.children.get(key) else {
            return;
        };
        match &self.phase {
            _ if child.is_new => self.discard(key),
            Phase::Regrouping(group) if group.is_stopping(key) && !child.is_unwanted => {
                self.stopped_in_group(key);
            }
            _ => self.settle(key),
        }
        self.go_on(now);
    }

    /// Whoever waits for the end of a child looks whether it was the last.
    fn go_on(&mut self, now: Instant) {
        self.group_stop_next(now);
        self.stop_next(now);
    }

    /// The last child from `from` on that is not at rest; one that is stuck is out of reach.
    pub(super) fn last_active(&self, from: Key) -> Option<(Key, ChildState)> {
        let mut children = self.children.range(from..).rev();
        children
            .find(|(_, child)| {
                !matches!(
                    child.state,
                    ChildState::Idle | ChildState::Stuck | ChildState::StuckWanted(_)
                )
            })
            .map(|(key, child)| (key, child.state))
    }

    pub(super) fn ask(&mut self, now: Instant, key: Key) {
        let Some(child) = self.children.get(key) else {
            return;
        };
        match child.policy().shutdown {
            Shutdown::Kill => self.kill(now, key),
            Shutdown::After(timeout) => {
                self.set_state(key, ChildState::Stopping);
                self.set_deadline(key, now.checked_add(timeout));
                self.commands.push_back(Command::Ask(key));
            }
            Shutdown::Infinity => {
                self.set_state(key, ChildState::Stopping);
                self.commands.push_back(Command::Ask(key));
            }
        }
    }

    pub(super) fn kill(&mut self, now: Instant, key: Key) {
        self.set_state(key, ChildState::Killed);
        self.set_deadline(key, Some(now + STUCK_AFTER));
        self.commands.push_back(Command::Kill(key));
    }

    pub(super) fn found_stuck(&mut self, now: Instant, key: Key) {
        self.set_state(key, ChildState::Stuck);
        self.commands.extend([Command::Stuck(key), Command::Close(key)]);
        self.go_on(now);
    }

    fn each_in_reverse(&mut self, mut act: impl FnMut(&mut Self, Key, ChildState)) {
        let keys: Vec<Key> = self.children.iter().rev().map(|(key, _)| key).collect();
        for key in keys {
            if let Some(child) = self.child_state(key) {
                act(self, key, child);
            }
        }
    }
}
