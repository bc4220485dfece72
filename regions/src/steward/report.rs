//! The steward's answer to whoever wants to know.

use std::collections::BTreeSet;

use crate::lease::Time;
use crate::status::{HolderStatus, MemberStatus, SingletonStatus, Status};

use super::Steward;

impl Steward {
    pub(super) fn status(&self, now: Time) -> Status {
        let config = self.holder.config();
        let members = self.roster.all(now).filter_map(|(region, member)| {
            let draining = member.record.as_ref().is_some_and(|record| record.draining);
            Some(MemberStatus {
                region: region.clone(),
                node: member.session.node()?,
                draining,
            })
        });
        let singletons = self.singles.iter().map(|(resource, single)| {
            let own = single.tenure.as_ref().map(|tenure| (self.uid, tenure.epoch));
            let holder = own
                .or_else(|| self.lookout.tenant(now, resource, config))
                .map(|(uid, epoch)| {
                    let member = self.roster.find(uid);
                    let region = member.map(|(region, _)| region.clone());
                    HolderStatus {
                        epoch,
                        region,
                        node: member.and_then(|(_, member)| member.session.node()),
                    }
                });
            let differs = match &holder {
                None => single.differs.clone(),
                Some(_) => BTreeSet::new(),
            };
            SingletonStatus {
                resource: resource.clone(),
                holder,
                differs,
            }
        });
        Status {
            node: self.node().clone(),
            region: self.region.clone(),
            config: config.version,
            role: self
                .replica
                .borrow()
                .as_ref()
                .map(|replica| replica.status().role),
            members: members.collect(),
            singletons: singletons.collect(),
        }
    }
}
