//! A message borrows the actor.

use quorate::prelude::*;

#[actor]
#[derive(Default)]
pub struct Counter;

#[actor]
impl Counter {
    pub fn finish(self) {}

    pub fn boxed(self: Box<Self>) {}
}

fn main() {}
