//! Regions: judging by any replica, committing by the log, applying in each replica's own time.

use std::collections::BTreeMap;

use quorate_regions::id::{ConfigVersion, Epoch, ResourceId, Uid};
use quorate_regions::lease::{Act, Answer, Binding, Judgement, OPS_MAX, Op, Outcome, Reply, Request};

use super::super::check::Heard;
use super::super::region::{Entry, Proposal, REPLICAS, Region};
use super::{Caller, Event, MS, Step, TERM, World};

impl World {
    pub(super) fn judge(&mut self, region: usize, caller: Caller, request: Request) {
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
                self.reply(region, &caller, &answer);
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

    pub(super) fn propose(&mut self, region: usize, proposal: Proposal) {
        self.regions[region].batch.push(proposal);
        if self.regions[region].batch.len() == 1 {
            let delay = self.dice.within(1, 6) * MS;
            self.after(delay, Event::Flush { region });
        }
    }

    pub(super) fn flush(&mut self, region: usize) -> Step {
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
        self.append(region, ops, proposals)
    }

    /// The first common configuration becomes current; before, the region votes only about what is its own.
    pub(super) fn activate(&mut self, region: usize) -> Step {
        let group = self.config.regions[&self.regions[region].name];
        let binding = Binding {
            config: ConfigVersion::FORMED,
            group,
        };
        let act = Act::ActivateConfig(self.config.clone());
        self.append(
            region,
            vec![Op {
                binding,
                uid: Uid(0),
                act,
            }],
            Vec::new(),
        )
    }

    /// Commits an entry; each replica applies it in its own time.
    fn append(&mut self, region: usize, ops: Vec<Op>, proposals: Vec<Proposal>) -> Step {
        let upto = self.regions[region].log.len() + 1;
        self.commit(region, upto as u64, &ops, &proposals)?;
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
    pub(super) fn commit(
        &mut self,
        region: usize,
        log_index: u64,
        ops: &[Op],
        proposals: &[Proposal],
    ) -> Step {
        let touched = ops.iter().filter_map(|op| match &op.act {
            Act::Promise { resource, .. }
            | Act::Claim { resource, .. }
            | Act::Accept { resource, .. }
            | Act::Release { resource, .. } => Some(resource),
            _ => None,
        });
        let truth = &mut self.regions[region].truth;
        let promised: BTreeMap<_, _> = touched
            .map(|resource| (resource, truth.promised(resource)))
            .collect();
        let outcomes = truth.apply(log_index, ops);
        for (proposal, outcome) in proposals.iter().zip(&outcomes) {
            let (op, caller) = (&proposal.op, &proposal.caller);
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
            let after = self.regions[region].truth.promised(resource);
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
    pub(super) fn check_cleared(&mut self, region: usize, resource: &ResourceId, owner: Uid) -> Step {
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

    pub(super) fn apply(&mut self, region: usize, at: usize, upto: usize) {
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
            self.reply(region, &caller, &answer);
        }
    }

    pub(super) fn kill_replica(&mut self, region: usize, at: usize) {
        let replica = &mut self.regions[region].replicas[at];
        replica.up = false;
        replica.life += 1;
        self.regions[region].elect(at + 1);
        let delay = self.dice.within(50, 1_500) * MS;
        self.after(delay, Event::Revive { region, replica: at });
    }

    /// A replica comes back: with what it had, or from a snapshot of somebody else.
    pub(super) fn revive(&mut self, region: usize, at: usize) {
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
}
