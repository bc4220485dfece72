//! A cast to another node allocates nothing per message, on either side: both nodes live in this process, so both are counted.

use std::alloc::System as SystemAllocator;
use std::time::Duration;

use quorate::prelude::*;
use quorate::wire::{ConnectOptions, ListenOptions, Listener};
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<SystemAllocator> = &INSTRUMENTED_SYSTEM;

static COUNTER: Name<Counter> = Name::new("counter");

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

/// Casts, then waits until all are handled; in bursts that the mailbox has room for.
async fn cast_all(counter: &ActorRef<Counter>) {
    for _ in 0..CASTS / 500 {
        for _ in 0..500 {
            counter.add(1).cast().expect("the session has room");
        }
        counter
            .add(0)
            .timeout(Duration::from_secs(30))
            .await
            .expect("it answers");
    }
}

#[tokio::test]
async fn ten_thousand_remote_casts_after_a_warm_up_take_at_most_0_05_allocations_each() {
    let server = System::new("server");
    server.spawn(Counter::spec().name(COUNTER)).await.unwrap();
    let options = ListenOptions::cluster("shop");
    let listener = Listener::bind_with("127.0.0.1:0".parse().unwrap(), options)
        .await
        .unwrap();
    listener.serve("app", &server).unwrap();
    let options = ConnectOptions::new("shop", "app");
    let peer = System::new("client")
        .connect(listener.local_addr(), options)
        .await
        .unwrap();
    let counter = peer.lookup(COUNTER).await.unwrap();
    cast_all(&counter).await;

    let region = Region::new(ALLOCATOR);
    cast_all(&counter).await;
    let allocations = region.change().allocations;

    assert_eq!(counter.add(0).await, Ok(2 * CASTS));
    let per_cast = allocations as f64 / CASTS as f64;
    println!("{allocations} allocations for {CASTS} remote casts: {per_cast:.4} each");
    assert!(per_cast <= 0.05, "{per_cast} allocations per cast");
}
