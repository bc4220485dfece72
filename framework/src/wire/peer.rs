//! [`Peer`]: a node that this one has connected to, and refs to its actors.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpStream;
use tokio::sync::oneshot;

use super::code;
use super::driver;
use super::frame::{FrameError, Kind, NAME_BYTES_MAX};
use super::handshake::{self, Hello, HelloError};
use super::line::Hold;
use super::link::{Link, RemotePlace};
use super::session::{CloseReason, Heartbeat, NotEntered};
use super::tcp::{self, GreetError};
use crate::actor::Actor;
use crate::actor_ref::ActorRef;
use crate::id::NodeId;
use crate::raw_ref::RawRef;
use crate::registry::Name;
use crate::system::System;

/// How long [`Peer::lookup`] waits for an answer.
pub const LOOKUP_TIMEOUT: Duration = Duration::from_secs(5);

/// Whom to connect to, and how.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ConnectOptions {
    /// The cluster that both ends must belong to. Default: the empty name.
    pub cluster: String,
    /// The label under which the other node serves the system that is wanted. Default: the empty label.
    pub system: String,
    /// How long connecting and greeting may take together. Default 5 s.
    pub timeout: Duration,
    /// How often the session is proved alive.
    pub heartbeat: Heartbeat,
}

impl Default for ConnectOptions {
    fn default() -> Self {
        Self {
            cluster: String::new(),
            system: String::new(),
            timeout: Duration::from_secs(5),
            heartbeat: Heartbeat::default(),
        }
    }
}

impl ConnectOptions {
    /// The defaults, for the system of this label in this cluster.
    pub fn new(cluster: impl Into<String>, system: impl Into<String>) -> Self {
        Self {
            cluster: cluster.into(),
            system: system.into(),
            ..Self::default()
        }
    }

    /// Sets [`ConnectOptions::timeout`].
    #[must_use]
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// Sets [`ConnectOptions::heartbeat`].
    #[must_use]
    pub fn heartbeat(mut self, heartbeat: Heartbeat) -> Self {
        self.heartbeat = heartbeat;
        self
    }
}

/// Why no session was opened. Nothing is left behind; connecting again may succeed.
#[derive(Debug)]
#[non_exhaustive]
pub enum ConnectError {
    /// The connection could not be made, or failed while greeting.
    Io {
        /// The address.
        addr: SocketAddr,
        /// Why.
        source: io::Error,
    },
    /// Connecting and greeting took longer than [`ConnectOptions::timeout`].
    Timeout {
        /// The address.
        addr: SocketAddr,
    },
    /// The other end closed the connection without an answer: nobody accepts there.
    Closed {
        /// The address.
        addr: SocketAddr,
    },
    /// What answered there does not speak this protocol.
    Garbage {
        /// The address.
        addr: SocketAddr,
        /// What was wrong with its bytes.
        source: FrameError,
    },
    /// One of the two ends does not want to talk to the other.
    Refused {
        /// The address.
        addr: SocketAddr,
        /// Why.
        source: HelloError,
    },
    /// This end's system has shut down.
    Shutdown,
}

impl fmt::Display for ConnectError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Io { addr, source } => write!(f, "cannot connect to {addr}: {source}"),
            Self::Timeout { addr } => write!(f, "{addr} did not answer in time"),
            Self::Closed { addr } => write!(f, "{addr} closed the connection without an answer"),
            Self::Garbage { addr, source } => write!(f, "{addr}: {source}"),
            Self::Refused { addr, source } => write!(f, "{addr}: {source}"),
            Self::Shutdown => f.write_str("the system has shut down"),
        }
    }
}

impl std::error::Error for ConnectError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Io { source, .. } => Some(source),
            Self::Garbage { source, .. } => Some(source),
            Self::Refused { source, .. } => Some(source),
            Self::Timeout { .. } | Self::Closed { .. } | Self::Shutdown => None,
        }
    }
}

/// Why there is no ref to a remote actor.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum LookupError {
    /// No actor of that system has this name now.
    NotFound {
        /// The name.
        name: String,
    },
    /// The name belongs to an actor of another type.
    OtherActor {
        /// The name.
        name: String,
        /// The wire name that was asked for.
        wanted: &'static str,
        /// The wire name there.
        found: String,
    },
    /// The actor type is `#[actor(local)]`: its messages do not travel.
    Local {
        /// Its wire name.
        actor: &'static str,
    },
    /// The session has ended.
    NodeDown,
    /// The outgoing buffer or the table of lookups is full.
    Overloaded,
    /// This session has looked up as many actors as it may.
    Full,
    /// No answer within [`LOOKUP_TIMEOUT`].
    Timeout,
    /// The name is longer than a lookup may carry.
    NameTooLong,
}

impl fmt::Display for LookupError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotFound { name } => write!(f, "the peer has no actor named `{name}`"),
            Self::OtherActor { name, wanted, found } => {
                write!(
                    f,
                    "`{name}` is a `{found}` there, not a `{wanted}`; use the same type in both programs"
                )
            }
            Self::Local { actor } => write!(f, "`{actor}` is `#[actor(local)]`: its messages do not travel"),
            Self::NodeDown => f.write_str("the session has ended; connect again"),
            Self::Overloaded => f.write_str("the outgoing buffer is full"),
            Self::Full => f.write_str("this session has looked up as many actors as it may"),
            Self::Timeout => f.write_str("the peer did not answer in time"),
            Self::NameTooLong => write!(f, "a name has at most {NAME_BYTES_MAX} bytes"),
        }
    }
}

impl std::error::Error for LookupError {}

/// A session to another node, opened by this one. A clone is the same session.
///
/// It ends when the other node or the connection does, when it is [closed](Self::close), when its system shuts down, and when
/// every `Peer`, ref and monitor that uses it is gone. It does not come back: a node that restarted is a new
/// incarnation, so connect and look up again. Refs to it answer `NodeDown` from then on, and monitors fire.
#[derive(Clone)]
pub struct Peer {
    hold: Arc<Hold>,
}

impl System {
    /// Opens a session to the node that listens on `addr`.
    ///
    /// # Errors
    /// [`ConnectError`].
    ///
    /// # Cancel safety
    /// Dropped before it is done, no session stays open.
    pub async fn connect(&self, addr: SocketAddr, options: ConnectOptions) -> Result<Peer, ConnectError> {
        let system = self.clone();
        let connecting = self
            .runtime()
            .spawn(async move { connect(&system, addr, options).await });
        connecting.await.unwrap_or(Err(ConnectError::Shutdown))
    }
}

impl Peer {
    /// The node at the other end.
    pub fn node(&self) -> &NodeId {
        self.hold.line().peer()
    }

    /// False once the session has ended.
    pub fn is_up(&self) -> bool {
        self.hold.is_up()
    }

    /// A ref to the actor that has this name there now.
    ///
    /// The ref names the actor's place: it stays good across the actor's restarts, not across the node's.
    ///
    /// # Errors
    /// [`LookupError`].
    pub async fn lookup<A: Actor>(&self, name: Name<A>) -> Result<ActorRef<A>, LookupError> {
        if A::WIRE.is_none() {
            return Err(LookupError::Local { actor: A::NAME });
        }
        let name = name.as_str();
        if name.len() > NAME_BYTES_MAX {
            return Err(LookupError::NameTooLong);
        }
        let line = self.hold.line();
        let (seeker, found) = oneshot::channel();
        let asked = line.session().lookup(name, A::NAME, seeker);
        match asked {
            Ok(frame) => line.tell(&frame),
            Err(NotEntered::Full) => return Err(LookupError::Overloaded),
            Err(NotEntered::Closed) => return Err(LookupError::NodeDown),
        }
        match tokio::time::timeout(LOOKUP_TIMEOUT, found).await {
            Err(_) => Err(LookupError::Timeout),
            Ok(Ok(Ok(target))) => {
                let link = Arc::clone(&self.hold) as Arc<dyn Link>;
                let raw = RawRef::remote(RemotePlace { link, target });
                Ok(ActorRef::from_raw(raw))
            }
            Ok(Ok(Err(Some(outcome)))) => Err(match outcome.code {
                code::lookup::OTHER_ACTOR => LookupError::OtherActor {
                    name: name.to_owned(),
                    wanted: A::NAME,
                    found: outcome.detail,
                },
                code::lookup::FULL => LookupError::Full,
                _ => LookupError::NotFound {
                    name: name.to_owned(),
                },
            }),
            Ok(Ok(Err(None)) | Err(_)) => Err(LookupError::NodeDown),
        }
    }

    /// Waits until the outgoing buffer has room again, or the session has ended: for senders that were answered
    /// `Overloaded`.
    ///
    /// # Cancel safety
    /// It changes nothing.
    pub async fn ready(&self) {
        let line = self.hold.line();
        loop {
            let written = line.written.notified();
            let mut written = std::pin::pin!(written);
            written.as_mut().enable();
            if !line.is_open() || !line.outgoing().is_full() {
                return;
            }
            written.await;
        }
    }

    /// Ends the session: the peer is told, refs answer `NodeDown`, monitors fire. What was sent before is still written.
    pub fn close(&self) {
        self.hold.line().close(CloseReason::Closed);
    }

    /// Waits until the session has ended, and says why.
    ///
    /// # Cancel safety
    /// It changes nothing.
    pub async fn closed(&self) -> CloseReason {
        let mut ended = self.hold.line().ended();
        match ended.wait_for(Option::is_some).await {
            Ok(reason) => reason.clone().unwrap_or(CloseReason::Disconnected),
            Err(_) => CloseReason::Disconnected,
        }
    }
}

impl fmt::Debug for Peer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Peer")
            .field("node", self.node())
            .field("is_up", &self.is_up())
            .finish()
    }
}

async fn connect(system: &System, addr: SocketAddr, options: ConnectOptions) -> Result<Peer, ConnectError> {
    if system.root().is_gone() {
        return Err(ConnectError::Shutdown);
    }
    let node = system.node();
    let ours = Hello::new(&options.cluster, &options.system, &node.name, node.incarnation);
    let greeted = tokio::time::timeout(options.timeout, greet(addr, &ours)).await;
    let (stream, theirs) = greeted.map_err(|_| ConnectError::Timeout { addr })??;
    let peer = NodeId {
        name: theirs.node.into(),
        incarnation: theirs.incarnation,
    };
    let line = driver::open(system, peer, options.heartbeat, stream, ());
    Ok(Peer {
        hold: Hold::new(line),
    })
}

async fn greet(addr: SocketAddr, ours: &Hello) -> Result<(std::net::TcpStream, Hello), ConnectError> {
    let io = |source| ConnectError::Io { addr, source };
    let refused = |source| ConnectError::Refused { addr, source };
    let mut stream = TcpStream::connect(addr).await.map_err(io)?;
    stream.set_nodelay(true).map_err(io)?;
    tcp::greet(&mut stream, Kind::Hello, ours.to_bytes())
        .await
        .map_err(io)?;
    match tcp::greeting(&mut stream).await {
        Ok((Kind::HelloAck, body)) => {
            let (theirs, _version) = handshake::judge_ack(ours, &body).map_err(refused)?;
            Ok((stream.into_std().map_err(io)?, theirs))
        }
        Ok((Kind::HelloRefused, body)) => Err(refused(handshake::read_refusal(ours, &body))),
        Ok(_) | Err(GreetError::Unexpected(_)) => Err(refused(HelloError::Malformed)),
        Err(GreetError::Io(source)) => Err(io(source)),
        Err(GreetError::Closed) => Err(ConnectError::Closed { addr }),
        Err(GreetError::Garbage(source)) => Err(ConnectError::Garbage { addr, source }),
    }
}
