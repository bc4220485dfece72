//! Carries out what the core decides: starts tasks, sends signals, tells who waits. Decides nothing, and waits for nothing.
//!
//! Who has a driver feeds it with what has happened and what is asked, then calls [`step`](Driver::step): the task of a supervisor
//! ([`server`](super::server)), or for the root of a system whoever it happens to ([`root`](super::root)).

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use tokio::sync::oneshot;
use tokio::time::Instant;

use super::Flags;
use super::after::After;
use super::ask::{Ask, ChildError, ChildInfo, Done, Listed, Started, Which};
use super::casualties::Casualties;
use super::child::{Child, Event, Happened, Left, ReportTo};
use super::ended::Ended;
use super::slot::{More, Slot};
use super::state::{ChildState, Command, Key, Kind, Outcome, State};
use crate::actor::Actor;
use crate::error::StartError;
use crate::exit::ExitReason;
use crate::lane::Signal;
use crate::place::Place;
use crate::policy::Shutdown;
use crate::scheduler::{Entry, Unbegun};
use crate::seat::{Above, Seat};

/// Nothing is started now.
pub(crate) struct NotNow;

pub(crate) struct Driver {
    casualties: Arc<Casualties>,
    state: State<Slot>,
    ids: HashMap<Arc<str>, Key>,
    report_to: ReportTo,
    /// Those that are to be tried again, when everything else is done.
    pub(super) retries: VecDeque<Key>,
    /// What its children know of it: tells when a child's tenure has ended.
    pub(super) above: Arc<Above>,
    /// Those below that were found stuck; they may have ended since.
    left: Vec<Left>,
    booted: Option<oneshot::Sender<()>>,
    /// Something below it may have been started.
    has_begun: bool,
    /// How it ends, once it does.
    outcome: Option<Outcome>,
    after: After,
}

impl Driver {
    /// `booted` is told when all children have started.
    pub(crate) fn new<'a>(
        above: Arc<Above>,
        casualties: Arc<Casualties>,
        (flags, kind): (Flags, Kind),
        children: impl IntoIterator<Item = &'a (Arc<str>, Arc<dyn Child>)>,
        (booted, report_to): (oneshot::Sender<()>, ReportTo),
    ) -> Self {
        let mut driver = Self {
            above,
            casualties,
            state: State::new(flags, kind, crate::system::random()),
            ids: HashMap::new(),
            report_to,
            retries: VecDeque::new(),
            left: Vec::new(),
            booted: Some(booted),
            has_begun: false,
            outcome: None,
            after: After::default(),
        };
        for (id, child) in children {
            driver.add(Some(Arc::clone(id)), Arc::clone(child), true, None);
        }
        driver
    }

    /// Starts the children.
    pub(super) fn boot(&mut self) {
        self.has_begun = true;
        self.state.handle_boot(Instant::now());
    }

    /// Carries out what the core has decided. What it answers is run when no lock is held.
    pub(super) fn step(&mut self) -> After {
        while let Some(command) = self.state.poll_command() {
            self.carry_out(command);
        }
        std::mem::take(&mut self.after)
    }

    /// How it ends, when it does.
    pub(super) fn outcome(&self) -> Option<&Outcome> {
        self.outcome.as_ref()
    }

    pub(super) fn next_deadline(&self) -> Option<Instant> {
        self.state.next_deadline()
    }

    /// What is asked waits.
    pub(super) fn is_busy(&self) -> bool {
        self.state.is_busy()
    }

    pub(super) fn handle_signal(&mut self, signal: Signal) {
        if signal == Signal::Kill {
            self.state.handle_kill(Instant::now());
        } else {
            self.state.handle_shutdown(Instant::now());
        }
    }

    pub(super) fn handle_deadline(&mut self) {
        self.state.handle_deadline(Instant::now());
    }

    pub(super) fn handle_retry(&mut self, key: Key) {
        self.state.handle_retry(Instant::now(), key);
    }

    pub(super) fn handle_event(&mut self, Event { key, happened, left }: Event) {
        let now = Instant::now();
        self.leave(left);
        let slot = self.state.slot_mut(key);
        // Nobody has told.
        let has_started = matches!(happened, Happened::Exited(_))
            && slot
                .as_ref()
                .is_some_and(|slot| slot.child.seat().starts.is_started());
        // Whatever it ended of: without its tenure it does not come back.
        let lapsed = slot
            .as_ref()
            .is_some_and(|slot| slot.child.seat().has_lapsed())
            .then_some(ExitReason::Lapsed);
        let started = slot.and_then(Slot::take_started);
        if has_started {
            self.state.handle_started(now, key);
        }
        let (answer, reported) = match &happened {
            Happened::Started => (Ok(()), "started"),
            Happened::Ignored => (Err(StartError::Ignored), "ignored"),
            Happened::StartFailed(reason) => (Err(StartError::Failed(reason.clone())), "failed to start"),
            Happened::Exited(reason) => (Err(StartError::Failed(reason.clone())), "ended"),
        };
        told(reported, key);
        match happened {
            Happened::Started => {
                if let Some(slot) = self.state.slot(key) {
                    slot.child.seat().starts.set_started();
                }
                self.state.handle_started(now, key);
            }
            Happened::Ignored => self.state.handle_ignored(now, key),
            Happened::StartFailed(reason) => {
                self.state.handle_start_failed(now, key, lapsed.unwrap_or(reason));
            }
            Happened::Exited(reason) => self.state.handle_exited(now, key, &lapsed.unwrap_or(reason)),
        }
        if let Some(started) = started {
            self.after.answer(started, answer);
        }
    }

    /// Looks at all children: a lapse is rare, and names nobody so that none needs a queue.
    pub(super) fn handle_lapsed(&mut self) {
        let now = Instant::now();
        let has_lapsed = |(key, slot): (Key, &Slot)| {
            let has_lapsed = self.state.is_waiting(key) && slot.child.seat().has_lapsed();
            has_lapsed.then_some(key)
        };
        let lapsed: Vec<Key> = self.state.slots().filter_map(has_lapsed).collect();
        for key in lapsed {
            self.state.handle_lapsed(now, key);
        }
    }

    pub(super) fn handle_ask(&mut self, ask: Ask) {
        match ask {
            // Whoever asked has gone away: nothing is started for nobody.
            Ask::Add { child, started, .. } if started.is_closed() => self.after.remove(child),
            Ask::Add { id, child, started } => match id.as_ref().and_then(|id| self.known(id)) {
                Some(known) => {
                    let _ = started.send(Err(known));
                }
                None => self.add(id, child, false, Some(started)),
            },
            Ask::Known(id, known) => {
                let _ = known.send(self.known(&id));
            }
            Ask::Terminate(which, done) => self.terminate(&which, done),
            Ask::Restart(which, done, started) => {
                let _ = done.send(self.restart(&which, started));
            }
            Ask::Delete(which, done) => {
                let deleted = match self.find(&which) {
                    Some(key) => self.state.delete(key).map_err(ChildError::from),
                    None => Err(ChildError::NotFound),
                };
                let _ = done.send(deleted);
            }
            Ask::List(answer) => {
                let _ = answer.send(self.list());
            }
        }
    }

    /// Why no other child can have this id.
    fn known(&self, id: &Arc<str>) -> Option<StartError> {
        let key = self.ids.get(id)?;
        let is_stopped = self.state.at_rest(*key).is_ok();
        Some(match self.state.slot(*key) {
            Some(slot) if !is_stopped => StartError::AlreadyStarted(slot.child.seat().id),
            _ => StartError::AlreadyPresent,
        })
    }

    /// Has `started` told of the first start of a child, when that is over.
    pub(super) fn await_start(&mut self, seat: &Seat, started: Started) {
        let slot = self.find_seat(seat).and_then(|key| self.state.slot_mut(key));
        match slot {
            Some(slot) if !seat.starts.set_awaited() => slot.more().started = Some(started),
            _ => {
                let _ = started.send(seat.first_start());
            }
        }
    }

    pub(super) fn terminate(&mut self, which: &Which, done: Done) {
        let Some(key) = self.find(which) else {
            let _ = done.send(Err(ChildError::NotFound));
            return;
        };
        // First, as it may be forgotten by that.
        if let Some(slot) = self.state.slot_mut(key) {
            slot.more().terminated.push(done);
        }
        if !self.state.terminate(Instant::now(), key)
            && let Some(slot) = self.state.slot_mut(key)
        {
            self.after.ended(slot.take_terminated(), Err(ChildError::Stuck));
        }
    }

    fn restart(&mut self, which: &Which, started: Started) -> Result<(), ChildError> {
        let key = self.find(which).ok_or(ChildError::NotFound)?;
        self.state.start_again(key)?;
        if let Some(slot) = self.state.slot_mut(key) {
            slot.more().started = Some(started);
        }
        Ok(())
    }

    fn find(&self, which: &Which) -> Option<Key> {
        match which {
            Which::Seat(seat) => self.find_seat(seat),
            Which::Id(id) => self.ids.get(id).copied(),
        }
    }

    fn find_seat(&self, seat: &Seat) -> Option<Key> {
        let key = Key(seat.key());
        let slot = self.state.slot(key)?;
        (slot.child.seat().id == seat.id).then_some(key)
    }

    pub(super) fn list(&self) -> Vec<Listed> {
        self.state
            .slots()
            .filter_map(|(key, slot)| {
                let state = match self.state.child_state(key)? {
                    ChildState::Starting(_) if slot.child.seat().starts.is_started() => ChildState::Running,
                    state => state,
                };
                let id = slot.more.as_ref().and_then(|more| more.id.as_ref());
                Some(Listed {
                    info: ChildInfo::new(id, &*slot.child, state),
                    child: Arc::clone(&slot.child),
                })
            })
            .collect()
    }

    pub(super) fn add(
        &mut self,
        id: Option<Arc<str>>,
        child: Arc<dyn Child>,
        is_declared: bool,
        started: Option<Started>,
    ) {
        let (policy, seat) = (child.policy(), child.seat_ref());
        let Ok(key) = self.state.add(policy, Slot::plain(child)) else {
            if let Some(started) = started {
                let _ = started.send(Err(StartError::MaxChildren));
            }
            return;
        };
        self.set_above(&seat, key);
        if started.is_some() {
            seat.starts.set_awaited();
        }
        if let Some(id) = &id {
            self.ids.insert(Arc::clone(id), key);
        }
        let more = More {
            id,
            is_declared,
            started,
            terminated: Vec::new(),
        };
        if !more.is_empty()
            && let Some(slot) = self.state.slot_mut(key)
        {
            slot.more = Some(Box::new(more));
        }
    }

    #[inline]
    fn set_above(&self, seat: &Seat, key: Key) {
        seat.set_key(key.0);
        // What is spawned has nothing above it in its path, and without a tenure no lapse to tell.
        if matches!(self.report_to, ReportTo::Queue(_)) || seat.tenure().is_some() {
            seat.set_above(&self.above);
        }
    }

    /// Starts a new actor with nobody to tell, and has the caller run what there is to run of it. For the driver of its system's root.
    #[inline]
    pub(super) fn start<A: Actor>(
        &mut self,
        place: &Arc<Place<A>>,
        unbegun: &mut Option<Unbegun>,
    ) -> Result<Entry, NotNow> {
        let unbegun = unbegun.take().ok_or(NotNow)?;
        let slot = || Slot::plain(Arc::clone(place) as _);
        let key = self.state.add_started(place.policy(), slot).ok_or(NotNow)?;
        self.set_above(&place.seat, key);
        Ok(place.start_first(unbegun))
    }

    /// An actor has ended and is forgotten, when nothing else follows from that: the caller, who keeps it, closes it, and frees its name.
    #[inline(always)]
    pub(super) fn end_of(&mut self, key: Key, seat: &Seat, reason: &ExitReason) -> bool {
        let is_plain = |slot: &Slot| slot.more.is_none() && !seat.has_lapsed();
        let is_forgotten = self.state.end(key, seat.starts.is_started(), reason, is_plain);
        if is_forgotten {
            told("ended", key);
        }
        is_forgotten
    }

    fn carry_out(&mut self, command: Command<Slot>) {
        let slot = |key| self.state.slot(key);
        match command {
            Command::Start(key) => {
                if let Some(slot) = slot(key) {
                    self.tell_restart(key, slot);
                    Arc::clone(&slot.child).start(self.report_to.of(key));
                }
            }
            Command::Ask(key) => {
                if let Some(slot) = slot(key) {
                    slot.child.signal(Signal::Shutdown);
                }
            }
            Command::Kill(key) => {
                if let Some(slot) = slot(key) {
                    slot.child.signal(Signal::Kill);
                    if slot.child.policy().shutdown != Shutdown::Kill {
                        self.tell_kill(slot.child.seat());
                    }
                }
            }
            Command::Retry(key) => self.retries.push_back(key),
            Command::Close(key) => self.close(key),
            Command::Remove(_, slot) => self.remove(slot),
            Command::Stuck(key) => self.report_stuck(key),
            Command::Booted => {
                if let Some(booted) = self.booted.take() {
                    let _ = booted.send(());
                }
            }
            Command::End(outcome) => self.outcome = Some(outcome),
        }
    }

    fn close(&mut self, key: Key) {
        if let Some(slot) = self.state.slot_mut(key) {
            self.after.close(&slot.child);
            self.after.ended(slot.take_terminated(), Ok(()));
        }
    }

    fn remove(&mut self, mut slot: Slot) {
        self.after.ended(slot.take_terminated(), Ok(()));
        if let Some(id) = slot.more.as_ref().and_then(|more| more.id.as_ref()) {
            self.ids.remove(id);
        }
        if slot.is_declared() {
            self.after.close(&slot.child);
        } else {
            self.after.discard(slot.child);
        }
    }

    fn tell_restart(&self, key: Key, slot: &Slot) {
        if let Some(ChildState::Starting(cause)) = self.state.child_state(key)
            && cause.is_restart()
        {
            let (seat, policy) = (slot.child.seat(), slot.child.policy());
            let last_exit = seat.last_exit().map(tracing::field::display);
            tracing::info!(
                target: "quorate::supervision", path = seat.path(), actor = seat.actor(), restarts = seat.incarnation(),
                last_exit, restart = ?policy.restart, shutdown = ?policy.shutdown, "a child is restarted"
            );
        }
    }

    fn tell_kill(&self, seat: &Seat) {
        let path = seat.path();
        tracing::warn!(target: "quorate::supervision", path, actor = seat.actor(), "a child did not stop in time and is killed");
        self.casualties.killed(seat);
    }

    fn report_stuck(&mut self, key: Key) {
        let Some(slot) = self.state.slot_mut(key) else {
            return;
        };
        let terminated = slot.take_terminated();
        let seat = slot.child.seat();
        let handler: Arc<str> = seat.handling().into();
        tracing::error!(
            target: "quorate::exit", path = seat.path(), actor = seat.actor(), %handler,
            "an actor is stuck: its handler does not yield"
        );
        let left = Left {
            seat: slot.child.seat_ref(),
            path: seat.path(),
            handler: Arc::clone(&handler),
        };
        self.after.give_up(&slot.child, handler);
        self.after.ended(terminated, Err(ChildError::Stuck));
        self.leave(vec![left]);
    }

    /// Keeps in mind who is out of reach, once each, for as long as that is so.
    fn leave(&mut self, left: Vec<Left>) {
        if !left.is_empty() {
            let is_again = |old: &Left| left.iter().any(|new| new.seat.id == old.seat.id);
            self.left.retain(|old| old.seat.is_live() && !is_again(old));
            self.left.extend(left);
        }
    }

    /// What was added while it ran is forgotten with this incarnation (OTP's rule). For a driver that has an outcome.
    pub(super) fn end(mut self) -> Ended {
        let outcome = self.outcome.take().unwrap_or(Outcome::Shutdown);
        for (_, slot) in self.state.slots().filter(|(_, slot)| !slot.is_declared()) {
            slot.child.close();
            slot.forget();
        }
        self.step().run();
        self.state.forget_all();
        // All others have ended: who is still there is stuck.
        let mut left = std::mem::take(&mut self.left);
        left.retain(|left| left.seat.is_live());
        Ended { outcome, left }
    }
}

/// What was heard of a child.
#[inline]
fn told(reported: &'static str, key: Key) {
    tracing::trace!(target: "quorate::supervision", child = key.0, reported);
}

impl Drop for Driver {
    fn drop(&mut self) {
        // Early, with its runtime: nobody else ends what is below it, or answers for it. Refs may stay, and keep nothing of its specs.
        let has_begun = self.has_begun;
        let end = |slot: &Slot| {
            if has_begun {
                slot.child.signal(Signal::Kill);
                slot.child.close();
            }
            slot.forget();
        };
        // By a panic of what was to tell, those that are forgotten may not have been dealt with.
        while let Some(command) = self.state.poll_command() {
            if let Command::Remove(_, slot) = command {
                end(&slot);
            }
        }
        self.state.slots().for_each(|(_, slot)| end(slot));
    }
}
