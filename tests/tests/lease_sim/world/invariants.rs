//! The invariants that need to see everything at once.

use std::collections::{BTreeMap, BTreeSet};

use quorate_regions::id::{Epoch, ResourceId, ResourceName, ScopeKind};

use super::nodes::torn;
use super::{Step, TIMING, World};

impl World {
    /// I1: at this true instant no two instances of a name may have effects, whatever its scope; a regional one may have one in each region. The stop budget counts: aborting may take all of it.
    pub(super) fn check_one_holder(&self) -> Step {
        let mut kinds: BTreeMap<&ResourceName, (usize, ScopeKind)> = BTreeMap::new();
        let mut effective: BTreeMap<&ResourceId, (usize, Epoch)> = BTreeMap::new();
        for (at, node) in self.nodes.iter().enumerate() {
            let now = node.clock.shows(self.now);
            for (resource, actor) in node.life.iter().flat_map(|life| &life.actors) {
                if now >= actor.until.after(TIMING.stop) {
                    continue;
                }
                if let Some(kind) = resource.scope.kind() {
                    let (other, known) = *kinds.entry(&resource.name).or_insert((at, kind));
                    if known != kind {
                        let detail = format!("{resource}: {known} on node {other} and {kind} on node {at}");
                        return self.fail("I1", detail);
                    }
                }
                if let Some((other, epoch)) = effective.insert(resource, (at, actor.epoch)) {
                    let detail = format!(
                        "{resource}: node {other} under epoch {epoch} and node {at} under epoch {}",
                        actor.epoch
                    );
                    return self.fail("I1", detail);
                }
            }
        }
        Ok(())
    }

    /// I10: when everything works again, everything is held.
    pub(super) fn check_someone_holds(&self) -> Step {
        let mut wanted: BTreeSet<ResourceId> = BTreeSet::new();
        (0..self.plan.nodes).for_each(|node| wanted.extend(self.wanted(node)));
        // Which scope a torn name gets, and whether any, is for whoever was first.
        for resource in wanted.into_iter().filter(|resource| resource.name != torn()) {
            let held = self.nodes.iter().any(|node| {
                let now = node.clock.shows(self.now);
                let actor = node.life.as_ref().and_then(|life| life.actors.get(&resource));
                actor.is_some_and(|actor| now < actor.until)
            });
            if !held {
                return self.fail("I10", format!("nobody holds {resource}"));
            }
        }
        Ok(())
    }

    /// I7: equal logs gave equal states.
    pub(super) fn check_replicas(&self) -> Step {
        for region in &self.regions {
            for replica in region
                .replicas
                .iter()
                .filter(|replica| replica.applied == region.log.len())
            {
                if replica.acceptor != region.truth {
                    return self.fail("I7", format!("a replica of {} differs", region.name));
                }
            }
        }
        Ok(())
    }

    /// I11: nothing is given back while an instance of it may still have effects.
    pub(super) fn check_quiet(&self, node: usize, resource: &ResourceId, epoch: Epoch) -> Step {
        let life = self.nodes[node].life.as_ref();
        match life.and_then(|life| life.actors.get(resource)) {
            Some(actor) if actor.epoch <= epoch => self.fail(
                "I11",
                format!("node {node} gave back {resource} epoch {epoch} before it stopped"),
            ),
            _ => Ok(()),
        }
    }
}
