//! A significant child can end for good, under a supervisor that ends with it.

use quorate::prelude::*;

#[actor]
#[derive(Default)]
pub struct Ledger;

#[actor]
impl Ledger {}

#[supervisor(auto_shutdown = any_significant)]
pub struct Shop {
    #[child(significant, restart = permanent)]
    pub ledger: Ledger,
}

#[supervisor]
pub struct Store {
    #[child(significant, restart = transient)]
    pub ledger: Ledger,
}

fn main() {}
