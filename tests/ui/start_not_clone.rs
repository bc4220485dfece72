//! The arguments of an `#[init]` are used again at a restart.

use quorate::prelude::*;

pub struct Connection;

#[actor]
pub struct Ledger {
    pub connection: Connection,
}

#[actor]
impl Ledger {
    #[init]
    fn open(name: String, connection: Connection) -> Self {
        drop(name);
        Self { connection }
    }
}

fn main() {}
