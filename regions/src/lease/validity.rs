//! Until when a holder may act, and since when something that still runs is overdue. Rules 11 and 14 of the design.

use std::time::Duration;

use crate::id::Epoch;

use super::clock::Time;

/// The right to act under one epoch; a snapshot, to be copied into a cell that belongs to that epoch alone and is never reused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Validity {
    /// The tenure.
    pub epoch: Epoch,
    /// The first instant, of the holder's own clock, at which it may not act any more.
    pub until: Time,
    /// The stop budget.
    pub stop: Duration,
}

impl Validity {
    /// Whether a message may be handled, or an effect take place, at `now`.
    pub fn holds(&self, now: Time) -> bool {
        now < self.until
    }

    /// Whether the stop budget is used up too: what runs now does so beside a possible successor.
    pub fn is_overrun(&self, now: Time) -> bool {
        now >= self.until.after(self.stop)
    }
}

/// `(q-th largest of s) + term - stop`, where each `s` is the holder's clock before the first byte of a message that a region
/// acknowledged. `None` with fewer than `quorum` regions.
pub fn valid_until(
    acknowledged: impl Iterator<Item = Time>,
    quorum: usize,
    term: Duration,
    stop: Duration,
) -> Option<Time> {
    let mut sent: Vec<Time> = acknowledged.collect();
    sent.sort_unstable_by(|a, b| b.cmp(a));
    let decisive = sent.get(quorum.checked_sub(1)?)?;
    Some(decisive.after(term).before(stop))
}
