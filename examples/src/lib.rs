//! Helpers shared by the examples.

pub mod dns;
pub mod three_regions;
