//! Identities: of an actor's place, of a node's incarnation.

use std::cell::Cell;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// The identity of an actor's place, unique among the places of this process life.
///
/// It stays the same across restarts: a place outlives its incarnations.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ActorId(u64);

impl ActorId {
    /// No actor: code outside of all actors.
    pub const OUTSIDE: Self = Self(0);

    /// An unused identity. Not in the order in which threads ask.
    #[inline]
    pub(crate) fn next() -> Self {
        thread_local! {
            /// The next one of this thread, and how many there are.
            static OWN: Cell<(u64, u32)> = const { Cell::new((0, 0)) };
        }
        OWN.with(|own| {
            let (next, left) = match own.get() {
                (_, 0) => (take_block(), BLOCK),
                own => own,
            };
            own.set((next + 1, left - 1));
            Self(next)
        })
    }

    /// The identity of the remote place that a session knows under this number.
    pub(crate) fn remote(target: u64) -> Self {
        Self(target)
    }

    /// The number that stands for this place on the wire.
    pub fn as_u64(self) -> u64 {
        self.0
    }
}

impl fmt::Display for ActorId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "#{}", self.0)
    }
}

/// So many a thread takes at a time: threads that count together wait for one another.
const BLOCK: u32 = 64;

/// The first of a block that nobody has.
#[cold]
fn take_block() -> u64 {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    NEXT.fetch_add(u64::from(BLOCK), Ordering::Relaxed)
}

/// A node in one of its lives: a node that restarts is a new incarnation, and refs to the old one answer `Gone`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct NodeId {
    /// The node's name, unique in its cluster.
    pub name: Arc<str>,
    /// Random for every start of a process.
    pub incarnation: u64,
}

impl fmt::Display for NodeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{:016x}", self.name, self.incarnation)
    }
}
