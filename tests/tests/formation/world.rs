//! Several nodes' formations on a simulated network: delays, losses, duplicates, cuts, crashes, wipes and changing answers of
//! discovery, all from one seed.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use quorate_regions::formation::{
    Ask, Command, DiskId, Formation, Formed, Identity, Memory, ReplyTo, Seq, Settings, Standing,
};
use quorate_regions::id::{GroupId, NodeName};
use quorate_regions::lease::Time;
use quorate_regions::store::RaftId;

/// A small generator, so that a seed is a schedule for ever.
pub(crate) struct Dice(u64);

impl Dice {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1)
    }

    /// A number below `sides`.
    pub(crate) fn roll(&mut self, sides: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) % sides
    }

    pub(crate) fn percent(&mut self, chance: u64) -> bool {
        self.roll(100) < chance
    }
}

enum Message {
    Ask {
        from: usize,
        life: u64,
        to: String,
        seq: Seq,
        ask: Ask,
    },
    Standing {
        to: usize,
        life: u64,
        contact: String,
        seq: Seq,
        standing: Standing,
    },
    Joined {
        to: usize,
        life: u64,
        group: GroupId,
        id: RaftId,
    },
}

struct Node {
    name: NodeName,
    disk: DiskId,
    memory: Memory,
    settings: Settings,
    /// `None` while it is down.
    formation: Option<Formation>,
    life: u64,
    view: BTreeSet<String>,
    waiting: BTreeMap<ReplyTo, (usize, u64, String, Seq)>,
}

pub(crate) struct World {
    now: Time,
    nodes: Vec<Node>,
    queue: BTreeMap<(Time, u64), Message>,
    sent: u64,
    replies: u64,
    joins: u64,
    disks: u128,
    pub(crate) dice: Dice,
    /// Chance in percent that a message is lost.
    pub(crate) loss: u64,
    /// Every group that was ever formed, with its initial voters.
    pub(crate) groups: BTreeMap<GroupId, BTreeSet<Identity>>,
}

fn contact(node: usize) -> String {
    format!("n{node}:1")
}

impl World {
    /// Nodes that are up, remember nothing and see nobody.
    pub(crate) fn new(seed: u64, nodes: usize, settings: &Settings) -> Self {
        let mut world = Self {
            now: Time(0),
            nodes: Vec::new(),
            queue: BTreeMap::new(),
            sent: 0,
            replies: 0,
            joins: 0,
            disks: 0,
            dice: Dice::new(seed),
            loss: 0,
            groups: BTreeMap::new(),
        };
        for index in 0..nodes {
            world.disks += 1;
            let node = Node {
                name: NodeName::new(&format!("n{index}")).unwrap(),
                disk: DiskId(world.disks),
                memory: Memory::default(),
                settings: settings.clone(),
                formation: None,
                life: 0,
                view: BTreeSet::new(),
                waiting: BTreeMap::new(),
            };
            world.nodes.push(node);
            world.start(index);
        }
        world
    }

    pub(crate) fn start(&mut self, index: usize) {
        let seed = u128::from(self.dice.roll(1 << 50)) << 64;
        let now = self.now;
        let node = &mut self.nodes[index];
        let who = Identity {
            name: node.name.clone(),
            disk: node.disk,
        };
        let mut formation = Formation::new(node.settings.clone(), who, node.memory.clone(), seed, now);
        formation.handle_contacts(now, node.view.clone());
        node.formation = Some(formation);
        node.life += 1;
        node.waiting.clear();
        self.obey(index);
    }

    /// What is not on the node's disk is gone.
    pub(crate) fn crash(&mut self, index: usize) {
        self.nodes[index].formation = None;
    }

    pub(crate) fn wipe(&mut self, index: usize) {
        self.crash(index);
        self.disks += 1;
        let node = &mut self.nodes[index];
        node.disk = DiskId(self.disks);
        node.memory = Memory::default();
        self.start(index);
    }

    pub(crate) fn is_up(&self, index: usize) -> bool {
        self.nodes[index].formation.is_some()
    }

    /// Discovery shows `node` these nodes.
    pub(crate) fn show(&mut self, node: usize, seen: &[usize]) {
        let view: BTreeSet<_> = seen.iter().map(|seen| contact(*seen)).collect();
        self.nodes[node].view.clone_from(&view);
        let now = self.now;
        if let Some(formation) = &mut self.nodes[node].formation {
            formation.handle_contacts(now, view);
        }
        self.obey(node);
    }

    pub(crate) fn formed(&self, node: usize) -> Option<&Formed> {
        self.nodes[node].memory.formed.as_ref()
    }

    /// Lets `span` pass.
    pub(crate) fn run(&mut self, span: Duration) {
        let end = self.now.after(span);
        loop {
            let due = self.nodes.iter().enumerate();
            let due = due.filter_map(|(index, node)| {
                Some((node.formation.as_ref()?.next_deadline().max(self.now), index))
            });
            let due = due.min();
            let next = self.queue.first_key_value().map(|((at, _), _)| *at);
            match (due, next) {
                (_, Some(at)) if at <= end && due.is_none_or(|(due, _)| at <= due) => {
                    let (_, message) = self.queue.pop_first().expect("it was just seen");
                    self.now = self.now.max(at);
                    self.deliver(message);
                }
                (Some((at, index)), _) if at <= end => {
                    self.now = self.now.max(at);
                    let now = self.now;
                    self.nodes[index]
                        .formation
                        .as_mut()
                        .expect("it is up")
                        .handle_timeout(now);
                    self.obey(index);
                    let again = self.nodes[index].formation.as_ref().map(Formation::next_deadline);
                    assert!(
                        again.is_none_or(|again| again > now),
                        "a deadline that is due again at once never ends"
                    );
                }
                _ => break,
            }
        }
        self.now = end;
    }

    fn deliver(&mut self, message: Message) {
        let now = self.now;
        match message {
            Message::Ask {
                from,
                life,
                to,
                seq,
                ask,
            } => {
                let Some(index) = (0..self.nodes.len()).find(|index| contact(*index) == to) else {
                    return;
                };
                self.replies += 1;
                let reply = ReplyTo(self.replies);
                let node = &mut self.nodes[index];
                let Some(formation) = &mut node.formation else {
                    return;
                };
                node.waiting.insert(reply, (from, life, to, seq));
                formation.handle_ask(now, reply, ask);
                self.obey(index);
            }
            Message::Standing {
                to,
                life,
                contact,
                seq,
                standing,
            } => {
                let node = &mut self.nodes[to];
                let Some(formation) = node.formation.as_mut().filter(|_| node.life == life) else {
                    return;
                };
                formation.handle_standing(now, &contact, seq, standing);
                self.obey(to);
            }
            Message::Joined { to, life, group, id } => {
                let node = &mut self.nodes[to];
                let Some(formation) = node.formation.as_mut().filter(|_| node.life == life) else {
                    return;
                };
                formation.handle_joined(now, group, id);
                self.obey(to);
            }
        }
    }

    /// Carries out what the node commands, in order; a crash may come between any two.
    fn obey(&mut self, index: usize) {
        while let Some(command) = self.nodes[index]
            .formation
            .as_mut()
            .and_then(Formation::poll_command)
        {
            let life = self.nodes[index].life;
            match command {
                Command::Ask { contact, seq, ask } => {
                    self.send(Message::Ask {
                        from: index,
                        life,
                        to: contact,
                        seq,
                        ask,
                    });
                }
                Command::Reply { to, standing } => {
                    let (to, life, contact, seq) = self.nodes[index]
                        .waiting
                        .remove(&to)
                        .expect("a question that was asked");
                    self.send(Message::Standing {
                        to,
                        life,
                        contact,
                        seq,
                        standing,
                    });
                }
                Command::Remember(memory) => self.remember(index, memory),
                Command::Join { group, contacts } => {
                    assert!(!contacts.is_empty());
                    self.joins += 1;
                    let id = RaftId((1 << 32) + self.joins);
                    self.send(Message::Joined {
                        to: index,
                        life,
                        group,
                        id,
                    });
                }
                Command::Start(formed) => {
                    assert_eq!(self.formed(index), Some(&formed), "what starts is on disk");
                }
                _ => {}
            }
            if self.loss > 0 && self.dice.roll(2_000) == 0 {
                self.crash(index);
            }
        }
    }

    fn remember(&mut self, index: usize, memory: Memory) {
        let node = &mut self.nodes[index];
        assert!(
            node.memory.formed.is_none(),
            "a node that formed changes its mind never"
        );
        if let Some(formed) = memory.formed.as_ref().filter(|formed| !formed.voters.is_empty()) {
            let voters = formed
                .voters
                .values()
                .map(quorate_regions::formation::Voter::identity)
                .collect();
            let known = self.groups.entry(formed.group).or_insert_with(|| voters);
            let who = Identity {
                name: node.name.clone(),
                disk: node.disk,
            };
            assert!(known.contains(&who), "only an initial voter has a seat");
        }
        node.memory = memory;
    }

    fn send(&mut self, message: Message) {
        let copies = if self.dice.percent(self.loss) {
            0
        } else if self.loss > 0 && self.dice.percent(10) {
            2
        } else {
            1
        };
        for _ in 1..copies {
            let twin = message.twin();
            self.post(twin);
        }
        if copies > 0 {
            self.post(message);
        }
    }

    fn post(&mut self, message: Message) {
        // Mostly quick, now and then very late.
        let slow = self.loss > 0 && self.dice.percent(5);
        let delay = Duration::from_millis(1 + self.dice.roll(if slow { 20_000 } else { 50 }));
        self.sent += 1;
        self.queue.insert((self.now.after(delay), self.sent), message);
    }
}

impl Message {
    fn twin(&self) -> Self {
        match self {
            Self::Ask {
                from,
                life,
                to,
                seq,
                ask,
            } => Self::Ask {
                from: *from,
                life: *life,
                to: to.clone(),
                seq: *seq,
                ask: ask.clone(),
            },
            Self::Standing {
                to,
                life,
                contact,
                seq,
                standing,
            } => Self::Standing {
                to: *to,
                life: *life,
                contact: contact.clone(),
                seq: *seq,
                standing: standing.clone(),
            },
            Self::Joined { to, life, group, id } => Self::Joined {
                to: *to,
                life: *life,
                group: *group,
                id: *id,
            },
        }
    }
}
