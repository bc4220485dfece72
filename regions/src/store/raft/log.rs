//! The group's log and vote: on disk, with a mirror in memory that every read is served from.
//!
//! The mirror is small because the log is: snapshots cut it. An entry can be read as soon as it is appended and is acknowledged when
//! it is on disk. A vote is on disk before [`RaftLogStorage::save_vote`] returns. How far entries are committed is written with the
//! next entries, not by itself: after a crash it may be behind, and then the leader tells it.

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::io;
use std::ops::RangeBounds;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use openraft::storage::{IOFlushed, LogState, RaftLogStorage};
use openraft::{OptionalSend, RaftLogReader};

use super::super::disk::{Key, Write, Writer};
use super::{Entry, LogId, Types, Vote};

/// The log of one replica. Clones are the same log.
#[derive(Clone)]
pub(in super::super) struct Log {
    mirror: Arc<Mutex<Mirror>>,
    writer: Writer,
}

struct Mirror {
    vote: Option<Vote>,
    committed: Option<LogId>,
    purged: Option<LogId>,
    entries: BTreeMap<u64, Entry>,
}

impl Log {
    pub(in super::super) fn new(
        vote: Option<Vote>,
        committed: Option<LogId>,
        purged: Option<LogId>,
        entries: BTreeMap<u64, Entry>,
        writer: Writer,
    ) -> Self {
        Self {
            mirror: Arc::new(Mutex::new(Mirror {
                vote,
                committed,
                purged,
                entries,
            })),
            writer,
        }
    }

    fn mirror(&self) -> MutexGuard<'_, Mirror> {
        // Every change of the mirror is one step, so it is whole whatever panicked.
        self.mirror.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl RaftLogReader<Types> for Log {
    async fn try_get_log_entries<R>(&mut self, range: R) -> Result<Vec<Entry>, io::Error>
    where
        R: RangeBounds<u64> + Clone + Debug + OptionalSend,
    {
        let bounds = (range.start_bound().cloned(), range.end_bound().cloned());
        let mirror = self.mirror();
        let entries = mirror.entries.iter().filter(|(index, _)| bounds.contains(index));
        Ok(entries.map(|(_, entry)| entry.clone()).collect())
    }

    async fn read_vote(&mut self) -> Result<Option<Vote>, io::Error> {
        Ok(self.mirror().vote)
    }
}

impl RaftLogStorage<Types> for Log {
    type LogReader = Self;

    async fn get_log_state(&mut self) -> Result<LogState<Types>, io::Error> {
        let mirror = self.mirror();
        let last = mirror.entries.values().next_back().map(|entry| entry.log_id);
        Ok(LogState {
            last_purged_log_id: mirror.purged,
            last_log_id: last.or(mirror.purged),
        })
    }

    async fn get_log_reader(&mut self) -> Self {
        self.clone()
    }

    async fn save_vote(&mut self, vote: &Vote) -> Result<(), io::Error> {
        self.writer.write(vec![Write::put(Key::Vote, vote)?]).await?;
        self.mirror().vote = Some(*vote);
        Ok(())
    }

    async fn save_committed(&mut self, committed: Option<LogId>) -> Result<(), io::Error> {
        self.mirror().committed = committed;
        Ok(())
    }

    async fn read_committed(&mut self) -> Result<Option<LogId>, io::Error> {
        Ok(self.mirror().committed)
    }

    async fn append<I>(&mut self, entries: I, callback: IOFlushed<Types>) -> Result<(), io::Error>
    where
        I: IntoIterator<Item = Entry> + OptionalSend,
        I::IntoIter: OptionalSend,
    {
        let mut writes = Vec::new();
        {
            let mut mirror = self.mirror();
            if let Some(committed) = &mirror.committed {
                writes.push(Write::put(Key::Committed, committed)?);
            }
            for entry in entries {
                writes.push(Write::entry(entry.log_id.index, &entry)?);
                mirror.entries.insert(entry.log_id.index, entry);
            }
        }
        self.writer
            .submit(writes, move |result| callback.io_completed(result))
            .await
    }

    async fn truncate_after(&mut self, last: Option<LogId>) -> Result<(), io::Error> {
        let first = last.map_or(0, |last| last.index + 1);
        drop(self.mirror().entries.split_off(&first));
        self.writer.write(vec![Write::TruncateFrom(first)]).await
    }

    async fn purge(&mut self, last: LogId) -> Result<(), io::Error> {
        {
            let mut mirror = self.mirror();
            mirror.purged = Some(last);
            mirror.entries = mirror.entries.split_off(&(last.index + 1));
        }
        self.writer
            .write(vec![
                Write::put(Key::Purged, &last)?,
                Write::PurgeUpTo(last.index),
            ])
            .await
    }
}
