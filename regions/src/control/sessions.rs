//! The sessions of the user's system to those of other nodes, one for each node that is needed.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use quorate::System;
use quorate::wire::{ConnectOptions, Peer};
use tokio::sync::Mutex as AsyncMutex;

/// Sessions that are kept, at most; beyond, ended ones are dropped first.
const SESSIONS_MAX: usize = 1_024;

/// Sessions by address.
pub(crate) struct Sessions {
    system: System,
    options: ConnectOptions,
    open: Mutex<BTreeMap<SocketAddr, Arc<Slot>>>,
}

/// Locked while the session is being opened, so that all who want one share it.
type Slot = AsyncMutex<Option<Arc<Peer>>>;

impl Sessions {
    pub(crate) fn new(system: System, options: ConnectOptions) -> Self {
        Self {
            system,
            options,
            open: Mutex::new(BTreeMap::new()),
        }
    }

    /// The session to the node that listens at `addr`; `None` when there is no way there now.
    pub(crate) async fn at(&self, addr: SocketAddr) -> Option<Arc<Peer>> {
        let slot = self.slot(addr);
        let mut slot = slot.lock().await;
        if let Some(peer) = slot.as_ref().filter(|peer| peer.is_up()) {
            return Some(Arc::clone(peer));
        }
        let connected = self.system.connect(addr, self.options.clone()).await;
        let peer = connected.inspect_err(|error| tracing::debug!("no session to {addr}: {error}"));
        *slot = peer.ok().map(Arc::new);
        slot.clone()
    }

    fn slot(&self, addr: SocketAddr) -> Arc<Slot> {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        if open.len() >= SESSIONS_MAX {
            open.retain(|_, slot| {
                slot.try_lock()
                    .is_ok_and(|slot| slot.as_ref().is_some_and(|peer| peer.is_up()))
            });
        }
        Arc::clone(open.entry(addr).or_default())
    }
}
