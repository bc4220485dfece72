//! The alarms of one runtime, and what its sleeper sleeps for.
//!
//! ```text
//! a call:      puts its alarm into its shard, then looks what the sleeper sleeps for: is it later, it says so and disturbs the sleeper
//! the sleeper: says that it sleeps for nothing, goes through all shards, then says what it sleeps for: the earliest of what it found
//!              there and of what callers have said meanwhile
//! ```
//! So an alarm that comes into a shard behind the sleeper's back finds that it sleeps for nothing, or for something later, and is said.
//! A lock is held for one alarm, or for [`SORTED_MAX`] that are sorted and [`RUNG_MAX`] that ring.

use std::task::Waker;

use super::queue::{Key, Queue};
use crate::sync::{Arc, AtomicU64, Mutex, Ordering, lock};

/// Shards of one runtime. Each thread has one of them.
#[cfg(not(quorate_loom))]
pub(super) const SHARDS: usize = 8;
#[cfg(quorate_loom)]
pub(super) const SHARDS: usize = 2;
/// Alarms of one shard that ring under one lock.
const RUNG_MAX: usize = 64;
/// Alarms of one shard that are sorted under one lock.
const SORTED_MAX: usize = 256;

/// The sleeper sleeps for nothing.
pub(super) const NEVER: u64 = u64::MAX;

/// The alarms of one runtime, and what its sleeper is woken by.
pub(super) struct Shards<B> {
    shards: [Arc<Shard<B>>; SHARDS],
    shared: Arc<Shared<B>>,
}

/// The alarms of some of its threads. On a line of its own.
#[repr(align(128))]
pub(super) struct Shard<B> {
    alarms: Mutex<Alarms>,
    shared: Arc<Shared<B>>,
}

struct Shared<B> {
    sleeps_until: AtomicU64,
    bell: B,
}

struct Alarms {
    queue: Queue<Waker>,
    has_ended: bool,
}

/// What became of an alarm.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    Waits,
    Rung,
    /// Its runtime has ended before.
    Ended,
}

/// The runtime has ended.
#[derive(Debug)]
pub(super) struct Ended;

/// Whether the sleeper is to be told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use = "a sleeper that sleeps too long is to be told"]
pub(super) enum Disturb {
    Yes,
    No,
}

impl<B> Shards<B> {
    pub(super) fn new(bell: B) -> Self {
        let shared = Arc::new(Shared {
            sleeps_until: AtomicU64::new(NEVER),
            bell,
        });
        let shard = |_| {
            Arc::new(Shard {
                alarms: Mutex::new(Alarms {
                    queue: Queue::EMPTY,
                    has_ended: false,
                }),
                shared: Arc::clone(&shared),
            })
        };
        Self {
            shards: std::array::from_fn(shard),
            shared: Arc::clone(&shared),
        }
    }

    pub(super) fn bell(&self) -> &B {
        &self.shared.bell
    }

    pub(super) fn shard(&self, number: usize) -> &Arc<Shard<B>> {
        &self.shards[number % SHARDS]
    }

    /// What is due by now is handed to `ring`. Until when the sleeper may sleep then, if it is not disturbed; [`NEVER`] when there is nothing.
    pub(super) fn round(&self, now: u64, mut ring: impl FnMut(Waker)) -> u64 {
        // Not a store: in one order with what callers do there.
        self.shared.sleeps_until.swap(NEVER, Ordering::SeqCst);
        let mut next = NEVER;
        let mut due = Vec::new();
        for shard in &self.shards {
            loop {
                let mut alarms = lock(&shard.alarms);
                let are_sorted = alarms.queue.sort(SORTED_MAX);
                due.extend(std::iter::from_fn(|| alarms.queue.pop_due(now)).take(RUNG_MAX));
                let then = alarms.queue.next().unwrap_or(NEVER);
                drop(alarms);
                due.drain(..).for_each(&mut ring);
                if are_sorted && then > now {
                    next = next.min(then);
                    break;
                }
            }
        }
        next.min(self.shared.sleeps_until.fetch_min(next, Ordering::SeqCst))
    }

    /// Everything rings, and nothing is set any more.
    pub(super) fn end(&self, mut ring: impl FnMut(Waker)) {
        for shard in &self.shards {
            let mut alarms = lock(&shard.alarms);
            alarms.has_ended = true;
            let mut queue = std::mem::replace(&mut alarms.queue, Queue::EMPTY);
            drop(alarms);
            queue.sort(usize::MAX);
            std::iter::from_fn(|| queue.pop_due(NEVER)).for_each(&mut ring);
        }
    }
}

impl<B> Shard<B> {
    pub(super) fn bell(&self) -> &B {
        &self.shared.bell
    }

    #[inline]
    pub(super) fn set(&self, at: u64, waker: Waker) -> Result<(Key, Disturb), Ended> {
        let mut alarms = lock(&self.alarms);
        if alarms.has_ended {
            return Err(Ended);
        }
        let key = alarms.queue.insert(at, waker);
        drop(alarms);
        let is_earlier = at < self.shared.sleeps_until.load(Ordering::SeqCst)
            && at < self.shared.sleeps_until.fetch_min(at, Ordering::SeqCst);
        Ok((key, if is_earlier { Disturb::Yes } else { Disturb::No }))
    }

    /// From now on this one is woken.
    pub(super) fn renew(&self, key: Key, waker: &Waker) -> State {
        let mut alarms = lock(&self.alarms);
        let has_ended = alarms.has_ended;
        let before = match alarms.queue.get_mut(key) {
            Some(before) if before.will_wake(waker) => return State::Waits,
            Some(before) => std::mem::replace(before, waker.clone()),
            None if has_ended => return State::Ended,
            None => return State::Rung,
        };
        drop(alarms);
        // It may be the last of its task.
        drop(before);
        State::Waits
    }

    /// The alarm does not ring. The sleeper need not know, but may: `Yes` when it sleeps for this one.
    #[inline]
    pub(super) fn take_back(&self, key: Key) -> Disturb {
        let mut alarms = lock(&self.alarms);
        let taken = alarms.queue.remove(key);
        drop(alarms);
        match taken {
            Some((at, _waker)) if at <= self.shared.sleeps_until.load(Ordering::SeqCst) => Disturb::Yes,
            Some(_) | None => Disturb::No,
        }
    }
}
