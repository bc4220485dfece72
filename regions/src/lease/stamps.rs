//! A replica's own sense of time, and what it says as the proposer.
//!
//! A [`Stamps`] is volatile: it is in no snapshot and no digest. It remembers when *this* replica applied each grant, renewal and promise.
//! Whatever has no stamp is stamped when it is first seen, so a replica that has just restarted waits the whole term. That is all a
//! new leader needs: there is no waiting at an election. Rules 2 to 5 of the design.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::id::{ResourceId, Scope, Uid};

use super::acceptor::{Acceptor, Grant};
use super::clock::Time;
use super::flaws::Flaw;
use super::message::{Answer, Ask, Live, Look, Member, PROBED_MAX, Reply, Request, Tenant};
use super::op::{Act, Evidence, Index, Op, Outcome, Refusal};

/// When this replica applied what.
#[derive(Debug, Clone, Default)]
pub struct Stamps {
    grants: BTreeMap<ResourceId, (Index, Time)>,
    renewals: BTreeMap<Uid, (Index, Time)>,
    promises: BTreeMap<ResourceId, (Uid, Time)>,
}

/// What a proposer does with a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Judgement {
    /// Answers at once.
    Answer(Reply),
    /// Puts this into the log and answers what applying it finds.
    Propose(Op),
}

impl Stamps {
    /// Stamps what the entry at `log_index` left behind; `acceptor` is the state after it.
    pub fn applied(
        &mut self,
        now: Time,
        acceptor: &Acceptor,
        log_index: u64,
        ops: &[Op],
        outcomes: &[Outcome],
    ) {
        for (op, outcome) in ops.iter().zip(outcomes) {
            match (&op.act, outcome) {
                (Act::Promise { resource, .. } | Act::Claim { resource, .. }, outcome) => {
                    if let Outcome::Promised { cleared } | Outcome::Accepted { cleared, .. } = outcome {
                        self.promises.insert(resource.clone(), (op.uid, now));
                        self.follow_grant(now, acceptor, log_index, resource);
                        if let Some(uid) = cleared {
                            self.follow_owner(now, acceptor, log_index, *uid);
                        }
                    }
                }
                (
                    Act::Accept { resource, .. } | Act::Release { resource, .. } | Act::Remove(resource),
                    Outcome::Accepted { .. } | Outcome::Released { .. } | Outcome::Removed,
                ) => self.follow_grant(now, acceptor, log_index, resource),
                (_, Outcome::Listed { present, .. }) => {
                    for (resource, _) in present {
                        self.follow_grant(now, acceptor, log_index, resource);
                    }
                }
                _ => {}
            }
            self.follow_owner(now, acceptor, log_index, op.uid);
        }
    }

    /// Starts over, with everything stamped `now`: after a restart, a replay, an installed snapshot.
    pub fn reset(&mut self, now: Time, acceptor: &Acceptor) {
        *self = Self::default();
        for (resource, slot) in acceptor.slots() {
            if let Some(grant) = &slot.grant {
                self.remaining(acceptor, now, resource, grant);
            }
        }
    }

    /// What to do with `request`, by this replica's state and clock.
    pub fn judge(&mut self, acceptor: &Acceptor, now: Time, request: &Request) -> Judgement {
        match self.consider(acceptor, now, request) {
            Ok(Considered::Reply(reply)) => Judgement::Answer(reply),
            Ok(Considered::Act(act)) => Judgement::Propose(Op {
                binding: request.binding,
                uid: request.uid,
                act,
            }),
            Err(refusal) => Judgement::Answer(Reply::Done(Outcome::Refused(refusal))),
        }
    }

    fn consider(&mut self, acceptor: &Acceptor, now: Time, request: &Request) -> Result<Considered, Refusal> {
        // A group never changes its id: what means another one need not burden the log.
        let ours = acceptor.binding().ok_or(Refusal::Unformed)?.group;
        if request.binding.group != ours {
            return Err(Refusal::OtherGroup(ours));
        }
        let act = match &request.ask {
            Ask::Probe(resources) => {
                if resources.len() > PROBED_MAX {
                    return Err(Refusal::TooMany);
                }
                let look = |resource| {
                    acceptor.admit(&request.binding, Some(resource))?;
                    Ok(self.look(acceptor, now, resource, request.uid))
                };
                let looks: Result<_, Refusal> = resources.iter().map(look).collect();
                return Ok(Considered::Reply(Reply::Looks(looks?)));
            }
            Ask::Members => return Ok(Considered::Reply(Reply::Members(self.members(acceptor, now)))),
            Ask::Tenants => return Ok(Considered::Reply(Reply::Tenants(self.tenants(acceptor, now)))),
            Ask::Prepare { resource, round } => match self.over(acceptor, now, resource, request.uid) {
                Ok(evidence) => Act::Promise {
                    resource: resource.clone(),
                    round: *round,
                    evidence,
                },
                Err(live) => return Ok(Considered::Reply(Reply::Busy(live))),
            },
            Ask::Claim {
                resource,
                round,
                term,
                lock_delay,
            } => {
                let (resource, round, term, lock_delay) = (resource.clone(), *round, *term, *lock_delay);
                match self.over(acceptor, now, &resource, request.uid) {
                    Ok(evidence) => Act::Claim {
                        resource,
                        round,
                        term,
                        lock_delay,
                        evidence,
                    },
                    Err(live) => return Ok(Considered::Reply(Reply::Busy(live))),
                }
            }
            Ask::Accept { resource, tenancy } => Act::Accept {
                resource: resource.clone(),
                tenancy: *tenancy,
            },
            Ask::Renew(standing) => {
                if acceptor.flaws().has(Flaw::StandingAtProposal) {
                    let set_version = acceptor.owner(request.uid).map(|owner| owner.set_version);
                    let incarnation = acceptor.incarnation().unwrap_or(standing.incarnation);
                    if set_version != Some(standing.set_version) {
                        let mismatch = Outcome::Mismatch {
                            incarnation,
                            set_version,
                        };
                        return Ok(Considered::Reply(Reply::Done(mismatch)));
                    }
                }
                Act::Renew(*standing)
            }
            Ask::List(named) => Act::List(named.clone()),
            Ask::Release { resource, epoch, top } => Act::Release {
                resource: resource.clone(),
                epoch: *epoch,
                top: *top,
            },
            Ask::Announce(record) => Act::Announce(record.clone()),
            Ask::AcceptConfig(config) => Act::AcceptConfig(config.clone()),
            Ask::ActivateConfig(config) => Act::ActivateConfig(config.clone()),
            Ask::Remove(resource) => Act::Remove(resource.clone()),
            // Another scope need not burden the log; that it is the same one counts only if the log says so.
            Ask::Declare(name, kind) => match acceptor.declared(name).filter(|known| known.kind != *kind) {
                Some(other) => return Ok(Considered::Reply(Reply::Done(Outcome::Declared(other)))),
                None => Act::Declare(name.clone(), *kind),
            },
            Ask::Settle(name, kind) => Act::Settle(name.clone(), *kind),
        };
        Ok(Considered::Act(act))
    }

    /// Whether nobody else's grant is live, and on what evidence.
    fn over(
        &mut self,
        acceptor: &Acceptor,
        now: Time,
        resource: &ResourceId,
        uid: Uid,
    ) -> Result<Option<Evidence>, Live> {
        let Some(grant) = acceptor.grant(resource).filter(|grant| grant.uid != uid) else {
            return Ok(None);
        };
        match self.remaining(acceptor, now, resource, grant) {
            Duration::ZERO => Ok(Some(acceptor.evidence(grant))),
            remaining => Err(Live {
                uid: grant.uid,
                epoch: grant.epoch,
                remaining,
            }),
        }
    }

    /// How long this replica still waits for the owner of `grant`; zero when the grant is expired.
    fn remaining(
        &mut self,
        acceptor: &Acceptor,
        now: Time,
        resource: &ResourceId,
        grant: &Grant,
    ) -> Duration {
        let drift = acceptor.config().map(|config| config.drift).unwrap_or_default();
        let unstretched = acceptor.flaws().has(Flaw::NoDriftStretch);
        let term = if unstretched {
            grant.term
        } else {
            drift.stretch(grant.term)
        };
        let Evidence { granted, renewed } = acceptor.evidence(grant);
        if acceptor.flaws().has(Flaw::NoStampIsExpired) && !self.grants.contains_key(resource) {
            return Duration::ZERO;
        }
        let granted = stamp(&mut self.grants, resource, granted, now);
        let renewed = renewed.map(|index| stamp(&mut self.renewals, &grant.uid, index, now));
        let stamped = renewed.map_or(granted, |renewed| renewed.max(granted));
        (term + grant.lock_delay).saturating_sub(now.since(stamped))
    }

    fn look(&mut self, acceptor: &Acceptor, now: Time, resource: &ResourceId, uid: Uid) -> Look {
        let promised = acceptor.promised(resource);
        let live = self.over(acceptor, now, resource, uid).err();
        let others = self.promises.get(resource).filter(|(to, _)| *to != uid);
        Look {
            promised,
            live,
            promise_age: others.map(|(_, at)| now.since(*at)),
            declared: acceptor
                .declared(&resource.name)
                .filter(|_| resource.scope.kind().is_some()),
        }
    }

    fn members(&mut self, acceptor: &Acceptor, now: Time) -> Vec<Member> {
        let mut members = Vec::new();
        for (session, slot) in acceptor
            .slots()
            .filter(|(id, _)| matches!(id.scope, Scope::Session(_)))
        {
            let Some(grant) = &slot.grant else { continue };
            members.push(Member {
                uid: grant.uid,
                session: session.clone(),
                epoch: grant.epoch,
                record: acceptor.owner(grant.uid).and_then(|owner| owner.record.clone()),
                live: !self.remaining(acceptor, now, session, grant).is_zero(),
            });
        }
        members
    }

    fn tenants(&mut self, acceptor: &Acceptor, now: Time) -> Vec<Tenant> {
        let mut tenants = Vec::new();
        for (resource, slot) in acceptor.slots() {
            let Some(Grant { uid, epoch, .. }) = slot.grant else {
                continue;
            };
            let live = slot
                .grant
                .iter()
                .any(|it| !self.remaining(acceptor, now, resource, it).is_zero());
            tenants.push(Tenant {
                resource: resource.clone(),
                uid,
                epoch,
                live,
            });
        }
        tenants
    }

    fn follow_grant(&mut self, now: Time, acceptor: &Acceptor, log_index: u64, resource: &ResourceId) {
        match acceptor.grant(resource) {
            None => drop(self.grants.remove(resource)),
            Some(grant) if grant.granted.log == log_index => {
                self.grants.insert(resource.clone(), (grant.granted, now));
            }
            Some(_) => {}
        }
        if acceptor.slot(resource).is_none() {
            self.promises.remove(resource);
        }
    }

    fn follow_owner(&mut self, now: Time, acceptor: &Acceptor, log_index: u64, uid: Uid) {
        match acceptor.owner(uid).map(|owner| owner.renewed) {
            None => drop(self.renewals.remove(&uid)),
            Some(Some(index)) if index.log == log_index => drop(self.renewals.insert(uid, (index, now))),
            Some(_) => {}
        }
    }
}

impl Answer {
    /// The answer of the region behind `acceptor` to `request`.
    pub fn new(acceptor: &Acceptor, request: &Request, reply: Reply) -> Self {
        // Before it has formed a region has no binding of its own, and its refusal says so.
        let binding = acceptor.binding().unwrap_or(request.binding);
        Self {
            binding,
            seq: request.seq,
            reply,
        }
    }
}

enum Considered {
    Reply(Reply),
    Act(Act),
}

/// The stamp of what happened at `index`; now, if that was not seen happening.
fn stamp<K: Ord + Clone>(stamps: &mut BTreeMap<K, (Index, Time)>, key: &K, index: Index, now: Time) -> Time {
    match stamps.get(key) {
        Some((stamped, at)) if *stamped == index => *at,
        _ => {
            stamps.insert(key.clone(), (index, now));
            now
        }
    }
}
