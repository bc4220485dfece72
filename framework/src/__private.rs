//! What only generated code uses. No part of it is public API.

pub use rkyv;

pub use crate::actor::{Actor, ActorHandle, ActorPolicy};
pub use crate::actor_ref::ActorRef;
pub use crate::context::Context;
pub use crate::error::StartError;
pub use crate::exit::ExitReason;
pub use crate::generated::{
    Answer, Carried, Carries, Fit, Replies, StartsAsDefault, Takes, decode_reply_of, encode_reply_of,
    expect_actor,
};
pub use crate::link::Info;
pub use crate::message::{
    Archive, Archived, Argument, Arguments, Body, Bytes, DecodeError, EncodeError, FrameBuf, IntoArchived,
    Message, Text, decode, decode_reply, encode, encode_reply,
};
pub use crate::monitor::Down;
pub use crate::policy::{Backoff, Policy, Restart, Shutdown};
pub use crate::raw_ref::RawRef;
pub use crate::reply::{Port, RemotePort, ReplyPort};
pub use crate::request::{ActorWire, IncomingMethod, Method, MethodWire, Request};
pub use crate::spec::{ChildSpec, IntoStart, Spec, Start, StartFuture};
pub use crate::supervision::{Children, Flags, Strategy, Supervisor, SupervisorMessage, SupervisorSpec};
pub use crate::wire::shape;
