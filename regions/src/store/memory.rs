//! A transport within one process whose links can be cut and slowed: for tests and simulations.
//!
//! It promises what a network does not: nothing is lost unless a link is cut.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::id::NodeName;

use super::RegionStore;
use super::node::{RaftId, RaftNode};
use super::transport::{RaftTransport, RpcFuture, RpcKind, TransportError};

/// A network of replicas in one process. Clones are the same network.
#[derive(Clone, Default)]
pub struct MemoryNetwork {
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    stores: BTreeMap<NodeName, RegionStore>,
    cut: BTreeSet<(NodeName, NodeName)>,
    delay: Duration,
}

impl MemoryNetwork {
    /// A network without replicas.
    pub fn new() -> Self {
        Self::default()
    }

    /// The transport that `from` sends with.
    pub fn transport(&self, from: NodeName) -> Arc<dyn RaftTransport> {
        Arc::new(MemoryTransport {
            network: self.clone(),
            from,
        })
    }

    /// Calls to `name` go to `store` from now on.
    pub fn attach(&self, name: NodeName, store: RegionStore) {
        self.state().stores.insert(name, store);
    }

    /// Calls to `name` find nobody from now on.
    pub fn detach(&self, name: &NodeName) {
        let store = self.state().stores.remove(name);
        drop(store);
    }

    /// Loses everything from `from` to `to`, in that direction only.
    pub fn cut(&self, from: &NodeName, to: &NodeName) {
        self.state().cut.insert((from.clone(), to.clone()));
    }

    /// Cuts `name` off from every other replica, in both directions.
    pub fn isolate(&self, name: &NodeName) {
        let mut state = self.state();
        let others: Vec<_> = state
            .stores
            .keys()
            .filter(|other| *other != name)
            .cloned()
            .collect();
        for other in others {
            state.cut.insert((other.clone(), name.clone()));
            state.cut.insert((name.clone(), other));
        }
    }

    /// Mends every link.
    pub fn heal(&self) {
        self.state().cut.clear();
    }

    /// Each direction of each call takes this long from now on.
    pub fn delay(&self, delay: Duration) {
        self.state().delay = delay;
    }

    /// Never ends when the link is cut: what is lost is not answered.
    async fn cross(&self, from: &NodeName, to: &NodeName) {
        if self.state().cut.contains(&(from.clone(), to.clone())) {
            std::future::pending::<()>().await;
        }
    }

    fn store(&self, name: &NodeName) -> Option<RegionStore> {
        self.state().stores.get(name).cloned()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

struct MemoryTransport {
    network: MemoryNetwork,
    from: NodeName,
}

impl RaftTransport for MemoryTransport {
    fn rpc(&self, _: RaftId, node: &RaftNode, kind: RpcKind, body: Vec<u8>, timeout: Duration) -> RpcFuture {
        let (network, from, to) = (self.network.clone(), self.from.clone(), node.name.clone());
        let call = async move {
            let delay = network.state().delay;
            tokio::time::sleep(delay).await;
            network.cross(&from, &to).await;
            let Some(store) = network.store(&to) else {
                return Err(TransportError::Unreachable);
            };
            let answer = store.handle_rpc(kind, &body).await;
            tokio::time::sleep(delay).await;
            network.cross(&to, &from).await;
            Ok(answer)
        };
        Box::pin(async move {
            tokio::time::timeout(timeout, call)
                .await
                .unwrap_or(Err(TransportError::TimedOut))
        })
    }
}
