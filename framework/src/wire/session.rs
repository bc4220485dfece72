//! The session between two nodes: what each end waits for, and what each frame means.
//!
//! ```text
//!            handle_frame(now, frame) -> Action       handle_timeout(now) -> Pulse
//!   open ------------------------------------ Action::Close | Pulse::Dead ----> close() -> Leftovers -> closed
//! ```
//!
//! Both ends are equal once the handshake is over: either may look actors up, send requests and monitor. A peer can
//! reach only targets that a lookup of its own gave out in this session: all others answer `Gone`. It can answer only what was
//! asked: an answer to nothing is a violation and ends the session, except one that may have crossed on the way (a reply
//! to a call that was forgotten, a `Demonitor` behind a `Down`).
//!
//! A call's deadline is kept by whoever waits for it, who says [`Session::forget`] when it is over; the session keeps
//! the heartbeat's. Everything in here has a bound: calls, lookups, monitors both ways, targets.
//!
//! Pure: takes `now`, sends nothing, resolves no names. Callers, watchers and targets are the driver's, see [`Handles`].

use std::collections::HashMap;
use std::time::{Duration, Instant};

use bytes::Bytes;

pub use super::action::{Action, CloseReason, Leftovers, Pulse};
use super::code;
use super::frame::{Frame, Outcome, Refused, Request};

/// Calls that may wait for their replies in one session.
pub const CALLS_MAX: usize = 65_536;
/// Lookups that may wait for their answers in one session.
pub const LOOKUPS_MAX: usize = 1024;
/// Monitors that each end may hold over one session.
pub const MONITORS_MAX: usize = 65_536;
/// Actors that a peer may have looked up.
pub const TARGETS_MAX: usize = 65_536;

/// What the driver keeps in a session; the session never looks inside.
pub trait Handles {
    /// Waits for a call's reply.
    type Caller;
    /// Waits for a lookup's answer.
    type Seeker;
    /// Is told when a remote actor ends.
    type Watcher;
    /// A local actor that the peer has looked up.
    type Target: Clone;
    /// A watch that the driver keeps on a local actor for the peer.
    type Watch;
}

/// How often a session is proved alive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Heartbeat {
    /// A ping is sent when nothing was heard for this long.
    pub ping_after: Duration,
    /// The session ends when nothing was heard for this long.
    pub dead_after: Duration,
}

impl Default for Heartbeat {
    /// A ping after 1 s of silence, the end after 5 s.
    fn default() -> Self {
        Self {
            ping_after: Duration::from_secs(1),
            dead_after: Duration::from_secs(5),
        }
    }
}

/// Why nothing was entered into a table of the session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotEntered {
    /// The table has reached its bound.
    Full,
    /// The session has ended.
    Closed,
}
/// One end of a session.
#[derive(Debug)]
pub struct Session<H: Handles> {
    heartbeat: Heartbeat,
    heard_at: Instant,
    pinged: bool,
    /// When a pause was last told to the peer.
    paused_at: Instant,
    closed: bool,
    /// The last number that was given to a call or a lookup. Starts at 0, which is "none".
    last_number: u64,
    callers: HashMap<u64, H::Caller>,
    seekers: HashMap<u64, H::Seeker>,
    watchers: HashMap<u64, H::Watcher>,
    targets: HashMap<u64, H::Target>,
    watches: HashMap<u64, H::Watch>,
}

impl<H: Handles> Session<H> {
    /// A session whose handshake ended at `now`.
    pub fn new(now: Instant, heartbeat: Heartbeat) -> Self {
        Self {
            heartbeat,
            heard_at: now,
            pinged: false,
            paused_at: now,
            closed: false,
            last_number: 0,
            callers: HashMap::new(),
            seekers: HashMap::new(),
            watchers: HashMap::new(),
            targets: HashMap::new(),
            watches: HashMap::new(),
        }
    }

    /// Whether [`Session::close`] was said.
    pub fn is_closed(&self) -> bool {
        self.closed
    }

    /// Numbers a call. Send its request next, or [`Session::forget`] it.
    ///
    /// # Errors
    /// [`NotEntered`], with the caller, when [`CALLS_MAX`] calls wait or the session has ended.
    pub fn call(&mut self, caller: H::Caller) -> Result<u64, (NotEntered, H::Caller)> {
        match self.room(self.callers.len(), CALLS_MAX) {
            Ok(()) => {
                let number = self.number();
                self.callers.insert(number, caller);
                Ok(number)
            }
            Err(why) => Err((why, caller)),
        }
    }

    /// The caller waits no more: a late reply will be ignored.
    pub fn forget(&mut self, request: u64) -> Option<H::Caller> {
        self.callers.remove(&request)
    }

    /// Numbers a lookup. Send the frame next.
    ///
    /// # Errors
    /// [`NotEntered`] when [`LOOKUPS_MAX`] lookups wait or the session has ended.
    pub fn lookup(&mut self, name: &str, actor: &str, seeker: H::Seeker) -> Result<Frame, NotEntered> {
        self.room(self.seekers.len(), LOOKUPS_MAX)?;
        let lookup = self.number();
        self.seekers.insert(lookup, seeker);
        Ok(Frame::Lookup {
            lookup,
            name: name.to_owned(),
            actor: actor.to_owned(),
        })
    }

    /// Enters a monitor of the peer's `target` under a number that this end has not used before. Send the frame next.
    ///
    /// # Errors
    /// [`NotEntered`], with the watcher, when this end holds [`MONITORS_MAX`] monitors or the session has ended.
    pub fn monitor(
        &mut self,
        monitor: u64,
        target: u64,
        watcher: H::Watcher,
    ) -> Result<Frame, (NotEntered, H::Watcher)> {
        if let Err(why) = self.room(self.watchers.len(), MONITORS_MAX) {
            return Err((why, watcher));
        }
        self.watchers.insert(monitor, watcher);
        Ok(Frame::Monitor { monitor, target })
    }

    /// Takes a monitor back: the watcher, and the frame to send next. `None` when the `Down` came first.
    pub fn demonitor(&mut self, monitor: u64) -> Option<(H::Watcher, Frame)> {
        self.watchers
            .remove(&monitor)
            .map(|watcher| (watcher, Frame::Demonitor { monitor }))
    }

    /// Lets the peer name `target` by `number`, which is not 0 and always the same for the same target.
    ///
    /// # Errors
    /// [`NotEntered`] when the peer knows [`TARGETS_MAX`] actors or the session has ended.
    pub fn export(&mut self, number: u64, target: H::Target) -> Result<(), NotEntered> {
        if !self.targets.contains_key(&number) {
            self.room(self.targets.len(), TARGETS_MAX)?;
        }
        self.targets.insert(number, target);
        Ok(())
    }

    /// Enters the watch for a monitor of the peer's, before the actor is asked to be watched.
    ///
    /// # Errors
    /// The watch, when the session has ended.
    pub fn watching(&mut self, monitor: u64, watch: H::Watch) -> Result<(), H::Watch> {
        if self.closed {
            return Err(watch);
        }
        self.watches.insert(monitor, watch);
        Ok(())
    }

    /// Takes a target back: requests to it answer `Gone`.
    pub fn retract(&mut self, target: u64) {
        self.targets.remove(&target);
    }

    /// An actor that the peer watches ended. The `Down` to send; `None` when the peer took the monitor back.
    pub fn downed(&mut self, monitor: u64, outcome: Outcome) -> Option<Frame> {
        self.watches
            .remove(&monitor)
            .map(|_| Frame::Down { monitor, outcome })
    }

    /// Bytes arrived from the peer, whole frames or not.
    pub fn handle_bytes(&mut self, now: Instant) {
        self.heard_at = now;
        self.pinged = false;
    }

    /// The driver is held up by a full mailbox and reads nothing: this silence is not the peer's. Says which frame to send, now
    /// and then, so that the peer does not take it for the end of this node either.
    pub fn handle_pause(&mut self, now: Instant) -> Option<Frame> {
        self.handle_bytes(now);
        let due = now.saturating_duration_since(self.paused_at) >= self.heartbeat.ping_after;
        due.then(|| {
            self.paused_at = now;
            Frame::Pong { nonce: 0 }
        })
    }

    /// What a frame means. It does not count as a sign of life by itself: [`Session::handle_bytes`] does.
    pub fn handle_frame(&mut self, frame: Frame) -> Action<H> {
        if self.closed {
            return Action::None;
        }
        match frame {
            Frame::Request { head, archive } => self.on_request(head, archive),
            Frame::Reply { head, archive } => match self.callers.remove(&head.request) {
                Some(caller) => Action::Reply {
                    caller,
                    head,
                    archive,
                },
                None => self.was_numbered(head.request, "a reply to a call that was never made"),
            },
            Frame::Refusal(refused) => self.on_refusal(refused),
            Frame::Lookup { lookup, name, actor } => Action::Resolve { lookup, name, actor },
            Frame::LookupAnswer {
                lookup,
                target,
                outcome,
            } => {
                let answer = if outcome.code == code::lookup::FOUND {
                    Ok(target)
                } else {
                    Err(outcome)
                };
                match self.seekers.remove(&lookup) {
                    Some(seeker) => Action::Found { seeker, answer },
                    None => self.was_numbered(lookup, "an answer to a lookup that was never made"),
                }
            }
            Frame::Monitor { monitor, target } => self.on_monitor(monitor, target),
            Frame::Demonitor { monitor } => match self.watches.remove(&monitor) {
                Some(watch) => Action::Unwatch { watch },
                None => Action::None, // crossed with the `Down`
            },
            Frame::Down { monitor, outcome } => match self.watchers.remove(&monitor) {
                Some(watcher) => Action::Down { watcher, outcome },
                None => Action::None, // crossed with the `Demonitor`
            },
            Frame::Ping { nonce } => Action::Send(Frame::Pong { nonce }),
            Frame::Pong { .. } => Action::None,
            Frame::Goodbye { outcome } => Action::Close(CloseReason::Goodbye(outcome)),
            Frame::Hello { .. } => Action::Close(CloseReason::Violation("a greeting within a session")),
        }
    }

    /// What the time asks for.
    pub fn handle_timeout(&mut self, now: Instant) -> Pulse {
        let silent = now.saturating_duration_since(self.heard_at);
        if self.closed {
            Pulse::Quiet
        } else if silent >= self.heartbeat.dead_after {
            Pulse::Dead
        } else if silent >= self.heartbeat.ping_after && !self.pinged {
            self.pinged = true;
            Pulse::Ping(Frame::Ping { nonce: self.number() })
        } else {
            Pulse::Quiet
        }
    }

    /// When to say [`Session::handle_timeout`] next.
    pub fn next_deadline(&self) -> Instant {
        let after = if self.pinged {
            self.heartbeat.dead_after
        } else {
            self.heartbeat.ping_after
        };
        self.heard_at + after
    }

    /// Ends the session; says who must be told. Frames are ignored from now on.
    pub fn close(&mut self) -> Leftovers<H> {
        self.closed = true;
        self.targets.clear();
        Leftovers {
            callers: in_order(&mut self.callers).map(|(_, caller)| caller).collect(),
            seekers: in_order(&mut self.seekers).map(|(_, seeker)| seeker).collect(),
            watchers: in_order(&mut self.watchers).map(|(_, watcher)| watcher).collect(),
            watches: in_order(&mut self.watches).map(|(_, watch)| watch).collect(),
        }
    }

    fn on_request(&mut self, head: Request, archive: Bytes) -> Action<H> {
        if let Some(to) = self.targets.get(&head.target) {
            return Action::Deliver {
                to: to.clone(),
                head,
                archive,
            };
        }
        let outcome = Outcome {
            code: code::refusal::GONE,
            detail: String::new(),
        };
        Action::Send(Frame::Refusal(Refused {
            request: head.request,
            target: head.target,
            id: head.id,
            value: 0,
            outcome,
        }))
    }

    fn on_refusal(&mut self, refused: Refused) -> Action<H> {
        if refused.request == 0 {
            return Action::DeadLetter(refused);
        }
        match self.callers.remove(&refused.request) {
            Some(caller) => Action::Refused { caller, refused },
            None => self.was_numbered(refused.request, "a refusal of a call that was never made"),
        }
    }

    fn on_monitor(&mut self, monitor: u64, target: u64) -> Action<H> {
        if self.watches.contains_key(&monitor) {
            return Action::Close(CloseReason::Violation("two monitors of one number"));
        }
        if self.watches.len() >= MONITORS_MAX {
            return Action::Close(CloseReason::Violation("more monitors than a session may hold"));
        }
        if let Some(to) = self.targets.get(&target).cloned() {
            return Action::Watch { monitor, to };
        }
        let outcome = Outcome {
            code: code::exit::GONE,
            detail: String::new(),
        };
        Action::Send(Frame::Down { monitor, outcome })
    }

    /// An answer without a waiter: fine when the number was given out, for then the waiter left.
    fn was_numbered(&self, number: u64, violation: &'static str) -> Action<H> {
        if number == 0 || number > self.last_number {
            Action::Close(CloseReason::Violation(violation))
        } else {
            Action::None
        }
    }
    fn room(&self, length: usize, length_max: usize) -> Result<(), NotEntered> {
        if self.closed {
            Err(NotEntered::Closed)
        } else if length >= length_max {
            Err(NotEntered::Full)
        } else {
            Ok(())
        }
    }

    fn number(&mut self) -> u64 {
        self.last_number += 1;
        self.last_number
    }
}

fn in_order<T>(table: &mut HashMap<u64, T>) -> impl Iterator<Item = (u64, T)> + use<T> {
    let mut entries: Vec<(u64, T)> = std::mem::take(table).into_iter().collect();
    entries.sort_unstable_by_key(|(number, _)| *number);
    entries.into_iter()
}
