//! A message that never returns answers nobody.

use quorate::prelude::*;

#[actor]
#[derive(Default)]
pub struct Counter;

#[actor]
impl Counter {
    pub fn crash(&mut self) -> ! {
        panic!("crash")
    }
}

fn main() {}
