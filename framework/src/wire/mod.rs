//! Between nodes: sessions over TCP, and what is hashed into the ids and shapes of messages.
//!
//! A node listens with a [`Listener`] and serves its systems there; another [connects](crate::System::connect) and looks actors up
//! through the [`Peer`]. The refs that it gets are like any other.
//!
//! ```text
//! peer, listener, tcp      who talks to whom
//! driver, line, convert    a session at work: tasks, locks, failures as they travel      act
//! session, action,          what each frame and each hello means                          decide
//!   handshake
//! frame, header, incoming, what bytes mean, and the bounds of the buffers                decide
//!   outgoing, fingerprint
//! link, shape              the seam to actors; ids and shapes
//! ```
//!
//! Order holds within a session: requests, replies and `Down`s arrive as they were sent. Two sessions between the same nodes (each
//! has connected to the other, or a control plane has one of its own) are not ordered with one another.
//!
//! What decides reads no socket and no clock, and never panics on what a peer sends. It is public for tests and tools; programs
//! use the listener and the peer.
//!
//! ```
//! # use quorate::prelude::*;
//! use quorate::wire::{ConnectOptions, ListenOptions, Listener};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), quorate::Error> {
//! let server = System::new("server");
//! let listener = Listener::bind_with(([127, 0, 0, 1], 0).into(), ListenOptions::cluster("shop")).await?;
//! listener.serve("app", &server)?;
//!
//! let client = System::new("client");
//! let peer = client.connect(listener.local_addr(), ConnectOptions::new("shop", "app")).await?;
//! assert_eq!(&*peer.node().name, "server");
//! # Ok(())
//! # }
//! ```

mod action;
pub mod code;
mod convert;
mod driver;
pub mod fingerprint;
pub mod frame;
pub mod handshake;
mod header;
pub mod incoming;
mod line;
pub(crate) mod link;
mod listener;
pub mod outgoing;
mod peer;
pub mod session;
pub mod shape;
mod tcp;

pub use self::driver::{FLUSH_TIMEOUT, FULL_PATIENCE};
pub use self::handshake::HelloError;
pub use self::listener::{BindError, GREETINGS_MAX, ListenOptions, Listener, ServeError};
pub use self::peer::{ConnectError, ConnectOptions, LOOKUP_TIMEOUT, LookupError, Peer};
pub use self::session::{CloseReason, Heartbeat};
