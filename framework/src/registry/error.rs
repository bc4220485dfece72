//! The errors of registering.

use std::fmt;

use crate::actor::Actor;
use crate::actor_ref::ActorRef;

/// Why an actor was not registered. Nothing has changed; key and value come back.
#[non_exhaustive]
pub enum RegisterError<A: Actor, K, V> {
    /// A live incarnation has this unique key, perhaps the one that asked.
    AlreadyRegistered {
        /// Who has it: a ref to that incarnation only.
        by: ActorRef<A>,
        /// The key.
        key: K,
        /// The value that was not registered.
        value: V,
    },
    /// The tenure of the actor is no longer valid: it registers nothing any more.
    Lapsed {
        /// The key.
        key: K,
        /// The value that was not registered.
        value: V,
    },
}

impl<A: Actor, K, V> fmt::Display for RegisterError<A, K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AlreadyRegistered { by, .. } => write!(f, "the key is registered already, by {by:?}"),
            Self::Lapsed { .. } => f.write_str("the tenure of the actor is no longer valid"),
        }
    }
}

impl<A: Actor, K, V> fmt::Debug for RegisterError<A, K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AlreadyRegistered { by, .. } => f
                .debug_struct("AlreadyRegistered")
                .field("by", by)
                .finish_non_exhaustive(),
            Self::Lapsed { .. } => f.debug_struct("Lapsed").finish_non_exhaustive(),
        }
    }
}

impl<A: Actor, K, V> std::error::Error for RegisterError<A, K, V> {}

/// Why a value was not replaced. Nothing has changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum UpdateError {
    /// The actor that asked does not have the key.
    NotOwner,
    /// The tenure of the actor is no longer valid.
    Lapsed,
}

impl fmt::Display for UpdateError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotOwner => "the actor does not have the key",
            Self::Lapsed => "the tenure of the actor is no longer valid",
        })
    }
}

impl std::error::Error for UpdateError {}
