//! A message has the same arguments in every build.

use quorate::prelude::*;

#[actor]
#[derive(Default)]
pub struct Counter;

#[actor]
impl Counter {
    pub fn add(&mut self, n: u64, #[cfg(unix)] m: u64) {
        let _ = n;
    }
}

fn main() {}
