//! The region-aware runtime of quorate.

#![forbid(unsafe_code)]

pub mod config;
pub mod discovery;
pub mod formation;
pub mod id;
pub mod lease;
pub mod store;
