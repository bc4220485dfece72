//! One `#[actor] impl` for an actor.

use quorate::prelude::*;

#[actor]
#[derive(Default)]
pub struct Counter;

#[actor]
impl Counter {
    pub fn add(&mut self, n: u64) {
        let _ = n;
    }
}

#[actor]
impl Counter {
    pub fn reset(&mut self) {}
}

fn main() {}
