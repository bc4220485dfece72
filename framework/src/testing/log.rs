//! [`Log`]: what happened in a test, in order.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Entries that a log holds at most: whatever writes more does not come to an end.
pub const LOG_MAX: usize = 1 << 20;

/// What happened, in order: written by the actors that are tested, in their handlers, starts and ends; read by the test.
///
/// All clones are one log. It takes no time, and nobody waits for it: it is for what the messages to a [`Probe`](super::Probe) do
/// not tell.
///
/// ```
/// use quorate::prelude::*;
/// use quorate::testing::{self, Log};
///
/// /// Rings.
/// #[actor]
/// pub struct Bell {
///     log: Log,
/// }
///
/// #[actor(local)]
/// impl Bell {
///     #[init]
///     fn new(log: Log) -> Self {
///         Self { log }
///     }
///
///     #[tick(every = "1h")]
///     fn ring(&mut self) {
///         self.log.add("rang");
///     }
///
///     #[stopped]
///     fn stopped(&mut self, reason: &ExitReason) {
///         self.log.add(reason.to_string());
///     }
/// }
///
/// testing::run(async {
///     let (system, log) = (System::new("test"), Log::default());
///     system.spawn(Bell::spec(log.clone())).await.unwrap();
///     testing::advance(Duration::from_mins(150)).await;
///     assert_eq!(log.take(), ["rang", "rang"]);
///     system.shutdown().await.unwrap();
///     assert_eq!(log.all(), ["was shut down"]);
/// });
/// ```
pub struct Log<T = String>(Arc<Mutex<Vec<T>>>);

impl<T> Log<T> {
    /// Writes one entry.
    ///
    /// # Panics
    /// When [`LOG_MAX`] are there.
    pub fn add(&self, what: impl Into<T>) {
        let what = what.into();
        let mut entries = self.entries();
        assert!(entries.len() < LOG_MAX, "a log has {LOG_MAX} entries already");
        entries.push(what);
    }

    /// All entries since the last [`take`](Self::take).
    pub fn all(&self) -> Vec<T>
    where
        T: Clone,
    {
        self.entries().clone()
    }

    /// All entries since the last time, and none of them is there afterwards.
    pub fn take(&self) -> Vec<T> {
        std::mem::take(&mut *self.entries())
    }

    /// An entry is added as a whole, so whoever panicked meanwhile has left nothing half done.
    fn entries(&self) -> MutexGuard<'_, Vec<T>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T> Clone for Log<T> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<T> Default for Log<T> {
    fn default() -> Self {
        Self(Arc::default())
    }
}

impl<T: fmt::Debug> fmt::Debug for Log<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.entries().iter()).finish()
    }
}
