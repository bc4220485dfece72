//! Restarts of several children, for one_for_all and rest_for_one: the group stops in reverse order, then starts in order.
//!
//! ```text
//! a member ended -> Stopping (last first, each within its time) -> Starting (first first) -> Running
//!                      |                                             | a start failed: counted
//!                      `-> Running, until the back-off is over       `-> Running, until the retry: the whole group again
//! ```
//! While a group stops or starts, the exits of other children wait. Temporary members are not started again.

use std::time::Duration;

use tokio::time::Instant;

use super::{Cause, ChildState, Command, Key, Phase, State};
use crate::policy::Restart;
use crate::supervision::Strategy;

/// A group on its way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Group {
    /// Its first member; all behind it are members.
    from: Key,
    /// Who ended.
    ended: Key,
    /// The wait between the last stop and the first start.
    delay: Option<Duration>,
    /// The member whose start is waited for; `None` while the group stops.
    starting: Option<Key>,
}

impl Group {
    /// A member of a group that stops.
    pub(super) fn is_stopping(&self, key: Key) -> bool {
        self.starting.is_none() && key >= self.from
    }

    /// The member whose start is waited for.
    pub(super) fn is_starting(&self, key: Key) -> bool {
        self.starting == Some(key)
    }
}

impl<S> State<S> {
    /// Stops the group of a child that has ended, then starts it.
    pub(super) fn regroup(&mut self, now: Instant, key: Key, delay: Option<Duration>) {
        let from = match self.flags.strategy {
            Strategy::OneForAll => Key(0),
            Strategy::OneForOne | Strategy::RestForOne => key,
        };
        self.rest(key);
        self.phase = Phase::Regrouping(Group {
            from,
            ended: key,
            delay,
            starting: None,
        });
        self.group_stop_next(now);
    }

    /// Asks the last member that runs, or goes on to the starts when there is none.
    pub(super) fn group_stop_next(&mut self, now: Instant) {
        let Phase::Regrouping(group @ Group { starting: None, .. }) = self.phase else {
            return;
        };
        while let Some((key, state)) = self.last_active(group.from) {
            match state {
                ChildState::Running | ChildState::Starting(_) => return self.ask(now, key),
                ChildState::Waiting | ChildState::Ended => self.stopped_in_group(key),
                _ => return,
            }
        }
        match group.delay {
            None => self.group_start_next(now, None),
            Some(delay) => {
                self.wait(now, group.ended, delay);
                self.run(now);
            }
        }
    }

    /// A member is at rest. Its refs wait for the start, unless there will be none.
    pub(super) fn stopped_in_group(&mut self, key: Key) {
        match self.children.get(key).map(|child| child.policy().restart) {
            Some(Restart::Temporary) => self.settle(key),
            Some(_) => self.rest(key),
            None => {}
        }
    }

    /// Starts the member behind `after`.
    pub(super) fn group_start_next(&mut self, now: Instant, after: Option<Key>) {
        let Phase::Regrouping(group) = self.phase else {
            return;
        };
        let before = after.or(group.from.0.checked_sub(1).map(Key));
        // Those that do not come back are still there when they are stuck.
        let mut behind = self.children.range(before.map_or(Key(0), Key::next)..);
        let next = behind.find(|(_, child)| child.policy().restart != Restart::Temporary && !child.is_new);
        let next = next.map(|(key, _)| key);
        drop(behind);
        if let Some(key) = next {
            let starting = Some(key);
            self.phase = Phase::Regrouping(Group { starting, ..group });
            self.start(key, Cause::Group);
        } else {
            self.run(now);
        }
    }

    /// The group of a child that waits does not come back by itself any more: the refs of its members answer (OTP starts none of them either).
    pub(super) fn give_group_up(&mut self, key: Key) {
        let from = match self.strategy() {
            Strategy::OneForOne => return,
            Strategy::OneForAll => Key(0),
            Strategy::RestForOne => key,
        };
        let at_rest = self
            .children
            .range(from..)
            .filter(|(member, child)| *member != key && child.state == ChildState::Idle);
        self.commands
            .extend(at_rest.map(|(member, _)| Command::Close(member)));
    }

    /// A member did not start: that counts, and the group is tried again from it, by a message to self.
    pub(super) fn group_failed(&mut self, now: Instant, key: Key) {
        let Ok(delay) = self.count(now, key) else {
            return;
        };
        match delay {
            None => self.retry(key),
            Some(delay) => self.wait(now, key, delay),
        }
        self.run(now);
    }
}
