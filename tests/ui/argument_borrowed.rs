//! An argument is owned, but for `&Archived<T>`, `&str` and `&[u8]`.

use quorate::prelude::*;

#[actor]
#[derive(Default)]
pub struct Counter;

#[message]
pub struct Entry {
    pub amount: u64,
}

#[actor]
impl Counter {
    pub fn post(&mut self, entry: &Entry) -> u64 {
        entry.amount
    }

    pub fn fill(&mut self, entry: &mut Archived<Entry>) {
        let _ = entry;
    }

    pub fn name(&mut self, name: Option<&str>) {
        let _ = name;
    }

    pub fn text(&mut self, text: std::borrow::Cow<'_, str>) {
        let _ = text;
    }
}

fn main() {}
