//! The one thread that writes to the data directory.
//!
//! Writes happen in the order of asking. What waits is written together and synced once. After a failure nothing is written any
//! more: after a failed sync nobody knows what the disk holds, and a second sync that succeeds proves nothing (the kernel may have
//! dropped the pages).

use std::io;
use std::thread;

use redb::{Database, WriteTransaction};
use serde::Serialize;
use tokio::sync::{mpsc, oneshot};

use super::tables::{Key, LOG, VALUES};

/// Jobs that wait for the disk, at most; whoever asks for more waits.
const JOBS_MAX: usize = 1_024;
/// Jobs that are synced together, at most.
const JOBS_TOGETHER_MAX: usize = 64;

/// One change of the file.
pub(in super::super) enum Write {
    /// Sets a single value.
    Put(Key, Vec<u8>),
    /// Adds an entry to the log.
    Entry(u64, Vec<u8>),
    /// Removes the entries from this index on.
    TruncateFrom(u64),
    /// Removes the entries up to this index.
    PurgeUpTo(u64),
}

impl Write {
    /// Sets a single value to the encoding of `value`.
    pub(in super::super) fn put<T: Serialize>(key: Key, value: &T) -> io::Result<Self> {
        Ok(Self::Put(key, encode(value)?))
    }

    /// Adds an entry to the log.
    pub(in super::super) fn entry<T: Serialize>(index: u64, entry: &T) -> io::Result<Self> {
        Ok(Self::Entry(index, encode(entry)?))
    }
}

fn encode<T: Serialize>(value: &T) -> io::Result<Vec<u8>> {
    postcard::to_stdvec(value).map_err(io::Error::other)
}

/// Called with the result once the writes are on disk, or never will be.
type Done = Box<dyn FnOnce(io::Result<()>) + Send>;

enum Job {
    Write(Vec<Write>, Done),
    Close(oneshot::Sender<()>),
}

/// Asks the writing thread. Clones ask the same one; it ends when all of them are dropped, or when it is closed.
#[derive(Clone)]
pub(in super::super) struct Writer {
    jobs: mpsc::Sender<Job>,
}

impl Writer {
    pub(super) fn start(database: Database) -> io::Result<Self> {
        let (jobs, waiting) = mpsc::channel(JOBS_MAX);
        thread::Builder::new()
            .name("quorate-store".into())
            .spawn(move || run(database, waiting))?;
        Ok(Self { jobs })
    }

    /// Writes, and returns when it is on disk.
    pub(in super::super) async fn write(&self, writes: Vec<Write>) -> io::Result<()> {
        let (done, written) = oneshot::channel();
        let done = move |result| drop(done.send(result));
        self.submit(writes, done).await?;
        written.await.unwrap_or_else(|_| Err(closed()))
    }

    /// Queues the writes; `done` is called when they are on disk or have failed.
    pub(in super::super) async fn submit(
        &self,
        writes: Vec<Write>,
        done: impl FnOnce(io::Result<()>) + Send + 'static,
    ) -> io::Result<()> {
        self.jobs
            .send(Job::Write(writes, Box::new(done)))
            .await
            .map_err(|_| closed())
    }

    /// Finishes what waits and lets go of the file.
    pub(in super::super) async fn close(&self) {
        let (done, closed) = oneshot::channel();
        if self.jobs.send(Job::Close(done)).await.is_ok() {
            // An error means that the thread is gone, and the file with it.
            closed.await.unwrap_or(());
        }
    }
}

fn closed() -> io::Error {
    io::Error::new(io::ErrorKind::BrokenPipe, "the data directory is closed")
}

fn run(database: Database, mut waiting: mpsc::Receiver<Job>) {
    let mut failure: Option<(io::ErrorKind, String)> = None;
    let mut closing = None;
    while closing.is_none() {
        let Some(first) = waiting.blocking_recv() else {
            return;
        };
        let mut writes = Vec::new();
        let mut dones = Vec::new();
        let mut next = Some(first);
        while let Some(job) = next {
            match job {
                Job::Write(mut more, done) => {
                    writes.append(&mut more);
                    dones.push(done);
                }
                Job::Close(done) => {
                    closing = Some(done);
                    break;
                }
            }
            next = if dones.len() < JOBS_TOGETHER_MAX {
                waiting.try_recv().ok()
            } else {
                None
            };
        }
        if failure.is_none()
            && !dones.is_empty()
            && let Err(error) = commit(&database, writes)
        {
            tracing::error!(%error, "a write to the data directory failed; this replica stops");
            failure = Some((error.kind(), error.to_string()));
        }
        for done in dones {
            done(
                failure
                    .as_ref()
                    .map_or(Ok(()), |(kind, what)| Err(io::Error::new(*kind, what.clone()))),
            );
        }
    }
    drop(database);
    if let Some(done) = closing {
        // Nobody waits any more: nothing to tell.
        done.send(()).unwrap_or(());
    }
}

fn commit(database: &Database, writes: Vec<Write>) -> io::Result<()> {
    let transaction = database.begin_write().map_err(io_error)?;
    apply(&transaction, writes).map_err(io_error)?;
    transaction.commit().map_err(io_error)
}

fn apply(transaction: &WriteTransaction, writes: Vec<Write>) -> Result<(), redb::Error> {
    let mut values = transaction.open_table(VALUES)?;
    let mut log = transaction.open_table(LOG)?;
    for write in writes {
        match write {
            Write::Put(key, value) => drop(values.insert(key.name(), value.as_slice())?),
            Write::Entry(index, entry) => drop(log.insert(index, entry.as_slice())?),
            Write::TruncateFrom(first) => log.retain_in(first.., |_, _| false)?,
            Write::PurgeUpTo(last) => log.retain_in(..=last, |_, _| false)?,
        }
    }
    Ok(())
}

fn io_error(error: impl Into<redb::Error>) -> io::Error {
    match error.into() {
        redb::Error::Io(error) => error,
        other => io::Error::other(other),
    }
}
