//! Between nodes: what is hashed into ids and shapes, and the seam at which sessions plug in.

pub(crate) mod link;
pub mod shape;
