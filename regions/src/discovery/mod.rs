//! Finding the nodes of a region: contacts from DNS SRV records, or from a list.
//!
//! [`Discovery::spawn`] looks a region up, again whenever the answer's TTL is over, and publishes what it knows as
//! [`Contacts`]. What is promised (rule 23 of placement):
//!
//! - DNS only adds candidates. A contact that an answer does not name any more is still tried for
//!   [`FORGET_AFTER`]; only its mark as [`listed`](Contact::listed) goes at once. Absence is never a death.
//! - SERVFAIL, a time-out, garbage or no server at all keep the last good answer. [`Contacts::last_error`] says what is
//!   wrong, and the lookup is repeated, from every [`RETRY_MIN`] to every [`RETRY_MAX`].
//! - A TTL of 0 is no busy loop ([`REFRESH_MIN`]), a long one does not hide a change for long ([`REFRESH_MAX`]).
//!
//! Who is a member of a region is decided by its group, and not here. `cache` decides (pure), `dns` and `fixed` look up, and
//! this file drives them.

mod cache;
mod contact;
mod dns;
mod error;
mod fixed;

use std::sync::Arc;
use std::time::Instant;

use tokio::sync::{Notify, watch};
use tokio::task::AbortHandle;

use crate::config::{DiscoveryConfig, HostPort, RegionName};

pub use self::cache::{
    CONTACTS_MAX, EMPTY_REFRESH_MAX, FORGET_AFTER, REFRESH_MAX, REFRESH_MIN, RETRY_MAX, RETRY_MIN,
};
use self::cache::{Cache, Event, Lookup};
pub use self::contact::{Contact, Contacts};
pub use self::error::DiscoveryError;

/// The discovery of one region's nodes, as it goes on. Dropping it ends it.
#[derive(Debug)]
pub struct Discovery {
    contacts: watch::Receiver<Contacts>,
    refresh: Arc<Notify>,
    task: AbortHandle,
}

impl Discovery {
    /// Begins to look up the nodes of `region`, at once and from then on.
    ///
    /// # Panics
    ///
    /// Outside of a tokio runtime with time and I/O.
    pub fn spawn(region: &RegionName, config: &DiscoveryConfig) -> Self {
        let source = match config {
            DiscoveryConfig::DnsSrv { name, resolvers } => Source::Dns(dns::Source::new(name, resolvers)),
            DiscoveryConfig::Fixed { nodes } => Source::Fixed(nodes.clone()),
        };
        let (sender, contacts) = watch::channel(Contacts::default());
        let refresh = Arc::new(Notify::new());
        let task = tokio::spawn(drive(region.clone(), source, sender, Arc::clone(&refresh)));
        Self {
            contacts,
            refresh,
            task: task.abort_handle(),
        }
    }

    /// What is known, and a wake-up for whenever that changes.
    pub fn contacts(&self) -> watch::Receiver<Contacts> {
        self.contacts.clone()
    }

    /// Asks for a lookup before the TTL is over, when nobody can be reached, say. It may be called often: there are
    /// at least [`RETRY_MIN`] between two lookups.
    pub fn refresh(&self) {
        self.refresh.notify_one();
    }
}

impl Drop for Discovery {
    fn drop(&mut self) {
        self.task.abort();
    }
}

enum Source {
    Dns(dns::Source),
    Fixed(Vec<HostPort>),
}

impl Source {
    async fn lookup(&self) -> Lookup {
        match self {
            Self::Dns(source) => source.lookup().await,
            Self::Fixed(nodes) => fixed::lookup(nodes).await,
        }
    }
}

/// Does what the cache says, until it is aborted.
async fn drive(region: RegionName, source: Source, contacts: watch::Sender<Contacts>, refresh: Arc<Notify>) {
    let mut cache = Cache::new(Instant::now());
    loop {
        tokio::select! {
            biased;
            () = tokio::time::sleep_until(cache.next_deadline().into()) => {
                let lookup = source.lookup().await;
                for event in cache.handle_lookup(Instant::now(), lookup) {
                    log(&region, &event);
                }
                publish(&contacts, cache.contacts());
            }
            () = refresh.notified() => cache.handle_refresh(Instant::now()),
        }
    }
}

/// Wakes nobody when nothing has changed.
fn publish(sender: &watch::Sender<Contacts>, contacts: Contacts) {
    sender.send_if_modified(|last| {
        let changed = *last != contacts;
        if changed {
            *last = contacts;
        }
        changed
    });
}

fn log(region: &RegionName, event: &Event) {
    match event {
        Event::Listed(target) => tracing::info!(%region, %target, "discovery lists a contact"),
        Event::Unlisted(target) => tracing::info!(%region, %target, "discovery lists a contact no more"),
        Event::Forgotten(target) => tracing::info!(%region, %target, "discovery forgets a contact"),
        Event::Trouble(error) => tracing::warn!(%region, "discovery: {error}"),
        Event::Recovered => tracing::info!(%region, "discovery works again"),
    }
}
