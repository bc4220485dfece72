//! Why a node does not join its cluster.

use std::fmt;
use std::io;

use quorate::wire::BindError;

use crate::id::NameError;
use crate::lease::TimingError;
use crate::store;

/// Why a node did not join. Nothing of it runs any more, and its data directory is closed.
#[derive(Debug)]
#[non_exhaustive]
pub enum JoinError {
    /// A singleton's name is no name; here it is.
    Name(&'static str, NameError),
    /// Two singletons have this name.
    NameTwice(&'static str),
    /// The data directory cannot be used.
    DataDir(store::OpenError),
    /// The address cannot be listened on.
    Listen(BindError),
    /// The system gives no thread.
    Thread(io::Error),
    /// An actor of the control plane did not start.
    Control(quorate::StartError),
    /// The replica of the region did not start, or its disk failed.
    Replica(store::StartError),
    /// The lease term or the stop budget of this node's file does not fit what the region agreed on.
    Timing(TimingError),
    /// A thread of the control plane has ended, by a bug; its panic is in the log.
    Stopped,
    /// The configuration was built by hand and does not fit together: this is wrong with it.
    Config(&'static str),
}

impl fmt::Display for JoinError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(name, error) => write!(f, "{name:?} cannot name a singleton: {error}"),
            Self::NameTwice(name) => write!(f, "two singletons are called {name:?}; give each its own name"),
            Self::DataDir(error) => error.fmt(f),
            Self::Listen(error) => error.fmt(f),
            Self::Thread(error) => write!(f, "the control plane has no thread to run on: {error}"),
            Self::Control(error) => write!(f, "the control plane did not start: {error}"),
            Self::Replica(error) => error.fmt(f),
            Self::Timing(error) => write!(f, "{error}; give all nodes the same timings"),
            Self::Stopped => {
                f.write_str("a thread of the control plane has ended; see the log, and report it")
            }
            Self::Config(what) => write!(f, "the configuration does not fit together: {what}"),
        }
    }
}

impl std::error::Error for JoinError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Name(_, error) => Some(error),
            Self::DataDir(error) => Some(error),
            Self::Listen(error) => Some(error),
            Self::Thread(error) => Some(error),
            Self::Control(error) => Some(error),
            Self::Replica(error) => Some(error),
            Self::Timing(error) => Some(error),
            Self::NameTwice(_) | Self::Stopped | Self::Config(_) => None,
        }
    }
}
