//! The counter: an actor, a call, a call with a deadline, a cast. `cargo run --example hello`.

use quorate::prelude::*;

/// A running total.
#[actor(restart = transient, mailbox = 1024)]
#[derive(Default)]
pub struct Counter {
    total: u64,
}

#[actor]
impl Counter {
    /// Adds `n` and answers the new total.
    pub fn add(&mut self, n: u64) -> u64 {
        self.total += n;
        self.total
    }

    /// Begins anew.
    pub fn reset(&mut self) {
        self.total = 0;
    }
}

#[tokio::main]
async fn main() -> Result<(), quorate::Error> {
    let system = System::new("demo");
    let counter = system.spawn(Counter::spec()).await?;
    println!("2 makes {}", counter.add(2).await?);
    println!(
        "and 3 makes {}",
        counter.add(3).timeout(Duration::from_millis(50)).await?
    );
    counter.reset().cast()?;
    println!("after a reset, 1 makes {}", counter.add(1).await?);
    system.shutdown().await
}
