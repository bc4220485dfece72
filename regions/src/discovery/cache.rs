//! What is known of a region's contacts, and when to ask again. Pure.
//!
//! ```text
//!            found, or no records: ask again when the TTL is over, within REFRESH_MIN..=REFRESH_MAX
//!           +--------------------------------------------+
//!           v                                            |
//!       [ fresh ] --failed--> [ stale: contacts kept ] --+
//!                                 |      ^ failed: twice as long, RETRY_MIN..=RETRY_MAX
//!                                 +------+
//! ```
//!
//! Promised (rule 23): a failure changes no contact. An answer that does not name a contact any more unlists it; it is
//! forgotten only by an answer that names others, [`FORGET_AFTER`] later. An answer without records never forgets: a zone
//! that somebody emptied by mistake must not strand a region.
//!
//! Not done here: lookups, clocks, and any judgement on who is alive.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::config::HostPort;

use super::contact::{Contact, Contacts};
use super::error::DiscoveryError;

/// A TTL below it, 0 above all, is taken as this.
pub const REFRESH_MIN: Duration = Duration::from_secs(1);
/// A TTL above it is taken as this: a changed region shall be seen within a minute.
pub const REFRESH_MAX: Duration = Duration::from_mins(1);
/// The longest wait after an answer without records: they may be about to be written.
pub const EMPTY_REFRESH_MAX: Duration = Duration::from_secs(10);
/// The wait after the first failure; it doubles with each one that follows.
pub const RETRY_MIN: Duration = Duration::from_millis(250);
/// The longest wait after a failure.
pub const RETRY_MAX: Duration = Duration::from_secs(10);
/// How long a contact is kept after the last answer that named it.
pub const FORGET_AFTER: Duration = Duration::from_mins(10);
/// How many contacts are kept; a region's voters and a few seeds are enough to find the others.
pub const CONTACTS_MAX: usize = 256;

/// What a lookup found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Lookup {
    /// Targets, with their addresses as far as they could be found.
    Found {
        targets: BTreeMap<HostPort, BTreeSet<SocketAddr>>,
        ttl: Duration,
    },
    /// The name has no records, and the answer may be remembered for so long.
    Empty { error: DiscoveryError, ttl: Duration },
    /// No answer that could be used.
    Failed(DiscoveryError),
}

/// What changed, for the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Event {
    /// An answer names a contact that was not listed.
    Listed(HostPort),
    /// An answer does not name it any more.
    Unlisted(HostPort),
    /// It is not tried any longer.
    Forgotten(HostPort),
    /// The last lookup had a problem that the one before did not have.
    Trouble(Arc<DiscoveryError>),
    /// The last lookup had none, the one before did.
    Recovered,
}

/// The contacts of one region.
#[derive(Debug)]
pub(super) struct Cache {
    entries: BTreeMap<HostPort, Entry>,
    answered: bool,
    last_error: Option<Arc<DiscoveryError>>,
    /// Failures in a row.
    failures: u32,
    asked: Option<Instant>,
    next: Instant,
}

#[derive(Debug)]
struct Entry {
    addrs: BTreeSet<SocketAddr>,
    listed: bool,
    named: Instant,
}

impl Cache {
    /// Knows nothing, and wants to ask at once.
    pub(super) fn new(now: Instant) -> Self {
        Self {
            entries: BTreeMap::new(),
            answered: false,
            last_error: None,
            failures: 0,
            asked: None,
            next: now,
        }
    }

    /// When to look up again.
    pub(super) fn next_deadline(&self) -> Instant {
        self.next
    }

    /// What is known.
    pub(super) fn contacts(&self) -> Contacts {
        let contact = |(target, entry): (&HostPort, &Entry)| Contact {
            target: target.clone(),
            addrs: entry.addrs.clone(),
            listed: entry.listed,
        };
        Contacts {
            all: self.entries.iter().map(contact).collect(),
            answered: self.answered,
            last_error: self.last_error.clone(),
        }
    }

    /// Somebody needs a fresh answer: ask now, though not more often than every [`RETRY_MIN`].
    pub(super) fn handle_refresh(&mut self, now: Instant) {
        let soonest = self.asked.map_or(now, |asked| asked + RETRY_MIN);
        self.next = self.next.min(soonest.max(now));
    }

    /// A lookup has ended at `now`.
    pub(super) fn handle_lookup(&mut self, now: Instant, lookup: Lookup) -> Vec<Event> {
        let mut events = Vec::new();
        self.asked = Some(now);
        let (wait, error) = match lookup {
            Lookup::Found { targets, ttl } => {
                let error = trouble(&targets);
                let ttl = ttl.clamp(REFRESH_MIN, REFRESH_MAX);
                self.take_targets(now, targets, &mut events);
                // Missing addresses are missed: they are looked for before the TTL is over.
                (if error.is_some() { ttl.min(RETRY_MAX) } else { ttl }, error)
            }
            Lookup::Empty { error, ttl } => {
                self.unlist_all_but(&BTreeSet::new(), &mut events);
                (ttl.clamp(REFRESH_MIN, EMPTY_REFRESH_MAX), Some(error))
            }
            Lookup::Failed(error) => {
                self.failures = self.failures.saturating_add(1);
                self.next = now + back_off(self.failures);
                self.note(Some(error), &mut events);
                return events;
            }
        };
        self.failures = 0;
        self.answered = true;
        self.next = now + wait;
        self.note(error, &mut events);
        events
    }

    fn take_targets(
        &mut self,
        now: Instant,
        targets: BTreeMap<HostPort, BTreeSet<SocketAddr>>,
        events: &mut Vec<Event>,
    ) {
        let named: BTreeSet<HostPort> = targets.keys().take(CONTACTS_MAX).cloned().collect();
        self.unlist_all_but(&named, events);
        for (target, addrs) in targets.into_iter().take(CONTACTS_MAX) {
            let unknown = || Entry {
                addrs: BTreeSet::new(),
                listed: false,
                named: now,
            };
            let entry = self.entries.entry(target.clone()).or_insert_with(unknown);
            if !addrs.is_empty() {
                entry.addrs = addrs;
            }
            entry.named = now;
            if !std::mem::replace(&mut entry.listed, true) {
                events.push(Event::Listed(target));
            }
        }
        self.forget(now, events);
    }

    fn unlist_all_but(&mut self, named: &BTreeSet<HostPort>, events: &mut Vec<Event>) {
        for (target, entry) in self
            .entries
            .iter_mut()
            .filter(|(target, _)| !named.contains(target))
        {
            if std::mem::replace(&mut entry.listed, false) {
                events.push(Event::Unlisted(target.clone()));
            }
        }
    }

    /// Drops what has been unlisted for long, and the oldest of the unlisted when there are too many.
    fn forget(&mut self, now: Instant, events: &mut Vec<Event>) {
        let mut unlisted: Vec<(Instant, HostPort)> = self
            .entries
            .iter()
            .filter(|(_, entry)| !entry.listed)
            .map(|(target, entry)| (entry.named, target.clone()))
            .collect();
        unlisted.sort();
        let excess = self.entries.len().saturating_sub(CONTACTS_MAX);
        for (index, (named, target)) in unlisted.into_iter().enumerate() {
            if index < excess || now.saturating_duration_since(named) >= FORGET_AFTER {
                self.entries.remove(&target);
                events.push(Event::Forgotten(target));
            }
        }
    }

    fn note(&mut self, error: Option<DiscoveryError>, events: &mut Vec<Event>) {
        match (&self.last_error, error) {
            (Some(last), Some(error)) if **last == error => {}
            (_, Some(error)) => {
                let error = Arc::new(error);
                events.push(Event::Trouble(Arc::clone(&error)));
                self.last_error = Some(error);
            }
            (Some(_), None) => {
                events.push(Event::Recovered);
                self.last_error = None;
            }
            (None, None) => {}
        }
    }
}

/// What is wrong with an answer that can be used all the same.
fn trouble(targets: &BTreeMap<HostPort, BTreeSet<SocketAddr>>) -> Option<DiscoveryError> {
    if targets.len() > CONTACTS_MAX {
        return Some(DiscoveryError::TooMany {
            named: targets.len(),
            used: CONTACTS_MAX,
        });
    }
    let mut bare = targets
        .iter()
        .filter(|(_, addrs)| addrs.is_empty())
        .map(|(target, _)| target);
    let target = bare.next()?.clone();
    Some(DiscoveryError::Unresolved {
        target,
        more: bare.count(),
    })
}

fn back_off(failures: u32) -> Duration {
    // The shift ends far above RETRY_MAX and far below an overflow.
    (RETRY_MIN * (1 << failures.saturating_sub(1).min(16))).min(RETRY_MAX)
}

#[cfg(test)]
#[path = "cache_tests.rs"]
mod tests;
