//! Maps, shared pointers and machine-sized numbers do not travel.

use quorate::prelude::*;

use std::collections::{BTreeMap, HashMap};
use std::rc::Rc;
use std::sync::Arc;

#[message]
pub struct Entry {
    pub totals: HashMap<String, u64>,
    pub sorted: BTreeMap<String, u64>,
    pub shared: Arc<u64>,
}

#[message]
pub enum Event {
    Opened(Option<Rc<u64>>),
    Closed { count: usize },
}

fn main() {}
