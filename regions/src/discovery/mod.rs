//! Finding the nodes of a region: contacts from DNS, or from a list.

mod contact;
mod error;

pub use self::contact::{Contact, Contacts};
pub use self::error::DiscoveryError;
