//! What callers saw, asked in the words of the table. Pure.

use std::collections::{BTreeMap, BTreeSet};

use crate::three_regions::calls::{Call, Outcome};

/// The calls of one node, in the order of their ends.
#[derive(Clone, Copy, Debug)]
pub(super) struct Witness<'a>(pub(super) &'a [Call]);

/// Why calls failed, and how many for each reason.
pub(super) type Reasons = BTreeMap<String, u64>;

impl<'a> Witness<'a> {
    /// The epochs under which calls were answered that ended in this time.
    pub(super) fn epochs(self, from_ns: u64, to_ns: u64) -> BTreeSet<u64> {
        self.ended(from_ns, to_ns).filter_map(epoch).collect()
    }

    /// When the last answer under this epoch came.
    pub(super) fn last_answer(self, epoch: u64) -> Option<u64> {
        self.answers(epoch).map(|call| call.done_ns).max()
    }

    /// When the first answer under this epoch came.
    pub(super) fn first_answer(self, epoch: u64) -> Option<u64> {
        self.answers(epoch).map(|call| call.done_ns).min()
    }

    /// When the first answer came, under this epoch, to a call that was made after this.
    pub(super) fn answered_since(self, epoch: u64, made_ns: u64) -> Option<u64> {
        let since = self.answers(epoch).filter(|call| call.sent_ns >= made_ns);
        since.map(|call| call.done_ns).min()
    }

    /// When the first answer came to a call that was made after this, whoever gave it.
    pub(super) fn answered_after(self, made_ns: u64) -> Option<u64> {
        let since = self
            .0
            .iter()
            .filter(|call| call.sent_ns >= made_ns && epoch(call).is_some());
        since.map(|call| call.done_ns).min()
    }

    /// The epoch of the last answer.
    pub(super) fn newest(self) -> Option<u64> {
        self.0.iter().rev().find_map(epoch)
    }

    /// The nodes that answered.
    pub(super) fn answerers(self) -> BTreeSet<&'a str> {
        let node = |call: &'a Call| match &call.outcome {
            Outcome::Answered { node, .. } => Some(node.as_str()),
            Outcome::Failed(_) => None,
        };
        self.0.iter().filter_map(node).collect()
    }

    /// Why calls failed that ended in this time.
    pub(super) fn failures(self, from_ns: u64, to_ns: u64) -> Reasons {
        let mut reasons = Reasons::new();
        for call in self.ended(from_ns, to_ns) {
            if let Outcome::Failed(why) = &call.outcome {
                *reasons.entry(why.clone()).or_default() += 1;
            }
        }
        reasons
    }

    /// The ends of the calls that failed for this reason in this time.
    pub(super) fn failed_with(self, why: &str, from_ns: u64, to_ns: u64) -> Vec<u64> {
        let failed = |call: &&Call| matches!(&call.outcome, Outcome::Failed(reason) if reason == why);
        self.ended(from_ns, to_ns)
            .filter(failed)
            .map(|call| call.done_ns)
            .collect()
    }

    /// How many calls were made in this time and answered after it: they have waited.
    pub(super) fn waited(self, from_ns: u64, to_ns: u64) -> usize {
        let made = self
            .0
            .iter()
            .filter(|call| (from_ns..=to_ns).contains(&call.sent_ns));
        made.filter(|call| epoch(call).is_some() && call.done_ns > to_ns)
            .count()
    }

    fn answers(self, wanted: u64) -> impl Iterator<Item = &'a Call> {
        self.0.iter().filter(move |call| epoch(call) == Some(wanted))
    }

    fn ended(self, from_ns: u64, to_ns: u64) -> impl Iterator<Item = &'a Call> {
        self.0
            .iter()
            .filter(move |call| (from_ns..=to_ns).contains(&call.done_ns))
    }
}

fn epoch(call: &Call) -> Option<u64> {
    match call.outcome {
        Outcome::Answered { epoch, .. } => Some(epoch),
        Outcome::Failed(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn calls() -> Vec<Call> {
        let answered = |epoch| Outcome::Answered {
            epoch,
            node: "a".to_owned(),
        };
        let rows = [
            (0, 1, answered(5)),
            (2, 4, answered(5)),
            (5, 15, Outcome::Failed("late".to_owned())),
            (6, 16, Outcome::Failed("late".to_owned())),
            (7, 20, answered(6)),
            (21, 22, answered(6)),
        ];
        let call = |(seq, (sent_ns, done_ns, outcome))| Call {
            seq,
            sent_ns,
            done_ns,
            outcome,
        };
        (0..).zip(rows).map(call).collect()
    }

    #[test]
    fn answers_are_told_apart_by_epoch_and_by_when_the_call_was_made() {
        let calls = calls();
        let witness = Witness(&calls);
        assert_eq!(
            (witness.last_answer(5), witness.first_answer(6)),
            (Some(4), Some(20))
        );
        assert_eq!(witness.answered_since(6, 8), Some(22));
        assert_eq!(witness.last_answer(7), None);
        assert_eq!(witness.epochs(4, 20), BTreeSet::from([5, 6]));
        assert_eq!(witness.waited(5, 16), 1);
    }

    #[test]
    fn answerers_are_the_nodes_that_answered() {
        assert_eq!(Witness(&calls()).answerers(), BTreeSet::from(["a"]));
        assert!(Witness(&[]).answerers().is_empty());
    }

    #[test]
    fn failures_are_counted_by_reason_where_they_ended() {
        let calls = calls();
        let witness = Witness(&calls);
        assert_eq!(witness.failures(0, 15), Reasons::from([("late".to_owned(), 1)]));
        assert_eq!(witness.failed_with("late", 0, 99), [15, 16]);
        assert!(witness.failed_with("early", 0, 99).is_empty());
    }
}
