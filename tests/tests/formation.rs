//! How a region's group forms, once, and how the regions become a cluster, once.
//!
//! The tables drive one machine by hand; the world runs several on a simulated network with a seed.

#[path = "formation/candidate.rs"]
mod candidate;
#[path = "formation/cluster.rs"]
mod cluster;
#[path = "formation/node.rs"]
mod node;
#[path = "formation/others.rs"]
mod others;
#[path = "formation/two_candidates.rs"]
mod two_candidates;
#[path = "formation/world.rs"]
mod world;
