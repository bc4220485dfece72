//! The region's state as the group applies it: the acceptor and, beside it, this replica's own stamps.
//!
//! The state is in memory; snapshots of it are on disk before the log they hold is purged. A restart loads the snapshot and applies
//! the rest again. Whatever way an entry or a snapshot comes in, its stamps are those of this replica's clock *now*.

use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use futures_util::{Stream, StreamExt};
use openraft::storage::{EntryResponder, RaftStateMachine, Snapshot};
use openraft::type_config::alias::SnapshotOf;
use openraft::{EntryPayload, OptionalSend, RaftSnapshotBuilder};
use tokio::sync::watch;

use crate::lease::Time;

use super::super::RegionClock;
use super::super::disk::{Key, Write, Writer};
use super::super::machine::Machine;
use super::{LogId, Membership, Outcomes, SnapshotMeta, Types};

/// The applied state of one replica. Clones are the same state.
#[derive(Clone)]
pub(in super::super) struct StateMachine {
    applied: Arc<Mutex<Applied>>,
    index: Arc<watch::Sender<u64>>,
    clock: RegionClock,
    /// Held while a snapshot is written, so that an older one never replaces a newer one.
    saving: Arc<tokio::sync::Mutex<()>>,
    writer: Writer,
}

struct Applied {
    machine: Machine,
    last: Option<LogId>,
    membership: Membership,
    snapshot: Option<(SnapshotMeta, Bytes)>,
}

impl StateMachine {
    /// The state of `snapshot`, or the empty one.
    pub(in super::super) fn load(
        snapshot: Option<(SnapshotMeta, Bytes)>,
        clock: RegionClock,
        writer: Writer,
    ) -> io::Result<Self> {
        let machine = match &snapshot {
            None => Machine::default(),
            Some((_, bytes)) => Machine::restore(bytes, clock())?,
        };
        let (last, membership) = match &snapshot {
            None => (None, Membership::default()),
            Some((meta, _)) => (meta.last_log_id, meta.last_membership.clone()),
        };
        let (index, _) = watch::channel(last.map_or(0, |last| last.index));
        let applied = Applied {
            machine,
            last,
            membership,
            snapshot,
        };
        Ok(Self {
            applied: Arc::new(Mutex::new(applied)),
            index: Arc::new(index),
            clock,
            saving: Arc::default(),
            writer,
        })
    }

    /// Looks at the state, at this instant of the region's clock; nothing is applied meanwhile.
    pub(in super::super) fn with<T>(&self, look: impl FnOnce(&mut Machine, Time) -> T) -> T {
        let mut applied = self.applied();
        look(&mut applied.machine, (self.clock)())
    }

    /// The index of the last entry that was applied.
    pub(in super::super) fn watch(&self) -> watch::Receiver<u64> {
        self.index.subscribe()
    }

    fn applied(&self) -> MutexGuard<'_, Applied> {
        // A panic while applying stops the replica; whoever still reads sees what was there.
        self.applied.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl RaftStateMachine<Types> for StateMachine {
    type SnapshotData = Bytes;
    type SnapshotBuilder = Builder;

    async fn applied_state(&mut self) -> Result<(Option<LogId>, Membership), io::Error> {
        let applied = self.applied();
        Ok((applied.last, applied.membership.clone()))
    }

    async fn apply<S>(&mut self, mut entries: S) -> Result<(), io::Error>
    where
        S: Stream<Item = Result<EntryResponder<Types>, io::Error>> + Unpin + OptionalSend,
    {
        while let Some(next) = entries.next().await {
            let (entry, responder) = next?;
            let mut outcomes = Outcomes::default();
            {
                let mut applied = self.applied();
                applied.last = Some(entry.log_id);
                match entry.payload {
                    EntryPayload::Blank => {}
                    EntryPayload::Normal(batch) => {
                        outcomes.0 = applied
                            .machine
                            .apply(entry.log_id.index, &batch.0, (self.clock)());
                    }
                    EntryPayload::Membership(membership) => {
                        applied.membership = Membership::new(Some(entry.log_id), membership);
                    }
                }
            }
            self.index.send_replace(entry.log_id.index);
            if let Some(responder) = responder {
                responder.send(outcomes);
            }
        }
        Ok(())
    }

    async fn get_snapshot_builder(&mut self) -> Builder {
        let applied = self.applied();
        let meta = SnapshotMeta {
            last_log_id: applied.last,
            last_membership: applied.membership.clone(),
        };
        let bytes = applied.machine.snapshot().map(Bytes::from);
        drop(applied);
        Builder {
            state: self.clone(),
            meta,
            bytes: Some(bytes),
        }
    }

    async fn install_snapshot(&mut self, meta: &SnapshotMeta, snapshot: Bytes) -> Result<(), io::Error> {
        let machine = Machine::restore(&snapshot, (self.clock)())?;
        let _one = self.saving.lock().await;
        self.writer
            .write(vec![Write::put(Key::Snapshot, &(meta, &snapshot[..]))?])
            .await?;
        {
            let mut applied = self.applied();
            applied.machine = machine;
            applied.last = meta.last_log_id;
            applied.membership = meta.last_membership.clone();
            applied.snapshot = Some((meta.clone(), snapshot));
        }
        self.index
            .send_replace(meta.last_log_id.map_or(0, |last| last.index));
        Ok(())
    }

    async fn get_current_snapshot(&mut self) -> Result<Option<SnapshotOf<Types, Bytes>>, io::Error> {
        let applied = self.applied();
        Ok(applied
            .snapshot
            .clone()
            .map(|(meta, snapshot)| Snapshot { meta, snapshot }))
    }
}

/// The state at one index, on its way to the disk.
pub(in super::super) struct Builder {
    state: StateMachine,
    meta: SnapshotMeta,
    bytes: Option<io::Result<Bytes>>,
}

impl RaftSnapshotBuilder<Types> for Builder {
    type SnapshotData = Bytes;

    async fn build_snapshot(&mut self) -> Result<SnapshotOf<Types, Bytes>, io::Error> {
        let snapshot = self
            .bytes
            .take()
            .ok_or_else(|| io::Error::other("a snapshot is built once"))??;
        let meta = self.meta.clone();
        let _one = self.state.saving.lock().await;
        let newest = self
            .state
            .applied()
            .snapshot
            .as_ref()
            .and_then(|(meta, _)| meta.last_log_id);
        // A newer one may have come from the leader since this one was begun.
        if newest <= meta.last_log_id {
            self.state
                .writer
                .write(vec![Write::put(Key::Snapshot, &(&meta, &snapshot[..]))?])
                .await?;
            self.state.applied().snapshot = Some((meta.clone(), snapshot.clone()));
        }
        Ok(Snapshot { meta, snapshot })
    }
}
