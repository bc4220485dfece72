//! The region's group on openraft: nothing of that crate is seen outside of this folder and the facade above it.
//!
//! `log` keeps what was agreed, `state` applies it, `outgoing` and `incoming` are the two ends of a call between replicas.

pub(super) mod incoming;
pub(super) mod log;
pub(super) mod outgoing;
pub(super) mod state;
#[cfg(test)]
mod suite;

use std::fmt;

use openraft::type_config::alias::{LogIdOf, SnapshotMetaOf, StoredMembershipOf, VoteOf};
use serde::{Deserialize, Serialize};

use crate::lease::{Op, Outcome};

use super::node::{RaftId, RaftNode};

openraft::declare_raft_types!(
    /// The types that this crate runs openraft with.
    pub(super) Types:
        D = Batch,
        R = Outcomes,
        NodeId = RaftId,
        Node = RaftNode,
        AsyncRuntime = openraft_rt_tokio::TokioRuntime,
);

pub(super) type Entry = openraft::type_config::alias::EntryOf<Types>;
pub(super) type LogId = LogIdOf<Types>;
pub(super) type Vote = VoteOf<Types>;
pub(super) type Membership = StoredMembershipOf<Types>;
pub(super) type SnapshotMeta = SnapshotMetaOf<Types>;
pub(super) type Raft = openraft::Raft<Types, state::StateMachine>;

/// The operations of one entry of the log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Batch(pub(super) Vec<Op>);

impl fmt::Display for Batch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} operations", self.0.len())
    }
}

/// What applying one entry of the log found, in the order of its operations.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Outcomes(pub(super) Vec<Outcome>);
