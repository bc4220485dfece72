//! Carries the calls of a region's replicas over the voters' actors.

use std::sync::Arc;
use std::time::Duration;

use quorate::CallError;
use tokio::sync::watch;

use crate::config::HostPort;
use crate::discovery::Contacts;
use crate::store::{RaftId, RaftNode, RaftTransport, RpcFuture, RpcKind, TransportError};

use super::client::resolve;
use super::doors::Doors;
use super::voter::{RaftReply, Voter};

/// A transport between the voters of one region.
pub(crate) struct VoterTransport {
    pub(crate) contacts: watch::Receiver<Contacts>,
    pub(crate) doors: Arc<Doors<Voter>>,
}

impl RaftTransport for VoterTransport {
    fn rpc(&self, _: RaftId, node: &RaftNode, kind: RpcKind, body: Vec<u8>, timeout: Duration) -> RpcFuture {
        let addr =
            HostPort::parse(&node.address).and_then(|target| resolve(&self.contacts.borrow(), &target));
        let doors = Arc::clone(&self.doors);
        Box::pin(async move {
            let addr = addr.ok_or(TransportError::Unreachable)?;
            let call = async {
                let voter = doors
                    .at(addr, timeout)
                    .await
                    .map_err(|_| TransportError::Unreachable)?;
                match voter.raft(kind.code(), body).timeout(timeout).await {
                    Ok(RaftReply::Answer(answer)) => Ok(answer),
                    Ok(RaftReply::Unavailable | RaftReply::Malformed) => Err(TransportError::Unreachable),
                    Err(CallError::Timeout) => Err(TransportError::TimedOut),
                    Err(_) => Err(TransportError::Broken),
                }
            };
            tokio::time::timeout(timeout, call)
                .await
                .unwrap_or(Err(TransportError::TimedOut))
        })
    }
}
