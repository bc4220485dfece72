//! A stage for directed schedules: three regions with perfect clocks, where the script decides what arrives, and when.

use std::time::Duration;

use quorate_regions::id::{ConfigVersion, GroupId, Incarnation, RegionName, ResourceId, ResourceName, Uid};
use quorate_regions::lease::{
    Acceptor, Act, Answer, Ask, Binding, Candidate, CandidateCommand, Configuration, Drift, Ended, Flaw,
    Flaws, Holder, HolderCommand, Judgement, Op, Reply, Request, Stamps, Time, Timing,
};

pub(crate) const TERM: Duration = Duration::from_secs(4);
pub(crate) const TIMING: Timing = Timing {
    term: TERM,
    stop: Duration::from_millis(400),
};

/// What happens to a message of an actor of the play to one region.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Way {
    /// It arrives and is answered at once.
    Open,
    /// It is lost.
    Cut,
    /// It is kept for the script.
    Kept,
}

pub(crate) struct Stage {
    pub(crate) now: Time,
    pub(crate) config: Configuration,
    regions: Vec<(RegionName, Acceptor, Stamps)>,
    flaws: Flaws,
}

/// A process life with its links.
pub(crate) struct Player {
    pub(crate) holder: Holder,
    pub(crate) ways: [Way; 3],
    /// Requests kept for the script.
    pub(crate) kept: Vec<(usize, Request)>,
    /// What the holder wanted done, besides sending.
    pub(crate) events: Vec<HolderCommand>,
    /// Of what it tries for.
    pub(crate) lock_delay: Duration,
    /// Whether the holder's Accepts are lost, wherever they go.
    pub(crate) loses_accepts: bool,
    /// Every request that left.
    pub(crate) sent: Vec<(usize, Request)>,
}

impl Stage {
    pub(crate) fn new(flaw: Option<Flaw>) -> Self {
        let flaws = flaw.map(Flaws::only).unwrap_or_default();
        let drift = Drift::from_ppm(0).unwrap();
        let names = ["a", "b", "c"].map(|name| RegionName::new(name).unwrap());
        let groups = names.iter().cloned().zip([GroupId(1), GroupId(2), GroupId(3)]);
        let config = Configuration {
            version: ConfigVersion::FIRST,
            regions: groups.collect(),
            drift,
            term_max: TERM,
        };
        let mut regions = Vec::new();
        for (name, group) in &config.regions {
            let acceptor = active(&config, name, Incarnation(group.0)).with_flaws(flaws);
            regions.push((name.clone(), acceptor, Stamps::default()));
        }
        Self {
            now: Time(1_000_000_000),
            config,
            regions,
            flaws,
        }
    }

    pub(crate) fn player(&self, uid: u128, ways: [Way; 3]) -> Player {
        let holder = Holder::new(Uid(uid), TIMING, self.config.clone(), self.now).with_flaws(self.flaws);
        let (kept, events, sent) = (Vec::new(), Vec::new(), Vec::new());
        Player {
            holder,
            ways,
            kept,
            events,
            lock_delay: Duration::ZERO,
            loses_accepts: false,
            sent,
        }
    }

    /// What the region's replica does with a request, without committing anything.
    pub(crate) fn judge(&mut self, region: usize, request: &Request) -> Judgement {
        let (_, acceptor, stamps) = &mut self.regions[region];
        stamps.judge(acceptor, self.now, request)
    }

    /// Commits and applies one operation: the answer to its request.
    pub(crate) fn commit(&mut self, region: usize, request: &Request, op: Op) -> Answer {
        let (_, acceptor, stamps) = &mut self.regions[region];
        let log_index = self.now.0;
        self.now = self.now.after(Duration::from_nanos(1));
        let ops = [op];
        let mut outcomes = acceptor.apply(log_index, &ops);
        stamps.applied(self.now, acceptor, log_index, &ops, &outcomes);
        Answer::new(acceptor, request, Reply::Done(outcomes.remove(0)))
    }

    pub(crate) fn exchange(&mut self, region: usize, request: &Request) -> Answer {
        match self.judge(region, request) {
            Judgement::Answer(reply) => Answer::new(&self.regions[region].1, request, reply),
            Judgement::Propose(op) => self.commit(region, request, op),
        }
    }

    /// Gives a region another memory, which has forgotten everything.
    pub(crate) fn restore(&mut self, region: usize, incarnation: u128) {
        let (name, acceptor, stamps) = &mut self.regions[region];
        (*acceptor, *stamps) = (
            active(&self.config, name, Incarnation(incarnation)),
            Stamps::default(),
        );
    }

    pub(crate) fn acceptor(&self, region: usize) -> &Acceptor {
        &self.regions[region].1
    }

    pub(crate) fn name(&self, region: usize) -> RegionName {
        self.regions[region].0.clone()
    }

    /// Lets one player do what its holder wants.
    pub(crate) fn settle(&mut self, player: &mut Player) {
        player.holder.handle_timeout(self.now);
        while let Some(command) = player.holder.poll_command() {
            let HolderCommand::Send { region, request } = command else {
                player.events.push(command);
                continue;
            };
            let Some(at) = self.regions.iter().position(|(name, ..)| *name == region) else {
                continue;
            };
            player.sent.push((at, request.clone()));
            let lost = player.loses_accepts && matches!(request.ask, Ask::Accept { .. });
            match player.ways[at] {
                _ if lost => {}
                Way::Cut => {}
                Way::Kept => player.kept.push((at, request)),
                Way::Open => {
                    let answer = self.exchange(at, &request);
                    player.holder.handle_answer(self.now, &region, answer);
                }
            }
        }
    }

    /// Lets time pass for these players, a tenth of a second at a time.
    pub(crate) fn pass(&mut self, tenths: u32, players: &mut [&mut Player]) {
        for _ in 0..tenths {
            self.now = self.now.after(Duration::from_millis(100));
            for player in players.iter_mut() {
                self.settle(player);
            }
        }
    }

    /// One attempt of a player for `resource`, over its open ways: whether it won.
    pub(crate) fn attempt(&mut self, player: &mut Player, resource: &ResourceId) -> bool {
        let Ok(used) = player.holder.begin(self.now, resource) else {
            return false;
        };
        let mut candidate = Candidate::new(player.holder.uid(), resource.clone(), TIMING, player.lock_delay);
        candidate.start(self.now, &self.config, used, 0);
        loop {
            match candidate.poll_command() {
                None => {
                    self.now = candidate
                        .next_deadline()
                        .map_or(self.now, |next| next.max(self.now));
                    candidate.handle_timeout(self.now);
                }
                Some(CandidateCommand::Ended(ended)) => {
                    let won = matches!(ended, Ended::Won(_));
                    player.holder.ended(self.now, ended);
                    self.settle(player);
                    return won;
                }
                Some(CandidateCommand::Send { region, request }) => {
                    let at = self
                        .regions
                        .iter()
                        .position(|(name, ..)| *name == region)
                        .unwrap();
                    if player.ways[at] == Way::Open {
                        let answer = self.exchange(at, &request);
                        candidate.handle_answer(self.now, &region, answer);
                    }
                }
            }
        }
    }

    /// I1 for one resource, at this instant.
    pub(crate) fn is_held_twice(&self, players: [&Player; 2], resource: &ResourceId) -> bool {
        let valid = |player: &Player| {
            player
                .holder
                .validity(resource)
                .is_some_and(|it| it.holds(self.now))
        };
        players.into_iter().all(valid)
    }
}

impl Player {
    /// The newest request of a kind that was kept for the script.
    pub(crate) fn last_kept(&self, kind: fn(&Ask) -> bool) -> (usize, Request) {
        let last = self.kept.iter().rev().find(|(_, request)| kind(&request.ask));
        last.cloned().expect("the holder sent one")
    }
}

pub(crate) fn global(name: &str) -> ResourceId {
    ResourceId::global(ResourceName::new(name).unwrap())
}

/// A region that has formed and goes by the common configuration.
fn active(config: &Configuration, region: &RegionName, incarnation: Incarnation) -> Acceptor {
    let group = config.regions[region];
    let own = Configuration::formed(region.clone(), group, config.drift, config.term_max);
    let binding = Binding {
        config: own.version,
        group,
    };
    let acts = [
        Act::Form {
            region: region.clone(),
            config: own,
            incarnation,
        },
        Act::AcceptConfig(config.clone()),
        Act::ActivateConfig(config.clone()),
    ];
    let mut acceptor = Acceptor::default();
    acceptor.apply(
        1,
        &acts.map(|act| Op {
            binding,
            uid: Uid(0),
            act,
        }),
    );
    acceptor
}
