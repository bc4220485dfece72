//! A candidate's attempt to form the region: its voters, and what it becomes when all of them have promised.

use std::collections::BTreeMap;

use crate::lease::Time;
use crate::store::{RaftId, RaftNode};

use super::memory::{Formed, Identity, Promise, Voter};
use super::message::Ask;

/// An attempt under way. It is volatile: with the process that made it, it is over.
#[derive(Debug)]
pub(super) struct Attempt {
    /// The voters, each with its contact.
    pub(super) voters: BTreeMap<Identity, String>,
    pub(super) promise: Promise,
    pub(super) ends: Time,
}

impl Attempt {
    /// The voters other than the candidate itself.
    pub(super) fn others(&self) -> impl Iterator<Item = (&Identity, &String)> {
        self.voters
            .iter()
            .filter(|(who, _)| **who != self.promise.candidate)
    }

    /// What every other voter is asked.
    pub(super) fn ask(&self) -> Ask {
        let voters = self.voters.keys().cloned().collect();
        Ask::Promise {
            attempt: self.promise.clone(),
            voters,
        }
    }

    /// The group of the attempt, as its candidate belongs to it: voters count from the lowest name.
    pub(super) fn formed(&self) -> Formed {
        let seats = (0..).zip(&self.voters).map(|(position, (who, contact))| {
            let (name, address) = (who.name.clone(), contact.clone());
            let node = RaftNode { name, address };
            (RaftId::initial(position), Voter { node, disk: who.disk })
        });
        let mut formed = Formed {
            group: self.promise.group,
            id: RaftId::initial(0),
            voters: seats.collect(),
        };
        // The candidate is the lowest, so the first; asked for all the same.
        formed.id = formed.seat(&self.promise.candidate).unwrap_or(formed.id);
        formed
    }
}
