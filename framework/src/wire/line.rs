//! A line: one open session as refs, reply ports and its own tasks share it.
//!
//! Two short locks, never held together and never across an await: the pure [`Session`] (who waits for what) and the
//! batch of outgoing frames. [`Line`] ends once, by [`Line::close`], from whichever side; then every caller, seeker and
//! watcher has been told.
//!
//! [`Hold`] is what refs and peers keep: when the last one is dropped nobody can name the peer any more, and the
//! session that this end opened is closed. A monitor is a hold of its own.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Instant;

use rkyv::rancor::{Error, Source};
use tokio::sync::{Notify, oneshot, watch};

use super::convert;
use super::frame::{Frame, Outcome, Reply, Request};
use super::link::{Answer, Encode, Endpoint, Link, ReplySender, RequestHead, RequestId, SendError};
use super::outgoing::{AppendError, Outgoing};
use super::session::{CloseReason, Handles, Heartbeat, NotEntered, Session};
use crate::exit::ExitReason;
use crate::id::NodeId;
use crate::message::EncodeError;
use crate::monitor::{MonitorId, Watcher};
use crate::request::{CallError, Failure};
use crate::stamp::Stamp;

/// What the driver keeps in a session.
#[derive(Debug)]
pub(crate) struct Kept;

impl Handles for Kept {
    type Caller = ReplySender;
    type Seeker = oneshot::Sender<Result<u64, Option<Outcome>>>;
    type Watcher = HeldWatcher;
    type Target = Arc<dyn Endpoint>;
    type Watch = Watch;
}

/// A watcher here of an actor there.
pub(crate) struct HeldWatcher {
    pub(crate) watcher: Watcher,
    _hold: Option<Arc<Hold>>,
}

/// A watcher there of an actor here.
pub(crate) struct Watch {
    pub(crate) endpoint: Arc<dyn Endpoint>,
    pub(crate) id: MonitorId,
}

/// One open session.
pub(crate) struct Line {
    peer: NodeId,
    session: Mutex<Session<Kept>>,
    outgoing: Mutex<Outgoing>,
    /// Wakes the writer: the batch was empty and is not.
    pub(crate) filled: Notify,
    /// Wakes senders that wait: bytes were written.
    pub(crate) written: Notify,
    /// Why the session ended, once it has.
    ended: watch::Sender<Option<CloseReason>>,
}

impl Line {
    pub(crate) fn new(peer: NodeId, heartbeat: Heartbeat, now: Instant) -> Arc<Self> {
        Arc::new(Self {
            peer,
            session: Mutex::new(Session::new(now, heartbeat)),
            outgoing: Mutex::new(Outgoing::new()),
            filled: Notify::new(),
            written: Notify::new(),
            ended: watch::Sender::new(None),
        })
    }

    pub(crate) fn peer(&self) -> &NodeId {
        &self.peer
    }

    pub(crate) fn session(&self) -> MutexGuard<'_, Session<Kept>> {
        self.session.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A user's serialiser may panic under this lock; the batch is whole even then.
    pub(crate) fn outgoing(&self) -> MutexGuard<'_, Outgoing> {
        self.outgoing.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn is_open(&self) -> bool {
        self.ended.borrow().is_none()
    }

    pub(crate) fn ended(&self) -> watch::Receiver<Option<CloseReason>> {
        self.ended.subscribe()
    }

    /// Is done when the session has ended.
    pub(crate) fn over(&self) -> impl Future<Output = ()> + Send + use<> {
        let mut ended = self.ended();
        async move {
            let _ = ended.wait_for(Option::is_some).await;
        }
    }

    /// Appends a frame that the peer must not miss; a peer that lets these pile up is given up.
    pub(crate) fn tell(&self, frame: &Frame) {
        if self.append(|outgoing| outgoing.frame(frame)).is_err() {
            self.close(CloseReason::Overloaded);
        }
    }

    /// Ends the session; the first reason counts. Everybody who waited has been told when this returns.
    pub(crate) fn close(&self, reason: CloseReason) {
        let left = {
            let mut session = self.session();
            if session.is_closed() {
                return;
            }
            session.close()
        };
        tracing::debug!(target: "quorate::wire", peer = %self.peer, %reason, "a session ended");
        if let Some(outcome) = reason.goodbye() {
            // Nothing more can be done for a peer that has no room even for this.
            let _ = self.append(|outgoing| outgoing.frame(&Frame::Goodbye { outcome }));
        }
        self.ended.send_replace(Some(reason));
        self.written.notify_waiters();
        for caller in left.callers {
            let _ = caller.send(Err(Failure::Lost(CallError::NodeDown)));
        }
        for seeker in left.seekers {
            let _ = seeker.send(Err(None));
        }
        for watch in left.watches {
            watch.endpoint.demonitor(watch.id);
        }
        for held in left.watchers {
            held.watcher.fire(ExitReason::NodeDown);
        }
    }

    /// A local actor that the peer watches ended.
    pub(crate) fn downed(&self, monitor: u64, reason: &ExitReason) {
        let frame = self.session().downed(monitor, convert::outcome(reason));
        if let Some(frame) = frame {
            self.tell(&frame);
        }
    }

    /// Tells why a call or a cast of the peer's was not handled.
    pub(crate) fn refuse(&self, head: &Request, failure: &Failure) {
        self.tell(&Frame::Refusal(convert::refused(
            head.request,
            head.target,
            head.id,
            failure,
        )));
    }

    fn append<E>(
        &self,
        append: impl FnOnce(&mut Outgoing) -> Result<(), AppendError<E>>,
    ) -> Result<(), AppendError<E>> {
        let mut outgoing = self.outgoing();
        let was_empty = outgoing.is_empty();
        append(&mut outgoing)?;
        drop(outgoing);
        if was_empty {
            self.filled.notify_one();
        }
        Ok(())
    }
}

impl Answer for Line {
    fn reply(&self, id: RequestId, stamp: Stamp, encode: Encode<'_>) {
        let head = Reply {
            request: id.0,
            singleton: stamp.singleton,
            epoch: stamp.epoch,
        };
        let why = match self.append(|outgoing| outgoing.reply(&head, encode)) {
            Ok(()) => return,
            Err(AppendError::Overloaded) => CallError::Overloaded,
            Err(AppendError::TooLong { length }) => {
                CallError::Unencodable(too_long(length).to_string().into())
            }
            Err(AppendError::Encode(error)) => CallError::Unencodable(error.to_string().into()),
        };
        self.fail(id, Failure::Lost(why));
    }

    fn fail(&self, id: RequestId, failure: Failure) {
        if self.is_open() {
            self.tell(&Frame::Refusal(convert::refused(id.0, 0, 0, &failure)));
        }
    }
}

/// A claim on a session that this end opened; the last one that is dropped closes it.
pub(crate) struct Hold {
    line: Arc<Line>,
    this: Weak<Hold>,
}

impl Hold {
    pub(crate) fn new(line: Arc<Line>) -> Arc<Self> {
        Arc::new_cyclic(|this| Self {
            line,
            this: this.clone(),
        })
    }

    pub(crate) fn line(&self) -> &Arc<Line> {
        &self.line
    }
}

impl Drop for Hold {
    fn drop(&mut self) {
        self.line.close(CloseReason::Closed);
    }
}

impl Link for Hold {
    fn send(
        &self,
        head: RequestHead,
        encode: Encode<'_>,
        reply: Option<ReplySender>,
    ) -> Result<Option<RequestId>, SendError> {
        let line = &self.line;
        let request = match reply {
            Some(sender) => match line.session().call(sender) {
                Ok(request) => request,
                Err((NotEntered::Full, _)) => return Err(SendError::Overloaded),
                Err((NotEntered::Closed, _)) => return Err(SendError::Down),
            },
            None if line.is_open() => 0,
            None => return Err(SendError::Down),
        };
        let RequestHead {
            target,
            id,
            shape,
            stamp,
            deadline,
        } = head;
        let head = Request {
            target,
            id,
            shape,
            request,
            singleton: stamp.singleton,
            epoch: stamp.epoch,
            timeout: deadline,
        };
        match line.append(|outgoing| outgoing.request(&head, encode)) {
            Ok(()) => Ok((request > 0).then_some(RequestId(request))),
            Err(error) => {
                line.session().forget(request);
                Err(match error {
                    AppendError::Overloaded => SendError::Overloaded,
                    AppendError::TooLong { length } => SendError::Encode(too_long(length)),
                    AppendError::Encode(error) => SendError::Encode(error),
                })
            }
        }
    }

    fn forget(&self, id: RequestId) {
        self.line.session().forget(id.0);
    }

    fn monitor(&self, target: u64, watcher: Watcher) {
        let held = HeldWatcher {
            watcher,
            _hold: self.this.upgrade(),
        };
        let number = held.watcher.id().as_u64();
        let entered = self.line.session().monitor(number, target, held);
        match entered {
            Ok(frame) => self.line.tell(&frame),
            // A table that is full cannot watch: the watcher learns at once that it knows nothing of the actor.
            Err((NotEntered::Full | NotEntered::Closed, held)) => held.watcher.fire(ExitReason::NodeDown),
        }
    }

    fn demonitor(&self, _target: u64, id: MonitorId) {
        let taken = self.line.session().demonitor(id.as_u64());
        if let Some((_, frame)) = taken {
            self.line.tell(&frame);
        }
    }

    fn node(&self) -> &NodeId {
        &self.line.peer
    }

    fn is_up(&self) -> bool {
        self.line.is_open()
    }
}

impl std::fmt::Debug for HeldWatcher {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.watcher.fmt(f)
    }
}

impl std::fmt::Debug for Watch {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Watch")
            .field("actor", &self.endpoint.id())
            .field("id", &self.id)
            .finish()
    }
}

/// A message that is longer than a frame may be.
#[derive(Debug)]
struct TooLong {
    length: usize,
}

impl std::fmt::Display for TooLong {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "{} bytes are more than the {} that a frame holds",
            self.length,
            super::frame::BODY_BYTES_MAX
        )
    }
}

impl std::error::Error for TooLong {}

fn too_long(length: usize) -> EncodeError {
    EncodeError(Error::new(TooLong { length }))
}
