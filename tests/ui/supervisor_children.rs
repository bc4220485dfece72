//! A child is an actor, annotated.

use quorate::prelude::*;

#[actor]
#[derive(Default)]
pub struct Ledger;

#[actor]
impl Ledger {}

#[supervisor]
pub struct Shop {
    #[child]
    pub ledger: Ledger,
    pub forgotten: Ledger,
    #[child(retsart = transient)]
    pub typing: Ledger,
    #[child(shutdown = "2")]
    pub value: Ledger,
    #[child]
    pub by_ref: ActorRef<Ledger>,
    #[child(max_children = 3)]
    pub few: Ledger,
    #[child(jitter = 20)]
    pub jitter: Ledger,
}

#[supervisor]
pub struct Nameless(Ledger);

fn main() {}
