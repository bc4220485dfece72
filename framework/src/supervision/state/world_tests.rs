//! A core with its clock, for the tables of tests. Times are seconds since a start.

use std::time::Duration;

use tokio::time::Instant;

use super::{ChildPolicy, ChildState, Command, Key, Kind, State};
use crate::exit::ExitReason;
use crate::policy::{Restart, Shutdown};
use crate::supervision::{Flags, Strategy};

pub(super) const A: Key = Key(0);
pub(super) const B: Key = Key(1);
pub(super) const C: Key = Key(2);

pub(super) const WORKER: ChildPolicy = ChildPolicy {
    restart: Restart::Permanent,
    shutdown: Shutdown::After(Duration::from_secs(5)),
    backoff: None,
    is_significant: false,
};

/// A core with its clock.
pub(super) struct World {
    pub(super) state: State,
    pub(super) start: Instant,
}

impl World {
    pub(super) fn new(kind: Kind, children: &[ChildPolicy]) -> Self {
        Self::with(Flags::DEFAULT, kind, children)
    }

    pub(super) fn with(flags: Flags, kind: Kind, children: &[ChildPolicy]) -> Self {
        let mut state = State::new(flags, kind, 1);
        for policy in children {
            state.add(*policy, ()).expect("there is room");
        }
        Self {
            state,
            start: Instant::now(),
        }
    }

    /// Booted, with all children running.
    pub(super) fn running(kind: Kind, children: &[ChildPolicy]) -> Self {
        Self::new(kind, children).boot()
    }

    pub(super) fn declared(strategy: Strategy, children: &[ChildPolicy]) -> Self {
        let flags = Flags {
            strategy,
            ..Flags::DEFAULT
        };
        Self::with(flags, Kind::Declared, children).boot()
    }

    pub(super) fn boot(mut self) -> Self {
        self.state.handle_boot(self.start);
        while let Some(Command::Start(key)) = self.commands().last() {
            self.state.handle_started(self.start, *key);
        }
        assert!(!self.state.is_busy(), "it has booted");
        self
    }

    pub(super) fn at(&self, seconds: f64) -> Instant {
        self.start + Duration::from_secs_f64(seconds)
    }

    pub(super) fn exited(&mut self, seconds: f64, key: Key, reason: &ExitReason) -> Vec<Command> {
        self.state.handle_exited(self.at(seconds), key, reason);
        self.commands()
    }

    pub(super) fn start_failed(&mut self, seconds: f64, key: Key) -> Vec<Command> {
        self.start_failed_of(seconds, key, crash())
    }

    pub(super) fn start_failed_of(&mut self, seconds: f64, key: Key, reason: ExitReason) -> Vec<Command> {
        self.state.handle_start_failed(self.at(seconds), key, reason);
        self.commands()
    }

    pub(super) fn lapsed(&mut self, key: Key) -> Vec<Command> {
        self.state.handle_lapsed(self.start, key);
        self.commands()
    }

    pub(super) fn started(&mut self, key: Key) -> Vec<Command> {
        self.state.handle_started(self.start, key);
        self.commands()
    }

    pub(super) fn deadline(&mut self, seconds: f64) -> Vec<Command> {
        self.state.handle_deadline(self.at(seconds));
        self.commands()
    }

    pub(super) fn shutdown(&mut self, seconds: f64) -> Vec<Command> {
        self.state.handle_shutdown(self.at(seconds));
        self.commands()
    }

    pub(super) fn commands(&mut self) -> Vec<Command> {
        std::iter::from_fn(|| self.state.poll_command()).collect()
    }

    pub(super) fn state_of(&self, key: Key) -> ChildState {
        self.state.child_state(key).expect("the child is known")
    }
}

pub(super) fn crash() -> ExitReason {
    ExitReason::error("crash")
}

pub(super) fn with(restart: Restart) -> ChildPolicy {
    ChildPolicy { restart, ..WORKER }
}
