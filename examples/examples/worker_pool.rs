//! A pool of two workers and five callers, one of whom breaks what it has borrowed. `cargo run --example worker_pool`.

use quorate::prelude::*;
use tokio::task::JoinSet;

/// A machine that one caller at a time may use.
#[actor]
struct Press {
    printed: u64,
}

#[actor]
impl Press {
    #[init]
    fn warm_up() -> Self {
        println!("  a press warms up");
        Self { printed: 0 }
    }

    /// Prints a page and answers how many this press has printed.
    pub async fn print(&mut self, page: String) -> u64 {
        assert!(!page.is_empty(), "paper jam");
        tokio::time::sleep(Duration::from_millis(20)).await;
        self.printed += 1;
        self.printed
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    std::panic::set_hook(Box::new(|_| {})); // the caller tells it
    let system = System::new("demo");
    let presses = system.spawn(Pool::spec(2, Press::spec())).await?;

    let mut callers = JoinSet::new();
    for (number, page) in ["one", "two", "", "four", "five"].into_iter().enumerate() {
        let presses = presses.clone();
        callers.spawn(async move {
            let printed = presses.with_worker(|press| async move { press.print(page.into()).await });
            match printed.await {
                Ok(Ok(pages)) => println!("  caller {number}: page {pages} of a press"),
                Ok(Err(error)) => println!("  caller {number}: {error}"),
                Err(error) => println!("  caller {number}: {error}"),
            }
        });
    }
    while let Some(called) = callers.join_next().await {
        called?;
    }
    let status = presses.status();
    println!(
        "{} idle, {} busy, {} waiting",
        status.idle, status.busy, status.waiting
    );
    println!("{}", system.tree().await);
    system.shutdown().await?;
    Ok(())
}
