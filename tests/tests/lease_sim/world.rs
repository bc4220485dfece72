//! The simulated world: every message, commit, apply, timer and fault is an event at a true instant; after each, the invariants hold.
//!
//! It is as unfriendly as the rules allow. Any replica may propose on what it has applied so far, by its own clock, and what it proposed
//! may commit seconds later. Nothing here knows a rule of the protocol: nodes and regions do what the machines under test say.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use quorate_regions::id::{Epoch, GroupId, Incarnation, NodeName, RegionName, ResourceId, ResourceName, Uid};
use quorate_regions::lease::{
    Acceptor, Act, Answer, Ask, Binding, Candidate, CandidateCommand, Configuration, Drift, Ended, Flaw,
    Flaws, Holder, HolderCommand, Judgement, OPS_MAX, Op, Outcome, Reply, Request, Stamps, Time, Timing,
};

use super::check::{Checker, Heard, Violation};
use super::dice::{Dice, HostClock};
use super::node::{Actor, Life, Machine, Node};
use super::region::{Entry, Proposal, REPLICAS, Region, Replica};

pub(crate) const MS: u64 = 1_000_000;
pub(crate) const TERM: Duration = Duration::from_millis(1_000);
pub(crate) const TIMING: Timing = Timing {
    term: TERM,
    stop: Duration::from_millis(100),
};
/// The bound on the clocks: five parts in a hundred.
pub(crate) const DRIFT_PPM: u64 = 50_000;

#[derive(Clone)]
pub(crate) struct Caller {
    pub(crate) node: usize,
    pub(crate) uid: Uid,
    pub(crate) machine: Machine,
    /// The caller's clock when this copy left.
    pub(crate) sent: Time,
}

enum Event {
    ToRegion {
        region: usize,
        caller: Caller,
        request: Request,
    },
    ToNode {
        node: usize,
        region: usize,
        caller: Caller,
        answer: Answer,
    },
    Flush {
        region: usize,
    },
    Late {
        region: usize,
        proposal: Box<Proposal>,
    },
    Apply {
        region: usize,
        replica: usize,
        upto: usize,
    },
    Timer {
        node: usize,
        uid: Uid,
        token: u64,
    },
    Try {
        node: usize,
        uid: Uid,
        resource: ResourceId,
    },
    Stopped {
        node: usize,
        uid: Uid,
        resource: ResourceId,
        epoch: Epoch,
    },
    Restart {
        node: usize,
    },
    Resume {
        node: usize,
    },
    Revive {
        region: usize,
        replica: usize,
    },
    Mend {
        node: usize,
        region: usize,
    },
    Fault,
    Heal,
}

/// The shape of a run.
pub(crate) struct Plan {
    pub(crate) seed: u64,
    pub(crate) flaw: Option<Flaw>,
    pub(crate) regions: usize,
    pub(crate) nodes: usize,
    /// True time with faults, then without.
    pub(crate) faults: Duration,
    pub(crate) calm: Duration,
}

pub(crate) struct World {
    plan: Plan,
    dice: Dice,
    now: u64,
    events: BTreeMap<(u64, u64), Event>,
    scheduled: u64,
    pub(crate) steps: u64,
    config: Configuration,
    regions: Vec<Region>,
    nodes: Vec<Node>,
    to_cut: BTreeSet<(usize, usize)>,
    from_cut: BTreeSet<(usize, usize)>,
    stormy: bool,
    uids: u128,
    pub(crate) checker: Checker,
}

type Step = Result<(), Violation>;

impl World {
    pub(crate) fn new(plan: Plan) -> Self {
        let mut dice = Dice::new(plan.seed);
        let drift = Drift::from_ppm(DRIFT_PPM as u32).unwrap();
        let names: Vec<RegionName> = (0..plan.regions)
            .map(|at| RegionName::new(&format!("region-{at}")).unwrap())
            .collect();
        let group = |at: usize| GroupId(100 + at as u128);
        let mut config = Configuration::formed(names[0].clone(), group(0), drift, TERM);
        config.version = quorate_regions::id::ConfigVersion::FIRST;
        config.regions = names
            .iter()
            .cloned()
            .enumerate()
            .map(|(at, name)| (name, group(at)))
            .collect();

        let flaws = plan.flaw.map(Flaws::only).unwrap_or_default();
        let mut regions = Vec::new();
        for (at, name) in names.iter().enumerate() {
            let own = Configuration::formed(name.clone(), group(at), drift, TERM);
            let binding = Binding {
                config: own.version,
                group: group(at),
            };
            let (region, incarnation) = (name.clone(), Incarnation(at as u128));
            let acts = [
                Act::Form {
                    region,
                    config: own,
                    incarnation,
                },
                Act::AcceptConfig(config.clone()),
                Act::ActivateConfig(config.clone()),
            ];
            let ops = acts
                .map(|act| Op {
                    binding,
                    uid: Uid(0),
                    act,
                })
                .to_vec();
            let mut truth = Acceptor::default().with_flaws(flaws);
            truth.apply(1, &ops);
            let replicas = (0..REPLICAS).map(|_| Replica {
                clock: clock(&mut dice),
                acceptor: truth.clone(),
                stamps: Stamps::default(),
                applied: 1,
                up: true,
                life: 0,
            });
            let replicas = replicas.collect();
            let log = vec![Entry {
                ops,
                proposals: Vec::new(),
            }];
            regions.push(Region {
                name: name.clone(),
                log,
                truth,
                replicas,
                leader: 0,
                batch: Vec::new(),
            });
        }
        let nodes = (0..plan.nodes).map(|at| Node {
            clock: clock(&mut dice),
            name: NodeName::new(&format!("node-{at}")).unwrap(),
            region: at % plan.regions,
            life: None,
            paused: false,
            inbox: Vec::new(),
        });
        let nodes = nodes.collect();
        let mut world = Self {
            dice,
            now: 0,
            events: BTreeMap::new(),
            scheduled: 0,
            steps: 0,
            config,
            regions,
            nodes,
            to_cut: BTreeSet::new(),
            from_cut: BTreeSet::new(),
            stormy: true,
            uids: 0,
            checker: Checker::default(),
            plan,
        };
        for node in 0..world.plan.nodes {
            let at = world.dice.within(0, 300) * MS;
            world.at(at, Event::Restart { node });
        }
        world.at(500 * MS, Event::Fault);
        let calm = world.plan.faults.as_nanos() as u64;
        world.at(calm, Event::Heal);
        world
    }

    /// Lets everything happen until the end.
    pub(crate) fn run(&mut self) -> Step {
        let end = (self.plan.faults + self.plan.calm).as_nanos() as u64;
        while let Some(((at, _), event)) = self.events.pop_first().filter(|((at, _), _)| *at <= end) {
            self.now = at;
            self.steps += 1;
            self.happen(event)?;
            self.check_one_holder()?;
        }
        self.check_someone_holds()?;
        self.check_replicas()
    }

    fn happen(&mut self, event: Event) -> Step {
        match event {
            Event::ToRegion {
                region,
                caller,
                request,
            } => {
                self.judge(region, caller, request);
                Ok(())
            }
            Event::ToNode {
                node,
                region,
                caller,
                answer,
            } => self.answered(node, region, caller, answer),
            Event::Flush { region } => self.flush(region),
            Event::Late { region, proposal } => self.propose(region, *proposal),
            Event::Apply {
                region,
                replica,
                upto,
            } => {
                self.apply(region, replica, upto);
                Ok(())
            }
            Event::Timer { node, uid, token } => {
                let current = self
                    .life(node)
                    .is_some_and(|life| life.uid == uid && life.timer == token);
                if current && !self.nodes[node].paused {
                    self.wake(node)
                } else {
                    Ok(())
                }
            }
            Event::Try { node, uid, resource } => self.attempt(node, uid, &resource),
            Event::Stopped {
                node,
                uid,
                resource,
                epoch,
            } => self.stopped(node, uid, &resource, epoch),
            Event::Restart { node } => self.restart(node),
            Event::Resume { node } => self.resume(node),
            Event::Revive { region, replica } => {
                self.revive(region, replica);
                Ok(())
            }
            Event::Mend { node, region } => {
                self.to_cut.remove(&(node, region));
                self.from_cut.remove(&(node, region));
                Ok(())
            }
            Event::Fault => self.fault(),
            Event::Heal => self.heal(),
        }
    }

    // ---- regions

    fn judge(&mut self, region: usize, caller: Caller, request: Request) {
        let astray = self.stormy && self.dice.percent(10);
        let at = if astray {
            self.dice.below(REPLICAS)
        } else {
            self.regions[region].leader
        };
        let replica = &mut self.regions[region].replicas[at];
        if !replica.up {
            return;
        }
        let now = replica.clock.shows(self.now);
        match replica.stamps.judge(&replica.acceptor, now, &request) {
            Judgement::Answer(reply) => {
                let answer = Answer::new(&replica.acceptor, &request, reply);
                self.reply(region, caller, answer);
            }
            Judgement::Propose(op) => {
                let proposal = Proposal {
                    op,
                    request,
                    caller,
                    replica: at,
                    life: replica.life,
                };
                if self.stormy && self.dice.percent(3) {
                    return;
                }
                let slow = self.stormy && self.dice.percent(10);
                let delay = if slow {
                    self.dice.within(10, 3_000)
                } else {
                    self.dice.within(0, 4)
                } * MS
                    + 1;
                let proposal = Box::new(proposal);
                self.after(delay, Event::Late { region, proposal });
            }
        }
    }

    fn propose(&mut self, region: usize, proposal: Proposal) -> Step {
        self.regions[region].batch.push(proposal);
        if self.regions[region].batch.len() == 1 {
            let delay = self.dice.within(1, 6) * MS;
            self.after(delay, Event::Flush { region });
        }
        Ok(())
    }

    fn flush(&mut self, region: usize) -> Step {
        if !self.regions[region].has_quorum() {
            self.after(50 * MS, Event::Flush { region });
            return Ok(());
        }
        let many = self.regions[region].batch.len().min(OPS_MAX);
        let proposals: Vec<Proposal> = self.regions[region].batch.drain(..many).collect();
        if !self.regions[region].batch.is_empty() {
            self.after(MS, Event::Flush { region });
        }
        let ops: Vec<Op> = proposals.iter().map(|proposal| proposal.op.clone()).collect();
        let upto = self.regions[region].log.len() + 1;
        self.commit(region, upto as u64, &proposals)?;
        self.regions[region].log.push(Entry { ops, proposals });
        for replica in 0..REPLICAS {
            let lags = self.stormy && self.dice.percent(10);
            let delay = if lags {
                self.dice.within(1, 800)
            } else {
                self.dice.within(0, 5)
            } * MS;
            self.after(
                delay,
                Event::Apply {
                    region,
                    replica,
                    upto,
                },
            );
        }
        Ok(())
    }

    /// What the log says, operation by operation, is held against what the owners counted on.
    fn commit(&mut self, region: usize, log_index: u64, proposals: &[Proposal]) -> Step {
        let before = self.regions[region].truth.clone();
        let ops: Vec<Op> = proposals.iter().map(|proposal| proposal.op.clone()).collect();
        let outcomes = self.regions[region].truth.apply(log_index, &ops);
        let mut promised = BTreeMap::new();
        for (proposal, outcome) in proposals.iter().zip(&outcomes) {
            let (op, caller) = (&proposal.op, &proposal.caller);
            let resource = match &op.act {
                Act::Promise { resource, .. }
                | Act::Claim { resource, .. }
                | Act::Accept { resource, .. }
                | Act::Release { resource, .. } => Some(resource),
                _ => None,
            };
            if let Some(resource) = resource {
                promised
                    .entry(resource.clone())
                    .or_insert_with(|| before.promised(resource));
            }
            match (&op.act, outcome) {
                (Act::Promise { resource, .. }, Outcome::Promised { cleared: Some(owner) })
                | (
                    Act::Claim { resource, .. },
                    Outcome::Accepted {
                        cleared: Some(owner), ..
                    },
                ) => {
                    self.check_cleared(region, resource, *owner)?;
                }
                _ => {}
            }
            match (&op.act, outcome) {
                (Act::Accept { resource, tenancy }, Outcome::Accepted { .. }) => {
                    let (uid, epoch, term, sent) = (op.uid, tenancy.epoch, tenancy.term, caller.sent);
                    self.checker.accepted(
                        region,
                        resource,
                        Heard {
                            uid,
                            epoch,
                            sent,
                            term,
                        },
                    );
                }
                (
                    Act::Claim {
                        resource,
                        round,
                        term,
                        ..
                    },
                    Outcome::Accepted { .. },
                ) => {
                    let (uid, epoch, term, sent) = (op.uid, Epoch::from(*round), *term, caller.sent);
                    self.checker.accepted(
                        region,
                        resource,
                        Heard {
                            uid,
                            epoch,
                            sent,
                            term,
                        },
                    );
                }
                (Act::Renew(_), Outcome::Renewed) => {
                    self.checker.renewals += 1;
                    for ((at, _), heard) in &mut self.checker.heard {
                        if *at == region && heard.uid == op.uid {
                            heard.sent = heard.sent.max(caller.sent);
                        }
                    }
                }
                (Act::List(_), Outcome::Listed { present, .. }) => {
                    for (resource, epoch) in present {
                        let (uid, epoch, sent, term) = (op.uid, *epoch, caller.sent, TERM);
                        self.checker.heard(
                            region,
                            resource,
                            Heard {
                                uid,
                                epoch,
                                sent,
                                term,
                            },
                        );
                    }
                }
                (Act::Release { resource, epoch, .. }, Outcome::Released { cleared: true }) => {
                    let key = (region, resource.clone());
                    if self
                        .checker
                        .heard
                        .get(&key)
                        .is_some_and(|heard| heard.epoch <= *epoch)
                    {
                        self.checker.heard.remove(&key);
                    }
                }
                _ => {}
            }
        }
        for (resource, before) in promised {
            let after = self.regions[region].truth.promised(&resource);
            if after < before {
                return self.fail(
                    "I5",
                    format!("region {region} {resource}: promised fell from {before} to {after}"),
                );
            }
        }
        Ok(())
    }

    /// I6: the owner itself must have counted the whole term since the region last heard from it.
    fn check_cleared(&mut self, region: usize, resource: &ResourceId, owner: Uid) -> Step {
        let Some(heard) = self.checker.heard.remove(&(region, resource.clone())) else {
            return Ok(());
        };
        let Some(host) = self.host(owner).filter(|_| heard.uid == owner) else {
            return Ok(());
        };
        let shows = self.nodes[host].clock.shows(self.now);
        if shows < heard.sent.after(heard.term) {
            let (epoch, since) = (heard.epoch, shows.since(heard.sent));
            return self.fail(
                "I6",
                format!("region {region} cleared {resource} epoch {epoch} {since:?} after it was renewed"),
            );
        }
        Ok(())
    }

    fn apply(&mut self, region: usize, at: usize, upto: usize) {
        let mut answers = Vec::new();
        let Region { log, replicas, .. } = &mut self.regions[region];
        let replica = &mut replicas[at];
        if !replica.up {
            return;
        }
        let now = replica.clock.shows(self.now);
        while replica.applied < upto {
            let entry = &log[replica.applied];
            replica.applied += 1;
            let log_index = replica.applied as u64;
            let outcomes = replica.acceptor.apply(log_index, &entry.ops);
            replica
                .stamps
                .applied(now, &replica.acceptor, log_index, &entry.ops, &outcomes);
            for (proposal, outcome) in entry.proposals.iter().zip(outcomes) {
                if (proposal.replica, proposal.life) == (at, replica.life) {
                    let answer = Answer::new(&replica.acceptor, &proposal.request, Reply::Done(outcome));
                    answers.push((proposal.caller.clone(), answer));
                }
            }
        }
        for (caller, answer) in answers {
            self.reply(region, caller, answer);
        }
    }

    fn kill_replica(&mut self, region: usize, at: usize) {
        let replica = &mut self.regions[region].replicas[at];
        replica.up = false;
        replica.life += 1;
        self.regions[region].elect(at + 1);
        let delay = self.dice.within(50, 1_500) * MS;
        self.after(delay, Event::Revive { region, replica: at });
    }

    /// A replica comes back: with what it had, or from a snapshot of somebody else.
    fn revive(&mut self, region: usize, at: usize) {
        let snapshot = self.dice.percent(50);
        let Region {
            log, replicas, truth, ..
        } = &mut self.regions[region];
        let replica = &mut replicas[at];
        if snapshot {
            replica.acceptor = truth.clone();
            replica.applied = log.len();
        }
        replica.up = true;
        replica
            .stamps
            .reset(replica.clock.shows(self.now), &replica.acceptor);
        let upto = log.len();
        let leader = self.regions[region].leader;
        if !self.regions[region].replicas[leader].up {
            self.regions[region].elect(at);
        }
        let delay = self.dice.within(1, 100) * MS;
        self.after(
            delay,
            Event::Apply {
                region,
                replica: at,
                upto,
            },
        );
    }

    // ---- links

    fn send(&mut self, node: usize, machine: Machine, region: &RegionName, request: Request) -> Step {
        let Some(at) = self.regions.iter().position(|it| it.name == *region) else {
            return Ok(());
        };
        let uid = request.uid;
        if let Ask::Release { resource, epoch, .. } = &request.ask {
            self.check_quiet(node, resource, *epoch)?;
        }
        let caller = Caller {
            node,
            uid,
            machine,
            sent: self.nodes[node].clock.shows(self.now),
        };
        if self.to_cut.contains(&(node, at)) {
            return Ok(());
        }
        for delay in self.journey(node, at) {
            let (caller, request) = (caller.clone(), request.clone());
            self.after(
                delay,
                Event::ToRegion {
                    region: at,
                    caller,
                    request,
                },
            );
        }
        Ok(())
    }

    fn reply(&mut self, region: usize, caller: Caller, answer: Answer) {
        let node = caller.node;
        if self.from_cut.contains(&(node, region)) {
            return;
        }
        for delay in self.journey(node, region) {
            let (caller, answer) = (caller.clone(), answer.clone());
            self.after(
                delay,
                Event::ToNode {
                    node,
                    region,
                    caller,
                    answer,
                },
            );
        }
    }

    /// How long each copy of a message takes: none, one, or two of them.
    fn journey(&mut self, node: usize, region: usize) -> Vec<u64> {
        let near = self.nodes[node].region == region;
        let copies = match self.dice.within(0, 100) {
            0..=2 if self.stormy => 0,
            3..=5 if self.stormy => 2,
            _ => 1,
        };
        let mut delays = Vec::new();
        for _ in 0..copies {
            let slow = self.stormy && self.dice.percent(5);
            let ms = if slow {
                (10, 1_200)
            } else if near {
                (0, 3)
            } else {
                (5, 40)
            };
            delays.push(self.dice.within(ms.0, ms.1) * MS + self.dice.within(0, MS));
        }
        delays
    }

    // ---- nodes

    fn restart(&mut self, at: usize) -> Step {
        self.uids += 1;
        let uid = Uid(self.uids * 1_000 + at as u128);
        let now = self.nodes[at].clock.shows(self.now);
        // Some nodes know only their own region when they start; they learn the rest from it.
        let region = self.nodes[at].region;
        let config = if self.dice.percent(30) {
            let name = self.regions[region].name.clone();
            let group = self.config.regions[&name];
            Configuration::formed(name, group, self.config.drift, self.config.term_max)
        } else {
            self.config.clone()
        };
        let flaws = self.plan.flaw.map(Flaws::only).unwrap_or_default();
        let holder = Holder::new(uid, TIMING, config, now).with_flaws(flaws);
        let (candidates, actors) = (BTreeMap::new(), BTreeMap::new());
        let life = Life {
            uid,
            holder,
            candidates,
            actors,
            timer: 0,
        };
        self.nodes[at].life = Some(life);
        self.nodes[at].inbox.clear();
        for resource in self.wanted(at) {
            let candidate = Candidate::new(uid, resource.clone(), TIMING, Duration::ZERO);
            self.life(at)
                .map(|life| life.candidates.insert(resource.clone(), candidate));
            let delay = self.dice.within(1, 200) * MS;
            self.after(
                delay,
                Event::Try {
                    node: at,
                    uid,
                    resource,
                },
            );
        }
        Ok(())
    }

    /// Everything that a node tries to hold.
    fn wanted(&self, node: usize) -> Vec<ResourceId> {
        let region = &self.regions[self.nodes[node].region].name;
        let mut wanted = self.globals();
        wanted.push(ResourceId::session(region.clone(), &self.nodes[node].name));
        wanted.push(ResourceId::regional(
            region.clone(),
            ResourceName::new("local").unwrap(),
        ));
        wanted
    }

    fn globals(&self) -> Vec<ResourceId> {
        let name = |text: &str| ResourceId::global(ResourceName::new(text).unwrap());
        vec![name("billing"), name("audit")]
    }

    fn attempt(&mut self, node: usize, uid: Uid, resource: &ResourceId) -> Step {
        let (now, entropy) = (self.nodes[node].clock.shows(self.now), self.dice.any());
        let paused = self.nodes[node].paused;
        let Some(life) = self.life(node).filter(|life| life.uid == uid) else {
            return Ok(());
        };
        let begun = if paused {
            None
        } else {
            life.holder.begin(now, resource).ok()
        };
        if let Some((used, candidate)) = begun.zip(life.candidates.get_mut(resource)) {
            candidate.start(now, life.holder.config(), used, entropy);
            self.drive(node)
        } else {
            let resource = resource.clone();
            self.after(TERM.as_nanos() as u64 / 4, Event::Try { node, uid, resource });
            Ok(())
        }
    }

    fn answered(&mut self, node: usize, region: usize, caller: Caller, answer: Answer) -> Step {
        let name = self.regions[region].name.clone();
        if self.nodes[node].paused {
            self.nodes[node]
                .inbox
                .push((caller.uid, name, caller.machine, answer));
            return Ok(());
        }
        self.take(node, caller.uid, &name, &caller.machine, answer);
        self.drive(node)
    }

    fn take(&mut self, node: usize, uid: Uid, region: &RegionName, machine: &Machine, answer: Answer) {
        let now = self.nodes[node].clock.shows(self.now);
        let Some(life) = self.life(node).filter(|life| life.uid == uid) else {
            return;
        };
        match machine {
            Machine::Holder => life.holder.handle_answer(now, region, answer),
            Machine::Candidate(resource) => {
                if let Some(candidate) = life.candidates.get_mut(resource) {
                    candidate.handle_answer(now, region, answer);
                }
            }
        }
    }

    fn wake(&mut self, node: usize) -> Step {
        let now = self.nodes[node].clock.shows(self.now);
        if let Some(life) = self.life(node) {
            life.holder.handle_timeout(now);
            life.candidates
                .values_mut()
                .for_each(|candidate| candidate.handle_timeout(now));
        }
        self.drive(node)
    }

    /// The driver: does what the machines say, copies the cells, sets the timer.
    fn drive(&mut self, node: usize) -> Step {
        loop {
            let Some(life) = self.life(node) else {
                return Ok(());
            };
            let uid = life.uid;
            if let Some(command) = life.holder.poll_command() {
                self.copy_cells(node)?;
                self.hold(node, uid, command)?;
                continue;
            }
            let polled = life.candidates.iter_mut().find_map(|(resource, candidate)| {
                candidate
                    .poll_command()
                    .map(|command| (resource.clone(), command))
            });
            match polled {
                None => break,
                Some((resource, CandidateCommand::Send { region, request })) => {
                    self.send(node, Machine::Candidate(resource), &region, request)?;
                }
                Some((resource, CandidateCommand::Ended(ended))) => {
                    self.ended(node, uid, resource, ended);
                }
            }
        }
        self.copy_cells(node)?;
        let clock = self.nodes[node].clock;
        let Some(life) = self.life(node) else {
            return Ok(());
        };
        life.timer += 1;
        let (uid, token) = (life.uid, life.timer);
        let candidates = life.candidates.values().filter_map(Candidate::next_deadline);
        if let Some(next) = life.holder.next_deadline().into_iter().chain(candidates).min() {
            let at = clock.when(next).max(self.now + 1);
            self.at(at, Event::Timer { node, uid, token });
        }
        Ok(())
    }

    fn ended(&mut self, node: usize, uid: Uid, resource: ResourceId, ended: Ended) {
        let clock = self.nodes[node].clock;
        let now = clock.shows(self.now);
        let rank = self.dice.below(4);
        let entropy = self.dice.any();
        let Some(life) = self.life(node) else { return };
        let wait = match &ended {
            Ended::Lost(lost) => {
                let rank = life
                    .candidates
                    .get(&resource)
                    .map(|candidate| candidate.delay(rank, entropy));
                lost.retry_after + rank.unwrap_or_default()
            }
            Ended::Won(_) => TERM,
        };
        life.holder.ended(now, ended);
        let at = clock.later(self.now, wait);
        self.at(at, Event::Try { node, uid, resource });
    }

    fn hold(&mut self, node: usize, uid: Uid, command: HolderCommand) -> Step {
        match command {
            HolderCommand::Send { region, request } => self.send(node, Machine::Holder, &region, request),
            HolderCommand::Activated { resource, validity } => {
                let quorum = self.config.quorum(&resource);
                self.checker
                    .acquired(self.now, &resource, (validity.epoch, uid), quorum)?;
                let actor = Actor {
                    epoch: validity.epoch,
                    until: validity.until,
                    stopping: false,
                };
                let before = self
                    .life(node)
                    .and_then(|life| life.actors.insert(resource.clone(), actor));
                match before {
                    Some(_) => self.fail("I3", format!("{resource} started twice at node {node}")),
                    None => Ok(()),
                }
            }
            HolderCommand::Lapsed { resource, epoch } => {
                // Aborting takes some of the stop budget.
                let clock = self.nodes[node].clock;
                let spent = Duration::from_nanos(self.dice.within(0, TIMING.stop.as_nanos() as u64));
                let at = clock.later(self.now, spent);
                self.at(
                    at,
                    Event::Stopped {
                        node,
                        uid,
                        resource,
                        epoch,
                    },
                );
                Ok(())
            }
            _ => Ok(()),
        }
    }

    /// I3: a cell that ran out is never filled again.
    fn copy_cells(&mut self, node: usize) -> Step {
        let now = self.nodes[node].clock.shows(self.now);
        let Some(life) = self.life(node) else {
            return Ok(());
        };
        let mut gap = None;
        for (resource, validity) in life.holder.validities() {
            let Some(actor) = life.actors.get_mut(resource) else {
                continue;
            };
            if actor.epoch == validity.epoch {
                if validity.until > actor.until && now >= actor.until {
                    gap = Some(format!(
                        "{resource} epoch {} at node {node} went on after a gap",
                        actor.epoch
                    ));
                }
                actor.until = validity.until;
            }
        }
        gap.map_or(Ok(()), |detail| self.fail("I3", detail))
    }

    fn stopped(&mut self, node: usize, uid: Uid, resource: &ResourceId, epoch: Epoch) -> Step {
        if self.nodes[node].paused {
            let resource = resource.clone();
            self.after(
                10 * MS,
                Event::Stopped {
                    node,
                    uid,
                    resource,
                    epoch,
                },
            );
            return Ok(());
        }
        let now = self.nodes[node].clock.shows(self.now);
        let Some(life) = self.life(node).filter(|life| life.uid == uid) else {
            return Ok(());
        };
        if life
            .actors
            .get(resource)
            .is_some_and(|actor| actor.epoch == epoch)
        {
            life.actors.remove(resource);
        }
        life.holder.release(now, resource, epoch);
        self.drive(node)
    }

    fn resume(&mut self, node: usize) -> Step {
        if !std::mem::take(&mut self.nodes[node].paused) {
            return Ok(());
        }
        let late_first = self.dice.percent(50);
        if late_first {
            self.wake(node)?;
        }
        for (uid, region, machine, answer) in std::mem::take(&mut self.nodes[node].inbox) {
            self.take(node, uid, &region, &machine, answer);
            self.drive(node)?;
        }
        self.wake(node)
    }

    // ---- faults

    fn fault(&mut self) -> Step {
        if !self.stormy {
            return Ok(());
        }
        let delay = self.dice.within(20, 600) * MS;
        self.after(delay, Event::Fault);
        let node = self.dice.below(self.plan.nodes);
        let region = self.dice.below(self.plan.regions);
        let span = self.dice.within(50, 2_500) * MS;
        match self.dice.below(12) {
            0 => {
                self.nodes[node].life = None;
                self.nodes[node].paused = false;
                self.after(span / 2, Event::Restart { node });
            }
            1 | 2 => {
                self.nodes[node].paused = true;
                self.after(span, Event::Resume { node });
            }
            3 => {
                let leader = self.regions[region].leader;
                self.kill_replica(region, leader);
            }
            4 => {
                let at = self.dice.below(REPLICAS);
                self.regions[region].elect(at);
            }
            5 => {
                let at = self.dice.below(REPLICAS);
                self.kill_replica(region, at);
            }
            6 => self.cut(node, region, span, (true, false)),
            7 => self.cut(node, region, span, (false, true)),
            8 => (0..self.plan.regions).for_each(|region| self.cut(node, region, span, (true, true))),
            9 => {
                // The region is cut off whole: its nodes from the others, the others' nodes from it.
                for node in 0..self.plan.nodes {
                    for other in 0..self.plan.regions {
                        if (self.nodes[node].region == region) != (other == region) {
                            self.cut(node, other, span, (true, true));
                        }
                    }
                }
            }
            10 => return self.hand_off(node),
            _ => (0..self.plan.nodes).for_each(|node| self.cut(node, region, span, (true, true))),
        }
        Ok(())
    }

    fn cut(&mut self, node: usize, region: usize, span: u64, (to, from): (bool, bool)) {
        if to {
            self.to_cut.insert((node, region));
        }
        if from {
            self.from_cut.insert((node, region));
        }
        self.after(span, Event::Mend { node, region });
    }

    /// Stops whatever the node runs, goes on renewing meanwhile, and then gives it back.
    fn hand_off(&mut self, node: usize) -> Step {
        let spent = self.dice.within(1, 300) * MS;
        let Some(life) = self.life(node) else {
            return Ok(());
        };
        let uid = life.uid;
        let mut stopping = Vec::new();
        for (resource, actor) in life.actors.iter_mut().filter(|(_, actor)| !actor.stopping) {
            actor.stopping = true;
            stopping.push((resource.clone(), actor.epoch));
        }
        for (resource, epoch) in stopping {
            self.after(
                spent,
                Event::Stopped {
                    node,
                    uid,
                    resource,
                    epoch,
                },
            );
        }
        Ok(())
    }

    fn heal(&mut self) -> Step {
        self.stormy = false;
        self.to_cut.clear();
        self.from_cut.clear();
        for node in 0..self.plan.nodes {
            if self.nodes[node].life.is_none() {
                self.restart(node)?;
            }
            self.resume(node)?;
        }
        for region in 0..self.plan.regions {
            for replica in 0..REPLICAS {
                if !self.regions[region].replicas[replica].up {
                    self.revive(region, replica);
                }
            }
        }
        Ok(())
    }

    // ---- invariants

    /// I1: at this true instant no two instances may have effects. The stop budget counts: aborting may take all of it.
    fn check_one_holder(&self) -> Step {
        let mut effective: BTreeMap<&ResourceId, (usize, Epoch)> = BTreeMap::new();
        for (at, node) in self.nodes.iter().enumerate() {
            let now = node.clock.shows(self.now);
            for (resource, actor) in node.life.iter().flat_map(|life| &life.actors) {
                if now >= actor.until.after(TIMING.stop) {
                    continue;
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
    fn check_someone_holds(&self) -> Step {
        let mut wanted: BTreeSet<ResourceId> = BTreeSet::new();
        (0..self.plan.nodes).for_each(|node| wanted.extend(self.wanted(node)));
        for resource in wanted {
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
    fn check_replicas(&self) -> Step {
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
    fn check_quiet(&self, node: usize, resource: &ResourceId, epoch: Epoch) -> Step {
        let life = self.nodes[node].life.as_ref();
        match life.and_then(|life| life.actors.get(resource)) {
            Some(actor) if actor.epoch <= epoch => self.fail(
                "I11",
                format!("node {node} gave back {resource} epoch {epoch} before it stopped"),
            ),
            _ => Ok(()),
        }
    }

    // ---- plumbing

    fn life(&mut self, node: usize) -> Option<&mut Life> {
        self.nodes[node].life.as_mut()
    }

    /// The host of a process life is part of how it is numbered here.
    fn host(&self, uid: Uid) -> Option<usize> {
        Some((uid.0 % 1_000) as usize).filter(|at| *at < self.nodes.len())
    }

    fn fail(&self, invariant: &'static str, detail: String) -> Step {
        Err(Violation {
            invariant,
            at: self.now,
            detail,
        })
    }

    fn at(&mut self, at: u64, event: Event) {
        self.scheduled += 1;
        self.events.insert((at.max(self.now), self.scheduled), event);
    }

    fn after(&mut self, delay: u64, event: Event) {
        self.at(self.now + delay, event);
    }
}

fn clock(dice: &mut Dice) -> HostClock {
    // Often at the very bound, where the rules are tight.
    let per_million = match dice.below(4) {
        0 => 1_000_000 - DRIFT_PPM,
        1 => 1_000_000 + DRIFT_PPM,
        _ => dice.within(1_000_000 - DRIFT_PPM, 1_000_000 + DRIFT_PPM),
    };
    HostClock {
        offset: dice.within(0, 1_000_000) * MS,
        per_million,
    }
}
