//! Helpers shared by the tests of the workspace; and the programs of the README, compiled as documentation tests.

pub mod events;
pub mod frames;
pub mod lines;
pub mod parts;
pub mod storm;

/// The README.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
pub struct Readme;
