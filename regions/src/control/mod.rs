//! The control plane: how a node speaks for its region, asks the others, and is reached by them. It is made of the framework's own actors, which
//! talk over the framework's own wire.
//!
//! | label of the system | thread | what lives there |
//! | --- | --- | --- |
//! | `store` | one of its own | [`Voter`], the region's replica, its formation |
//! | `lease` | one of its own | [`Desk`], the steward |
//! | `app` | the user's runtime | the user's actors, singletons among them |
//!
//! So lease traffic has its own sessions, a slow disk delays no renewal, and a starved user runtime delays neither.

mod client;
mod desk;
mod doors;
mod group;
mod sessions;
mod transport;
mod voter;

pub(crate) use client::RegionClient;
pub(crate) use desk::{DESK, Desk};
pub(crate) use doors::Doors;
pub(crate) use group::{EVENTS_MAX as GROUP_EVENTS_MAX, Group, GroupParts, GroupSettings};
pub(crate) use sessions::Sessions;
pub(crate) use voter::{Replica, Seat, VOTER, Voter};
