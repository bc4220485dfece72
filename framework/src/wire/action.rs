//! What a session tells its driver to do, and why it ended.

use bytes::Bytes;

use super::code;
use super::frame::{Frame, FrameError, Outcome, Refused, Reply, Request};
use super::session::Handles;
#[cfg(doc)]
use super::session::{Heartbeat, Session};

/// Why a session ended.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum CloseReason {
    /// The peer said goodbye, with a number of [`code::goodbye`].
    Goodbye(Outcome),
    /// The connection ended or failed without a goodbye.
    Disconnected,
    /// Nothing was heard for [`Heartbeat::dead_after`].
    Silent,
    /// The peer did not read its answers.
    Overloaded,
    /// The peer broke the protocol.
    Violation(&'static str),
    /// The bytes from the peer are no frames.
    Garbage(FrameError),
    /// This end closed it.
    Closed,
    /// This end's system shut down.
    Shutdown,
}

impl CloseReason {
    /// The goodbye that tells the peer, if it can still be told.
    pub fn goodbye(&self) -> Option<Outcome> {
        let code = match self {
            Self::Goodbye(_) | Self::Disconnected => return None,
            Self::Silent => code::goodbye::SILENT,
            Self::Overloaded => code::goodbye::OVERLOADED,
            Self::Violation(_) | Self::Garbage(_) => code::goodbye::PROTOCOL,
            Self::Closed => code::goodbye::CLOSED,
            Self::Shutdown => code::goodbye::SHUTDOWN,
        };
        Some(Outcome {
            code,
            detail: self.to_string(),
        })
    }
}

impl std::fmt::Display for CloseReason {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Goodbye(outcome) => write!(f, "the peer closed the session: {}", outcome.detail),
            Self::Disconnected => f.write_str("the connection ended"),
            Self::Silent => f.write_str("nothing was heard for too long"),
            Self::Overloaded => f.write_str("the answers were not read"),
            Self::Violation(what) => write!(f, "protocol violation: {what}"),
            Self::Garbage(error) => error.fmt(f),
            Self::Closed => f.write_str("the session was closed"),
            Self::Shutdown => f.write_str("the system shuts down"),
        }
    }
}

/// What a frame asks the driver to do.
#[derive(Debug)]
pub enum Action<H: Handles> {
    /// Nothing.
    None,
    /// Append this frame.
    Send(Frame),
    /// Give the message to the actor, and answer as it says.
    Deliver {
        /// The actor.
        to: H::Target,
        /// What was sent.
        head: Request,
        /// The archive of the arguments.
        archive: Bytes,
    },
    /// Find the actor, then say [`Session::export`] and answer.
    Resolve {
        /// The number to answer to.
        lookup: u64,
        /// The actor's name.
        name: String,
        /// The actor's wire name.
        actor: String,
    },
    /// Watch the actor: [`Session::watching`] first, then [`Session::downed`] when it ends, and send the `Down`.
    Watch {
        /// The monitor's number.
        monitor: u64,
        /// The actor.
        to: H::Target,
    },
    /// Watch it no more.
    Unwatch {
        /// The watch that was entered.
        watch: H::Watch,
    },
    /// A call has its reply.
    Reply {
        /// Who waits for it.
        caller: H::Caller,
        /// Who answered.
        head: Reply,
        /// The archive of the reply.
        archive: Bytes,
    },
    /// A call gets no reply.
    Refused {
        /// Who waits for one.
        caller: H::Caller,
        /// Why there is none.
        refused: Refused,
    },
    /// A cast was not handled.
    DeadLetter(Refused),
    /// A lookup has its answer.
    Found {
        /// Who waits for it.
        seeker: H::Seeker,
        /// The target there, or why there is none.
        answer: Result<u64, Outcome>,
    },
    /// A monitored actor ended.
    Down {
        /// Who watches it.
        watcher: H::Watcher,
        /// How it ended: a number of [`code::exit`].
        outcome: Outcome,
    },
    /// End the session: [`Session::close`].
    Close(CloseReason),
}

/// What the time asks the driver to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Pulse {
    /// Nothing before [`Session::next_deadline`].
    Quiet,
    /// Append this frame.
    Ping(Frame),
    /// The peer is silent: end the session.
    Dead,
}

/// Who still waited when a session ended, each in the order in which it began to.
#[derive(Debug)]
pub struct Leftovers<H: Handles> {
    /// Calls without a reply.
    pub callers: Vec<H::Caller>,
    /// Lookups without an answer.
    pub seekers: Vec<H::Seeker>,
    /// Watchers of actors there.
    pub watchers: Vec<H::Watcher>,
    /// Watches that are kept for the peer.
    pub watches: Vec<H::Watch>,
}
