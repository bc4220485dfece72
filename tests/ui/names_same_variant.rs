//! Two messages are two variants.

use quorate::prelude::*;

#[actor]
#[derive(Default)]
pub struct Counter;

#[actor]
impl Counter {
    pub fn add_one(&mut self) {}

    pub fn add__one(&mut self) {}
}

fn main() {}
