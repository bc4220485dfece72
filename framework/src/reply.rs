//! Reply ports: where the answer to a message goes.
//!
//! A port is typed and answers once. Dropped without an answer it says why: `Exited` when its actor ended, `NoReply` when
//! the actor lives on. A reply that nobody waits for any more is dropped in silence (OTP: a late reply).

use std::fmt;
use std::sync::Arc;

use tokio::time::Instant;

use crate::current;
use crate::kept::Kept;
use crate::message::{EncodeError, FrameBuf};
use crate::panics;
use crate::request::{CallError, Failure};
use crate::seat::SeatRef;
use crate::slot;
use crate::stamp::Stamp;
use crate::wire::link::{Answer, RequestId};

/// What a local caller is told. A failure is rare: it is in a box, so that a slot with a small reply is one cache line.
pub(crate) type Reply<T> = Result<T, Box<Failure>>;

/// Appends the archive of a reply.
type EncodeReply<T> = fn(&T, &mut FrameBuf) -> Result<(), EncodeError>;

/// Where a reply goes: to a caller in this process, over a session, or (for a cast) nowhere.
#[must_use = "dropping a port answers `NoReply`"]
pub struct ReplyPort<T>(To<T>);

/// It lies in the mailbox with its message, so it is small: what few ports have is in memory of its own.
enum To<T> {
    None,
    Local(slot::Sender<Reply<T>>),
    /// Of a message that is being decoded.
    Unattached(EncodeReply<T>),
    Rare(Kept<Rare<T>>),
}

/// A port that has more to it.
struct Rare<T> {
    to: Caller<T>,
    /// The incarnation that was given the message, when it has a tenure: whoever holds the port answers in its name.
    answerer: Option<SeatRef>,
}

/// Who waits.
enum Caller<T> {
    Local(slot::Sender<Reply<T>>),
    Remote {
        port: RemotePort,
        encode: EncodeReply<T>,
        deadline: Option<Instant>,
    },
}

impl<T> ReplyPort<T> {
    /// The port of a cast: replies are dropped.
    #[doc(hidden)]
    pub const fn none() -> Self {
        Self(To::None)
    }

    /// The port of a request from another node. `encode` appends the archive of the reply.
    #[doc(hidden)]
    pub fn remote(port: RemotePort, encode: fn(&T, &mut FrameBuf) -> Result<(), EncodeError>) -> Self {
        let mut unattached = Self(To::Unattached(encode));
        unattached.attach_to(port, None);
        unattached
    }

    pub(crate) fn local(sender: slot::Sender<Reply<T>>) -> Self {
        Self(To::Local(sender))
    }

    /// Answers. Nothing happens when nobody waits any more; an actor whose tenure is no longer valid answers `Lapsed` instead,
    /// from another task too.
    #[inline]
    pub fn send(self, reply: T) {
        if self.is_call() {
            self.answer(reply);
        } else {
            // Of a cast there is nothing to do, and nothing to drop.
            std::mem::forget(self);
        }
    }

    fn answer(mut self, reply: T) {
        match std::mem::replace(&mut self.0, To::None) {
            To::None | To::Unattached(_) => {}
            To::Local(sender) => sender.send(if current::may_act() {
                Ok(reply)
            } else {
                Err(Box::new(Failure::Lost(CallError::Lapsed)))
            }),
            To::Rare(rare) => rare.into_inner().send(reply),
        }
    }

    /// True when somebody was waiting for the answer when the message was sent (a call).
    #[inline]
    pub fn is_call(&self) -> bool {
        match &self.0 {
            To::None | To::Unattached(_) => false,
            To::Local(_) | To::Rare(_) => true,
        }
    }

    /// True when a local caller has dropped its call or reached its deadline. A reply would be dropped.
    pub fn is_abandoned(&self) -> bool {
        self.sender().is_some_and(slot::Sender::is_closed)
    }

    /// Where a local caller waits.
    fn sender(&self) -> Option<&slot::Sender<Reply<T>>> {
        match &self.0 {
            To::None | To::Unattached(_) => None,
            To::Local(sender) => Some(sender),
            To::Rare(rare) => match &rare.to {
                Caller::Local(sender) => Some(sender),
                Caller::Remote { .. } => None,
            },
        }
    }

    fn attach_to(&mut self, port: RemotePort, deadline: Option<Instant>) {
        if let To::Unattached(encode) = self.0
            && port.is_call()
        {
            self.0 = To::Rare(Kept::new(Rare {
                to: Caller::Remote {
                    port,
                    encode,
                    deadline,
                },
                answerer: None,
            }));
        }
    }

    fn answer_failure(&mut self, failure: Failure) {
        match std::mem::replace(&mut self.0, To::None) {
            To::None | To::Unattached(_) => {}
            To::Local(sender) => sender.send(Err(Box::new(failure))),
            To::Rare(rare) => rare.into_inner().to.fail(failure),
        }
    }
}

impl<T> Rare<T> {
    fn send(self, reply: T) {
        let Self { to, answerer } = self;
        let may_answer = answerer.as_ref().is_none_or(|answerer| answerer.may_act());
        if !may_answer || !current::may_act() {
            to.fail(Failure::Lost(CallError::Lapsed));
            return;
        }
        match to {
            Caller::Local(sender) => sender.send(Ok(reply)),
            Caller::Remote { mut port, encode, .. } => {
                let stamp = answerer.map_or(Stamp::NONE, |answerer| answerer.stamp());
                port.reply(stamp, &mut |buf| encode(&reply, buf));
            }
        }
    }
}

impl<T> Caller<T> {
    fn fail(self, failure: Failure) {
        match self {
            Self::Local(sender) => sender.send(Err(Box::new(failure))),
            Self::Remote { mut port, .. } => port.fail(failure),
        }
    }
}

impl<U, E> ReplyPort<Result<U, E>> {
    /// Answers with a handler's `Result`; a cast that ends in `Err` becomes an event (target `quorate::cast`), not silence.
    #[doc(hidden)]
    pub fn finish_result(self, actor: &'static str, method: &'static str, reply: Result<U, E>) {
        if reply.is_err() && !self.is_call() {
            tracing::warn!(target: "quorate::cast", actor, method, "a cast ended in an error");
        }
        self.send(reply);
    }
}

impl<T> Drop for ReplyPort<T> {
    #[inline]
    fn drop(&mut self) {
        if self.is_call() {
            self.answer_failure(Failure::Lost(why_dropped()));
        }
    }
}

impl<T> fmt::Debug for ReplyPort<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match (self.is_call(), self.sender()) {
            (false, _) => "ReplyPort(none)",
            (true, Some(_)) => "ReplyPort(local)",
            (true, None) => "ReplyPort(remote)",
        })
    }
}

/// A port without its type, as the core sees it when it answers for an actor that no longer can.
#[doc(hidden)]
pub trait Port {
    /// See [`ReplyPort::is_call`].
    fn is_call(&self) -> bool;
    /// See [`ReplyPort::is_abandoned`].
    fn is_abandoned(&self) -> bool;
    /// Until when the caller waits, if there is one.
    fn deadline(&self) -> Option<Instant>;
    /// Gives a decoded message the port of its request, and until when it is waited for.
    fn attach(&mut self, port: RemotePort, deadline: Option<Instant>);
    /// The message is given to this incarnation, which has a tenure.
    fn bind(&mut self, answerer: &Answerer);
    /// Answers that the message was not handled. The reason is passed by the core only.
    fn refuse(&mut self, refusal: &Unhandled);
}

/// An incarnation with a tenure, which bounds what is answered in its name.
#[doc(hidden)]
pub struct Answerer(pub(crate) SeatRef);

impl fmt::Debug for Answerer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Answerer({})", self.0.id)
    }
}

/// Why the core answers in place of an actor.
#[doc(hidden)]
#[derive(Debug)]
pub struct Unhandled(pub(crate) Failure);

impl<T> Port for ReplyPort<T> {
    fn is_call(&self) -> bool {
        ReplyPort::is_call(self)
    }

    fn is_abandoned(&self) -> bool {
        ReplyPort::is_abandoned(self)
    }

    fn deadline(&self) -> Option<Instant> {
        match &self.0 {
            To::None | To::Unattached(_) => None,
            To::Local(sender) => Some(sender.deadline()),
            To::Rare(rare) => match &rare.to {
                Caller::Local(sender) => Some(sender.deadline()),
                Caller::Remote { deadline, .. } => *deadline,
            },
        }
    }

    fn attach(&mut self, port: RemotePort, deadline: Option<Instant>) {
        self.attach_to(port, deadline);
    }

    fn bind(&mut self, answerer: &Answerer) {
        let answerer = Some(answerer.0.clone());
        self.0 = match std::mem::replace(&mut self.0, To::None) {
            To::Local(sender) => To::Rare(Kept::new(Rare {
                to: Caller::Local(sender),
                answerer,
            })),
            To::Rare(mut rare) => {
                rare.answerer = answerer;
                To::Rare(rare)
            }
            to @ (To::None | To::Unattached(_)) => to,
        };
    }

    fn refuse(&mut self, refusal: &Unhandled) {
        self.answer_failure(refusal.0.clone());
    }
}

/// The untyped port of a request from another node.
#[doc(hidden)]
pub struct RemotePort(Option<(Arc<dyn Answer>, RequestId)>);

impl RemotePort {
    /// The port of a cast.
    pub(crate) const fn none() -> Self {
        Self(None)
    }

    /// The port of request `id` of a session.
    pub(crate) fn new(session: Arc<dyn Answer>, id: RequestId) -> Self {
        Self(Some((session, id)))
    }

    /// Gives up the port unanswered: whoever made it answers.
    pub(crate) fn defuse(&mut self) {
        self.0 = None;
    }

    fn is_call(&self) -> bool {
        self.0.is_some()
    }

    fn reply(&mut self, stamp: Stamp, encode: &mut dyn FnMut(&mut FrameBuf) -> Result<(), EncodeError>) {
        if let Some((session, id)) = self.0.take() {
            session.reply(id, stamp, encode);
        }
    }

    fn fail(&mut self, failure: Failure) {
        if let Some((session, id)) = self.0.take() {
            session.fail(id, failure);
        }
    }
}

impl Drop for RemotePort {
    fn drop(&mut self) {
        if self.0.is_some() {
            self.fail(Failure::Lost(why_dropped()));
        }
    }
}

impl fmt::Debug for RemotePort {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RemotePort({:?})", self.0.as_ref().map(|(_, id)| id))
    }
}

/// Why a port is being dropped: its actor panics or ends now, or the handler forgot it.
fn why_dropped() -> CallError {
    match panics::unwinding().or_else(current::ending) {
        Some(reason) => {
            current::dies();
            CallError::Exited(reason)
        }
        None => CallError::NoReply,
    }
}
