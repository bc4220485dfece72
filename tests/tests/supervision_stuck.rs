//! A handler that never yields: nobody can end it, and nobody waits for it.

use std::future::poll_fn;
use std::pin::pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::task::Poll;
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
    let Err(quorate::Error::Stuck(stuck)) = system.shutdown().await else {
        panic!("it is not listed");
    };
    let name = concat!(env!("CARGO_PKG_NAME"), "::Blocker");
    let who: Vec<_> = stuck
        .iter()
        .map(|one| (&*one.path, one.stuck_in.as_deref()))
        .collect();
    assert_eq!(who, [(name, Some("block"))]);
    assert!(matches!(blocker.ping().cast(), Err(CastError::Gone(_))));
    drop(release);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_spawn_does_not_answer_that_the_system_is_down_while_the_start_runs_on() {
    for under_a_supervisor in [false, true] {
        let system = System::new("test");
        let (release, hold) = std::sync::mpsc::channel::<()>();
        let (entered, mut has_entered) = tokio::sync::mpsc::unbounded_channel();
        let (hold, ended) = (Arc::new(Mutex::new(hold)), Arc::new(AtomicBool::new(false)));
        let at_end = Arc::clone(&ended);
        let spec = ChildSpec::new(move || {
            let _ = entered.send(());
            let _ = hold.lock().unwrap().recv();
            at_end.store(true, Ordering::SeqCst);
            Blocker {
                hold: Arc::clone(&hold),
            }
        })
        .shutdown(Shutdown::Kill);
        let spawn = async {
            if under_a_supervisor {
                system.spawn(Rig::spec(spec)).await.err()
            } else {
                system.spawn(spec).await.err()
            }
        };
        let mut spawning = pin!(spawn);
        let down = async {
            has_entered.recv().await;
            system.shutdown().await
        };
        tokio::select! {
            biased;
            early = &mut spawning => panic!("answered {early:?} while the start runs"),
            _ = down => {}
        }
        let waits = poll_fn(|task| Poll::Ready(spawning.as_mut().poll(task).is_pending())).await;
        assert!(waits, "answered while the start runs");
        drop(release);
        let error = spawning.await;
        assert!(error.is_some(), "it was not started");
        assert!(ended.load(Ordering::SeqCst));
    }
}

/// A supervisor of one.
#[supervisor]
pub struct Rig {
    /// Blocks.
    #[child(shutdown = kill)]
    pub blocker: Blocker,
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
