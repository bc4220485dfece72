//! A node's data directory: one redb file that says whose it is, what the node promised while its region formed, and holds the log,
//! the vote and the snapshot of the region's group.
//!
//! It is opened by one process at a time. Everything that is written goes through one thread (`writer`) in the order of asking, and
//! has reached the disk when the asker is told so. Reading happens when it is opened, never later.

mod tables;
mod writer;

pub(super) use tables::{Key, Loaded};
pub(super) use writer::{Write, Writer};

use std::io;
use std::path::{Path, PathBuf};

use redb::{Database, DatabaseError, StorageError};
use serde::{Deserialize, Serialize};

use crate::formation::{DiskId, Formed, Memory};
use crate::id::{NodeName, RegionName};

use super::error::OpenError;

/// The file in the data directory.
const FILE: &str = "quorate.redb";
/// redb's page cache. The log and the state are in memory anyway.
const CACHE_BYTES: usize = 4 * 1024 * 1024;

/// Whose data directory it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Owner {
    /// The cluster's name.
    pub cluster: String,
    /// The region that the node is in.
    pub region: RegionName,
    /// The node.
    pub node: NodeName,
}

/// A node's open data directory, before its replica runs.
///
/// Opening makes it when it is missing. Dropping it lets go of it soon; [`Self::close`] lets go of it at once.
pub struct DataDir {
    path: PathBuf,
    owner: Owner,
    disk: DiskId,
    memory: Memory,
    loaded: Loaded,
    writer: Writer,
}

impl DataDir {
    /// Opens the directory at `path` for `owner`; makes it when it is missing. Blocks on the disk.
    ///
    /// # Errors
    ///
    /// [`OpenError`] says what is wrong with the directory and what to do; nothing in it was changed.
    pub fn open(path: impl AsRef<Path>, owner: Owner) -> Result<Self, OpenError> {
        let path = path.as_ref();
        std::fs::create_dir_all(path).map_err(|source| OpenError::NotUsable {
            path: path.into(),
            source,
        })?;
        let database = Database::builder()
            .set_cache_size(CACHE_BYTES)
            .create(path.join(FILE))
            .map_err(|error| open_error(path, error))?;
        Self::open_database(path, owner, database)
    }

    pub(super) fn open_database(path: &Path, owner: Owner, database: Database) -> Result<Self, OpenError> {
        let (disk, memory, loaded) = tables::load(path, &owner, &database)?;
        let writer = Writer::start(database).map_err(|source| OpenError::NotUsable {
            path: path.into(),
            source,
        })?;
        Ok(Self {
            path: path.into(),
            owner,
            disk,
            memory,
            loaded,
            writer,
        })
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Whose it is.
    pub fn owner(&self) -> &Owner {
        &self.owner
    }

    /// The number it was given when it was made: an emptied directory is another disk, and so another voter.
    pub fn disk(&self) -> DiskId {
        self.disk
    }

    /// What the node remembers of the formation of its region.
    pub fn memory(&self) -> &Memory {
        &self.memory
    }

    /// Replaces what the node remembers of the formation. It is on disk when this returns.
    ///
    /// # Errors
    ///
    /// The disk failed; what it holds is not certain, and this directory takes no further writes until it is opened again.
    ///
    /// # Cancel safety
    ///
    /// When dropped, the memory on disk is the old or the new one.
    pub async fn remember(&mut self, memory: Memory) -> io::Result<()> {
        self.writer.write(vec![Write::put(Key::Memory, &memory)?]).await?;
        self.memory = memory;
        Ok(())
    }

    /// What the node's replica starts from.
    pub(super) fn into_parts(self) -> (Option<Formed>, Loaded, Writer) {
        (self.memory.formed, self.loaded, self.writer)
    }

    /// Lets go of the directory: when this returns, another process may open it.
    pub async fn close(self) {
        self.writer.close().await;
    }
}

fn open_error(path: &Path, error: DatabaseError) -> OpenError {
    let path = path.into();
    match error {
        DatabaseError::DatabaseAlreadyOpen | DatabaseError::LockProtocolMismatch => OpenError::InUse { path },
        DatabaseError::Storage(StorageError::Io(source)) if source.kind() != io::ErrorKind::InvalidData => {
            OpenError::NotUsable { path, source }
        }
        other => OpenError::Damaged {
            path,
            what: other.to_string(),
        },
    }
}
