//! The region-aware runtime of quorate.

#![forbid(unsafe_code)]

mod clock;
mod cluster;
pub mod config;
mod control;
pub mod discovery;
mod error;
pub mod formation;
mod handoff;
mod host;
pub mod id;
pub mod lease;
mod lookout;
mod name;
pub mod placement;
mod random;
mod roster;
mod status;
mod steward;
pub mod store;
mod thread;

pub use cluster::{Cluster, ClusterBuilder};
pub use config::Config;
pub use error::JoinError;
pub use handoff::{HandOffError, HandOffTarget, HandedOff};
pub use status::{HolderStatus, MemberStatus, SingletonStatus, Status};
