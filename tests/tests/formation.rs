//! How a region's group forms, once, and how the regions become a cluster, once.
//!
//! The tables drive one machine by hand; the world runs several on a simulated network with a seed.

#[path = "formation/cluster.rs"]
mod cluster;
#[path = "formation/table.rs"]
mod table;
#[path = "formation/two_candidates.rs"]
mod two_candidates;
#[path = "formation/world.rs"]
mod world;
