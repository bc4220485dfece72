//! Helpers shared by the examples.

pub mod cut_regions;
pub mod dns;
pub mod three_regions;
