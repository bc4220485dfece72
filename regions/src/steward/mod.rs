//! The steward: keeps what this process life holds, on a thread of its own, and does what the lease says.
//!
//! Four pure machines decide: [`Holder`] what is held and until when, each [`Candidate`] how one thing is won, [`Lookout`] when to try,
//! [`Roster`] with [`placement`](crate::placement) who is first. The steward carries their messages, starts and ends actors, and copies each
//! validity into the cell of its epoch. It runs beside the user's runtime, so a starved runtime does not stop renewals, and a lapse is
//! seen in time.
//!
//! ```text
//!   Lookout: Try --> Candidate: Won --> Holder: Activated --> start the actor, lead refs to it, tell whom it is about
//!                                       Holder: Lapsed    --> drop the actor; when it is gone: release
//!   hand-off: shut the actor down; when it is gone: release; Holder: Released --> the target takes
//! ```

mod event;
mod membership;
mod moves;
mod report;
mod tenures;

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, watch};
use tokio::time::Instant;

use crate::clock::HostClock;
use crate::config::SingletonConfig;
use crate::control::{Desk, Doors, RegionClient, Replica, Sessions};
use crate::host::Host;
use crate::id::{ConfigVersion, NodeName, RegionName, ResourceId, Uid};
use crate::lease::{
    Answer, Candidate, CandidateCommand, Configuration, Ended, Holder, HolderCommand, Look, MemberRecord,
    NotNow, Outcome, Readings, Refusal, Reply, Request, Time, Timing,
};
use crate::lookout::{Lookout, LookoutCommand};
use crate::random;
use crate::roster::Roster;

pub(crate) use event::{Asker, EVENTS_MAX, Event};

use self::membership::Membership;
use self::moves::{Leaving, Take};
use self::tenures::Single;

/// Events that are handled before the machines are looked at again, at most.
const TURN_MAX: usize = 64;

/// What the steward is made of.
pub(crate) struct Parts {
    pub(crate) clock: HostClock,
    pub(crate) timing: Timing,
    /// How long one request to a region may take.
    pub(crate) call_timeout: Duration,
    pub(crate) uid: Uid,
    pub(crate) region: RegionName,
    pub(crate) address: SocketAddr,
    pub(crate) record: MemberRecord,
    pub(crate) replica: Replica,
    /// The set of regions that its own region goes by at the start.
    pub(crate) config: Configuration,
    pub(crate) clients: BTreeMap<RegionName, Arc<RegionClient>>,
    pub(crate) desks: Arc<Doors<Desk>>,
    /// Sessions of the user's system to those of other nodes, and the user's runtime.
    pub(crate) sessions: Arc<Sessions>,
    pub(crate) user: tokio::runtime::Handle,
    pub(crate) singles: Vec<(ResourceId, SingletonConfig, Arc<dyn Host>)>,
    pub(crate) events: mpsc::Receiver<Event>,
    pub(crate) sender: mpsc::Sender<Event>,
    /// Told when this node is a member and its region goes by the common configuration.
    pub(crate) joined: watch::Sender<bool>,
}

/// The steward of one process life.
pub(crate) struct Steward {
    clock: HostClock,
    timing: Timing,
    call_timeout: Duration,
    uid: Uid,
    region: RegionName,
    address: SocketAddr,
    replica: Replica,
    clients: BTreeMap<RegionName, Arc<RegionClient>>,
    desks: Arc<Doors<Desk>>,
    sessions: Arc<Sessions>,
    user: tokio::runtime::Handle,
    events: mpsc::Receiver<Event>,
    sender: mpsc::Sender<Event>,
    holder: Holder,
    lookout: Lookout,
    roster: Roster,
    membership: Membership,
    candidates: BTreeMap<ResourceId, Candidate>,
    singles: BTreeMap<ResourceId, Single>,
    takes: BTreeMap<ResourceId, Take>,
    leaving: Option<Leaving>,
    /// The readings behind the `now` of this turn: validity is counted from them.
    read: Readings,
}

impl Steward {
    pub(crate) fn new(parts: Parts) -> Self {
        let (now, read) = parts.clock.read();
        let mut lookout = Lookout::new(parts.timing);
        let mut singles = BTreeMap::new();
        for (resource, config, host) in parts.singles {
            lookout.watch(now, resource.clone());
            singles.insert(resource, Single::new(config, host));
        }
        let session = ResourceId::session(parts.region.clone(), &parts.record.node);
        // All from the start: a back-off is the same for all who have not tried yet.
        let candidate = |resource: &ResourceId, lock_delay| {
            let candidate = Candidate::new(parts.uid, resource.clone(), parts.timing, lock_delay);
            (resource.clone(), candidate)
        };
        let tried = singles
            .iter()
            .map(|(resource, single): (_, &Single)| candidate(resource, single.config.lock_delay));
        let candidates = tried.chain([candidate(&session, Duration::ZERO)]).collect();
        Self {
            holder: Holder::new(parts.uid, parts.timing, parts.config, now),
            membership: Membership::new(now, session, parts.record, parts.joined),
            roster: Roster::new(now, parts.timing.term),
            candidates,
            takes: BTreeMap::new(),
            leaving: None,
            read,
            clock: parts.clock,
            timing: parts.timing,
            call_timeout: parts.call_timeout,
            uid: parts.uid,
            region: parts.region,
            address: parts.address,
            replica: parts.replica,
            clients: parts.clients,
            desks: parts.desks,
            sessions: parts.sessions,
            user: parts.user,
            events: parts.events,
            sender: parts.sender,
            lookout,
            singles,
        }
    }

    /// Runs until the node has left.
    pub(crate) async fn run(mut self) {
        loop {
            // Before the clock that counts: a pause in between makes the sleep shorter, not longer.
            let begun = Instant::now();
            let now = self.look_at_the_clock();
            self.handle_timeout(now);
            self.obey(now);
            if self.has_left(now) {
                return;
            }
            let wait = self
                .next_deadline()
                .map_or(self.timing.renew_every(), |next| next.since(now));
            let event = tokio::select! {
                biased;
                event = self.events.recv() => event,
                () = tokio::time::sleep_until(begun + wait) => None,
            };
            if let Some(event) = event {
                let now = self.look_at_the_clock();
                self.handle(now, event);
                // What else is there already, before anything is sent: one look at the clock serves all.
                for _ in 0..TURN_MAX {
                    let Ok(event) = self.events.try_recv() else { break };
                    self.handle(now, event);
                }
            }
        }
    }

    fn look_at_the_clock(&mut self) -> Time {
        let (now, read) = self.clock.read();
        self.read = read;
        now
    }

    fn node(&self) -> &NodeName {
        &self.membership.record.node
    }

    fn handle_timeout(&mut self, now: Time) {
        if self.holder.config().version < ConfigVersion::FIRST {
            self.follow_config(now);
        }
        self.holder.handle_timeout(now);
        for candidate in self.candidates.values_mut() {
            candidate.handle_timeout(now);
        }
        self.keep_session(now);
        self.refresh_roster(now);
        let config = self.holder.config().clone();
        if self.leaving.is_none() {
            self.lookout.handle_timeout(now, &config);
        }
        self.watch_overruns(now);
        self.expire_moves(now);
    }

    fn next_deadline(&self) -> Option<Time> {
        let candidates = self.candidates.values().filter_map(Candidate::next_deadline);
        let is_held = self.holder.validity(&self.membership.session).is_some();
        let is_leaving = self.leaving.is_some();
        let others = [
            self.holder.next_deadline(),
            self.lookout.next_deadline().filter(|_| !is_leaving),
            self.membership.next_deadline(is_held, is_leaving),
            self.next_overrun(),
            self.leaving.as_ref().and_then(|leaving| leaving.until),
        ];
        candidates.chain(others.into_iter().flatten()).min()
    }

    /// Does what the machines want until they want nothing more.
    fn obey(&mut self, now: Time) {
        loop {
            if let Some(command) = self.holder.poll_command() {
                self.obey_holder(now, command);
            } else if let Some((resource, command)) = self.poll_candidate() {
                self.obey_candidate(now, resource, command);
            } else if let Some(command) = self.lookout.poll_command() {
                self.obey_lookout(now, command);
            } else {
                break;
            }
        }
        self.publish_validity(now);
    }

    fn poll_candidate(&mut self) -> Option<(ResourceId, CandidateCommand)> {
        self.candidates
            .iter_mut()
            .find_map(|(resource, candidate)| Some((resource.clone(), candidate.poll_command()?)))
    }

    fn obey_holder(&mut self, now: Time, command: HolderCommand) {
        match command {
            HolderCommand::Send { region, request } => self.send(region, Asker::Holder, request),
            HolderCommand::Activated { resource, validity } => self.activate(now, resource, validity),
            HolderCommand::Lapsed { resource, epoch } => self.lapse(now, &resource, epoch),
            HolderCommand::Released { resource, epoch } => self.released(now, &resource, epoch),
            HolderCommand::Adopted(config) => {
                tracing::info!(version = %config.version, "the regions go by a new configuration");
            }
        }
    }

    fn obey_candidate(&mut self, now: Time, resource: ResourceId, command: CandidateCommand) {
        match command {
            CandidateCommand::Send { region, request } => {
                self.send(region, Asker::Candidate(resource), request);
            }
            CandidateCommand::Ended(ended) => {
                let mut retry_after = Duration::ZERO;
                if let Ended::Lost(lost) = &ended {
                    retry_after = lost.retry_after;
                    self.note_scope(&resource, &lost.differs);
                    if let Some(newer) = lost.newer.clone() {
                        self.holder.adopt(now, newer);
                    }
                }
                self.holder.ended(now, ended);
                let is_over = self.holder.validity(&resource).is_none();
                if is_over && !self.candidates.get(&resource).is_some_and(Candidate::is_trying) {
                    // It was lost, or won too late to be of any use.
                    self.lost(now, &resource, retry_after);
                }
            }
        }
    }

    fn obey_lookout(&mut self, now: Time, command: LookoutCommand) {
        match command {
            LookoutCommand::Probe { region, resources } => {
                let ask = crate::lease::Ask::Probe(resources.clone());
                if let Some(request) = self.holder.request(&region, ask) {
                    self.send(region, Asker::Lookout(resources), request);
                }
            }
            LookoutCommand::Try(resource) => self.begin(now, &resource),
        }
    }

    /// Begins an attempt, if the holder allows one.
    fn begin(&mut self, now: Time, resource: &ResourceId) {
        let Some(candidate) = self.candidates.get_mut(resource) else {
            return;
        };
        match self.holder.begin(now, resource) {
            Ok(used) => candidate.start(now, self.holder.config(), used, random::u64()),
            Err(NotNow::SittingOut(until)) => self.lost(now, resource, until.since(now)),
            // What is held or tried for ends by itself, and is tried for again then or after this.
            Err(_) => self.lost(now, resource, self.timing.hurry_every()),
        }
    }

    /// These regions know the name under another scope than this node's file: said once, until it is held here.
    fn note_scope(&mut self, resource: &ResourceId, differs: &BTreeSet<RegionName>) {
        let Some(single) = self.singles.get_mut(resource).filter(|_| !differs.is_empty()) else {
            return;
        };
        if single.differs.is_empty() {
            tracing::error!(
                %resource,
                regions = ?differs,
                "these regions know the name under another scope than this node's file: by this file it does not start. Let all files say the same scope, or take another name"
            );
        }
        single.differs.extend(differs.iter().cloned());
    }

    /// A node that may not host something has to say too that its file is not what was agreed on.
    fn compare_scopes(&mut self, region: &RegionName, resources: &[ResourceId], looks: &[Look]) {
        for (resource, look) in resources.iter().zip(looks) {
            let agreed = look.declared.filter(|declared| declared.settled);
            if agreed.is_some_and(|agreed| Some(agreed.kind) != resource.scope.kind()) {
                self.note_scope(resource, &BTreeSet::from([region.clone()]));
            }
        }
    }

    /// An attempt has failed, or could not begin.
    fn lost(&mut self, now: Time, resource: &ResourceId, wait: Duration) {
        if *resource == self.membership.session {
            self.membership.retry_at = Some(now.after(wait.min(self.timing.renew_every())));
        } else {
            self.lookout.lost(now, resource, wait);
        }
    }

    /// Sends a request in a task of its own; its answer comes back as an event. One that is not answered in time is forgotten: the machine
    /// that asked sends it again.
    fn send(&self, region: RegionName, asker: Asker, request: Request) {
        let Some(client) = self.clients.get(&region).cloned() else {
            return;
        };
        let (sender, timeout) = (self.sender.clone(), self.call_timeout);
        tokio::spawn(async move {
            if let Some(answer) = client.ask(&request, timeout).await {
                drop(
                    sender
                        .send(Event::Answered {
                            region,
                            asker,
                            answer,
                        })
                        .await,
                );
            }
        });
    }

    fn handle(&mut self, now: Time, event: Event) {
        match event {
            Event::Answered {
                region,
                asker,
                answer,
            } => self.handle_answer(now, region, asker, answer),
            Event::Started { resource, epoch } => self.started(now, &resource, epoch),
            Event::NotStarted {
                resource,
                epoch,
                reason,
            } => self.not_started(now, &resource, epoch, &reason),
            Event::Gone { resource, epoch } => self.gone(now, &resource, epoch),
            Event::Followed { resource, epoch, led } => self.followed(now, &resource, epoch, led),
            Event::Located { resource, epoch, at } => self.lead(now, &resource, epoch, at),
            Event::Lost { resource, epoch } => self.lost_sight(now, &resource, epoch),
            Event::Take {
                resource,
                after,
                done,
            } => self.take(now, resource, after, done),
            Event::Yield { resource } => self.yield_to_others(now, &resource),
            Event::HandOff {
                resource,
                target,
                may_ask,
                done,
            } => self.hand_off(now, &resource, target, may_ask, done),
            Event::Status(done) => drop(done.send(self.status(now))),
            Event::Leave(done) => self.leave(now, done),
        }
    }

    fn handle_answer(&mut self, now: Time, region: RegionName, asker: Asker, answer: Answer) {
        if let Reply::Done(Outcome::Refused(Refusal::Outdated(newer))) = &answer.reply {
            self.holder.adopt(now, (**newer).clone());
        }
        match asker {
            Asker::Holder => self.holder.handle_answer(now, &region, answer),
            Asker::Candidate(resource) => {
                if let Some(candidate) = self.candidates.get_mut(&resource) {
                    candidate.handle_answer(now, &region, answer);
                }
            }
            Asker::Lookout(resources) => {
                if let Reply::Looks(looks) = answer.reply {
                    self.compare_scopes(&region, &resources, &looks);
                    self.handle_looks(now, &region, &resources, looks);
                }
            }
            Asker::Roster(asked) => {
                if let Reply::Members(members) = answer.reply {
                    self.roster.refresh(asked, region, members);
                    self.reconsider(now);
                }
            }
            Asker::Record(epoch) => {
                let session = self.holder.validity(&self.membership.session);
                if session.is_some_and(|session| session.epoch == epoch) {
                    self.membership.announced(&answer.reply);
                }
            }
        }
    }

    /// Goes by the newest set of regions that this node's own replica knows.
    fn follow_config(&mut self, now: Time) {
        let known = self.holder.config().version;
        let replica = self.replica.borrow().clone();
        let newer = replica.and_then(|replica| replica.read(|acceptor, _, _| acceptor.config().cloned()));
        if let Some(newer) = newer.filter(|newer| newer.version > known) {
            self.holder.adopt(now, newer);
        }
    }
}
