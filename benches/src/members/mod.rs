//! The members: one file for each framework, written as its own documentation would.

#[cfg(feature = "peers")]
pub mod actix;
pub mod bare;
#[cfg(feature = "peers")]
pub mod kameo;
pub mod quorate;
#[cfg(feature = "peers")]
pub mod ractor;
#[cfg(feature = "peers")]
pub mod xtra;
