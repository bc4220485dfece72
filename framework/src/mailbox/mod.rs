//! The bounded queue between a place's refs and its loop. Many senders, one loop, order kept per sender.
//!
//! ```text
//! word    what senders and the loop agree on, in 64 bits: pure
//! node    a message and what leads to the one before it
//! queue   sending, taking, falling asleep: lock-free
//! turn    the loop's turn, or a caller's in its place: lock-free
//! room    waiting for room, in order: a lock, taken only when the mailbox is full
//! ```
//! Sending is one read-modify-write, which is also what wakes the loop: it finds out in the same step whether the loop sleeps. The loop
//! takes all that lie there in one step. An empty mailbox has no memory but the word and the lock.
//!
//! `unsafe` stands in `node` and `queue`; the memory is from the [store](crate::store). `loom_tests` explores the interleavings:
//! `RUSTFLAGS="--cfg quorate_loom" cargo test -p quorate --lib --release loom`.

mod node;
mod queue;
mod room;
mod turn;
mod word;

#[cfg(all(test, quorate_loom))]
mod loom_tests;
#[cfg(all(test, not(quorate_loom)))]
mod tests;

pub(crate) use self::node::Parcel;
pub(crate) use self::queue::{Mailbox, Sent, Taken};
pub(crate) use self::room::{Holds, Permit, Reserve};
pub(crate) use self::turn::Entered;

/// The highest bound of a mailbox, in messages. A higher one is taken for this one.
pub const MAILBOX_MAX: usize = word::BOUND_MAX;
