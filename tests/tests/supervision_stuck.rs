//! A handler that never yields: nobody can end it, and nobody waits for it.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use quorate::prelude::*;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_handler_that_never_yields_is_reported_stuck_and_the_shutdown_goes_on_without_it() {
    let system = System::new("test");
    let (release, hold) = std::sync::mpsc::channel::<()>();
    let spec = Blocker::spec(Arc::new(Mutex::new(hold))).shutdown(Shutdown::After(Duration::from_millis(10)));
    let blocker = system.spawn(spec).await.unwrap();
    blocker.block().cast().unwrap();
    // The handler has been entered when its mailbox of one has room again.
    while blocker.ping().cast().is_err() {
        tokio::task::yield_now().await;
    }
    let (ended, reason) = tokio::join!(system.terminate(&blocker), ActorRef::exited(&blocker));
    assert!(!ended);
    assert_eq!(
        reason,
        ExitReason::Stuck {
            handler: "block".into()
        }
    );
    let stuck = system.shutdown().await;
    let who = vec![(
        format!("{}::Blocker", env!("CARGO_PKG_NAME")).into(),
        "block".into(),
    )];
    assert_eq!(stuck, Err(quorate::Error::Stuck(who)));
    assert!(matches!(blocker.ping().cast(), Err(CastError::Gone(_))));
    drop(release);
}

/// Blocks its thread.
#[actor(mailbox = 1)]
pub struct Blocker {
    hold: Arc<Mutex<std::sync::mpsc::Receiver<()>>>,
}

#[actor(local)]
impl Blocker {
    #[init]
    fn new(hold: Arc<Mutex<std::sync::mpsc::Receiver<()>>>) -> Self {
        Self { hold }
    }

    /// Blocks until the test lets go.
    pub fn block(&mut self) {
        let _ = self.hold.lock().unwrap().recv();
    }

    /// Is there.
    pub fn ping(&mut self) {}
}
