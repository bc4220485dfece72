//! Planned moves: giving a singleton to another node, taking one from another, leaving altogether.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use quorate::ActorRef;
use tokio::sync::oneshot;

use crate::control::Desk;
use crate::handoff::{HandOffError, HandOffTarget, HandedOff};
use crate::id::{Epoch, NodeName, RegionName, ResourceId};
use crate::lease::Time;
use crate::placement;

use super::tenures::live;
use super::{Event, Steward};

/// How long a target may take to confirm that it runs the singleton.
const TAKE_TIMEOUT: Duration = Duration::from_secs(3);
/// How long a move may take from its start to the release of the lease: an actor's own time to shut down, and what is lost on the way.
const MOVE_MAX: Duration = Duration::from_secs(30);
/// How long a hint is remembered.
const YIELD_FOR: Duration = Duration::from_secs(1);

/// Who wants to know what a hand-off came to.
pub(super) type Done = oneshot::Sender<Result<HandedOff, HandOffError>>;

/// A hand-off from this node.
pub(super) struct Move {
    to: SocketAddr,
    done: Done,
    /// What ends by it.
    epoch: Epoch,
    until: Time,
}

/// A hand-off to this node, until its actor runs or the time is over.
pub(super) struct Take {
    after: Epoch,
    done: Done,
    until: Time,
}

/// This node's leaving. A region that does not answer keeps it no longer than its leases last.
pub(super) struct Leaving {
    /// Set when no actor runs any more: they end by their own shutdown policies.
    pub(super) until: Option<Time>,
    done: Vec<oneshot::Sender<()>>,
}

impl Steward {
    /// Somebody wants a singleton to move: this node does it when it is the holder, or asks the holder if it `may_ask`.
    pub(super) fn hand_off(
        &mut self,
        now: Time,
        resource: &ResourceId,
        target: HandOffTarget,
        may_ask: bool,
        done: Done,
    ) {
        let answer = |done: Done, error| drop(done.send(Err(error)));
        let Some(single) = self.singles.get(resource) else {
            return answer(done, HandOffError::Unknown(resource.name.clone().into()));
        };
        if single.tenure.is_none() {
            let seen = self.sight(now, resource).map(|(_, at)| at);
            return match seen.filter(|at| may_ask && *at != self.address) {
                Some(at) => self.ask_holder(at, resource, target, done),
                None => answer(done, HandOffError::NotHeld),
            };
        }
        let is_busy =
            single.moving.is_some() || single.tenure.as_ref().is_some_and(|tenure| tenure.is_ending);
        let wanted = match &target {
            HandOffTarget::Home => self.homes(resource).first().cloned(),
            HandOffTarget::Region(region) => Some(region.clone()),
        };
        let to = wanted
            .as_ref()
            .and_then(|region| self.best_in(now, resource, region));
        match (is_busy, to) {
            (true, _) => answer(done, HandOffError::Busy),
            (false, None) => answer(
                done,
                HandOffError::NoTarget(wanted.map_or_else(String::new, |region| region.to_string())),
            ),
            (false, Some((region, node, at))) if at == self.address => {
                let here = self
                    .holds(resource)
                    .map(|epoch| HandedOff { epoch, region, node });
                drop(done.send(here.ok_or(HandOffError::NotHeld)));
            }
            (false, Some((_, _, at))) => self.give_away(now, resource, at, done),
        }
    }

    /// The best live node of `region` for `resource`, when that is one of its homes.
    fn best_in(
        &self,
        now: Time,
        resource: &ResourceId,
        region: &RegionName,
    ) -> Option<(RegionName, NodeName, SocketAddr)> {
        let homes = self.homes(resource);
        let home: Vec<_> = homes.into_iter().filter(|home| home == region).collect();
        let best = *placement::order(resource, &home, &live(&self.roster, now, &home)).first()?;
        let (region, member) = self.roster.find(best)?;
        let record = member.record.as_ref()?;
        Some((
            region.clone(),
            record.node.clone(),
            record.addresses.first()?.parse().ok()?,
        ))
    }

    fn ask_holder(&self, at: SocketAddr, resource: &ResourceId, target: HandOffTarget, done: Done) {
        let (desks, resource) = (Arc::clone(&self.desks), resource.to_string());
        tokio::spawn(async move {
            let asked = async {
                let desk = desks
                    .at(at, TAKE_TIMEOUT)
                    .await
                    .map_err(|_| HandOffError::NotHeld)?;
                let moved = desk
                    .hand_off(resource, target.to_wire())
                    .timeout(TAKE_TIMEOUT * 2)
                    .await;
                moved.map_err(|_| HandOffError::Unconfirmed)?.into_result()
            };
            drop(done.send(asked.await));
        });
    }

    fn holds(&self, resource: &ResourceId) -> Option<Epoch> {
        Some(self.singles.get(resource)?.tenure.as_ref()?.epoch)
    }

    /// Stops the actor; when it is gone, the lease is released, and then the target is told.
    fn give_away(&mut self, now: Time, resource: &ResourceId, to: SocketAddr, done: Done) {
        let Some(single) = self.singles.get_mut(resource) else {
            return;
        };
        let Some(tenure) = single.tenure.as_mut() else {
            return;
        };
        tenure.is_ending = true;
        let epoch = tenure.epoch;
        tracing::info!(%resource, %epoch, %to, "the actor is shut down for a hand-off");
        single.moving = Some(Move {
            to,
            done,
            epoch,
            until: now.after(MOVE_MAX),
        });
        single.sight = None;
        let stopped = single.host.shut_down();
        // The actor's end is told by whoever waits for it since its start.
        self.user.spawn(stopped);
    }

    /// The actor is gone and the lease goes back: everybody but the target is asked to let the target go first, this node too.
    pub(super) fn make_way(&mut self, now: Time, resource: &ResourceId) {
        self.lookout.yield_to_others(now, resource, self.timing.term);
        let Some(single) = self.singles.get(resource) else {
            return;
        };
        let Some(to) = single.moving.as_ref().map(|moving| moving.to) else {
            return;
        };
        self.tell_members(now, resource, Some(to), |desk, resource| {
            desk.yield_to_others(resource).cast().is_ok()
        });
    }

    /// A majority has it back.
    pub(super) fn released(&mut self, now: Time, resource: &ResourceId, epoch: Epoch) {
        let Some(single) = self.singles.get_mut(resource) else {
            return;
        };
        let Some(Move { to, done, .. }) = single.moving.take_if(|moving| moving.epoch == epoch) else {
            return;
        };
        // Not to be taken back before the target, or whoever else, had a chance.
        self.lookout.yield_to_others(now, resource, self.timing.term);
        let (desks, name) = (Arc::clone(&self.desks), resource.to_string());
        tokio::spawn(async move {
            let taken = async {
                let desk = desks
                    .at(to, TAKE_TIMEOUT)
                    .await
                    .map_err(|_| HandOffError::Unconfirmed)?;
                let taken = desk.take(name, epoch.0).timeout(TAKE_TIMEOUT).await;
                taken.map_err(|_| HandOffError::Unconfirmed)?.into_result()
            };
            drop(done.send(taken.await));
        });
    }

    /// A holder gives a singleton to this node.
    pub(super) fn take(&mut self, now: Time, resource: ResourceId, after: Epoch, done: Done) {
        let Some(single) = self.singles.get(&resource) else {
            return drop(done.send(Err(HandOffError::Unknown(resource.name.into()))));
        };
        if self.leaving.is_some() || !single.host.can_host() {
            return drop(done.send(Err(HandOffError::NoTarget(self.region.to_string()))));
        }
        let running = single.tenure.as_ref().filter(|tenure| tenure.has_started);
        if let Some(epoch) = running.map(|tenure| tenure.epoch).filter(|epoch| *epoch > after) {
            let (region, node) = (self.region.clone(), self.node().clone());
            return drop(done.send(Ok(HandedOff { epoch, region, node })));
        }
        self.lookout.go_first(now, &resource, TAKE_TIMEOUT);
        self.takes.insert(
            resource,
            Take {
                after,
                done,
                until: now.after(TAKE_TIMEOUT),
            },
        );
    }

    /// The actor of `epoch` runs here: whoever gave it is told.
    pub(super) fn taken(&mut self, resource: &ResourceId, epoch: Epoch) {
        if let Some(take) = self.takes.remove(resource).filter(|take| take.after < epoch) {
            let (region, node) = (self.region.clone(), self.node().clone());
            drop(take.done.send(Ok(HandedOff { epoch, region, node })));
        }
    }

    /// Whoever waits for a move that did not come about in time hears `Unconfirmed`, by the end of the channel.
    pub(super) fn expire_moves(&mut self, now: Time) {
        self.takes.retain(|_, take| take.until > now);
        for single in self.singles.values_mut() {
            single.moving.take_if(|moving| moving.until <= now);
        }
    }

    /// A hint: another node goes first.
    pub(super) fn yield_to_others(&mut self, now: Time, resource: &ResourceId) {
        self.lookout.yield_to_others(now, resource, YIELD_FOR);
    }

    /// Tells the live members whom this singleton is about, bar this one and `but`, something that may get lost.
    pub(super) fn tell_members(
        &self,
        now: Time,
        resource: &ResourceId,
        but: Option<SocketAddr>,
        tell: impl Fn(&ActorRef<Desk>, String) -> bool + Send + Sync + 'static,
    ) {
        let tell = Arc::new(tell);
        let members = self
            .roster
            .concerned(now, &resource.scope)
            .filter_map(|member| member.record.as_ref()?.addresses.first()?.parse().ok());
        for at in members.filter(|at: &SocketAddr| *at != self.address && Some(*at) != but) {
            let (desks, tell, resource) = (Arc::clone(&self.desks), Arc::clone(&tell), resource.to_string());
            tokio::spawn(async move {
                if let Ok(desk) = desks.at(at, YIELD_FOR).await {
                    tell(&desk, resource);
                }
            });
        }
    }

    /// Gives everything back, the session last.
    pub(super) fn leave(&mut self, now: Time, done: oneshot::Sender<()>) {
        match &mut self.leaving {
            Some(leaving) => leaving.done.push(done),
            None => {
                self.leaving = Some(Leaving {
                    until: None,
                    done: vec![done],
                });
            }
        }
        self.membership.drain(now);
        for candidate in self.candidates.values_mut() {
            candidate.stop(now);
        }
        let held: Vec<_> = self
            .singles
            .iter()
            .filter(|(_, single)| single.tenure.is_some())
            .map(|(id, _)| id.clone())
            .collect();
        for resource in held {
            if let Some(single) = self.singles.get_mut(&resource)
                && let Some(tenure) = single.tenure.as_mut().filter(|tenure| !tenure.is_ending)
            {
                tenure.is_ending = true;
                let stopped = single.host.shut_down();
                self.user.spawn(stopped);
            }
        }
        self.end_session(now);
    }

    /// Gives the session back as soon as nothing else is held.
    fn end_session(&mut self, now: Time) {
        if self.singles.values().any(|single| single.tenure.is_some()) {
            return;
        }
        if let Some(leaving) = &mut self.leaving {
            leaving.until.get_or_insert(now.after(self.timing.term));
        }
        let session = self.membership.session.clone();
        if let Some(validity) = self.holder.validity(&session) {
            self.holder.release(now, &session, validity.epoch);
        }
    }

    /// Whether the node has nothing left to give back, or the time for it is over; tells who waits for it. Called each turn, and goes on with
    /// what a turn has made possible.
    pub(super) fn has_left(&mut self, now: Time) -> bool {
        if self.leaving.is_none() {
            return false;
        }
        self.end_session(now);
        self.obey(now);
        let is_quiet = self.holder.is_quiet();
        let is_over = |leaving: &mut Leaving| is_quiet || leaving.until.is_some_and(|until| until <= now);
        let Some(leaving) = self.leaving.take_if(is_over) else {
            return false;
        };
        for done in leaving.done {
            // Whoever no longer waits need not be told.
            let _ = done.send(());
        }
        true
    }
}

/// What the steward is told about a hand-off: kept beside the code that uses it.
impl Event {
    /// An event and where its answer comes.
    pub(crate) fn asking<T>(event: impl FnOnce(oneshot::Sender<T>) -> Self) -> (Self, oneshot::Receiver<T>) {
        let (done, answer) = oneshot::channel();
        (event(done), answer)
    }
}
