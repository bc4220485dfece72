//! The task of a supervisor: feeds its [driver](super::driver) with what comes, and sleeps until the next deadline.
//!
//! It serves what others ask of it before its own retries, so that it can be stopped in the middle of a restart loop. What is asked during a
//! boot or while a group restarts waits until that is done.

use std::collections::VecDeque;
use std::pin::pin;
use std::sync::Arc;

use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, sleep_until};

use super::Flags;
use super::ask::{ASKS_MAX, Ask};
use super::casualties::Casualties;
use super::child::{Child, Event, ReportTo};
use super::driver::Driver;
use super::ended::Ended;
use super::state::{Key, Kind};
use crate::lane::Signal;
use crate::seat::{Above, Seat, SeatRef};

/// Events of children that wait for the task. A child's task waits when it is full.
const EVENTS_MAX: usize = 256;

pub(super) struct Server {
    /// The supervisor's own.
    seat: SeatRef,
    driver: Driver,
    events: mpsc::Receiver<Event>,
    /// What was asked while the core is busy; at most `ASKS_MAX`.
    deferred: VecDeque<Ask>,
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

impl Server {
    /// `booted` is told when all children have started.
    pub(super) fn new<'a>(
        seat: SeatRef,
        casualties: Arc<Casualties>,
        what: (Flags, Kind),
        children: impl IntoIterator<Item = &'a (Arc<str>, Arc<dyn Child>)>,
        booted: oneshot::Sender<()>,
    ) -> Self {
        let (report_to, events) = mpsc::channel(EVENTS_MAX);
        let told = (booted, ReportTo::Queue(report_to));
        Self {
            driver: Driver::new(Above::new(&seat, false), casualties, what, children, told),
            seat,
            events,
            deferred: VecDeque::new(),
        }
    }

    /// Runs until all children have ended.
    pub(super) async fn run(mut self, asks: &mut mpsc::Receiver<Ask>) -> Ended {
        self.driver.boot();
        let mut heard = None;
        loop {
            self.driver.step().run();
            if self.driver.outcome().is_some() {
                return self.driver.end();
            }
            if !self.driver.is_busy()
                && let Some(ask) = self.deferred.pop_front()
            {
                self.driver.handle_ask(ask);
                continue;
            }
            match self.next(heard, asks).await {
                Next::Signal(signal) => {
                    heard = Some(signal);
                    self.driver.handle_signal(signal);
                }
                Next::Ask(Ask::List(answer)) => {
                    let _ = answer.send(self.driver.list());
                }
                Next::Ask(ask) => self.deferred.push_back(ask),
                Next::Event(event) => self.driver.handle_event(event),
                Next::Lapsed => self.driver.handle_lapsed(),
                Next::Deadline => self.driver.handle_deadline(),
                Next::Retry(key) => self.driver.handle_retry(key),
            }
        }
    }

    async fn next(&mut self, heard: Option<Signal>, asks: &mut mpsc::Receiver<Ask>) -> Next {
        let deadline = self.driver.next_deadline();
        let mut due = pin!(sleep_until(deadline.unwrap_or_else(Instant::now)));
        let seat = &self.seat;
        let signal = next_signal(seat, heard);
        let retry = self.driver.retries.front().copied();
        let has_room = self.deferred.len() < ASKS_MAX;
        let next = tokio::select! {
            biased;
            signal = signal => Next::Signal(signal),
            Some(ask) = asks.recv(), if has_room => Next::Ask(ask),
            Some(event) = self.events.recv() => Next::Event(event),
            () = self.driver.above.lapsed.notified() => Next::Lapsed,
            () = &mut due, if deadline.is_some() => Next::Deadline,
            // Everything else comes first, other tasks too.
            key = async { tokio::task::yield_now().await; retry }, if retry.is_some() => match key {
                Some(key) => Next::Retry(key),
                None => Next::Deadline,
            },
        };
        if matches!(next, Next::Retry(_)) {
            self.driver.retries.pop_front();
        }
        next
    }
}

/// What a supervisor is told next that has heard this: to stop once, and to stop at once.
pub(super) async fn next_signal(seat: &Seat, heard: Option<Signal>) -> Signal {
    match heard {
        None => seat.lane.wait(Signal::Stop).await,
        Some(Signal::Kill) => std::future::pending().await,
        Some(_) => seat.lane.wait(Signal::Kill).await,
    }
}
