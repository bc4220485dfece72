//! Helpers shared by the benchmarks.
//!
//! A group measures one thing, and its members are the ways to do it: Quorate's and those it is compared with. Every member
//! counts what arrived, and the clock stops when the count is complete.

use tokio::runtime::{Builder, Runtime};

/// The threads of the runtime in which local messages are measured.
pub const WORKERS: usize = 2;

/// The bound of every queue between a producer and a consumer in one process, in messages: Quorate's default mailbox.
pub const QUEUE_MAX: usize = 1024;

/// A runtime of this many threads.
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
