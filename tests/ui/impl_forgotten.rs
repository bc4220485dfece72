//! The impl of an actor is annotated too.

use quorate::prelude::*;

#[actor]
pub struct Counter;

impl Counter {
    pub fn add(&mut self, n: u64) {
        let _ = n;
    }
}

fn main() {}
