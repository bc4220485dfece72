//! A region as one acceptor: the replicated state, and how the log changes it.
//!
//! Applying an entry reads no clock and no random source, so equal logs give equal states. A grant is cleared by a Promise that carries
//! evidence of its expiry, by a newer round of its own owner, or by its Release; by nothing else. Promised rounds never fall.
//! Rules 1 and 5 to 9 of the design are here; judging time is in [`stamps`](super::stamps).

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::id::{ConfigVersion, Epoch, GroupId, Incarnation, RegionName, ResourceId, Round, Scope, Uid};

use super::config::Configuration;
use super::flaws::{Flaw, Flaws};
use super::op::{
    Act, Binding, Evidence, Index, LISTED_MAX, LOCK_DELAY_MAX, MemberRecord, OPS_MAX, Op, Outcome,
    RESOURCES_MAX, ROUND_GAP_MAX, Refusal, Standing, Tenancy,
};

/// The replicated state of a region.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Acceptor {
    formed: Option<Formed>,
    /// The first common configuration, from its acceptance on.
    first: Option<Configuration>,
    /// Where an unknown resource starts.
    floor: Round,
    /// The highest round known here.
    highest: Round,
    slots: BTreeMap<ResourceId, Slot>,
    owners: BTreeMap<Uid, Owner>,
    #[serde(skip)]
    flaws: Flaws,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Formed {
    region: RegionName,
    group: GroupId,
    incarnation: Incarnation,
    config: Configuration,
}

/// What a region knows of one resource.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Slot {
    /// Nothing below this round is heard.
    pub promised: Round,
    /// Who was promised it, or accepted in it.
    pub by: Option<Uid>,
    /// Who holds it.
    pub grant: Option<Grant>,
    /// Whether it is forgotten as soon as the grant ends.
    removed: bool,
}

/// A grant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Grant {
    /// Its owner.
    pub uid: Uid,
    /// The tenure that it belongs to.
    pub epoch: Epoch,
    /// How long it lasts from each renewal on.
    pub term: Duration,
    /// How much longer the region waits after an expiry.
    pub lock_delay: Duration,
    /// Where it was made or last restamped.
    pub granted: Index,
}

/// What a region knows of one owner of grants; forgotten with the last grant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Owner {
    /// Where it last renewed.
    pub renewed: Option<Index>,
    /// Where one of its grants was last cleared for somebody else, or where its first one was made.
    pub set_version: Index,
    /// What it holds here.
    pub held: BTreeSet<ResourceId>,
    /// What it told about itself as a member.
    pub record: Option<MemberRecord>,
}

impl Acceptor {
    /// Applies one entry of the log: each operation in its order, one outcome each.
    pub fn apply(&mut self, log_index: u64, ops: &[Op]) -> Vec<Outcome> {
        let numbered = (0u32..).zip(ops);
        let outcome = |(position, op): (u32, &Op)| {
            if position as usize >= OPS_MAX {
                return Outcome::Refused(Refusal::TooMany);
            }
            self.step(
                Index {
                    log: log_index,
                    position,
                },
                op,
            )
            .unwrap_or_else(Outcome::Refused)
        };
        numbered.map(outcome).collect()
    }

    /// Whom an answer of this region is from; `None` before it has formed.
    pub fn binding(&self) -> Option<Binding> {
        self.formed.as_ref().map(|formed| Binding {
            config: formed.config.version,
            group: formed.group,
        })
    }

    /// The set of regions that it goes by; `None` before it has formed.
    pub fn config(&self) -> Option<&Configuration> {
        self.formed.as_ref().map(|formed| &formed.config)
    }

    /// The first common configuration, if it was accepted here.
    pub fn first_config(&self) -> Option<&Configuration> {
        self.first.as_ref()
    }

    /// This region; `None` before it has formed.
    pub fn region(&self) -> Option<&RegionName> {
        self.formed.as_ref().map(|formed| &formed.region)
    }

    /// This region's unbroken memory; `None` before it has formed.
    pub fn incarnation(&self) -> Option<Incarnation> {
        self.formed.as_ref().map(|formed| formed.incarnation)
    }

    /// The round below which nothing is heard about `resource`.
    pub fn promised(&self, resource: &ResourceId) -> Round {
        self.slots.get(resource).map_or(self.floor, |slot| slot.promised)
    }

    /// Who holds `resource`, whether expired or not.
    pub fn grant(&self, resource: &ResourceId) -> Option<&Grant> {
        self.slots.get(resource)?.grant.as_ref()
    }

    /// What is known of `resource`.
    pub fn slot(&self, resource: &ResourceId) -> Option<&Slot> {
        self.slots.get(resource)
    }

    /// Every known resource.
    pub fn slots(&self) -> impl Iterator<Item = (&ResourceId, &Slot)> {
        self.slots.iter()
    }

    /// What is known of an owner that holds something.
    pub fn owner(&self, uid: Uid) -> Option<&Owner> {
        self.owners.get(&uid)
    }

    /// Every owner that holds something.
    pub fn owners(&self) -> impl Iterator<Item = (Uid, &Owner)> {
        self.owners.iter().map(|(uid, owner)| (*uid, owner))
    }

    /// What judging `grant` expired now would have to go by.
    pub fn evidence(&self, grant: &Grant) -> Evidence {
        let renewed = self.owners.get(&grant.uid).and_then(|owner| owner.renewed);
        Evidence {
            granted: grant.granted,
            renewed,
        }
    }

    /// Whether a message with this binding about this resource is heard at all.
    ///
    /// # Errors
    ///
    /// The refusal to answer with.
    pub fn admit(&self, binding: &Binding, resource: Option<&ResourceId>) -> Result<(), Refusal> {
        let formed = self.member(binding)?;
        let current = &formed.config;
        if binding.config < current.version {
            return Err(Refusal::Outdated(Box::new(current.clone())));
        }
        if binding.config > current.version {
            return Err(Refusal::Ahead(current.version));
        }
        match resource.map(|resource| &resource.scope) {
            Some(Scope::Global) if current.version == ConfigVersion::FORMED => Err(Refusal::Inactive),
            Some(Scope::Region(region) | Scope::Session(region)) if *region != formed.region => {
                Err(Refusal::OtherScope)
            }
            _ => Ok(()),
        }
    }

    /// A copy with a fault put in.
    #[cfg(any(test, feature = "mutations"))]
    #[doc(hidden)]
    #[must_use]
    pub fn with_flaws(mut self, flaws: Flaws) -> Self {
        self.flaws = flaws;
        self
    }

    pub(super) fn flaws(&self) -> Flaws {
        self.flaws
    }

    /// Whether the message means this group.
    fn member(&self, binding: &Binding) -> Result<&Formed, Refusal> {
        let formed = self.formed.as_ref().ok_or(Refusal::Unformed)?;
        if binding.group == formed.group {
            Ok(formed)
        } else {
            Err(Refusal::OtherGroup(formed.group))
        }
    }

    fn step(&mut self, index: Index, op: &Op) -> Result<Outcome, Refusal> {
        let Op { binding, uid, act } = op;
        match act {
            Act::Form {
                region,
                config,
                incarnation,
            } => self.form(binding, region, config, *incarnation),
            Act::AcceptConfig(config) => self.accept_config(binding, config),
            Act::ActivateConfig(config) => self.activate_config(binding, config),
            Act::Promise {
                resource,
                round,
                evidence,
            } => {
                self.admit(binding, Some(resource))?;
                let cleared = self.promise(index, *uid, resource, *round, *evidence)?;
                Ok(Outcome::Promised { cleared })
            }
            Act::Accept { resource, tenancy } => {
                self.admit(binding, Some(resource))?;
                let standing = self.accept(index, *uid, resource, tenancy)?;
                Ok(Outcome::Accepted {
                    standing,
                    cleared: None,
                })
            }
            Act::Claim {
                resource,
                round,
                term,
                lock_delay,
                evidence,
            } => {
                self.admit(binding, Some(resource))?;
                if resource.scope.region().is_none() {
                    return Err(Refusal::OtherScope);
                }
                let cleared = self.promise(index, *uid, resource, *round, *evidence)?;
                let epoch = Epoch::from(*round);
                let tenancy = Tenancy {
                    round: *round,
                    epoch,
                    term: *term,
                    lock_delay: *lock_delay,
                };
                let standing = self.accept(index, *uid, resource, &tenancy)?;
                Ok(Outcome::Accepted { standing, cleared })
            }
            Act::Renew(standing) => {
                self.admit(binding, None)?;
                Ok(self.renew(index, *uid, *standing))
            }
            Act::List(named) => {
                self.admit(binding, None)?;
                self.list(index, *uid, named)
            }
            Act::Release { resource, epoch, top } => {
                self.member(binding)?;
                self.release(*uid, resource, *epoch, *top)
            }
            Act::Announce(record) => {
                self.member(binding)?;
                self.announce(*uid, record)
            }
            Act::Remove(resource) => {
                self.admit(binding, Some(resource))?;
                Ok(self.remove(resource))
            }
        }
    }

    fn form(
        &mut self,
        binding: &Binding,
        region: &RegionName,
        config: &Configuration,
        incarnation: Incarnation,
    ) -> Result<Outcome, Refusal> {
        if self.formed.is_some() {
            return Err(Refusal::FormedBefore);
        }
        let alone = config.regions.len() == 1 && config.regions.get(region) == Some(&binding.group);
        if config.version != ConfigVersion::FORMED || !alone {
            return Err(Refusal::OtherConfig(Box::new(config.clone())));
        }
        let (region, config) = (region.clone(), config.clone());
        self.formed = Some(Formed {
            region,
            group: binding.group,
            incarnation,
            config,
        });
        Ok(Outcome::Formed)
    }

    /// Once for ever: another one would be another cluster, or this region in it twice.
    fn accept_config(&mut self, binding: &Binding, config: &Configuration) -> Result<Outcome, Refusal> {
        let formed = self.member(binding)?;
        let known = self.first.as_ref().unwrap_or(&formed.config);
        let fits = match &self.first {
            Some(first) => first == config,
            None => {
                config.version == ConfigVersion::FIRST
                    && config.regions.get(&formed.region) == Some(&formed.group)
                    && (config.drift, config.term_max) == (known.drift, known.term_max)
            }
        };
        if !fits {
            return Err(Refusal::OtherConfig(Box::new(known.clone())));
        }
        self.first = Some(config.clone());
        Ok(Outcome::ConfigAccepted)
    }

    fn activate_config(&mut self, binding: &Binding, config: &Configuration) -> Result<Outcome, Refusal> {
        self.member(binding)?;
        if self.first.as_ref() != Some(config) {
            return Err(Refusal::NotAccepted);
        }
        if let Some(formed) = self
            .formed
            .as_mut()
            .filter(|formed| formed.config.version < config.version)
        {
            formed.config = config.clone();
            self.raise_floor(Round::floor(config.version));
        }
        Ok(Outcome::ConfigActive)
    }

    fn raise_floor(&mut self, floor: Round) {
        self.floor = self.floor.max(floor);
        self.highest = self.highest.max(floor);
        for slot in self.slots.values_mut().filter(|slot| slot.promised < floor) {
            (slot.promised, slot.by) = (floor, None);
        }
    }

    /// Promises `round`, and clears a grant that is over; answers whose.
    fn promise(
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
        let same_round_again = promised == round && self.flaws.has(Flaw::SameRoundTwice);
        if round <= promised && !same_round_again {
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

    fn accept(
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

    fn renew(&mut self, index: Index, uid: Uid, named: Standing) -> Outcome {
        let incarnation = self
            .formed
            .as_ref()
            .map_or(named.incarnation, |formed| formed.incarnation);
        let unchecked = self.flaws.has(Flaw::StandingAtProposal);
        match self.owners.get_mut(&uid) {
            Some(owner)
                if unchecked
                    || named
                        == (Standing {
                            incarnation,
                            set_version: owner.set_version,
                        }) =>
            {
                owner.renewed = Some(index);
                Outcome::Renewed
            }
            owner => Outcome::Mismatch {
                incarnation,
                set_version: owner.map(|owner| owner.set_version),
            },
        }
    }

    /// Restamps what is named and there. Creates nothing and removes nothing: the owner must do that itself.
    fn list(&mut self, index: Index, uid: Uid, named: &[(ResourceId, Epoch)]) -> Result<Outcome, Refusal> {
        if named.len() > LISTED_MAX {
            return Err(Refusal::TooMany);
        }
        let incarnation = self.formed.as_ref().ok_or(Refusal::Unformed)?.incarnation;
        let mut present = Vec::new();
        for (resource, epoch) in named {
            let grant = self.slots.get_mut(resource).and_then(|slot| slot.grant.as_mut());
            if let Some(grant) = grant.filter(|grant| grant.uid == uid && grant.epoch == *epoch) {
                grant.granted = index;
                present.push((resource.clone(), *epoch));
            }
        }
        let owner = self.owners.get(&uid);
        let named: BTreeSet<_> = present.iter().map(|(resource, _)| resource).collect();
        let held = owner.into_iter().flat_map(|owner| &owner.held);
        let unnamed = held.filter(|resource| !named.contains(resource));
        let extra = unnamed.filter_map(|resource| Some((resource.clone(), self.grant(resource)?.epoch)));
        let (extra, set_version) = (extra.collect(), owner.map(|owner| owner.set_version));
        Ok(Outcome::Listed {
            present,
            extra,
            incarnation,
            set_version,
        })
    }

    fn release(
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

    fn announce(&mut self, uid: Uid, record: &MemberRecord) -> Result<Outcome, Refusal> {
        if !record.fits() {
            return Err(Refusal::TooMany);
        }
        let region = self.formed.as_ref().ok_or(Refusal::Unformed)?.region.clone();
        let session = ResourceId::session(region, &record.node);
        let owner = self
            .owners
            .get_mut(&uid)
            .filter(|owner| owner.held.contains(&session));
        owner.ok_or(Refusal::NoSession)?.record = Some(record.clone());
        Ok(Outcome::Announced)
    }

    fn remove(&mut self, resource: &ResourceId) -> Outcome {
        if let Some(slot) = self.slots.get_mut(resource) {
            slot.removed = true;
            self.floor = self.floor.max(slot.promised);
            self.forget_removed(resource);
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
