//! Hibernation: what an actor leaves behind after a busy time, counted in bytes. Without a harness, as its threads allocate, too.
//!
//! An idle actor holds nothing of its messages, and one that hibernates has given everything back.

use std::alloc::System as SystemAllocator;

use quorate::prelude::*;
use quorate::testing;
use stats_alloc::{INSTRUMENTED_SYSTEM, StatsAlloc};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<SystemAllocator> = &INSTRUMENTED_SYSTEM;

/// Messages that wait at a time.
const WAITING: u64 = 1_000;
/// What the future of `pack` holds while it waits, in bytes.
const LUGGAGE: usize = 8 * 1024;
const IDLE: Duration = Duration::from_secs(30);

/// Counts, and packs.
#[actor(mailbox = 1_000, hibernate_after = "30s")]
#[derive(Default)]
pub struct Bear {
    total: u64,
}

#[actor]
impl Bear {
    /// Adds.
    pub fn add(&mut self, n: u64) -> u64 {
        self.total += n;
        self.total
    }

    /// Takes its time, with a large future.
    pub async fn pack(&mut self) -> u64 {
        let luggage = [1_u8; LUGGAGE];
        tokio::time::sleep(Duration::from_secs(1)).await;
        luggage.iter().map(|byte| u64::from(*byte)).sum()
    }
}

/// Bytes that are allocated now.
fn in_use() -> usize {
    let stats = ALLOCATOR.stats();
    stats.bytes_allocated - stats.bytes_deallocated
}

/// A busy time: a handler that waits, and as many messages behind it as there is room for. Answers the most bytes seen in use.
async fn is_busy(bear: &ActorRef<Bear>) -> usize {
    bear.pack().cast().unwrap();
    testing::advance(Duration::from_millis(1)).await;
    for _ in 0..WAITING {
        bear.add(1).cast().unwrap();
    }
    let most = in_use();
    testing::advance(Duration::from_secs(1)).await;
    most
}

fn main() {
    testing::run(hibernates());
    testing::run(is_idle());
}

async fn hibernates() {
    let system = System::new("test");
    let bear = system.spawn(Bear::spec()).await.unwrap();
    // The first time makes what lives as long as the runtime.
    is_busy(&bear).await;
    testing::advance(IDLE).await;
    let before = in_use();

    let most = is_busy(&bear).await;
    assert!(
        most >= before + LUGGAGE + WAITING as usize * 64,
        "{most} of {before}"
    );
    testing::advance(IDLE / 2).await;
    let idle = in_use();
    assert!(
        idle > before,
        "it does not hibernate before its time: {idle} of {before}"
    );
    testing::advance(IDLE / 2).await;
    assert_eq!(in_use(), before);

    assert_eq!(
        bear.add(0).await,
        Ok(2 * WAITING),
        "it wakes with the state that it had"
    );
}

/// Never hibernates.
#[actor(mailbox = 1_000)]
#[derive(Default)]
pub struct Fly {
    total: u64,
}

#[actor]
impl Fly {
    /// Adds.
    pub fn add(&mut self, n: u64) -> u64 {
        self.total += n;
        self.total
    }
}

async fn is_idle() {
    const FLIES: usize = 50;
    let system = System::new("test");
    let mut flies = Vec::new();
    for _ in 0..FLIES {
        flies.push(system.spawn(Fly::spec()).await.unwrap());
    }
    let busy = async |fly: &ActorRef<Fly>| {
        for _ in 0..WAITING {
            fly.add(1).cast().unwrap();
        }
        testing::advance(Duration::from_millis(1)).await;
    };
    busy(&flies[0]).await;
    let before = in_use();
    for fly in &flies {
        busy(fly).await;
    }
    // One's memory is the next one's.
    assert_eq!(in_use(), before);
}
