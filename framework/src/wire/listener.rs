//! [`Listener`]: where other nodes connect to the systems of this one.
//!
//! One listener serves several systems, each under a label that a connecting node names in its hello; the accepted
//! socket then moves to that system's runtime. So a control plane keeps a runtime and sessions of its own on the port that
//! it shares.
//!
//! Bounded: connections that have not greeted yet, the time that they may take for it, and sessions. What a connection sends
//! before its hello is accepted disturbs nobody: it is answered with a refusal where that is possible, and closed.
//!
//! Not yet here: authentication. Therefore a listener binds to a loopback address only.

use std::collections::HashMap;
use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::AbortHandle;

use super::driver;
use super::frame::Kind;
use super::handshake::{self, Hello, HelloError, LABEL_BYTES_MAX};
use super::session::Heartbeat;
use super::tcp::{self, GreetError};
use crate::id::NodeId;
use crate::system::System;

/// Connections that may be greeting at one time; more wait in the kernel's backlog.
pub const GREETINGS_MAX: usize = 64;
/// How long accepting pauses after it failed, as it does when the process has no file descriptor left.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// How a listener treats those who connect.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ListenOptions {
    /// Only nodes of this cluster are talked to. Default: the empty name, as in [`ConnectOptions`](super::ConnectOptions).
    pub cluster: String,
    /// Sessions that may be open at one time. Default 1024.
    pub sessions_max: usize,
    /// How long a connection may take to greet. Default 5 s.
    pub hello_timeout: Duration,
    /// How often a session is proved alive.
    pub heartbeat: Heartbeat,
}

impl Default for ListenOptions {
    fn default() -> Self {
        Self {
            cluster: String::new(),
            sessions_max: 1024,
            hello_timeout: Duration::from_secs(5),
            heartbeat: Heartbeat::default(),
        }
    }
}

impl ListenOptions {
    /// The defaults, for this cluster.
    pub fn cluster(name: impl Into<String>) -> Self {
        Self {
            cluster: name.into(),
            ..Self::default()
        }
    }

    /// Sets [`ListenOptions::sessions_max`].
    #[must_use]
    pub fn sessions_max(mut self, sessions_max: usize) -> Self {
        self.sessions_max = sessions_max;
        self
    }

    /// Sets [`ListenOptions::hello_timeout`].
    #[must_use]
    pub fn hello_timeout(mut self, hello_timeout: Duration) -> Self {
        self.hello_timeout = hello_timeout;
        self
    }

    /// Sets [`ListenOptions::heartbeat`].
    #[must_use]
    pub fn heartbeat(mut self, heartbeat: Heartbeat) -> Self {
        self.heartbeat = heartbeat;
        self
    }
}

/// Why a listener was not bound.
#[derive(Debug)]
#[non_exhaustive]
pub enum BindError {
    /// The address can be reached from other machines, and nothing yet proves who connects.
    NotLoopback {
        /// The address.
        addr: SocketAddr,
    },
    /// The operating system refused.
    Io {
        /// The address.
        addr: SocketAddr,
        /// Why.
        source: io::Error,
    },
}

impl fmt::Display for BindError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotLoopback { addr } => write!(
                f,
                "{addr} can be reached from other machines, and sessions are not authenticated yet; listen on a \
                 loopback address (127.0.0.1 or ::1)"
            ),
            Self::Io { addr, source } => write!(f, "cannot listen on {addr}: {source}"),
        }
    }
}

impl std::error::Error for BindError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::NotLoopback { .. } => None,
            Self::Io { source, .. } => Some(source),
        }
    }
}

/// Why a system is not served.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ServeError {
    /// Another system is served under this label.
    LabelTaken {
        /// The label.
        label: String,
    },
    /// The label is longer than 255 bytes.
    LabelTooLong,
}

impl fmt::Display for ServeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::LabelTaken { label } => {
                write!(
                    f,
                    "another system is served as `{label}` already; choose another label"
                )
            }
            Self::LabelTooLong => write!(f, "a system's label has at most {LABEL_BYTES_MAX} bytes"),
        }
    }
}

impl std::error::Error for ServeError {}

/// Accepts sessions for the systems that it serves. Dropping it stops accepting; open sessions go on.
#[derive(Debug)]
pub struct Listener {
    addr: SocketAddr,
    shared: Arc<Shared>,
    accepting: AbortHandle,
}

struct Shared {
    options: ListenOptions,
    systems: Mutex<HashMap<String, System>>,
    sessions: Arc<Semaphore>,
}

impl Listener {
    /// Listens with the default options.
    ///
    /// # Errors
    /// [`BindError`].
    ///
    /// # Panics
    /// Outside of a tokio runtime. Connections are accepted on this runtime.
    pub async fn bind(addr: SocketAddr) -> Result<Self, BindError> {
        Self::bind_with(addr, ListenOptions::default()).await
    }

    /// Listens. Connections are refused until a system is served.
    ///
    /// # Errors
    /// [`BindError`].
    ///
    /// # Panics
    /// Outside of a tokio runtime. Connections are accepted on this runtime.
    pub async fn bind_with(addr: SocketAddr, options: ListenOptions) -> Result<Self, BindError> {
        if !addr.ip().is_loopback() {
            return Err(BindError::NotLoopback { addr });
        }
        let io = |source| BindError::Io { addr, source };
        let listener = TcpListener::bind(addr).await.map_err(io)?;
        let addr = listener.local_addr().map_err(io)?;
        let shared = Arc::new(Shared {
            sessions: Arc::new(Semaphore::new(options.sessions_max.min(Semaphore::MAX_PERMITS))),
            options,
            systems: Mutex::new(HashMap::new()),
        });
        let accepting = tokio::spawn(accept(listener, Arc::clone(&shared))).abort_handle();
        Ok(Self {
            addr,
            shared,
            accepting,
        })
    }

    /// The address that it listens on, with the port that was chosen for port 0.
    pub fn local_addr(&self) -> SocketAddr {
        self.addr
    }

    /// Lets other nodes connect to `system` under `label`. Its actors with a name can then be looked up.
    ///
    /// # Errors
    /// [`ServeError`]; nothing was changed.
    pub fn serve(&self, label: &str, system: &System) -> Result<(), ServeError> {
        if label.len() > LABEL_BYTES_MAX {
            return Err(ServeError::LabelTooLong);
        }
        let mut systems = self.shared.systems();
        if systems.contains_key(label) {
            return Err(ServeError::LabelTaken {
                label: label.to_owned(),
            });
        }
        systems.insert(label.to_owned(), system.clone());
        Ok(())
    }

    /// Accepts no more sessions for `label`; open ones go on.
    pub fn withdraw(&self, label: &str) {
        self.shared.systems().remove(label);
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

impl Shared {
    fn systems(&self) -> MutexGuard<'_, HashMap<String, System>> {
        self.systems.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shared")
            .field("options", &self.options)
            .finish_non_exhaustive()
    }
}

async fn accept(listener: TcpListener, shared: Arc<Shared>) {
    let greetings = Arc::new(Semaphore::new(GREETINGS_MAX));
    loop {
        let Ok(greeting) = Arc::clone(&greetings).acquire_owned().await else {
            return;
        };
        match listener.accept().await {
            Ok((stream, from)) => {
                let shared = Arc::clone(&shared);
                tokio::spawn(async move {
                    let limit = shared.options.hello_timeout;
                    match tokio::time::timeout(limit, welcome(&shared, stream)).await {
                        Ok(Ok(())) => {}
                        Ok(Err(why)) => {
                            tracing::warn!(target: "quorate::wire", %from, %why, "a connection was refused");
                        }
                        Err(_) => {
                            tracing::warn!(target: "quorate::wire", %from, ?limit, "a connection did not greet in time");
                        }
                    }
                    drop(greeting);
                });
            }
            Err(error) => {
                tracing::warn!(target: "quorate::wire", %error, "accepting a connection failed");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

/// Reads the hello, answers it, and opens the session on the system's runtime.
async fn welcome(shared: &Shared, mut stream: TcpStream) -> Result<(), Refused> {
    stream.set_nodelay(true).map_err(GreetError::Io)?;
    let theirs = match tcp::greeting(&mut stream).await? {
        (Kind::Hello, body) => Hello::from_bytes(&body),
        (kind, _) => return Err(GreetError::Unexpected(kind).into()),
    };
    let (ours, admitted) = shared.admit(theirs);
    match admitted {
        Ok(admitted) => {
            let ack = handshake::ack(&ours, admitted.version);
            tcp::greet(&mut stream, Kind::HelloAck, ack)
                .await
                .map_err(GreetError::Io)?;
            let stream = stream.into_std().map_err(GreetError::Io)?;
            let heartbeat = shared.options.heartbeat;
            driver::open(
                &admitted.system,
                admitted.peer,
                heartbeat,
                stream,
                Some(admitted.permit),
            );
            Ok(())
        }
        Err(error) => {
            let refusal = handshake::refusal(&ours, &error);
            tcp::greet(&mut stream, Kind::HelloRefused, refusal)
                .await
                .map_err(GreetError::Io)?;
            Err(error.into())
        }
    }
}

/// A node that may talk to one of the systems.
struct Admitted {
    system: System,
    peer: NodeId,
    version: u16,
    permit: OwnedSemaphorePermit,
}

impl Shared {
    /// What this end says of itself, and whether the other end is let in.
    fn admit(&self, theirs: Result<Hello, HelloError>) -> (Hello, Result<Admitted, HelloError>) {
        let label = theirs.as_ref().map_or("", |theirs| &theirs.system);
        let system = self
            .systems()
            .get(label)
            .filter(|system| !system.root().is_gone())
            .cloned();
        let (name, incarnation) = system.as_ref().map_or(("", 0), |system| {
            (&*system.node().name, system.node().incarnation)
        });
        let ours = Hello::new(&self.options.cluster, label, name, incarnation);
        let admitted = theirs.and_then(|theirs| {
            let version = handshake::judge(&ours, &theirs)?;
            let system = system.ok_or(HelloError::NoSuchSystem {
                system: theirs.system,
            })?;
            let permit = Arc::clone(&self.sessions)
                .try_acquire_owned()
                .map_err(|_| HelloError::Full {
                    node: ours.node.clone(),
                })?;
            let peer = NodeId {
                name: theirs.node.into(),
                incarnation: theirs.incarnation,
            };
            Ok(Admitted {
                system,
                peer,
                version,
                permit,
            })
        });
        (ours, admitted)
    }
}

/// Why a connection was closed before a session began.
#[derive(Debug)]
enum Refused {
    Greet(GreetError),
    Hello(HelloError),
}

impl From<GreetError> for Refused {
    fn from(error: GreetError) -> Self {
        Self::Greet(error)
    }
}

impl From<HelloError> for Refused {
    fn from(error: HelloError) -> Self {
        Self::Hello(error)
    }
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Greet(error) => error.fmt(f),
            Self::Hello(error) => error.fmt(f),
        }
    }
}
