//! What a node does about the attempts and the groups of others.

use std::collections::{BTreeMap, BTreeSet};

use quorate_regions::formation::{
    Ask, Command, DiskId, Formed, Identity, Memory, Settings, Standing, Trouble,
};
use quorate_regions::id::GroupId;
use quorate_regions::store::RaftId;

use crate::node::{Node, contacts, free, name, promise, promised, remembers, voters, who};

#[test]
fn one_that_is_not_the_lowest_waits_to_be_asked() {
    let mut node = Node::new(Settings::automatic(3), "b", Memory::default());
    node.show(&["a", "b", "c"]);
    for _ in 0..30 {
        node.hear_all_free(&["a", "b", "c"]);
        node.wait(500);
    }
    assert_eq!(node.formation.standing(), free("b"));

    let voters = ["a", "b", "c"].map(who).into();
    let (commands, standing) = node.asked_by(Ask::Promise {
        attempt: promise("a", 5),
        voters,
    });
    assert_eq!(
        remembers(&commands).and_then(|memory| memory.promised.clone()),
        Some(promise("a", 5))
    );
    assert_eq!(standing.promised, Some(promise("a", 5)));
}

#[test]
fn a_node_promises_itself_once_and_keeps_it_across_a_restart() {
    let voters: BTreeSet<_> = ["a", "b", "c"].map(who).into();
    let memory = Memory {
        promised: Some(promise("a", 5)),
        formed: None,
    };
    let mut node = Node::new(Settings::automatic(3), "c", memory);
    let (commands, standing) = node.asked_by(Ask::Promise {
        attempt: promise("b", 6),
        voters,
    });
    assert_eq!(commands, []);
    assert_eq!(standing.promised, Some(promise("a", 5)));
}

#[test]
fn a_promise_ends_only_when_its_candidate_was_asked_later_and_gave_up() {
    let voters: BTreeSet<_> = ["a", "b", "c"].map(who).into();
    let mut node = Node::new(Settings::automatic(3), "c", Memory::default());
    node.show(&["a", "b", "c"]);
    let before = node.asked["a:1"];
    node.asked_by(Ask::Promise {
        attempt: promise("a", 5),
        voters,
    });
    // An answer from before the promise comes late: it says nothing about the attempt.
    node.formation.handle_standing(node.now, "a:1", before, free("a"));
    assert_eq!(node.commands(), []);
    node.wait(500);
    assert_eq!(node.hear("b", free("b")), [], "what others say is nothing either");
    assert_eq!(
        node.hear("a", promised("a", &promise("a", 5))),
        [],
        "the candidate stands by it"
    );
    node.wait(500);
    assert_eq!(node.hear("a", free("a")), [Command::Remember(Memory::default())]);
}

#[test]
fn a_promise_to_a_node_whose_disk_was_wiped_ends() {
    let memory = Memory {
        promised: Some(promise("a", 5)),
        formed: None,
    };
    let mut node = Node::new(Settings::automatic(3), "c", memory);
    node.show(&["a", "b", "c"]);
    let wiped = Standing {
        who: Identity {
            name: name("a"),
            disk: DiskId(1),
        },
        ..free("a")
    };
    assert_eq!(node.hear("a", wiped), [Command::Remember(Memory::default())]);
}

#[test]
fn a_silent_candidate_is_reported() {
    let memory = Memory {
        promised: Some(promise("a", 5)),
        formed: None,
    };
    let mut node = Node::new(Settings::automatic(3), "c", memory);
    node.show(&["a", "b", "c"]);
    let mut said = Vec::new();
    for _ in 0..30 {
        said.append(&mut node.hear_all_free(&["b", "c"]));
        said.append(&mut node.wait(500));
    }
    assert_eq!(
        said,
        [Command::Report(Trouble::CandidateSilent { candidate: name("a") })]
    );
}

#[test]
fn a_promised_node_takes_its_seat_and_no_other() {
    let formed = |id| Formed {
        group: GroupId(5),
        id: RaftId::initial(id),
        voters: voters(&["a", "b", "c"]),
    };
    let memory = Memory {
        promised: Some(promise("a", 5)),
        formed: None,
    };
    let mut node = Node::new(Settings::automatic(3), "c", memory);
    let strange = Formed {
        group: GroupId(6),
        ..formed(2)
    };
    for wrong in [strange, formed(1)] {
        assert_eq!(node.asked_by(Ask::Seat(wrong)).0, []);
    }
    let (commands, standing) = node.asked_by(Ask::Seat(formed(2)));
    let memory = Memory {
        promised: None,
        formed: Some(formed(2)),
    };
    assert_eq!(commands, [Command::Remember(memory), Command::Start(formed(2))]);
    assert_eq!(standing.formed, Some(GroupId(5)));
    assert_eq!(formed(2).begins(), None, "the first voter begins the group");
}

#[test]
fn a_formed_node_that_restarts_starts_its_replica_and_never_forms_again() {
    let formed = Formed {
        group: GroupId(5),
        id: RaftId::initial(0),
        voters: voters(&["a", "b", "c"]),
    };
    let memory = Memory {
        promised: None,
        formed: Some(formed.clone()),
    };
    let mut node = Node::new(Settings::automatic(3), "a", memory);
    assert_eq!(node.commands(), [Command::Start(formed)]);
    node.show(&["a", "b", "c"]);
    for _ in 0..30 {
        node.hear_all_free(&["a", "b", "c"]);
        assert_eq!(node.wait(500), []);
    }
    let voters = ["a", "b", "c"].map(who).into();
    assert_eq!(
        node.asked_by(Ask::Promise {
            attempt: promise("b", 6),
            voters
        })
        .0,
        []
    );
}

#[test]
fn a_node_that_finds_a_group_joins_it() {
    let mut node = Node::new(Settings::automatic(3), "d", Memory::default());
    node.show(&["a", "b", "c", "d"]);
    let member = |text| Standing {
        formed: Some(GroupId(5)),
        ..free(text)
    };
    node.hear("a", member("a"));
    node.hear("b", member("b"));
    let join = Command::Join {
        group: GroupId(5),
        contacts: contacts(&["a", "b"]),
    };
    assert_eq!(node.wait(500), [join]);
    node.hear("a", member("a"));
    assert_eq!(node.wait(500), [], "once in a while");

    node.formation.handle_joined(node.now, GroupId(5), RaftId(77));
    let formed = Formed {
        group: GroupId(5),
        id: RaftId(77),
        voters: BTreeMap::new(),
    };
    let memory = Memory {
        promised: None,
        formed: Some(formed.clone()),
    };
    assert_eq!(
        node.commands(),
        [Command::Remember(memory), Command::Start(formed)]
    );
}

#[test]
fn two_groups_of_one_region_are_reported_and_none_is_joined() {
    let mut node = Node::new(Settings::automatic(3), "d", Memory::default());
    node.show(&["a", "b"]);
    node.hear(
        "a",
        Standing {
            formed: Some(GroupId(5)),
            ..free("a")
        },
    );
    node.hear(
        "b",
        Standing {
            formed: Some(GroupId(6)),
            ..free("b")
        },
    );
    let trouble = Trouble::TwoGroups {
        one: GroupId(5),
        other: GroupId(6),
        contact: "b:1".into(),
    };
    assert_eq!(node.wait(500), [Command::Report(trouble)]);
    node.hear(
        "a",
        Standing {
            formed: Some(GroupId(5)),
            ..free("a")
        },
    );
    node.hear(
        "b",
        Standing {
            formed: Some(GroupId(6)),
            ..free("b")
        },
    );
    assert_eq!(node.wait(500), [], "said once");
}
