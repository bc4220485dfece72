//! Asking a region: its leader, wherever that is.
//!
//! Whoever answered last is asked first, then whom it named, then every contact that discovery knows. All requests of the lease protocol may be
//! asked again, so an attempt that brings nothing is followed by the next one until the time is up.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{Semaphore, watch};
use tokio::time::Instant;

use crate::config::HostPort;
use crate::discovery::Contacts;
use crate::formation::RegionView;
use crate::lease::{Answer, Ask, Request};

use super::doors::Doors;
use super::voter::{LeaseReply, Voter};

/// How long one voter may take before the next one is asked, at least; else half of the time for the request.
const ATTEMPT_MIN: Duration = Duration::from_millis(400);
/// Between two rounds in which no voter could answer: at first, and at most.
const PAUSE_MIN: Duration = Duration::from_millis(10);
const PAUSE_MAX: Duration = Duration::from_millis(160);
/// Requests to one region under way, at most, bar renewals, of which there are never many: one too many is not sent, and its sender sends it
/// again. So a crowd of candidates keeps no renewal waiting.
const UNDER_WAY_MAX: usize = 256;

/// Asks one region.
pub(crate) struct RegionClient {
    contacts: watch::Receiver<Contacts>,
    doors: Arc<Doors<Voter>>,
    /// Whoever answered last.
    leader: Mutex<Option<SocketAddr>>,
    under_way: Semaphore,
}

enum Told {
    Answer(Box<Answer>),
    Leader(Option<SocketAddr>),
    Nothing,
}

impl RegionClient {
    pub(crate) fn new(contacts: watch::Receiver<Contacts>, doors: Arc<Doors<Voter>>) -> Self {
        Self {
            contacts,
            doors,
            leader: Mutex::new(None),
            under_way: Semaphore::new(UNDER_WAY_MAX),
        }
    }

    /// The region's answer; `None` when there is none in time.
    ///
    /// # Cancel safety
    ///
    /// When dropped, the request may have been handled or not.
    pub(crate) async fn ask(&self, request: &Request, timeout: Duration) -> Option<Answer> {
        let _permit = match request.ask {
            Ask::Renew(_) | Ask::List(_) => None,
            _ => Some(self.under_way.try_acquire().ok()?),
        };
        let bytes = postcard::to_stdvec(request).ok()?;
        tokio::time::timeout(timeout, self.ask_all(&bytes, Instant::now() + timeout))
            .await
            .ok()
    }

    async fn ask_all(&self, bytes: &[u8], deadline: Instant) -> Answer {
        let mut pause = PAUSE_MIN;
        let patience = ATTEMPT_MIN.max(deadline.saturating_duration_since(Instant::now()) / 2);
        loop {
            let mut next = *self.leader();
            let mut left: Vec<SocketAddr> = self.contacts.borrow().addrs().into_iter().collect();
            let mut asked = BTreeSet::new();
            while let Some(addr) = next.take().or_else(|| left.pop()) {
                // Once in a round: two that name each other must not hold us up.
                if !asked.insert(addr) {
                    continue;
                }
                match self.ask_one(addr, bytes, deadline, patience).await {
                    Told::Answer(answer) => {
                        *self.leader() = Some(addr);
                        return *answer;
                    }
                    Told::Leader(named) => next = named.filter(|named| !asked.contains(named)),
                    Told::Nothing => {
                        self.leader().take_if(|leader| *leader == addr);
                    }
                }
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(PAUSE_MAX);
        }
    }

    fn leader(&self) -> MutexGuard<'_, Option<SocketAddr>> {
        self.leader.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn ask_one(&self, addr: SocketAddr, bytes: &[u8], deadline: Instant, patience: Duration) -> Told {
        let patience = patience.min(deadline.saturating_duration_since(Instant::now()));
        let Ok(voter) = self.doors.at(addr, patience).await else {
            return Told::Nothing;
        };
        match voter.lease(bytes).timeout(patience).await {
            Ok(LeaseReply::Answer(bytes)) => {
                postcard::from_bytes(&bytes).map_or(Told::Nothing, |answer| Told::Answer(Box::new(answer)))
            }
            Ok(LeaseReply::NotLeader(leader)) => Told::Leader(
                leader.and_then(|leader| resolve(&self.contacts.borrow(), &HostPort::parse(&leader)?)),
            ),
            Ok(LeaseReply::Unavailable | LeaseReply::Malformed) | Err(_) => Told::Nothing,
        }
    }

    /// What the region says of itself, by the first voter that has something to say.
    pub(crate) async fn view(&self, patience: Duration) -> Option<RegionView> {
        let addrs = self.contacts.borrow().addrs();
        for addr in addrs {
            let Ok(voter) = self.doors.at(addr, patience).await else {
                continue;
            };
            let Ok(bytes) = voter.view().timeout(patience).await else {
                continue;
            };
            if let Ok(view) = postcard::from_bytes(&bytes) {
                return Some(view);
            }
        }
        None
    }
}

/// The socket address of a node, as discovery knows it.
pub(crate) fn resolve(contacts: &Contacts, target: &HostPort) -> Option<SocketAddr> {
    let known = || {
        contacts
            .all
            .iter()
            .find(|contact| contact.target == *target)?
            .addrs
            .first()
            .copied()
    };
    target.socket_addr().or_else(known)
}
