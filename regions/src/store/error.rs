//! What can go wrong with a region's store, and what each failure says about the state.

use std::fmt;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use super::node::{RaftId, RaftNode};
use super::settings::TimingError;

/// Why a data directory could not be opened. Nothing in it was changed.
#[derive(Debug)]
#[non_exhaustive]
pub enum OpenError {
    /// The directory or its file cannot be created, read or written.
    NotUsable {
        /// The directory.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Another process, or another store of this one, has it open.
    InUse {
        /// The directory.
        path: PathBuf,
    },
    /// It belongs to somebody else.
    Foreign {
        /// The directory.
        path: PathBuf,
        /// What differs: `cluster`, `region` or `node`.
        what: &'static str,
        /// Whose it is.
        found: String,
        /// Who asks.
        expected: String,
    },
    /// Another release wrote it.
    OtherFormat {
        /// The directory.
        path: PathBuf,
        /// Its format.
        found: u32,
        /// The format that this release reads.
        known: u32,
    },
    /// What it holds makes no sense.
    Damaged {
        /// The directory.
        path: PathBuf,
        /// Which part.
        what: String,
    },
}

impl fmt::Display for OpenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotUsable { path, source } => write!(
                f,
                "the data directory {} cannot be used: {source}; let the user that runs this node create and write it, or set \
                 node.data_dir to another place",
                path.display()
            ),
            Self::InUse { path } => write!(
                f,
                "the data directory {} is in use by another process; stop that one, or give each node its own node.data_dir",
                path.display()
            ),
            Self::Foreign {
                path,
                what,
                found,
                expected,
            } => write!(
                f,
                "the data directory {} belongs to {what} {found:?} and this node is of {what} {expected:?}; set node.data_dir to \
                 this node's own directory, or start with an empty one as a new node",
                path.display()
            ),
            Self::OtherFormat { path, found, known } => write!(
                f,
                "the data directory {} has format {found} and this release reads {known}; run the release that wrote it, or move \
                 it away and start with an empty one: the node joins as a new one",
                path.display()
            ),
            Self::Damaged { path, what } => write!(
                f,
                "the data directory {} is damaged ({what}); move it away and start with an empty one: the node joins as a new one",
                path.display()
            ),
        }
    }
}

impl std::error::Error for OpenError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::NotUsable { source, .. } => Some(source),
            _ => None,
        }
    }
}

/// Why a replica did not start. The data directory is as it was.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum StartError {
    /// The data directory holds no formed group: formation comes first.
    NotFormed,
    /// The timing does not fit together.
    Timing(TimingError),
    /// The disk failed.
    Stopped(StopCause),
}

impl fmt::Display for StartError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotFormed => {
                f.write_str("the data directory belongs to no group yet: formation comes first")
            }
            Self::Timing(error) => error.fmt(f),
            Self::Stopped(cause) => cause.fmt(f),
        }
    }
}

impl std::error::Error for StartError {}

/// Why a replica takes part no longer. It does not recover: start again from the disk.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum StopCause {
    /// It was shut down.
    ShutDown,
    /// The disk failed, or a write to it: what it holds is not certain, so the replica votes no more.
    Disk(Arc<str>),
    /// A bug in this replica.
    Panicked,
}

impl fmt::Display for StopCause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ShutDown => f.write_str("the store was shut down"),
            Self::Disk(what) => {
                write!(
                    f,
                    "the store stopped because its disk failed ({what}); mend the disk and start the node again"
                )
            }
            Self::Panicked => {
                f.write_str("the store stopped because of a bug; start the node again and report it")
            }
        }
    }
}

impl std::error::Error for StopCause {}

/// Why a proposal brought no outcomes.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum ProposeError {
    /// This replica does not lead; nothing was proposed. Ask the leader, when one is known.
    NotLeader(Option<RaftNode>),
    /// [`PROPOSALS_MAX`](super::PROPOSALS_MAX) proposals wait already; nothing was proposed.
    Overloaded,
    /// More than [`OPS_MAX`](crate::lease::OPS_MAX) operations in one proposal; nothing was proposed. Here is how many.
    TooMany(usize),
    /// The time was up before the proposal reached the log; nothing was proposed.
    TimedOut,
    /// The proposal reached the log and no outcome came: it is applied now, later or never.
    Unknown,
    /// This replica stopped. A proposal that it had taken is applied now, later or never.
    Stopped(StopCause),
}

impl fmt::Display for ProposeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotLeader(Some(leader)) => write!(f, "this replica does not lead; {leader} does"),
            Self::NotLeader(None) => f.write_str("this replica does not lead and knows no leader"),
            Self::Overloaded => write!(f, "{} proposals wait already", super::PROPOSALS_MAX),
            Self::TooMany(ops) => write!(
                f,
                "{ops} operations in one proposal; the limit is {}",
                crate::lease::OPS_MAX
            ),
            Self::TimedOut => f.write_str("the time was up before the proposal reached the log"),
            Self::Unknown => {
                f.write_str("the outcome of the proposal is unknown: it is applied now, later or never")
            }
            Self::Stopped(cause) => cause.fmt(f),
        }
    }
}

impl std::error::Error for ProposeError {}

/// Why a change of the group's replicas, or a confirmed read, did not succeed. Each of them may be asked again as it was.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum GroupError {
    /// This replica does not lead; nothing changed. Ask the leader, when one is known.
    NotLeader(Option<RaftNode>),
    /// A live replica has the same name under another id: two nodes are configured with one name. Nothing changed.
    NameInUse {
        /// The live replica.
        id: RaftId,
        /// Its node.
        node: RaftNode,
    },
    /// Another change is under way, or the new replica has not caught up. Nothing or a part changed; ask again.
    Busy,
    /// No answer within this time: the change may happen yet; ask again.
    Unknown(Duration),
    /// This replica stopped.
    Stopped(StopCause),
}

impl fmt::Display for GroupError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotLeader(Some(leader)) => write!(f, "this replica does not lead; {leader} does"),
            Self::NotLeader(None) => f.write_str("this replica does not lead and knows no leader"),
            Self::NameInUse { id, node } => {
                write!(
                    f,
                    "the name {} is in use by the live replica {id} ({node}); give each node its own name",
                    node.name
                )
            }
            Self::Busy => f.write_str("another change of the replicas is under way"),
            Self::Unknown(after) => write!(f, "no answer within {after:?}; the change may happen yet"),
            Self::Stopped(cause) => cause.fmt(f),
        }
    }
}

impl std::error::Error for GroupError {}
