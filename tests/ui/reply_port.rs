//! A message has one reply port, and answers through it.

use quorate::prelude::*;

#[actor]
#[derive(Default)]
pub struct Counter;

#[actor]
impl Counter {
    pub fn later(&mut self, reply: ReplyPort<u64>) -> u64 {
        reply.send(1);
        2
    }

    pub fn both(&mut self, first: ReplyPort<u64>, second: ReplyPort<u64>) {
        first.send(1);
        second.send(2);
    }
}

fn main() {}
