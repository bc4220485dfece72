//! The region-aware runtime of quorate.

#![forbid(unsafe_code)]

mod clock;
pub mod config;
pub mod discovery;
pub mod formation;
pub mod id;
pub mod lease;
mod lookout;
mod name;
pub mod placement;
mod random;
mod roster;
pub mod store;
