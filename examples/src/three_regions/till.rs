//! The till: a singleton of one region, of which each region that hosts has its own.
//!
//! It is held by a majority of its region's voters and needs no other region. The main job has none; it is for runs that
//! cut regions off.

use std::error::Error;

use quorate::prelude::*;

use super::billing::Receipt;

/// The name of the till, in the regions' configuration too.
pub static TILL: Name<Till> = Name::new("till");

/// An instance of a region's till.
#[actor]
pub struct Till {
    node: String,
    epoch: u64,
    balance_cents: u64,
}

#[actor]
impl Till {
    #[init]
    fn open(node: String, cx: &mut Context<Self>) -> Result<Self, Box<dyn Error + Send + Sync>> {
        Ok(Self {
            node,
            epoch: cx.epoch().ok_or("a till runs as a singleton only")?,
            balance_cents: 0,
        })
    }

    /// Takes money, and answers what this instance has taken so far.
    pub fn ring(&mut self, cents: u64) -> Receipt {
        self.balance_cents += cents;
        Receipt {
            epoch: self.epoch,
            node: self.node.clone(),
            balance_cents: self.balance_cents,
        }
    }
}
