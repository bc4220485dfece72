//! A child is an actor.

use quorate::prelude::*;

pub struct Ledger;

#[supervisor]
pub struct Shop {
    #[child]
    pub ledger: Ledger,
}

fn main() {}
