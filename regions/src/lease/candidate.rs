//! One process life's attempts to win one resource. Rule 10 of the design.
//!
//! ```text
//!           start                  a majority looks open          a majority promised
//!   Idle ----------> Probing ----------------------> Preparing ----------------------> Accepting
//!    ^                  |                               |                                |     |
//!    +------ Lost ------+------------- Lost ------------+------------ Lost --------------+     | a majority accepted
//!    +------ Won ------------------------------------------------------------------------------+
//! ```
//!
//! Where one region decides, Preparing and Accepting are one step, a Claim. Before the first Claim of a singleton of one region come two steps
//! more: all regions are asked to declare the name as regional, and when a majority has, the own region is told and remembers it. An attempt belongs to one configuration and uses one round;
//! one that is refused is over, and its epoch with it. Everything that ends goes to the [`Holder`](super::Holder), which keeps what was
//! won, gives back what was lost, and remembers the rounds. Drawing random numbers and waiting between attempts is the driver's.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

use crate::id::{Epoch, RegionName, ResourceId, Round, ScopeKind, Uid};

use super::clock::Time;
use super::config::{Configuration, majority};
use super::message::{Answer, Ask, Look, Reply, Request, Seq};
use super::op::{Binding, Declared, Outcome, Refusal, Standing, Tenancy};
use super::timing::Timing;
use super::validity::valid_until;

/// The shortest back-off.
const BACKOFF_MIN: Duration = Duration::from_millis(20);
/// A back-off doubles so many times at most.
const DOUBLINGS_MAX: u32 = 6;

/// Tries to win one resource.
#[derive(Debug)]
pub struct Candidate {
    uid: Uid,
    resource: ResourceId,
    timing: Timing,
    lock_delay: Duration,
    next_seq: u64,
    /// Attempts lost to others since the last one won.
    losses: u32,
    /// A round trip to a majority with a commit, as last measured.
    measured: Duration,
    attempt: Option<Attempt>,
    commands: VecDeque<CandidateCommand>,
}

/// What a candidate wants done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CandidateCommand {
    /// Send this to a region; it may get lost.
    Send {
        /// The region.
        region: RegionName,
        /// The request.
        request: Request,
    },
    /// The attempt is over: hand this to [`Holder::ended`](super::Holder::ended).
    Ended(Ended),
}

/// How an attempt ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ended {
    /// A majority accepted.
    Won(Won),
    /// It did not.
    Lost(Lost),
}

/// A tenure that was won.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Won {
    /// What was won.
    pub resource: ResourceId,
    /// The grant that was asked.
    pub tenancy: Tenancy,
    /// The set of regions that voted.
    pub config: Configuration,
    /// Who accepted: the holder's clock before the first byte of the Accept, and what a renewal must name.
    pub accepted: BTreeMap<RegionName, (Time, Standing)>,
    /// Who was asked to accept.
    pub asked: BTreeSet<RegionName>,
}

/// An attempt that was lost.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lost {
    /// What was not won.
    pub resource: ResourceId,
    /// The round that was used; `None` when none was.
    pub round: Option<Round>,
    /// Who was asked to accept, and so may hold a grant that must be given back.
    pub asked: BTreeSet<RegionName>,
    /// The set of regions that were asked.
    pub config: Configuration,
    /// A newer set of regions that somebody told of.
    pub newer: Option<Configuration>,
    /// Regions that know the name as that of a singleton of another scope.
    pub differs: BTreeSet<RegionName>,
    /// How long to wait before the next attempt.
    pub retry_after: Duration,
}

#[derive(Debug)]
struct Attempt {
    config: Configuration,
    step: Step,
    /// The requests of this step: to whom, and when the first byte was about to leave.
    sent: BTreeMap<RegionName, (Request, Time)>,
    /// Whose answer in this step is still to come.
    open: BTreeSet<RegionName>,
    /// Who agreed in this step.
    agreed: BTreeMap<RegionName, (Time, Option<Standing>)>,
    /// When it will be worth asking again, as far as regions said.
    waits: Vec<Duration>,
    newer: Option<Configuration>,
    /// Who has another scope for the name, in this step.
    differs: BTreeSet<RegionName>,
    /// Whether the own region knows that a majority has this scope; nothing to know of a global one.
    settled: bool,
    /// The highest round heard of or used.
    top: Round,
    round: Option<Round>,
    asked: BTreeSet<RegionName>,
    resend_at: Time,
    ends_at: Time,
    entropy: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    Probing,
    Declaring,
    Settling,
    Preparing,
    Accepting,
}

impl Candidate {
    /// A candidate of the process life `uid` that will hold `resource` by these durations.
    pub fn new(uid: Uid, resource: ResourceId, timing: Timing, lock_delay: Duration) -> Self {
        let (next_seq, losses, measured) = (0, 0, Duration::ZERO);
        let (attempt, commands) = (None, VecDeque::new());
        Self {
            uid,
            resource,
            timing,
            lock_delay,
            next_seq,
            losses,
            measured,
            attempt,
            commands,
        }
    }

    /// What it is about.
    pub fn resource(&self) -> &ResourceId {
        &self.resource
    }

    /// Whether an attempt is under way.
    pub fn is_trying(&self) -> bool {
        self.attempt.is_some()
    }

    /// How long the candidate of this `rank` lets better ones go first: up to two back-offs, and jitter out of `entropy`.
    pub fn delay(&self, rank: usize, entropy: u64) -> Duration {
        let rank = u32::try_from(rank.min(2)).unwrap_or(2);
        self.backoff() * rank + fraction(self.backoff(), entropy)
    }

    /// Begins an attempt under `config`, in a round above `used`; the [`Holder`](super::Holder) gives both. Does nothing while one is
    /// under way. `entropy` is random.
    pub fn start(&mut self, now: Time, config: &Configuration, used: Round, entropy: u64) {
        if self.attempt.is_some() {
            return;
        }
        self.attempt = Some(Attempt {
            config: config.clone(),
            step: Step::Probing,
            sent: BTreeMap::new(),
            open: BTreeSet::new(),
            agreed: BTreeMap::new(),
            waits: Vec::new(),
            newer: None,
            differs: BTreeSet::new(),
            settled: self.resource.scope.kind() != Some(ScopeKind::Regional),
            top: used,
            round: None,
            asked: BTreeSet::new(),
            resend_at: now,
            ends_at: now,
            entropy,
        });
        self.enter(now, Step::Probing);
        self.decide(now);
    }

    /// Ends the attempt under way, if any.
    pub fn stop(&mut self, _now: Time) {
        if self.attempt.is_some() {
            self.lose(Duration::ZERO);
        }
    }

    /// Takes an answer of `region` to a request of this candidate.
    pub fn handle_answer(&mut self, now: Time, region: &RegionName, answer: Answer) {
        let (backoff, kind) = (self.backoff(), self.resource.scope.kind());
        let Some(attempt) = &mut self.attempt else { return };
        let Some((request, sent)) = attempt.sent.get(region) else {
            return;
        };
        let expected = answer.seq == request.seq && answer.binding.group == request.binding.group;
        if !expected || now >= attempt.ends_at || !attempt.open.remove(region) {
            return;
        }
        let sent = *sent;
        match (attempt.step, answer.reply) {
            (Step::Probing, Reply::Looks(looks)) => {
                for Look {
                    promised,
                    live,
                    promise_age,
                    declared,
                } in looks.into_iter().take(1)
                {
                    attempt.top = attempt.top.max(promised);
                    if let Some(Declared { kind: known, settled }) = declared {
                        let same = Some(known) == kind;
                        // What was declared and not settled may be the loser of a race: then a majority says so.
                        if !same && (settled || kind == Some(ScopeKind::Global)) {
                            attempt.differs.insert(region.clone());
                            continue;
                        }
                        attempt.settled |= same && settled;
                    }
                    let young = promise_age
                        .map(|age| backoff.saturating_sub(age))
                        .filter(|it| !it.is_zero());
                    match live.map(|live| live.remaining).or(young) {
                        Some(wait) => attempt.waits.push(wait),
                        None => drop(attempt.agreed.insert(region.clone(), (sent, None))),
                    }
                }
            }
            (Step::Declaring | Step::Settling, Reply::Done(Outcome::Declared(declared))) => {
                if Some(declared.kind) == kind {
                    attempt.agreed.insert(region.clone(), (sent, None));
                } else {
                    attempt.differs.insert(region.clone());
                }
            }
            (_, Reply::Done(Outcome::Refused(Refusal::ScopeDiffers(_)))) => {
                attempt.differs.insert(region.clone());
            }
            (Step::Preparing, Reply::Done(Outcome::Promised { .. })) => {
                attempt.agreed.insert(region.clone(), (sent, None));
            }
            (Step::Accepting, Reply::Done(Outcome::Accepted { standing, .. })) => {
                attempt.agreed.insert(region.clone(), (sent, Some(standing)));
            }
            (_, Reply::Busy(live)) => attempt.waits.push(live.remaining),
            (_, Reply::Done(Outcome::Refused(Refusal::Outdated(newer)))) => {
                let known = attempt.newer.as_ref().unwrap_or(&attempt.config).version;
                attempt.newer = Some(*newer)
                    .filter(|newer| newer.version > known)
                    .or(attempt.newer.take());
            }
            _ => {}
        }
        self.decide(now);
    }

    /// Sends again what was not answered, or gives up.
    pub fn handle_timeout(&mut self, now: Time) {
        let Some(attempt) = &mut self.attempt else { return };
        if now >= attempt.ends_at {
            self.lose(Duration::ZERO);
        } else if now >= attempt.resend_at {
            attempt.resend_at = now.after(self.timing.hurry_every());
            // The same request: it keeps its number, and so the instant of its first byte.
            for region in &attempt.open {
                if let Some((request, _)) = attempt.sent.get(region) {
                    let (region, request) = (region.clone(), request.clone());
                    self.commands
                        .push_back(CandidateCommand::Send { region, request });
                }
            }
        }
    }

    /// When [`Self::handle_timeout`] wants to be called.
    pub fn next_deadline(&self) -> Option<Time> {
        self.attempt
            .as_ref()
            .map(|attempt| attempt.resend_at.min(attempt.ends_at))
    }

    /// The next thing to do, in order. To be emptied after each call of the methods above.
    pub fn poll_command(&mut self) -> Option<CandidateCommand> {
        self.commands.pop_front()
    }

    /// At least two round trips and two commits as measured, doubled per loss.
    fn backoff(&self) -> Duration {
        let least = (self.measured * 2).max(BACKOFF_MIN);
        (least * 2u32.pow(self.losses.min(DOUBLINGS_MAX))).min(self.timing.term)
    }

    /// Goes on when enough agreed, gives up when no longer enough can.
    fn decide(&mut self, now: Time) {
        let Some(attempt) = &self.attempt else { return };
        let quorum = match attempt.step {
            Step::Declaring => majority(attempt.config.regions.len()),
            _ => attempt.config.quorum(&self.resource),
        };
        if attempt.agreed.len() + attempt.open.len() < quorum {
            return self.lose(worth_waiting(attempt, quorum));
        }
        if attempt.agreed.len() < quorum {
            return;
        }
        match attempt.step {
            Step::Probing if !attempt.settled => self.enter(now, Step::Declaring),
            Step::Probing if self.resource.scope.region().is_some() => self.enter(now, Step::Accepting),
            Step::Declaring => self.enter(now, Step::Settling),
            Step::Settling => self.enter(now, Step::Accepting),
            Step::Probing => self.enter(now, Step::Preparing),
            Step::Preparing => {
                let since = attempt.agreed.values().map(|(sent, _)| *sent).min();
                self.measured = since.map_or(self.measured, |since| now.since(since));
                self.enter(now, Step::Accepting);
            }
            Step::Accepting => self.win(now, quorum),
        }
    }

    fn enter(&mut self, now: Time, step: Step) {
        let Some(attempt) = &mut self.attempt else { return };
        let version = attempt.config.version;
        if matches!(step, Step::Preparing | Step::Accepting) && attempt.round.is_none() {
            let round = attempt.top.after_in(version);
            (attempt.round, attempt.top) = (Some(round), round);
        }
        let round = attempt.round.unwrap_or(attempt.top);
        let (term, resource) = (self.timing.term, &self.resource);
        let lock_delay = self.lock_delay;
        let ask = || match (step, resource.scope.region()) {
            (Step::Probing, _) => Ask::Probe(vec![resource.clone()]),
            (Step::Declaring, _) => Ask::Declare(resource.name.clone(), ScopeKind::Regional),
            (Step::Settling, _) => Ask::Settle(resource.name.clone(), ScopeKind::Regional),
            (Step::Preparing, _) => Ask::Prepare {
                resource: resource.clone(),
                round,
            },
            (Step::Accepting, None) => {
                let tenancy = Tenancy {
                    round,
                    epoch: Epoch::from(round),
                    term,
                    lock_delay,
                };
                Ask::Accept {
                    resource: resource.clone(),
                    tenancy,
                }
            }
            (Step::Accepting, Some(_)) => Ask::Claim {
                resource: resource.clone(),
                round,
                term,
                lock_delay,
            },
        };
        // An attempt is as old as its Prepare; an Accept does not make it younger.
        let first = step != Step::Accepting || attempt.step != Step::Preparing;
        if first {
            attempt.ends_at = now.after(self.timing.attempt_max());
        }
        attempt.step = step;
        attempt.resend_at = now.after(self.timing.hurry_every());
        attempt.waits.clear();
        attempt.differs.clear();
        attempt.agreed.clear();
        attempt.sent.clear();
        let of_all = attempt
            .config
            .regions
            .iter()
            .map(|(region, group)| (region, *group));
        let asked: Vec<_> = match step {
            Step::Declaring => of_all.collect(),
            _ => attempt.config.voters(resource).collect(),
        };
        for (region, group) in asked {
            self.next_seq += 1;
            let binding = Binding {
                config: version,
                group,
            };
            let request = Request {
                binding,
                uid: self.uid,
                seq: Seq(self.next_seq),
                ask: ask(),
            };
            attempt.sent.insert(region.clone(), (request.clone(), now));
            self.commands.push_back(CandidateCommand::Send {
                region: region.clone(),
                request,
            });
        }
        attempt.open = attempt.sent.keys().cloned().collect();
        if step == Step::Accepting {
            attempt.asked.clone_from(&attempt.open);
        }
    }

    fn win(&mut self, now: Time, quorum: usize) {
        let Some(attempt) = &self.attempt else { return };
        let Timing { term, stop } = self.timing;
        let sent = attempt.agreed.values().map(|(sent, _)| *sent);
        if valid_until(sent, quorum, term, stop).is_none_or(|until| until <= now) {
            return self.lose(Duration::ZERO);
        }
        let Some((attempt, round)) = self
            .attempt
            .take()
            .and_then(|it| it.round.map(|round| (it, round)))
        else {
            return;
        };
        self.losses = 0;
        let agreed = attempt.agreed.into_iter();
        self.commands.push_back(CandidateCommand::Ended(Ended::Won(Won {
            resource: self.resource.clone(),
            tenancy: Tenancy {
                round,
                epoch: Epoch::from(round),
                term,
                lock_delay: self.lock_delay,
            },
            config: attempt.config,
            accepted: agreed
                .filter_map(|(region, (sent, it))| Some((region, (sent, it?))))
                .collect(),
            asked: attempt.asked,
        })));
    }

    fn lose(&mut self, wait: Duration) {
        let Some(attempt) = self.attempt.take() else {
            return;
        };
        // Finding somebody alive is no contest; losing a round to somebody is.
        if attempt.round.is_some() {
            self.losses += 1;
        }
        let backoff = self.backoff();
        let retry_after = wait.max(backoff) + fraction(backoff, attempt.entropy);
        self.commands.push_back(CandidateCommand::Ended(Ended::Lost(Lost {
            resource: self.resource.clone(),
            round: attempt.round,
            asked: attempt.asked,
            config: attempt.config,
            newer: attempt.newer,
            differs: attempt.differs,
            retry_after,
        })));
    }
}

/// When a majority will look open if nothing changes, as far as regions said: the agreed ones are open now.
fn worth_waiting(attempt: &Attempt, quorum: usize) -> Duration {
    let mut waits = attempt.waits.clone();
    waits.sort_unstable();
    let missing = quorum.saturating_sub(attempt.agreed.len());
    missing
        .checked_sub(1)
        .and_then(|last| waits.get(last))
        .copied()
        .unwrap_or_default()
}

/// A part of `span`, out of a random number.
fn fraction(span: Duration, entropy: u64) -> Duration {
    span.mul_f64((entropy >> 11) as f64 / (1u64 << 53) as f64)
}
