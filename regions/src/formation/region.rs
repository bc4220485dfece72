//! The formation of one region, as one node sees it.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use crate::id::GroupId;
use crate::lease::Time;
use crate::store::RaftId;

use super::attempt::Attempt;
use super::contacts::Contacts;
use super::memory::{Formed, Identity, Memory, Promise};
use super::message::{Ask, Command, ReplyTo, Seq, Settings, Standing, Trouble};

/// An answer older than this many rounds of asking counts no more.
const FRESH_ROUNDS: u32 = 4;
/// Nodes that belong to a group look at the others this much more rarely, once nobody is left to be seated.
const FORMED_SLOWER: u32 = 8;
/// Doublings of the pause after an attempt that failed, at most.
const PAUSE_DOUBLINGS_MAX: u32 = 4;

/// The formation of a region in one node. See the [module](super) for its states.
///
/// Call a `handle_*` method for whatever happens, then [`Self::poll_command`] until it gives nothing, then wait until
/// [`Self::next_deadline`] at most and call [`Self::handle_timeout`].
#[derive(Debug)]
pub struct Formation {
    settings: Settings,
    who: Identity,
    memory: Memory,
    /// Drawn at random for this process; every attempt takes the next number.
    seed: u128,
    attempts: u32,
    attempt: Option<Attempt>,
    pause_until: Time,
    contacts: Contacts,
    next_seq: Seq,
    /// Answers to questions before this one say nothing about the promise that is held now.
    promised_at: Seq,
    next_round: Time,
    next_join: Time,
    commands: VecDeque<Command>,
    reported: BTreeSet<Trouble>,
}

impl Formation {
    /// A node that remembers `memory`; `seed` is drawn at random for this life of the process.
    pub fn new(settings: Settings, who: Identity, memory: Memory, seed: u128, now: Time) -> Self {
        let mut formation = Self {
            settings,
            who,
            memory,
            seed,
            attempts: 0,
            attempt: None,
            pause_until: now,
            contacts: Contacts::default(),
            next_seq: Seq(0),
            promised_at: Seq(0),
            next_round: now,
            next_join: now,
            commands: VecDeque::new(),
            reported: BTreeSet::new(),
        };
        if let Some(formed) = formation.memory.formed.clone() {
            formation.commands.push_back(Command::Start(formed));
        } else if formation.promised_to_itself() {
            // The attempt died with the process that made it, and its group was never formed.
            formation.remember(None);
        }
        formation
    }

    /// The group that the node belongs to.
    pub fn formed(&self) -> Option<&Formed> {
        self.memory.formed.as_ref()
    }

    /// What the node would answer to [`Ask::Standing`].
    pub fn standing(&self) -> Standing {
        Standing {
            who: self.who.clone(),
            promised: self.memory.promised.clone(),
            formed: self.memory.formed.as_ref().map(|formed| formed.group),
        }
    }

    /// Discovery shows exactly these contacts of the region, this node's own among them.
    pub fn handle_contacts(&mut self, now: Time, contacts: BTreeSet<String>) {
        if self.contacts.show(now, contacts) {
            self.next_round = now;
            let lost = |it: &Attempt| it.voters.values().any(|at| !self.contacts.contains(at));
            let automatic = self.settings.initial_voters.is_none();
            if self
                .attempt
                .as_ref()
                .is_some_and(|attempt| automatic || lost(attempt))
            {
                self.give_up(now);
            }
        }
        self.advance(now);
    }

    /// The node at `contact` answered question `seq`.
    pub fn handle_standing(&mut self, now: Time, contact: &str, seq: Seq, standing: Standing) {
        if seq < self.next_seq && self.contacts.hear(now, contact, seq, standing) {
            self.advance(now);
        }
    }

    /// The node at `contact` did not answer question `seq`. A silence says nothing; its older answers grow old.
    pub fn handle_silence(&mut self, now: Time, _contact: &str, _seq: Seq) {
        self.advance(now);
    }

    /// Another node asks.
    pub fn handle_ask(&mut self, now: Time, to: ReplyTo, ask: Ask) {
        match ask {
            Ask::Standing => {}
            Ask::Promise { attempt, voters } => self.consider(now, attempt, &voters),
            Ask::Seat(formed) => self.take_seat(formed),
        }
        self.commands.push_back(Command::Reply {
            to,
            standing: self.standing(),
        });
        self.advance(now);
    }

    /// The leader of `group` gave this node an id.
    pub fn handle_joined(&mut self, now: Time, group: GroupId, id: RaftId) {
        if self.memory.formed.is_none() && self.memory.promised.is_none() {
            self.become_formed(Formed {
                group,
                id,
                voters: BTreeMap::new(),
            });
        }
        self.advance(now);
    }

    /// Time has passed.
    pub fn handle_timeout(&mut self, now: Time) {
        self.advance(now);
    }

    /// The next thing to do, in order.
    pub fn poll_command(&mut self) -> Option<Command> {
        self.commands.pop_front()
    }

    /// When [`Self::handle_timeout`] is due.
    pub fn next_deadline(&self) -> Time {
        let ends = self.attempt.as_ref().map(|attempt| attempt.ends);
        ends.map_or(self.next_round, |ends| ends.min(self.next_round))
    }

    fn advance(&mut self, now: Time) {
        self.release_promise();
        match (&self.memory.formed, &self.attempt) {
            (Some(_), _) => self.watch_for_strangers(),
            (None, Some(_)) => self.pursue(now),
            (None, None) => self.seek(now),
        }
        if now >= self.next_round {
            self.ask_everybody(now);
        }
    }

    // -- asking ------------------------------------------------------------------------------------------------------------------

    fn ask_everybody(&mut self, now: Time) {
        let mut seating = false;
        for contact in self.contacts.names() {
            let ask = self.question_for(&contact);
            seating |= matches!(ask, Ask::Seat(_));
            self.ask(contact, ask);
        }
        let settled = self.memory.formed.is_some() && !seating;
        self.next_round = now.after(self.settings.ask_every * if settled { FORMED_SLOWER } else { 1 });
        self.complain(now);
        if self.memory.formed.is_none() && self.attempt.is_none() && self.memory.promised.is_none() {
            self.join(now);
        }
    }

    fn question_for(&self, contact: &str) -> Ask {
        if let Some(attempt) = &self.attempt
            && attempt.others().any(|(_, at)| at == contact)
        {
            return attempt.ask();
        }
        if let (Some(formed), Some(theirs)) = (&self.memory.formed, self.contacts.answer(contact))
            && theirs.formed.is_none()
            && theirs
                .promised
                .as_ref()
                .is_some_and(|promise| promise.group == formed.group)
            && let Some(id) = formed.seat(&theirs.who)
        {
            return Ask::Seat(Formed { id, ..formed.clone() });
        }
        Ask::Standing
    }

    fn ask(&mut self, contact: String, ask: Ask) {
        let seq = self.next_seq;
        self.next_seq = Seq(seq.0 + 1);
        self.commands.push_back(Command::Ask { contact, seq, ask });
    }

    /// What was heard earlier is too old to count.
    fn oldest(&self, now: Time) -> Time {
        now.before(self.settings.ask_every * FRESH_ROUNDS)
    }

    // -- the candidate -----------------------------------------------------------------------------------------------------------

    fn seek(&mut self, now: Time) {
        if self.memory.promised.is_some() || now < self.pause_until {
            return;
        }
        let Some(voters) = self.would_be_voters(now) else {
            return;
        };
        if voters
            .first_key_value()
            .is_none_or(|(lowest, _)| *lowest != self.who)
        {
            return;
        }
        self.attempts += 1;
        let group = GroupId(self.seed.wrapping_add(u128::from(self.attempts)));
        let promise = Promise {
            group,
            candidate: self.who.clone(),
        };
        self.remember(Some(promise.clone()));
        let attempt = Attempt {
            voters,
            promise,
            ends: now.after(self.settings.attempt_max),
        };
        for (_, contact) in attempt.others() {
            let seq = self.next_seq;
            self.next_seq = Seq(seq.0 + 1);
            self.commands.push_back(Command::Ask {
                contact: contact.clone(),
                seq,
                ask: attempt.ask(),
            });
        }
        self.attempt = Some(attempt);
        // A group of one needs nobody else.
        self.pursue(now);
    }

    /// Who would form the region, by what discovery and everybody says; `None` as long as anything stands against it.
    fn would_be_voters(&self, now: Time) -> Option<BTreeMap<Identity, String>> {
        let mut found = BTreeMap::new();
        let mut names = BTreeSet::new();
        for (contact, standing) in self.contacts.heard_since(self.oldest(now)) {
            let free = standing.formed.is_none() && (standing.promised.is_none() || standing.who == self.who);
            if standing.formed.is_some() {
                return None;
            }
            let wanted = self
                .settings
                .initial_voters
                .as_ref()
                .is_none_or(|names| names.contains(&standing.who.name));
            if !wanted || found.contains_key(&standing.who) {
                continue;
            }
            if !free || !names.insert(standing.who.name.clone()) {
                return None;
            }
            found.insert(standing.who.clone(), contact.clone());
        }
        let complete = if let Some(wanted) = &self.settings.initial_voters {
            names == *wanted
        } else {
            let stable = self.contacts.stable_for(now) >= self.settings.stable_margin;
            stable && self.contacts.len() == self.settings.voters && found.len() == self.settings.voters
        };
        (complete && found.contains_key(&self.who)).then_some(found)
    }

    fn pursue(&mut self, now: Time) {
        let Some(attempt) = &self.attempt else { return };
        let mut promised = 1;
        let mut refused = false;
        // What was said before the question is old news.
        for (contact, theirs) in self.contacts.answers_since(self.promised_at) {
            let Some((who, _)) = attempt.others().find(|(_, at)| *at == contact) else {
                continue;
            };
            let other = theirs
                .promised
                .as_ref()
                .is_some_and(|promise| *promise != attempt.promise);
            refused |= theirs.who != *who || theirs.formed.is_some() || other;
            promised += usize::from(theirs.promised.is_some());
        }
        if refused || (promised < attempt.voters.len() && now >= attempt.ends) {
            self.give_up(now);
        } else if promised == attempt.voters.len() {
            let formed = attempt.formed();
            self.attempt = None;
            self.become_formed(formed);
            self.next_round = now;
        }
    }

    /// Ends the attempt: its group is never formed, because nobody else may form it and this node forgets it first.
    fn give_up(&mut self, now: Time) {
        self.attempt = None;
        self.remember(None);
        let doublings = self.attempts.saturating_sub(1).min(PAUSE_DOUBLINGS_MAX);
        let longest = self.settings.ask_every * (1 << doublings);
        // Spread by the seed, so that candidates that met once do not meet again.
        let share = self.seed.rotate_left(self.attempts * 13) % 1_000;
        let spread = longest.mul_f64(share as f64 / 1_000.0);
        self.pause_until = now.after(self.settings.ask_every + spread);
    }

    // -- the others --------------------------------------------------------------------------------------------------------------

    fn consider(&mut self, now: Time, attempt: Promise, voters: &BTreeSet<Identity>) {
        let free = self.memory.formed.is_none() && self.memory.promised.is_none();
        if !free || !voters.contains(&self.who) || self.contacts.groups(self.oldest(now)).next().is_some() {
            return;
        }
        let names: BTreeSet<_> = voters.iter().map(|voter| voter.name.clone()).collect();
        let agreed = match &self.settings.initial_voters {
            Some(wanted) => names == *wanted,
            None => voters.len() == self.settings.voters && names.len() == voters.len(),
        };
        if agreed {
            self.remember(Some(attempt));
        } else {
            self.report(Trouble::OtherVoters {
                candidate: attempt.candidate.name,
            });
        }
    }

    fn take_seat(&mut self, formed: Formed) {
        let promised = self
            .memory
            .promised
            .as_ref()
            .is_some_and(|promise| promise.group == formed.group);
        let seated = formed.seat(&self.who) == Some(formed.id);
        if self.memory.formed.is_none() && self.attempt.is_none() && promised && seated {
            self.become_formed(formed);
        }
    }

    /// Takes the promise back when its candidate, asked after it was made, does not stand by the attempt, or has lost its disk.
    fn release_promise(&mut self) {
        let Some(promise) = self
            .memory
            .promised
            .clone()
            .filter(|_| self.attempt.is_none() && self.memory.formed.is_none())
        else {
            return;
        };
        let answers = self.contacts.answers_since(self.promised_at);
        let later: Vec<_> = answers.map(|(_, theirs)| theirs).collect();
        let stands = later.iter().any(|theirs| {
            theirs.formed == Some(promise.group)
                || (theirs.who == promise.candidate && theirs.promised.as_ref() == Some(&promise))
        });
        let gave_up = later
            .iter()
            .any(|theirs| theirs.who.name == promise.candidate.name);
        if gave_up && !stands {
            self.remember(None);
        }
    }

    // -- everybody ---------------------------------------------------------------------------------------------------------------

    fn join(&mut self, now: Time) {
        let mut known: BTreeMap<GroupId, BTreeSet<String>> = BTreeMap::new();
        for (group, contact) in self.contacts.groups(self.oldest(now)) {
            known.entry(group).or_default().insert(contact.clone());
        }
        let mut known = known.into_iter();
        match (known.next(), known.next()) {
            (Some((group, contacts)), None) if now >= self.next_join => {
                self.next_join = now.after(self.settings.attempt_max);
                self.commands.push_back(Command::Join { group, contacts });
            }
            (Some((one, _)), Some((other, contacts))) => {
                let contact = contacts.into_iter().next().unwrap_or_default();
                self.report(Trouble::TwoGroups { one, other, contact });
            }
            _ => {}
        }
    }

    fn watch_for_strangers(&mut self) {
        let Some(ours) = self.memory.formed.as_ref().map(|formed| formed.group) else {
            return;
        };
        let stranger = self
            .contacts
            .groups(Time::default())
            .find(|(group, _)| *group != ours);
        let stranger = stranger.map(|(other, contact)| Trouble::TwoGroups {
            one: ours,
            other,
            contact: contact.clone(),
        });
        if let Some(trouble) = stranger {
            self.report(trouble);
        }
    }

    /// Says what stands in the way, each thing once.
    fn complain(&mut self, now: Time) {
        let oldest = self.oldest(now);
        let mut troubles = self.contacts.same_names(oldest);
        let unformed = self.memory.formed.is_none();
        let automatic = unformed
            && self.settings.initial_voters.is_none()
            && self.contacts.groups(oldest).next().is_none();
        if automatic && self.contacts.len() > self.settings.voters {
            troubles.push(Trouble::TooManyContacts {
                found: self.contacts.len(),
                voters: self.settings.voters,
            });
        }
        if let Some(promise) = self.memory.promised.as_ref().filter(|_| unformed)
            && promise.candidate != self.who
            && self.contacts.stable_for(now) >= self.settings.attempt_max
            && self
                .contacts
                .heard_since(oldest)
                .all(|(_, theirs)| theirs.who.name != promise.candidate.name)
        {
            troubles.push(Trouble::CandidateSilent {
                candidate: promise.candidate.name.clone(),
            });
        }
        for trouble in troubles {
            self.report(trouble);
        }
    }

    fn report(&mut self, trouble: Trouble) {
        if self.reported.insert(trouble.clone()) {
            self.commands.push_back(Command::Report(trouble));
        }
    }

    fn become_formed(&mut self, formed: Formed) {
        self.memory = Memory {
            promised: None,
            formed: Some(formed.clone()),
        };
        self.commands.push_back(Command::Remember(self.memory.clone()));
        self.commands.push_back(Command::Start(formed));
    }

    fn remember(&mut self, promised: Option<Promise>) {
        self.memory.promised = promised;
        self.promised_at = self.next_seq;
        self.commands.push_back(Command::Remember(self.memory.clone()));
    }

    fn promised_to_itself(&self) -> bool {
        self.memory
            .promised
            .as_ref()
            .is_some_and(|promise| promise.candidate.name == self.who.name)
    }
}
