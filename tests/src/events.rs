//! Counts tracing events, for tests of what is reported and what is silent.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use tracing::span::{Attributes, Id, Record};
use tracing::subscriber::DefaultGuard;
use tracing::{Event, Metadata, Subscriber};

/// The events of this thread, counted by target.
#[derive(Clone, Debug, Default)]
pub struct Events(Arc<Mutex<BTreeMap<String, usize>>>);

impl Events {
    /// Counts from now on, until the guard is dropped.
    #[must_use]
    pub fn count() -> (Self, DefaultGuard) {
        let events = Self::default();
        let guard = tracing::subscriber::set_default(events.clone());
        (events, guard)
    }

    /// How many came with this target.
    ///
    /// # Panics
    /// When a test panicked while it counted.
    pub fn of(&self, target: &str) -> usize {
        let counts = self.0.lock().expect("counting does not panic");
        counts.get(target).copied().unwrap_or_default()
    }
}

impl Subscriber for Events {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &Event<'_>) {
        let mut counts = self.0.lock().expect("counting does not panic");
        *counts.entry(event.metadata().target().to_owned()).or_default() += 1;
    }

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}
