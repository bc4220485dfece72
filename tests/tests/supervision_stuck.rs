//! A handler that never yields: nobody can end it, and nobody waits for it.

use std::future::poll_fn;
use std::pin::pin;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::task::Poll;
use std::time::Duration;

use quorate::prelude::*;
use quorate::testing::Life;

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
    let life = Life::of(&blocker);
    assert!(!system.terminate(&blocker).await);
    assert_eq!(
        life.ended().await,
        ExitReason::Stuck {
            handler: "block".into()
        }
    );
    assert_eq!(
        stuck(&system).await,
        [("tests::Blocker".into(), Some("block".into()))]
    );
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

/// Who is out of reach after the shutdown, and in which handler.
async fn stuck(system: &System) -> Vec<(String, Option<Arc<str>>)> {
    let Err(quorate::Error::Stuck(stuck)) = system.shutdown().await else {
        panic!("nothing is listed");
    };
    stuck.into_iter().map(|one| (one.path, one.stuck_in)).collect()
}

/// A blocker that blocks, under a supervisor; the sender lets it go, the number counts its starts.
async fn blocked(system: &System) -> (ActorRef<Above>, std::sync::mpsc::Sender<()>, Arc<AtomicU32>) {
    let (release, hold) = std::sync::mpsc::channel::<()>();
    let (hold, starts) = (Arc::new(Mutex::new(hold)), Arc::new(AtomicU32::new(0)));
    let counted = Arc::clone(&starts);
    let spec = Blocker::spec_with(move || {
        counted.fetch_add(1, Ordering::SeqCst);
        Blocker {
            hold: Arc::clone(&hold),
        }
    });
    let above = system.spawn(Above::spec(Rig::spec(spec))).await.unwrap();
    let blocker = &above.rig.blocker;
    blocker.block().cast().unwrap();
    while blocker.ping().cast().is_err() {
        tokio::task::yield_now().await;
    }
    (above, release, starts)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_stuck_below_a_supervisor_is_reported_by_the_shutdown_too() {
    let system = System::new("test");
    let (_above, release, _) = blocked(&system).await;
    let path = "tests::Above/rig/blocker";
    assert_eq!(stuck(&system).await, [(path.into(), Some("block".into()))]);
    drop(release);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_start_that_waits_for_a_stuck_one_is_not_made_when_its_supervisor_has_ended_meanwhile() {
    let system = System::new("test");
    let (above, release, starts) = blocked(&system).await;
    let rig = ActorRef::pin(&above.rig);
    ActorRef::stop(&rig);
    ActorRef::exited(&rig).await;
    // The next rig boots: its blocker waits for the end of the last one.
    tokio::time::sleep(Duration::from_millis(50)).await;
    let _ = system.shutdown().await;
    drop(release);
    tokio::time::sleep(Duration::from_millis(50)).await;
    assert_eq!(starts.load(Ordering::SeqCst), 1, "it starts when all is over");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_start_that_waits_for_a_stuck_one_is_not_made_when_it_was_terminated_meanwhile() {
    let system = System::new("test");
    let (above, release, starts) = blocked(&system).await;
    let rig = ActorRef::pin(&above.rig);
    ActorRef::stop(&rig);
    ActorRef::exited(&rig).await;
    tokio::time::sleep(Duration::from_millis(50)).await;
    let (terminated, ()) = tokio::join!(ActorRef::terminate_child(&above, "rig"), async {
        tokio::time::sleep(Duration::from_millis(50)).await;
        drop(release);
    });
    assert_eq!(terminated, Ok(()));
    tokio::time::sleep(Duration::from_millis(50)).await;
    assert_eq!(starts.load(Ordering::SeqCst), 1);
    assert_eq!(system.shutdown().await, Ok(()));
}

/// A supervisor of a rig.
#[supervisor]
pub struct Above {
    /// Has a blocker.
    #[child]
    pub rig: Rig,
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
