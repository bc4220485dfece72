//! Unknown keys are refused, with what is known.

use quorate::prelude::*;

#[actor(retsart = transient)]
#[derive(Default)]
pub struct Counter;

#[actor(naem = "demo::Counter")]
impl Counter {}

#[actor(local)]
#[derive(Default)]
pub struct Ledger;

#[actor(mailbox = 10)]
impl Ledger {}

#[actor(priority = 1)]
#[derive(Default)]
pub struct Clock;

#[actor]
impl Clock {
    #[tick(evry = "1s")]
    fn tick(&mut self) {}

    #[stopped(now)]
    fn stopped(&mut self) {}
}

fn main() {}
