//! Renewals, lists, and what members tell about themselves: nothing here creates or removes a grant. Rule 7 of the design.

use std::collections::BTreeSet;

use crate::id::{Epoch, ResourceId, Uid};

use super::super::flaws::Flaw;
use super::super::op::{Index, LISTED_MAX, MemberRecord, Outcome, Refusal, Standing};
use super::Acceptor;

impl Acceptor {
    pub(super) fn renew(&mut self, index: Index, uid: Uid, named: Standing) -> Outcome {
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
    pub(super) fn list(
        &mut self,
        index: Index,
        uid: Uid,
        named: &[(ResourceId, Epoch)],
    ) -> Result<Outcome, Refusal> {
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

    pub(super) fn announce(&mut self, uid: Uid, record: &MemberRecord) -> Result<Outcome, Refusal> {
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
}
