//! `#[info]` and `#[continued]` have the form that they are called in.

use quorate::prelude::*;

#[actor]
#[derive(Default)]
pub struct Counter;

#[actor]
impl Counter {
    #[info]
    fn info(&mut self, info: Info, n: u64) {
        let _ = (info, n);
    }

    #[continued]
    fn continued(&mut self, n: u64) {
        let _ = n;
    }
}

#[actor]
#[derive(Default)]
pub struct Ledger;

#[actor]
impl Ledger {
    #[info]
    fn info(info: Info) {
        let _ = info;
    }

    #[continued(every = "1s")]
    fn continued(self) {}
}

#[actor]
#[derive(Default)]
pub struct Desk;

#[actor]
impl Desk {
    #[info]
    fn info(&mut self) -> u64 {
        0
    }

    #[continued]
    fn continued(&mut self) -> Result<(), String> {
        Ok(())
    }

    #[continued]
    fn again(&mut self) {}
}

fn main() {}
