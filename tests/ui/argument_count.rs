//! A message has at most eight arguments.

use quorate::prelude::*;

#[actor]
#[derive(Default)]
pub struct Counter;

#[actor]
impl Counter {
    pub fn add(&mut self, a: u8, b: u8, c: u8, d: u8, e: u8, f: u8, g: u8, h: u8, i: u8) {
        let _ = (a, b, c, d, e, f, g, h, i);
    }
}

fn main() {}
