//! The invariants, watched by somebody who sees the true time, every clock and every log.

use std::collections::{BTreeMap, BTreeSet};

use quorate_regions::id::{Epoch, ResourceId, ScopeKind, Uid};
use quorate_regions::lease::Time;

/// A promise of the design that did not hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Violation {
    /// `I1` to `I11`, as in the design.
    pub(crate) invariant: &'static str,
    pub(crate) at: u64,
    pub(crate) detail: String,
}

/// What a region last heard from the owner of a grant, in the owner's own time: until `sent + term` there, the grant is live.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Heard {
    pub(crate) uid: Uid,
    pub(crate) epoch: Epoch,
    pub(crate) sent: Time,
    pub(crate) term: std::time::Duration,
}

#[derive(Debug, Default)]
pub(crate) struct Checker {
    /// Region and resource to what was heard.
    pub(crate) heard: BTreeMap<(usize, ResourceId), Heard>,
    /// Committed Accepts.
    accepted: BTreeSet<(usize, ResourceId, Epoch, Uid)>,
    /// The newest tenure of each resource.
    newest: BTreeMap<ResourceId, Epoch>,
    tenures: BTreeMap<(ResourceId, Epoch), Uid>,
    pub(crate) acquisitions: u64,
    pub(crate) renewals: u64,
    pub(crate) fail_overs: u64,
}

impl Checker {
    pub(crate) fn accepted(&mut self, region: usize, resource: &ResourceId, heard: Heard) {
        self.accepted
            .insert((region, resource.clone(), heard.epoch, heard.uid));
        self.heard(region, resource, heard);
    }

    pub(crate) fn heard(&mut self, region: usize, resource: &ResourceId, heard: Heard) {
        let known = self.heard.entry((region, resource.clone())).or_insert(heard);
        let sent = if known.epoch == heard.epoch {
            known.sent.max(heard.sent)
        } else {
            heard.sent
        };
        *known = Heard { sent, ..heard };
    }

    /// How often this name was won under this scope.
    pub(crate) fn tenures_of(&self, name: &str, kind: ScopeKind) -> usize {
        let won = self.tenures.keys().map(|(resource, _)| resource);
        won.filter(|it| it.name.as_str() == name && it.scope.kind() == Some(kind))
            .count()
    }

    /// I2 and I4, and that nobody else ever had this epoch.
    pub(crate) fn acquired(
        &mut self,
        at: u64,
        resource: &ResourceId,
        (epoch, uid): (Epoch, Uid),
        quorum: usize,
    ) -> Result<(), Violation> {
        let fail = |invariant, detail| {
            Err(Violation {
                invariant,
                at,
                detail,
            })
        };
        let accepted = self
            .accepted
            .iter()
            .filter(|(_, r, e, u)| (r, *e, *u) == (resource, epoch, uid))
            .count();
        if accepted < quorum {
            return fail(
                "I4",
                format!("{resource} epoch {epoch}: {accepted} regions accepted, not {quorum}"),
            );
        }
        if let Some(newest) = self.newest.get(resource).filter(|newest| **newest >= epoch) {
            return fail("I2", format!("{resource}: epoch {epoch} comes after {newest}"));
        }
        self.fail_overs += u64::from(self.newest.contains_key(resource));
        self.newest.insert(resource.clone(), epoch);
        self.tenures.insert((resource.clone(), epoch), uid);
        self.acquisitions += 1;
        Ok(())
    }
}
