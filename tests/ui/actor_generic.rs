//! An actor is one type.

use quorate::prelude::*;

#[actor]
pub struct Counter<T> {
    pub value: T,
}

#[actor]
impl<T> Counter<T> {
    pub fn reset(&mut self) {}
}

fn main() {}
