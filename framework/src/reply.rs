//! Reply ports: where the answer to a message goes.
//!
//! A port is typed and answers once. Dropped without an answer it says why: `Exited` when its actor ended, `NoReply` when
//! the actor lives on. A reply that nobody waits for any more is dropped in silence (OTP: a late reply).

use std::fmt;
use std::sync::Arc;

use tokio::sync::oneshot;

use crate::current;
use crate::message::{EncodeError, FrameBuf};
use crate::panics;
use crate::request::{CallError, Failure};
use crate::seat::Seat;
use crate::stamp::Stamp;
use crate::wire::link::{Answer, RequestId};

/// Where a reply goes: to a caller in this process, over a session, or (for a cast) nowhere.
#[must_use = "dropping a port answers `NoReply`"]
pub struct ReplyPort<T> {
    to: To<T>,
    /// The incarnation that was given the message, when it has a tenure: whoever holds the port answers in its name.
    answerer: Option<Arc<Seat>>,
}

enum To<T> {
    None,
    Local(oneshot::Sender<Result<T, Failure>>),
    Remote(RemotePort, fn(&T, &mut FrameBuf) -> Result<(), EncodeError>),
}

impl<T> ReplyPort<T> {
    /// The port of a cast: replies are dropped.
    #[doc(hidden)]
    pub const fn none() -> Self {
        Self::to(To::None)
    }

    /// The port of a request from another node. `encode` appends the archive of the reply.
    #[doc(hidden)]
    pub fn remote(port: RemotePort, encode: fn(&T, &mut FrameBuf) -> Result<(), EncodeError>) -> Self {
        Self::to(To::Remote(port, encode))
    }

    pub(crate) fn local(sender: oneshot::Sender<Result<T, Failure>>) -> Self {
        Self::to(To::Local(sender))
    }

    const fn to(to: To<T>) -> Self {
        Self { to, answerer: None }
    }

    /// Answers. Nothing happens when nobody waits any more; an actor whose tenure is no longer valid answers `Lapsed` instead,
    /// from another task too.
    pub fn send(mut self, reply: T) {
        let may_answer = self.answerer.as_ref().is_none_or(|answerer| answerer.may_act());
        if !may_answer || !current::may_act() {
            self.answer_failure(Failure::Lost(CallError::Lapsed));
            return;
        }
        match std::mem::replace(&mut self.to, To::None) {
            To::None => {}
            To::Local(sender) => drop(sender.send(Ok(reply))),
            To::Remote(mut port, encode) => {
                let stamp = self
                    .answerer
                    .as_ref()
                    .map_or(Stamp::NONE, |answerer| answerer.stamp());
                port.reply(stamp, &mut |buf| encode(&reply, buf));
            }
        }
    }

    /// True when somebody was waiting for the answer when the message was sent (a call).
    pub fn is_call(&self) -> bool {
        match &self.to {
            To::None => false,
            To::Local(_) => true,
            To::Remote(port, _) => port.0.is_some(),
        }
    }

    /// True when a local caller has dropped its call or reached its deadline. A reply would be dropped.
    pub fn is_abandoned(&self) -> bool {
        matches!(&self.to, To::Local(sender) if sender.is_closed())
    }

    fn answer_failure(&mut self, failure: Failure) {
        match std::mem::replace(&mut self.to, To::None) {
            To::None => {}
            To::Local(sender) => drop(sender.send(Err(failure))),
            To::Remote(mut port, _) => port.fail(failure),
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
    fn drop(&mut self) {
        if self.is_call() {
            self.answer_failure(Failure::Lost(why_dropped()));
        }
    }
}

impl<T> fmt::Debug for ReplyPort<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.to {
            To::None => "ReplyPort(none)",
            To::Local(_) => "ReplyPort(local)",
            To::Remote(..) => "ReplyPort(remote)",
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
    /// Gives a decoded message the port of its request.
    fn attach(&mut self, port: RemotePort);
    /// The message is given to this incarnation, which has a tenure.
    fn bind(&mut self, answerer: &Answerer);
    /// Answers that the message was not handled. The reason is passed by the core only.
    fn refuse(&mut self, refusal: &Unhandled);
}

/// An incarnation with a tenure, which bounds what is answered in its name.
#[doc(hidden)]
pub struct Answerer(pub(crate) Arc<Seat>);

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

    fn attach(&mut self, port: RemotePort) {
        if let To::Remote(own, _) = &mut self.to {
            *own = port;
        }
    }

    fn bind(&mut self, answerer: &Answerer) {
        if self.is_call() {
            self.answerer = Some(Arc::clone(&answerer.0));
        }
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
