//! The timing of a region's Raft group.

use std::fmt;
use std::time::Duration;

use openraft::{Config, SnapshotPolicy};

/// Entries between two snapshots by default.
pub const SNAPSHOT_EVERY: u64 = 1_000;
/// Entries that stay in the log after a snapshot holds them, so that a replica that was away shortly needs no snapshot.
const LOG_KEPT: u64 = 200;
/// Entries in one message between replicas, at most.
const ENTRIES_PER_RPC_MAX: u64 = 64;
/// How long the leader waits for the answer to one snapshot.
const SNAPSHOT_TIMEOUT_MS: u64 = 10_000;

/// When a follower misses its leader, and how often the log is cut.
///
/// The engine waits out the lost leader's lease, which is the longest election time-out, before anybody stands: the next one leads
/// after between `election_max + election_min` and `2 * election_max`, and two rounds of calls. That is at most about 2.5 s by default.
/// A renewal that was due when the leader was lost has `3/4 * term - stop budget` left, 2.6 s at a term of 4 s; a shorter term needs a
/// shorter `election_max`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RaftTiming {
    /// How often a leader makes itself heard. Default 100 ms.
    pub heartbeat: Duration,
    /// The shortest silence after which a follower stands for election. Default 400 ms.
    pub election_min: Duration,
    /// The longest. Default 1200 ms.
    pub election_max: Duration,
    /// Entries between two snapshots. Default [`SNAPSHOT_EVERY`].
    pub snapshot_every: u64,
}

impl Default for RaftTiming {
    fn default() -> Self {
        Self {
            heartbeat: Duration::from_millis(100),
            election_min: Duration::from_millis(400),
            election_max: Duration::from_millis(1_200),
            snapshot_every: SNAPSHOT_EVERY,
        }
    }
}

impl RaftTiming {
    /// Whether the parts fit together.
    ///
    /// # Errors
    ///
    /// [`TimingError`] names the part that does not.
    pub fn check(&self) -> Result<(), TimingError> {
        let Self {
            heartbeat,
            election_min,
            election_max,
            snapshot_every,
        } = *self;
        if heartbeat < Duration::from_millis(10) {
            return Err(TimingError::HeartbeatTooShort(heartbeat));
        }
        if election_min < 2 * heartbeat {
            return Err(TimingError::ElectionTooShort {
                heartbeat,
                election_min,
            });
        }
        if election_max <= election_min {
            return Err(TimingError::ElectionEmpty {
                election_min,
                election_max,
            });
        }
        if snapshot_every == 0 {
            return Err(TimingError::NoSnapshots);
        }
        Ok(())
    }

    pub(super) fn config(&self, group: String) -> Result<Config, TimingError> {
        self.check()?;
        let config = Config {
            cluster_name: group,
            heartbeat_interval: millis(self.heartbeat),
            election_timeout_min: millis(self.election_min),
            election_timeout_max: millis(self.election_max),
            install_snapshot_timeout: SNAPSHOT_TIMEOUT_MS,
            max_payload_entries: ENTRIES_PER_RPC_MAX,
            snapshot_policy: SnapshotPolicy::LogsSinceLast(self.snapshot_every),
            replication_lag_threshold: self.snapshot_every.saturating_add(LOG_KEPT),
            max_in_snapshot_log_to_keep: LOG_KEPT.min(self.snapshot_every),
            purge_batch_size: 1,
            enable_pre_vote: Some(true),
            // A replica that forgot its log must never be fed again under its old id.
            allow_log_reversion: Some(false),
            // A restarted leader's stamps are new; it stands for election as anybody else.
            enable_leader_restore: Some(false),
            ..Config::default()
        };
        config
            .validate()
            .map_err(|error| TimingError::Engine(error.to_string()))
    }
}

fn millis(span: Duration) -> u64 {
    u64::try_from(span.as_millis()).unwrap_or(u64::MAX)
}

/// Which timing does not fit.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum TimingError {
    /// The heartbeat is under 10 ms.
    HeartbeatTooShort(Duration),
    /// One lost heartbeat would start an election.
    ElectionTooShort {
        /// The heartbeat.
        heartbeat: Duration,
        /// The shortest election time-out.
        election_min: Duration,
    },
    /// The longest election time-out is not above the shortest.
    ElectionEmpty {
        /// The shortest.
        election_min: Duration,
        /// The longest.
        election_max: Duration,
    },
    /// A snapshot is due after 0 entries.
    NoSnapshots,
    /// The engine refuses it for another reason.
    Engine(String),
}

impl fmt::Display for TimingError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::HeartbeatTooShort(found) => {
                write!(f, "a Raft heartbeat of {found:?} is too short; use at least 10ms")
            }
            Self::ElectionTooShort {
                heartbeat,
                election_min,
            } => write!(
                f,
                "a Raft election time-out of {election_min:?} is too short for a heartbeat of {heartbeat:?}; use at least twice the \
                 heartbeat"
            ),
            Self::ElectionEmpty {
                election_min,
                election_max,
            } => {
                write!(
                    f,
                    "the longest Raft election time-out, {election_max:?}, must be above the shortest, {election_min:?}"
                )
            }
            Self::NoSnapshots => f.write_str("a snapshot is due after 0 entries; use at least 1"),
            Self::Engine(reason) => write!(f, "the Raft timing is refused: {reason}"),
        }
    }
}

impl std::error::Error for TimingError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_fit_together() {
        let config = RaftTiming::default()
            .config("group".into())
            .expect("the defaults are valid");
        assert_eq!(
            (
                config.heartbeat_interval,
                config.election_timeout_min,
                config.election_timeout_max
            ),
            (100, 400, 1_200)
        );
        assert_eq!(config.enable_pre_vote, Some(true));
    }

    #[test]
    fn timing_that_cannot_work_is_refused() {
        let ok = RaftTiming::default();
        let refused = [
            RaftTiming {
                heartbeat: Duration::from_millis(1),
                ..ok
            },
            RaftTiming {
                election_min: Duration::from_millis(150),
                ..ok
            },
            RaftTiming {
                election_max: ok.election_min,
                ..ok
            },
            RaftTiming {
                snapshot_every: 0,
                ..ok
            },
        ];
        assert!(
            refused
                .iter()
                .all(|timing| timing.config("group".into()).is_err())
        );
    }
}
