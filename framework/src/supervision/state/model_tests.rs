//! The core against a slow and obvious model: OTP's `supervisor.erl` as it is written, where a stop waits and a start answers at once.
//!
//! The core is driven to rest after each step, with the same answers to its starts; then all that was started and stopped, in its order, and what
//! is left must be what the model says. [`storm_tests`](super::storm_tests) looks at what happens in between.

use std::collections::BTreeMap;
use std::time::Duration;

use proptest::prelude::*;
use proptest::strategy::Strategy as Generator;
use tokio::time::Instant;

use super::arbitrary_tests::{all_flags, kinds, policies, reasons};
use super::world_tests::WORKER;
use super::{ChildPolicy, ChildState, Command, Key, Kind, Outcome, State};
use crate::exit::ExitReason;
use crate::policy::Restart;
use crate::supervision::{AutoShutdown, Flags, Strategy};

/// What a start answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Answer {
    Ok,
    Ignore,
    Error,
}

/// The answers to the next starts; all later ones succeed.
#[derive(Clone, Debug)]
struct Script(std::vec::IntoIter<Answer>);

impl Script {
    fn next(&mut self) -> Answer {
        self.0.next().unwrap_or(Answer::Ok)
    }
}

/// What can be seen from outside.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Seen {
    Start(Key),
    Stop(Key),
}

/// How it ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum How {
    Shutdown,
    BootFailed(Key),
    Escalated,
    AutoShutdown,
}

/// OTP's `pid` field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Pid {
    Undefined,
    Live,
    Restarting,
}

/// OTP's state and its functions by their names.
struct Otp {
    flags: Flags,
    kind: Kind,
    children: Vec<(Key, ChildPolicy, Pid)>,
    restarts: BTreeMap<Option<Key>, Vec<Instant>>,
    next: u64,
    now: Instant,
    script: Script,
    seen: Vec<Seen>,
    ended: Option<How>,
}

impl Otp {
    fn init(&mut self) {
        let all = self.children.clone();
        if let Err(failed) = self.start_children(all) {
            self.del_child(failed);
            self.terminate(How::BootFailed(failed));
        }
    }

    /// Stops at the first error; of the others those started so far live.
    fn start_children(&mut self, which: Vec<(Key, ChildPolicy, Pid)>) -> Result<(), Key> {
        for (key, ..) in which {
            match self.do_start(key) {
                Answer::Ok => self.set(key, Pid::Live),
                Answer::Ignore => self.del_child(key),
                Answer::Error => return Err(key),
            }
        }
        Ok(())
    }

    fn do_start(&mut self, key: Key) -> Answer {
        assert_ne!(self.pid(key), Some(Pid::Live));
        self.seen.push(Seen::Start(key));
        self.script.next()
    }

    fn set(&mut self, key: Key, pid: Pid) {
        for child in &mut self.children {
            if child.0 == key {
                child.2 = pid;
            }
        }
    }

    fn pid(&self, key: Key) -> Option<Pid> {
        self.children
            .iter()
            .find(|child| child.0 == key)
            .map(|child| child.2)
    }

    fn exit(&mut self, key: Key, reason: &ExitReason) {
        let policy = self.policy(key);
        let comes_back = match policy.restart {
            Restart::Permanent => true,
            Restart::Transient => !matches!(reason, ExitReason::Normal | ExitReason::Shutdown),
            Restart::Temporary => false,
        };
        if comes_back {
            return self.restart(key);
        }
        self.del_child(key);
        let others_live = self
            .children
            .iter()
            .any(|child| child.1.is_significant && child.2 != Pid::Undefined);
        let fires = match self.flags.auto_shutdown {
            AutoShutdown::Never => false,
            AutoShutdown::AnySignificant => true,
            AutoShutdown::AllSignificant => !others_live,
        };
        if policy.is_significant && fires {
            self.terminate(How::AutoShutdown);
        }
    }

    /// `try_again_restart` is a message to self: nothing else is in the mailbox here.
    fn restart(&mut self, key: Key) {
        let mut key = key;
        while self.add_restart(key) {
            let Err(failed) = self.restart_by_strategy(key) else {
                return;
            };
            self.set(failed, Pid::Restarting);
            key = failed;
        }
        self.del_child(key);
        if self.kind != Kind::Root {
            self.terminate(How::Escalated);
        }
    }

    fn add_restart(&mut self, key: Key) -> bool {
        let own = (self.kind == Kind::Root).then_some(key);
        let (now, period) = (self.now, self.flags.period);
        let restarts = self.restarts.entry(own).or_default();
        restarts.push(now);
        restarts.retain(|at| now.duration_since(*at) <= period);
        restarts.len() <= self.flags.intensity as usize
    }

    fn restart_by_strategy(&mut self, key: Key) -> Result<(), Key> {
        let strategy = if self.kind == Kind::Declared {
            self.flags.strategy
        } else {
            Strategy::OneForOne
        };
        let from = match strategy {
            Strategy::OneForOne => {
                let child = (key, self.policy(key), Pid::Undefined);
                self.set(key, Pid::Undefined);
                return self.start_children(vec![child]);
            }
            Strategy::OneForAll => Key(0),
            Strategy::RestForOne => key,
        };
        self.set(key, Pid::Undefined);
        self.terminate_children(from);
        let members = self.children.iter().filter(|child| child.0 >= from);
        let members = members.copied().collect();
        self.start_children(members)
    }

    /// In reverse; temporary ones are forgotten.
    fn terminate_children(&mut self, from: Key) {
        for (key, policy, pid) in self.children.clone().into_iter().rev() {
            if key < from {
                continue;
            }
            if pid == Pid::Live {
                self.seen.push(Seen::Stop(key));
            }
            self.set(key, Pid::Undefined);
            if policy.restart == Restart::Temporary {
                self.children.retain(|child| child.0 != key);
            }
        }
    }

    fn terminate(&mut self, how: How) {
        self.terminate_children(Key(0));
        self.ended = Some(how);
    }

    fn del_child(&mut self, key: Key) {
        let is_kept = self.kind == Kind::Declared && self.policy(key).restart != Restart::Temporary;
        if is_kept {
            self.set(key, Pid::Undefined);
        } else {
            self.children.retain(|child| child.0 != key);
        }
    }

    fn terminate_child(&mut self, key: Key) {
        if self.pid(key) == Some(Pid::Live) {
            self.seen.push(Seen::Stop(key));
        }
        self.del_child(key);
    }

    fn start_child(&mut self, policy: ChildPolicy) {
        let key = Key(self.next);
        self.next += 1;
        self.children.push((key, policy, Pid::Undefined));
        match self.do_start(key) {
            Answer::Ok => self.set(key, Pid::Live),
            Answer::Ignore => self.del_child(key),
            Answer::Error => self.children.retain(|child| child.0 != key),
        }
    }

    fn restart_child(&mut self, key: Key) {
        match self.do_start(key) {
            Answer::Ok => self.set(key, Pid::Live),
            Answer::Ignore => self.del_child(key),
            Answer::Error => {}
        }
    }

    fn policy(&self, key: Key) -> ChildPolicy {
        self.children
            .iter()
            .find(|child| child.0 == key)
            .expect("it is known")
            .1
    }
}

/// The core, with a world that answers at once.
struct Core {
    state: State,
    script: Script,
    seen: Vec<Seen>,
    ended: Option<How>,
}

impl Core {
    /// Carries out all commands, retries last.
    fn settle(&mut self, now: Instant) {
        let mut retries = Vec::new();
        for _ in 0..10_000 {
            let Some(command) = self.state.poll_command() else {
                if retries.is_empty() {
                    return;
                }
                self.state.handle_retry(now, retries.remove(0));
                continue;
            };
            assert_eq!(self.ended, None, "{command:?} after the end");
            match command {
                Command::Start(key) => {
                    self.seen.push(Seen::Start(key));
                    match self.script.next() {
                        Answer::Ok => self.state.handle_started(now, key),
                        Answer::Ignore => self.state.handle_ignored(now, key),
                        Answer::Error => self.state.handle_start_failed(now, key, ExitReason::error("x")),
                    }
                }
                Command::Ask(key) => {
                    self.seen.push(Seen::Stop(key));
                    self.state.handle_exited(now, key, &ExitReason::Shutdown);
                }
                Command::Retry(key) => retries.push(key),
                Command::End(outcome) => {
                    self.ended = Some(match outcome {
                        Outcome::Shutdown => How::Shutdown,
                        Outcome::BootFailed { child, .. } => How::BootFailed(child),
                        Outcome::Escalated => How::Escalated,
                        Outcome::AutoShutdown => How::AutoShutdown,
                        Outcome::Killed => panic!("nobody kills it"),
                    });
                }
                Command::Close(_) | Command::Remove(..) | Command::Booted => {}
                Command::Kill(_) | Command::Stuck(_) => panic!("{command:?}: all obey"),
            }
        }
        panic!("it does not come to rest");
    }

    fn children(&self) -> Vec<(Key, Pid)> {
        let pid = |state| match state {
            ChildState::Idle => Pid::Undefined,
            ChildState::Running => Pid::Live,
            other => panic!("{other:?} at rest"),
        };
        let children = self.state.children.iter();
        children.map(|(key, child)| (key, pid(child.state))).collect()
    }
}

/// What happens; a number chooses among the children.
#[derive(Clone, Debug)]
enum Step {
    Exit(usize, ExitReason),
    Terminate(usize),
    RestartChild(usize),
    Delete(usize),
    StartChild(ChildPolicy),
    Wait(u64),
    Shutdown,
}

#[derive(Clone, Debug)]
struct Case {
    flags: Flags,
    kind: Kind,
    children: Vec<ChildPolicy>,
    answers: Vec<Answer>,
    steps: Vec<Step>,
}

fn cases() -> impl Generator<Value = Case> {
    let answer = prop_oneof![
        6 => Just(Answer::Ok),
        1 => Just(Answer::Ignore),
        2 => Just(Answer::Error)
    ];
    (all_flags(), kinds(), prop::collection::vec(answer, 0..30)).prop_flat_map(|(flags, kind, answers)| {
        let step = prop_oneof![
            8 => (0..8_usize, reasons()).prop_map(|(which, reason)| Step::Exit(which, reason)),
            1 => (0..8_usize).prop_map(Step::Terminate),
            2 => (0..8_usize).prop_map(Step::RestartChild),
            1 => (0..8_usize).prop_map(Step::Delete),
            1 => policies(kind).prop_map(Step::StartChild),
            2 => (1..4000_u64).prop_map(Step::Wait),
        ];
        let first = if kind == Kind::Declared { 6 } else { 1 };
        (
            prop::collection::vec(policies(kind), 0..first),
            prop::collection::vec(step, 0..25),
        )
            .prop_map(move |(children, mut steps)| {
                if kind != Kind::Declared {
                    let more = vec![Step::StartChild(WORKER); 3];
                    steps.splice(0..0, more);
                }
                steps.push(Step::Shutdown);
                Case {
                    flags,
                    kind,
                    children,
                    answers: answers.clone(),
                    steps,
                }
            })
    })
}

fn compare(case: &Case) {
    let script = Script(case.answers.clone().into_iter());
    let mut state = State::new(case.flags, case.kind, 1);
    let mut children = Vec::new();
    for policy in &case.children {
        let key = state.add(*policy, ()).expect("there is room");
        children.push((key, *policy, Pid::Undefined));
    }
    let mut otp = Otp {
        flags: case.flags,
        kind: case.kind,
        next: children.len() as u64,
        children,
        restarts: BTreeMap::new(),
        now: Instant::now(),
        script: script.clone(),
        seen: Vec::new(),
        ended: None,
    };
    let (seen, ended) = (Vec::new(), None);
    let mut core = Core {
        state,
        script,
        seen,
        ended,
    };
    otp.init();
    core.state.handle_boot(otp.now);
    core.settle(otp.now);
    for step in &case.steps {
        if otp.ended.is_some() {
            break;
        }
        take(step, &mut otp, &mut core);
        core.settle(otp.now);
        assert_eq!(core.seen, otp.seen, "after {step:?}");
        assert_eq!(core.ended, otp.ended, "after {step:?}");
        if otp.ended.is_none() {
            let model: Vec<_> = otp.children.iter().map(|child| (child.0, child.2)).collect();
            assert_eq!(core.children(), model, "after {step:?}");
            assert!(!core.state.is_busy());
        }
    }
    assert_eq!(core.seen, otp.seen);
    assert_eq!(core.ended, otp.ended);
}

fn take(step: &Step, otp: &mut Otp, core: &mut Core) {
    let now = otp.now;
    let pick = |which: usize, pids: &[Pid]| {
        let children: Vec<Key> = otp
            .children
            .iter()
            .filter(|child| pids.contains(&child.2))
            .map(|child| child.0)
            .collect();
        (!children.is_empty()).then(|| children[which % children.len()])
    };
    match step {
        Step::Exit(which, reason) => {
            if let Some(key) = pick(*which, &[Pid::Live]) {
                otp.exit(key, reason);
                core.state.handle_exited(now, key, reason);
            }
        }
        Step::Terminate(which) => {
            if let Some(key) = pick(*which, &[Pid::Live, Pid::Undefined, Pid::Restarting]) {
                otp.terminate_child(key);
                assert!(core.state.terminate(now, key));
            }
        }
        Step::RestartChild(which) => {
            if let Some(key) = pick(*which, &[Pid::Undefined]) {
                otp.restart_child(key);
                assert_eq!(core.state.start_again(key), Ok(()));
            }
        }
        Step::Delete(which) => {
            if let Some(key) = pick(*which, &[Pid::Undefined]) {
                otp.children.retain(|child| child.0 != key);
                assert_eq!(core.state.delete(key), Ok(()));
            }
        }
        Step::StartChild(policy) => {
            otp.start_child(*policy);
            core.state.add(*policy, ()).expect("there is room");
        }
        Step::Wait(milliseconds) => otp.now += Duration::from_millis(*milliseconds),
        Step::Shutdown => {
            otp.terminate(How::Shutdown);
            core.state.handle_shutdown(now);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 3000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_core_does_what_otp_does(case in cases()) {
        compare(&case);
    }
}
