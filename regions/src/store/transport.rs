//! How a group's replicas reach each other: what the store asks of whoever carries its bytes.
//!
//! The store writes and reads the bytes; a transport only moves them. A lost, late or repeated call is harmless, a bent one is
//! refused; integrity is the transport's (TLS or a checksum).

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use super::node::{RaftId, RaftNode};

/// Bytes of one call between replicas, at most: a transport must carry as much. Larger snapshots go in pieces.
pub const RPC_BYTES_MAX: usize = 8 * 1024 * 1024;

/// What a call between replicas is about. A transport may give each kind its own lane, but need not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum RpcKind {
    /// New entries of the log, or a heartbeat.
    Append,
    /// A request for a vote.
    Vote,
    /// The question whether a vote would be granted.
    PreVote,
    /// A piece of a snapshot.
    Snapshot,
    /// The leader asks the target to take over.
    TransferLeader,
}

impl RpcKind {
    /// Every kind, in the order of [`Self::code`].
    pub const ALL: [Self; 5] = [
        Self::Append,
        Self::Vote,
        Self::PreVote,
        Self::Snapshot,
        Self::TransferLeader,
    ];

    /// Its number on the wire.
    pub const fn code(self) -> u8 {
        match self {
            Self::Append => 0,
            Self::Vote => 1,
            Self::PreVote => 2,
            Self::Snapshot => 3,
            Self::TransferLeader => 4,
        }
    }

    /// The kind of that number, if there is one.
    pub fn from_code(code: u8) -> Option<Self> {
        Self::ALL.get(usize::from(code)).copied()
    }
}

/// Why a call brought no answer. In every case it may or may not have been handled.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum TransportError {
    /// There is no way to the target now; the caller backs off.
    Unreachable,
    /// No answer within the time that was given.
    TimedOut,
    /// The connection broke; the next call may succeed.
    Broken,
}

impl fmt::Display for TransportError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Unreachable => "the replica cannot be reached",
            Self::TimedOut => "the replica did not answer in time",
            Self::Broken => "the connection to the replica broke",
        })
    }
}

impl std::error::Error for TransportError {}

/// The answer of a [`RaftTransport`], to be awaited.
pub type RpcFuture = Pin<Box<dyn Future<Output = Result<Vec<u8>, TransportError>> + Send>>;

/// Carries calls to other replicas of the group.
///
/// On the other side the bytes go to [`RegionStore::handle_rpc`](super::RegionStore::handle_rpc), whose answer comes back.
///
/// # Cancel safety
///
/// A returned future may be dropped at any time; the call may then have been handled or not.
pub trait RaftTransport: Send + Sync + 'static {
    /// Asks the replica `id` on `node` and gives its answer, within `timeout`.
    fn rpc(&self, id: RaftId, node: &RaftNode, kind: RpcKind, body: Vec<u8>, timeout: Duration) -> RpcFuture;
}
