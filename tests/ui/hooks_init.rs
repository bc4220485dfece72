//! An `#[init]` makes the actor, at each start.

use quorate::prelude::*;

#[actor]
#[derive(Default)]
pub struct Counter;

#[actor]
impl Counter {
    #[init]
    fn open(&mut self) {}
}

#[actor]
#[derive(Default)]
pub struct Ledger;

#[actor]
impl Ledger {
    #[init]
    fn open(name: &str, more: impl Into<String>) -> Self {
        let _: String = more.into();
        let _ = name;
        Self
    }
}

#[actor]
pub struct Empty;

#[actor]
impl Empty {
    #[init]
    fn open() {}
}

fn main() {}
