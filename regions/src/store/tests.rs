//! What happens when the disk fails, and what is read back from one: tests that need to reach below the facade.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use openraft::RaftLogReader;
use openraft::storage::RaftLogStorage;
use openraft::vote::RaftLeaderIdExt;
use redb::backends::InMemoryBackend;
use redb::{Database, StorageBackend};

use crate::formation::{Formed, Memory};
use crate::id::{ConfigVersion, GroupId, NodeName, RegionName, Uid};
use crate::lease::{Act, Binding, Op, Time};

use super::disk::{Key, Write};
use super::raft::Vote;
use super::raft::log::Log;
use super::{
    DataDir, MemoryNetwork, OpenError, Owner, ProposeError, RaftId, RaftNode, RaftTiming, RegionStore, Role,
    StopCause,
};

const PATIENCE: Duration = Duration::from_mins(1);

/// What fails on a [`FaultyDisk`].
#[derive(Debug, Clone, Default)]
struct Faults {
    sync: Arc<AtomicBool>,
    space: Arc<AtomicBool>,
}

/// A disk in memory whose syncs fail, or which is full, once the test says so.
#[derive(Debug, Default)]
struct FaultyDisk {
    memory: InMemoryBackend,
    faults: Faults,
}

impl StorageBackend for FaultyDisk {
    fn len(&self) -> Result<u64, io::Error> {
        self.memory.len()
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> Result<(), io::Error> {
        self.memory.read(offset, out)
    }

    fn set_len(&self, len: u64) -> Result<(), io::Error> {
        full(&self.faults)?;
        self.memory.set_len(len)
    }

    fn sync_data(&self) -> Result<(), io::Error> {
        if self.faults.sync.load(Ordering::SeqCst) {
            return Err(io::Error::other("the sync failed"));
        }
        self.memory.sync_data()
    }

    fn write(&self, offset: u64, data: &[u8]) -> Result<(), io::Error> {
        full(&self.faults)?;
        self.memory.write(offset, data)
    }
}

fn full(faults: &Faults) -> Result<(), io::Error> {
    if faults.space.load(Ordering::SeqCst) {
        return Err(io::Error::from(io::ErrorKind::StorageFull));
    }
    Ok(())
}

fn owner() -> Owner {
    let name = "a".parse::<NodeName>().expect("a name");
    Owner {
        cluster: "shop".into(),
        region: "east".parse::<RegionName>().expect("a name"),
        node: name,
    }
}

fn dir_on(disk: FaultyDisk) -> DataDir {
    let database = Database::builder()
        .create_with_backend(disk)
        .expect("an empty disk");
    DataDir::open_database(Path::new("memory"), owner(), database).expect("an empty disk opens")
}

fn op() -> Op {
    let binding = Binding {
        config: ConfigVersion::FORMED,
        group: GroupId(1),
    };
    let act = Act::List(Vec::new());
    Op {
        binding,
        uid: Uid(1),
        act,
    }
}

/// A group of one on a disk that may fail, leading.
async fn alone(faults: &Faults) -> RegionStore {
    let mut dir = dir_on(FaultyDisk {
        faults: faults.clone(),
        ..FaultyDisk::default()
    });
    let (id, name) = (RaftId::initial(0), owner().node);
    let formed = Formed {
        group: GroupId(1),
        id,
        voters: BTreeMap::new(),
    };
    dir.remember(Memory {
        promised: None,
        formed: Some(formed),
    })
    .await
    .expect("a whole disk");
    let transport = MemoryNetwork::new().transport(name.clone());
    let store = RegionStore::start(dir, RaftTiming::default(), transport, Arc::new(|| Time(1)))
        .await
        .expect("a whole disk");
    let address = "a:1".into();
    store
        .begin(BTreeMap::from([(id, RaftNode { name, address })]))
        .await
        .expect("it begins");
    let mut status = store.watch_status();
    let leads = status.wait_for(super::Status::is_leader);
    tokio::time::timeout(PATIENCE, leads)
        .await
        .expect("a group of one is led")
        .expect("it runs");
    store.propose(vec![op()], PATIENCE).await.expect("a whole disk");
    store
}

async fn stops_for_good(store: &RegionStore, faults: &Faults) {
    let failed = store.propose(vec![op()], PATIENCE).await;
    assert!(
        matches!(failed, Err(ProposeError::Unknown | ProposeError::Stopped(_))),
        "{failed:?}"
    );
    let mut status = store.watch_status();
    let stopped = status.wait_for(|status| matches!(status.role, Role::Stopped(_)));
    let role = tokio::time::timeout(PATIENCE, stopped)
        .await
        .expect("it stops")
        .expect("it tells")
        .role
        .clone();
    assert!(matches!(role, Role::Stopped(StopCause::Disk(_))), "{role:?}");

    // A disk that works again proves nothing about what was written before.
    faults.sync.store(false, Ordering::SeqCst);
    faults.space.store(false, Ordering::SeqCst);
    let after = store.propose(vec![op()], PATIENCE).await;
    assert!(
        matches!(after, Err(ProposeError::Stopped(StopCause::Disk(_)))),
        "{after:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failed_sync_stops_the_voter_for_good() {
    let faults = Faults::default();
    let store = alone(&faults).await;
    faults.sync.store(true, Ordering::SeqCst);
    stops_for_good(&store, &faults).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_stops_the_voter_for_good() {
    let faults = Faults::default();
    let store = alone(&faults).await;
    faults.space.store(true, Ordering::SeqCst);
    stops_for_good(&store, &faults).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_vote_that_is_not_on_disk_is_not_given() {
    let faults = Faults::default();
    let (_, loaded, writer) = dir_on(FaultyDisk {
        faults: faults.clone(),
        ..FaultyDisk::default()
    })
    .into_parts();
    let mut log = Log::new(None, None, None, loaded.entries, writer);
    let (first, second) = (Vote::new(1, RaftId(1)), Vote::new(2, RaftId(2)));
    log.save_vote(&first).await.expect("a whole disk");
    faults.sync.store(true, Ordering::SeqCst);
    assert!(log.save_vote(&second).await.is_err());
    assert_eq!(log.read_vote().await.expect("it is in memory"), Some(first));
    faults.sync.store(false, Ordering::SeqCst);
    assert!(
        log.save_vote(&second).await.is_err(),
        "after a failure nothing is written any more"
    );
}

#[tokio::test]
async fn the_format_of_another_release_is_refused_be_it_older_or_newer() {
    for other in [1_u32, 3] {
        let home = tempfile::tempdir().expect("a temporary directory");
        let dir = DataDir::open(home.path(), owner()).expect("an empty directory opens");
        let (_, _, writer) = dir.into_parts();
        let format = Write::Put(Key::Format, other.to_le_bytes().into());
        writer.write(vec![format]).await.expect("a whole disk");
        writer.close().await;
        let error = DataDir::open(home.path(), owner())
            .err()
            .expect("the format is another");
        assert!(
            matches!(error, OpenError::OtherFormat { found, known: 2, .. } if found == other),
            "{error}"
        );
        assert!(error.to_string().contains("run the release that wrote it"));
    }
}

#[tokio::test]
async fn a_log_with_a_hole_is_refused() {
    let home = tempfile::tempdir().expect("a temporary directory");
    let dir = DataDir::open(home.path(), owner()).expect("an empty directory opens");
    let (_, _, writer) = dir.into_parts();
    let blank = |index| {
        let leader = openraft::impls::leader_id_adv::LeaderId::new_committed(1, RaftId(1));
        let entry: super::raft::Entry =
            openraft::entry::RaftEntry::new_blank(openraft::LogId::new(leader, index));
        Write::entry(index, &entry).expect("an entry has an encoding")
    };
    writer
        .write(vec![blank(1), blank(2), blank(4)])
        .await
        .expect("a whole disk");
    writer.close().await;
    let error = DataDir::open(home.path(), owner())
        .err()
        .expect("the log has a hole");
    assert!(matches!(error, OpenError::Damaged { .. }), "{error}");
}
