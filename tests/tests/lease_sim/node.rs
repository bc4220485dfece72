//! A node of the simulated world: a host with a clock, and the driver that the real one has to be as dumb as.

use std::collections::BTreeMap;

use quorate_regions::id::{Epoch, NodeName, RegionName, ResourceId, Uid};
use quorate_regions::lease::{Answer, Candidate, Holder, Time};

use super::dice::HostClock;

pub(crate) struct Node {
    pub(crate) clock: HostClock,
    pub(crate) name: NodeName,
    pub(crate) region: usize,
    pub(crate) life: Option<Life>,
    pub(crate) paused: bool,
    /// What arrived while it was paused.
    pub(crate) inbox: Vec<(Uid, RegionName, Machine, Answer)>,
}

/// One process.
pub(crate) struct Life {
    pub(crate) uid: Uid,
    pub(crate) holder: Holder,
    pub(crate) candidates: BTreeMap<ResourceId, Candidate>,
    pub(crate) actors: BTreeMap<ResourceId, Actor>,
    /// Only the newest timer counts.
    pub(crate) timer: u64,
}

/// An instance of a singleton. It has effects until it is stopped, or until its own time and the stop budget are over.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Actor {
    pub(crate) epoch: Epoch,
    /// The validity cell.
    pub(crate) until: Time,
    pub(crate) stopping: bool,
}

/// To whom an answer belongs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Machine {
    Candidate(ResourceId),
    Holder,
}
