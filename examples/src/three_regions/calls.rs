//! What the caller in another region saw, put together by the driver.
//!
//! Pure: it is fed one line per call and answers what the steps of the run ask.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::report::Calls;

/// A call that has ended, as the caller reports it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Call {
    /// Counts the calls from 0, in the order in which they were made.
    pub seq: u64,
    /// When it was made, in nanoseconds on CLOCK_MONOTONIC.
    pub sent_ns: u64,
    /// When it ended.
    pub done_ns: u64,
    /// How it ended.
    pub outcome: Outcome,
}

/// How a call ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// It was answered.
    Answered {
        /// By an instance of this epoch.
        epoch: u64,
        /// On this node.
        node: String,
    },
    /// It was not, for this reason.
    Failed(String),
}

/// What was seen of one epoch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Holder {
    /// The epoch.
    pub epoch: u64,
    /// The node that answered.
    pub node: String,
    /// The first answer.
    pub first_ns: u64,
    /// The last answer so far.
    pub last_ns: u64,
    /// How many answers.
    pub answers: u64,
}

/// Everything the caller reported.
#[derive(Debug, Default)]
pub struct CallLog {
    totals: Calls,
    holders: BTreeMap<u64, Holder>,
    /// Calls that failed: when they were made and when they ended.
    failures: Vec<(u64, u64)>,
    /// Calls ended ahead of an earlier one: by number, when they were made. Bounded by the calls in flight.
    ahead: BTreeMap<u64, u64>,
    /// Every call below this number has ended.
    ended_below: u64,
    /// When the last of these was made.
    ended_sent_ns: Option<u64>,
    last_error: Option<String>,
    disorder: Option<String>,
}

impl CallLog {
    /// A call has ended.
    pub fn record(&mut self, call: Call) {
        self.ahead.insert(call.seq, call.sent_ns);
        while let Some(sent_ns) = self.ahead.remove(&self.ended_below) {
            self.ended_below += 1;
            self.ended_sent_ns = Some(sent_ns);
        }
        match call.outcome {
            Outcome::Answered { epoch, node } => {
                self.totals.ok += 1;
                let took_ms = call.done_ns.saturating_sub(call.sent_ns) / 1_000_000;
                self.totals.max_ms = self.totals.max_ms.max(took_ms);
                self.answer(epoch, &node, call.done_ns);
            }
            Outcome::Failed(error) => {
                self.totals.failed += 1;
                self.failures.push((call.sent_ns, call.done_ns));
                self.last_error = Some(error);
            }
        }
    }

    fn answer(&mut self, epoch: u64, node: &str, at_ns: u64) {
        let newer = self.holders.range(epoch.saturating_add(1)..).map(|(_, it)| it);
        if let Some(newer) = newer.filter(|it| it.first_ns < at_ns).max_by_key(|it| it.epoch) {
            self.disorder = Some(format!(
                "{node} answered under epoch {epoch} after {} had answered under epoch {}",
                newer.node, newer.epoch
            ));
        }
        let holder = self.holders.entry(epoch).or_insert_with(|| Holder {
            epoch,
            node: node.to_owned(),
            first_ns: at_ns,
            last_ns: at_ns,
            answers: 0,
        });
        holder.first_ns = holder.first_ns.min(at_ns);
        holder.last_ns = holder.last_ns.max(at_ns);
        holder.answers += 1;
        if holder.node != node {
            self.disorder = Some(format!(
                "{} and {node} both answered under epoch {epoch}",
                holder.node
            ));
        }
    }

    /// The sums of the report.
    pub fn totals(&self) -> Calls {
        self.totals
    }

    /// Whoever answered under the highest epoch.
    pub fn newest(&self) -> Option<&Holder> {
        self.holders.last_key_value().map(|(_, holder)| holder)
    }

    /// What was seen of this epoch.
    pub fn holder(&self, epoch: u64) -> Option<&Holder> {
        self.holders.get(&epoch)
    }

    /// The first that answered under a higher epoch than this.
    pub fn successor(&self, epoch: u64) -> Option<&Holder> {
        let newer = self.holders.range(epoch.saturating_add(1)..);
        newer.map(|(_, holder)| holder).next()
    }

    /// Calls that failed after `from_ns` and had been made before `to_ns`.
    pub fn failed_between(&self, from_ns: u64, to_ns: u64) -> u64 {
        let within = |(sent_ns, done_ns): &&(u64, u64)| *done_ns >= from_ns && *sent_ns <= to_ns;
        self.failures.iter().filter(within).count() as u64
    }

    /// Whether every call that was made up to `at_ns` has ended, and one that was made later too.
    pub fn ended_until(&self, at_ns: u64) -> bool {
        self.ended_sent_ns.is_some_and(|sent_ns| sent_ns > at_ns)
    }

    /// Why the last failed call failed.
    pub fn last_error(&self) -> Option<&str> {
        self.last_error.as_deref()
    }

    /// An answer that contradicts a singleton: of an older epoch after a newer one, or of two nodes under one epoch.
    pub fn disorder(&self) -> Option<&str> {
        self.disorder.as_deref()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: u64 = 1_000_000;

    fn answered(seq: u64, sent_ms: u64, done_ms: u64, epoch: u64, node: &str) -> Call {
        let node = node.to_owned();
        Call {
            seq,
            sent_ns: sent_ms * MS,
            done_ns: done_ms * MS,
            outcome: Outcome::Answered { epoch, node },
        }
    }

    fn failed(seq: u64, sent_ms: u64, done_ms: u64) -> Call {
        Call {
            seq,
            sent_ns: sent_ms * MS,
            done_ns: done_ms * MS,
            outcome: Outcome::Failed("timeout".to_owned()),
        }
    }

    fn log(calls: impl IntoIterator<Item = Call>) -> CallLog {
        let mut log = CallLog::default();
        calls.into_iter().for_each(|call| log.record(call));
        log
    }

    #[test]
    fn a_move_is_seen_from_the_last_answer_to_the_first() {
        let log = log([
            answered(0, 0, 1, 5, "a"),
            answered(1, 20, 22, 5, "a"),
            failed(2, 40, 540),
            answered(3, 600, 603, 6, "b"),
            answered(4, 620, 621, 6, "b"),
        ]);
        assert_eq!(
            log.holder(5).map(|it| (it.first_ns, it.last_ns)),
            Some((MS, 22 * MS))
        );
        let new = log.successor(5).unwrap();
        assert_eq!(
            (new.epoch, &*new.node, new.first_ns, new.answers),
            (6, "b", 603 * MS, 2)
        );
        assert_eq!(log.newest(), Some(new));
        assert_eq!(log.successor(6), None);
        let expected = Calls {
            ok: 4,
            failed: 1,
            max_ms: 3,
        };
        assert_eq!(log.totals(), expected);
        assert_eq!(log.disorder(), None);
    }

    #[test]
    fn failures_belong_to_the_move_in_which_they_were_made_or_ended() {
        let log = log([failed(0, 0, 500), failed(1, 400, 900), failed(2, 1000, 1500)]);
        assert_eq!(log.failed_between(450 * MS, 1000 * MS), 3);
        assert_eq!(log.failed_between(600 * MS, 999 * MS), 1);
        assert_eq!(log.failed_between(2000 * MS, 3000 * MS), 0);
    }

    #[test]
    fn calls_have_ended_when_no_earlier_one_is_missing() {
        let mut log = log([answered(0, 0, 1, 5, "a"), answered(2, 40, 41, 5, "a")]);
        assert!(!log.ended_until(10 * MS), "call 1 is in flight");
        log.record(failed(1, 20, 520));
        assert!(log.ended_until(10 * MS));
        assert!(!log.ended_until(40 * MS), "nothing later than that was made");
    }

    #[test]
    fn an_older_epoch_after_a_newer_one_is_disorder() {
        let log = log([answered(0, 0, 10, 6, "b"), answered(1, 0, 11, 5, "a")]);
        assert!(log.disorder().unwrap().contains("epoch 5 after b"));
    }

    #[test]
    fn an_older_epoch_that_was_only_reported_later_is_none() {
        let log = log([answered(1, 0, 10, 6, "b"), answered(0, 0, 9, 5, "a")]);
        assert_eq!(log.disorder(), None);
    }

    #[test]
    fn two_nodes_under_one_epoch_are_disorder() {
        let log = log([answered(0, 0, 10, 6, "a"), answered(1, 0, 11, 6, "b")]);
        assert!(log.disorder().unwrap().contains("a and b"));
    }
}
