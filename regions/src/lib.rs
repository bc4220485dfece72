//! The region-aware runtime of quorate: one instance of an actor among all regions, found wherever it runs.
//!
//! A node [joins](ClusterBuilder::join) with a [`Config`] and the specs of its singletons. It finds the other nodes by DNS, forms a quorum per region,
//! and from then on each singleton runs where its lease is: a lease is granted by a majority of regions, and a region grants by a majority
//! of its voters.
//!
//! ```no_run
//! use quorate::prelude::*;
//! use quorate_regions::{Cluster, Config};
//!
//! static BILLING: Name<Billing> = Name::new("billing");
//!
//! /// Charges orders.
//! #[actor]
//! #[derive(Default)]
//! pub struct Billing {
//!     cents: u64,
//! }
//!
//! #[actor]
//! impl Billing {
//!     /// Charges an order; answers what this instance has charged so far.
//!     pub fn charge(&mut self, cents: u64) -> u64 {
//!         self.cents += cents;
//!         self.cents
//!     }
//! }
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let cluster = Cluster::builder(Config::load("regions.toml")?)
//!     .singleton(BILLING, Billing::spec())
//!     .join()
//!     .await?;
//! let billing = cluster.singleton(BILLING); // an ActorRef<Billing>, wherever it runs
//! billing.charge(250).await?; // follows it when it moves
//! cluster.leave().await?;
//! # Ok(())
//! # }
//! ```
//!
//! # What is promised
//!
//! - **Never two at once**, as long as clocks keep to the bound on their rates: the holder stops before its lease ends, by clocks that count
//!   suspended time; regions wait longer than that before they grant anew.
//! - **The epoch only grows**. It is handed to the actor and stamped on what it sends and answers; a node drops what is lower than it has
//!   heard from that singleton, and whoever keeps a [`Fence`](lease::Fence) refuses a late write whatever the clocks do.
//! - **A majority is enough**: of the regions for a global singleton, of one region's voters for a regional one. Nothing has a leader among the regions.
//! - **What may have been delivered is never sent again**. A call waits, within its deadline, only while it is certain that nothing was handled.
//!
//! Left out for now: proof of identity between nodes (so only loopback is listened on), changing the set of regions, restoring a
//! region, moving home without being asked, and any engine but openraft on redb.
//!
//! # The way of a lease
//!
//! ```text
//!   this node                                                        each region
//!   ---------                                                        -----------
//!   lookout: a majority looks open, and placement says it is our turn
//!     |
//!   lease::Candidate   -- Prepare, then Accept ------------------->  control: its voter's actor
//!     |  a majority of regions answered                                | lease::Stamps: may it? by this clock
//!     v                                                                v
//!   lease::Holder      -- Renew, every quarter of the term ------->  store: an entry in the region's log
//!     |  valid until: when it was *sent*, and the term, less the stop    | committed by a majority of voters
//!     v                                                                v
//!   steward: copies that into the epoch's cell                       lease::Acceptor: applies, without a clock
//!     |
//!   host: starts the actor with a tenure; each message and each effect looks at the cell
//!     |
//!   a lapse: drop the actor, then Release.   A hand-off: shut it down, then Release, then the target takes
//! ```
//!
//! # Where things are
//!
//! ```text
//! config                      regions.toml and the environment: every mistake at once
//! discovery                   contacts by DNS or from a list; absence is never a death
//! formation                   how a region's group and the cluster begin, once          decides
//! lease                       acceptor, candidate, holder: the whole protocol           decides
//! placement, lookout, roster  who tries, and when                                       decides
//! store                       a region's replicated state: openraft on redb             acts
//! control                     how nodes and regions talk: the framework's own actors    acts
//! steward, host, clock        leases kept, actors begun and ended, clocks read          acts
//! cluster, status, handoff    what a user sees
//! ```
//!
//! Sources: PaxosLease (Trencseni, Gazso, Reinhardt, 2012), Gray and Cheriton's leases (1989), hierarchical quorums as in ZooKeeper,
//! Chubby's sequencers and lock-delay (Burrows, 2006), Kleppmann on fencing tokens (2016), rendezvous hashing (Thaler and Ravishankar, 1998).
//!
//! # Architecture invariants
//!
//! Each is a test in `tests/tests/tidy.rs` of the repository.
//!
//! - The lease knows no module but [`id`]: no store, no network, no actor.
//! - What decides takes `now`, reads no clock, no random source and no socket, and returns commands.
//! - Nothing here reads a wall clock.
//! - There is no queue without a bound, and no unsafe code.

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
mod node;
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
