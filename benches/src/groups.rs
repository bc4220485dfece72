//! What is measured: the table of groups.

use crate::WORKERS;

/// The actors of the big ring, and those that one producer serves in turn.
const MANY: usize = 1000;

/// One thing that is measured, for all members alike.
#[derive(Clone, Copy, Debug)]
pub struct Group {
    /// What it is called in the results.
    pub name: &'static str,
    /// The threads of the host; with one it is tokio's current-thread runtime.
    pub threads: usize,
    /// What is done.
    pub work: Work,
}

/// What is done. One message, or one life of an actor, is the unit of time.
#[derive(Clone, Copy, Debug)]
pub enum Work {
    /// Producers share the messages, each sends its own to all actors in turn.
    Cast {
        /// Tasks that send.
        producers: usize,
        /// Actors that count.
        actors: usize,
    },
    /// Callers share the messages, each waits for one reply before its next call.
    Call {
        /// Tasks that call.
        callers: usize,
    },
    /// One caller, and a handler that is async and never waits.
    CallAsync,
    /// Each actor passes what it gets on to the next one.
    Ring {
        /// Actors in the ring.
        actors: usize,
        /// Messages that are under way at the same time.
        tokens: usize,
    },
    /// An actor is started, stopped, and waited for; then the next one.
    SpawnStop,
}

/// All groups, in the order of the results. Those on one thread have names that say so.
pub const GROUPS: [Group; 15] = [
    group(
        "cast_1_producer",
        WORKERS,
        Work::Cast {
            producers: 1,
            actors: 1,
        },
    ),
    group(
        "cast_8_producers",
        WORKERS,
        Work::Cast {
            producers: 8,
            actors: 1,
        },
    ),
    group(
        "cast_round_robin_1000",
        WORKERS,
        Work::Cast {
            producers: 1,
            actors: MANY,
        },
    ),
    group("call_sequential", WORKERS, Work::Call { callers: 1 }),
    group("call_sequential_async", WORKERS, Work::CallAsync),
    group("call_64_callers", WORKERS, Work::Call { callers: 64 }),
    group("ping_pong", WORKERS, Work::Ring { actors: 2, tokens: 1 }),
    group(
        "ring_1000_1_token",
        WORKERS,
        Work::Ring {
            actors: MANY,
            tokens: 1,
        },
    ),
    group(
        "ring_1000_100_tokens",
        WORKERS,
        Work::Ring {
            actors: MANY,
            tokens: 100,
        },
    ),
    group("spawn_stop", WORKERS, Work::SpawnStop),
    group(
        "cast_1_producer_1_thread",
        1,
        Work::Cast {
            producers: 1,
            actors: 1,
        },
    ),
    group("call_sequential_1_thread", 1, Work::Call { callers: 1 }),
    group("call_sequential_async_1_thread", 1, Work::CallAsync),
    group("ping_pong_1_thread", 1, Work::Ring { actors: 2, tokens: 1 }),
    group("spawn_stop_1_thread", 1, Work::SpawnStop),
];

impl Group {
    /// The group of this name.
    pub fn named(name: &str) -> Option<Self> {
        GROUPS.into_iter().find(|group| group.name == name)
    }
}

const fn group(name: &'static str, threads: usize, work: Work) -> Group {
    Group { name, threads, work }
}
