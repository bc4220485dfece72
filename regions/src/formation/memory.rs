//! What a node keeps on disk about the formation of its region.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::id::{GroupId, NodeName};
use crate::store::{RaftId, RaftNode};

/// One data directory, drawn at random when it is made: a node whose disk was wiped has another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct DiskId(pub u128);

impl fmt::Display for DiskId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

/// A node with its disk: who can promise and be promised to.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Identity {
    /// The node.
    pub name: NodeName,
    /// Its disk.
    pub disk: DiskId,
}

/// A node's word that it takes part in no other attempt.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Promise {
    /// The group that the attempt would form; drawn for this attempt alone.
    pub group: GroupId,
    /// Whose attempt it is.
    pub candidate: Identity,
}

/// An initial voter.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Voter {
    /// As the group knows it.
    pub node: RaftNode,
    /// The disk that promised.
    pub disk: DiskId,
}

impl Voter {
    /// Who it is.
    pub fn identity(&self) -> Identity {
        Identity {
            name: self.node.name.clone(),
            disk: self.disk,
        }
    }
}

/// A group that the node belongs to, for ever.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Formed {
    /// The group.
    pub group: GroupId,
    /// The node's replica in it.
    pub id: RaftId,
    /// The initial voters; empty in a node that joined later.
    pub voters: BTreeMap<RaftId, Voter>,
}

impl Formed {
    /// The voters with which this replica begins the group; `None` when that is another's, or nobody's, task.
    pub fn begins(&self) -> Option<BTreeMap<RaftId, RaftNode>> {
        let (first, _) = self.voters.first_key_value()?;
        let voters = self.voters.iter().map(|(id, voter)| (*id, voter.node.clone()));
        (*first == self.id).then(|| voters.collect())
    }

    /// The seat of `who` among the initial voters.
    pub fn seat(&self, who: &Identity) -> Option<RaftId> {
        self.voters
            .iter()
            .find(|(_, voter)| voter.identity() == *who)
            .map(|(id, _)| *id)
    }
}

/// All that a node remembers of formation across restarts.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Memory {
    /// The attempt that it is promised to.
    pub promised: Option<Promise>,
    /// The group that it belongs to.
    pub formed: Option<Formed>,
}
