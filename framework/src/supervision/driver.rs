//! Carries out what the core decides: starts tasks, sends signals, sleeps until the next deadline. Decides nothing.
//!
//! It serves what others ask of it before its own retries, so that it can be stopped in the middle of a restart loop.

use std::collections::{BTreeMap, VecDeque};
use std::pin::pin;
use std::sync::Arc;

use tokio::sync::{Notify, mpsc, oneshot};
use tokio::time::{Instant, sleep_until};

use super::Flags;
use super::child::{Child, Event, Happened, Report};
use super::state::{Command, Key, Kind, Outcome, State};
use crate::error::StartError;
use crate::exit::ExitReason;
use crate::id::ActorId;
use crate::lane::Signal;
use crate::seat::Seat;

/// Events of children that wait for the driver. A child's task waits when it is full.
const EVENTS_MAX: usize = 256;

/// Told once whether a child has started.
type Started = oneshot::Sender<Result<(), StartError>>;

/// What the root of a system is asked.
pub(crate) enum Ask {
    /// Start this child; answered when it has started or has not.
    Add(Arc<dyn Child>, Started),
    /// Stop the child that sits here; answered when it has ended (true), or is stuck.
    Terminate(ActorId, oneshot::Sender<bool>),
}

struct Slot {
    child: Arc<dyn Child>,
    added: Option<Started>,
    terminated: Vec<oneshot::Sender<bool>>,
}

/// How a supervisor's incarnation ended.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) outcome: Outcome,
    /// Name and handler of the children that run on, out of reach.
    pub(crate) stuck: Vec<(Arc<str>, Arc<str>)>,
}

pub(crate) struct Driver {
    state: State,
    slots: BTreeMap<Key, Slot>,
    events: mpsc::Receiver<Event>,
    report_to: mpsc::Sender<Event>,
    retries: VecDeque<Key>,
    /// A child's tenure has ended.
    lapsed: Arc<Notify>,
    stuck: Vec<(Arc<str>, Arc<str>)>,
    booted: Option<oneshot::Sender<()>>,
    /// To be given once the commands of this step are carried out.
    answers: Vec<(Started, Result<(), StartError>)>,
}

/// What happens next.
enum Next {
    Signal(Signal),
    Ask(Ask),
    Event(Event),
    Lapsed,
    Deadline,
    Retry(Key),
}

impl Driver {
    /// `booted` is told when all children have started.
    pub(crate) fn new(
        flags: Flags,
        kind: Kind,
        children: impl IntoIterator<Item = Arc<dyn Child>>,
        booted: oneshot::Sender<()>,
    ) -> Self {
        let (report_to, events) = mpsc::channel(EVENTS_MAX);
        let mut driver = Self {
            state: State::new(flags, kind),
            slots: BTreeMap::new(),
            events,
            report_to,
            retries: VecDeque::new(),
            lapsed: Arc::default(),
            stuck: Vec::new(),
            booted: Some(booted),
            answers: Vec::new(),
        };
        for child in children {
            driver.add(child, None);
        }
        driver
    }

    /// Runs until all children have ended. `seat` is where the supervisor is signalled.
    pub(crate) async fn run(mut self, seat: &Seat, asks: &mut mpsc::Receiver<Ask>) -> Ended {
        self.state.handle_boot();
        let mut heard = None;
        loop {
            while let Some(command) = self.state.poll_command() {
                if let Some(ended) = self.carry_out(command) {
                    return ended;
                }
            }
            for (added, answer) in self.answers.drain(..) {
                let _ = added.send(answer);
            }
            match self.next(seat, heard, asks).await {
                Next::Signal(signal) => {
                    heard = Some(signal);
                    if signal == Signal::Kill {
                        self.state.handle_kill(Instant::now());
                    } else {
                        self.state.handle_shutdown(Instant::now());
                    }
                }
                Next::Ask(ask) => self.handle_ask(ask),
                Next::Event(event) => self.handle_event(event),
                Next::Lapsed => self.handle_lapsed(),
                Next::Deadline => self.state.handle_deadline(Instant::now()),
                Next::Retry(key) => self.state.handle_retry(key),
            }
        }
    }

    async fn next(&mut self, seat: &Seat, heard: Option<Signal>, asks: &mut mpsc::Receiver<Ask>) -> Next {
        let deadline = self.state.next_deadline();
        let mut due = pin!(sleep_until(deadline.unwrap_or_else(Instant::now)));
        let signal = async {
            match heard {
                None => seat.lane.wait(Signal::Stop).await,
                Some(Signal::Kill) => std::future::pending().await,
                Some(_) => seat.lane.wait(Signal::Kill).await,
            }
        };
        let retry = self.retries.front().copied();
        let next = tokio::select! {
            biased;
            signal = signal => Next::Signal(signal),
            Some(ask) = asks.recv() => Next::Ask(ask),
            Some(event) = self.events.recv() => Next::Event(event),
            () = self.lapsed.notified() => Next::Lapsed,
            () = &mut due, if deadline.is_some() => Next::Deadline,
            // Everything else comes first, other tasks too.
            key = async { tokio::task::yield_now().await; retry }, if retry.is_some() => match key {
                Some(key) => Next::Retry(key),
                None => Next::Deadline,
            },
        };
        if matches!(next, Next::Retry(_)) {
            self.retries.pop_front();
        }
        next
    }

    fn handle_event(&mut self, Event { key, happened }: Event) {
        let now = Instant::now();
        let slot = self.slots.get_mut(&key);
        // Whatever it ended of: without its tenure it does not come back.
        let lapsed = slot
            .as_ref()
            .is_some_and(|slot| slot.child.seat().has_lapsed())
            .then_some(ExitReason::Lapsed);
        let added = slot.and_then(|slot| slot.added.take());
        let (answer, reported) = match &happened {
            Happened::Started => (Ok(()), "started"),
            Happened::Ignored => (Err(StartError::Ignored), "ignored"),
            Happened::StartFailed(reason) => (Err(StartError::Failed(reason.clone())), "failed to start"),
            Happened::Exited(reason) => (Err(StartError::Failed(reason.clone())), "ended"),
        };
        tracing::trace!(target: "quorate::supervision", child = key.0, reported);
        match happened {
            Happened::Started => self.state.handle_started(key),
            Happened::Ignored => self.state.handle_ignored(now, key),
            Happened::StartFailed(reason) => {
                self.state.handle_start_failed(now, key, lapsed.unwrap_or(reason));
            }
            Happened::Exited(reason) => self.state.handle_exited(now, key, &lapsed.unwrap_or(reason)),
        }
        if let Some(added) = added {
            // Answered after the commands: when the start failed the name is free again by then.
            self.answers.push((added, answer));
        }
    }

    /// Looks at all children: a lapse is rare, and names nobody so that none needs a queue.
    fn handle_lapsed(&mut self) {
        for (key, slot) in &self.slots {
            if self.state.is_waiting(*key) && slot.child.seat().has_lapsed() {
                self.state.handle_lapsed(*key);
            }
        }
    }

    fn handle_ask(&mut self, ask: Ask) {
        match ask {
            Ask::Add(child, added) => self.add(child, Some(added)),
            Ask::Terminate(id, done) => {
                let found = self.slots.iter_mut().find(|(_, slot)| slot.child.seat().id == id);
                if let Some((key, slot)) = found {
                    if self.state.terminate(Instant::now(), *key) {
                        slot.terminated.push(done);
                    } else {
                        let _ = done.send(false);
                    }
                }
            }
        }
    }

    fn add(&mut self, child: Arc<dyn Child>, added: Option<Started>) {
        child.seat().set_supervisor(Arc::clone(&self.lapsed));
        let key = self.state.add(child.policy());
        self.slots.insert(
            key,
            Slot {
                child,
                added,
                terminated: Vec::new(),
            },
        );
    }

    fn carry_out(&mut self, command: Command) -> Option<Ended> {
        let slot = |key| self.slots.get(&key);
        match command {
            Command::Start(key) => {
                if let Some(slot) = slot(key) {
                    slot.child.start(Report::new(key, self.report_to.clone()));
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
                }
            }
            Command::Retry(key) => self.retries.push_back(key),
            Command::Close(key) => {
                if let Some(slot) = slot(key) {
                    slot.child.close();
                }
            }
            Command::Remove(key) => self.remove(key),
            Command::Stuck(key) => self.report_stuck(key),
            Command::Booted => {
                if let Some(booted) = self.booted.take() {
                    let _ = booted.send(());
                }
            }
            Command::End(outcome) => {
                return Some(Ended {
                    outcome,
                    stuck: std::mem::take(&mut self.stuck),
                });
            }
        }
        None
    }

    fn remove(&mut self, key: Key) {
        if let Some(slot) = self.slots.remove(&key) {
            slot.child.remove();
            for done in slot.terminated {
                let _ = done.send(true);
            }
        }
    }

    fn report_stuck(&mut self, key: Key) {
        let Some(slot) = self.slots.get_mut(&key) else {
            return;
        };
        let seat = slot.child.seat();
        let handler = seat.handling();
        tracing::error!(
            target: "quorate::exit", name = &*seat.label, actor = seat.actor, handler,
            "an actor is stuck: its handler does not yield"
        );
        self.stuck.push((Arc::clone(&seat.label), handler.into()));
        seat.give_up(&ExitReason::Stuck {
            handler: handler.into(),
        });
        for done in slot.terminated.drain(..) {
            let _ = done.send(false);
        }
    }
}

impl Ended {
    /// The exit reason of the supervisor (OTP: shutdown, on escalation too).
    pub(crate) fn reason(&self) -> ExitReason {
        match &self.outcome {
            Outcome::Shutdown | Outcome::Escalated => ExitReason::Shutdown,
            Outcome::Killed => ExitReason::Killed,
            Outcome::BootFailed { reason, .. } => reason.clone(),
        }
    }
}
