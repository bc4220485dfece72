//! What a replica is at the moment, for whoever follows it.

use std::collections::BTreeMap;

use openraft::async_runtime::WatchReceiver;
use openraft::type_config::alias::WatchReceiverOf;
use openraft::{RaftMetrics, ServerState};
use tokio::sync::watch;

use super::error::StopCause;
use super::node::{RaftId, RaftNode};
use super::raft::Types;
use super::stop_cause;

/// What a replica is to its group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Role {
    /// It leads, as far as it knows: only committing an entry proves it.
    Leader,
    /// It votes and follows, or stands for election.
    Follower {
        /// Whom it follows.
        leader: Option<RaftNode>,
    },
    /// It follows and does not vote.
    Learner {
        /// Whom it follows.
        leader: Option<RaftNode>,
    },
    /// It takes part no longer.
    Stopped(StopCause),
}

/// What a replica knows of itself and its group; it may be behind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Status {
    /// What it is.
    pub role: Role,
    /// The term that it is in.
    pub term: u64,
    /// Who votes.
    pub voters: BTreeMap<RaftId, RaftNode>,
    /// Who follows without a vote.
    pub learners: BTreeMap<RaftId, RaftNode>,
}

impl Status {
    /// Whether it leads.
    pub fn is_leader(&self) -> bool {
        self.role == Role::Leader
    }
}

/// Keeps a [`Status`] up to date until the replica has stopped.
pub(super) fn follow(mut metrics: WatchReceiverOf<Types, RaftMetrics<Types>>) -> watch::Receiver<Status> {
    let (sender, receiver) = watch::channel(status(&metrics.borrow_watched()));
    tokio::spawn(async move {
        loop {
            let alive = metrics.changed().await.is_ok();
            let mut now = status(&metrics.borrow_watched());
            let over = !alive || matches!(now.role, Role::Stopped(_));
            if over && !matches!(now.role, Role::Stopped(_)) {
                now.role = Role::Stopped(StopCause::ShutDown);
            }
            sender.send_if_modified(|old| {
                let modified = *old != now;
                *old = now;
                modified
            });
            if over {
                return;
            }
        }
    });
    receiver
}

fn status(metrics: &RaftMetrics<Types>) -> Status {
    let membership = metrics.membership_config.membership();
    let node = |id: RaftId| membership.get_node(&id).cloned();
    let leader = metrics.current_leader.and_then(node);
    let role = match (&metrics.running_state, metrics.state) {
        (Err(fatal), _) => Role::Stopped(stop_cause(fatal)),
        (Ok(()), ServerState::Leader) => Role::Leader,
        (Ok(()), ServerState::Follower) => Role::Follower { leader },
        (Ok(()), ServerState::Candidate) => Role::Follower { leader: None },
        (Ok(()), ServerState::Learner) => Role::Learner { leader },
        (Ok(()), ServerState::Shutdown) => Role::Stopped(StopCause::ShutDown),
    };
    let named = |ids: &mut dyn Iterator<Item = RaftId>| ids.filter_map(|id| Some((id, node(id)?))).collect();
    Status {
        role,
        term: metrics.current_term,
        voters: named(&mut membership.voter_ids()),
        learners: named(&mut membership.learner_ids()),
    }
}
