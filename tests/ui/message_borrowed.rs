//! A message is owned.

use quorate::prelude::*;

#[message]
pub struct Entry {
    pub name: &str,
}

#[message]
pub struct Page<'a> {
    pub name: &'a str,
}

#[message]
pub struct Book<T> {
    pub pages: Vec<T>,
}

fn main() {}
