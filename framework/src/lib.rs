//! Typed actors with OTP's supervision and zero-copy messages between nodes.
//!
//! A struct becomes an actor with one annotation on it and one on its methods; what comes out is a typed ref
//! whose methods are requests. Everything below a [`System`] is supervised.
//!
//! ```
//! use quorate::prelude::*;
//!
//! /// A running total.
//! #[actor(restart = transient, mailbox = 1024)]
//! #[derive(Default)]
//! pub struct Counter {
//!     total: u64,
//! }
//!
//! #[actor]
//! impl Counter {
//!     /// Adds `n` and answers the new total.
//!     pub fn add(&mut self, n: u64) -> u64 {
//!         self.total += n;
//!         self.total
//!     }
//!
//!     /// Begins again.
//!     pub async fn reset(&mut self, cx: &mut Context<Self>) {
//!         self.total = 0;
//!     }
//! }
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), quorate::Error> {
//! let system = System::new("demo");
//! let counter = system.spawn(Counter::spec()).await?;
//! counter.add(2).await?; // a call: 5 s deadline, as GenServer.call
//! counter.add(3).timeout(Duration::from_millis(50)).await?;
//! counter.reset().cast()?; // no reply; an error when the mailbox is full
//! system.shutdown().await
//! # }
//! ```
//!
//! # What is promised
//!
//! - **Delivery** is at most once, in order per pair of sender and receiver. A call ends in a reply or an error, by a
//!   deadline. Each variant of [`CallError`] says what is known of the message.
//! - **A ref names a place**, not an incarnation: it stays good across restarts. A restart begins with an empty mailbox; what is
//!   sent between death and the new start waits. Who has heard of the death and sends again sends to the successor.
//! - **A call may be run by its caller**: when the actor is idle and on the same runtime, its method runs on the caller's thread and nobody is
//!   woken. What is promised here holds all the same; [`InPlace`] says what can be told apart, and how to turn it off.
//! - **An actor is no tokio task**: actors run in queues of their own, inside the workers of tokio, on whose thread they were sent to. They may use
//!   its timers and sockets and spawn its tasks as ever; `tokio::task::id()` is that of whoever runs them. An actor that waits behind code
//!   that does not yield is run by another worker after about a millisecond, if there is one.
//! - **No two incarnations overlap**: the successor starts when the state of the dead one is dropped.
//! - **What an actor sent before its end arrives before the news of it**: a [`Down`], or the exit signal of a link.
//! - **Calls in a circle** end at the deadline with [`CallError::Deadlock`], which names who waits for whom.
//! - **Every queue has a bound**. Full is an answer, not an out-of-memory.
//! - **A handler that never yields** cannot be killed in Rust: it is reported as [`ExitReason::Stuck`], its refs answer `Gone`, and
//!   a shutdown goes on without it.
//!
//! # The way of a message
//!
//! ```text
//!   counter.add(2)          a Request: nothing has happened yet
//!        | .await, .cast(), .after(..)
//!        v
//!   RawRef: which place? ---- here ------------------------------------> mailbox (bounded)
//!        |      |                                                           |
//!        |      `-- moves: waits, within its deadline, for a location        v
//!        | on another node                                       turn: match the envelope,
//!        v                                                       call the method, one at a time
//!   rkyv archive of the arguments, under an id and a shape                  |
//!        |  outgoing batch -> TCP -> frame -> session                       | reply port
//!        v                                                                  v
//!   look up the id, compare the shape, check the bytes once --> mailbox    the awaiting caller
//! ```
//!
//! Here, a message is one variant of the actor's enum, moved by value: no box, no erased type, and a cast allocates nothing of its
//! own. Between nodes the enum is never archived whole: id (actor and method) and shape (the structure of arguments and reply) stand in
//! the frame, so that a version which lacks the method answers [`CallError::UnknownMessage`], one which has another answers
//! [`CallError::SchemaMismatch`], and bytes from a peer are read only after a check. `&Archived<T>` is then read where it was received.
//!
//! # Where things are
//!
//! ```text
//! actor, actor_ref, context, request, reply     what a user sees
//! place, seat, mailbox, turn, lane              one actor, one message at a time
//! monitor, link, waits                          what one actor hears of the end, and of the waiting, of others
//! message, wire                                 what may travel, and how
//! supervision, spec, policy, pool               who restarts whom, and lends it
//! tenure, stamp, moving, current                what singletons are made of: an epoch, and a ref that follows
//! registry, at_end, system, tree                names and keys, the root of the tree, and the tree as a value
//! testing                                       for tests of programs with actors (feature `test-util`)
//! ```
//!
//! Sources: OTP's `supervisor` and `gen_server` (restart types, intensity, order of shutdown, the deadline of a call; Elixir's defaults
//! where they differ), rkyv for archives.
//!
//! # Architecture invariants
//!
//! Each is a test in `tests/tests/tidy.rs` of the repository.
//!
//! - This crate never mentions a region, and depends on no crate that does.
//! - What decides (the restarts of a supervisor, frames, the handshake, the session between two nodes) takes `now`, reads no clock and
//!   no socket, and returns what is to be done. The drivers beside it decide nothing.
//! - There is no queue without a bound.

extern crate self as quorate;

#[doc(hidden)]
pub mod __private;
mod actor;
mod actor_ref;
mod alarm;
mod at_end;
mod body;
mod budget;
mod context;
mod current;
mod envelope;
mod error;
mod exit;
mod generated;
mod helping;
mod here;
mod id;
mod kept;
mod label;
mod lane;
mod link;
mod mailbox;
pub mod message;
mod monitor;
mod moving;
mod pace;
mod panics;
mod place;
mod policy;
mod pool;
mod prefetch;
pub mod prelude;
mod raw_ref;
pub mod registry;
mod reply;
mod request;
mod scheduler;
mod seat;
mod seldom;
mod slot;
mod spec;
mod stamp;
mod start_fn;
mod stopwatch;
mod storage;
mod store;
pub mod supervision;
mod sync;
mod system;
mod tenure;
#[cfg(feature = "test-util")]
pub mod testing;
mod timer;
mod tree;
mod turn;
mod waits;
pub mod wire;

pub use quorate_macros::{actor, message, supervisor};

pub use crate::actor::{Actor, ActorHandle, ActorPolicy};
pub use crate::actor_ref::ActorRef;
pub use crate::context::{Context, TASKS_MAX, TooManyTasks};
pub use crate::error::{Error, StartError};
pub use crate::exit::ExitReason;
pub use crate::id::{ActorId, NodeId};
pub use crate::link::{ExitError, Info, LinkError};
pub use crate::mailbox::MAILBOX_MAX;
pub use crate::message::{Archive, Archived, IntoArchived, Message};
pub use crate::monitor::{Down, MonitorId};
pub use crate::moving::Mover;
pub use crate::pace::{InPlace, InPlacePolicy};
pub use crate::policy::{Backoff, Policy, Restart, Shutdown};
pub use crate::pool::{Lent, POOL_WAITING_MAX, Pool, PoolError, PoolHandle, PoolStatus};
pub use crate::raw_ref::RawRef;
pub use crate::registry::{Name, Registry};
pub use crate::reply::ReplyPort;
pub use crate::request::{Call, CallError, CastError, CastWhenRoom, DEFAULT_CALL_TIMEOUT, Method, Request};
pub use crate::spec::{ChildSpec, IntoStart, Spec, Start};
pub use crate::system::{System, SystemBuilder};
pub use crate::tenure::{Tenure, Validity};
pub use crate::timer::Delayed;
pub use crate::tree::{MailboxLevel, Tree, TreeNode};
pub use crate::waits::Awaited;
