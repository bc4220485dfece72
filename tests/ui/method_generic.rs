//! A message is not generic.

use quorate::prelude::*;

#[actor]
#[derive(Default)]
pub struct Counter;

#[actor]
impl Counter {
    pub fn add<T>(&mut self, n: Vec<T>) {
        drop(n);
    }

    pub fn sum<const N: usize>(&mut self, n: [u64; N]) {
        drop(n);
    }

    pub fn get<'a>(&'a mut self) -> u64 {
        0
    }
}

fn main() {}
