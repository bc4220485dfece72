//! Drives one open session over a TCP connection: a task that reads, a task that writes. Decides nothing.
//!
//! ```text
//! socket -> Incoming -> Session -> Action -> the actor's mailbox, a waiting caller, a watcher
//! refs, reply ports, the reader -> Outgoing -> socket
//! ```
//!
//! A full mailbox stops the reader for at most [`FULL_PATIENCE`], so that TCP slows the sender down; then the message is
//! answered `Full`, and so are the next ones for that actor, at once, until one finds room: an actor that is stuck costs its
//! session one pause, not one for each message. The peer is told now and then that this end lives, however long messages wait.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use rkyv::util::AlignedVec;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};

use super::code;
use super::convert;
use super::frame::{Frame, Outcome, Refused, Request};
use super::incoming::Incoming;
use super::line::{Kept, Line, Watch};
use super::link::{Answer, Endpoint, RequestHead, RequestId};
use super::session::{Action, CloseReason, Heartbeat, Pulse};
use crate::id::NodeId;
use crate::message::Body;
use crate::monitor::{MonitorId, Watcher};
use crate::reply::RemotePort;
use crate::request::{CallError, Failure, Refusal};
use crate::stamp::Stamp;
use crate::system::System;

/// How long a full mailbox may stop the reader of a session.
pub const FULL_PATIENCE: Duration = Duration::from_millis(100);
/// How long the last frames of a session may take to be written.
pub const FLUSH_TIMEOUT: Duration = Duration::from_secs(1);

/// Turns that a full mailbox is given to make room before the reader sleeps.
const YIELDS: usize = 8;
/// How often a full mailbox is looked at after that.
const RETRY_EVERY: Duration = Duration::from_millis(1);

/// Opens a session on the system's runtime. It ends with the system at the latest; `kept` is dropped then.
pub(crate) fn open<K: Send + 'static>(
    system: &System,
    peer: NodeId,
    heartbeat: Heartbeat,
    stream: std::net::TcpStream,
    kept: K,
) -> Arc<Line> {
    let line = Line::new(peer, heartbeat, Instant::now());
    let opened = Arc::clone(&line);
    let system = system.clone();
    system.runtime().clone().spawn(async move {
        // Also when the runtime drops this task: nobody waits for a session that nothing drives.
        let _ended = CloseOnDrop(Arc::clone(&line));
        match TcpStream::from_std(stream) {
            Ok(stream) => {
                let shutdown = MonitorId::next();
                let ending = Arc::downgrade(&line);
                system.root().monitor(Watcher::new(shutdown, move |_| {
                    if let Some(line) = ending.upgrade() {
                        line.close(CloseReason::Shutdown);
                    }
                }));
                drive(line, stream, system.clone()).await;
                system.root().demonitor(shutdown);
            }
            Err(_) => line.close(CloseReason::Disconnected),
        }
        drop(kept);
    });
    opened
}

/// Reads and writes until the session ends, then flushes what is left.
async fn drive(line: Arc<Line>, stream: TcpStream, system: System) {
    let (reading, writing) = stream.into_split();
    let writer = tokio::spawn(write(Arc::clone(&line), writing));
    let mut reader = Reader {
        answer: Arc::clone(&line) as Arc<dyn Answer>,
        line: Arc::clone(&line),
        system,
        incoming: Incoming::new(),
        impatient: HashSet::new(),
    };
    let mut reading = reader.read(reading).await;
    // What the peer still sends is read and thrown away: a socket that is closed with bytes unread resets the
    // connection, and the goodbye would be lost on the way.
    let drain = async {
        let mut scratch = [0; 4096];
        while reading.read(&mut scratch).await.is_ok_and(|count| count > 0) {}
    };
    let _ = tokio::time::timeout(FLUSH_TIMEOUT, drain).await;
    // The writer has a timeout of its own; a panic in it would be a defect that has been reported already.
    let _ = writer.await;
}

struct CloseOnDrop(Arc<Line>);

impl Drop for CloseOnDrop {
    fn drop(&mut self) {
        self.0.close(CloseReason::Disconnected);
    }
}

struct Reader {
    line: Arc<Line>,
    answer: Arc<dyn Answer>,
    system: System,
    incoming: Incoming,
    /// Actors whose last message found no room in time.
    impatient: HashSet<u64>,
}

impl Reader {
    async fn read(&mut self, mut reading: OwnedReadHalf) -> OwnedReadHalf {
        let mut ended = std::pin::pin!(self.line.over());
        let mut pulse = std::pin::pin!(tokio::time::sleep_until(self.next_deadline()));
        let mut actions = Vec::new();
        loop {
            tokio::select! {
                biased;
                () = &mut ended => return reading,
                read = reading.read(self.incoming.space()) => {
                    match read {
                        Ok(count) if count > 0 => self.incoming.advance(count),
                        Ok(_) | Err(_) => {
                            let reason = match self.incoming.finish() {
                                Ok(()) => CloseReason::Disconnected,
                                Err(error) => CloseReason::Garbage(error),
                            };
                            self.line.close(reason);
                            return reading;
                        }
                    }
                    let garbage = self.understand(&mut actions);
                    for action in actions.drain(..) {
                        self.act(action).await;
                    }
                    if let Some(reason) = garbage {
                        self.line.close(reason);
                    }
                    // An answered ping brings the next one forward.
                    let deadline = self.next_deadline();
                    if deadline < pulse.deadline() {
                        pulse.as_mut().reset(deadline);
                    }
                }
                () = &mut pulse => {
                    self.beat();
                    let deadline = self.next_deadline();
                    pulse.as_mut().reset(deadline);
                }
            }
        }
    }

    /// What the whole frames that have arrived ask for, and why there will be no more of them.
    fn understand(&mut self, actions: &mut Vec<Action<Kept>>) -> Option<CloseReason> {
        let mut session = self.line.session();
        session.handle_bytes(Instant::now());
        loop {
            match self.incoming.poll() {
                Ok(Some(frame)) => actions.push(session.handle_frame(frame)),
                Ok(None) => return None,
                Err(error) => return Some(CloseReason::Garbage(error)),
            }
        }
    }

    fn next_deadline(&self) -> tokio::time::Instant {
        self.line.session().next_deadline().into()
    }

    fn beat(&mut self) {
        let pulse = self.line.session().handle_timeout(Instant::now());
        match pulse {
            Pulse::Quiet => {}
            Pulse::Ping(frame) => self.line.tell(&frame),
            Pulse::Dead => self.line.close(CloseReason::Silent),
        }
    }

    async fn act(&mut self, action: Action<Kept>) {
        match action {
            Action::None => {}
            Action::Send(frame) => self.line.tell(&frame),
            Action::Deliver { to, head, archive } => self.deliver(to, head, archive).await,
            Action::Resolve { lookup, name, actor } => self.resolve(lookup, &name, &actor),
            Action::Watch { monitor, to } => self.watch(monitor, &to),
            Action::Unwatch { watch } => watch.endpoint.demonitor(watch.id),
            Action::Reply {
                caller,
                head,
                archive,
            } => {
                let stamp = Stamp {
                    singleton: head.singleton,
                    epoch: head.epoch,
                };
                let _ = caller.send(if self.system.highest().admit(stamp) {
                    Ok(Body::new(archive))
                } else {
                    Err(Failure::Lost(CallError::Lapsed))
                });
            }
            Action::Refused { caller, refused } => {
                let _ = caller.send(Err(convert::failure(&refused)));
            }
            Action::DeadLetter(refused) => dead_letter(&self.line, &refused),
            Action::Found { seeker, answer } => {
                let _ = seeker.send(answer.map_err(Some));
            }
            Action::Down { watcher, outcome } => watcher.watcher.fire(convert::reason(&outcome)),
            Action::Close(reason) => self.line.close(reason),
        }
    }

    async fn deliver(&mut self, to: Arc<dyn Endpoint>, head: Request, archive: Bytes) {
        let body = Body::new(archive);
        let Err(refusal) = self.try_deliver(&*to, &head, head.timeout, &body) else {
            if !self.impatient.is_empty() {
                self.impatient.remove(&head.target);
            }
            return;
        };
        let refusal = match refusal {
            Refusal::Full if !self.impatient.contains(&head.target) => {
                match self.deliver_late(&*to, &head, &body).await {
                    Ok(()) => return,
                    Err(refusal) => refusal,
                }
            }
            refusal => refusal,
        };
        match refusal {
            Refusal::Full => {
                self.impatient.insert(head.target);
            }
            Refusal::Gone => self.line.session().retract(head.target),
            _ => {}
        }
        self.line.refuse(&head, &Failure::Refused(refusal));
    }

    /// Waits for room, within the patience and the caller's deadline.
    async fn deliver_late(&self, to: &dyn Endpoint, head: &Request, body: &Body) -> Result<(), Refusal> {
        let arrived = tokio::time::Instant::now();
        let patience = head
            .timeout
            .map_or(FULL_PATIENCE, |timeout| timeout.min(FULL_PATIENCE));
        let mut tries = 0;
        while self.line.is_open() && arrived.elapsed() < patience {
            if tries < YIELDS {
                tokio::task::yield_now().await;
            } else {
                tokio::time::sleep(RETRY_EVERY).await;
            }
            tries += 1;
            let sign = self.line.session().handle_pause(Instant::now());
            if let Some(sign) = sign {
                self.line.tell(&sign);
            }
            let left = head
                .timeout
                .map(|timeout| timeout.saturating_sub(arrived.elapsed()));
            match self.try_deliver(to, head, left, body) {
                Err(Refusal::Full) => {}
                delivered_or_refused => return delivered_or_refused,
            }
        }
        Err(Refusal::Full)
    }

    fn try_deliver(
        &self,
        to: &dyn Endpoint,
        head: &Request,
        left: Option<Duration>,
        body: &Body,
    ) -> Result<(), Refusal> {
        let Request {
            target,
            id,
            shape,
            request,
            singleton,
            epoch,
            ..
        } = *head;
        let port = (request > 0).then(|| RemotePort::new(Arc::clone(&self.answer), RequestId(request)));
        to.deliver(
            &RequestHead {
                target,
                id,
                shape,
                stamp: Stamp { singleton, epoch },
                deadline: left,
            },
            body.clone(),
            port,
        )
    }

    fn resolve(&mut self, lookup: u64, name: &str, actor: &str) {
        let (target, code, detail) = match self.system.registry().endpoint(name) {
            None => (0, code::lookup::NOT_FOUND, String::new()),
            Some(endpoint) if endpoint.wire_name() != actor => {
                (0, code::lookup::OTHER_ACTOR, endpoint.wire_name().to_owned())
            }
            Some(endpoint) => {
                let target = endpoint.id().as_u64();
                match self.line.session().export(target, endpoint) {
                    Ok(()) => (target, code::lookup::FOUND, String::new()),
                    Err(_) => (0, code::lookup::FULL, String::new()),
                }
            }
        };
        self.line.tell(&Frame::LookupAnswer {
            lookup,
            target,
            outcome: Outcome { code, detail },
        });
    }

    fn watch(&self, monitor: u64, to: &Arc<dyn Endpoint>) {
        let id = MonitorId::next();
        let watch = Watch {
            endpoint: Arc::clone(to),
            id,
        };
        if self.line.session().watching(monitor, watch).is_ok() {
            let line = Arc::downgrade(&self.line);
            to.monitor(Watcher::new(id, move |reason| {
                if let Some(line) = line.upgrade() {
                    line.downed(monitor, &reason);
                }
            }));
        }
    }
}

/// A cast was not handled there; its sender has long gone on.
fn dead_letter(line: &Line, refused: &Refused) {
    tracing::warn!(
        target: "quorate::dead_letter",
        peer = %line.peer(),
        actor = refused.target,
        message = format_args!("{:016x}", refused.id),
        why = ?convert::failure(refused),
        "a cast to another node was not handled"
    );
}

/// Writes batch after batch; after the session's end, what is left, for at most [`FLUSH_TIMEOUT`].
async fn write(line: Arc<Line>, mut writing: OwnedWriteHalf) {
    let batches = async {
        let mut ended = std::pin::pin!(line.over());
        let mut spare = AlignedVec::new();
        loop {
            let last = tokio::select! {
                biased;
                () = &mut ended => true,
                () = line.filled.notified() => false,
            };
            if let Err(error) = flush(&line, &mut writing, &mut spare).await {
                tracing::debug!(target: "quorate::wire", peer = %line.peer(), %error, "a write failed");
                line.close(CloseReason::Disconnected);
                return;
            }
            if last {
                let _ = writing.shutdown().await;
                return;
            }
        }
    };
    let limit = async {
        line.over().await;
        tokio::time::sleep(FLUSH_TIMEOUT).await;
    };
    tokio::select! {
        () = batches => {}
        () = limit => {}
    }
}

async fn flush(line: &Line, writing: &mut OwnedWriteHalf, spare: &mut AlignedVec<16>) -> std::io::Result<()> {
    loop {
        let batch = {
            let mut outgoing = line.outgoing();
            if outgoing.is_empty() {
                return Ok(());
            }
            outgoing.take(std::mem::take(spare))
        };
        let written = writing.write_all(&batch).await;
        line.outgoing().written(batch.len());
        *spare = batch;
        line.written.notify_waiters();
        written?;
    }
}
