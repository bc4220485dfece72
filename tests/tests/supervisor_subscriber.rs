//! A subscriber of the log that panics, on what a supervisor tells. Alone in its process, see [`Lines`](tests::lines::Lines).

use std::time::Duration;

use quorate::prelude::*;
use quorate::supervision::DynamicSupervisor;
use quorate::testing::{self, Log};
use quorate::{Backoff, CallError};
use tests::parts::{Part, plans, settle};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Level, Metadata, Subscriber};

/// Panics when a child did not stop in time.
struct Panics;

impl Subscriber for Panics {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target() == "quorate::supervision" && *metadata.level() <= Level::WARN
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, _: &Event<'_>) {
        panic!("as it is to");
    }

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

#[test]
fn a_child_that_is_forgotten_as_its_supervisor_falls_is_gone() {
    testing::run(async {
        let _guard = tracing::subscriber::set_default(Panics);
        let (system, log) = (System::new("test"), Log::default());
        let parts = system.spawn(DynamicSupervisor::<Part>::spec()).await.unwrap();
        let [waits, runs, _] = plans(&log);
        let minute = Backoff::new(Duration::from_mins(1), Duration::from_mins(1));
        let waiting = parts.start(waits.spec().backoff(minute)).await.unwrap();
        let running = parts.start(runs.spec()).await.unwrap();
        waiting.fail().await.unwrap();
        settle().await;
        // The one that runs is killed first, which is told.
        ActorRef::kill(&parts);
        settle().await;
        for part in [running, waiting] {
            let answer = part.ping().timeout(Duration::from_secs(1)).await;
            assert_eq!(answer, Err(CallError::Gone));
        }
    });
}
