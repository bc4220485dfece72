//! What discovery shows of the region, and the newest answer of each contact.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use crate::id::{GroupId, NodeName};
use crate::lease::Time;

use super::memory::Identity;
use super::message::{Seq, Standing, Trouble};

/// The contacts of a region. Answers of a contact that is shown no longer are forgotten.
#[derive(Debug, Default)]
pub(super) struct Contacts {
    /// The newest answer of each: to which question, when, what.
    answers: BTreeMap<String, Option<(Seq, Time, Standing)>>,
    stable_since: Option<Time>,
}

impl Contacts {
    /// Discovery shows exactly these; whether that is new.
    pub(super) fn show(&mut self, now: Time, contacts: BTreeSet<String>) -> bool {
        let new = !self.answers.keys().eq(&contacts) || self.stable_since.is_none();
        if new {
            self.stable_since = Some(now);
            self.answers.retain(|contact, _| contacts.contains(contact));
            for contact in contacts {
                self.answers.entry(contact).or_default();
            }
        }
        new
    }

    /// An answer; whether it is news.
    pub(super) fn hear(&mut self, now: Time, contact: &str, seq: Seq, standing: Standing) -> bool {
        let Some(answer) = self.answers.get_mut(contact) else {
            return false;
        };
        let news = answer.as_ref().is_none_or(|(newest, ..)| *newest <= seq);
        if news {
            *answer = Some((seq, now, standing));
        }
        news
    }

    pub(super) fn len(&self) -> usize {
        self.answers.len()
    }

    pub(super) fn contains(&self, contact: &str) -> bool {
        self.answers.contains_key(contact)
    }

    /// All of them, in order.
    pub(super) fn names(&self) -> Vec<String> {
        self.answers.keys().cloned().collect()
    }

    /// For how long discovery has shown the same.
    pub(super) fn stable_for(&self, now: Time) -> Duration {
        self.stable_since.map_or(Duration::ZERO, |since| now.since(since))
    }

    /// The newest answer of `contact`, however old.
    pub(super) fn answer(&self, contact: &str) -> Option<&Standing> {
        let (_, _, standing) = self.answers.get(contact)?.as_ref()?;
        Some(standing)
    }

    /// The newest answer of each that has one, if it is to question `since` or a later one.
    pub(super) fn answers_since(&self, since: Seq) -> impl Iterator<Item = (&String, &Standing)> {
        let answers = self
            .answers
            .iter()
            .filter_map(|(contact, answer)| Some((contact, answer.as_ref()?)));
        answers
            .filter(move |(_, (seq, ..))| *seq >= since)
            .map(|(contact, (_, _, standing))| (contact, standing))
    }

    /// The newest answer of each that was heard at `oldest` or later.
    pub(super) fn heard_since(&self, oldest: Time) -> impl Iterator<Item = (&String, &Standing)> {
        self.answers.iter().filter_map(move |(contact, answer)| {
            let (_, at, standing) = answer.as_ref()?;
            (*at >= oldest).then_some((contact, standing))
        })
    }

    /// The groups that were told of at `oldest` or later, each with a contact.
    pub(super) fn groups(&self, oldest: Time) -> impl Iterator<Item = (GroupId, &String)> {
        self.heard_since(oldest)
            .filter_map(|(contact, standing)| Some((standing.formed?, contact)))
    }

    /// Nodes that share a name, by what was heard at `oldest` or later.
    pub(super) fn same_names(&self, oldest: Time) -> Vec<Trouble> {
        let mut seen: BTreeMap<&NodeName, (&Identity, &String)> = BTreeMap::new();
        let mut troubles = Vec::new();
        for (contact, standing) in self.heard_since(oldest) {
            let earlier = seen.insert(&standing.who.name, (&standing.who, contact));
            if let Some((who, one)) = earlier
                && *who != standing.who
            {
                troubles.push(Trouble::SameName {
                    name: who.name.clone(),
                    one: one.clone(),
                    other: contact.clone(),
                });
            }
        }
        troubles
    }
}
