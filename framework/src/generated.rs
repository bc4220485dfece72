//! What generated code leans on besides the public types: nothing that does anything, only types that put an error at the token it is about.
//!
//! An argument that cannot travel would be an error at each use of the tuple that it is in. So the tuple holds [`Carried`], which always
//! can, and the one place that says what is carried, [`Carries`], is the one error.

use std::fmt;

use rkyv::api::high::HighValidator;
use rkyv::bytecheck::CheckBytes;
use rkyv::rancor::Error;
use rkyv::{Place, Portable};

use crate::actor::Actor;
use crate::message::{Archiver, Argument, Arguments, Body, DecodeError, EncodeError, FrameBuf, Message};

/// Says what argument number `INDEX` of a message method is.
pub trait Carries<const INDEX: usize>: 'static {
    /// As it is held between the caller and the handler.
    type Argument: Fit;
}

/// Argument number `INDEX` of the message method `M`. Archived as the argument itself.
pub struct Carried<M: Carries<INDEX>, const INDEX: usize>(pub M::Argument);

/// Says what the argument tuple of a message method is.
pub trait Takes {
    /// A tuple of [`Carried`].
    type Arguments: Arguments;
}

/// Says what a message method answers.
pub trait Replies {
    /// The reply.
    type Wire: Answer;

    /// Its shape.
    const SHAPE: u64 = <Self::Wire as Answer>::SHAPE;
}

/// [`encode_reply`](crate::message::encode_reply) for the reply of a method.
///
/// # Errors
/// See [`EncodeError`].
pub fn encode_reply_of<M: Replies>(reply: &M::Wire, buf: &mut FrameBuf) -> Result<(), EncodeError> {
    reply.encode(buf)
}

/// [`decode_reply`](crate::message::decode_reply) for the reply of a method.
///
/// # Errors
/// The bytes are malformed.
pub fn decode_reply_of<M: Replies>(body: &Body) -> Result<M::Wire, DecodeError> {
    M::Wire::decode(body)
}

/// Called at the struct's name by the annotation on the struct: the one on the impl must not be forgotten.
pub const fn expect_actor<A: Actor>() {}

/// How an actor without `#[init]` starts.
#[diagnostic::on_unimplemented(
    message = "`{Self}` has no `#[init]` and no `Default`",
    label = "`spec()` does not know how to start it",
    note = "derive `Default`, mark an associated function with `#[init]`, or write `{Self}::spec_with(move || ...)`"
)]
pub trait StartsAsDefault<'a>: Sized {
    /// The new actor.
    fn start() -> Self;
}

impl<T: Default> StartsAsDefault<'_> for T {
    fn start() -> Self {
        Self::default()
    }
}

impl<M: Carries<INDEX>, const INDEX: usize> fmt::Debug for Carried<M, INDEX> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Carried")
    }
}

impl<M: Carries<INDEX>, const INDEX: usize> rkyv::Archive for Carried<M, INDEX> {
    type Archived = <M::Argument as Fit>::Archived;
    type Resolver = <M::Argument as Fit>::Resolver;

    fn resolve(&self, resolver: Self::Resolver, out: Place<Self::Archived>) {
        self.0.resolve(resolver, out);
    }
}

impl<'a, 'b, M: Carries<INDEX>, const INDEX: usize> rkyv::Serialize<Archiver<'a, 'b>> for Carried<M, INDEX> {
    fn serialize(&self, archiver: &mut Archiver<'a, 'b>) -> Result<Self::Resolver, Error> {
        self.0.serialize(archiver)
    }
}

impl<M: Carries<INDEX>, const INDEX: usize> Argument for Carried<M, INDEX> {
    const SHAPE: u64 = <M::Argument as Fit>::SHAPE;

    fn take(archived: &Self::Archived, body: &Body) -> Result<Self, DecodeError> {
        M::Argument::take(archived, body).map(Self)
    }
}

/// [`Argument`] in a form of which nothing follows from rkyv's traits: an argument that cannot travel is told that, and not that it
/// lacks one of them.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot travel between nodes",
    label = "not a message",
    note = "annotate `{Self}` with `#[message]`, or the impl with `#[actor(local)]`"
)]
pub trait Fit: Sized {
    /// The archived form.
    type Archived: Portable + for<'c> CheckBytes<HighValidator<'c, Error>>;
    /// See [`rkyv::Archive::Resolver`].
    type Resolver;
    /// See [`Message::SHAPE`].
    const SHAPE: u64;

    /// See [`rkyv::Archive::resolve`].
    fn resolve(&self, resolver: Self::Resolver, out: Place<Self::Archived>);

    /// See [`rkyv::Serialize::serialize`].
    ///
    /// # Errors
    /// Only a hand-written rkyv impl can fail here.
    fn serialize(&self, archiver: &mut Archiver<'_, '_>) -> Result<Self::Resolver, Error>;

    /// See [`Argument::take`].
    ///
    /// # Errors
    /// A nested archive is malformed.
    fn take(archived: &Self::Archived, body: &Body) -> Result<Self, DecodeError>;
}

#[diagnostic::do_not_recommend]
impl<T: Argument> Fit for T {
    type Archived = <T as rkyv::Archive>::Archived;
    type Resolver = <T as rkyv::Archive>::Resolver;
    const SHAPE: u64 = <T as Argument>::SHAPE;

    fn resolve(&self, resolver: Self::Resolver, out: Place<Self::Archived>) {
        rkyv::Archive::resolve(self, resolver, out);
    }

    fn serialize(&self, archiver: &mut Archiver<'_, '_>) -> Result<Self::Resolver, Error> {
        rkyv::Serialize::serialize(self, archiver)
    }

    fn take(archived: &Self::Archived, body: &Body) -> Result<Self, DecodeError> {
        <T as Argument>::take(archived, body)
    }
}

/// [`Message`] as [`Fit`] is [`Argument`].
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot travel between nodes",
    label = "not a message",
    note = "annotate `{Self}` with `#[message]`, or the impl with `#[actor(local)]`"
)]
pub trait Answer: Sized {
    /// See [`Message::SHAPE`].
    const SHAPE: u64;

    /// See [`encode_reply`](crate::message::encode_reply).
    ///
    /// # Errors
    /// See [`EncodeError`].
    fn encode(&self, buf: &mut FrameBuf) -> Result<(), EncodeError>;

    /// See [`decode_reply`](crate::message::decode_reply).
    ///
    /// # Errors
    /// The bytes are malformed.
    fn decode(body: &Body) -> Result<Self, DecodeError>;
}

#[diagnostic::do_not_recommend]
impl<T: Message> Answer for T {
    const SHAPE: u64 = <T as Message>::SHAPE;

    fn encode(&self, buf: &mut FrameBuf) -> Result<(), EncodeError> {
        crate::message::encode_reply(self, buf)
    }

    fn decode(body: &Body) -> Result<Self, DecodeError> {
        crate::message::decode_reply(body)
    }
}
