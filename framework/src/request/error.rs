//! How a call or a cast fails, and what is then known of the message.

use std::fmt;
use std::sync::Arc;

use crate::exit::ExitReason;
use crate::waits::Awaited;

/// Why a call has no reply. Each variant says what is known about the message.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum CallError {
    /// The deadline passed. The message may have been handled, may be handled now, or never.
    Timeout,
    /// The deadline passed, and who waits for whom leads back to the caller: it could not have been answered. As after
    /// [`Timeout`](Self::Timeout) the message may be handled, now that the caller waits no longer.
    ///
    /// The one of the circle whose deadline comes first is told; its turn goes on, and with it the others. Seen are the calls in turns
    /// of the actors of one process.
    Deadlock {
        /// What is waited for, in order: the call that failed, what its actor waits for, and so on. The last one is a call to the
        /// actor that is told this.
        chain: Arc<[Awaited]>,
    },
    /// There is no such actor any more and it is not coming back. Not handled.
    Gone,
    /// The actor ended with this reason before it answered. A message that still waited in the mailbox was not handled;
    /// one that was being handled may have had effects.
    Exited(ExitReason),
    /// The mailbox of an actor on another node is full. Not handled. (A local call waits for room.)
    Full,
    /// The outgoing buffer between the nodes is full: on the way there (not sent), or on the way back (handled, and the
    /// reply is lost).
    Overloaded,
    /// The link to the actor's node is gone. Whether the message was handled is not known.
    NodeDown,
    /// The other node's actor has no such message: it runs another version. Not handled.
    UnknownMessage {
        /// The wire name of the actor.
        actor: &'static str,
        /// The method.
        method: &'static str,
    },
    /// The other node's message has other arguments or another reply: it runs another version. Not handled.
    SchemaMismatch {
        /// The wire name of the actor.
        actor: &'static str,
        /// The method.
        method: &'static str,
    },
    /// A body was not a valid archive: the request's (not handled) or the reply's (handled).
    Malformed,
    /// An actor called itself, which could only end by the deadline. Not sent.
    SelfCall,
    /// The handler dropped the reply port. Handled.
    NoReply,
    /// A tenure is no longer valid: the caller's (not sent; or not handled by a receiver that has heard from its successor), or the
    /// actor's (its effects ended with the tenure; or its reply came after one of its successor's and was dropped).
    Lapsed,
    /// The arguments cannot be archived, by a hand-written rkyv impl. Not sent.
    Unencodable(Arc<str>),
}

impl fmt::Display for CallError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Timeout => f.write_str("no reply within the deadline"),
            Self::Deadlock { chain } => {
                f.write_str("no reply within the deadline, by a deadlock: the caller waits for ")?;
                for (index, awaited) in chain.iter().enumerate() {
                    let which = if index == 0 { "" } else { ", which waits for " };
                    write!(f, "{which}{awaited}")?;
                }
                f.write_str(", which is the caller")
            }
            Self::Gone => f.write_str("the actor is gone"),
            Self::Exited(reason) => write!(f, "the actor ended before it replied: it {reason}"),
            Self::Full => f.write_str("the actor's mailbox is full"),
            Self::Overloaded => f.write_str("the outgoing buffer between the nodes is full"),
            Self::NodeDown => f.write_str("the link to the actor's node is gone"),
            Self::UnknownMessage { actor, method } => {
                write!(f, "`{actor}` on the other node has no message `{method}`")
            }
            Self::SchemaMismatch { actor, method } => {
                write!(f, "`{actor}::{method}` has another shape on the other node")
            }
            Self::Malformed => f.write_str("malformed body"),
            Self::SelfCall => f.write_str("an actor called itself"),
            Self::NoReply => f.write_str("the reply port was dropped"),
            Self::Lapsed => f.write_str("the tenure is no longer valid"),
            Self::Unencodable(why) => write!(f, "the arguments cannot be archived: {why}"),
        }
    }
}

impl std::error::Error for CallError {}

/// Why a cast was not sent. The message is given back.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum CastError<T> {
    /// The mailbox is full.
    Full(T),
    /// There is no such actor any more and it is not coming back, or a singleton has no location now.
    Gone(T),
    /// The outgoing buffer to the actor's node is full.
    Overloaded(T),
    /// The link to the actor's node is gone.
    NodeDown(T),
    /// The sender's tenure is no longer valid.
    Lapsed(T),
    /// The arguments cannot be archived, by a hand-written rkyv impl.
    Unencodable(T),
}

impl<T> CastError<T> {
    /// The message that was not sent.
    pub fn into_message(self) -> T {
        match self {
            Self::Full(message)
            | Self::Gone(message)
            | Self::Overloaded(message)
            | Self::NodeDown(message)
            | Self::Lapsed(message)
            | Self::Unencodable(message) => message,
        }
    }

    /// The same failure with another content.
    pub fn map<U>(self, f: impl FnOnce(T) -> U) -> CastError<U> {
        match self {
            Self::Full(message) => CastError::Full(f(message)),
            Self::Gone(message) => CastError::Gone(f(message)),
            Self::Overloaded(message) => CastError::Overloaded(f(message)),
            Self::NodeDown(message) => CastError::NodeDown(f(message)),
            Self::Lapsed(message) => CastError::Lapsed(f(message)),
            Self::Unencodable(message) => CastError::Unencodable(f(message)),
        }
    }

    fn name(&self) -> &'static str {
        match self {
            Self::Full(_) => "Full",
            Self::Gone(_) => "Gone",
            Self::Overloaded(_) => "Overloaded",
            Self::NodeDown(_) => "NodeDown",
            Self::Lapsed(_) => "Lapsed",
            Self::Unencodable(_) => "Unencodable",
        }
    }
}

/// Without the message, which need not be `Debug`.
impl<T> fmt::Debug for CastError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl<T> fmt::Display for CastError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Full(_) => "the actor's mailbox is full",
            Self::Gone(_) => "the actor is gone",
            Self::Overloaded(_) => "the outgoing buffer to the actor's node is full",
            Self::NodeDown(_) => "the link to the actor's node is gone",
            Self::Lapsed(_) => "the sender's tenure is no longer valid",
            Self::Unencodable(_) => "the arguments cannot be archived",
        })
    }
}

impl<T> std::error::Error for CastError<T> {}

/// Why a request was not handled. It is certain that it was not, so a moving ref may send it to the next location.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// No such actor any more.
    Gone,
    /// It still waited in the mailbox when the actor ended.
    Exited(ExitReason),
    /// It still waited in the mailbox when its deadline passed.
    Expired,
    /// The mailbox is full.
    Full,
    /// The id is not in the actor's table.
    UnknownMessage,
    /// The id is, with another shape.
    SchemaMismatch,
    /// The body is not a valid archive.
    Malformed,
    /// The actor's tenure was not valid any more.
    Lapsed,
    /// The receiver has heard from a later holder of the sender's singleton.
    Superseded,
}

/// Why a request has no reply: surely not handled, or perhaps.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Failure {
    /// It was not handled.
    Refused(Refusal),
    /// It may have been handled, in whole or in part: never sent again.
    Lost(CallError),
}

impl Failure {
    /// What the caller of this method sees.
    pub(crate) fn into_error(self, actor: &'static str, method: &'static str) -> CallError {
        match self {
            Self::Lost(error) => error,
            Self::Refused(refusal) => match refusal {
                Refusal::Gone => CallError::Gone,
                Refusal::Exited(reason) => CallError::Exited(reason),
                Refusal::Expired => CallError::Timeout,
                Refusal::Full => CallError::Full,
                Refusal::UnknownMessage => CallError::UnknownMessage { actor, method },
                Refusal::SchemaMismatch => CallError::SchemaMismatch { actor, method },
                Refusal::Malformed => CallError::Malformed,
                Refusal::Lapsed | Refusal::Superseded => CallError::Lapsed,
            },
        }
    }

    /// True when another location may be asked.
    pub(crate) fn may_move(&self) -> bool {
        match self {
            Self::Refused(Refusal::Gone | Refusal::Lapsed) => true,
            // After any other end it starts again at the same location.
            Self::Refused(Refusal::Exited(reason)) => {
                matches!(
                    reason,
                    ExitReason::Shutdown | ExitReason::ShutdownWith(_) | ExitReason::Lapsed
                )
            }
            _ => false,
        }
    }
}
