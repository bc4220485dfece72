//! A message does not hide what a ref has of its own.

use quorate::prelude::*;

#[actor]
#[derive(Default)]
pub struct Counter;

#[actor]
impl Counter {
    pub fn clone(&mut self) {}

    pub fn into(&mut self) {}

    pub fn eq(&mut self, n: u64) -> bool {
        n == 0
    }

    pub fn type_id(&mut self) -> u64 {
        0
    }

    pub fn spec(&mut self) {}
}

fn main() {}
