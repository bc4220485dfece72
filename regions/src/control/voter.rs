//! The actor by which a node speaks for its region: lease requests of all nodes, and the calls of its group's replicas.
//!
//! It decides nothing: what comes in goes to the replica, in a task of its own so that a slow disk keeps nobody else waiting, and what the
//! replica says goes back. Requests under way are bounded; one too many is answered at once.

use std::sync::Arc;
use std::time::Duration;

use quorate::prelude::*;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, watch};

use crate::formation::{Ask, RegionView};
use crate::id::NodeName;
use crate::lease::Request;
use crate::store::{ProposeError, RaftId, RaftNode, RegionStore, RpcKind};

use super::group::{self, GroupEvent};

/// Requests that one voter works on at a time, at most.
const UNDER_WAY_MAX: usize = 1_024;

/// The name under which every node has one.
pub(crate) static VOTER: Name<Voter> = Name::new("quorate.voter");

/// The replica of this node, from the moment on when it has one.
pub(crate) type Replica = watch::Receiver<Option<RegionStore>>;

/// What a voter says to a lease request.
#[message]
pub(crate) enum LeaseReply {
    /// The region's answer, as postcard.
    Answer(Vec<u8>),
    /// Somebody else leads the region, at this address as far as is known.
    NotLeader(Option<String>),
    /// The region cannot answer now: the caller may try again.
    Unavailable,
    /// The request cannot be read.
    Malformed,
}

/// What a replica says to another one.
#[message]
pub(crate) enum RaftReply {
    /// Its answer.
    Answer(Vec<u8>),
    /// This node has no replica, or too much to do.
    Unavailable,
    /// There is no call of that kind.
    Malformed,
}

/// What the leader says to a node that wants to take part in the group.
#[message]
pub(crate) enum EnrolReply {
    /// This is the id of its replica.
    Assigned(u64),
    /// Its replica votes.
    Voter,
    /// Its replica follows, and votes when a seat falls free.
    Learner,
    /// Never, for this reason.
    Refused(String),
    /// Ask again, or ask another one.
    Unavailable,
}

/// What a voter is made of; the same for every incarnation of the actor.
#[derive(Clone)]
pub(crate) struct Seat {
    pub(crate) replica: Replica,
    /// How long a request may take the region.
    pub(crate) timeout: Duration,
    /// How many voters the region has.
    pub(crate) seats: usize,
    pub(crate) group: mpsc::Sender<GroupEvent>,
}

/// Speaks for the region.
#[actor(mailbox = 1024)]
pub(crate) struct Voter {
    seat: Seat,
    under_way: Arc<Semaphore>,
    /// Calls of other replicas under way: lease requests that wait for a leader must not keep one from being elected.
    calls: Arc<Semaphore>,
}

#[actor(name = "quorate-regions::Voter")]
impl Voter {
    #[init]
    fn new(seat: Seat) -> Self {
        Self {
            seat,
            under_way: Arc::new(Semaphore::new(UNDER_WAY_MAX)),
            calls: Arc::new(Semaphore::new(UNDER_WAY_MAX)),
        }
    }

    /// A request about leases, as postcard.
    pub(crate) fn lease(&mut self, request: &[u8], reply: ReplyPort<LeaseReply>) {
        let Ok(request) = postcard::from_bytes::<Request>(request) else {
            return reply.send(LeaseReply::Malformed);
        };
        let Some((replica, permit)) = self.admit(&self.under_way) else {
            return reply.send(LeaseReply::Unavailable);
        };
        let timeout = self.seat.timeout;
        tokio::spawn(async move {
            reply.send(answer(&replica, &request, timeout).await);
            drop(permit);
        });
    }

    /// A call of another replica of the group.
    pub(crate) fn raft(&mut self, kind: u8, body: Vec<u8>, reply: ReplyPort<RaftReply>) {
        let Some(kind) = RpcKind::from_code(kind) else {
            return reply.send(RaftReply::Malformed);
        };
        let Some((replica, permit)) = self.admit(&self.calls) else {
            return reply.send(RaftReply::Unavailable);
        };
        tokio::spawn(async move {
            reply.send(RaftReply::Answer(replica.handle_rpc(kind, &body).await));
            drop(permit);
        });
    }

    /// A question about the formation of the region, as postcard; so is the answer.
    pub(crate) fn form(&mut self, ask: Vec<u8>, reply: ReplyPort<Vec<u8>>) {
        if let Ok(ask) = postcard::from_bytes::<Ask>(&ask) {
            // A group with too much to do drops the question, and the port says so to the asker.
            drop(self.seat.group.try_send(GroupEvent::Ask(ask, reply)));
        }
    }

    /// A node wants an id in the group, or a seat for the replica `id`.
    pub(crate) fn enrol(
        &mut self,
        name: String,
        address: String,
        id: Option<u64>,
        reply: ReplyPort<EnrolReply>,
    ) {
        let (Some((replica, permit)), Ok(name)) = (self.admit(&self.under_way), NodeName::new(&name)) else {
            return reply.send(EnrolReply::Unavailable);
        };
        let seats = self.seat.seats;
        tokio::spawn(async move {
            reply.send(group::enrol(&replica, RaftNode { name, address }, id.map(RaftId), seats).await);
            drop(permit);
        });
    }

    /// What this region's log has made of it, as postcard; empty before it has formed.
    pub(crate) fn view(&mut self) -> Vec<u8> {
        let view = self
            .seat
            .replica
            .borrow()
            .as_ref()
            .and_then(|replica| replica.read(|acceptor, _, _| RegionView::of(acceptor)));
        view.and_then(|view| postcard::to_stdvec(&view).ok())
            .unwrap_or_default()
    }

    fn admit(&self, to: &Arc<Semaphore>) -> Option<(RegionStore, OwnedSemaphorePermit)> {
        let replica = self.seat.replica.borrow().clone()?;
        Some((replica, Arc::clone(to).try_acquire_owned().ok()?))
    }
}

async fn answer(replica: &RegionStore, request: &Request, timeout: Duration) -> LeaseReply {
    match replica.ask(request, timeout).await {
        Ok(answer) => postcard::to_stdvec(&answer).map_or(LeaseReply::Unavailable, LeaseReply::Answer),
        Err(ProposeError::NotLeader(leader)) => {
            LeaseReply::NotLeader(leader.map(|RaftNode { address, .. }| address))
        }
        // Not known to be done, perhaps done: the caller asks again, and every request may be asked again.
        Err(_) => LeaseReply::Unavailable,
    }
}
