//! What a replica applies entries to: the region's acceptor, and this replica's stamps beside it.

use std::io;

use crate::lease::{Acceptor, Judgement, Op, Outcome, Request, Stamps, Time};

/// The replicated state and this replica's own sense of time. Only the first is in a snapshot.
#[derive(Default)]
pub(super) struct Machine {
    pub(super) acceptor: Acceptor,
    pub(super) stamps: Stamps,
}

impl Machine {
    /// Applies the entry at `index`; what it leaves behind is stamped `now`.
    pub(super) fn apply(&mut self, index: u64, ops: &[Op], now: Time) -> Vec<Outcome> {
        let outcomes = self.acceptor.apply(index, ops);
        self.stamps.applied(now, &self.acceptor, index, ops, &outcomes);
        outcomes
    }

    pub(super) fn judge(&mut self, request: &Request, now: Time) -> Judgement {
        self.stamps.judge(&self.acceptor, now, request)
    }

    pub(super) fn snapshot(&self) -> io::Result<Vec<u8>> {
        postcard::to_stdvec(&self.acceptor).map_err(io::Error::other)
    }

    /// The state of a snapshot, all of it stamped `now`.
    pub(super) fn restore(bytes: &[u8], now: Time) -> io::Result<Self> {
        let acceptor: Acceptor = postcard::from_bytes(bytes)
            .map_err(|_| io::Error::new(io::ErrorKind::InvalidData, "the snapshot makes no sense"))?;
        let mut stamps = Stamps::default();
        stamps.reset(now, &acceptor);
        Ok(Self { acceptor, stamps })
    }
}
