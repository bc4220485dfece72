//! A reply that cannot travel is one error, at the reply.

use quorate::prelude::*;

#[actor]
#[derive(Default)]
pub struct Counter;

pub struct Entry {
    pub amount: u64,
}

#[actor]
impl Counter {
    pub fn last(&mut self, n: u64) -> Entry {
        Entry { amount: n }
    }
}

fn main() {}
