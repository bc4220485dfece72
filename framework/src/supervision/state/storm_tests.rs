//! The core in the worst of worlds: answers come late and in any order, children end while they are asked, kills do not help. Checked after each step:
//!
//! - two incarnations of one child never overlap, and nothing starts that is not known, that is temporary and has run, or while all stops;
//! - of those that start with their supervisor or with their group one starts at a time, in order; of those that stop one at a time, in reverse;
//! - restarts within the period never exceed the intensity, and only one too many ends the supervisor (or the child, under a root);
//! - it ends once, and nothing runs then but what is stuck;
//! - when the world calms down it comes to rest, and ends when it is asked to.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

use proptest::prelude::*;
use tokio::time::Instant;

use super::arbitrary_tests::{Case, Step, cases};
use super::{Cause, ChildPolicy, ChildState, Command, Key, Kind, Outcome, Phase, State};
use crate::exit::ExitReason;
use crate::policy::{Restart, Shutdown};
use crate::supervision::Strategy;

/// A child's process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Process {
    Starting,
    Live,
}

struct World {
    case: Case,
    state: State,
    now: Instant,
    policies: BTreeMap<Key, ChildPolicy>,
    processes: BTreeMap<Key, Process>,
    asked: BTreeSet<Key>,
    /// Asked or killed by who is not the supervisor's own stop.
    exempt: BTreeSet<Key>,
    has_run: BTreeSet<Key>,
    stuck: BTreeSet<Key>,
    retries: VecDeque<Key>,
    /// One for one: the restarts that count, under a root by child.
    counted: BTreeMap<Option<Key>, Vec<Instant>>,
    exceeded: BTreeSet<Option<Key>>,
    /// Counted when the boot is done.
    ended_in_boot: Vec<Key>,
    /// Who was terminated, and whoever asked for that has not heard of its end.
    unanswered: BTreeSet<Key>,
    killed: bool,
    /// Before the present step.
    was_stopping: bool,
    ended: Option<Outcome>,
}

impl World {
    fn new(case: Case) -> Self {
        let mut state = State::new(case.flags, case.kind, 7);
        let mut policies = BTreeMap::new();
        for policy in &case.children {
            policies.insert(state.add(*policy, ()).expect("there is room"), *policy);
        }
        let mut world = Self {
            case,
            state,
            now: Instant::now(),
            policies,
            processes: BTreeMap::new(),
            asked: BTreeSet::new(),
            exempt: BTreeSet::new(),
            has_run: BTreeSet::new(),
            stuck: BTreeSet::new(),
            retries: VecDeque::new(),
            counted: BTreeMap::new(),
            exceeded: BTreeSet::new(),
            ended_in_boot: Vec::new(),
            unanswered: BTreeSet::new(),
            killed: false,
            was_stopping: false,
            ended: None,
        };
        world.state.handle_boot(world.now);
        world.check();
        world
    }

    fn is_stopping(&self) -> bool {
        matches!(self.state.phase, Phase::Stopping(_) | Phase::Ended)
    }

    fn is_one_for_one(&self) -> bool {
        self.case.kind != Kind::Declared || self.case.flags.strategy == Strategy::OneForOne
    }

    fn check(&mut self) {
        while let Some(command) = self.state.poll_command() {
            assert_eq!(self.ended, None, "{command:?} after the end");
            let about = match &command {
                Command::Start(key)
                | Command::Ask(key)
                | Command::Kill(key)
                | Command::Retry(key)
                | Command::Stuck(key)
                | Command::Close(key) => Some(*key),
                Command::Remove(..) | Command::Booted | Command::End(_) => None,
            };
            let is_there = about.is_none_or(|key| self.state.child_state(key).is_some());
            assert!(is_there, "{command:?} finds no child");
            match command {
                Command::Start(key) => self.start(key),
                Command::Ask(key) | Command::Kill(key) => self.stop(key),
                Command::Retry(key) => self.retries.push_back(key),
                Command::Stuck(key) => {
                    assert!(self.processes.contains_key(&key), "{key:?} does not run");
                    self.stuck.insert(key);
                }
                Command::Remove(key, ()) => {
                    assert!(
                        !self.processes.contains_key(&key),
                        "{key:?} runs and is forgotten"
                    );
                    assert!(self.policies.remove(&key).is_some(), "{key:?} is forgotten twice");
                    self.unanswered.remove(&key);
                }
                Command::Close(key) => {
                    let is_out = !self.processes.contains_key(&key) || self.stuck.contains(&key);
                    assert!(is_out, "{key:?} is closed and runs");
                    self.unanswered.remove(&key);
                }
                Command::Booted => {
                    for key in std::mem::take(&mut self.ended_in_boot) {
                        self.count(key);
                    }
                }
                Command::End(outcome) => {
                    let left = self.processes.keys().filter(|key| !self.stuck.contains(key));
                    assert_eq!(left.count(), 0, "what runs at the end: {:?}", self.processes);
                    if self.is_one_for_one() {
                        let exceeded = self.exceeded.contains(&None);
                        assert!(outcome != Outcome::Escalated || exceeded, "too early");
                    }
                    self.ended = Some(outcome);
                }
            }
        }
        let ended = |key: &&Key| !self.processes.contains_key(key);
        let unheard = self.unanswered.iter().find(ended);
        assert!(
            self.ended.is_some() || unheard.is_none(),
            "nobody hears of the end of {unheard:?}"
        );
        for key in self.processes.keys() {
            assert!(self.state.child_state(*key).is_some(), "{key:?} is lost");
        }
        if self.is_one_for_one() && self.exceeded.contains(&None) {
            assert!(self.is_stopping(), "one restart too many");
        }
    }

    fn start(&mut self, key: Key) {
        let Some(ChildState::Starting(cause)) = self.state.child_state(key) else {
            // It was asked to end in the same step.
            assert!(self.processes.insert(key, Process::Starting).is_none());
            self.has_run.insert(key);
            return;
        };
        let policy = self.policies[&key];
        let again = self.has_run.contains(&key) && cause != Cause::Asked;
        assert!(
            policy.restart != Restart::Temporary || !again,
            "{key:?} is temporary"
        );
        assert!(!self.was_stopping, "{key:?} starts while all stops");
        let before = self.processes.insert(key, Process::Starting);
        assert_eq!(before, None, "two incarnations of {key:?}");
        if matches!(cause, Cause::Boot | Cause::Group) {
            let starting = |state| matches!(state, Some(ChildState::Starting(Cause::Boot | Cause::Group)));
            let others = self.policies.keys().filter(|other| **other != key);
            assert_eq!(
                others
                    .filter(|other| starting(self.state.child_state(**other)))
                    .count(),
                0
            );
        }
        if let Cause::Boot = cause {
            let behind = self.processes.keys().filter(|other| **other > key);
            assert_eq!(behind.count(), 0, "{key:?} starts late");
        }
        self.has_run.insert(key);
        self.stuck.remove(&key);
        self.asked.remove(&key);
        self.exempt.remove(&key);
    }

    fn stop(&mut self, key: Key) {
        assert!(self.processes.contains_key(&key), "{key:?} does not run");
        let is_first = self.asked.insert(key);
        if is_first && self.case.kind == Kind::Declared && !self.killed && !self.exempt.contains(&key) {
            let mut behind = self.processes.keys().filter(|other| **other > key);
            let live = behind.find(|other| !self.stuck.contains(other));
            assert_eq!(live, None, "{key:?} is stopped before it");
        }
    }

    /// R13, R15: an end that is followed by a restart, and a restart that failed.
    fn count(&mut self, key: Key) {
        let own = (self.case.kind == Kind::Root).then_some(key);
        let (now, flags) = (self.now, self.case.flags);
        let counted = self.counted.entry(own).or_default();
        counted.push(now);
        counted.retain(|at| now.duration_since(*at) <= flags.period);
        if counted.len() > flags.intensity as usize {
            self.exceeded.insert(own);
        }
    }

    fn pick(&self, which: usize, is: impl Fn(&Self, Key) -> bool) -> Option<Key> {
        let keys: Vec<Key> = self
            .policies
            .keys()
            .copied()
            .filter(|key| is(self, *key))
            .collect();
        (!keys.is_empty()).then(|| keys[which % keys.len()])
    }

    fn is_starting(&self, key: Key) -> bool {
        self.processes.get(&key) == Some(&Process::Starting)
    }

    fn obeys(&self, key: Key) -> bool {
        self.asked.contains(&key) && !self.case.deaf.contains(&key.0)
    }

    fn end(&mut self, key: Key, reason: &ExitReason) {
        let process = self.forget(key);
        let state = self.state.child_state(key);
        let restart = self.policies[&key].restart;
        let is_failure = !matches!(reason, ExitReason::Normal | ExitReason::Shutdown);
        let comes_back = restart == Restart::Permanent || restart == Restart::Transient && is_failure;
        if self.is_one_for_one() && !self.is_stopping() {
            match (process, state) {
                (Some(Process::Live), Some(ChildState::Running)) if comes_back => {
                    if self.state.is_busy() {
                        self.ended_in_boot.push(key);
                    } else {
                        self.count(key);
                    }
                }
                (Some(Process::Starting), Some(ChildState::Starting(Cause::Restart))) => self.count(key),
                _ => {}
            }
        }
        if process == Some(Process::Live) {
            self.state.handle_exited(self.now, key, reason);
        } else {
            self.state.handle_start_failed(self.now, key, reason.clone());
        }
    }

    fn forget(&mut self, key: Key) -> Option<Process> {
        self.stuck.remove(&key);
        self.asked.remove(&key);
        self.processes.remove(&key)
    }

    fn take(&mut self, step: &Step) {
        if self.ended.is_some() {
            return;
        }
        self.was_stopping = self.is_stopping();
        let is_idle = |world: &Self, key| {
            !world.state.is_busy() && world.state.child_state(key) == Some(ChildState::Idle)
        };
        match step {
            Step::Started(which) => {
                if let Some(key) = self.pick(*which, Self::is_starting) {
                    self.processes.insert(key, Process::Live);
                    self.state.handle_started(self.now, key);
                }
            }
            Step::Ignored(which) => {
                if let Some(key) = self.pick(*which, Self::is_starting) {
                    self.forget(key);
                    self.state.handle_ignored(self.now, key);
                }
            }
            Step::StartFailed(which) => {
                if let Some(key) = self.pick(*which, Self::is_starting) {
                    self.end(key, &ExitReason::error("x"));
                }
            }
            Step::StartLapsed(which) => {
                if let Some(key) = self.pick(*which, Self::is_starting) {
                    self.forget(key);
                    self.state.handle_start_failed(self.now, key, ExitReason::Lapsed);
                }
            }
            Step::Exit(which, reason) => {
                let is_live = |world: &Self, key| world.processes.get(&key) == Some(&Process::Live);
                if let Some(key) = self.pick(*which, is_live) {
                    self.end(key, reason);
                }
            }
            Step::Obey(which) => {
                if let Some(key) = self.pick(*which, Self::obeys) {
                    self.end(key, &ExitReason::Shutdown);
                }
            }
            Step::Retry => {
                if let Some(key) = self.retries.pop_front() {
                    self.state.handle_retry(self.now, key);
                }
            }
            Step::Wait(milliseconds) => {
                self.now += Duration::from_millis(*milliseconds);
                self.state.handle_deadline(self.now);
                let due = self.state.next_deadline();
                assert!(
                    due.is_none_or(|due| due > self.now),
                    "a deadline is not dealt with"
                );
            }
            Step::Lapse(which) => {
                if let Some(key) = self.pick(*which, |_, _| true) {
                    self.state.handle_lapsed(self.now, key);
                }
            }
            Step::Terminate(which) => {
                let may = |world: &Self, _| !world.state.is_busy();
                if let Some(key) = self.pick(*which, may) {
                    self.exempt.insert(key);
                    if self.state.terminate(self.now, key) && self.processes.contains_key(&key) {
                        self.unanswered.insert(key);
                    }
                }
            }
            Step::StartAgain(which) => {
                if let Some(key) = self.pick(*which, is_idle) {
                    assert_eq!(self.state.start_again(key), Ok(()));
                }
            }
            Step::Delete(which) => {
                if let Some(key) = self.pick(*which, is_idle) {
                    assert_eq!(self.state.delete(key), Ok(()));
                }
            }
            Step::Add(policy) => {
                if !self.state.is_busy()
                    && let Ok(key) = self.state.add(*policy, ())
                {
                    self.policies.insert(key, *policy);
                }
            }
            Step::Shutdown => self.state.handle_shutdown(self.now),
            Step::Kill => {
                self.killed = true;
                self.state.handle_kill(self.now);
            }
        }
        self.check();
    }

    /// Starts succeed, whoever is asked obeys, time goes on: it comes to rest in a bounded number of steps.
    fn calm_down(&mut self) {
        for _ in 0..1000 {
            let step = if self.ended.is_some() {
                return;
            } else if self.pick(0, Self::obeys).is_some() {
                Step::Obey(0)
            } else if self.pick(0, Self::is_starting).is_some() && !self.retries.is_empty() {
                self.take(&Step::Retry);
                Step::Started(0)
            } else if self.pick(0, Self::is_starting).is_some() {
                Step::Started(0)
            } else if !self.retries.is_empty() {
                Step::Retry
            } else if let Some(due) = self.state.next_deadline() {
                Step::Wait(due.duration_since(self.now).as_millis() as u64 + 1)
            } else {
                return;
            };
            self.take(&step);
        }
        panic!("it does not come to rest");
    }

    /// Only what is deaf may hold a group up.
    fn assert_at_rest(&self) {
        let is_held_up = self.state.is_busy();
        let mut holds_up = false;
        for (key, child) in self.state.children.iter() {
            let is_deaf = self.case.deaf.contains(&key.0);
            let waits = child.state == ChildState::Stopping && child.policy().shutdown == Shutdown::Infinity;
            let is_stuck = matches!(child.state, ChildState::Stuck | ChildState::StuckWanted(_));
            let is_out = is_deaf && (is_stuck || waits);
            holds_up |= is_out;
            let at_rest = matches!(child.state, ChildState::Idle | ChildState::Running);
            let is_held = is_held_up && matches!(child.state, ChildState::Ended | ChildState::Waiting);
            assert!(at_rest || is_out || is_held, "{key:?} {child:?}");
        }
        assert!(holds_up || !is_held_up, "nothing holds it up: {:?}", self.state);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn whatever_happens_the_core_keeps_its_promises(case in cases()) {
        let mut world = World::new(case.clone());
        for step in &case.steps {
            world.take(step);
        }
        world.calm_down();
        if world.ended.is_none() {
            world.assert_at_rest();
            world.take(&Step::Shutdown);
            world.calm_down();
        }
        // Who never ends and may take as long as it wants is waited for.
        let deaf = world.case.deaf.clone();
        let waits = |world: &World, key: Key| {
            deaf.contains(&key.0) && world.policies[&key].shutdown == Shutdown::Infinity
        };
        if world.ended.is_none() {
            prop_assert!(world.pick(0, waits).is_some(), "{:?}", world.state);
            world.take(&Step::Kill);
            world.calm_down();
        }
        prop_assert!(world.ended.is_some(), "{:?}", world.state);
    }
}
