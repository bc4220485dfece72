//! One tenure: what each region is known to have granted under one epoch, and until when that is enough.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use crate::id::{Epoch, RegionName, Round};

use super::super::clock::Time;
use super::super::message::Seq;
use super::super::op::{Standing, Tenancy};
use super::super::validity::{Validity, valid_until};

/// A tenure, from its first majority until the driver says that its actor is quiet.
#[derive(Debug)]
pub(super) struct Tenure {
    pub(super) tenancy: Tenancy,
    /// Regions that decide, and how many of them are enough.
    pub(super) quorum: usize,
    pub(super) credits: BTreeMap<RegionName, Credit>,
    /// Regions that were ever sent an Accept of this epoch: each is sent the Release.
    pub(super) asked: BTreeSet<RegionName>,
    /// What an older set of regions granted; it stays true until it ends.
    carried: Option<Time>,
    until: Time,
    stop: Duration,
    /// Its time is over: the actor is being dropped, and this epoch is never used again.
    pub(super) lapsed: bool,
    /// When it was won.
    pub(super) since: Time,
}

/// What one region is known to have granted.
#[derive(Debug, Default)]
pub(super) struct Credit {
    /// The holder's clock before the first byte of the newest message that the region acknowledged for this grant.
    pub(super) sent: Option<Time>,
    /// What the grant was confirmed at, by an Accept or a list; `None` when it must be asked for.
    pub(super) standing: Option<Standing>,
    /// The first request that could name this confirmation: an answer to an earlier one says nothing about it.
    pub(super) since: Seq,
    /// When to ask for the grant, if it must be.
    pub(super) accept_at: Time,
}

impl Tenure {
    /// A tenure that no region is known to have granted yet.
    pub(super) fn new(now: Time, tenancy: Tenancy, stop: Duration) -> Self {
        let (credits, asked) = (BTreeMap::new(), BTreeSet::new());
        let (quorum, carried, until, lapsed) = (usize::MAX, None, Time::default(), false);
        Self {
            tenancy,
            quorum,
            credits,
            asked,
            carried,
            until,
            stop,
            lapsed,
            since: now,
        }
    }

    pub(super) fn epoch(&self) -> Epoch {
        self.tenancy.epoch
    }

    pub(super) fn validity(&self) -> Validity {
        Validity {
            epoch: self.epoch(),
            until: self.until,
            stop: self.stop,
        }
    }

    pub(super) fn is_live(&self, now: Time) -> bool {
        !self.lapsed && self.validity().holds(now)
    }

    /// The region has it: said by the answer to a message whose first byte left at `sent`.
    pub(super) fn confirm(&mut self, region: &RegionName, sent: Time, standing: Standing, next: Seq) {
        if let Some(credit) = self.credits.get_mut(region) {
            (credit.standing, credit.since) = (Some(standing), next);
        }
        self.extend(region, sent);
    }

    /// The region extended it.
    pub(super) fn extend(&mut self, region: &RegionName, sent: Time) {
        if let Some(credit) = self.credits.get_mut(region) {
            credit.sent = credit.sent.max(Some(sent));
        }
        self.count();
    }

    /// The region does not have it, or nothing that it said counts any more.
    pub(super) fn miss(&mut self, now: Time, region: &RegionName) {
        if let Some(credit) = self.credits.get_mut(region) {
            (credit.standing, credit.accept_at) = (None, now);
        }
    }

    /// The region has another memory: whatever it granted is gone.
    pub(super) fn forget(&mut self, now: Time, region: &RegionName) {
        self.miss(now, region);
        if let Some(credit) = self.credits.get_mut(region) {
            credit.sent = None;
        }
        self.carried = None;
        self.count();
    }

    /// These regions decide, and are asked from `accept_at` on for what they are not known to have.
    pub(super) fn decide_by<'a>(
        &mut self,
        accept_at: Time,
        voters: impl Iterator<Item = &'a RegionName>,
        quorum: usize,
    ) {
        self.quorum = quorum;
        let mut old = std::mem::take(&mut self.credits);
        for region in voters {
            let known = old.remove(region).unwrap_or_default();
            self.credits.insert(
                region.clone(),
                Credit {
                    sent: None,
                    accept_at,
                    ..known
                },
            );
        }
        self.count();
    }

    /// Another set of regions decides from now on: answers of the two are never counted together.
    pub(super) fn adopt<'a>(
        &mut self,
        now: Time,
        voters: impl Iterator<Item = &'a RegionName>,
        quorum: usize,
    ) {
        self.carried = Some(self.until);
        self.decide_by(now, voters, quorum);
    }

    /// The next round for this epoch, above one that a region has promised to somebody else.
    pub(super) fn raise(&mut self, promised: Round) -> Round {
        self.tenancy.round = self.tenancy.round.max(promised.after());
        self.tenancy.round
    }

    fn count(&mut self) {
        let sent = self.credits.values().filter_map(|credit| credit.sent);
        let counted = valid_until(sent, self.quorum, self.tenancy.term, self.stop);
        self.until = counted.max(self.carried).unwrap_or_default();
    }
}
