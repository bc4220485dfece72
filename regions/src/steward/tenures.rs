//! The tenures of this node: actors begin with an epoch and end with it. And the refs of all singletons, led to wherever they run.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::task::AbortHandle;

use crate::clock::ValidityCell;
use crate::config::{Overrun, SingletonConfig};
use crate::host::Host;
use crate::id::{Epoch, RegionName, ResourceId, Uid};
use crate::lease::{Look, Time, Validity};
use crate::lookout::{Lookout, Turns};
use crate::placement;
use crate::roster::Roster;

use super::moves::Move;
use super::{Event, Steward};

/// How long the ref of a singleton waits before it is led to the same holder again after that failed.
const FOLLOW_AGAIN: Duration = Duration::from_millis(200);

/// How long the start of an actor may take before others get their turn.
const START_MAX: Duration = Duration::from_mins(1);

/// One singleton, as this node sees it.
pub(super) struct Single {
    pub(super) config: SingletonConfig,
    pub(super) host: Arc<dyn Host>,
    /// What this node holds of it.
    pub(super) tenure: Option<Tenure>,
    /// The hand-off under way from this node.
    pub(super) moving: Option<Move>,
    /// Where the ref leads, or is being led.
    pub(super) sight: Option<Sight>,
    /// Regions that know its name under another scope than the file.
    pub(super) differs: BTreeSet<RegionName>,
}

/// A tenure of this node.
pub(super) struct Tenure {
    pub(super) epoch: Epoch,
    cell: Arc<ValidityCell>,
    /// Whether the actor runs.
    pub(super) has_started: bool,
    /// Whether the actor was told to end.
    pub(super) is_ending: bool,
    /// When an actor that was told to end and still runs is overdue.
    overdue_at: Option<Time>,
}

/// Where a ref leads.
pub(super) struct Sight {
    epoch: Epoch,
    /// `None`: this node.
    at: Option<SocketAddr>,
    /// Not to be tried again before.
    again_at: Option<Time>,
    /// Whoever leads the ref there and watches the session.
    _watch: Option<Watch>,
}

/// A task that ends with this.
struct Watch(AbortHandle);

impl Drop for Watch {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl Single {
    pub(super) fn new(config: SingletonConfig, host: Arc<dyn Host>) -> Self {
        Self {
            config,
            host,
            tenure: None,
            moving: None,
            sight: None,
            differs: BTreeSet::new(),
        }
    }

    fn seen(&self) -> Option<Epoch> {
        self.sight.as_ref().map(|sight| sight.epoch)
    }
}

/// Whose turn it is by the roster of this moment.
struct Placing<'a>(&'a Steward);

impl Turns for Placing<'_> {
    fn wait(&self, now: Time, resource: &ResourceId, last: Option<Uid>) -> Option<Duration> {
        let Self(steward) = self;
        let homes = steward.homes(resource);
        let own = homes.iter().position(|home| *home == steward.region)?;
        let can_host = steward
            .singles
            .get(resource)
            .is_some_and(|single| single.host.can_host());
        let is_settled = homes[..=own]
            .iter()
            .all(|home| steward.roster.is_settled(now, home));
        if !is_settled || !can_host || steward.leaving.is_some() {
            return None;
        }
        let candidates = live(&steward.roster, now, &homes);
        placement::wait(
            resource,
            &homes,
            &candidates,
            steward.uid,
            last,
            &steward.timing,
            crate::random::u64(),
        )
    }
}

impl Steward {
    /// The homes of `resource` in their order: of a regional one its region alone, if that is one of them.
    pub(super) fn homes(&self, resource: &ResourceId) -> Vec<RegionName> {
        let mut homes = self
            .singles
            .get(resource)
            .map_or_else(Vec::new, |single| single.config.home.clone());
        if let Some(region) = resource.scope.region() {
            homes.retain(|home| home == region);
        }
        homes
    }

    pub(super) fn handle_looks(
        &mut self,
        now: Time,
        region: &RegionName,
        resources: &[ResourceId],
        looks: Vec<Look>,
    ) {
        let config = self.holder.config().clone();
        let mut lookout = self.take_lookout();
        lookout.handle_looks(now, region, resources, looks, &config, &Placing(self));
        self.lookout = lookout;
        for resource in resources {
            if let Some((epoch, at)) = self.sight(now, resource) {
                self.lead(now, resource, epoch, at);
            }
        }
    }

    /// A region has told who is in it.
    pub(super) fn reconsider(&mut self, now: Time) {
        let config = self.holder.config().clone();
        let mut lookout = self.take_lookout();
        lookout.reconsider(now, &config, &Placing(self));
        self.lookout = lookout;
    }

    /// The lookout, to be put back: it asks the rest of the steward while it decides.
    fn take_lookout(&mut self) -> Lookout {
        std::mem::replace(&mut self.lookout, Lookout::new(self.timing))
    }

    /// Where the newest holder of `resource` is that a majority told of, or that told of itself.
    pub(super) fn sight(&self, now: Time, resource: &ResourceId) -> Option<(Epoch, SocketAddr)> {
        let told = self
            .lookout
            .tenant(now, resource, self.holder.config())
            .and_then(|(uid, epoch)| {
                let record = self.roster.find(uid)?.1.record.as_ref()?;
                Some((epoch, record.addresses.first()?.parse().ok()?))
            });
        let seen = self
            .singles
            .get(resource)
            .and_then(|single| single.sight.as_ref())
            .and_then(|sight| Some((sight.epoch, sight.at?)));
        told.max(seen)
    }

    /// A tenure has begun: starts the actor.
    pub(super) fn activate(&mut self, now: Time, resource: ResourceId, validity: Validity) {
        self.lookout.won(&resource);
        if resource == self.membership.session {
            return self.membership.began(now);
        }
        let Some(single) = self.singles.get_mut(&resource) else {
            return;
        };
        single.differs.clear();
        let epoch = validity.epoch;
        let cell = Arc::new(ValidityCell::default());
        cell.set_end(self.read, validity.until.since(now));
        single.tenure = Some(Tenure {
            epoch,
            cell: Arc::clone(&cell),
            has_started: false,
            is_ending: false,
            overdue_at: None,
        });
        if self.leaving.is_some() {
            // Nothing runs yet.
            return self.end(now, &resource, epoch, false);
        }
        let (host, sender) = (Arc::clone(&single.host), self.sender.clone());
        // By its full name: the singletons of two scopes are two.
        let stamped = quorate::Tenure::new(&resource.to_string(), epoch.0, cell);
        tracing::info!(%resource, %epoch, "this node holds the lease; the actor starts");
        self.user.spawn(async move {
            let started = tokio::time::timeout(START_MAX, Arc::clone(&host).start(stamped)).await;
            let reason = match started {
                Ok(Ok(())) => None,
                Ok(Err(error)) => Some(error.to_string()),
                Err(_) => {
                    host.shut_down().await;
                    Some(format!("the start took longer than {START_MAX:?}"))
                }
            };
            let (of, is_running) = (resource.clone(), reason.is_none());
            let event = match reason {
                None => Event::Started { resource: of, epoch },
                Some(reason) => Event::NotStarted {
                    resource: of,
                    epoch,
                    reason,
                },
            };
            drop(sender.send(event).await);
            if is_running {
                host.gone().await;
                drop(sender.send(Event::Gone { resource, epoch }).await);
            }
        });
    }

    /// Copies what the holder counts into the cells.
    pub(super) fn publish_validity(&self, now: Time) {
        for (resource, validity) in self.holder.validities() {
            let tenure = self
                .singles
                .get(resource)
                .and_then(|single| single.tenure.as_ref());
            if let Some(tenure) = tenure.filter(|tenure| tenure.epoch == validity.epoch) {
                tenure.cell.set_end(self.read, validity.until.since(now));
            }
        }
    }

    pub(super) fn started(&mut self, now: Time, resource: &ResourceId, epoch: Epoch) {
        let address = self.address;
        let Some(single) = self.singles.get_mut(resource) else {
            return;
        };
        let Some(tenure) = single.tenure.as_mut().filter(|tenure| tenure.epoch == epoch) else {
            return;
        };
        tenure.has_started = true;
        if tenure.is_ending {
            return single.host.lapse();
        }
        single.sight = Some(Sight {
            epoch,
            at: None,
            again_at: None,
            _watch: None,
        });
        self.lookout.set_urgent(now, resource, false);
        self.tell_members(now, resource, None, move |desk, resource| {
            desk.located(resource, epoch.0, address.to_string())
                .cast()
                .is_ok()
        });
        self.taken(resource, epoch);
    }

    pub(super) fn not_started(&mut self, now: Time, resource: &ResourceId, epoch: Epoch, reason: &str) {
        let gave_up = self.is_own_fault(resource, epoch);
        if gave_up {
            tracing::error!(%resource, %epoch, reason, "the actor did not start; others get their turn");
        }
        self.end(now, resource, epoch, gave_up);
    }

    /// The tenure is over, or its actor cannot be run: the actor goes now.
    pub(super) fn lapse(&mut self, now: Time, resource: &ResourceId, epoch: Epoch) {
        if *resource == self.membership.session {
            // There is no actor; nothing has to become quiet.
            self.holder.release(now, resource, epoch);
            self.membership.retry_at = Some(now);
            return;
        }
        let stop = self.timing.stop;
        let Some(single) = self.singles.get_mut(resource) else {
            return;
        };
        let Some(tenure) = single.tenure.as_mut().filter(|tenure| tenure.epoch == epoch) else {
            return;
        };
        tracing::warn!(%resource, %epoch, "the lease has ended; the actor is dropped");
        tenure.cell.end();
        tenure.is_ending = true;
        tenure.overdue_at = Some(now.after(stop));
        single.sight = None;
        single.host.lapse();
        self.lookout.set_urgent(now, resource, true);
    }

    /// The actor is gone for good: it was told to end, or its supervision gave it up.
    pub(super) fn gone(&mut self, now: Time, resource: &ResourceId, epoch: Epoch) {
        let gave_up = self.is_own_fault(resource, epoch);
        if gave_up {
            tracing::error!(%resource, %epoch, "the actor has ended and is not restarted; others get their turn");
        }
        self.end(now, resource, epoch, gave_up);
    }

    /// Whether an actor that is gone was neither told to end nor out of time: then it cannot be run here.
    fn is_own_fault(&self, resource: &ResourceId, epoch: Epoch) -> bool {
        let tenure = self
            .singles
            .get(resource)
            .and_then(|single| single.tenure.as_ref());
        tenure.is_some_and(|tenure| tenure.epoch == epoch && !tenure.is_ending && tenure.cell.is_valid())
    }

    /// The actor is gone, or never ran: the lease goes back.
    fn end(&mut self, now: Time, resource: &ResourceId, epoch: Epoch, gave_up: bool) {
        let Some(single) = self.singles.get_mut(resource) else {
            return;
        };
        if let Some(tenure) = single.tenure.take_if(|tenure| tenure.epoch == epoch) {
            tenure.cell.end();
            single.host.lose();
            single.sight = None;
            if gave_up {
                self.holder.give_up(now, resource, epoch);
            } else {
                self.holder.release(now, resource, epoch);
            }
            let is_moving = single.moving.is_some();
            self.lookout.lost(now, resource, self.timing.renew_every());
            self.lookout.set_urgent(now, resource, true);
            if is_moving {
                self.make_way(now, resource);
            }
        }
    }

    /// An actor that still runs after its stop budget runs beside a possible successor.
    pub(super) fn watch_overruns(&mut self, now: Time) {
        for (resource, single) in &mut self.singles {
            let Some(tenure) = single
                .tenure
                .as_mut()
                .filter(|tenure| tenure.overdue_at.is_some_and(|at| at <= now))
            else {
                continue;
            };
            tenure.overdue_at = None;
            let epoch = tenure.epoch;
            match single.config.overrun {
                Overrun::AbortProcess => {
                    tracing::error!(%resource, %epoch, "the actor did not end within its stop budget: the process is aborted");
                    std::process::abort();
                }
                Overrun::Alarm => {
                    tracing::error!(%resource, %epoch, "the actor did not end within its stop budget");
                }
            }
        }
    }

    pub(super) fn next_overrun(&self) -> Option<Time> {
        self.singles
            .values()
            .filter_map(|single| single.tenure.as_ref()?.overdue_at)
            .min()
    }

    /// Leads the ref to the holder of `epoch` at `at`, unless it leads there or to a newer one.
    pub(super) fn lead(&mut self, now: Time, resource: &ResourceId, epoch: Epoch, at: SocketAddr) {
        if at == self.address {
            return;
        }
        let Some(single) = self.singles.get_mut(resource) else {
            return;
        };
        let is_known = match &single.sight {
            Some(sight) if sight.epoch > epoch => true,
            Some(sight) if sight.epoch == epoch => sight.again_at.is_none_or(|again| now < again),
            _ => false,
        };
        if is_known || single.tenure.is_some() {
            return;
        }
        let (host, sender, sessions) = (
            Arc::clone(&single.host),
            self.sender.clone(),
            Arc::clone(&self.sessions),
        );
        let resource = resource.clone();
        let watch = self.user.spawn(async move {
            let peer = sessions.at(at).await;
            let led = match &peer {
                Some(peer) => host.follow(epoch, Arc::clone(peer)).await,
                None => false,
            };
            drop(
                sender
                    .send(Event::Followed {
                        resource: resource.clone(),
                        epoch,
                        led,
                    })
                    .await,
            );
            if let (true, Some(peer)) = (led, peer) {
                peer.closed().await;
                drop(sender.send(Event::Lost { resource, epoch }).await);
            }
        });
        single.sight = Some(Sight {
            epoch,
            at: Some(at),
            again_at: None,
            _watch: Some(Watch(watch.abort_handle())),
        });
    }

    pub(super) fn followed(&mut self, now: Time, resource: &ResourceId, epoch: Epoch, led: bool) {
        let Some(single) = self
            .singles
            .get_mut(resource)
            .filter(|single| single.seen() == Some(epoch))
        else {
            return;
        };
        if !led && let Some(sight) = &mut single.sight {
            sight.again_at = Some(now.after(FOLLOW_AGAIN));
        }
        self.lookout.set_urgent(now, resource, !led);
    }

    /// The session to the holder ended: whoever holds it next is looked for.
    pub(super) fn lost_sight(&mut self, now: Time, resource: &ResourceId, epoch: Epoch) {
        let Some(single) = self
            .singles
            .get_mut(resource)
            .filter(|single| single.seen() == Some(epoch) && single.tenure.is_none())
        else {
            return;
        };
        single.host.lose();
        if let Some(sight) = &mut single.sight {
            sight.again_at = Some(now.after(FOLLOW_AGAIN));
        }
        self.lookout.set_urgent(now, resource, true);
    }
}

/// The nodes of `homes` that may host, as the placement takes them.
pub(super) fn live(roster: &Roster, now: Time, homes: &[RegionName]) -> Vec<placement::Candidate> {
    let members = homes
        .iter()
        .flat_map(|home| roster.live(now, home).map(move |member| (home, member)));
    members
        .filter_map(|(region, member)| {
            let record = member
                .record
                .as_ref()
                .filter(|record| !record.draining && record.weight > 0)?;
            Some(placement::Candidate {
                uid: member.uid,
                region: region.clone(),
                node: record.node.clone(),
                weight: record.weight,
            })
        })
        .collect()
}
