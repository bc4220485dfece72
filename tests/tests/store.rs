//! A region's store: three replicas in one process, each on its own disk, joined by links that can be cut.
//!
//! Nothing waits for a time to pass: every wait is for a state, with a bound that is only met when the promise is broken.

#[path = "store/region.rs"]
mod region;

#[path = "store/directory.rs"]
mod directory;
#[path = "store/faults.rs"]
mod faults;
#[path = "store/group.rs"]
mod group;
#[path = "store/log.rs"]
mod log;
