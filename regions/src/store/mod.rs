//! A region's store: the acceptor of the lease protocol, replicated on the region's voters.
//!
//! [`DataDir`] is a node's disk, [`RegionStore`] its running replica. The engine behind it (openraft, with its log and snapshots in
//! redb) is not seen from outside, so that another one can take its place.
//!
//! It promises what rules 1, 2, 4, 22 and 25 of the design ask of a region:
//!
//! * an answer is what *applying* a committed entry found; entries hold at most [`OPS_MAX`](crate::lease::OPS_MAX) operations;
//! * stamps are taken when this replica applies, by its own [`RegionClock`]; a restart or a snapshot stamps everything anew;
//! * a vote and an entry are on disk before they count, and the state before its log is purged; after a failed write the replica
//!   stops and never votes again until it is started anew;
//! * the id of a replica is never given twice, and a call that is meant for another group or another replica is refused.
//!
//! It does not decide who forms a group ([`formation`](crate::formation) does), carries no bytes (a [`RaftTransport`] does), and
//! reads no wall clock.

mod disk;
mod error;
mod group;
mod machine;
mod memory;
mod node;
mod proposals;
mod raft;
mod settings;
mod status;
mod transport;

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use openraft::Instant;
use openraft::async_runtime::WatchReceiver;
use openraft::errors::{ClientWriteError, Fatal, InitializeError, LinearizableReadError, RaftError};
use openraft::{ChangeMembers, ReadPolicy};
use tokio::sync::watch;

use crate::id::GroupId;
use crate::lease::{Acceptor, Answer, Judgement, Op, Outcome, Reply, Request, Stamps, Time};

use self::group::Step;
use self::proposals::Proposals;
use self::raft::incoming::Incoming;
use self::raft::log::Log;
use self::raft::outgoing::Network;
use self::raft::state::StateMachine;
use self::raft::{Raft, Types};

pub use self::disk::{DataDir, Owner};
pub use self::error::{GroupError, OpenError, ProposeError, StartError, StopCause};
pub use self::memory::MemoryNetwork;
pub use self::node::{RaftId, RaftNode};
pub use self::proposals::PROPOSALS_MAX;
pub use self::settings::{RaftTiming, SNAPSHOT_EVERY, TimingError};
pub use self::status::{Role, Status};
pub use self::transport::{RPC_BYTES_MAX, RaftTransport, RpcFuture, RpcKind, TransportError};

/// Reads the region's clock: the *smaller* of `CLOCK_MONOTONIC` and `CLOCK_MONOTONIC_RAW` elapsed (rule 16). Whoever owns the
/// clocks of the host hands it in.
pub type RegionClock = Arc<dyn Fn() -> Time + Send + Sync>;

/// What became of a replica that asked to be admitted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Admission {
    /// It votes.
    Voter,
    /// It follows the log and votes when a seat falls free; to be asked again from time to time.
    Learner,
}

/// A running replica of the region's group. Clones are the same replica.
#[derive(Clone)]
pub struct RegionStore {
    inner: Arc<Inner>,
}

struct Inner {
    group: GroupId,
    id: RaftId,
    raft: Raft,
    state: StateMachine,
    incoming: Incoming,
    proposals: Proposals,
    status: watch::Receiver<Status>,
    timing: RaftTiming,
    writer: disk::Writer,
}

impl RegionStore {
    /// Starts the replica that `dir` remembers, on the current tokio runtime.
    ///
    /// # Errors
    ///
    /// [`StartError`]; the directory is closed then, and is as it was.
    pub async fn start(
        dir: DataDir,
        timing: RaftTiming,
        transport: Arc<dyn RaftTransport>,
        clock: RegionClock,
    ) -> Result<Self, StartError> {
        let (formed, loaded, writer) = dir.into_parts();
        let (group, id) = formed
            .map(|formed| (formed.group, formed.id))
            .ok_or(StartError::NotFormed)?;
        let config = timing.config(group.to_string()).map_err(StartError::Timing)?;
        let disk_failed =
            |error: std::io::Error| StartError::Stopped(StopCause::Disk(error.to_string().into()));
        let state = StateMachine::load(loaded.snapshot, clock, writer.clone()).map_err(disk_failed)?;
        let log = Log::new(
            loaded.vote,
            loaded.committed,
            loaded.purged,
            loaded.entries,
            writer.clone(),
        );
        let network = Network { group, id, transport };
        let raft = Raft::new(id, Arc::new(config), network, log, state.clone())
            .await
            .map_err(|fatal| StartError::Stopped(stop_cause(&fatal)))?;
        let inner = Inner {
            group,
            id,
            incoming: Incoming::new(group, id, raft.clone()),
            proposals: Proposals::start(raft.clone()),
            status: status::follow(raft.metrics()),
            raft,
            state,
            timing,
            writer,
        };
        Ok(Self {
            inner: Arc::new(inner),
        })
    }

    /// Begins a group that has just formed, with these voters. On a group that has begun already it does nothing.
    ///
    /// One replica of a new group begins it. The first operation that its leader then proposes is
    /// [`Act::Form`](crate::lease::Act::Form).
    ///
    /// # Errors
    ///
    /// [`GroupError::Stopped`].
    ///
    /// # Panics
    ///
    /// When this replica is not one of `voters`.
    pub async fn begin(&self, voters: BTreeMap<RaftId, RaftNode>) -> Result<(), GroupError> {
        assert!(
            voters.contains_key(&self.inner.id),
            "a replica begins a group that it votes in"
        );
        match self.inner.raft.initialize(voters).await {
            Ok(())
            | Err(RaftError::APIError(InitializeError::NotAllowed(_) | InitializeError::NotInMembers(_))) => {
                Ok(())
            }
            Err(RaftError::Fatal(fatal)) => Err(GroupError::Stopped(stop_cause(&fatal))),
        }
    }

    /// The group.
    pub fn group(&self) -> GroupId {
        self.inner.group
    }

    /// This replica.
    pub fn id(&self) -> RaftId {
        self.inner.id
    }

    /// What this replica is now.
    pub fn status(&self) -> Status {
        self.inner.status.borrow().clone()
    }

    /// Follows what this replica is.
    pub fn watch_status(&self) -> watch::Receiver<Status> {
        self.inner.status.clone()
    }

    /// Follows the index of the last entry that this replica applied.
    pub fn watch_applied(&self) -> watch::Receiver<u64> {
        self.inner.state.watch()
    }

    /// Looks at this replica's state, stamps and clock; nothing is applied meanwhile, so `look` must be short. The state may be behind.
    pub fn read<T>(&self, look: impl FnOnce(&Acceptor, &mut Stamps, Time) -> T) -> T {
        self.inner
            .state
            .with(|machine, now| look(&machine.acceptor, &mut machine.stamps, now))
    }

    /// Answers `request` as the region's leader: judges it by this replica's clock and, if need be, puts it into the log.
    ///
    /// # Errors
    ///
    /// [`ProposeError`] says whether anything may come of it yet.
    ///
    /// # Cancel safety
    ///
    /// When dropped, the operation may have reached the log or not.
    pub async fn ask(&self, request: &Request, timeout: Duration) -> Result<Answer, ProposeError> {
        match self.status().role {
            Role::Leader => {}
            Role::Follower { leader } | Role::Learner { leader } => {
                return Err(ProposeError::NotLeader(leader));
            }
            Role::Stopped(cause) => return Err(ProposeError::Stopped(cause)),
        }
        let reply = match self.inner.state.with(|machine, now| machine.judge(request, now)) {
            Judgement::Answer(reply) => reply,
            Judgement::Propose(op) => {
                let mut outcomes = self.propose(vec![op], timeout).await?;
                Reply::Done(outcomes.pop().ok_or(ProposeError::Unknown)?)
            }
        };
        Ok(self.read(|acceptor, _, _| Answer::new(acceptor, request, reply)))
    }

    /// Puts operations into the log, all in one entry, and gives what applying them found, in their order.
    ///
    /// # Errors
    ///
    /// [`ProposeError`] says whether anything may come of it yet: with [`ProposeError::Unknown`] it may, however much later.
    ///
    /// # Cancel safety
    ///
    /// When dropped, the operations may have reached the log or not.
    pub async fn propose(&self, ops: Vec<Op>, timeout: Duration) -> Result<Vec<Outcome>, ProposeError> {
        let outcomes = self.inner.proposals.propose(ops, timeout).await;
        match (outcomes, self.status().role) {
            // The stopped engine no longer says why.
            (Err(ProposeError::Stopped(_)), Role::Stopped(cause)) => Err(ProposeError::Stopped(cause)),
            (outcomes, _) => outcomes,
        }
    }

    /// Returns when this replica has applied everything that was committed in the group before the call; a majority confirms it.
    ///
    /// # Errors
    ///
    /// [`GroupError`]; nothing changed.
    pub async fn confirm(&self, timeout: Duration) -> Result<(), GroupError> {
        let raft = &self.inner.raft;
        match tokio::time::timeout(timeout, raft.ensure_linearizable(ReadPolicy::ReadIndex)).await {
            Ok(Ok(_)) => Ok(()),
            Ok(Err(RaftError::APIError(LinearizableReadError::ForwardToLeader(to)))) => {
                Err(GroupError::NotLeader(to.leader_node))
            }
            Ok(Err(RaftError::APIError(_))) => Err(GroupError::NotLeader(None)),
            Ok(Err(RaftError::Fatal(fatal))) => Err(GroupError::Stopped(stop_cause(&fatal))),
            Err(_) => Err(GroupError::Unknown(timeout)),
        }
    }

    /// Gives an id for a new replica, as the leader: the place of a blank entry in the log, so never the same again.
    ///
    /// # Errors
    ///
    /// [`GroupError`]; an id may be lost, which is harmless.
    pub async fn assign_id(&self, timeout: Duration) -> Result<RaftId, GroupError> {
        let written = tokio::time::timeout(timeout, self.inner.raft.write_blank()).await;
        let written = written
            .map_err(|_| GroupError::Unknown(timeout))?
            .map_err(change_error)?;
        Ok(RaftId::assigned(written.log_id.index))
    }

    /// Makes the replica `id` a learner and then, when it has caught up and one of `seats` is free, a voter, as the leader.
    ///
    /// It takes the seat of a voter of the same name that does not answer: the same node before its disk was wiped. Asking again is
    /// always right.
    ///
    /// # Errors
    ///
    /// [`GroupError`] says what to do.
    pub async fn admit(
        &self,
        id: RaftId,
        node: RaftNode,
        seats: usize,
        timeout: Duration,
    ) -> Result<Admission, GroupError> {
        let change = self.admit_steps(id, node, seats);
        tokio::time::timeout(timeout, change)
            .await
            .unwrap_or(Err(GroupError::Unknown(timeout)))
    }

    async fn admit_steps(&self, id: RaftId, node: RaftNode, seats: usize) -> Result<Admission, GroupError> {
        let Inner { raft, status, .. } = &*self.inner;
        let decide = || {
            let voters = status
                .borrow()
                .voters
                .iter()
                .map(|(id, node)| (*id, node.name.clone()))
                .collect();
            group::admit(&voters, &self.answering(), seats, id, &node.name)
        };
        match decide() {
            Step::Votes => return Ok(Admission::Voter),
            Step::NameInUse(former) => return Err(GroupError::NameInUse { id: former, node }),
            Step::Waits | Step::Seat(_) => {}
        }
        if !status.borrow().learners.contains_key(&id) {
            raft.add_learner(id, node.clone(), true)
                .await
                .map_err(change_error)?;
        }
        match decide() {
            Step::Votes => Ok(Admission::Voter),
            Step::Waits => Ok(Admission::Learner),
            Step::NameInUse(former) => Err(GroupError::NameInUse { id: former, node }),
            Step::Seat(voters) => {
                let change = ChangeMembers::ReplaceAllVoters(voters);
                raft.change_membership(change, false)
                    .await
                    .map_err(change_error)?;
                Ok(Admission::Voter)
            }
        }
    }

    /// The replicas that the leader has heard from within the longest election time-out.
    fn answering(&self) -> BTreeSet<RaftId> {
        let metrics = self.inner.raft.metrics();
        let metrics = metrics.borrow_watched();
        let recent = self.inner.timing.election_max;
        let heard = metrics.heartbeat.iter().flatten();
        let heard = heard.filter(|(_, at)| at.as_ref().is_some_and(|at| at.elapsed() <= recent));
        heard.map(|(id, _)| *id).chain([self.inner.id]).collect()
    }

    /// Answers a call of another replica, which came over a [`RaftTransport`]. The bytes may be anything; a refusal is an answer too.
    pub async fn handle_rpc(&self, kind: RpcKind, bytes: &[u8]) -> Vec<u8> {
        self.inner.incoming.handle(kind, bytes).await
    }

    /// Stops the replica and lets go of its data directory.
    pub async fn shutdown(&self) {
        if self.inner.raft.shutdown().await.is_err() {
            tracing::error!(id = %self.inner.id, "the replica had panicked before it was shut down");
        }
        self.inner.writer.close().await;
    }
}

impl fmt::Debug for RegionStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RegionStore")
            .field("group", &self.inner.group)
            .field("id", &self.inner.id)
            .finish_non_exhaustive()
    }
}

fn stop_cause(fatal: &Fatal<Types>) -> StopCause {
    match fatal {
        Fatal::StorageError(error) => StopCause::Disk(error.to_string().into()),
        Fatal::Panicked => StopCause::Panicked,
        Fatal::Stopped => StopCause::ShutDown,
    }
}

fn change_error(error: RaftError<Types, ClientWriteError<Types>>) -> GroupError {
    match error {
        RaftError::APIError(ClientWriteError::ForwardToLeader(to)) => GroupError::NotLeader(to.leader_node),
        RaftError::APIError(_) => GroupError::Busy,
        RaftError::Fatal(fatal) => GroupError::Stopped(stop_cause(&fatal)),
    }
}
