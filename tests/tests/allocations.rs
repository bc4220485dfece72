//! A cast allocates nothing: counted, after a warm-up, over 10,000 casts.

use std::alloc::System as SystemAllocator;
use std::time::Duration;

use quorate::prelude::*;
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<SystemAllocator> = &INSTRUMENTED_SYSTEM;

/// A running total.
#[actor(mailbox = 1024)]
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
}

const CASTS: u64 = 10_000;

/// Casts `casts` messages, in bursts that the mailbox has room for, and waits until all are handled.
async fn burst(counter: &ActorRef<Counter>, casts: u64) {
    let mut left = casts;
    while left > 0 {
        match counter.add(1).cast() {
            Ok(()) => left -= 1,
            Err(_) => tokio::task::yield_now().await,
        }
    }
}

#[tokio::test]
async fn ten_thousand_casts_after_a_warm_up_take_at_most_0_05_allocations_each() {
    let system = System::new("test");
    let counter = system.spawn(Counter::spec()).await.unwrap();
    burst(&counter, CASTS).await;
    assert_eq!(counter.add(0).timeout(Duration::from_secs(30)).await, Ok(CASTS));

    let region = Region::new(ALLOCATOR);
    burst(&counter, CASTS).await;
    let allocations = region.change().allocations;

    assert_eq!(
        counter.add(0).timeout(Duration::from_secs(30)).await,
        Ok(2 * CASTS)
    );
    let per_cast = allocations as f64 / CASTS as f64;
    println!("{allocations} allocations for {CASTS} casts: {per_cast:.4} each");
    assert!(per_cast <= 0.05, "{per_cast} allocations per cast");
}
