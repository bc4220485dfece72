//! The primitives of the mailbox: the standard library's, or loom's when its tests explore the interleavings.

#[cfg(not(quorate_loom))]
pub(super) use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
#[cfg(not(quorate_loom))]
pub(super) use std::sync::{Arc, Mutex};

#[cfg(quorate_loom)]
pub(super) use loom::sync::atomic::{AtomicU32, AtomicU64, Ordering};
#[cfg(quorate_loom)]
pub(super) use loom::sync::{Arc, Mutex};
