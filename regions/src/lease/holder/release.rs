//! Giving back: each Release is repeated until its region has answered. Rule 8 of the design.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use crate::id::{Epoch, GroupId, RegionName, ResourceId, Round};

use super::super::clock::Time;
use super::super::message::Seq;

/// Everything that is on its way back.
#[derive(Debug, Default)]
pub(super) struct Releases {
    pending: BTreeMap<(RegionName, ResourceId), Pending>,
    /// Tenures whose end a majority has not confirmed yet.
    ending: BTreeMap<ResourceId, Ending>,
}

/// One Release to one region.
#[derive(Debug, Clone)]
pub(super) struct Pending {
    pub(super) group: GroupId,
    pub(super) epoch: Epoch,
    pub(super) top: Round,
    /// Stays the same when it is sent again; `None` until it is sent first.
    pub(super) seq: Option<Seq>,
    at: Time,
    every: Duration,
}

#[derive(Debug)]
struct Ending {
    epoch: Epoch,
    quorum: usize,
    confirmed: BTreeSet<RegionName>,
}

impl Releases {
    /// Tells when `quorum` regions have taken this epoch back.
    pub(super) fn watch(&mut self, resource: &ResourceId, epoch: Epoch, quorum: usize) {
        self.ending.insert(
            resource.clone(),
            Ending {
                epoch,
                quorum,
                confirmed: BTreeSet::new(),
            },
        );
    }

    /// Gives back `epoch` and lower ones in one region, from `now` on and each time `every` has passed, doubling.
    pub(super) fn add(
        &mut self,
        (now, every): (Time, Duration),
        (region, group): (&RegionName, GroupId),
        resource: &ResourceId,
        (epoch, top): (Epoch, Round),
    ) {
        let key = (region.clone(), resource.clone());
        let fresh = Pending {
            group,
            epoch,
            top,
            seq: None,
            at: now,
            every,
        };
        let pending = self.pending.entry(key).or_insert_with(|| fresh.clone());
        if pending.epoch < epoch || pending.top < top {
            *pending = Pending {
                epoch: epoch.max(pending.epoch),
                top: top.max(pending.top),
                ..fresh
            };
        }
    }

    /// What is to be sent now; `number` gives a new request its number.
    pub(super) fn due(
        &mut self,
        now: Time,
        every_max: Duration,
        mut number: impl FnMut() -> Seq,
    ) -> Vec<(RegionName, ResourceId, Pending)> {
        let mut due = Vec::new();
        for ((region, resource), pending) in self.pending.iter_mut().filter(|(_, it)| it.at <= now) {
            pending.seq.get_or_insert_with(&mut number);
            pending.at = now.after(pending.every);
            pending.every = (pending.every * 2).min(every_max);
            due.push((region.clone(), resource.clone(), pending.clone()));
        }
        due
    }

    /// Takes the answer to a Release: the tenure that a majority has taken back by it.
    pub(super) fn answered(
        &mut self,
        region: &RegionName,
        resource: &ResourceId,
        seq: Seq,
    ) -> Option<(ResourceId, Epoch)> {
        let key = (region.clone(), resource.clone());
        let pending = self
            .pending
            .get(&key)
            .filter(|pending| pending.seq == Some(seq))?;
        let epoch = pending.epoch;
        self.pending.remove(&key);
        let ending = self
            .ending
            .get_mut(resource)
            .filter(|ending| ending.epoch <= epoch)?;
        ending.confirmed.insert(region.clone());
        if ending.confirmed.len() < ending.quorum {
            return None;
        }
        self.ending
            .remove(resource)
            .map(|ending| (resource.clone(), ending.epoch))
    }

    pub(super) fn next_deadline(&self) -> Option<Time> {
        self.pending.values().map(|pending| pending.at).min()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.pending.is_empty()
    }
}
