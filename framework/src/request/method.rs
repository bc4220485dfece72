//! The generated types of a message method, and the tables by which it travels.

use std::fmt;

use crate::actor::Actor;
use crate::context::Context;
use crate::message::{Body, DecodeError, EncodeError, FrameBuf};
use crate::reply::{RemotePort, ReplyPort};

/// One call of a message method as a value: its arguments. Generated.
pub trait Method: Sized + Send + Unpin + 'static {
    /// Whose method.
    type Actor: Actor;
    /// What it answers.
    type Reply: Send + 'static;
    /// The method's name.
    const NAME: &'static str;
    /// Its place in [`Actor::METHODS`].
    #[doc(hidden)]
    const INDEX: usize;
    /// Whether a caller may run it in place: it is not async, and its reply is what it returns.
    #[doc(hidden)]
    const RUNS_NOW: bool = false;
    /// How it travels. `None` for local actors.
    #[doc(hidden)]
    const WIRE: Option<MethodWire<Self>>;
    /// The message as it lies in the mailbox.
    #[doc(hidden)]
    fn into_envelope(self, port: ReplyPort<Self::Reply>) -> <Self::Actor as Actor>::Envelope;
    /// Runs it, when it [runs now](Self::RUNS_NOW); else gives it back.
    ///
    /// # Errors
    /// The method itself: nothing was run.
    #[doc(hidden)]
    fn run(self, actor: &mut Self::Actor, cx: &mut Context<Self::Actor>) -> Result<Self::Reply, Self> {
        let _ = (actor, cx);
        Err(self)
    }
    /// The inverse, for a message that comes back unhandled: `None` when the envelope is of another method. Drops the port.
    #[doc(hidden)]
    fn from_envelope(envelope: <Self::Actor as Actor>::Envelope) -> Option<Self>;
}

/// The sending side of a method that may travel.
pub struct MethodWire<M: Method> {
    /// [`message_id`](crate::wire::shape::message_id) of actor and method.
    pub id: u64,
    /// [`message_shape`](crate::wire::shape::message_shape) of arguments and reply.
    pub shape: u64,
    /// Appends the archive of the argument tuple.
    pub encode: fn(&M, &mut FrameBuf) -> Result<(), EncodeError>,
    /// Reads a reply.
    pub decode_reply: fn(&Body) -> Result<M::Reply, DecodeError>,
}

/// The receiving side of an actor whose messages may travel.
pub struct ActorWire<A: Actor> {
    /// All message methods.
    pub methods: &'static [IncomingMethod<A>],
}

/// The receiving side of one method.
pub struct IncomingMethod<A: Actor> {
    /// The method's name.
    pub name: &'static str,
    /// Must equal the sender's.
    pub id: u64,
    /// Must equal the sender's.
    pub shape: u64,
    /// Validates the body once and builds the envelope, with `ReplyPort::remote(port, encode_reply)`.
    pub decode: fn(Body, RemotePort) -> Result<A::Envelope, DecodeError>,
}

impl<A: Actor> ActorWire<A> {
    /// The method of this id.
    pub(crate) fn method(&self, id: u64) -> Option<&'static IncomingMethod<A>> {
        self.methods.iter().find(|method| method.id == id)
    }
}

impl<A: Actor> fmt::Debug for ActorWire<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list()
            .entries(self.methods.iter().map(|method| method.name))
            .finish()
    }
}
