//! Any holder of a ref may send a message.

use quorate::prelude::*;

#[actor]
#[derive(Default)]
pub struct Counter;

#[actor]
impl Counter {
    pub unsafe fn add(&mut self, n: u64) {
        let _ = n;
    }
}

fn main() {}
