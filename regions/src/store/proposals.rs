//! From many small proposals to few entries of the log.
//!
//! Proposals wait in one bounded queue. While [`IN_FLIGHT_MAX`] entries are on their way, those that wait are joined into the next
//! entry, up to [`OPS_MAX`] operations; a proposal is never split. Each has its own deadline. Whether it had reached the log by then
//! is known exactly, because the caller that gives up and the task that submits race for one word.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use openraft::errors::{ClientWriteError, RaftError};
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout_at};

use crate::lease::{OPS_MAX, Op, Outcome};

use super::error::{ProposeError, StopCause};
use super::raft::{Batch, Raft};
use super::stop_cause;

/// Proposals that wait for their turn, at most.
pub const PROPOSALS_MAX: usize = 1_024;
/// Entries on their way through the log at the same time, at most.
const IN_FLIGHT_MAX: usize = 4;

type Answer = Result<Vec<Outcome>, ProposeError>;

/// One caller's operations.
struct Proposal {
    ops: Vec<Op>,
    deadline: Instant,
    /// Set by whoever is first: the caller that gives up, or the task that submits.
    taken: Arc<AtomicBool>,
    answer: oneshot::Sender<Answer>,
}

/// Where callers leave their proposals.
#[derive(Clone)]
pub(super) struct Proposals {
    queue: mpsc::Sender<Proposal>,
}

impl Proposals {
    /// Starts the task that submits; it ends when every clone is dropped.
    pub(super) fn start(raft: Raft) -> Self {
        let (queue, waiting) = mpsc::channel(PROPOSALS_MAX);
        tokio::spawn(submit_all(raft, waiting));
        Self { queue }
    }

    pub(super) async fn propose(&self, ops: Vec<Op>, timeout: Duration) -> Answer {
        if ops.is_empty() {
            return Ok(Vec::new());
        }
        if ops.len() > OPS_MAX {
            return Err(ProposeError::TooMany(ops.len()));
        }
        let deadline = Instant::now() + timeout;
        let taken = Arc::new(AtomicBool::new(false));
        let (answer, answered) = oneshot::channel();
        let proposal = Proposal {
            ops,
            deadline,
            taken: taken.clone(),
            answer,
        };
        self.queue.try_send(proposal).map_err(|error| match error {
            mpsc::error::TrySendError::Full(_) => ProposeError::Overloaded,
            mpsc::error::TrySendError::Closed(_) => ProposeError::Stopped(StopCause::ShutDown),
        })?;
        match timeout_at(deadline, answered).await {
            Ok(Ok(answer)) => answer,
            // The submitting task is gone.
            Ok(Err(_)) => Err(ProposeError::Stopped(StopCause::ShutDown)),
            Err(_) if take(&taken) => Err(ProposeError::TimedOut),
            Err(_) => Err(ProposeError::Unknown),
        }
    }
}

/// Whether the one that asks is the first.
fn take(taken: &AtomicBool) -> bool {
    !taken.swap(true, Ordering::AcqRel)
}

async fn submit_all(raft: Raft, mut waiting: mpsc::Receiver<Proposal>) {
    let mut in_flight = JoinSet::new();
    let mut held_back = None;
    loop {
        while in_flight.len() >= IN_FLIGHT_MAX {
            in_flight.join_next().await;
        }
        let next = match held_back.take() {
            Some(proposal) => Some(proposal),
            None => waiting.recv().await,
        };
        let Some(first) = next else { break };
        while in_flight.try_join_next().is_some() {}
        let (batch, left) = gather(first, &mut waiting);
        held_back = left;
        if !batch.is_empty() {
            in_flight.spawn(submit(raft.clone(), batch));
        }
    }
}

/// Joins what waits, as much as fits; gives back the first that does not.
fn gather(first: Proposal, waiting: &mut mpsc::Receiver<Proposal>) -> (Vec<Proposal>, Option<Proposal>) {
    let mut batch = Vec::new();
    let mut ops = 0;
    let mut next = Some(first);
    while let Some(proposal) = next {
        if ops + proposal.ops.len() > OPS_MAX {
            return (batch, Some(proposal));
        }
        if take(&proposal.taken) {
            ops += proposal.ops.len();
            batch.push(proposal);
        }
        next = waiting.try_recv().ok();
    }
    (batch, None)
}

async fn submit(raft: Raft, batch: Vec<Proposal>) {
    let mut ops = Vec::new();
    let mut askers = Vec::new();
    let mut deadline = Instant::now();
    for proposal in batch {
        askers.push((proposal.ops.len(), proposal.answer));
        ops.extend(proposal.ops);
        deadline = deadline.max(proposal.deadline);
    }
    // On a leader that is cut off the write never ends; its callers have given up at their own deadlines by then.
    let written = timeout_at(deadline, raft.client_write(Batch(ops))).await;
    let outcome = match written {
        Err(_) => Err(ProposeError::Unknown),
        Ok(Ok(written)) => Ok(written.data.0),
        Ok(Err(error)) => Err(refusal(error)),
    };
    let mut outcomes = outcome.map(Vec::into_iter);
    for (ops, answer) in askers {
        let share = match &mut outcomes {
            Ok(outcomes) => Ok(outcomes.by_ref().take(ops).collect()),
            Err(error) => Err(error.clone()),
        };
        // Whoever gave up is told nothing.
        drop(answer.send(share));
    }
}

fn refusal(error: RaftError<super::raft::Types, ClientWriteError<super::raft::Types>>) -> ProposeError {
    match error {
        RaftError::APIError(ClientWriteError::ForwardToLeader(to)) => ProposeError::NotLeader(to.leader_node),
        RaftError::APIError(_) => ProposeError::Unknown,
        RaftError::Fatal(fatal) => ProposeError::Stopped(stop_cause(&fatal)),
    }
}
