//! Maps, shared pointers and machine-sized numbers do not travel.

use quorate::prelude::*;

#[actor]
#[derive(Default)]
pub struct Counter;

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

#[actor]
impl Counter {
    pub fn totals(&mut self, totals: HashMap<String, u64>) {
        drop(totals);
    }

    pub fn sorted(&mut self) -> BTreeMap<String, u64> {
        BTreeMap::new()
    }

    pub fn shared(&mut self, text: Option<Arc<str>>) {
        drop(text);
    }

    pub fn len(&self) -> usize {
        0
    }
}

fn main() {}
