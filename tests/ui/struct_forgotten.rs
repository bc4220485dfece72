//! The struct of an actor is annotated too.

use quorate::prelude::*;

#[derive(Default)]
pub struct Counter;

#[actor]
impl Counter {
    pub fn add(&mut self, n: u64) {
        let _ = n;
    }
}

fn main() {}
