//! Who takes part in a region's Raft group.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::id::NodeName;

/// Ids above this one are handed out to joiners: this plus the log index of a blank entry. Initial voters count from 1.
///
/// A log index is committed once, so no id is ever given twice, and none of them can be that of an initial voter.
const ASSIGNED_ABOVE: u64 = 1 << 32;

/// The number of a replica in its group, never used again.
///
/// It belongs to a data directory: a node whose disk was wiped is a new replica with a new id.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct RaftId(pub u64);

impl RaftId {
    /// The id of the initial voter at `position` (from 0) in the order of names.
    pub const fn initial(position: u32) -> Self {
        Self(position as u64 + 1)
    }

    /// The id that the blank entry at `index` of the log gives away.
    pub(super) const fn assigned(index: u64) -> Self {
        Self(ASSIGNED_ABOVE + index)
    }
}

impl From<u64> for RaftId {
    fn from(id: u64) -> Self {
        Self(id)
    }
}

impl fmt::Display for RaftId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.checked_sub(ASSIGNED_ABOVE) {
            Some(index) => write!(f, "r+{index}"),
            None => write!(f, "r{}", self.0),
        }
    }
}

/// A replica as the group's membership knows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RaftNode {
    /// The node it runs on.
    pub name: NodeName,
    /// Where the node listened when it joined, as `host:port`. A transport that knows better goes by the name.
    pub address: String,
}

impl fmt::Display for RaftNode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}@{}", self.name, self.address)
    }
}

/// What openraft's storage suite needs; it never looks at it.
#[cfg(test)]
impl Default for RaftNode {
    fn default() -> Self {
        let name = NodeName::new("suite").expect("a plain word is a name");
        Self {
            name,
            address: String::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_assigned_id_is_no_initial_one() {
        assert!((0..1_000).all(|position| RaftId::initial(position) < RaftId::assigned(0)));
        assert_eq!(RaftId::assigned(7).to_string(), "r+7");
        assert_eq!(RaftId::initial(0).to_string(), "r1");
    }
}
