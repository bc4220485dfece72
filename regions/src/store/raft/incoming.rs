//! The answering end of a call between replicas. Its bytes come from a peer: nothing in them is believed before it is checked.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::{Mutex, PoisonError};

use openraft::errors::RaftError;
use openraft::raft::{AppendEntriesRequest, AppendEntriesResponse, SnapshotResponse, VoteRequest};
use openraft::storage::Snapshot;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::id::GroupId;

use super::super::node::RaftId;
use super::super::transport::{RPC_BYTES_MAX, RpcKind};
use super::{Raft, SnapshotMeta, Types, Vote};

/// Bytes of a snapshot that is being received, at most.
const SNAPSHOT_BYTES_MAX: usize = 256 * 1024 * 1024;
/// Terms and indexes from here on are no honest replica's.
const NUMBER_MAX: u64 = 1 << 60;
/// Strange groups that are remembered so that each is reported once.
const STRANGERS_MAX: usize = 16;

/// A call: for whom, from whom, what.
#[derive(Serialize, Deserialize)]
pub(super) struct Envelope<T> {
    pub(super) group: GroupId,
    pub(super) from: RaftId,
    pub(super) to: RaftId,
    pub(super) body: T,
}

/// A piece of a snapshot. The last one is answered by what installing it gave, the others by nothing.
#[derive(Serialize, Deserialize)]
pub(super) struct Piece {
    pub(super) vote: Vote,
    pub(super) meta: SnapshotMeta,
    pub(super) offset: u64,
    pub(super) bytes: Vec<u8>,
    pub(super) last: bool,
}

/// Why a call was not handled.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Refused {
    /// It is for another group; here is this replica's.
    OtherGroup(GroupId),
    /// It is for another replica; here is this one's id.
    OtherReplica(RaftId),
    /// It makes no sense.
    Malformed,
    /// A piece of a snapshot came out of order: begin again.
    OutOfOrder,
    /// This replica stopped.
    Stopped,
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::OtherGroup(group) => write!(f, "the replica is of group {group}"),
            Self::OtherReplica(id) => write!(f, "the replica there is {id}"),
            Self::Malformed => f.write_str("the call makes no sense"),
            Self::OutOfOrder => f.write_str("a piece of a snapshot came out of order"),
            Self::Stopped => f.write_str("the replica stopped"),
        }
    }
}

impl std::error::Error for Refused {}

impl<E> From<RaftError<Types, E>> for Refused {
    fn from(_: RaftError<Types, E>) -> Self {
        Self::Stopped
    }
}

/// Answers the calls of the other replicas.
pub(in super::super) struct Incoming {
    group: GroupId,
    id: RaftId,
    raft: Raft,
    /// The snapshot that is being received: from whom, of what, and its first bytes.
    partial: Mutex<Option<(Vote, SnapshotMeta, Vec<u8>)>>,
    strangers: Mutex<BTreeSet<GroupId>>,
}

impl Incoming {
    pub(in super::super) fn new(group: GroupId, id: RaftId, raft: Raft) -> Self {
        Self {
            group,
            id,
            raft,
            partial: Mutex::default(),
            strangers: Mutex::default(),
        }
    }

    /// Answers a call. Whatever the bytes are, it neither panics nor fails: a refusal is an answer.
    pub(in super::super) async fn handle(&self, kind: RpcKind, bytes: &[u8]) -> Vec<u8> {
        match kind {
            RpcKind::Append => encode(&self.append(bytes).await),
            RpcKind::Vote => encode(&match self.ballot(bytes) {
                Ok(request) => self.raft.vote(request).await.map_err(Refused::from),
                Err(refused) => Err(refused),
            }),
            RpcKind::PreVote => encode(&match self.ballot(bytes) {
                Ok(request) => self.raft.pre_vote(request).await.map_err(Refused::from),
                Err(refused) => Err(refused),
            }),
            RpcKind::Snapshot => encode(&self.piece(bytes).await),
            RpcKind::TransferLeader => encode(&match self.open(bytes) {
                Ok(request) => self
                    .raft
                    .handle_transfer_leader(request)
                    .await
                    .map_err(|_| Refused::Stopped),
                Err(refused) => Err(refused),
            }),
        }
    }

    fn open<T: DeserializeOwned>(&self, bytes: &[u8]) -> Result<T, Refused> {
        if bytes.len() > RPC_BYTES_MAX {
            return Err(Refused::Malformed);
        }
        let (envelope, rest) =
            postcard::take_from_bytes::<Envelope<T>>(bytes).map_err(|_| Refused::Malformed)?;
        let Envelope {
            group,
            from,
            to,
            body,
        } = envelope;
        if group != self.group {
            self.report(group, from);
            return Err(Refused::OtherGroup(self.group));
        }
        if to != self.id {
            return Err(Refused::OtherReplica(self.id));
        }
        if rest.is_empty() {
            Ok(body)
        } else {
            Err(Refused::Malformed)
        }
    }

    /// A second group of one region is a mistake of somebody's: it is said once for each group, and loudly.
    fn report(&self, group: GroupId, from: RaftId) {
        let mut strangers = self.strangers.lock().unwrap_or_else(PoisonError::into_inner);
        if strangers.len() < STRANGERS_MAX && strangers.insert(group) {
            tracing::error!(ours = %self.group, theirs = %group, %from, "a replica of another group calls this one");
        }
    }

    fn ballot(&self, bytes: &[u8]) -> Result<VoteRequest<Types>, Refused> {
        let request: VoteRequest<Types> = self.open(bytes)?;
        if plausible(&request.vote) {
            Ok(request)
        } else {
            Err(Refused::Malformed)
        }
    }

    async fn append(&self, bytes: &[u8]) -> Result<AppendEntriesResponse<Types>, Refused> {
        let request: AppendEntriesRequest<Types> = self.open(bytes)?;
        let first = request.entries.first().map(|entry| entry.log_id.index);
        let follows = match (&request.prev_log_id, first) {
            (_, None) => true,
            (None, Some(first)) => first == 0,
            (Some(previous), Some(first)) => previous.index.checked_add(1) == Some(first),
        };
        let far = request
            .entries
            .iter()
            .any(|entry| entry.log_id.index >= NUMBER_MAX);
        let indexes = request.entries.iter().map(|entry| entry.log_id.index);
        if !follows
            || far
            || !plausible(&request.vote)
            || !indexes.eq(first
                .into_iter()
                .flat_map(|first| first..)
                .take(request.entries.len()))
        {
            return Err(Refused::Malformed);
        }
        Ok(self.raft.append_entries(request).await?)
    }

    async fn piece(&self, bytes: &[u8]) -> Result<Option<SnapshotResponse<Types>>, Refused> {
        let Piece {
            vote,
            meta,
            offset,
            bytes,
            last,
        } = self.open(bytes)?;
        if !plausible(&vote) {
            return Err(Refused::Malformed);
        }
        let whole = {
            let mut partial = self.partial.lock().unwrap_or_else(PoisonError::into_inner);
            let mut so_far = match partial.take() {
                _ if offset == 0 => Vec::new(),
                Some((of, same, so_far)) if of == vote && same == meta && so_far.len() as u64 == offset => {
                    so_far
                }
                _ => return Err(Refused::OutOfOrder),
            };
            if so_far.len() + bytes.len() > SNAPSHOT_BYTES_MAX {
                return Err(Refused::Malformed);
            }
            so_far.extend_from_slice(&bytes);
            if !last {
                *partial = Some((vote, meta, so_far));
                return Ok(None);
            }
            so_far
        };
        // Bytes that are no state would stop this replica when they are installed.
        if super::super::machine::Machine::restore(&whole, crate::lease::Time::default()).is_err() {
            return Err(Refused::Malformed);
        }
        let snapshot = Snapshot {
            meta,
            snapshot: whole.into(),
        };
        Ok(Some(
            self.raft
                .install_full_snapshot(vote, snapshot)
                .await
                .map_err(|_| Refused::Stopped)?,
        ))
    }
}

/// Whether the engine can still count on from this vote.
fn plausible(vote: &Vote) -> bool {
    vote.leader_id.term < NUMBER_MAX
}

fn encode<T: Serialize>(answer: &Result<T, Refused>) -> Vec<u8> {
    // An empty answer is malformed to the caller, which then asks again.
    postcard::to_stdvec(answer).unwrap_or_default()
}
