//! An argument that cannot travel is one error, at the argument.

use quorate::prelude::*;

#[actor]
#[derive(Default)]
pub struct Counter;

pub struct Entry {
    pub amount: u64,
}

#[actor]
impl Counter {
    pub fn add(&mut self, n: u64, entry: Entry) -> u64 {
        n + entry.amount
    }
}

fn main() {}
