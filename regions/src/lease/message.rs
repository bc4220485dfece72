//! What nodes and regions say to each other about leases.
//!
//! A [`Request`] goes from one process life to one region; its [`Answer`] repeats the sequence number. Both carry a [`Binding`]. How they
//! travel, and which process of a region answers, is not here.

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::id::{Epoch, ResourceId, ResourceName, Round, ScopeKind, Uid};

use super::config::Configuration;
use super::op::{Binding, Declared, MemberRecord, Outcome, Standing, Tenancy};

/// Resources in one probe, at most.
pub const PROBED_MAX: usize = 1_024;

/// The number of a request, counted by the machine that sent it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Seq(pub u64);

impl fmt::Display for Seq {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "#{}", self.0)
    }
}

/// A request to a region.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Request {
    /// Whom it is for.
    pub binding: Binding,
    /// Who asks.
    pub uid: Uid,
    /// Repeated in the answer.
    pub seq: Seq,
    /// What is asked.
    pub ask: Ask,
}

/// What is asked of a region.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Ask {
    /// How do these resources look? Reads only; at most [`PROBED_MAX`].
    Probe(Vec<ResourceId>),
    /// Promise me this round, unless the resource is held.
    Prepare {
        /// What it is about.
        resource: ResourceId,
        /// The round.
        round: Round,
    },
    /// Grant me this.
    Accept {
        /// What it is about.
        resource: ResourceId,
        /// The grant.
        tenancy: Tenancy,
    },
    /// Promise and grant at once, unless the resource is held: where one region decides.
    Claim {
        /// What it is about; never global.
        resource: ResourceId,
        /// The round, which becomes the epoch.
        round: Round,
        /// How long the grant lasts from each renewal on.
        term: Duration,
        /// How much longer the region waits after an expiry.
        lock_delay: Duration,
    },
    /// Extend everything of mine.
    Renew(Standing),
    /// Restamp these and tell me what you have.
    List(Vec<(ResourceId, Epoch)>),
    /// Take this back.
    Release {
        /// What it is about.
        resource: ResourceId,
        /// The newest epoch that is given back.
        epoch: Epoch,
        /// The highest round that was ever used for it.
        top: Round,
    },
    /// Store this about me.
    Announce(MemberRecord),
    /// Who is in this region? Reads only.
    Members,
    /// Who holds what? Reads only.
    Tenants,
    /// Accept the first common configuration.
    AcceptConfig(Configuration),
    /// Every region accepted it: go by it.
    ActivateConfig(Configuration),
    /// Forget this resource; a grant of it stays until it is released or expires.
    Remove(ResourceId),
    /// Write this scope of the name, if it has none, and tell me which it has.
    Declare(ResourceName, ScopeKind),
    /// A majority of regions has this scope for the name: go by it.
    Settle(ResourceName, ScopeKind),
}

/// A region's answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Answer {
    /// By whom, and under which version of the set of regions, it is given.
    pub binding: Binding,
    /// Of the request.
    pub seq: Seq,
    /// What is answered.
    pub reply: Reply,
}

/// What a region answers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub enum Reply {
    /// What applying the operation found.
    Done(Outcome),
    /// Somebody else holds it; nothing was recorded.
    Busy(Live),
    /// To a probe, in its order.
    Looks(Vec<Look>),
    /// To [`Ask::Members`].
    Members(Vec<Member>),
    /// To [`Ask::Tenants`].
    Tenants(Vec<Tenant>),
}

/// A grant that the answering replica does not judge expired.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Live {
    /// Its owner.
    pub uid: Uid,
    /// Its epoch.
    pub epoch: Epoch,
    /// How long until it expires if it is not renewed, on the region's clock: a hint.
    pub remaining: Duration,
}

/// How a resource looks to a replica, which may be behind.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Look {
    /// The highest round promised, and so the floor when the resource is unknown.
    pub promised: Round,
    /// A live grant of somebody other than the prober.
    pub live: Option<Live>,
    /// The age of the last promise to somebody other than the prober; `None` when it is not known, and then it is old.
    pub promise_age: Option<Duration>,
    /// The scope of the name, if the region has one.
    pub declared: Option<Declared>,
}

/// A row of a region's member table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Member {
    /// The process life that holds the session.
    pub uid: Uid,
    /// The session's resource: its name is the node's.
    pub session: ResourceId,
    /// The session's epoch.
    pub epoch: Epoch,
    /// What the node told about itself.
    pub record: Option<MemberRecord>,
    /// Whether the answering replica judges the session live.
    pub live: bool,
}

/// A row of the table of grants.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tenant {
    /// What is held.
    pub resource: ResourceId,
    /// By whom.
    pub uid: Uid,
    /// Under which epoch.
    pub epoch: Epoch,
    /// Whether the answering replica judges the grant live.
    pub live: bool,
}
