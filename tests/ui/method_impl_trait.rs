//! A message has types, not `impl Trait`.

use quorate::prelude::*;

#[actor]
#[derive(Default)]
pub struct Counter;

#[actor]
impl Counter {
    pub fn add(&mut self, n: impl Into<u64>) {
        let _: u64 = n.into();
    }

    pub fn all(&mut self) -> impl Iterator<Item = u64> + use<> {
        std::iter::empty()
    }
}

fn main() {}
