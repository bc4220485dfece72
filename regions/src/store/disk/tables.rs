//! What the file holds and under which keys; reading all of it.
//!
//! Values are postcard. Their layout, openraft's part included, is what [`FORMAT`] counts.

use std::collections::BTreeMap;
use std::path::Path;

use bytes::Bytes;
use redb::{Database, ReadableDatabase, ReadableTable, TableDefinition, TableError};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::formation::{DiskId, Memory};

use super::super::error::OpenError;
use super::super::raft::{Entry, LogId, SnapshotMeta, Vote};
use super::Owner;

/// The layout that this release writes. A release reads all older ones.
const FORMAT: u32 = 2;

/// Single values.
pub(super) const VALUES: TableDefinition<'_, &str, &[u8]> = TableDefinition::new("values");
/// Entries of the log by index.
pub(super) const LOG: TableDefinition<'_, u64, &[u8]> = TableDefinition::new("log");

/// The names of the single values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in super::super) enum Key {
    /// [`FORMAT`]; its place and its layout never change.
    Format,
    /// [`Owner`].
    Owner,
    /// [`DiskId`].
    Disk,
    /// [`Memory`].
    Memory,
    /// The vote.
    Vote,
    /// The last entry that is known to be committed: may be behind.
    Committed,
    /// The last entry that was purged.
    Purged,
    /// The snapshot.
    Snapshot,
}

impl Key {
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Format => "format",
            Self::Owner => "owner",
            Self::Disk => "disk",
            Self::Memory => "memory",
            Self::Vote => "vote",
            Self::Committed => "committed",
            Self::Purged => "purged",
            Self::Snapshot => "snapshot",
        }
    }
}

/// What the group kept on this disk.
#[derive(Default)]
pub(in super::super) struct Loaded {
    pub(in super::super) vote: Option<Vote>,
    pub(in super::super) committed: Option<LogId>,
    pub(in super::super) purged: Option<LogId>,
    pub(in super::super) entries: BTreeMap<u64, Entry>,
    pub(in super::super) snapshot: Option<(SnapshotMeta, Bytes)>,
}

/// Reads all of `database`, after making it `owner`'s when it is empty.
pub(super) fn load(
    path: &Path,
    owner: &Owner,
    database: &Database,
) -> Result<(DiskId, Memory, Loaded), OpenError> {
    let damaged = |what: String| OpenError::Damaged {
        path: path.into(),
        what,
    };
    let mut values = read_values(database).map_err(|error| damaged(error.to_string()))?;
    if values.is_empty() {
        values = stamp(owner, database).map_err(|error| unwritable(path, error))?;
    }

    let format = values
        .get(Key::Format.name())
        .and_then(|bytes| bytes.as_slice().try_into().ok())
        .map(u32::from_le_bytes);
    let found = format.ok_or_else(|| damaged("no format".into()))?;
    if found != FORMAT {
        return Err(OpenError::OtherFormat {
            path: path.into(),
            found,
            known: FORMAT,
        });
    }
    let values = Values { path, values };
    same_owner(path, owner, &values.need(Key::Owner)?)?;

    let mut loaded = Loaded {
        vote: values.get(Key::Vote)?,
        committed: values.get(Key::Committed)?,
        purged: values.get(Key::Purged)?,
        entries: BTreeMap::new(),
        snapshot: values
            .get::<(SnapshotMeta, Vec<u8>)>(Key::Snapshot)?
            .map(|(meta, bytes)| (meta, bytes.into())),
    };
    for (index, bytes) in read_log(database).map_err(|error| damaged(error.to_string()))? {
        let entry: Entry =
            postcard::from_bytes(&bytes).map_err(|_| damaged(format!("entry {index} of the log")))?;
        loaded.entries.insert(index, entry);
    }
    let first = loaded.entries.keys().next().copied().unwrap_or(0);
    if !loaded
        .entries
        .keys()
        .copied()
        .eq((first..).take(loaded.entries.len()))
    {
        return Err(damaged("the log has a hole".into()));
    }
    Ok((values.need(Key::Disk)?, values.need(Key::Memory)?, loaded))
}

type ValueMap = BTreeMap<String, Vec<u8>>;

struct Values<'a> {
    path: &'a Path,
    values: ValueMap,
}

impl Values<'_> {
    fn get<T: DeserializeOwned>(&self, key: Key) -> Result<Option<T>, OpenError> {
        let Some(bytes) = self.values.get(key.name()) else {
            return Ok(None);
        };
        postcard::from_bytes(bytes)
            .map(Some)
            .map_err(|_| self.damaged(key))
    }

    fn need<T: DeserializeOwned>(&self, key: Key) -> Result<T, OpenError> {
        self.get(key)?.ok_or_else(|| self.damaged(key))
    }

    fn damaged(&self, key: Key) -> OpenError {
        OpenError::Damaged {
            path: self.path.into(),
            what: key.name().into(),
        }
    }
}

fn same_owner(path: &Path, asks: &Owner, owns: &Owner) -> Result<(), OpenError> {
    let parts = [
        ("cluster", &owns.cluster[..], &asks.cluster[..]),
        ("region", owns.region.as_str(), asks.region.as_str()),
        ("node", owns.node.as_str(), asks.node.as_str()),
    ];
    match parts.into_iter().find(|(_, found, expected)| found != expected) {
        None => Ok(()),
        Some((what, found, expected)) => Err(OpenError::Foreign {
            path: path.into(),
            what,
            found: found.into(),
            expected: expected.into(),
        }),
    }
}

fn read_values(database: &Database) -> Result<ValueMap, redb::Error> {
    let mut values = ValueMap::new();
    let table = match database.begin_read()?.open_table(VALUES) {
        Ok(table) => table,
        Err(TableError::TableDoesNotExist(_)) => return Ok(values),
        Err(error) => return Err(error.into()),
    };
    for row in table.iter()? {
        let (key, value) = row?;
        values.insert(key.value().into(), value.value().into());
    }
    Ok(values)
}

fn read_log(database: &Database) -> Result<Vec<(u64, Vec<u8>)>, redb::Error> {
    let table = match database.begin_read()?.open_table(LOG) {
        Ok(table) => table,
        Err(TableError::TableDoesNotExist(_)) => return Ok(Vec::new()),
        Err(error) => return Err(error.into()),
    };
    table
        .iter()?
        .map(|row| {
            row.map(|(index, entry)| (index.value(), entry.value().into()))
                .map_err(Into::into)
        })
        .collect()
}

/// Writes whose directory this is, for ever.
fn stamp(owner: &Owner, database: &Database) -> Result<ValueMap, redb::Error> {
    let mut disk = [0; 16];
    getrandom::fill(&mut disk).map_err(|error| redb::StorageError::Io(error.into()))?;
    let values = ValueMap::from([
        (Key::Format.name().into(), FORMAT.to_le_bytes().into()),
        (Key::Owner.name().into(), encode(owner)),
        (
            Key::Disk.name().into(),
            encode(&DiskId(u128::from_le_bytes(disk))),
        ),
        (Key::Memory.name().into(), encode(&Memory::default())),
    ]);
    let write = database.begin_write()?;
    {
        let mut table = write.open_table(VALUES)?;
        for (key, value) in &values {
            table.insert(key.as_str(), value.as_slice())?;
        }
        write.open_table(LOG)?;
    }
    write.commit()?;
    Ok(values)
}

fn encode<T: Serialize>(value: &T) -> Vec<u8> {
    postcard::to_stdvec(value).expect("names and numbers have a length and so an encoding")
}

fn unwritable(path: &Path, error: redb::Error) -> OpenError {
    let source = match error {
        redb::Error::Io(source) => source,
        other => std::io::Error::other(other),
    };
    OpenError::NotUsable {
        path: path.into(),
        source,
    }
}
