//! Everything that one process life holds. Rules 7, 8, 11 to 13, 15 and 18 of the design.
//!
//! ```text
//!            won            valid_until passes             the driver: it is quiet
//!   trying ------> held ---------------------------> lapsed -----------------------> released
//!                    |                                                                  ^
//!                    +------- hand-off or give-up: the driver: it is quiet -------------+
//! ```
//!
//! One renewal per region extends everything that region is known to have, however much that is. An answer counts from the instant before
//! the first byte of its request, and only for what had been confirmed to the holder when the request was sent. A Release is sent only
//! after the driver said that the actor is quiet, and then until it is answered.
//!
//! The driver keeps the order: it calls [`Holder::begin`], starts the [`Candidate`](super::Candidate), hands what ended to [`Holder::ended`], and
//! after each call sends what [`Holder::poll_command`] gives and copies [`Holder::validity`] into the cell of that epoch. The number of commands
//! waiting is bounded by what is held.

mod answers;
mod link;
mod pump;
mod release;
mod sit_out;
mod tenure;

use std::collections::{BTreeMap, VecDeque};

use crate::id::{Epoch, GroupId, RegionName, ResourceId, Round, Uid};

use super::candidate::{Ended, Lost, Won};
use super::clock::Time;
use super::config::Configuration;
use super::flaws::{Flaw, Flaws};
use super::message::{Answer, Ask, Reply, Request, Seq};
use super::op::Binding;
use super::timing::Timing;
use super::validity::Validity;

use link::{Link, What};
use release::Releases;
use sit_out::SitOut;
use tenure::Tenure;

/// Keeps and gives back what one process life has won.
#[derive(Debug)]
pub struct Holder {
    uid: Uid,
    timing: Timing,
    config: Configuration,
    links: BTreeMap<RegionName, Link>,
    tenures: BTreeMap<ResourceId, Tenure>,
    /// Attempts under way, with the highest round used before each.
    trying: BTreeMap<ResourceId, Round>,
    /// The highest round that this life ever used.
    rounds: BTreeMap<ResourceId, Round>,
    releases: Releases,
    sit_outs: BTreeMap<ResourceId, SitOut>,
    next_seq: u64,
    commands: VecDeque<HolderCommand>,
    flaws: Flaws,
}

/// What a holder wants done.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum HolderCommand {
    /// Send this to a region; it may get lost.
    Send {
        /// The region.
        region: RegionName,
        /// The request.
        request: Request,
    },
    /// The tenure began: start the actor.
    Activated {
        /// What is held.
        resource: ResourceId,
        /// Under which epoch, until when.
        validity: Validity,
    },
    /// The tenure is over: drop the actor now, and call [`Holder::release`] when it is gone. The epoch is never used again.
    Lapsed {
        /// What was held.
        resource: ResourceId,
        /// Under which epoch.
        epoch: Epoch,
    },
    /// A majority has taken it back: a successor can go ahead.
    Released {
        /// What was held.
        resource: ResourceId,
        /// Under which epoch.
        epoch: Epoch,
    },
    /// A newer set of regions decides from now on.
    Adopted(Configuration),
}

/// Why no attempt may begin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum NotNow {
    /// It is held, or its old actor is not gone yet.
    Held,
    /// An attempt is under way.
    Trying,
    /// This node gave it up and lets others try until then.
    SittingOut(Time),
}

impl Holder {
    /// A holder of nothing, in a new process life.
    pub fn new(uid: Uid, timing: Timing, config: Configuration, now: Time) -> Self {
        let links = config
            .regions
            .iter()
            .map(|(name, group)| (name.clone(), Link::new(now, *group)));
        Self {
            uid,
            timing,
            links: links.collect(),
            config,
            tenures: BTreeMap::new(),
            trying: BTreeMap::new(),
            rounds: BTreeMap::new(),
            releases: Releases::default(),
            sit_outs: BTreeMap::new(),
            next_seq: 0,
            commands: VecDeque::new(),
            flaws: Flaws::default(),
        }
    }

    /// This process life.
    pub fn uid(&self) -> Uid {
        self.uid
    }

    /// The set of regions that it goes by.
    pub fn config(&self) -> &Configuration {
        &self.config
    }

    /// Until when `resource` may be acted for; `None` when it is not held.
    pub fn validity(&self, resource: &ResourceId) -> Option<Validity> {
        self.tenures
            .get(resource)
            .filter(|tenure| !tenure.lapsed)
            .map(Tenure::validity)
    }

    /// Everything held, with its validity.
    pub fn validities(&self) -> impl Iterator<Item = (&ResourceId, Validity)> {
        let held = self.tenures.iter().filter(|(_, tenure)| !tenure.lapsed);
        held.map(|(resource, tenure)| (resource, tenure.validity()))
    }

    /// Whether every Release was answered.
    pub fn is_quiet(&self) -> bool {
        self.tenures.is_empty() && self.releases.is_empty()
    }

    /// Allows an attempt: the round that it must stay above.
    ///
    /// # Errors
    ///
    /// [`NotNow`] says why not; nothing changed.
    pub fn begin(&mut self, now: Time, resource: &ResourceId) -> Result<Round, NotNow> {
        if self.tenures.contains_key(resource) {
            return Err(NotNow::Held);
        }
        if self.trying.contains_key(resource) {
            return Err(NotNow::Trying);
        }
        if let Some(sit_out) = self.sit_outs.get(resource).filter(|sit_out| now < sit_out.until) {
            return Err(NotNow::SittingOut(sit_out.until));
        }
        let used = self.rounds.get(resource).copied().unwrap_or_default();
        self.trying.insert(resource.clone(), used);
        Ok(used)
    }

    /// Takes the end of an attempt: keeps what was won, gives back what was lost.
    pub fn ended(&mut self, now: Time, ended: Ended) {
        match ended {
            Ended::Won(won) => self.won(now, won),
            Ended::Lost(lost) => self.lost(now, lost),
        }
    }

    /// Goes by a newer set of regions. What the old one granted stays true until it ends.
    pub fn adopt(&mut self, now: Time, config: Configuration) {
        if config.version <= self.config.version {
            return;
        }
        for (region, group) in &config.regions {
            let link = self
                .links
                .entry(region.clone())
                .or_insert_with(|| Link::new(now, *group));
            link.rebind(now, *group);
        }
        for (resource, tenure) in &mut self.tenures {
            if resource.scope.region().is_none() {
                let quorum = config.quorum(resource);
                tenure.adopt(now, config.voters(resource).map(|(region, _)| region), quorum);
            }
        }
        self.commands.push_back(HolderCommand::Adopted(config.clone()));
        self.config = config;
        self.pump(now);
    }

    /// The driver says that the actor of this epoch is quiet, after a hand-off or a lapse: gives it back.
    pub fn release(&mut self, now: Time, resource: &ResourceId, epoch: Epoch) {
        if self
            .tenures
            .get(resource)
            .is_some_and(|tenure| tenure.epoch() == epoch)
        {
            self.give_back(now, resource);
            self.pump(now);
        }
    }

    /// As [`Self::release`], because the actor cannot be run here: others get their turn first.
    pub fn give_up(&mut self, now: Time, resource: &ResourceId, epoch: Epoch) {
        let Some(tenure) = self
            .tenures
            .get(resource)
            .filter(|tenure| tenure.epoch() == epoch)
        else {
            return;
        };
        let lasted = now.since(tenure.since);
        let sit_out = SitOut::again(self.sit_outs.get(resource).copied(), now, lasted);
        self.sit_outs.insert(resource.clone(), sit_out);
        self.release(now, resource, epoch);
    }

    /// A request of this process life to `region`, for the driver's own use: announcing, reading. Its answer is not for the holder.
    pub fn request(&mut self, region: &RegionName, ask: Ask) -> Option<Request> {
        let group = self.links.get(region)?.group;
        let seq = self.number();
        let binding = Binding {
            config: self.config.version,
            group,
        };
        Some(Request {
            binding,
            uid: self.uid,
            seq,
            ask,
        })
    }

    /// Takes an answer of `region`.
    pub fn handle_answer(&mut self, now: Time, region: &RegionName, answer: Answer) {
        let Answer { binding, seq, reply } = answer;
        let Some(link) = self.links.get_mut(region) else {
            return;
        };
        let Some(mut sent) = link.take(now, seq) else {
            return;
        };
        if let What::Release(resource) = &sent.what {
            if let Some((resource, epoch)) = self.releases.answered(region, resource, seq) {
                self.commands
                    .push_back(HolderCommand::Released { resource, epoch });
            }
            return;
        }
        if binding.group != link.group {
            return;
        }
        if self.flaws.has(Flaw::CountsFromArrival) {
            sent.at = now;
        }
        // What is over is over, even when the answer that would have saved it is already here.
        self.lapse(now);
        if let Reply::Done(outcome) = reply {
            self.handle_outcome(now, region, seq, sent, outcome);
        }
        self.pump(now);
    }

    /// Renews what is due and drops what is over.
    pub fn handle_timeout(&mut self, now: Time) {
        self.lapse(now);
        self.pump(now);
    }

    /// When [`Self::handle_timeout`] wants to be called.
    pub fn next_deadline(&self) -> Option<Time> {
        let mut next = self.releases.next_deadline();
        let mut sooner = |time| next = Some(next.map_or(time, |next: Time| next.min(time)));
        for tenure in self.tenures.values().filter(|tenure| !tenure.lapsed) {
            sooner(tenure.validity().until);
            for (region, credit) in &tenure.credits {
                match credit.standing {
                    None => sooner(credit.accept_at),
                    Some(_) => self
                        .links
                        .get(region)
                        .into_iter()
                        .for_each(|link| sooner(link.renew_at)),
                }
            }
        }
        next
    }

    /// The next thing to do, in order. To be emptied after each call of the methods above.
    pub fn poll_command(&mut self) -> Option<HolderCommand> {
        self.commands.pop_front()
    }

    /// A holder with a fault put in.
    #[cfg(any(test, feature = "mutations"))]
    #[doc(hidden)]
    #[must_use]
    pub fn with_flaws(mut self, flaws: Flaws) -> Self {
        self.flaws = flaws;
        self
    }

    fn won(&mut self, now: Time, won: Won) {
        let Won {
            resource,
            tenancy,
            config,
            accepted,
            asked,
        } = won;
        self.trying.remove(&resource);
        self.used(&resource, tenancy.round);
        // Answers to the candidate may still be under way; a region that missed the Accept is asked again soon.
        let soon = now.after(self.timing.hurry_every());
        let voters = config.voters(&resource).map(|(region, _)| region);
        let mut tenure = Tenure::new(now, tenancy, self.timing.stop);
        tenure.decide_by(soon, voters, config.quorum(&resource));
        tenure.asked = asked;
        let next = Seq(self.next_seq + 1);
        for (region, (sent, standing)) in accepted {
            if self.learn(
                now,
                &region,
                next,
                standing.incarnation,
                Some(standing.set_version),
            ) {
                tenure.confirm(&region, sent, standing, next);
            }
        }
        if config.version < self.config.version && resource.scope.region().is_none() {
            let voters = self.config.voters(&resource).map(|(region, _)| region);
            tenure.adopt(now, voters, self.config.quorum(&resource));
        }
        let validity = tenure.validity();
        self.tenures.insert(resource.clone(), tenure);
        if validity.holds(now) {
            self.commands
                .push_back(HolderCommand::Activated { resource, validity });
        } else {
            self.give_back(now, &resource);
        }
        self.adopt(now, config);
        self.pump(now);
    }

    fn lost(&mut self, now: Time, lost: Lost) {
        let Lost {
            resource,
            round,
            asked,
            config,
            newer,
            differs: _,
            retry_after: _,
        } = lost;
        self.trying.remove(&resource);
        if let Some(round) = round {
            self.used(&resource, round);
            let every = self.timing.hurry_every();
            for (region, group) in config
                .voters(&resource)
                .filter(|(region, _)| asked.contains(*region))
            {
                self.used(&resource, round.after());
                self.releases.add(
                    (now, every),
                    (region, group),
                    &resource,
                    (Epoch::from(round), round),
                );
            }
        }
        if let Some(newer) = newer {
            self.adopt(now, newer);
        }
        self.pump(now);
    }

    fn lapse(&mut self, now: Time) {
        let mut lapsed = Vec::new();
        for (resource, tenure) in self
            .tenures
            .iter_mut()
            .filter(|(_, it)| !it.lapsed && !it.is_live(now))
        {
            tenure.lapsed = true;
            let (resource, epoch) = (resource.clone(), tenure.epoch());
            lapsed.push(resource.clone());
            self.commands.push_back(HolderCommand::Lapsed { resource, epoch });
        }
        if self.flaws.has(Flaw::ReleasesBeforeStop) {
            for resource in &lapsed {
                self.give_back(now, resource);
            }
        }
    }

    fn give_back(&mut self, now: Time, resource: &ResourceId) {
        let Some(tenure) = self.tenures.remove(resource) else {
            return;
        };
        let (epoch, top, every) = (tenure.epoch(), tenure.tenancy.round, self.timing.hurry_every());
        self.used(resource, top.after());
        self.releases.watch(resource, epoch, tenure.quorum);
        for region in &tenure.asked {
            if let Some(group) = self.group(region) {
                self.releases
                    .add((now, every), (region, group), resource, (epoch, top));
            }
        }
    }

    /// Gives back in one region what this life does not hold.
    fn give_back_extra(&mut self, now: Time, region: &RegionName, resource: &ResourceId, epoch: Epoch) {
        let (every, top) = (self.timing.hurry_every(), epoch.round());
        if let Some(group) = self.group(region) {
            self.releases
                .add((now, every), (region, group), resource, (epoch, top));
        }
    }

    fn group(&self, region: &RegionName) -> Option<GroupId> {
        self.links.get(region).map(|link| link.group)
    }

    fn used(&mut self, resource: &ResourceId, round: Round) {
        let used = self.rounds.entry(resource.clone()).or_default();
        *used = round.max(*used);
    }

    fn number(&mut self) -> Seq {
        self.next_seq += 1;
        Seq(self.next_seq)
    }
}
