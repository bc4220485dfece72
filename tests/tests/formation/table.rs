//! One node's formation, event by event.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use quorate_regions::formation::{
    Ask, Command, DiskId, Formation, Formed, Identity, Memory, Promise, ReplyTo, Seq, Settings, Standing,
    Trouble, Voter,
};
use quorate_regions::id::{GroupId, NodeName};
use quorate_regions::lease::Time;
use quorate_regions::store::{RaftId, RaftNode};

const SEED: u128 = 100;

fn name(text: &str) -> NodeName {
    NodeName::new(text).unwrap()
}

fn who(text: &str) -> Identity {
    Identity {
        name: name(text),
        disk: DiskId(u128::from(text.as_bytes()[0])),
    }
}

fn at(ms: u64) -> Time {
    Time(ms * 1_000_000)
}

fn contacts(names: &[&str]) -> BTreeSet<String> {
    names.iter().map(|name| format!("{name}:1")).collect()
}

fn free(text: &str) -> Standing {
    Standing {
        who: who(text),
        promised: None,
        formed: None,
    }
}

fn promise(candidate: &str, group: u128) -> Promise {
    Promise {
        group: GroupId(group),
        candidate: who(candidate),
    }
}

fn voters(names: &[&str]) -> BTreeMap<RaftId, Voter> {
    let seats = (0..).zip(names);
    let voter = |text: &str| Voter {
        node: RaftNode {
            name: name(text),
            address: format!("{text}:1"),
        },
        disk: who(text).disk,
    };
    seats
        .map(|(position, text)| (RaftId::initial(position), voter(text)))
        .collect()
}

struct Node {
    formation: Formation,
    now: Time,
    asked: BTreeMap<String, Seq>,
}

impl Node {
    fn new(settings: Settings, text: &str, memory: Memory) -> Self {
        let formation = Formation::new(settings, who(text), memory, SEED, at(0));
        Self {
            formation,
            now: at(0),
            asked: BTreeMap::new(),
        }
    }

    /// What it does now, without the questions about others' standing.
    fn commands(&mut self) -> Vec<Command> {
        let mut commands = Vec::new();
        while let Some(command) = self.formation.poll_command() {
            if let Command::Ask { contact, seq, .. } = &command {
                self.asked.insert(contact.clone(), *seq);
            }
            if !matches!(
                command,
                Command::Ask {
                    ask: Ask::Standing,
                    ..
                }
            ) {
                commands.push(command);
            }
        }
        commands
    }

    fn show(&mut self, names: &[&str]) -> Vec<Command> {
        self.formation.handle_contacts(self.now, contacts(names));
        self.commands()
    }

    fn wait(&mut self, ms: u64) -> Vec<Command> {
        self.now = self.now.after(Duration::from_millis(ms));
        self.formation.handle_timeout(self.now);
        self.commands()
    }

    /// The node at that contact answers the newest question.
    fn hear(&mut self, contact: &str, standing: Standing) -> Vec<Command> {
        let contact = format!("{contact}:1");
        let seq = self.asked[&contact];
        self.formation.handle_standing(self.now, &contact, seq, standing);
        self.commands()
    }

    fn hear_all_free(&mut self, names: &[&str]) -> Vec<Command> {
        names
            .iter()
            .flat_map(|name| self.hear(name, free(name)))
            .collect()
    }

    fn asked_by(&mut self, ask: Ask) -> (Vec<Command>, Standing) {
        self.formation.handle_ask(self.now, ReplyTo(1), ask);
        let mut commands = self.commands();
        let place = commands
            .iter()
            .position(|command| matches!(command, Command::Reply { .. }));
        match commands.remove(place.expect("every question is answered")) {
            Command::Reply {
                to: ReplyTo(1),
                standing,
            } => (commands, standing),
            other => panic!("{other:?}"),
        }
    }
}

fn remembers(commands: &[Command]) -> Option<&Memory> {
    commands.iter().find_map(|command| match command {
        Command::Remember(memory) => Some(memory),
        _ => None,
    })
}

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

fn promised(text: &str, promise: &Promise) -> Standing {
    Standing {
        promised: Some(promise.clone()),
        ..free(text)
    }
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
