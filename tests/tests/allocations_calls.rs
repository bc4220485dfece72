//! A call that is queued allocates nothing: counted, after a warm-up, over 10,000 calls. In a program of its own, as all allocations count.

use std::alloc::System as SystemAllocator;

use quorate::prelude::*;
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<SystemAllocator> = &INSTRUMENTED_SYSTEM;

/// A running total.
#[actor]
#[derive(Default)]
pub struct Counter {
    total: u64,
}

#[actor]
impl Counter {
    /// Adds, in a handler that no caller runs in place.
    pub async fn add(&mut self, n: u64) -> u64 {
        self.total += std::future::ready(n).await;
        self.total
    }
}

const CALLS: u64 = 10_000;

async fn call(counter: &ActorRef<Counter>) {
    for _ in 0..CALLS {
        counter.add(1).await.unwrap();
    }
}

#[tokio::test]
async fn ten_thousand_queued_calls_after_a_warm_up_take_at_most_0_01_allocations_each() {
    let system = System::new("test");
    let counter = system.spawn(Counter::spec()).await.unwrap();
    call(&counter).await;

    let region = Region::new(ALLOCATOR);
    call(&counter).await;
    let allocations = region.change().allocations;

    let per_call = allocations as f64 / CALLS as f64;
    println!("{allocations} allocations for {CALLS} calls: {per_call:.4} each");
    assert!(per_call <= 0.01, "{per_call} allocations per call");
}
