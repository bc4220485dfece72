//! The pure core of a supervisor: what to start, ask, kill and give up, and when.
//!
//! ```text
//! child:       Idle -> Starting -> Running -> (exit) -> Starting | Waiting | Idle
//!              Waiting -> Starting            after a retry message or the back-off
//!              Waiting, Starting -> Idle      its tenure has ended
//!              Running, Starting -> Stopping -> Killed -> Stuck         asked, killed, out of reach
//! supervisor:  Booting -> Running -> Stopping -> Ended
//! ```
//! Call the `handle_*` methods with what happened, then `poll_command` until it is empty, then sleep until `next_deadline` at most.
//! Children are in the order of their keys: started in it, stopped against it, one by one.
//!
//! Architecture invariant: no clock, no task, no actor here.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

use tokio::time::Instant;

use super::Flags;
use super::intensity::Window;
use crate::exit::ExitReason;
use crate::policy::{Backoff, Restart, Shutdown};

/// How long a killed child may take to end before it counts as stuck.
pub(crate) const STUCK_AFTER: Duration = Duration::from_millis(500);

/// A child; keys are given out in start order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Key(pub(crate) u64);

/// What the core needs to know of a child.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ChildPolicy {
    pub(crate) restart: Restart,
    pub(crate) shutdown: Shutdown,
    pub(crate) backoff: Option<Backoff>,
}

/// Whose end too many restarts are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Declared children under one window: the supervisor ends and its parent decides.
    Declared,
    /// Children that come and go, each with a window of its own: only the child is given up. The root of a system.
    Root,
}

/// Where a child is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ChildState {
    /// Not running, and not about to.
    Idle,
    /// Its start runs; `again` when it ran before.
    Starting {
        again: bool,
    },
    Running,
    /// To be restarted (OTP: restarting).
    Waiting,
    /// Asked to end.
    Stopping,
    /// Killed.
    Killed,
    /// Killed, and still running: out of reach.
    Stuck,
}

/// What the driver is to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Command {
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
    /// Forget its spec.
    Remove(Key),
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
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Phase {
    /// The children up to and including `at` have been started.
    Booting {
        at: Option<Key>,
    },
    Running,
    Stopping(Outcome),
    Ended,
}

#[derive(Clone, Debug)]
struct Child {
    policy: ChildPolicy,
    state: ChildState,
    deadline: Option<Instant>,
    /// Its own window, under a root.
    window: Option<Window>,
}

#[derive(Clone, Debug)]
pub(crate) struct State {
    flags: Flags,
    kind: Kind,
    phase: Phase,
    window: Window,
    children: BTreeMap<Key, Child>,
    deadlines: BTreeSet<(Instant, Key)>,
    commands: VecDeque<Command>,
    next_key: u64,
}

impl State {
    pub(crate) fn new(flags: Flags, kind: Kind) -> Self {
        Self {
            flags,
            kind,
            phase: Phase::Booting { at: None },
            window: Window::new(flags.intensity, flags.period),
            children: BTreeMap::new(),
            deadlines: BTreeSet::new(),
            commands: VecDeque::new(),
            next_key: 0,
        }
    }

    pub(crate) fn poll_command(&mut self) -> Option<Command> {
        self.commands.pop_front()
    }

    /// When `handle_deadline` is due.
    pub(crate) fn next_deadline(&self) -> Option<Instant> {
        self.deadlines.first().map(|(deadline, _)| *deadline)
    }

    #[cfg(test)]
    pub(crate) fn child_state(&self, key: Key) -> Option<ChildState> {
        self.children.get(&key).map(|child| child.state)
    }

    /// Adds a child: before the boot to be started in its turn, later (under a root) to be started at once.
    pub(crate) fn add(&mut self, policy: ChildPolicy) -> Key {
        let key = Key(self.next_key);
        self.next_key += 1;
        let window = (self.kind == Kind::Root).then(|| Window::new(self.flags.intensity, self.flags.period));
        self.children.insert(
            key,
            Child {
                policy,
                state: ChildState::Idle,
                deadline: None,
                window,
            },
        );
        if self.phase == Phase::Running {
            self.start(key, false);
        }
        key
    }

    /// Starts the children in order.
    pub(crate) fn handle_boot(&mut self) {
        debug_assert_eq!(self.phase, Phase::Booting { at: None });
        self.boot_next(None);
    }

    pub(crate) fn handle_started(&mut self, key: Key) {
        let Some(child) = self.children.get_mut(&key) else {
            return;
        };
        // A child that is being stopped may have started meanwhile; it has been told already.
        if matches!(child.state, ChildState::Starting { .. }) {
            child.state = ChildState::Running;
            self.boot_next(Some(key));
        }
    }

    /// The start answered ignore.
    pub(crate) fn handle_ignored(&mut self, now: Instant, key: Key) {
        match self.children.get(&key).map(|child| child.state) {
            Some(ChildState::Starting { .. }) => {
                self.rest(key);
                self.boot_next(Some(key));
            }
            Some(_) => self.handle_stopped(now, key),
            None => {}
        }
    }

    /// What has lost its tenure before it started is not wanted here any more: neither restarted nor counted.
    pub(crate) fn handle_start_failed(&mut self, now: Instant, key: Key, reason: ExitReason) {
        match self.children.get(&key).map(|child| child.state) {
            Some(ChildState::Starting { .. }) if reason == ExitReason::Lapsed => {
                self.handle_ignored(now, key);
            }
            // A failed restart counts like a restart.
            Some(ChildState::Starting { again: true }) => self.restart(now, key, true),
            Some(ChildState::Starting { again: false }) => {
                self.rest(key);
                if matches!(self.phase, Phase::Booting { .. }) {
                    self.stop(now, Outcome::BootFailed { child: key, reason });
                }
            }
            Some(_) => self.handle_stopped(now, key),
            None => {}
        }
    }

    pub(crate) fn handle_exited(&mut self, now: Instant, key: Key, reason: &ExitReason) {
        let Some(child) = self.children.get(&key) else {
            return;
        };
        match child.state {
            ChildState::Running if matches!(self.phase, Phase::Booting { .. } | Phase::Running) => {
                if comes_back(child.policy.restart, reason) {
                    self.restart(now, key, false);
                } else {
                    self.rest(key);
                }
            }
            ChildState::Starting { .. } => self.handle_start_failed(now, key, reason.clone()),
            _ => self.handle_stopped(now, key),
        }
    }

    /// A child's tenure has ended. What runs ends by itself; a restart is not waited for any more.
    pub(crate) fn handle_lapsed(&mut self, key: Key) {
        if self.is_waiting(key) {
            self.rest(key);
        }
    }

    /// The child waits for its restart.
    pub(crate) fn is_waiting(&self, key: Key) -> bool {
        self.children
            .get(&key)
            .is_some_and(|child| child.state == ChildState::Waiting)
    }

    /// The message that `Command::Retry` asked for.
    pub(crate) fn handle_retry(&mut self, key: Key) {
        if self.is_waiting(key) {
            self.start(key, true);
        }
    }

    /// Stops one child; under a root its spec is forgotten. False when it is stuck already: only it can end itself.
    pub(crate) fn terminate(&mut self, now: Instant, key: Key) -> bool {
        match self.children.get(&key).map(|child| child.state) {
            Some(ChildState::Waiting | ChildState::Idle) => self.rest(key),
            Some(ChildState::Running | ChildState::Starting { .. }) => self.ask(now, key),
            Some(ChildState::Stuck) => return false,
            Some(ChildState::Stopping | ChildState::Killed) | None => {}
        }
        true
    }

    /// Stops all children in reverse order, each within its own time, then ends.
    pub(crate) fn handle_shutdown(&mut self, now: Instant) {
        self.stop(now, Outcome::Shutdown);
    }

    /// Kills all children at once, then ends.
    pub(crate) fn handle_kill(&mut self, now: Instant) {
        if matches!(self.phase, Phase::Ended | Phase::Stopping(Outcome::Killed)) {
            return;
        }
        self.phase = Phase::Stopping(Outcome::Killed);
        let keys: Vec<Key> = self.children.keys().rev().copied().collect();
        for key in keys {
            match self.children[&key].state {
                ChildState::Running | ChildState::Starting { .. } | ChildState::Stopping => {
                    self.kill(now, key);
                }
                ChildState::Waiting => self.rest(key),
                ChildState::Idle | ChildState::Killed | ChildState::Stuck => {}
            }
        }
        self.stop_next(now);
    }

    /// Whatever is due at `now`: kills, children found stuck, restarts after a back-off.
    pub(crate) fn handle_deadline(&mut self, now: Instant) {
        while let Some((deadline, key)) = self.deadlines.first().copied()
            && deadline <= now
        {
            self.set_deadline(key, None);
            match self.children[&key].state {
                ChildState::Waiting => self.start(key, true),
                ChildState::Stopping => self.kill(now, key),
                ChildState::Killed => {
                    self.set_state(key, ChildState::Stuck);
                    self.commands.extend([Command::Stuck(key), Command::Close(key)]);
                    self.stop_next(now);
                }
                ChildState::Idle | ChildState::Starting { .. } | ChildState::Running | ChildState::Stuck => {}
            }
        }
    }

    /// A child that was asked, killed or stuck has ended.
    fn handle_stopped(&mut self, now: Instant, key: Key) {
        self.rest(key);
        self.stop_next(now);
    }

    /// Starts the child behind `after`, when `after` is the one that the boot waits for.
    fn boot_next(&mut self, after: Option<Key>) {
        if self.phase != (Phase::Booting { at: after }) {
            return;
        }
        let next = match after {
            None => self.children.keys().next(),
            Some(after) => self
                .children
                .range(after..)
                .map(|(key, _)| key)
                .find(|key| **key > after),
        };
        if let Some(key) = next.copied() {
            self.phase = Phase::Booting { at: Some(key) };
            self.start(key, false);
        } else {
            self.phase = Phase::Running;
            self.commands.push_back(Command::Booted);
        }
    }

    fn start(&mut self, key: Key, again: bool) {
        self.set_deadline(key, None);
        self.set_state(key, ChildState::Starting { again });
        self.commands.push_back(Command::Start(key));
    }

    /// Restarts a child, or ends what the intensity says: `retry` when its last start failed.
    fn restart(&mut self, now: Instant, key: Key, retry: bool) {
        let Some(child) = self.children.get_mut(&key) else {
            return;
        };
        let window = child.window.as_mut().unwrap_or(&mut self.window);
        let Some(count) = window.add(now) else {
            self.rest(key);
            if self.kind == Kind::Declared {
                self.stop(now, Outcome::Escalated);
            }
            return;
        };
        if let Some(backoff) = child.policy.backoff {
            self.set_state(key, ChildState::Waiting);
            self.set_deadline(key, Some(now + backoff.delay(count)));
        } else if retry {
            self.set_state(key, ChildState::Waiting);
            self.commands.push_back(Command::Retry(key));
        } else {
            self.start(key, true);
        }
    }

    /// The child is not running and not coming back for now.
    fn rest(&mut self, key: Key) {
        self.set_deadline(key, None);
        self.set_state(key, ChildState::Idle);
        self.commands.push_back(Command::Close(key));
        if self.kind == Kind::Root {
            self.children.remove(&key);
            self.commands.push_back(Command::Remove(key));
        }
    }

    fn stop(&mut self, now: Instant, outcome: Outcome) {
        if matches!(self.phase, Phase::Booting { .. } | Phase::Running) {
            self.phase = Phase::Stopping(outcome);
            self.stop_next(now);
        }
    }

    /// Asks the last child that still runs, or ends when there is none.
    fn stop_next(&mut self, now: Instant) {
        let Phase::Stopping(outcome) = &self.phase else {
            return;
        };
        let outcome = outcome.clone();
        loop {
            let last = self
                .children
                .iter()
                .rev()
                .find(|(_, child)| !matches!(child.state, ChildState::Idle | ChildState::Stuck));
            match last.map(|(key, child)| (*key, child.state)) {
                None => {
                    self.phase = Phase::Ended;
                    self.commands.push_back(Command::End(outcome));
                    return;
                }
                Some((key, ChildState::Waiting)) => self.rest(key),
                Some((key, ChildState::Running | ChildState::Starting { .. })) => {
                    self.ask(now, key);
                    return;
                }
                Some(_) => return,
            }
        }
    }

    fn ask(&mut self, now: Instant, key: Key) {
        match self.children[&key].policy.shutdown {
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

    fn kill(&mut self, now: Instant, key: Key) {
        self.set_state(key, ChildState::Killed);
        self.set_deadline(key, Some(now + STUCK_AFTER));
        self.commands.push_back(Command::Kill(key));
    }

    fn set_state(&mut self, key: Key, state: ChildState) {
        if let Some(child) = self.children.get_mut(&key) {
            child.state = state;
        }
    }

    fn set_deadline(&mut self, key: Key, deadline: Option<Instant>) {
        let Some(child) = self.children.get_mut(&key) else {
            return;
        };
        if let Some(old) = child.deadline.take() {
            self.deadlines.remove(&(old, key));
        }
        if let Some(new) = deadline {
            child.deadline = Some(new);
            self.deadlines.insert((new, key));
        }
    }
}

/// OTP's restart types. What has lost its tenure comes back elsewhere, if at all.
fn comes_back(restart: Restart, reason: &ExitReason) -> bool {
    match restart {
        _ if *reason == ExitReason::Lapsed => false,
        Restart::Permanent => true,
        Restart::Transient => !reason.is_expected(),
        Restart::Temporary => false,
    }
}
