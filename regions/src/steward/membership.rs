//! This node's own session in its region, its record there, and the tables of all regions.

use tokio::sync::watch;

use crate::id::{ConfigVersion, ResourceId};
use crate::lease::{Ask, MemberRecord, Outcome, Reply, Time};

use super::{Asker, Steward};

/// What this node is in its region.
pub(super) struct Membership {
    pub(super) session: ResourceId,
    pub(super) record: MemberRecord,
    /// When to try for the session; `None` while it is held or tried for.
    pub(super) retry_at: Option<Time>,
    /// Whether the region knows the record of this session.
    is_announced: bool,
    announce_at: Time,
    refresh_at: Time,
    joined: watch::Sender<bool>,
}

impl Membership {
    pub(super) fn new(
        now: Time,
        session: ResourceId,
        record: MemberRecord,
        joined: watch::Sender<bool>,
    ) -> Self {
        let (announce_at, refresh_at) = (now, now);
        Self {
            session,
            record,
            retry_at: Some(now),
            is_announced: false,
            announce_at,
            refresh_at,
            joined,
        }
    }

    /// The region answered the announcement.
    pub(super) fn announced(&mut self, reply: &Reply) {
        self.is_announced |= matches!(reply, Reply::Done(Outcome::Announced));
    }

    /// The session is held, from now on under a new epoch: the region knows nothing about it yet.
    pub(super) fn began(&mut self, now: Time) {
        (self.is_announced, self.announce_at, self.refresh_at) = (false, now, now);
    }

    /// The node is on its way out and takes nothing new: its region is told.
    pub(super) fn drain(&mut self, now: Time) {
        self.record.draining = true;
        (self.is_announced, self.announce_at) = (false, now);
    }

    pub(super) fn next_deadline(&self, is_held: bool, is_leaving: bool) -> Option<Time> {
        let announce = (is_held && !self.is_announced).then_some(self.announce_at);
        let retry = self.retry_at.filter(|_| !is_leaving);
        [retry, announce, Some(self.refresh_at)]
            .into_iter()
            .flatten()
            .min()
    }
}

impl Steward {
    /// Tries for the session when it is not held, and tells the region about this node when it is.
    pub(super) fn keep_session(&mut self, now: Time) {
        let session = self.membership.session.clone();
        let epoch = self.holder.validity(&session).map(|session| session.epoch);
        if self.membership.retry_at.is_some_and(|at| at <= now) && self.leaving.is_none() {
            self.membership.retry_at = None;
            self.begin(now, &session);
        } else if let Some(epoch) = epoch
            && !self.membership.is_announced
            && self.membership.announce_at <= now
        {
            self.membership.announce_at = now.after(self.timing.hurry_every());
            let (region, record) = (self.region.clone(), self.membership.record.clone());
            if let Some(request) = self.holder.request(&region, Ask::Announce(record)) {
                self.send(region, Asker::Record(epoch), request);
            }
        }
        let is_common = self.holder.config().version >= ConfigVersion::FIRST;
        let joined = epoch.is_some() && self.membership.is_announced && is_common;
        self.membership
            .joined
            .send_if_modified(|known| std::mem::replace(known, joined) != joined);
    }

    /// Asks each region for its table.
    pub(super) fn refresh_roster(&mut self, now: Time) {
        if self.membership.refresh_at > now {
            return;
        }
        self.membership.refresh_at = now.after(self.timing.renew_every());
        self.follow_config(now);
        let regions: Vec<_> = self.holder.config().regions.keys().cloned().collect();
        for region in regions {
            if let Some(request) = self.holder.request(&region, Ask::Members) {
                self.send(region, Asker::Roster(now), request);
            }
        }
    }
}
