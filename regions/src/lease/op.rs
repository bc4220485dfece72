//! What a region's log holds: operations, and the outcome that applying each of them gives.
//!
//! An entry of the log carries up to [`OPS_MAX`] operations. Their effect depends on the replicated state alone; time enters only as
//! [`Evidence`], judged by whoever proposes.

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::id::{
    ConfigVersion, Epoch, GroupId, Incarnation, NodeName, RegionName, ResourceId, ResourceName, Round,
    ScopeKind, Uid,
};

use super::config::Configuration;

/// Operations in one entry of the log, at most; those beyond are refused.
pub const OPS_MAX: usize = 256;
/// Grants named in one list, at most.
pub const LISTED_MAX: usize = 65_536;
/// Resources that one region keeps, at most.
pub const RESOURCES_MAX: usize = 1 << 20;
/// Names of singletons whose scope one region keeps, at most.
pub const NAMES_MAX: usize = if cfg!(test) { 1 << 6 } else { 1 << 20 };
/// Bytes of a [`MemberRecord`]'s addresses and opaque part together, at most.
pub const RECORD_BYTES_MAX: usize = 4_096;
/// The longest lock-delay.
pub const LOCK_DELAY_MAX: Duration = Duration::from_mins(1);
/// How far a round may lie above every round that the region knows.
pub const ROUND_GAP_MAX: u64 = 1 << 32;

/// Where an operation stands in a region's log. Never the entry alone: two operations of one entry differ.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Index {
    /// The entry.
    pub log: u64,
    /// The operation's place in the entry.
    pub position: u32,
}

impl fmt::Display for Index {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.log, self.position)
    }
}

/// Whom a message is for: one group, under one version of the set of regions. Both are compared when the operation applies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Binding {
    /// The version of the set of regions that the sender goes by.
    pub config: ConfigVersion,
    /// The group that the sender means.
    pub group: GroupId,
}

/// What a proposer saw of a grant when it judged that grant expired. Apply clears the grant only if both parts are unchanged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Evidence {
    /// Where the grant was made or last restamped by a list.
    pub granted: Index,
    /// Where its owner last renewed.
    pub renewed: Option<Index>,
}

/// What a renewal must name to apply: the region's memory, and the point where a grant of this owner was last cleared for another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Standing {
    /// The region's unbroken memory.
    pub incarnation: Incarnation,
    /// Where the set of the owner's grants last changed against its will, or began.
    pub set_version: Index,
}

/// What an Accept asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tenancy {
    /// The round in which the grant is asked; it may rise while the epoch stays.
    pub round: Round,
    /// The tenure that the grant belongs to.
    pub epoch: Epoch,
    /// How long the grant lasts from each renewal on; fixed at the epoch's first Accept.
    pub term: Duration,
    /// How much longer the region waits after an expiry; fixed at the epoch's first Accept.
    pub lock_delay: Duration,
}

/// The scope of a name, as a region's catalogue has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Declared {
    /// The scope; written once, and kept until the name is removed or a majority of regions turns out to have the other one.
    pub kind: ScopeKind,
    /// Whether a majority of regions is known to have the same, so that no other scope can ever be agreed on.
    pub settled: bool,
}

/// What a node tells its region about itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MemberRecord {
    /// The node; its session must be held by the teller.
    pub node: NodeName,
    /// Where it listens, as `host:port`, in order of preference.
    pub addresses: Vec<String>,
    /// Its share of the singletons, relative to other nodes; 0 takes none.
    pub weight: u32,
    /// Whether it is on its way out and takes nothing new.
    pub draining: bool,
    /// Whatever the layers above want to tell.
    pub opaque: Vec<u8>,
}

impl MemberRecord {
    /// Whether it is within [`RECORD_BYTES_MAX`].
    pub fn fits(&self) -> bool {
        let bytes = self.addresses.iter().map(String::len).sum::<usize>() + self.opaque.len();
        bytes <= RECORD_BYTES_MAX
    }
}

/// An operation in the log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Op {
    /// Whom it is for.
    pub binding: Binding,
    /// Who asks.
    pub uid: Uid,
    /// What is asked.
    pub act: Act,
}

/// What an operation does.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Act {
    /// Begins the region's state; the first operation of a group.
    Form {
        /// The region.
        region: RegionName,
        /// Its configuration of version 0.
        config: Configuration,
        /// Its new memory.
        incarnation: Incarnation,
    },
    /// Accepts the first common configuration, once for ever.
    AcceptConfig(Configuration),
    /// Makes the accepted configuration the current one; asked only after every region accepted it.
    ActivateConfig(Configuration),
    /// Promises to hear nothing lower than `round` about `resource`.
    Promise {
        /// What it is about.
        resource: ResourceId,
        /// The round.
        round: Round,
        /// Why a grant of somebody else is over, when there is one.
        evidence: Option<Evidence>,
    },
    /// Grants `resource`.
    Accept {
        /// What it is about.
        resource: ResourceId,
        /// The grant.
        tenancy: Tenancy,
    },
    /// Promises and grants in one step: enough where one region decides.
    Claim {
        /// What it is about; never global.
        resource: ResourceId,
        /// The round, which becomes the epoch.
        round: Round,
        /// As for an Accept.
        term: Duration,
        /// As for an Accept.
        lock_delay: Duration,
        /// As for a Promise.
        evidence: Option<Evidence>,
    },
    /// Extends every grant of the owner that is there.
    Renew(Standing),
    /// Restamps each named grant that is there and tells the rest.
    List(Vec<(ResourceId, Epoch)>),
    /// Gives a grant back.
    Release {
        /// What it is about.
        resource: ResourceId,
        /// The newest epoch that is given back.
        epoch: Epoch,
        /// The highest round that was ever used for it.
        top: Round,
    },
    /// Stores what a member says of itself.
    Announce(MemberRecord),
    /// Forgets a resource, and with it the scope of its name; a grant of it stays until it is released or expires.
    Remove(ResourceId),
    /// Writes the scope of a name, if it has none.
    Declare(ResourceName, ScopeKind),
    /// Writes the scope that a majority of regions has for a name; asked only by who heard it from a majority.
    Settle(ResourceName, ScopeKind),
}

/// What applying an operation found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub enum Outcome {
    /// The region's state began.
    Formed,
    /// The first common configuration is accepted, now or before.
    ConfigAccepted,
    /// The first common configuration is current, now or before.
    ConfigActive,
    /// The round is promised, now or before.
    Promised {
        /// The owner whose expired grant was cleared for it.
        cleared: Option<Uid>,
    },
    /// The grant stands.
    Accepted {
        /// What a renewal must name to extend it.
        standing: Standing,
        /// The owner whose expired grant a Claim cleared for it.
        cleared: Option<Uid>,
    },
    /// Every grant of the owner that was there is extended.
    Renewed,
    /// The renewal named another standing and did nothing.
    Mismatch {
        /// The region's memory.
        incarnation: Incarnation,
        /// The owner's; `None` when it has no grant here.
        set_version: Option<Index>,
    },
    /// The named grants that are there are restamped.
    Listed {
        /// Named, and there.
        present: Vec<(ResourceId, Epoch)>,
        /// There, but not named.
        extra: Vec<(ResourceId, Epoch)>,
        /// The region's memory.
        incarnation: Incarnation,
        /// The owner's; `None` when it has no grant here.
        set_version: Option<Index>,
    },
    /// Nothing of that epoch or a lower one is there any more.
    Released {
        /// Whether there was.
        cleared: bool,
    },
    /// The record is stored.
    Announced,
    /// The resource is forgotten, or will be when its grant ends.
    Removed,
    /// The scope that the name has here, which is the one asked for or another.
    Declared(Declared),
    /// Nothing changed.
    Refused(Refusal),
}

/// Why an operation changed nothing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub enum Refusal {
    /// The group has not formed its state yet.
    Unformed,
    /// The group formed before; it never forms again.
    FormedBefore,
    /// The message means another group of this region, or another cluster: never to be retried.
    OtherGroup(GroupId),
    /// The sender goes by an older set of regions; here is the current one.
    Outdated(Box<Configuration>),
    /// The sender goes by a newer set of regions than this region has adopted.
    Ahead(ConfigVersion),
    /// Regions do not vote together before the first common configuration is active.
    Inactive,
    /// The first common configuration is another one, or it does not list this group: for an operator.
    OtherConfig(Box<Configuration>),
    /// No such configuration was accepted here.
    NotAccepted,
    /// The resource belongs to another region, or needs every region where one was asked.
    OtherScope,
    /// The name is that of a singleton of this other scope here.
    ScopeDiffers(ScopeKind),
    /// It is not known here that a majority of regions has the name as regional; until then no region grants it.
    NotSettled,
    /// A higher round, or this one of somebody else, is promised.
    RoundTooLow {
        /// The promised round.
        promised: Round,
    },
    /// The round is out of reach of every round known here, or of another configuration version.
    RoundTooHigh,
    /// The epoch is above the round.
    EpochTooHigh,
    /// The grant was renewed or changed since it was judged expired, or never judged.
    StaleEvidence,
    /// Somebody else holds the grant.
    Held {
        /// Its owner.
        uid: Uid,
        /// Its epoch.
        epoch: Epoch,
    },
    /// A grant of the same owner under this other epoch stands in the way.
    OwnEpoch(Epoch),
    /// Term and lock-delay differ from those of the epoch's first Accept.
    OtherTerm,
    /// The term is above the configuration's, or the lock-delay above [`LOCK_DELAY_MAX`].
    TermTooLong,
    /// The teller does not hold the node's session.
    NoSession,
    /// A named bound is reached.
    TooMany,
}
