//! Nodes: the driver that does what the machines say, and nothing else.

use std::collections::BTreeMap;
use std::time::Duration;

use quorate_regions::id::{Epoch, RegionName, ResourceId, ResourceName, Uid};
use quorate_regions::lease::{
    Answer, Candidate, CandidateCommand, Configuration, Ended, Flaws, Holder, HolderCommand,
};

use super::super::node::{Actor, Life, Machine};
use super::{Caller, Event, MS, Step, TERM, TIMING, World};

impl World {
    pub(super) fn restart(&mut self, at: usize) {
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
    }

    /// Everything that a node tries to hold.
    pub(super) fn wanted(&self, node: usize) -> Vec<ResourceId> {
        let region = &self.regions[self.nodes[node].region].name;
        let mut wanted = Self::globals();
        wanted.push(ResourceId::session(region.clone(), &self.nodes[node].name));
        wanted.push(ResourceId::regional(
            region.clone(),
            ResourceName::new("local").unwrap(),
        ));
        if self.plan.torn {
            wanted.push(match node % 2 {
                0 => ResourceId::global(torn()),
                _ => ResourceId::regional(region.clone(), torn()),
            });
        }
        wanted
    }

    pub(super) fn globals() -> Vec<ResourceId> {
        let name = |text: &str| ResourceId::global(ResourceName::new(text).unwrap());
        vec![name("billing"), name("audit")]
    }

    pub(super) fn attempt(&mut self, node: usize, uid: Uid, resource: &ResourceId) -> Step {
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

    pub(super) fn answered(&mut self, node: usize, region: usize, caller: Caller, answer: Answer) -> Step {
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

    pub(super) fn take(
        &mut self,
        node: usize,
        uid: Uid,
        region: &RegionName,
        machine: &Machine,
        answer: Answer,
    ) {
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

    pub(super) fn wake(&mut self, node: usize) -> Step {
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
    pub(super) fn drive(&mut self, node: usize) -> Step {
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
                    self.send(node, &Machine::Candidate(resource), &region, &request)?;
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

    pub(super) fn ended(&mut self, node: usize, uid: Uid, resource: ResourceId, ended: Ended) {
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

    pub(super) fn hold(&mut self, node: usize, uid: Uid, command: HolderCommand) -> Step {
        match command {
            HolderCommand::Send { region, request } => self.send(node, &Machine::Holder, &region, &request),
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
    pub(super) fn copy_cells(&mut self, node: usize) -> Step {
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

    pub(super) fn stopped(&mut self, node: usize, uid: Uid, resource: &ResourceId, epoch: Epoch) -> Step {
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

    pub(super) fn resume(&mut self, node: usize) -> Step {
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
}

/// The name about whose scope files may differ.
pub(super) fn torn() -> ResourceName {
    ResourceName::new("torn").unwrap()
}
