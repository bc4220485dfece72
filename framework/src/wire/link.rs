//! The seam between actors and sessions: what a ref asks of a link, and what a session asks of an actor.
//!
//! Sessions implement [`Link`] and [`Answer`]; places implement [`Endpoint`]. Neither side knows more of the other than this.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::oneshot;

use crate::id::{ActorId, NodeId};
use crate::message::{Body, EncodeError, FrameBuf};
use crate::monitor::{MonitorId, Watcher};
use crate::reply::RemotePort;
use crate::request::{Failure, Refusal};
use crate::stamp::Stamp;

/// What precedes the body of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct RequestHead {
    /// The place, as the receiving node numbers it.
    pub(crate) target: u64,
    /// Hash of actor and method.
    pub(crate) id: u64,
    /// Hash of the shapes of arguments and reply.
    pub(crate) shape: u64,
    /// The caller's.
    pub(crate) stamp: Stamp,
    /// What remains until the caller's deadline. `None` for a cast.
    pub(crate) deadline: Option<Duration>,
}

/// A request that waits for its reply on a link, unique on that link.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct RequestId(pub(crate) u64);

/// Why nothing was sent. Every variant means that the receiver has not seen, and will not see, the request.
#[derive(Debug)]
pub(crate) enum SendError {
    /// The outgoing buffer is full.
    Overloaded,
    /// The session has ended.
    Down,
    /// The arguments could not be archived.
    Encode(EncodeError),
}

/// Where the answer to a request goes.
pub(crate) type ReplySender = oneshot::Sender<Result<Body, Failure>>;

/// Writes the arguments behind a request's head.
pub(crate) type Encode<'a> = &'a mut dyn FnMut(&mut FrameBuf) -> Result<(), EncodeError>;

/// A session to one incarnation of a peer node, as refs use it.
pub(crate) trait Link: Send + Sync + 'static {
    /// Appends a request to the outgoing batch, synchronously and in order; never blocks. With a `reply` sender the answer
    /// or the end of the link is sent there, and the id is `Some`.
    fn send(
        &self,
        head: RequestHead,
        encode: Encode<'_>,
        reply: Option<ReplySender>,
    ) -> Result<Option<RequestId>, SendError>;

    /// Nobody waits for this answer any more: it is dropped when it comes.
    fn forget(&self, id: RequestId);

    /// Fires the watcher once: when the actor ends, or when the link does.
    fn monitor(&self, target: u64, watcher: Watcher);

    /// Drops a watcher that has not fired.
    fn demonitor(&self, target: u64, id: MonitorId);

    /// The peer.
    fn node(&self) -> &NodeId;

    /// False once the session has ended; it never comes back.
    fn is_up(&self) -> bool;
}

/// The answering half of a session. One object per session, so that a port costs no allocation.
pub(crate) trait Answer: Send + Sync + 'static {
    /// Sends the reply to a request, with the answering actor's stamp. `encode` writes the body.
    fn reply(&self, id: RequestId, stamp: Stamp, encode: Encode<'_>);

    /// Answers with a failure.
    fn fail(&self, id: RequestId, failure: Failure);
}

/// An actor's place as a session sees it.
pub(crate) trait Endpoint: Send + Sync + 'static {
    /// The number that peers use for it.
    fn id(&self) -> ActorId;

    /// The wire name of its actor type, compared with what a peer expects behind a name.
    fn wire_name(&self) -> &'static str;

    /// Delivers a request: looks up id and shape, only then validates the body, once. `port` is `None` for a cast.
    ///
    /// # Errors
    /// A refusal; the message was not delivered, and the port is dropped unanswered: the session answers.
    fn deliver(&self, head: &RequestHead, body: Body, port: Option<RemotePort>) -> Result<(), Refusal>;

    /// Fires the watcher once when the present incarnation ends; at once with `Gone` when there is none.
    fn monitor(&self, watcher: Watcher);

    /// Drops a watcher that has not fired.
    fn demonitor(&self, id: MonitorId);
}

/// A place on another node.
pub(crate) struct RemotePlace {
    pub(crate) link: Arc<dyn Link>,
    pub(crate) target: u64,
}
