//! The state that every measured actor has, whatever framework it is written for: it counts, and takes the time.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use tokio::sync::mpsc;

/// Counts messages and adds up what they carry.
///
/// Its one branch a message, and the one atomic subtraction of an actor whose last message this was, are the same in all members.
pub struct Tally {
    count: u64,
    total: u64,
    target: u64,
    witness: Witness,
}

impl Tally {
    /// Of an actor that begins.
    pub fn new(witness: Witness) -> Self {
        Self {
            count: 0,
            total: 0,
            target: 0,
            witness,
        }
    }

    /// Counts a message that carries `n`, and answers the total.
    pub fn add(&mut self, n: u64) -> u64 {
        self.count += 1;
        self.total = self.total.wrapping_add(n);
        if self.count == self.target {
            self.witness.finish();
        }
        self.total
    }

    /// So many messages are about to come; the last of them [finishes](Witness::finish). Answers the count so far.
    pub fn expect(&mut self, messages: u64) -> u64 {
        self.target = self.count + messages;
        self.count
    }

    /// What has been counted.
    pub fn count(&self) -> u64 {
        self.count
    }

    /// Who is told at the end.
    pub fn witness(&self) -> &Witness {
        &self.witness
    }
}

impl Drop for Tally {
    fn drop(&mut self) {
        self.witness.0.ended.fetch_add(1, Ordering::Release);
    }
}

/// What the actors and callers of a stage share: who has not finished, and how many actors have ended.
#[derive(Clone)]
pub struct Witness(Arc<Shared>);

struct Shared {
    unfinished: AtomicU64,
    ended: AtomicU64,
    last: mpsc::UnboundedSender<Instant>,
}

impl Witness {
    /// A witness, and where it reports the time at which the last one finished.
    pub fn new() -> (Self, mpsc::UnboundedReceiver<Instant>) {
        let (last, receiver) = mpsc::unbounded_channel();
        let shared = Shared {
            unfinished: AtomicU64::new(0),
            ended: AtomicU64::new(0),
            last,
        };
        (Self(Arc::new(shared)), receiver)
    }

    /// Waits for so many to finish. Only the last one wakes whoever waits for it, as a wake costs more than many messages.
    pub fn await_finish_of(&self, parts: u64) {
        let left = self.0.unfinished.swap(parts, Ordering::Release);
        assert_eq!(left, 0, "the run before has finished");
    }

    /// One has finished.
    pub fn finish(&self) {
        if self.0.unfinished.fetch_sub(1, Ordering::AcqRel) == 1 {
            // Nobody listens any more when the stage is being taken down.
            let _gone = self.0.last.send(Instant::now());
        }
    }

    /// How many actors have ended and left no state.
    pub fn ended(&self) -> u64 {
        self.0.ended.load(Ordering::Acquire)
    }
}
