//! A message is a struct or an enum that can be validated.

use quorate::prelude::*;

#[message]
pub struct Tree {
    pub children: Vec<Tree>,
}

#[message]
pub enum Nothing {}

#[message]
pub union Bits {
    pub number: u64,
    pub bytes: [u8; 8],
}

#[message(fast)]
pub struct Entry {
    pub amount: u64,
}

#[message]
impl Entry {}

fn main() {}
