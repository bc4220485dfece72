//! The simulated world: every message, commit, apply, timer and fault is an event at a true instant; after each, the invariants hold.
//!
//! It is as unfriendly as the rules allow. Any replica may propose on what it has applied so far, by its own clock, and what it proposed
//! may commit seconds later. Nothing here knows a rule of the protocol: nodes and regions do what the machines under test say.

mod faults;
mod invariants;
mod links;
mod nodes;
mod regions;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use quorate_regions::id::{Epoch, GroupId, Incarnation, NodeName, RegionName, ResourceId, Uid};
use quorate_regions::lease::{
    Acceptor, Act, Answer, Binding, Configuration, Drift, Flaw, Flaws, Op, Request, Stamps, Time, Timing,
};

use super::check::{Checker, Violation};
use super::dice::{Dice, HostClock};
use super::node::{Life, Machine, Node};
use super::region::{Entry, Proposal, REPLICAS, Region, Replica};

pub(crate) const MS: u64 = 1_000_000;
pub(crate) const TERM: Duration = Duration::from_secs(1);
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
    Activate {
        region: usize,
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
    /// Whether the nodes' files differ about the scope of one name.
    pub(crate) torn: bool,
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
        for region in 0..world.plan.regions {
            let at = world.dice.within(0, 2_000) * MS;
            world.at(at, Event::Activate { region });
        }
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
            } => self.judge(region, caller, request),
            Event::ToNode {
                node,
                region,
                caller,
                answer,
            } => return self.answered(node, region, caller, answer),
            Event::Flush { region } => return self.flush(region),
            Event::Late { region, proposal } => self.propose(region, *proposal),
            Event::Apply {
                region,
                replica,
                upto,
            } => self.apply(region, replica, upto),
            Event::Timer { node, uid, token } => {
                let current = self
                    .life(node)
                    .is_some_and(|life| life.uid == uid && life.timer == token);
                if current && !self.nodes[node].paused {
                    return self.wake(node);
                }
            }
            Event::Try { node, uid, resource } => return self.attempt(node, uid, &resource),
            Event::Stopped {
                node,
                uid,
                resource,
                epoch,
            } => return self.stopped(node, uid, &resource, epoch),
            Event::Activate { region } => return self.activate(region),
            Event::Restart { node } => self.restart(node),
            Event::Resume { node } => return self.resume(node),
            Event::Revive { region, replica } => self.revive(region, replica),
            Event::Mend { node, region } => {
                self.to_cut.remove(&(node, region));
                self.from_cut.remove(&(node, region));
            }
            Event::Fault => self.fault(),
            Event::Heal => return self.heal(),
        }
        Ok(())
    }

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
