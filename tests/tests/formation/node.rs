//! One node's formation, driven by hand, for the tables.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use quorate_regions::formation::{
    Ask, Command, DiskId, Formation, Identity, Memory, Promise, ReplyTo, Seq, Settings, Standing, Voter,
};
use quorate_regions::id::{GroupId, NodeName};
use quorate_regions::lease::Time;
use quorate_regions::store::{RaftId, RaftNode};

const SEED: u128 = 100;

pub(crate) fn name(text: &str) -> NodeName {
    NodeName::new(text).unwrap()
}

pub(crate) fn who(text: &str) -> Identity {
    Identity {
        name: name(text),
        disk: DiskId(u128::from(text.as_bytes()[0])),
    }
}

pub(crate) fn at(ms: u64) -> Time {
    Time(ms * 1_000_000)
}

pub(crate) fn contacts(names: &[&str]) -> BTreeSet<String> {
    names.iter().map(|name| format!("{name}:1")).collect()
}

pub(crate) fn free(text: &str) -> Standing {
    Standing {
        who: who(text),
        promised: None,
        formed: None,
    }
}

pub(crate) fn promise(candidate: &str, group: u128) -> Promise {
    Promise {
        group: GroupId(group),
        candidate: who(candidate),
    }
}

pub(crate) fn voters(names: &[&str]) -> BTreeMap<RaftId, Voter> {
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

pub(crate) struct Node {
    pub(crate) formation: Formation,
    pub(crate) now: Time,
    pub(crate) asked: BTreeMap<String, Seq>,
}

impl Node {
    pub(crate) fn new(settings: Settings, text: &str, memory: Memory) -> Self {
        let formation = Formation::new(settings, who(text), memory, SEED, at(0));
        Self {
            formation,
            now: at(0),
            asked: BTreeMap::new(),
        }
    }

    /// What it does now, without the questions about others' standing.
    pub(crate) fn commands(&mut self) -> Vec<Command> {
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

    pub(crate) fn show(&mut self, names: &[&str]) -> Vec<Command> {
        self.formation.handle_contacts(self.now, contacts(names));
        self.commands()
    }

    pub(crate) fn wait(&mut self, ms: u64) -> Vec<Command> {
        self.now = self.now.after(Duration::from_millis(ms));
        self.formation.handle_timeout(self.now);
        self.commands()
    }

    /// The node at that contact answers the newest question.
    pub(crate) fn hear(&mut self, contact: &str, standing: Standing) -> Vec<Command> {
        let contact = format!("{contact}:1");
        let seq = self.asked[&contact];
        self.formation.handle_standing(self.now, &contact, seq, standing);
        self.commands()
    }

    pub(crate) fn hear_all_free(&mut self, names: &[&str]) -> Vec<Command> {
        names
            .iter()
            .flat_map(|name| self.hear(name, free(name)))
            .collect()
    }

    pub(crate) fn asked_by(&mut self, ask: Ask) -> (Vec<Command>, Standing) {
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

pub(crate) fn remembers(commands: &[Command]) -> Option<&Memory> {
    commands.iter().find_map(|command| match command {
        Command::Remember(memory) => Some(memory),
        _ => None,
    })
}

pub(crate) fn promised(text: &str, promise: &Promise) -> Standing {
    Standing {
        promised: Some(promise.clone()),
        ..free(text)
    }
}
