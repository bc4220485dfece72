//! What a supervisor's children leave in the log (R20). Alone in its process: what `tracing` keeps of a place in the code is shared by all tests.

use std::sync::{Arc, Mutex};

use quorate::prelude::*;
use tests::parts::{Log, settle, trio};

/// Where the log of the framework goes, in a test.
#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl std::io::Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[tokio::test(start_paused = true)]
async fn r20_expected_ends_are_silent_and_anything_else_is_logged() {
    let lines = Lines::default();
    let writer = lines.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::WARN)
        .with_writer(move || writer.clone())
        .finish();
    let _guard = tracing::subscriber::set_default(subscriber);
    let logged = || String::from_utf8(std::mem::take(&mut *lines.0.lock().unwrap())).unwrap();
    let (system, log) = (System::new("test"), Log::default());
    let (trio, _) = trio(&system, &log).await;
    ActorRef::stop(&trio.a);
    ActorRef::terminate_child(&trio, "b").await.unwrap();
    settle().await;
    assert_eq!(logged(), "");
    trio.c.fail().await.unwrap();
    settle().await;
    let line = logged();
    assert!(
        line.contains("an actor ended") && line.contains("as asked"),
        "{line}"
    );
    ActorRef::kill(&trio.c);
    settle().await;
    assert!(logged().contains("was killed"));
    system.shutdown().await.unwrap();
    assert_eq!(logged(), "");
}
