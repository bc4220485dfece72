//! A region of three replicas over a memory network and real files, for the tests of the store.

use std::collections::BTreeMap;
use std::future::Future;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use quorate_regions::formation::{DiskId, Formed, Memory, Voter};
use quorate_regions::id::{
    ConfigVersion, GroupId, Incarnation, NodeName, RegionName, ResourceId, Round, Uid,
};
use quorate_regions::lease::{
    Acceptor, Act, Ask, Binding, Configuration, Drift, Op, Outcome, Request, Seq, Time,
};
use quorate_regions::store::{
    DataDir, MemoryNetwork, Owner, RaftId, RaftNode, RaftTiming, RaftTransport, RegionStore, RpcFuture,
    RpcKind, Status,
};
use tempfile::TempDir;
use tokio::sync::watch;

/// Far more than anything takes; met only by a broken promise.
pub(crate) const PATIENCE: Duration = Duration::from_mins(1);
pub(crate) const GROUP: GroupId = GroupId(7);
pub(crate) const TERM: Duration = Duration::from_secs(4);

pub(crate) struct Region {
    pub(crate) network: MemoryNetwork,
    pub(crate) stores: BTreeMap<NodeName, RegionStore>,
    pub(crate) timing: RaftTiming,
    /// How many pre-votes each replica has asked for.
    pub(crate) pre_votes: BTreeMap<NodeName, watch::Sender<u64>>,
    clock: Arc<AtomicU64>,
    home: TempDir,
}

impl Region {
    /// Three replicas that have begun a group and formed its state, with one of them leading.
    pub(crate) async fn of_three(timing: RaftTiming) -> Self {
        let mut region = Self::stopped(timing);
        for (id, name) in initial() {
            let formed = Formed {
                group: GROUP,
                id,
                voters: voters(),
            };
            region.remember(&name, formed).await;
            region.start(&name).await;
        }
        region.stores[&node("a")].begin(members()).await.unwrap();
        let leader = region.leader().await;
        let formed = leader.propose(vec![form()], PATIENCE).await;
        assert_eq!(formed, Ok(vec![Outcome::Formed]));
        region
    }

    pub(crate) fn stopped(timing: RaftTiming) -> Self {
        Self {
            network: MemoryNetwork::new(),
            stores: BTreeMap::new(),
            timing,
            pre_votes: BTreeMap::new(),
            clock: Arc::new(AtomicU64::new(1)),
            home: tempfile::tempdir().unwrap(),
        }
    }

    pub(crate) fn path(&self, name: &NodeName) -> PathBuf {
        self.home.path().join(name.as_str())
    }

    pub(crate) async fn remember(&self, name: &NodeName, formed: Formed) {
        let mut dir = DataDir::open(self.path(name), owner(name)).unwrap();
        dir.remember(Memory {
            promised: None,
            formed: Some(formed),
        })
        .await
        .unwrap();
        dir.close().await;
    }

    pub(crate) async fn start(&mut self, name: &NodeName) -> RegionStore {
        let dir = DataDir::open(self.path(name), owner(name)).unwrap();
        let clock = self.clock.clone();
        let clock = Arc::new(move || Time(clock.load(Ordering::SeqCst)));
        let pre_votes = self.pre_votes.entry(name.clone()).or_default().clone();
        let transport = Counting {
            network: self.network.transport(name.clone()),
            pre_votes,
        };
        let store = RegionStore::start(dir, self.timing, Arc::new(transport), clock)
            .await
            .unwrap();
        self.network.attach(name.clone(), store.clone());
        self.stores.insert(name.clone(), store.clone());
        store
    }

    pub(crate) async fn stop(&mut self, name: &NodeName) {
        self.network.detach(name);
        let store = self.stores.remove(name).expect("a running replica of the test");
        store.shutdown().await;
    }

    /// Takes a replica's disk away: whatever it knew is gone.
    pub(crate) async fn wipe(&mut self, name: &NodeName) {
        self.stop(name).await;
        std::fs::remove_dir_all(self.path(name)).unwrap();
    }

    pub(crate) fn turn_clock(&self, to: Duration) {
        self.clock
            .store(u64::try_from(to.as_nanos()).unwrap(), Ordering::SeqCst);
    }

    /// The replica that leads and has proved it by committing.
    pub(crate) async fn leader(&self) -> RegionStore {
        let stores: Vec<_> = self.stores.values().cloned().collect();
        Self::leader_of(stores).await
    }

    pub(crate) async fn leader_of(stores: Vec<RegionStore>) -> RegionStore {
        patiently("a leader", async {
            loop {
                for store in &stores {
                    if store.status().is_leader() && store.confirm(Duration::from_secs(5)).await.is_ok() {
                        return store.clone();
                    }
                }
                let changes = stores.iter().map(|store| {
                    let mut status = store.watch_status();
                    Box::pin(async move { drop(status.changed().await) })
                });
                // A change between the look and the watch is seen by the next look.
                let soon = tokio::time::timeout(Duration::from_millis(100), first_of(changes.collect()));
                drop(soon.await);
            }
        })
        .await
    }

    /// The replicas other than `store`.
    pub(crate) fn others(&self, store: &RegionStore) -> Vec<RegionStore> {
        self.stores
            .values()
            .filter(|other| other.id() != store.id())
            .cloned()
            .collect()
    }

    pub(crate) fn name_of(&self, store: &RegionStore) -> NodeName {
        let found = self.stores.iter().find(|(_, other)| other.id() == store.id());
        found
            .map(|(name, _)| name.clone())
            .expect("a running replica of the test")
    }
}

struct Counting {
    network: Arc<dyn RaftTransport>,
    pre_votes: watch::Sender<u64>,
}

impl RaftTransport for Counting {
    fn rpc(&self, id: RaftId, node: &RaftNode, kind: RpcKind, body: Vec<u8>, timeout: Duration) -> RpcFuture {
        if kind == RpcKind::PreVote {
            self.pre_votes.send_modify(|count| *count += 1);
        }
        self.network.rpc(id, node, kind, body, timeout)
    }
}

async fn first_of<F: Future<Output = ()> + Unpin>(mut futures: Vec<F>) {
    std::future::poll_fn(|cx| {
        let ready = futures
            .iter_mut()
            .any(|future| std::pin::Pin::new(future).poll(cx).is_ready());
        if ready {
            std::task::Poll::Ready(())
        } else {
            std::task::Poll::Pending
        }
    })
    .await;
}

/// Waits for what must come.
pub(crate) async fn patiently<T>(what: &str, future: impl Future<Output = T>) -> T {
    let came = tokio::time::timeout(PATIENCE, future).await;
    came.unwrap_or_else(|_| panic!("{what} did not come"))
}

pub(crate) async fn until_status(
    store: &RegionStore,
    what: &str,
    wanted: impl Fn(&Status) -> bool,
) -> Status {
    let mut status = store.watch_status();
    patiently(what, async {
        status.wait_for(|status| wanted(status)).await.unwrap().clone()
    })
    .await
}

/// Waits until `store` has applied what `other` has.
pub(crate) async fn until_level(store: &RegionStore, other: &RegionStore) {
    let goal = *other.watch_applied().borrow();
    let mut applied = store.watch_applied();
    patiently("the same state", async {
        drop(applied.wait_for(|applied| *applied >= goal).await.unwrap());
    })
    .await;
}

pub(crate) fn acceptor(store: &RegionStore) -> Acceptor {
    store.read(|acceptor, _, _| acceptor.clone())
}

/// Timing that makes for short tests.
pub(crate) fn brisk() -> RaftTiming {
    RaftTiming {
        heartbeat: Duration::from_millis(50),
        election_min: Duration::from_millis(500),
        election_max: Duration::from_millis(900),
        ..RaftTiming::default()
    }
}

pub(crate) fn node(name: &str) -> NodeName {
    NodeName::new(name).unwrap()
}

pub(crate) fn east() -> RegionName {
    RegionName::new("east").unwrap()
}

pub(crate) fn owner(name: &NodeName) -> Owner {
    Owner {
        cluster: "shop".into(),
        region: east(),
        node: name.clone(),
    }
}

pub(crate) fn raft_node(name: &NodeName) -> RaftNode {
    RaftNode {
        name: name.clone(),
        address: format!("{name}:7400"),
    }
}

pub(crate) fn initial() -> Vec<(RaftId, NodeName)> {
    (0..)
        .zip(["a", "b", "c"])
        .map(|(position, name)| (RaftId::initial(position), node(name)))
        .collect()
}

pub(crate) fn members() -> BTreeMap<RaftId, RaftNode> {
    initial()
        .iter()
        .map(|(id, name)| (*id, raft_node(name)))
        .collect()
}

fn voters() -> BTreeMap<RaftId, Voter> {
    members()
        .into_iter()
        .map(|(id, node)| {
            (
                id,
                Voter {
                    node,
                    disk: DiskId(id.0.into()),
                },
            )
        })
        .collect()
}

pub(crate) fn binding() -> Binding {
    Binding {
        config: ConfigVersion::FORMED,
        group: GROUP,
    }
}

pub(crate) fn op(uid: u128, act: Act) -> Op {
    Op {
        binding: binding(),
        uid: Uid(uid),
        act,
    }
}

pub(crate) fn form() -> Op {
    let config = Configuration::formed(east(), GROUP, Drift::DEFAULT, TERM);
    op(
        1,
        Act::Form {
            region: east(),
            config,
            incarnation: Incarnation(1),
        },
    )
}

pub(crate) fn resource(name: &str) -> ResourceId {
    ResourceId::session(east(), &NodeName::new(name).unwrap())
}

/// A grant of `name` to `uid`.
pub(crate) fn claim(uid: u128, name: &str) -> Op {
    let (resource, round) = (resource(name), Round(1));
    op(
        uid,
        Act::Claim {
            resource,
            round,
            term: TERM,
            lock_delay: Duration::ZERO,
            evidence: None,
        },
    )
}

pub(crate) fn ask_claim(uid: u128, name: &str) -> Request {
    let ask = Ask::Claim {
        resource: resource(name),
        round: Round(2),
        term: TERM,
        lock_delay: Duration::ZERO,
    };
    Request {
        binding: binding(),
        uid: Uid(uid),
        seq: Seq(1),
        ask,
    }
}
