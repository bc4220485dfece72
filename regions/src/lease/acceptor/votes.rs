//! Promises, grants and Releases: the only ways in which a promised round or a grant changes. Rules 5, 6, 8 and 9 of the design.

use std::collections::BTreeSet;

use crate::id::{ConfigVersion, Epoch, ResourceId, Round, Uid};

use super::super::flaws::Flaw;
use super::super::op::{
    Evidence, Index, LOCK_DELAY_MAX, Outcome, RESOURCES_MAX, ROUND_GAP_MAX, Refusal, Standing, Tenancy,
};
use super::{Acceptor, Grant, Owner, Slot};

impl Acceptor {
    /// Promises `round`, and clears a grant that is over; answers whose.
    pub(super) fn promise(
        &mut self,
        index: Index,
        uid: Uid,
        resource: &ResourceId,
        round: Round,
        evidence: Option<Evidence>,
    ) -> Result<Option<Uid>, Refusal> {
        let promised = self.promised(resource);
        if promised == round && self.slots.get(resource).is_some_and(|slot| slot.by == Some(uid)) {
            return Ok(None);
        }
        if round <= promised {
            return Err(Refusal::RoundTooLow { promised });
        }
        self.reach(round)?;
        let grant = self.grant(resource).copied();
        let others = grant.filter(|grant| grant.uid != uid);
        if others.is_some_and(|grant| !self.is_evident(evidence, self.evidence(&grant))) {
            return Err(Refusal::StaleEvidence);
        }
        self.known(resource)?;
        if let Some(grant) = grant {
            self.clear(resource, &grant);
        }
        if let Some(owner) = others.and_then(|grant| self.owners.get_mut(&grant.uid)) {
            owner.set_version = index;
        }
        let slot = self.known(resource)?;
        (slot.promised, slot.by, slot.removed) = (round, Some(uid), false);
        self.highest = self.highest.max(round);
        Ok(others.map(|grant| grant.uid))
    }

    pub(super) fn accept(
        &mut self,
        index: Index,
        uid: Uid,
        resource: &ResourceId,
        tenancy: &Tenancy,
    ) -> Result<Standing, Refusal> {
        let Tenancy {
            round,
            epoch,
            term,
            lock_delay,
        } = *tenancy;
        let formed = self.formed.as_ref().ok_or(Refusal::Unformed)?;
        let incarnation = formed.incarnation;
        if term > formed.config.term_max || lock_delay > LOCK_DELAY_MAX {
            return Err(Refusal::TermTooLong);
        }
        if epoch.round() > round {
            return Err(Refusal::EpochTooHigh);
        }
        let promised = self.promised(resource);
        if round < promised {
            return Err(Refusal::RoundTooLow { promised });
        }
        self.reach(round)?;
        match self.grant(resource) {
            Some(grant) if grant.uid != uid => {
                return Err(Refusal::Held {
                    uid: grant.uid,
                    epoch: grant.epoch,
                });
            }
            Some(grant) if grant.epoch != epoch => return Err(Refusal::OwnEpoch(grant.epoch)),
            Some(grant) if (grant.term, grant.lock_delay) != (term, lock_delay) => {
                return Err(Refusal::OtherTerm);
            }
            _ => {}
        }
        self.known(resource)?;
        self.write_scope(resource);
        let slot = self.known(resource)?;
        (slot.promised, slot.by) = (round, Some(uid));
        slot.grant = Some(Grant {
            uid,
            epoch,
            term,
            lock_delay,
            granted: index,
        });
        self.highest = self.highest.max(round);
        let fresh = || Owner {
            renewed: None,
            set_version: index,
            held: BTreeSet::new(),
            record: None,
        };
        let owner = self.owners.entry(uid).or_insert_with(fresh);
        owner.held.insert(resource.clone());
        Ok(Standing {
            incarnation,
            set_version: owner.set_version,
        })
    }

    pub(super) fn release(
        &mut self,
        uid: Uid,
        resource: &ResourceId,
        epoch: Epoch,
        top: Round,
    ) -> Result<Outcome, Refusal> {
        self.near(top)?;
        let given = self
            .grant(resource)
            .copied()
            .filter(|grant| grant.uid == uid && grant.epoch <= epoch);
        let slot = self.known(resource)?;
        if slot.promised < top.after() {
            (slot.promised, slot.by) = (top.after(), None);
            self.highest = self.highest.max(top.after());
        }
        if let Some(grant) = given {
            self.clear(resource, &grant);
            self.forget_removed(resource);
        }
        Ok(Outcome::Released {
            cleared: given.is_some(),
        })
    }

    pub(super) fn remove(&mut self, resource: &ResourceId) -> Outcome {
        if let Some(slot) = self.slots.get_mut(resource) {
            slot.removed = true;
            self.floor = self.floor.max(slot.promised);
            self.forget_removed(resource);
        } else {
            self.forget_scope(resource);
        }
        Outcome::Removed
    }

    /// Forgets a removed resource that nobody holds. Its promised round lives on in the floor.
    fn forget_removed(&mut self, resource: &ResourceId) {
        if let Some(slot) = self
            .slots
            .get(resource)
            .filter(|slot| slot.removed && slot.grant.is_none())
        {
            self.floor = self.floor.max(slot.promised);
            self.slots.remove(resource);
            self.forget_scope(resource);
        }
    }

    fn clear(&mut self, resource: &ResourceId, grant: &Grant) {
        if let Some(slot) = self.slots.get_mut(resource) {
            slot.grant = None;
        }
        if let Some(owner) = self.owners.get_mut(&grant.uid) {
            owner.held.remove(resource);
            if owner.held.is_empty() {
                self.owners.remove(&grant.uid);
            }
        }
    }

    fn is_evident(&self, given: Option<Evidence>, current: Evidence) -> bool {
        match given {
            _ if self.flaws.has(Flaw::NoEvidence) => true,
            None => false,
            Some(given) if self.flaws.has(Flaw::EvidenceWithoutRenewal) => given.granted == current.granted,
            Some(given) => given == current,
        }
    }

    /// Whether `round` belongs to the current configuration and is near what is known.
    fn reach(&self, round: Round) -> Result<(), Refusal> {
        let current = self
            .formed
            .as_ref()
            .map_or(ConfigVersion::FORMED, |formed| formed.config.version);
        if round.version() == current {
            self.near(round)
        } else {
            Err(Refusal::RoundTooHigh)
        }
    }

    fn near(&self, round: Round) -> Result<(), Refusal> {
        let far = round.0 > self.highest.0.saturating_add(ROUND_GAP_MAX);
        if far { Err(Refusal::RoundTooHigh) } else { Ok(()) }
    }

    /// The slot of a resource, new at the floor if it is not known.
    fn known(&mut self, resource: &ResourceId) -> Result<&mut Slot, Refusal> {
        if !self.slots.contains_key(resource) {
            if self.slots.len() >= RESOURCES_MAX {
                return Err(Refusal::TooMany);
            }
            let slot = Slot {
                promised: self.floor,
                by: None,
                grant: None,
                removed: false,
            };
            self.slots.insert(resource.clone(), slot);
        }
        self.slots.get_mut(resource).ok_or(Refusal::TooMany)
    }
}
