//! Which replicas vote: the next set of voters when somebody joins. Pure.

use std::collections::{BTreeMap, BTreeSet};

use crate::id::NodeName;

use super::node::RaftId;

/// What admitting a replica asks of the group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Step {
    /// It votes already.
    Votes,
    /// Every seat is taken by another node: it stays a learner, ready for when one falls free.
    Waits,
    /// The next voters.
    Seat(BTreeSet<RaftId>),
    /// Its name is that of a voter that answers.
    NameInUse(RaftId),
}

/// What to do for the replica `id` of the node `name`, with these voters and at most `seats` of them.
///
/// A voter of the same name that does not answer is the same node before its disk was wiped: the new replica takes its seat.
pub(super) fn admit(
    voters: &BTreeMap<RaftId, NodeName>,
    answering: &BTreeSet<RaftId>,
    seats: usize,
    id: RaftId,
    name: &NodeName,
) -> Step {
    if voters.contains_key(&id) {
        return Step::Votes;
    }
    let former = voters
        .iter()
        .find(|(_, node)| *node == name)
        .map(|(former, _)| *former);
    if let Some(former) = former.filter(|former| answering.contains(former)) {
        return Step::NameInUse(former);
    }
    let mut next: BTreeSet<_> = voters
        .keys()
        .copied()
        .filter(|voter| Some(*voter) != former)
        .collect();
    if next.len() >= seats {
        return Step::Waits;
    }
    next.insert(id);
    Step::Seat(next)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(text: &str) -> NodeName {
        NodeName::new(text).expect("a name of the test")
    }

    fn voters() -> BTreeMap<RaftId, NodeName> {
        [(1, "a"), (2, "b"), (3, "c")]
            .into_iter()
            .map(|(id, node)| (RaftId(id), name(node)))
            .collect()
    }

    fn ids(ids: &[u64]) -> BTreeSet<RaftId> {
        ids.iter().copied().map(RaftId).collect()
    }

    #[test]
    fn a_wiped_node_takes_the_seat_of_its_former_self() {
        assert_eq!(
            admit(&voters(), &ids(&[1, 3]), 3, RaftId(9), &name("b")),
            Step::Seat(ids(&[1, 3, 9]))
        );
    }

    #[test]
    fn a_second_node_of_one_name_takes_no_seat() {
        assert_eq!(
            admit(&voters(), &ids(&[1, 2, 3]), 3, RaftId(9), &name("b")),
            Step::NameInUse(RaftId(2))
        );
    }

    #[test]
    fn a_further_node_waits_until_a_seat_is_free() {
        assert_eq!(
            admit(&voters(), &ids(&[1, 3]), 3, RaftId(9), &name("d")),
            Step::Waits
        );
        assert_eq!(
            admit(&voters(), &ids(&[1, 3]), 5, RaftId(9), &name("d")),
            Step::Seat(ids(&[1, 2, 3, 9]))
        );
    }

    #[test]
    fn a_voter_that_asks_again_changes_nothing() {
        assert_eq!(admit(&voters(), &ids(&[]), 3, RaftId(2), &name("b")), Step::Votes);
    }
}
