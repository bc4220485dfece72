//! What discovery knows of a region: its contacts.
//!
//! A contact is an address to try, never a member: who is in the region is decided by its group. So a contact that DNS
//! no longer names is kept for a while, marked as no longer listed, and nobody dies of it (rule 23).

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::sync::Arc;

use crate::config::HostPort;

use super::error::DiscoveryError;

/// A place where a node of a region may be reached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Contact {
    /// The target and port of an SRV record, or the entry of a fixed list. It identifies the contact.
    pub target: HostPort,
    /// Where to connect, any of them; empty as long as the target's name has not been resolved. Addresses of a target
    /// that can no longer be resolved stay.
    pub addrs: BTreeSet<SocketAddr>,
    /// Whether the last good answer named it. Formation counts these only.
    pub listed: bool,
}

/// The contacts of one region, as of the last lookup.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Contacts {
    /// All that are worth a try, in the order of their targets: listed ones, and those that were listed not long ago.
    pub all: Vec<Contact>,
    /// Whether there has been an answer at all since the start, be it an empty one.
    pub answered: bool,
    /// What went wrong with the last lookup; `None` when nothing did.
    pub last_error: Option<Arc<DiscoveryError>>,
}

impl Contacts {
    /// The contacts that the last good answer named.
    pub fn listed(&self) -> impl Iterator<Item = &Contact> {
        self.all.iter().filter(|contact| contact.listed)
    }

    /// Every address to try, listed or not, each once.
    pub fn addrs(&self) -> BTreeSet<SocketAddr> {
        self.all
            .iter()
            .flat_map(|contact| contact.addrs.iter().copied())
            .collect()
    }
}
