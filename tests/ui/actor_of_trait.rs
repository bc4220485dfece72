//! The messages of an actor are its own methods.

use quorate::prelude::*;

pub struct Counter;

#[actor]
impl Clone for Counter {
    fn clone(&self) -> Self {
        Self
    }
}

fn main() {}
