//! The pure core of a supervisor: what to start, ask, kill and give up, and when.
//!
//! ```text
//! child:       Idle -> Starting -> Running -> (exit) -> Starting | Waiting | Idle
//!              Running -> Ended                         its exit has to wait for a boot or a group
//!              Waiting -> Starting                      after a retry message or the back-off
//!              Waiting, Starting -> Idle                its tenure has ended
//!              Running, Starting -> Stopping -> Killed -> Stuck         asked, killed, out of reach
//! supervisor:  Booting -> Running <-> Regrouping        one_for_all, rest_for_one: stop in reverse, start in order
//!              any of them -> Stopping -> Ended
//! ```
//! Call the `handle_*` methods with what happened, then `poll_command` until it is empty, then sleep until `next_deadline` at most.
//! Children are in the order of their keys: started in it, stopped against it, one by one; those of a dynamic supervisor all at once.
//!
//! [`group`] has the restarts of several children, [`stop`] the ways to an end, [`admin`] what may be asked while it runs, [`short`] what most
//! children of a root come to, without commands.
//!
//! Architecture invariant: no clock, no random source, no task, no actor here.

mod admin;
#[cfg(test)]
mod arbitrary_tests;
mod child;
mod group;
#[cfg(test)]
mod group_tests;
mod model;
#[cfg(test)]
mod model_tests;
#[cfg(test)]
mod race_tests;
mod short;
mod stop;
#[cfg(test)]
mod storm_tests;
mod table;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod world_tests;

use std::collections::{BTreeSet, VecDeque};
use std::time::Duration;

use tokio::time::Instant;

pub(crate) use self::admin::NotDone;
use self::child::Child;
use self::group::Group;
pub(crate) use self::model::{Cause, ChildPolicy, ChildState, Command, Key, Kind, Outcome, SharedPolicy};
use self::table::Table;
use super::intensity::Window;
use super::{AutoShutdown, Flags, Strategy};
use crate::exit::ExitReason;
use crate::policy::Restart;

/// How long a killed child may take to end before it counts as stuck.
pub(crate) const STUCK_AFTER: Duration = Duration::from_millis(500);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Phase {
    /// The children up to and including `at` have been started.
    Booting {
        at: Option<Key>,
    },
    Running,
    Regrouping(Group),
    Stopping(Outcome),
    Ended,
}

/// It was one restart too many; that has been dealt with.
struct TooManyRestarts;

/// With each child it keeps an `S`, which the driver knows.
#[derive(Clone, Debug)]
pub(crate) struct State<S = ()> {
    flags: Flags,
    kind: Kind,
    phase: Phase,
    window: Window,
    children: Table<Child<S>>,
    deadlines: BTreeSet<(Instant, Key)>,
    commands: VecDeque<Command<S>>,
    /// Children whose exit or turn waits until the boot or the group is done, in that order.
    postponed: VecDeque<Key>,
    next_key: u64,
    /// For the jitter of back-offs.
    seed: u64,
}

impl<S> State<S> {
    /// `seed` draws the jitter of back-offs.
    pub(crate) fn new(flags: Flags, kind: Kind, seed: u64) -> Self {
        Self {
            flags,
            kind,
            phase: Phase::Booting { at: None },
            window: Window::new(flags.intensity, flags.period),
            children: Table::new(),
            deadlines: BTreeSet::new(),
            commands: VecDeque::new(),
            postponed: VecDeque::new(),
            next_key: 0,
            seed,
        }
    }

    pub(crate) fn poll_command(&mut self) -> Option<Command<S>> {
        self.commands.pop_front()
    }

    /// When `handle_deadline` is due.
    pub(crate) fn next_deadline(&self) -> Option<Instant> {
        self.deadlines.first().map(|(deadline, _)| *deadline)
    }

    /// Where a child is; `None` when it is not known.
    pub(crate) fn child_state(&self, key: Key) -> Option<ChildState> {
        self.children.get(key).map(|child| child.state)
    }

    /// What the driver keeps with a child.
    #[inline]
    pub(crate) fn slot(&self, key: Key) -> Option<&S> {
        self.children.get(key).map(|child| &child.slot)
    }

    pub(crate) fn slot_mut(&mut self, key: Key) -> Option<&mut S> {
        self.children.get_mut(key).map(|child| &mut child.slot)
    }

    /// What the driver keeps, in the order of the children.
    pub(crate) fn slots(&self) -> impl DoubleEndedIterator<Item = (Key, &S)> {
        self.children.iter().map(|(key, child)| (key, &child.slot))
    }

    /// All children, after the end.
    pub(crate) fn forget_all(&mut self) {
        self.children = Table::new();
    }

    /// Starts the children in order.
    pub(crate) fn handle_boot(&mut self, now: Instant) {
        debug_assert_eq!(self.phase, Phase::Booting { at: None });
        self.boot_next(now, None);
    }

    pub(crate) fn handle_started(&mut self, now: Instant, key: Key) {
        if let Some(child) = self.children.get_mut(key) {
            child.is_new = false;
        }
        // A child that is being stopped may have started meanwhile; it has been told already.
        if let Some(ChildState::Starting(_)) = self.child_state(key) {
            self.set_state(key, ChildState::Running);
            self.advance(now, key);
        }
    }

    /// The start answered ignore.
    pub(crate) fn handle_ignored(&mut self, now: Instant, key: Key) {
        match self.child_state(key) {
            Some(ChildState::Starting(_)) if !self.is_ending() => {
                self.settle(key);
                self.advance(now, key);
            }
            _ => self.gone(now, key),
        }
    }

    /// What has lost its tenure before it started is not wanted here any more: neither restarted nor counted.
    pub(crate) fn handle_start_failed(&mut self, now: Instant, key: Key, reason: ExitReason) {
        match self.child_state(key) {
            Some(ChildState::Starting(cause)) if reason == ExitReason::Lapsed && cause != Cause::Added => {
                self.handle_ignored(now, key);
            }
            Some(ChildState::Starting(cause)) if !self.is_ending() => match cause {
                Cause::Boot => {
                    self.settle(key);
                    self.stop(now, Outcome::BootFailed { child: key, reason });
                }
                Cause::Added => self.discard(key),
                Cause::Asked => self.settle(key),
                // A failed restart counts like a restart.
                Cause::Restart => self.restart(now, key, true),
                Cause::Group => self.group_failed(now, key),
            },
            _ => self.gone(now, key),
        }
    }

    pub(crate) fn handle_exited(&mut self, now: Instant, key: Key, reason: &ExitReason) {
        match self.child_state(key) {
            Some(ChildState::Running) => match &self.phase {
                Phase::Running => self.decide(now, key, reason),
                Phase::Regrouping(group) if group.is_stopping(key) => self.stopped(now, key),
                Phase::Booting { .. } | Phase::Regrouping(_) => self.postpone(key, reason),
                Phase::Stopping(_) | Phase::Ended => self.stopped(now, key),
            },
            Some(ChildState::Starting(_)) => self.handle_start_failed(now, key, reason.clone()),
            _ => self.gone(now, key),
        }
    }

    /// A child's tenure has ended. What runs ends by itself; a restart is not waited for any more. A group whose restart waits with it is
    /// started without it: its own start finds out.
    pub(crate) fn handle_lapsed(&mut self, now: Instant, key: Key) {
        if self.is_waiting(key) {
            match self.strategy() {
                Strategy::OneForOne => self.settle(key),
                Strategy::OneForAll | Strategy::RestForOne => self.again(now, key),
            }
        }
    }

    /// The child waits for its restart.
    pub(crate) fn is_waiting(&self, key: Key) -> bool {
        self.child_state(key) == Some(ChildState::Waiting)
    }

    /// The message that `Command::Retry` asked for.
    pub(crate) fn handle_retry(&mut self, now: Instant, key: Key) {
        if self.is_waiting(key) {
            self.again(now, key);
        }
    }

    /// Whatever is due at `now`: kills, children found stuck, restarts after a back-off.
    pub(crate) fn handle_deadline(&mut self, now: Instant) {
        while let Some((deadline, key)) = self.deadlines.first().copied()
            && deadline <= now
        {
            self.set_deadline(key, None);
            match self.child_state(key) {
                Some(ChildState::Waiting) => self.again(now, key),
                Some(ChildState::Stopping) => self.kill(now, key),
                Some(ChildState::Killed) => self.found_stuck(now, key),
                Some(_) | None => {}
            }
        }
    }

    /// A child that was asked, killed or stuck has ended, in its start or later, or one has while everything stops.
    fn gone(&mut self, now: Instant, key: Key) {
        match self.child_state(key) {
            Some(ChildState::StuckWanted(cause)) if !self.is_ending() => self.start(key, cause),
            Some(_) => self.stopped(now, key),
            None => {}
        }
    }

    /// What the boot or the group waits for is done with this child.
    fn advance(&mut self, now: Instant, key: Key) {
        match &self.phase {
            Phase::Booting { at } if *at == Some(key) => self.boot_next(now, Some(key)),
            Phase::Regrouping(group) if group.is_starting(key) => self.group_start_next(now, Some(key)),
            _ => {}
        }
    }

    /// Starts the child behind `after`, which the boot waited for.
    fn boot_next(&mut self, now: Instant, after: Option<Key>) {
        if let Some(key) = self.behind(after) {
            self.phase = Phase::Booting { at: Some(key) };
            self.start(key, Cause::Boot);
        } else {
            self.commands.push_back(Command::Booted);
            self.run(now);
        }
    }

    fn behind(&self, after: Option<Key>) -> Option<Key> {
        let first = after.map_or(Key(0), Key::next);
        self.children.range(first..).next().map(|(key, _)| key)
    }

    /// Nothing is under way any more: deals with what had to wait, in its order.
    fn run(&mut self, now: Instant) {
        self.phase = Phase::Running;
        while self.phase == Phase::Running
            && let Some(key) = self.postponed.pop_front()
        {
            let ended = self.children.get_mut(key).and_then(Child::take_ended);
            match ended {
                Some(reason) => self.decide(now, key, &reason),
                // It may have come back or been stopped with its group meanwhile.
                None if self.is_waiting(key) => self.again(now, key),
                None => {}
            }
        }
    }

    fn postpone(&mut self, key: Key, reason: &ExitReason) {
        if let Some(child) = self.children.get_mut(key) {
            child.state = ChildState::Ended;
            child.more().ended = Some(reason.clone());
            self.postponed.push_back(key);
        }
    }

    /// A child has ended by itself.
    fn decide(&mut self, now: Instant, key: Key, reason: &ExitReason) {
        let Some(policy) = self.children.get(key).map(|child| *child.policy()) else {
            return;
        };
        if comes_back(policy.restart, reason) {
            return self.restart(now, key, false);
        }
        self.settle(key);
        if policy.is_significant && self.is_to_shut_down() {
            self.stop(now, Outcome::AutoShutdown);
        }
    }

    /// After the end of a significant child (OTP: auto_shutdown).
    fn is_to_shut_down(&self) -> bool {
        match self.flags.auto_shutdown {
            AutoShutdown::Never => false,
            AutoShutdown::AnySignificant => true,
            AutoShutdown::AllSignificant => !self
                .children
                .values()
                .any(|child| child.policy().is_significant && child.state != ChildState::Idle),
        }
    }

    fn start(&mut self, key: Key, cause: Cause) {
        debug_assert!(!self.is_ending(), "nothing is started while everything stops");
        self.set_deadline(key, None);
        if let Some(child) = self.children.get_mut(key) {
            (child.is_new, child.is_unwanted) = (cause == Cause::Added, false);
        }
        if let Some(ChildState::Stuck) = self.child_state(key) {
            // Two incarnations never overlap: it is started when the one that is out of reach has ended.
            self.set_state(key, ChildState::StuckWanted(cause));
            return;
        }
        self.set_state(key, ChildState::Starting(cause));
        self.commands.push_back(Command::Start(key));
    }

    /// Restarts a child and those that the strategy says, or ends what the intensity says: `retry` when its last start failed.
    fn restart(&mut self, now: Instant, key: Key, retry: bool) {
        let Ok(delay) = self.count(now, key) else {
            return;
        };
        match (self.strategy(), delay) {
            (Strategy::OneForOne, None) if retry => self.retry(key),
            (Strategy::OneForOne, None) => self.start(key, Cause::Restart),
            (Strategy::OneForOne, Some(delay)) => self.wait(now, key, delay),
            (Strategy::OneForAll | Strategy::RestForOne, delay) => self.regroup(now, key, delay),
        }
    }

    /// Counts a restart: the wait before it.
    fn count(&mut self, now: Instant, key: Key) -> Result<Option<Duration>, TooManyRestarts> {
        let dice = self.roll();
        let child = self.children.get_mut(key).ok_or(TooManyRestarts)?;
        let count = if self.kind == Kind::Root {
            let Flags {
                intensity, period, ..
            } = self.flags;
            let window = &mut child.more().window;
            window
                .get_or_insert_with(|| Window::new(intensity, period))
                .add(now)
        } else {
            self.window.add(now)
        };
        if let Some(count) = count {
            return Ok(child.policy().backoff.map(|backoff| backoff.delay(count, dice)));
        }
        self.settle(key);
        if self.kind != Kind::Root {
            self.stop(now, Outcome::Escalated);
        }
        Err(TooManyRestarts)
    }

    /// A waiting child's turn.
    fn again(&mut self, now: Instant, key: Key) {
        match self.strategy() {
            Strategy::OneForOne => self.start(key, Cause::Restart),
            // Only one group at a time.
            Strategy::OneForAll | Strategy::RestForOne if self.is_busy() => self.postponed.push_back(key),
            Strategy::OneForAll | Strategy::RestForOne => self.regroup(now, key, None),
        }
    }

    fn retry(&mut self, key: Key) {
        self.set_deadline(key, None);
        self.set_state(key, ChildState::Waiting);
        self.commands.push_back(Command::Retry(key));
    }

    fn wait(&mut self, now: Instant, key: Key, delay: Duration) {
        self.set_state(key, ChildState::Waiting);
        self.set_deadline(key, now.checked_add(delay));
    }

    /// Children that come and go have nothing to do with one another.
    fn strategy(&self) -> Strategy {
        match self.kind {
            Kind::Declared => self.flags.strategy,
            Kind::Dynamic { .. } | Kind::Root => Strategy::OneForOne,
        }
    }

    /// The child is not running and not coming back for now. Its spec is kept where it may be asked for again (OTP: not that of a
    /// temporary child, nor any of a dynamic supervisor).
    fn settle(&mut self, key: Key) {
        let Some(child) = self.children.get(key) else {
            return;
        };
        if self.kind != Kind::Declared || child.policy().restart == Restart::Temporary {
            return self.discard(key);
        }
        self.rest(key);
        self.commands.push_back(Command::Close(key));
    }

    fn discard(&mut self, key: Key) {
        self.rest(key);
        let forgotten = self.children.remove(key);
        self.commands
            .extend(forgotten.map(|child| Command::Remove(key, child.slot)));
    }

    /// Everything stops, or has.
    fn is_ending(&self) -> bool {
        matches!(self.phase, Phase::Stopping(_) | Phase::Ended)
    }

    /// Nothing of the child runs; its refs wait.
    fn rest(&mut self, key: Key) {
        self.set_deadline(key, None);
        if let Some(child) = self.children.get_mut(key) {
            child.state = ChildState::Idle;
            child.is_new = false;
            drop(child.take_ended());
            child.tidy();
        }
    }

    fn set_state(&mut self, key: Key, state: ChildState) {
        if let Some(child) = self.children.get_mut(key) {
            child.state = state;
        }
    }

    fn set_deadline(&mut self, key: Key, deadline: Option<Instant>) {
        let Some(child) = self.children.get_mut(key) else {
            return;
        };
        if let Some(old) = child.deadline().and_then(Option::take) {
            self.deadlines.remove(&(old, key));
        }
        if let Some(new) = deadline {
            child.more().deadline = Some(new);
            self.deadlines.insert((new, key));
        } else {
            child.tidy();
        }
    }

    /// splitmix64: spreads the back-offs of children that fail together.
    fn roll(&mut self) -> u64 {
        self.seed = self.seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.seed ^ (self.seed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }
}

/// OTP's restart types. What has lost its tenure comes back elsewhere, if at all.
#[inline]
fn comes_back(restart: Restart, reason: &ExitReason) -> bool {
    match restart {
        _ if *reason == ExitReason::Lapsed => false,
        Restart::Permanent => true,
        Restart::Transient => !reason.is_expected(),
        Restart::Temporary => false,
    }
}
