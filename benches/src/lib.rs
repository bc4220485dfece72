//! The benchmarks of messages within a process: what is measured, and who is measured.
//!
//! A [group](groups) measures one thing, and its [members] are the ways to do it: Quorate, its peers under the feature
//! `peers`, and a bare task with a channel, which is the floor of what a framework on tokio can cost. A group is written once, in terms of
//! the traits in [`member`]; a member says how its users write an actor, and has no say in what is timed.
//!
//! ```text
//!   groups   what: how many actors, callers, tokens, threads
//!   stage    how: puts the actors up, lets callers loose, stops the clock, compares the counts
//!   tally    the state of every actor: counts, and takes the time of the last message
//!   member   what a framework must offer; members/* are its implementations
//!   host     where actors and callers run: a tokio runtime, or actix's system with its arbiters
//! ```
//!
//! The clock stops when the last message has been counted by the actor it went to, and each run asserts the counts. No member can
//! win by not doing the work.

use tokio::runtime::{Builder, Runtime};

pub mod groups;
pub mod host;
pub mod member;
pub mod members;
pub mod stage;
pub mod tally;

/// The threads of the runtime in which local messages are measured, unless a group says that it has one.
pub const WORKERS: usize = 2;

/// The bound of every queue between a producer and a consumer in one process, in messages: Quorate's default mailbox.
pub const QUEUE_MAX: usize = 1024;

/// A runtime of this many worker threads.
///
/// # Panics
///
/// When the system has no thread to give.
pub fn runtime(workers: usize) -> Runtime {
    Builder::new_multi_thread()
        .worker_threads(workers)
        .enable_all()
        .build()
        .expect("a benchmark cannot run without its threads")
}
