//! What goes in and out of a region's formation, and what nodes say to each other about it.

use std::collections::BTreeSet;
use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::id::{GroupId, NodeName};

use super::memory::{Formed, Identity, Memory, Promise};

/// How a region forms.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// How many voters the group has.
    pub voters: usize,
    /// The initial voters by name, all of which must answer; `None`: exactly [`Self::voters`] contacts, whoever they are.
    pub initial_voters: Option<BTreeSet<NodeName>>,
    /// How long discovery must have shown the same contacts; not asked of literal initial voters. Default 5 s.
    pub stable_margin: Duration,
    /// How often every contact is asked. Default 500 ms.
    pub ask_every: Duration,
    /// How long an attempt waits for its promises. Default 5 s.
    pub attempt_max: Duration,
}

impl Settings {
    /// Automatic formation of `voters` with the default times.
    pub fn automatic(voters: usize) -> Self {
        Self {
            voters,
            initial_voters: None,
            stable_margin: Duration::from_secs(5),
            ask_every: Duration::from_millis(500),
            attempt_max: Duration::from_secs(5),
        }
    }

    /// Formation by these nodes alone, with the default times.
    pub fn literal(names: impl IntoIterator<Item = NodeName>) -> Self {
        let names: BTreeSet<_> = names.into_iter().collect();
        Self {
            initial_voters: Some(names.clone()),
            ..Self::automatic(names.len())
        }
    }
}

/// The number of a question, counted by the one that asks. Its answer is matched by it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Seq(pub u64);

/// A question of another node, to be answered: the driver's own number for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ReplyTo(pub u64);

/// What one node asks of another. The answer to each is the other's [`Standing`] after it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Ask {
    /// Where do you stand?
    Standing,
    /// Promise yourself to this attempt, in which you would vote.
    Promise {
        /// The attempt.
        attempt: Promise,
        /// Its voters.
        voters: BTreeSet<Identity>,
    },
    /// The attempt that you are promised to succeeded: take your seat.
    Seat(Formed),
}

/// Where a node stands; what it says here is on its disk.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Standing {
    /// Who answers.
    pub who: Identity,
    /// The attempt that it is promised to.
    pub promised: Option<Promise>,
    /// The group that it belongs to.
    pub formed: Option<GroupId>,
}

/// What the driver does next, in this order.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Command {
    /// Ask the node at this contact, and tell its answer or its silence under this number.
    Ask {
        /// Where.
        contact: String,
        /// The number.
        seq: Seq,
        /// What.
        ask: Ask,
    },
    /// Answer a question.
    Reply {
        /// Which one.
        to: ReplyTo,
        /// With this.
        standing: Standing,
    },
    /// Write this to disk before anything that follows; when that fails the node stops.
    Remember(Memory),
    /// Start the replica, and begin the group if [`Formed::begins`] says so.
    Start(Formed),
    /// Ask the leader of this group, which is known at these contacts, for an id, once, and tell it when it is given.
    Join {
        /// The group.
        group: GroupId,
        /// Where it is known.
        contacts: BTreeSet<String>,
    },
    /// Tell an operator.
    Report(Trouble),
}

/// What keeps a region from forming, or should never be.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Trouble {
    /// The region has two groups.
    TwoGroups {
        /// This node's, or the lower.
        one: GroupId,
        /// The other.
        other: GroupId,
        /// Where the other is known.
        contact: String,
    },
    /// Two nodes have one name.
    SameName {
        /// The name.
        name: NodeName,
        /// One of them.
        one: String,
        /// The other.
        other: String,
    },
    /// There are more contacts than voters, so nobody knows which of them are to vote.
    TooManyContacts {
        /// Contacts.
        found: usize,
        /// Voters.
        voters: usize,
    },
    /// The other node counts on other voters than this one.
    OtherVoters {
        /// The candidate.
        candidate: NodeName,
    },
    /// This node is promised to a candidate that is silent.
    CandidateSilent {
        /// The candidate.
        candidate: NodeName,
    },
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TwoGroups { one, other, contact } => write!(
                f,
                "the region has two groups, {one} and {other} (known at {contact}); stop the nodes of the wrong one, empty their data \
                 directories and start them again: they join the other"
            ),
            Self::SameName { name, one, other } => {
                write!(
                    f,
                    "the nodes at {one} and {other} are both called {name}; give each node its own node.name"
                )
            }
            Self::TooManyContacts { found, voters } => write!(
                f,
                "discovery shows {found} contacts and the region has {voters} voters; name them in initial_voters, or start exactly \
                 {voters} nodes first"
            ),
            Self::OtherVoters { candidate } => write!(
                f,
                "the node {candidate} wants to form the region with other voters than this node is configured for; give both the \
                 same voters and initial_voters"
            ),
            Self::CandidateSilent { candidate } => write!(
                f,
                "this node is promised to the node {candidate}, which is silent; start it, with its data directory or with an empty \
                 one"
            ),
        }
    }
}

impl std::error::Error for Trouble {}
