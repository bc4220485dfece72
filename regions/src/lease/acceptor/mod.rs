//! A region as one acceptor: the replicated state, and how the log changes it.
//!
//! Applying an entry reads no clock and no random source, so equal logs give equal states. A grant is cleared by a Promise that carries
//! evidence of its expiry, by a newer round of its own owner, or by its Release; by nothing else. Promised rounds never fall.
//! Rules 1, 5 to 9 and 20 of the design are here; judging time is in [`stamps`](super::stamps).

mod catalogue;
mod formed;
mod renewals;
mod votes;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::id::{
    ConfigVersion, Epoch, GroupId, Incarnation, RegionName, ResourceId, ResourceName, Round, Scope, Uid,
};

use super::config::Configuration;
use super::flaws::Flaws;
use super::op::{
    Act, Binding, Declared, Evidence, Index, MemberRecord, OPS_MAX, Op, Outcome, Refusal, Tenancy,
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
    /// The scope of each singleton's name.
    catalogue: BTreeMap<ResourceName, Declared>,
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
                self.fits_scope(resource)?;
                let cleared = self.promise(index, *uid, resource, *round, *evidence)?;
                Ok(Outcome::Promised { cleared })
            }
            Act::Accept { resource, tenancy } => {
                self.admit(binding, Some(resource))?;
                self.fits_scope(resource)?;
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
                self.fits_scope(resource)?;
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
            Act::Declare(name, kind) => {
                self.admit(binding, None)?;
                self.declare(name, *kind)
            }
            Act::Settle(name, kind) => {
                self.admit(binding, None)?;
                self.settle(name, *kind)
            }
        }
    }
}
