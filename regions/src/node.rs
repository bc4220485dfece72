//! The parts of a node and the order in which they begin and end: threads, systems, listener, discovery, the region's group, the steward.
//!
//! It wires them together and decides nothing.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use quorate::wire::{ConnectOptions, ListenOptions, Listener};
use quorate::{ActorRef, NodeId, System};
use tokio::sync::{mpsc, watch};

use crate::clock::HostClock;
use crate::config::{Config, RegionConfig, SingletonConfig};
use crate::control::{
    DESK, Desk, Doors, GROUP_EVENTS_MAX, Group, GroupParts, GroupSettings, RegionClient, Replica, Seat,
    Sessions, VOTER, Voter,
};
use crate::discovery::Discovery;
use crate::error::JoinError;
use crate::formation::{ClusterSettings, Settings};
use crate::host::Host;
use crate::id::{RegionName, ResourceId, Uid};
use crate::lease::{Configuration, Drift, MemberRecord, Side, Timing};
use crate::random;
use crate::steward::{EVENTS_MAX, Event, Parts, Steward};
use crate::store::{DataDir, Owner, RaftNode, RaftTiming, StartError};
use crate::thread::Thread;

/// Labels under which one listener serves the three systems of a node.
const STORE: &str = "store";
const LEASE: &str = "lease";
const APP: &str = "app";
/// How often the regions that are not one cluster yet ask each other.
const UNITE_EVERY: Duration = Duration::from_millis(500);
/// The weight of a node that hosts.
const WEIGHT: u32 = 100;

/// Everything of a node that runs, bar the steward.
pub(crate) struct Node {
    uid: Uid,
    pub(crate) app: System,
    lease: System,
    voter: ActorRef<Voter>,
    discoveries: BTreeMap<RegionName, Discovery>,
    replica: Replica,
    group: watch::Receiver<Option<Arc<StartError>>>,
    listener: Listener,
    // Last: dropped after everything that runs there has been let go.
    lease_thread: Thread,
    _store_thread: Thread,
}

impl Node {
    /// Starts everything that forming or finding the region needs.
    pub(crate) async fn start(config: &Config) -> Result<Self, JoinError> {
        let own = config
            .own_region()
            .ok_or(JoinError::Config("the node's region is not one of the regions"))?;
        let drift = Drift::from_ppm(config.timings.clock_drift_ppm)
            .ok_or(JoinError::Config("the clock drift is too large"))?;
        let dir = open(config).await?;
        let uid = Uid(random::u128());
        let id = NodeId {
            name: config.node.name.as_str().into(),
            incarnation: uid.0 as u64 | 1,
        };
        let store_thread = Thread::start("quorate-store").map_err(JoinError::Thread)?;
        let lease_thread = Thread::start("quorate-lease").map_err(JoinError::Thread)?;
        let system = |handle: &tokio::runtime::Handle, label| {
            let _entered = handle.enter();
            System::builder(label).node(id.clone()).start()
        };
        let store = system(store_thread.handle(), STORE);
        let lease = system(lease_thread.handle(), LEASE);
        let app = system(&tokio::runtime::Handle::current(), APP);

        let options = ListenOptions::cluster(config.cluster.name.as_str());
        let bind = Listener::bind_with(config.node.listen, options);
        let listener = store_thread.handle().spawn(bind).await;
        let listener = listener
            .map_err(|_| JoinError::Config("the listener panicked"))?
            .map_err(JoinError::Listen)?;

        let (replica_sender, replica) = watch::channel(None);
        let (events_sender, events) = mpsc::channel(GROUP_EVENTS_MAX);
        let seat = Seat {
            replica: replica.clone(),
            timeout: config.timings.call_timeout,
            seats: usize::from(own.voters),
            group: events_sender.clone(),
        };
        let voter = store
            .spawn(Voter::spec(seat).name(VOTER))
            .await
            .map_err(JoinError::Control)?;
        let serve = |label, system| {
            listener
                .serve(label, system)
                .map_err(|_| JoinError::Config("a label is served twice"))
        };
        serve(STORE, &store)?;
        serve(APP, &app)?;

        let discoveries: BTreeMap<_, _> = {
            let _entered = store_thread.handle().enter();
            let spawn = |(name, region): (&RegionName, &RegionConfig)| {
                (name.clone(), Discovery::spawn(name, &region.discovery))
            };
            config.regions.iter().map(spawn).collect()
        };
        let doors = Arc::new(Doors::new(
            store,
            connect(config, STORE),
            VOTER,
            (listener.local_addr(), voter.clone()),
        ));
        let contacts = discoveries.get(&config.node.region).map(Discovery::contacts);
        let group = Group::new(GroupParts {
            settings: group_settings(config, own, uid, drift),
            clock: HostClock::start(Side::Region, drift),
            dir,
            replica: replica_sender,
            contacts: contacts.ok_or(JoinError::Config("the node's region is not one of the regions"))?,
            regions: clients(&discoveries, &doors),
            doors,
            events,
            sender: events_sender,
        });
        let (failed, group_failed) = watch::channel(None);
        store_thread.handle().spawn(async move {
            if let Err(error) = group.run().await {
                tracing::error!("the replica of this node's region: {error}");
                failed.send_replace(Some(Arc::new(error)));
            }
        });
        Ok(Self {
            uid,
            app,
            lease,
            voter,
            discoveries,
            replica,
            group: group_failed,
            listener,
            lease_thread,
            _store_thread: store_thread,
        })
    }

    /// Waits for the region to form, and starts the steward.
    pub(crate) async fn join(
        &self,
        config: &Config,
        singles: Vec<(ResourceId, SingletonConfig, Arc<dyn Host>)>,
    ) -> Result<(mpsc::Sender<Event>, watch::Receiver<bool>), JoinError> {
        let known = self.known_regions().await?;
        let drift = known.drift;
        let timing = Timing {
            term: config.timings.lease,
            stop: config.timings.stop_budget,
        };
        timing.check(&known).map_err(JoinError::Timing)?;
        let (sender, events) = mpsc::channel(EVENTS_MAX);
        let desk = self
            .lease
            .spawn(Desk::spec(sender.clone()).name(DESK))
            .await
            .map_err(JoinError::Control)?;
        self.listener
            .serve(LEASE, &self.lease)
            .map_err(|_| JoinError::Config("a label is served twice"))?;
        let address = self.listener.local_addr();
        let voters = Doors::new(
            self.lease.clone(),
            connect(config, STORE),
            VOTER,
            (address, self.voter.clone()),
        );
        let voters = Arc::new(voters);
        let desks = Arc::new(Doors::new(
            self.lease.clone(),
            connect(config, LEASE),
            DESK,
            (address, desk),
        ));
        let is_witness = config.own_region().is_some_and(|region| region.witness);
        let (joined_sender, joined) = watch::channel(false);
        let steward = Steward::new(Parts {
            clock: HostClock::start(Side::Holder, drift),
            timing,
            call_timeout: config.timings.call_timeout,
            uid: self.uid,
            region: config.node.region.clone(),
            address,
            record: MemberRecord {
                node: config.node.name.clone(),
                addresses: vec![address.to_string()],
                weight: if is_witness { 0 } else { WEIGHT },
                draining: false,
                opaque: Vec::new(),
            },
            replica: self.replica.clone(),
            config: known,
            clients: clients(&self.discoveries, &voters),
            desks,
            sessions: Arc::new(Sessions::new(self.app.clone(), connect(config, APP))),
            user: tokio::runtime::Handle::current(),
            singles,
            events,
            sender: sender.clone(),
            joined: joined_sender,
        });
        self.lease_thread.handle().spawn(steward.run());
        Ok((sender, joined))
    }

    /// The set of regions that this node's region goes by, as soon as the region has formed.
    async fn known_regions(&self) -> Result<Configuration, JoinError> {
        let (mut replica, mut failed) = (self.replica.clone(), self.group.clone());
        let formed = async {
            let Ok(found) = replica.wait_for(Option::is_some).await.map(|found| found.clone()) else {
                return std::future::pending().await;
            };
            let Some(found) = found else {
                return std::future::pending().await;
            };
            let mut applied = found.watch_applied();
            loop {
                if let Some(config) = found.read(|acceptor, _, _| acceptor.config().cloned()) {
                    return config;
                }
                if applied.changed().await.is_err() {
                    return std::future::pending().await;
                }
            }
        };
        tokio::select! {
            config = formed => Ok(config),
            Ok(error) = failed.wait_for(Option::is_some) => {
                let error = error.as_ref().map_or(StartError::NotFormed, |error| StartError::clone(error));
                Err(JoinError::Replica(error))
            }
        }
    }

    /// Stops the replica, then the systems.
    pub(crate) async fn stop(self) -> Result<(), quorate::Error> {
        let replica = self.replica.borrow().clone();
        if let Some(replica) = replica {
            replica.shutdown().await;
        }
        drop(self.lease.shutdown().await);
        self.app.shutdown().await
    }
}

async fn open(config: &Config) -> Result<DataDir, JoinError> {
    let owner = Owner {
        cluster: config.cluster.name.to_string(),
        region: config.node.region.clone(),
        node: config.node.name.clone(),
    };
    let path = config.node.data_dir.clone();
    let opened = tokio::task::spawn_blocking(move || DataDir::open(path, owner)).await;
    opened
        .map_err(|_| JoinError::Config("opening the data directory panicked"))?
        .map_err(JoinError::DataDir)
}

fn connect(config: &Config, label: &str) -> ConnectOptions {
    ConnectOptions::new(config.cluster.name.as_str(), label).timeout(config.timings.call_timeout)
}

fn clients(
    discoveries: &BTreeMap<RegionName, Discovery>,
    doors: &Arc<Doors<Voter>>,
) -> BTreeMap<RegionName, Arc<RegionClient>> {
    let client = |discovery: &Discovery| Arc::new(RegionClient::new(discovery.contacts(), Arc::clone(doors)));
    discoveries
        .iter()
        .map(|(name, discovery)| (name.clone(), client(discovery)))
        .collect()
}

fn group_settings(config: &Config, own: &RegionConfig, uid: Uid, drift: Drift) -> GroupSettings {
    let automatic = Settings::automatic(usize::from(own.voters));
    let formation = match &own.initial_voters {
        Some(names) => Settings::literal(names.iter().cloned()),
        None => Settings {
            stable_margin: config.formation.stable_margin,
            ..automatic
        },
    };
    let timings = &config.timings;
    GroupSettings {
        node: RaftNode {
            name: config.node.name.clone(),
            address: config.node.advertise.to_string(),
        },
        uid,
        formation,
        cluster: ClusterSettings {
            region: config.node.region.clone(),
            regions: config.regions.keys().cloned().collect(),
            drift,
            term_max: timings.lease_max,
            ask_every: UNITE_EVERY,
        },
        raft: RaftTiming {
            heartbeat: timings.heartbeat,
            election_min: timings.election_min,
            election_max: timings.election_max,
            ..RaftTiming::default()
        },
    }
}
