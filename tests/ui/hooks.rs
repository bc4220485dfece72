//! Hooks have the form that they are called in.

use quorate::prelude::*;

#[actor]
#[derive(Default)]
pub struct Counter;

#[actor]
impl Counter {
    #[init]
    fn first() -> Self {
        Self
    }

    #[init]
    fn second() -> Self {
        Self
    }

    #[tick]
    fn no_period(&mut self) {}

    #[tick(every = "0s")]
    fn no_time(&mut self) {}

    #[stopped]
    fn stopped(reason: &ExitReason) {
        let _ = reason;
    }

    #[down]
    fn down(&mut self, down: Down, n: u64) {
        let _ = (down, n);
    }

    #[undelivered]
    async fn undelivered(message: CounterMessage) {
        drop(message);
    }
}

fn main() {}
