//! What an answer is worth. Rules 7, 11 and 12 of the design.

use crate::id::{Epoch, Incarnation, RegionName, ResourceId, ScopeKind};

use super::super::clock::Time;
use super::super::flaws::Flaw;
use super::super::message::{Ask, Seq};
use super::super::op::{Index, Outcome, Refusal, Standing};
use super::link::{Link, Memory, Sent, What};
use super::tenure::Tenure;
use super::{Holder, HolderCommand};

impl Holder {
    pub(super) fn handle_outcome(
        &mut self,
        now: Time,
        region: &RegionName,
        seq: Seq,
        sent: Sent,
        outcome: Outcome,
    ) {
        if let Some((incarnation, set_version)) = told(&outcome)
            && !self.learn(now, region, seq, incarnation, set_version)
        {
            return;
        }
        let next = Seq(self.next_seq + 1);
        match (sent.what, outcome) {
            (What::Renew(named), Outcome::Renewed) => self.renewed(region, seq, sent.at, named),
            (What::Renew(_), Outcome::Mismatch { .. }) => self.list_now(now, region),
            (What::List, outcome @ Outcome::Listed { .. }) => {
                // The answer's own standing, which may be older than the newest that is known.
                let standing = told(&outcome).and_then(|(incarnation, set_version)| {
                    set_version.map(|set_version| Standing {
                        incarnation,
                        set_version,
                    })
                });
                let Outcome::Listed { present, extra, .. } = outcome else {
                    return;
                };
                self.listed(now, region, seq, (sent.at, standing), present);
                self.list_stale(now, region);
                self.give_back_extras(now, region, extra);
            }
            (What::Accept(resource, epoch), Outcome::Accepted { standing, .. }) => {
                if let Some(tenure) = self.live_tenure(now, &resource, epoch) {
                    tenure.confirm(region, sent.at, standing, next);
                }
                self.list_stale(now, region);
            }
            (What::Accept(resource, epoch), Outcome::Refused(Refusal::RoundTooLow { promised })) => {
                // Only a holder that is valid at this moment raises its round; the epoch stays.
                if let Some(tenure) = self.live_tenure(now, &resource, epoch) {
                    let round = tenure.raise(promised);
                    tenure.miss(now, region);
                    self.used(&resource, round);
                }
            }
            (What::Accept(resource, epoch), Outcome::Refused(Refusal::OwnEpoch(own))) if own < epoch => {
                self.give_back_extra(now, region, &resource, own);
            }
            (What::Accept(resource, epoch), Outcome::Refused(Refusal::ScopeDiffers(_))) => {
                self.settle_scope(now, region, &resource, epoch);
            }
            (_, Outcome::Refused(Refusal::Outdated(newer))) => self.adopt(now, *newer),
            _ => {}
        }
    }

    /// A renewal extends what was confirmed to the holder, at exactly the standing that it named, when it was sent.
    fn renewed(&mut self, region: &RegionName, seq: Seq, sent: Time, named: Standing) {
        let everything = self.flaws.has(Flaw::CreditsEverything);
        for tenure in self.tenures.values_mut().filter(|tenure| !tenure.lapsed) {
            let covered = tenure.credits.get(region);
            if covered.is_some_and(|it| everything || (it.standing == Some(named) && it.since <= seq)) {
                tenure.extend(region, sent);
            }
        }
    }

    /// A list says what is there of what it named. About what was won since it was sent it says nothing.
    fn listed(
        &mut self,
        now: Time,
        region: &RegionName,
        seq: Seq,
        (sent, at): (Time, Option<Standing>),
        present: Vec<(ResourceId, Epoch)>,
    ) {
        let next = Seq(self.next_seq + 1);
        for tenure in self.tenures.values_mut() {
            if tenure
                .credits
                .get(region)
                .is_some_and(|it| it.standing.is_some() && it.since <= seq)
            {
                tenure.miss(now, region);
            }
        }
        for (resource, epoch) in present {
            let tenure = self
                .tenures
                .get_mut(&resource)
                .filter(|it| it.epoch() == epoch && !it.lapsed);
            if let (Some(tenure), Some(standing)) = (tenure, at) {
                tenure.confirm(region, sent, standing, next);
            }
        }
    }

    /// Gives back what a list found besides, unless it was won, or is being tried for, since the list was sent.
    fn give_back_extras(&mut self, now: Time, region: &RegionName, extra: Vec<(ResourceId, Epoch)>) {
        for (resource, epoch) in extra {
            let held = self
                .tenures
                .get(&resource)
                .is_some_and(|tenure| tenure.epoch() == epoch);
            let trying = self
                .trying
                .get(&resource)
                .is_some_and(|used| epoch.round() > *used);
            if self.flaws.has(Flaw::ListIsTruth) || !(held || trying) {
                self.give_back_extra(now, region, &resource, epoch);
            }
        }
    }

    /// Keeps what was learned of a region's memory; false when the answer is from before it forgot.
    pub(super) fn learn(
        &mut self,
        now: Time,
        region: &RegionName,
        seq: Seq,
        incarnation: Incarnation,
        set_version: Option<Index>,
    ) -> bool {
        let Some(link) = self.links.get_mut(region) else {
            return false;
        };
        let memory = link.learn(seq, incarnation, set_version);
        if memory == Memory::New {
            self.tenures
                .values_mut()
                .for_each(|tenure| tenure.forget(now, region));
            self.lapse(now);
        }
        if set_version.is_none() {
            // The region has nothing of this life: what was named to it must be asked for again.
            for tenure in self.tenures.values_mut() {
                if tenure
                    .credits
                    .get(region)
                    .is_some_and(|credit| credit.since <= seq)
                {
                    tenure.miss(now, region);
                }
            }
        }
        memory != Memory::Past
    }

    /// A tenure of all regions is the proof that a majority has its name as global: a region that has it otherwise is told.
    fn settle_scope(&mut self, now: Time, region: &RegionName, resource: &ResourceId, epoch: Epoch) {
        let Some(kind) = resource.scope.kind().filter(|kind| *kind == ScopeKind::Global) else {
            return;
        };
        if self.live_tenure(now, resource, epoch).is_some()
            && let Some(request) = self.request(region, Ask::Settle(resource.name.clone(), kind))
        {
            let region = region.clone();
            self.commands.push_back(HolderCommand::Send { region, request });
        }
    }

    fn live_tenure(&mut self, now: Time, resource: &ResourceId, epoch: Epoch) -> Option<&mut Tenure> {
        self.tenures
            .get_mut(resource)
            .filter(|tenure| tenure.epoch() == epoch && tenure.is_live(now))
    }

    fn list_now(&mut self, now: Time, region: &RegionName) {
        self.links
            .get_mut(region)
            .into_iter()
            .for_each(|link| link.renew_at = now);
    }

    /// Lists at once when something was confirmed at another standing than the region's newest.
    fn list_stale(&mut self, now: Time, region: &RegionName) {
        let standing = self.links.get(region).and_then(Link::standing);
        let mut confirmed = self
            .tenures
            .values()
            .filter_map(|it| it.credits.get(region)?.standing);
        if confirmed.any(|it| Some(it) != standing) {
            self.list_now(now, region);
        }
    }
}

/// What an outcome says about the region's memory, and about the owner's set there.
fn told(outcome: &Outcome) -> Option<(Incarnation, Option<Index>)> {
    match outcome {
        Outcome::Mismatch {
            incarnation,
            set_version,
        }
        | Outcome::Listed {
            incarnation,
            set_version,
            ..
        } => Some((*incarnation, *set_version)),
        Outcome::Accepted { standing, .. } => Some((standing.incarnation, Some(standing.set_version))),
        _ => None,
    }
}
