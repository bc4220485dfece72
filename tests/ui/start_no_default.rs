//! An actor without `#[init]` starts as its default.

use quorate::prelude::*;

#[actor]
pub struct Ledger {
    pub total: u64,
}

#[actor]
impl Ledger {
    pub fn total(&self) -> u64 {
        self.total
    }
}

fn main() {
    let _ = Ledger::spec();
}
