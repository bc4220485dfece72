//! The calling end: openraft's network on top of a [`RaftTransport`].
//!
//! Every call carries the group and the id of the replica that it is for, so that a second group, or a wiped node at an old address,
//! refuses it. A pre-vote that cannot be asked is an error: openraft's default would count it as granted.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use openraft::errors::{NetworkError, RPCError, ReplicationClosed, StreamingError, Timeout, Unreachable};
use openraft::network::{RPCOption, RPCTypes, RaftNetworkFactory, RaftNetworkV2};
use openraft::raft::{
    AppendEntriesRequest, AppendEntriesResponse, SnapshotResponse, TransferLeaderRequest,
    TransferLeaderResponse, VoteRequest, VoteResponse,
};
use openraft::type_config::alias::SnapshotOf;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::id::GroupId;

use super::super::node::{RaftId, RaftNode};
use super::super::transport::{RaftTransport, RpcKind, TransportError};
use super::incoming::{Envelope, Piece, Refused};
use super::{Types, Vote};

/// Bytes of a snapshot in one call.
const PIECE_BYTES: usize = 256 * 1024;

/// Makes the callers, one for each replica.
#[derive(Clone)]
pub(in super::super) struct Network {
    pub(in super::super) group: GroupId,
    pub(in super::super) id: RaftId,
    pub(in super::super) transport: Arc<dyn RaftTransport>,
}

impl RaftNetworkFactory<Types> for Network {
    type Network = Caller;

    async fn new_client(&mut self, target: RaftId, node: &RaftNode) -> Caller {
        Caller {
            network: self.clone(),
            target,
            node: node.clone(),
        }
    }
}

/// Calls one replica.
pub(in super::super) struct Caller {
    network: Network,
    target: RaftId,
    node: RaftNode,
}

impl Caller {
    async fn call<Q: Serialize, A: DeserializeOwned>(
        &self,
        kind: RpcKind,
        request: &Q,
        timeout: Duration,
    ) -> Result<A, RPCError<Types>> {
        let Network { group, id, transport } = &self.network;
        let envelope = Envelope {
            group: *group,
            from: *id,
            to: self.target,
            body: request,
        };
        let body = postcard::to_stdvec(&envelope).map_err(|error| NetworkError::new(&error))?;
        let answer = transport.rpc(self.target, &self.node, kind, body, timeout);
        let answer = match tokio::time::timeout(timeout, answer)
            .await
            .unwrap_or(Err(TransportError::TimedOut))
        {
            Ok(answer) => answer,
            Err(TransportError::TimedOut) => return Err(self.timed_out(kind, timeout).into()),
            Err(error @ TransportError::Unreachable) => return Err(Unreachable::new(&error).into()),
            Err(error @ TransportError::Broken) => return Err(NetworkError::new(&error).into()),
        };
        let answer: Result<A, Refused> =
            postcard::from_bytes(&answer).map_err(|error| Unreachable::new(&error))?;
        // What refuses now will refuse again: back off.
        answer.map_err(|refused| Unreachable::new(&refused).into())
    }

    fn timed_out(&self, kind: RpcKind, timeout: Duration) -> Timeout<Types> {
        let action = match kind {
            RpcKind::Append => RPCTypes::AppendEntries,
            RpcKind::Vote | RpcKind::PreVote => RPCTypes::Vote,
            RpcKind::Snapshot => RPCTypes::InstallSnapshot,
            RpcKind::TransferLeader => RPCTypes::TransferLeader,
        };
        Timeout {
            action,
            id: self.network.id,
            target: self.target,
            timeout,
        }
    }

    async fn send_snapshot(
        &self,
        vote: Vote,
        snapshot: SnapshotOf<Types, Bytes>,
        option: &RPCOption,
    ) -> Result<SnapshotResponse<Types>, RPCError<Types>> {
        let total = snapshot.snapshot.len();
        let mut offset = 0;
        loop {
            let end = total.min(offset + PIECE_BYTES);
            let piece = Piece {
                vote,
                meta: snapshot.meta.clone(),
                offset: offset as u64,
                bytes: snapshot.snapshot[offset..end].to_vec(),
                last: end == total,
            };
            let answer: Option<SnapshotResponse<Types>> =
                self.call(RpcKind::Snapshot, &piece, option.soft_ttl()).await?;
            match answer {
                Some(answer) => return Ok(answer),
                None if end == total => return Err(NetworkError::new(&Refused::Malformed).into()),
                None => offset = end,
            }
        }
    }
}

impl RaftNetworkV2<Types> for Caller {
    type SnapshotData = Bytes;

    async fn append_entries(
        &mut self,
        request: AppendEntriesRequest<Types>,
        option: RPCOption,
    ) -> Result<AppendEntriesResponse<Types>, RPCError<Types>> {
        self.call(RpcKind::Append, &request, option.soft_ttl()).await
    }

    async fn vote(
        &mut self,
        request: VoteRequest<Types>,
        option: RPCOption,
    ) -> Result<VoteResponse<Types>, RPCError<Types>> {
        self.call(RpcKind::Vote, &request, option.soft_ttl()).await
    }

    async fn pre_vote(
        &mut self,
        request: VoteRequest<Types>,
        option: RPCOption,
    ) -> Result<VoteResponse<Types>, RPCError<Types>> {
        self.call(RpcKind::PreVote, &request, option.soft_ttl()).await
    }

    async fn full_snapshot(
        &mut self,
        vote: Vote,
        snapshot: SnapshotOf<Types, Bytes>,
        cancel: impl Future<Output = ReplicationClosed> + Send + 'static,
        option: RPCOption,
    ) -> Result<SnapshotResponse<Types>, StreamingError<Types>> {
        tokio::select! {
            closed = cancel => Err(closed.into()),
            sent = self.send_snapshot(vote, snapshot, &option) => Ok(sent?),
        }
    }

    async fn transfer_leader(
        &mut self,
        request: TransferLeaderRequest<Types>,
        option: RPCOption,
    ) -> Result<TransferLeaderResponse<Types>, RPCError<Types>> {
        self.call(RpcKind::TransferLeader, &request, option.soft_ttl())
            .await
    }
}
