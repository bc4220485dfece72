//! When a node becomes a candidate, and what becomes of its attempt.

use quorate_regions::formation::{
    Ask, Command, DiskId, Formed, Identity, Memory, Promise, Settings, Standing, Trouble,
};
use quorate_regions::id::GroupId;
use quorate_regions::store::RaftId;

use crate::node::{Node, free, name, promise, promised, remembers, voters, who};

/// A lowest node that has just become a candidate among three.
fn candidate() -> (Node, Promise) {
    let mut node = Node::new(Settings::automatic(3), "a", Memory::default());
    node.show(&["a", "b", "c"]);
    node.wait(4_800);
    assert_eq!(node.hear_all_free(&["a", "b", "c"]), []);
    let commands = node.wait(200);
    let promised = remembers(&commands)
        .and_then(|memory| memory.promised.clone())
        .expect("it promises itself");
    assert_eq!(promised.candidate, who("a"));
    let asks = commands.iter().filter(|command| {
        matches!(
            command,
            Command::Ask {
                ask: Ask::Promise { .. },
                ..
            }
        )
    });
    assert_eq!(asks.count(), 2, "both others are asked at once");
    (node, promised)
}

#[test]
fn the_lowest_of_a_stable_set_asks_for_promises_and_forms_when_it_has_all() {
    let (mut node, promise) = candidate();
    assert_eq!(node.hear("b", promised("b", &promise)), []);
    let commands = node.hear("c", promised("c", &promise));
    let formed = Formed {
        group: promise.group,
        id: RaftId::initial(0),
        voters: voters(&["a", "b", "c"]),
    };
    let memory = Memory {
        promised: None,
        formed: Some(formed.clone()),
    };
    assert_eq!(
        commands[..2],
        [Command::Remember(memory), Command::Start(formed.clone())]
    );
    let seats: Vec<_> = commands[2..]
        .iter()
        .map(|command| match command {
            Command::Ask {
                contact,
                ask: Ask::Seat(formed),
                ..
            } => (contact.as_str(), formed.id),
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(seats, [("b:1", RaftId::initial(1)), ("c:1", RaftId::initial(2))]);
    assert_eq!(formed.begins().map(|voters| voters.len()), Some(3));
}

#[test]
fn nobody_becomes_a_candidate_before_the_margin_is_over() {
    let mut node = Node::new(Settings::automatic(3), "a", Memory::default());
    node.show(&["a", "b", "c"]);
    node.hear_all_free(&["a", "b", "c"]);
    node.wait(4_000);
    assert_eq!(node.hear_all_free(&["a", "b", "c"]), []);
    // A change starts the margin anew.
    node.show(&["a", "b", "d"]);
    node.wait(4_000);
    assert_eq!(node.hear_all_free(&["a", "b", "d"]), []);
    node.wait(900);
    assert_eq!(node.hear_all_free(&["a", "b", "d"]), []);
    node.wait(200);
    assert!(node.formation.standing().promised.is_some());
}

#[test]
fn anything_that_stands_against_it_keeps_a_region_from_forming() {
    let group = Standing {
        formed: Some(GroupId(9)),
        ..free("c")
    };
    let other = promised("c", &promise("b", 9));
    let same_name = Standing {
        who: Identity {
            name: name("b"),
            disk: DiskId(1),
        },
        ..free("c")
    };
    for (what, third) in [
        ("a group", Some(group)),
        ("a promise", Some(other)),
        ("one name", Some(same_name)),
        ("silence", None),
    ] {
        let mut node = Node::new(Settings::automatic(3), "a", Memory::default());
        node.show(&["a", "b", "c"]);
        for _ in 0..30 {
            node.hear_all_free(&["a", "b"]);
            if let Some(third) = &third {
                node.hear("c", third.clone());
            }
            node.wait(500);
            assert_eq!(node.formation.standing(), free("a"), "{what}");
        }
    }
}

#[test]
fn neither_more_nor_fewer_contacts_than_voters_form_a_region() {
    for names in [&["a", "b"][..], &["a", "b", "c", "d"]] {
        let mut node = Node::new(Settings::automatic(3), "a", Memory::default());
        let mut said = node.show(names);
        for _ in 0..30 {
            said.append(&mut node.hear_all_free(names));
            said.append(&mut node.wait(500));
        }
        assert_eq!(node.formation.standing(), free("a"));
        let too_many = Command::Report(Trouble::TooManyContacts { found: 4, voters: 3 });
        let said: Vec<_> = said
            .into_iter()
            .filter(|command| matches!(command, Command::Report(_)))
            .collect();
        assert_eq!(
            said,
            if names.len() > 3 { vec![too_many] } else { vec![] },
            "said once"
        );
    }
}

#[test]
fn literal_voters_need_all_of_them_and_no_margin() {
    let settings = Settings::literal(["b", "a"].map(name));
    let mut node = Node::new(settings.clone(), "a", Memory::default());
    node.show(&["a", "b", "c"]);
    node.hear_all_free(&["a", "c"]);
    assert_eq!(node.formation.standing(), free("a"));
    node.hear("b", free("b"));
    assert!(node.formation.standing().promised.is_some(), "both answered");

    let mut outsider = Node::new(settings, "c", Memory::default());
    let voters = ["a", "b", "c"].map(who).into();
    let (commands, standing) = outsider.asked_by(Ask::Promise {
        attempt: promise("a", 5),
        voters,
    });
    assert_eq!(
        commands,
        [Command::Report(Trouble::OtherVoters { candidate: name("a") })]
    );
    assert_eq!(standing, free("c"));
}

#[test]
fn a_refused_attempt_never_forms_and_the_next_one_has_another_group() {
    let (mut node, first) = candidate();
    let commands = node.hear("b", promised("b", &promise("x", 5)));
    assert_eq!(remembers(&commands), Some(&Memory::default()));
    // The last promise comes too late.
    node.hear("c", promised("c", &first));
    assert_eq!(node.formation.formed(), None);
    let second = loop {
        node.wait(500);
        node.hear_all_free(&["a", "b", "c"]);
        if let Some(promise) = node.formation.standing().promised {
            break promise;
        }
    };
    assert_ne!(second.group, first.group);
}

#[test]
fn an_attempt_that_is_not_answered_ends() {
    let (mut node, _) = candidate();
    for _ in 0..9 {
        node.wait(500);
        assert!(node.formation.standing().promised.is_some());
    }
    assert!(remembers(&node.wait(500)).is_some_and(|memory| memory.promised.is_none()));
}

#[test]
fn a_candidate_that_restarts_gives_its_attempt_up() {
    let memory = Memory {
        promised: Some(promise("a", 5)),
        formed: None,
    };
    let mut node = Node::new(Settings::automatic(3), "a", memory);
    assert_eq!(node.commands(), [Command::Remember(Memory::default())]);
}

#[test]
fn a_group_of_one_forms_alone() {
    let mut node = Node::new(Settings::automatic(1), "a", Memory::default());
    node.show(&["a"]);
    node.wait(4_800);
    node.hear_all_free(&["a"]);
    let commands = node.wait(300);
    assert!(
        commands
            .iter()
            .any(|command| matches!(command, Command::Start(_))),
        "{commands:?}"
    );
}
