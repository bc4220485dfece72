//! What is due to each region: one renewal or list for everything that it has, an Accept for each grant that it lacks, Releases.

use crate::id::RegionName;

use super::super::clock::Time;
use super::super::message::{Ask, Request, Seq};
use super::super::op::Binding;
use super::link::What;
use super::{Holder, HolderCommand};

impl Holder {
    /// Sends what is due to each region.
    pub(super) fn pump(&mut self, now: Time) {
        let regions: Vec<RegionName> = self.links.keys().cloned().collect();
        for region in &regions {
            self.pump_region(now, region);
        }
        let mut next_seq = self.next_seq;
        let number = || {
            next_seq += 1;
            Seq(next_seq)
        };
        let due = self.releases.due(now, self.timing.term, number);
        self.next_seq = next_seq;
        for (region, resource, pending) in due {
            let Some(seq) = pending.seq else { continue };
            let (epoch, top) = (pending.epoch, pending.top);
            let binding = Binding {
                config: self.config.version,
                group: pending.group,
            };
            let what = What::Release(resource.clone());
            self.links
                .get_mut(&region)
                .into_iter()
                .for_each(|link| link.note(now, seq, what.clone()));
            let ask = Ask::Release { resource, epoch, top };
            let request = Request {
                binding,
                uid: self.uid,
                seq,
                ask,
            };
            self.commands.push_back(HolderCommand::Send { region, request });
        }
    }

    fn pump_region(&mut self, now: Time, region: &RegionName) {
        let Some(link) = self.links.get_mut(region) else {
            return;
        };
        link.prune(now, self.timing.term);
        let (standing, cadence) = (link.standing(), link.cadence(now, &self.timing));
        let due = link.renew_at <= now;
        let mut named = Vec::new();
        let mut stale = false;
        let mut accepts = Vec::new();
        for (resource, tenure) in self.tenures.iter_mut().filter(|(_, tenure)| !tenure.lapsed) {
            let epoch = tenure.epoch();
            let Some(credit) = tenure.credits.get_mut(region) else {
                continue;
            };
            if credit.standing.is_some() {
                stale |= credit.standing != standing;
                if due {
                    named.push((resource.clone(), epoch));
                }
            } else if credit.accept_at <= now {
                credit.accept_at = now.after(cadence);
                tenure.asked.insert(region.clone());
                accepts.push((resource.clone(), tenure.tenancy));
            }
        }
        if let (false, Some(standing)) = (named.is_empty(), standing) {
            if let Some(link) = self.links.get_mut(region) {
                link.renew_at = now.after(cadence);
            }
            if stale {
                self.send(now, region, What::List, Ask::List(named));
            } else {
                self.send(now, region, What::Renew(standing), Ask::Renew(standing));
            }
        }
        for (resource, tenancy) in accepts {
            let what = What::Accept(resource.clone(), tenancy.epoch);
            self.send(now, region, what, Ask::Accept { resource, tenancy });
        }
    }

    fn send(&mut self, now: Time, region: &RegionName, what: What, ask: Ask) {
        let Some(request) = self.request(region, ask) else {
            return;
        };
        if let Some(link) = self.links.get_mut(region) {
            link.note(now, request.seq, what);
        }
        self.commands.push_back(HolderCommand::Send {
            region: region.clone(),
            request,
        });
    }
}
