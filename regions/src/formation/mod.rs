//! How a region's group comes to be, once, and how the regions become a cluster, once. Pure: rules 21 and 22 of the design.
//!
//! [`Formation`] is run by every node. It takes what discovery and the other nodes say, and answers with commands; its driver carries
//! them out *in order*: what follows a [`Command::Remember`] waits until that is on disk.
//!
//! ```text
//!             every contact answers, none knows a group,
//!             mine is the lowest name
//!  watching ------------------------------------------> candidate: promised to itself, asks the others
//!    ^  |  \  another candidate asks                      |        |
//!    |  |   `-------------------> promised to it          |        | somebody refuses, or time is up:
//!    |  |                          |       |              |        | the attempt's group never forms
//!    |  | one group is known       |       | it gave up   |        |
//!    |  v                          |       `--------------|--------`---> watching
//!    | joining                     | seated               | all promised
//!    |  |  id assigned             v                      v
//!    |  `---------------------> formed <------------------'       for ever: a restart starts the replica
//! ```
//!
//! A node promises itself to one attempt at a time and keeps that on disk; an attempt needs the promise of *every* one of its voters.
//! So no two groups share an initial voter. A promise ends when its candidate, asked after the promise was made, no longer stands by
//! the attempt, or when its disk is gone. What automatic formation cannot exclude: two sets of nodes that see nothing of each other,
//! because they get disjoint answers from DNS, form two groups. [`ClusterFormation`] then refuses the second one.

mod attempt;
mod cluster;
mod contacts;
mod memory;
mod message;
mod region;

pub use cluster::{ClusterCommand, ClusterFormation, ClusterSettings, ClusterTrouble, RegionView};
pub use memory::{DiskId, Formed, Identity, Memory, Promise, Voter};
pub use message::{Ask, Command, ReplyTo, Seq, Settings, Standing, Trouble};
pub use region::Formation;
