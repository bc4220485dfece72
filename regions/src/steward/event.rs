//! What the steward is told, and by whom.

use std::net::SocketAddr;

use tokio::sync::oneshot;

use crate::id::{Epoch, RegionName, ResourceId};
use crate::lease::{Answer, Time};

use crate::handoff::{HandOffError, HandOffTarget, HandedOff};
use crate::status::Status;

/// Events that wait for the steward, at most; who has one more waits.
pub(crate) const EVENTS_MAX: usize = 4_096;

/// Whose request a region answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Asker {
    /// The holder's.
    Holder,
    /// The candidate's for this resource.
    Candidate(ResourceId),
    /// The lookout's, about these.
    Lookout(Vec<ResourceId>),
    /// The roster's, asked at that time.
    Roster(Time),
    /// The announcement of this node's record under this epoch of its session.
    Record(Epoch),
}

/// Something that happened.
#[derive(Debug)]
pub(crate) enum Event {
    /// A region answered.
    Answered {
        region: RegionName,
        asker: Asker,
        answer: Answer,
    },
    /// The actor of this tenure runs.
    Started { resource: ResourceId, epoch: Epoch },
    /// The actor of this tenure could not be started.
    NotStarted {
        resource: ResourceId,
        epoch: Epoch,
        reason: String,
    },
    /// The actor of this tenure is gone for good.
    Gone { resource: ResourceId, epoch: Epoch },
    /// The ref of this singleton was, or was not, led to its holder.
    Followed {
        resource: ResourceId,
        epoch: Epoch,
        led: bool,
    },
    /// A holder says that it runs this.
    Located {
        resource: ResourceId,
        epoch: Epoch,
        at: SocketAddr,
    },
    /// The session to the holder ended.
    Lost { resource: ResourceId, epoch: Epoch },
    /// A holder asks this node to take over: `after` is the epoch that ends.
    Take {
        resource: ResourceId,
        after: Epoch,
        done: oneshot::Sender<Result<HandedOff, HandOffError>>,
    },
    /// A holder says that another node goes first.
    Yield { resource: ResourceId },
    /// Somebody wants this singleton to move; another node may be asked to do it only when the wish comes from this one.
    HandOff {
        resource: ResourceId,
        target: HandOffTarget,
        may_ask: bool,
        done: oneshot::Sender<Result<HandedOff, HandOffError>>,
    },
    /// Somebody wants to know.
    Status(oneshot::Sender<Status>),
    /// The node leaves: everything is given back; told when that is done.
    Leave(oneshot::Sender<()>),
}
