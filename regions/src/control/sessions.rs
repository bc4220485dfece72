//! The sessions of the user's system to those of other nodes, one for each node that is needed.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use quorate::System;
use quorate::wire::{ConnectOptions, Peer};

/// Sessions that are kept, at most; beyond, ended ones are dropped first.
const SESSIONS_MAX: usize = 1_024;

/// Sessions by address.
pub(crate) struct Sessions {
    system: System,
    options: ConnectOptions,
    open: Mutex<BTreeMap<SocketAddr, Arc<Peer>>>,
}

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
        let known = self
            .open
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .get(&addr)
            .cloned();
        if let Some(peer) = known.filter(|peer| peer.is_up()) {
            return Some(peer);
        }
        let peer = match self.system.connect(addr, self.options.clone()).await {
            Ok(peer) => Arc::new(peer),
            Err(error) => {
                tracing::debug!("no session to {addr}: {error}");
                return None;
            }
        };
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        if open.len() >= SESSIONS_MAX {
            open.retain(|_, peer| peer.is_up());
        }
        open.insert(addr, Arc::clone(&peer));
        Some(peer)
    }
}
