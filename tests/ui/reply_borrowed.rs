//! A reply leaves the actor.

use quorate::prelude::*;

#[actor]
#[derive(Default)]
pub struct Counter;

#[actor]
impl Counter {
    pub fn name(&self) -> &str {
        "counter"
    }

    pub fn first(&self) -> Option<&u64> {
        None
    }
}

fn main() {}
