//! A region of the simulated world: one log, three replicas with clocks of their own, and a leader that may not know that it is none.

use quorate_regions::id::RegionName;
use quorate_regions::lease::{Acceptor, Op, Request, Stamps};

use super::dice::HostClock;
use super::world::Caller;

pub(crate) const REPLICAS: usize = 3;

pub(crate) struct Region {
    pub(crate) name: RegionName,
    pub(crate) log: Vec<Entry>,
    /// The state after the whole log: what any replica has to arrive at.
    pub(crate) truth: Acceptor,
    pub(crate) replicas: Vec<Replica>,
    pub(crate) leader: usize,
    /// Proposed, to be committed together.
    pub(crate) batch: Vec<Proposal>,
}

pub(crate) struct Replica {
    pub(crate) clock: HostClock,
    pub(crate) acceptor: Acceptor,
    pub(crate) stamps: Stamps,
    /// How many entries it has applied.
    pub(crate) applied: usize,
    pub(crate) up: bool,
    /// Counts its lives: an earlier one answers nobody.
    pub(crate) life: u64,
}

pub(crate) struct Entry {
    pub(crate) ops: Vec<Op>,
    pub(crate) proposals: Vec<Proposal>,
}

#[derive(Clone)]
pub(crate) struct Proposal {
    pub(crate) op: Op,
    pub(crate) request: Request,
    pub(crate) caller: Caller,
    pub(crate) replica: usize,
    pub(crate) life: u64,
}

impl Region {
    pub(crate) fn has_quorum(&self) -> bool {
        self.replicas.iter().filter(|replica| replica.up).count() > REPLICAS / 2
    }

    /// Another replica takes the lead; the old one may go on proposing.
    pub(crate) fn elect(&mut self, preferred: usize) {
        let order = (0..REPLICAS).map(|step| (preferred + step) % REPLICAS);
        self.leader = order
            .into_iter()
            .find(|at| self.replicas[*at].up)
            .unwrap_or(self.leader);
    }
}
