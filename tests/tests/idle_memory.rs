//! What an idle actor costs, in bytes. Without a harness, as its threads allocate, too.

use std::alloc::System as SystemAllocator;

use quorate::prelude::*;
use quorate::supervision::DynamicSupervisor;
use quorate::testing;
use stats_alloc::{INSTRUMENTED_SYSTEM, StatsAlloc};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<SystemAllocator> = &INSTRUMENTED_SYSTEM;

/// How many are started. Their supervisor's table has room for a quarter more at most.
const ACTORS: usize = 10_000;
/// What one takes with all that the framework keeps beside it, in bytes, before and after its first messages.
const BYTES_MAX: usize = 512;

/// Eight bytes of state.
#[actor]
#[derive(Default)]
pub struct Counter {
    total: u64,
}

#[actor]
impl Counter {
    /// Adds.
    pub fn add(&mut self, n: u64) -> u64 {
        self.total += n;
        self.total
    }

    /// The same in a handler that waits.
    pub async fn add_later(&mut self, n: u64) -> u64 {
        tokio::task::yield_now().await;
        self.total += n;
        self.total
    }
}

/// Bytes that are allocated now.
fn in_use() -> usize {
    let stats = ALLOCATOR.stats();
    stats.bytes_allocated - stats.bytes_deallocated
}

/// Measures actors that `start` starts.
async fn measure(below: &str, mut start: impl AsyncFnMut() -> ActorRef<Counter>) {
    let mut counters = Vec::with_capacity(ACTORS + 1);
    // The first one makes what lives as long as the runtime.
    counters.push(start().await);
    let use_it = async |counter: &ActorRef<Counter>| {
        assert_eq!(counter.add(1).await, Ok(1));
        counter.add(1).cast().unwrap();
        assert_eq!(counter.add_later(1).await, Ok(3));
    };
    use_it(&counters[0]).await;
    let before = in_use();
    for _ in 0..ACTORS {
        counters.push(start().await);
    }
    let idle = in_use().saturating_sub(before) / ACTORS;
    for counter in &counters[1..] {
        use_it(counter).await;
    }
    testing::settle().await;
    let used = in_use().saturating_sub(before) / ACTORS;
    println!("{below}: {idle} bytes for an idle actor, {used} after its first messages");
    assert!(idle <= BYTES_MAX && used <= BYTES_MAX);
}

fn main() {
    testing::run(async {
        let system = System::new("test");
        measure("below the root", async || {
            system.spawn(Counter::spec()).await.unwrap()
        })
        .await;
        let counters = system.spawn(DynamicSupervisor::<Counter>::spec()).await.unwrap();
        measure("below a dynamic supervisor", async || {
            counters.start(Counter::spec()).await.unwrap()
        })
        .await;
        system.shutdown().await.unwrap();
    });
}
