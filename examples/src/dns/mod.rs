//! An authoritative DNS server for examples and tests, in this process, on a loopback port.
//!
//! It serves zones whose records change at run time (the SOA serial grows with each change), can be stopped and started
//! again on the same port, and can be told to misbehave, zone by zone or, for bytes that are not DNS, as a whole.
//!
//! ```no_run
//! # async fn demo() -> std::io::Result<()> {
//! use examples::dns::{DnsServer, Record};
//!
//! let server = DnsServer::start().await?;
//! server.set_zone("us-east.internal", [
//!     Record::srv("_shop._tcp.us-east.internal", 1, "node1.us-east.internal", 7401),
//!     Record::a("node1.us-east.internal", 1, [127, 0, 0, 1]),
//! ]).await;
//! println!("resolvers = [\"{}\"]", server.addr());
//! # Ok(())
//! # }
//! ```
//!
//! The answers are those of hickory-server's catalogue: NXDOMAIN and "no data" with the SOA, additional records where it
//! adds them. It is not meant to be reached from anywhere but this machine.

mod answers;
mod garbage;
mod record;

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use hickory_server::Server;
use tokio::net::{TcpListener, UdpSocket};
use tokio::sync::{Mutex, oneshot};
use tokio::task::JoinHandle;

use self::answers::{Answers, Shared};
pub use self::record::Record;

/// How long an idle TCP connection is kept.
const TCP_IDLE: Duration = Duration::from_secs(5);
/// Answers that may wait on one TCP connection.
const TCP_ANSWERS_MAX: usize = 16;
/// How often a free pair of ports is looked for before giving up.
const BIND_TRIES_MAX: usize = 16;

/// How a zone misbehaves.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Fault {
    /// It does not.
    #[default]
    None,
    /// Every query is answered with SERVFAIL.
    ServFail,
    /// Every query is answered with REFUSED.
    Refused,
    /// Every query is answered with NXDOMAIN, without an SOA.
    NxDomain,
    /// No query is answered.
    Silence,
    /// Answers over UDP are marked as truncated and hold one record; over TCP they are whole.
    Truncated,
    /// Answers are marked as truncated over TCP too.
    TruncatedForGood,
}

/// A running server. Dropping it stops it.
#[derive(Debug)]
pub struct DnsServer {
    addr: SocketAddr,
    shared: Arc<Shared>,
    /// With what it does: garbage or not.
    running: Mutex<Option<(Kind, Running)>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Answers,
    Garbage,
}

/// A task that serves. It ends, and closes its sockets, when `stop` is used or dropped.
#[derive(Debug)]
struct Running {
    stop: oneshot::Sender<()>,
    task: JoinHandle<()>,
}

impl DnsServer {
    /// Starts a server without zones on a free port of 127.0.0.1, for UDP and TCP.
    ///
    /// # Errors
    ///
    /// When no port can be had.
    pub async fn start() -> io::Result<Self> {
        Self::start_at(Ipv4Addr::LOCALHOST).await
    }

    /// As [`DnsServer::start`], at another address of this machine.
    ///
    /// # Errors
    ///
    /// When no port can be had.
    pub async fn start_at(ip: Ipv4Addr) -> io::Result<Self> {
        let mut last = io::Error::from(io::ErrorKind::AddrInUse);
        for _ in 0..BIND_TRIES_MAX {
            // The port that TCP gets need not be free for UDP.
            match bind(SocketAddr::from((ip, 0))).await {
                Ok(sockets) => {
                    let addr = sockets.1.local_addr()?;
                    let shared = Arc::new(Shared::default());
                    let running = Some((Kind::Answers, serve(sockets, Arc::clone(&shared))));
                    return Ok(Self {
                        addr,
                        shared,
                        running: Mutex::new(running),
                    });
                }
                Err(error) => last = error,
            }
        }
        Err(last)
    }

    /// Where it answers, whether it runs or not.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Puts these records in place of all that the zone had, and adds 1 to its serial.
    ///
    /// # Panics
    ///
    /// When `origin` is no DNS name, or a record does not belong to the zone.
    pub async fn set_zone(&self, origin: &str, records: impl IntoIterator<Item = Record>) {
        self.shared.set_zone(origin, records.into_iter().collect()).await;
    }

    /// The zone's serial; 0 for a zone that there is not.
    pub async fn serial(&self, origin: &str) -> u32 {
        self.shared.serial(origin).await
    }

    /// Makes a zone misbehave, from the next query on.
    pub async fn set_fault(&self, origin: &str, fault: Fault) {
        self.shared.set_fault(origin, fault).await;
    }

    /// How many queries for SRV records have arrived, in all zones.
    pub fn srv_queries(&self) -> u64 {
        self.shared.srv_queries.load(Ordering::Relaxed)
    }

    /// Stops answering and closes the port, until [`start_again`](Self::start_again).
    pub async fn stop(&self) {
        if let Some((_, running)) = self.running.lock().await.take() {
            running.end().await;
        }
    }

    /// Answers again on the same port. Nothing happens when it already does.
    ///
    /// # Errors
    ///
    /// When somebody else has taken the port; it is then stopped.
    pub async fn start_again(&self) -> io::Result<()> {
        self.run(Kind::Answers).await
    }

    /// Answers every query with bytes that are not DNS, until [`start_again`](Self::start_again).
    ///
    /// # Errors
    ///
    /// When somebody else has taken the port; it is then stopped.
    pub async fn send_garbage(&self) -> io::Result<()> {
        self.run(Kind::Garbage).await
    }

    async fn run(&self, wanted: Kind) -> io::Result<()> {
        let mut running = self.running.lock().await;
        match running.take() {
            Some((kind, same)) if kind == wanted => {
                *running = Some((kind, same));
                return Ok(());
            }
            Some((_, other)) => other.end().await,
            None => {}
        }
        let sockets = bind(self.addr).await?;
        let started = match wanted {
            Kind::Answers => serve(sockets, Arc::clone(&self.shared)),
            Kind::Garbage => garbage::serve(sockets),
        };
        *running = Some((wanted, started));
        Ok(())
    }
}

impl Running {
    /// Ends the task and waits until its sockets are closed.
    async fn end(self) {
        drop(self.stop);
        // A task that panicked has closed its sockets as well.
        let _ = self.task.await;
    }
}

type Sockets = (UdpSocket, TcpListener);

async fn bind(addr: SocketAddr) -> io::Result<Sockets> {
    let tcp = TcpListener::bind(addr).await?;
    let udp = UdpSocket::bind(tcp.local_addr()?).await?;
    Ok((udp, tcp))
}

fn serve((udp, tcp): Sockets, shared: Arc<Shared>) -> Running {
    let mut server = Server::new(Answers(shared));
    server.register_socket(udp);
    server.register_listener(tcp, TCP_IDLE, TCP_ANSWERS_MAX);
    let (stop, mut stopped) = oneshot::channel();
    let task = tokio::spawn(async move {
        let ended = tokio::select! {
            ended = server.block_until_done() => ended,
            _ = &mut stopped => server.shutdown_gracefully().await,
        };
        if let Err(error) = ended {
            tracing::warn!(%error, "the DNS server ended");
        }
    });
    Running { stop, task }
}
