//! [`Lease`]: a tenure that a test ends.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::tenure::{Tenure, Validity};

/// What a tenure rests on, for as long as the test wants.
///
/// All clones are one lease. No clock ends it.
#[derive(Clone, Debug, Default)]
pub struct Lease {
    has_ended: Arc<AtomicBool>,
}

impl Lease {
    /// One that has not ended.
    pub fn new() -> Self {
        Self::default()
    }

    /// The tenure of this epoch of a singleton, valid until the lease ends.
    pub fn tenure(&self, singleton: &str, epoch: u64) -> Tenure {
        Tenure::new(singleton, epoch, Arc::new(self.clone()))
    }

    /// Ends it, for ever. Nobody is told: an actor that has its tenure learns of it at its next effect, or by
    /// [`ActorRef::lapse`](crate::ActorRef::lapse).
    pub fn end(&self) {
        self.has_ended.store(true, Ordering::SeqCst);
    }
}

impl Validity for Lease {
    fn is_valid(&self) -> bool {
        !self.has_ended.load(Ordering::SeqCst)
    }
}
