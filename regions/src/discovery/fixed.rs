//! Contacts from a list. Addresses stand for themselves; names are resolved by the system, again and again.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::time::Duration;

use crate::config::HostPort;

use super::cache::{Lookup, REFRESH_MAX};

/// The system's resolver says no TTL.
const RESOLVE_EVERY: Duration = Duration::from_secs(30);
/// How long one name may take.
const RESOLVE_TIMEOUT: Duration = Duration::from_secs(5);

/// Resolves every entry. One that cannot be resolved is a contact without an address.
pub(super) async fn lookup(nodes: &[HostPort]) -> Lookup {
    let mut targets: BTreeMap<HostPort, BTreeSet<SocketAddr>> = BTreeMap::new();
    let mut ttl = REFRESH_MAX;
    for node in nodes {
        let addrs = if let Some(addr) = node.socket_addr() {
            BTreeSet::from([addr])
        } else {
            ttl = RESOLVE_EVERY;
            resolve(node).await
        };
        targets.insert(node.clone(), addrs);
    }
    Lookup::Found { targets, ttl }
}

async fn resolve(node: &HostPort) -> BTreeSet<SocketAddr> {
    let lookup = tokio::net::lookup_host((node.host.as_str(), node.port));
    match tokio::time::timeout(RESOLVE_TIMEOUT, lookup).await {
        Ok(Ok(addrs)) => addrs.collect(),
        Ok(Err(_)) | Err(_) => BTreeSet::new(),
    }
}
