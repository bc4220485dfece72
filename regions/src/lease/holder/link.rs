//! What a holder knows of one region, and which of its messages there may still be answered.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::id::{Epoch, GroupId, Incarnation, ResourceId};

use super::super::clock::Time;
use super::super::message::Seq;
use super::super::op::{Index, Standing};
use super::super::timing::Timing;

/// Requests to one region that may still be answered, at most; the oldest is forgotten beyond.
const OUTSTANDING_MAX: usize = 65_536;

/// One region.
#[derive(Debug)]
pub(super) struct Link {
    pub(super) group: GroupId,
    /// The region's memory, and the request whose answer told it.
    incarnation: Option<(Incarnation, Seq)>,
    set_version: Option<Index>,
    outstanding: BTreeMap<Seq, Sent>,
    /// When to renew or list next.
    pub(super) renew_at: Time,
    /// When the region last answered anything.
    heard: Time,
}

/// A request under way.
#[derive(Debug, Clone)]
pub(super) struct Sent {
    /// The holder's clock before its first byte.
    pub(super) at: Time,
    pub(super) what: What,
}

#[derive(Debug, Clone)]
pub(super) enum What {
    Renew(Standing),
    List,
    Accept(ResourceId, Epoch),
    Release(ResourceId),
}

/// How an answer about the region's memory compares with what is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Memory {
    /// As known.
    Same,
    /// The region forgot: so must the holder.
    New,
    /// An answer from before the region forgot: not to be believed.
    Past,
}

impl Link {
    pub(super) fn new(now: Time, group: GroupId) -> Self {
        let (incarnation, set_version, outstanding) = (None, None, BTreeMap::new());
        Self {
            group,
            incarnation,
            set_version,
            outstanding,
            renew_at: now,
            heard: now,
        }
    }

    /// What a renewal must name, as far as is known.
    pub(super) fn standing(&self) -> Option<Standing> {
        let (incarnation, _) = self.incarnation?;
        Some(Standing {
            incarnation,
            set_version: self.set_version?,
        })
    }

    /// Keeps what an answer to `seq` said about the region's memory.
    pub(super) fn learn(&mut self, seq: Seq, incarnation: Incarnation, set_version: Option<Index>) -> Memory {
        let memory = match self.incarnation {
            Some((known, _)) if known == incarnation => Memory::Same,
            Some((_, told)) if seq < told => return Memory::Past,
            Some(_) => Memory::New,
            None => Memory::Same,
        };
        if memory == Memory::New || self.incarnation.is_none() {
            self.incarnation = Some((incarnation, seq));
            self.set_version = None;
        }
        self.set_version = self.set_version.max(set_version);
        memory
    }

    /// Notes that a request leaves now, for the first time.
    pub(super) fn note(&mut self, now: Time, seq: Seq, what: What) {
        self.outstanding.entry(seq).or_insert(Sent { at: now, what });
        if self.outstanding.len() > OUTSTANDING_MAX {
            self.outstanding.pop_first();
        }
    }

    /// The request that an answer belongs to; each is answered once.
    pub(super) fn take(&mut self, now: Time, seq: Seq) -> Option<Sent> {
        self.heard = now;
        self.outstanding.remove(&seq)
    }

    /// Forgets what could extend nothing any more; Releases wait for their answer.
    pub(super) fn prune(&mut self, now: Time, term: Duration) {
        self.outstanding
            .retain(|_, sent| matches!(sent.what, What::Release(_)) || sent.at.after(term) > now);
    }

    /// Answers to what was sent so far count for nothing: another set of regions decides. Releases are of no set.
    pub(super) fn rebind(&mut self, now: Time, group: GroupId) {
        self.group = group;
        self.outstanding
            .retain(|_, sent| matches!(sent.what, What::Release(_)));
        self.renew_at = now;
    }

    /// How long until the region is asked again: less when it does not answer.
    pub(super) fn cadence(&self, now: Time, timing: &Timing) -> Duration {
        let silent = now.since(self.heard) >= timing.patience();
        if silent {
            timing.hurry_every()
        } else {
            timing.renew_every()
        }
    }
}
