//! The root of a system is entered by whoever spawns and whoever ends, on many threads at once.

use std::future::poll_fn;
use std::pin::pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::task::Poll;

use quorate::StartError;
use quorate::prelude::*;
use quorate::supervision::{ChildStatus, DynamicSupervisor};
use quorate::testing::{self, Life};

/// Threads that enter the root at the same time.
const THREADS: usize = 4;
/// What each of them starts.
const EACH: usize = 200;

/// Ends in every way there is.
#[actor(restart = transient)]
#[derive(Default)]
pub struct Guest;

#[actor]
impl Guest {
    /// Answers.
    pub fn ping(&mut self) {}

    /// Fails.
    pub fn fail(&mut self, cx: &mut Context<Self>) {
        cx.fail("on purpose");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn many_threads_start_stop_and_restart_at_once() {
    let system = System::new("test");
    let entering = (0..THREADS).map(|_| {
        let system = system.clone();
        tokio::spawn(async move {
            for number in 0..EACH {
                let guest = system.spawn(Guest::spec()).await.unwrap();
                match number % 4 {
                    // It stays.
                    0 => guest.ping().await.unwrap(),
                    1 => {
                        ActorRef::stop(&guest);
                        ActorRef::gone(&guest).await;
                    }
                    2 => {
                        let mut life = Life::of(&guest);
                        guest.fail().cast().unwrap();
                        life.restarted().await;
                        assert!(system.terminate(&guest).await);
                        assert!(!ActorRef::is_alive(&guest));
                    }
                    _ => assert!(system.terminate(&guest).await),
                }
            }
        })
    });
    for entered in entering.collect::<Vec<_>>() {
        entered.await.unwrap();
    }
    let tree = system.tree().await;
    assert_eq!(tree.children.len(), THREADS * EACH / 4);
    let runs = |status: &ChildStatus| matches!(status, ChildStatus::Running(_));
    assert!(tree.children.iter().all(|child| runs(&child.info.status)));
    assert!(system.shutdown_report().await.is_clean());
    assert!(system.tree().await.children.is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn who_spawns_while_the_system_is_shut_down_is_answered_and_leaves_nothing() {
    let system = System::new("test");
    let spawning = (0..THREADS).map(|_| {
        let system = system.clone();
        tokio::spawn(async move {
            let mut started = Vec::new();
            loop {
                match system.spawn(Guest::spec()).await {
                    Ok(guest) => started.push(guest),
                    // Stopped before it had started, or not even begun.
                    Err(StartError::SystemDown | StartError::Failed(_)) => return started,
                    Err(error) => panic!("{error}"),
                }
            }
        })
    });
    let spawning: Vec<_> = spawning.collect();
    while system.tree().await.children.len() < THREADS * 10 {
        tokio::task::yield_now().await;
    }
    assert!(system.shutdown_report().await.is_clean());
    for spawned in spawning {
        for guest in spawned.await.unwrap() {
            assert!(!ActorRef::is_alive(&guest));
        }
    }
    assert_eq!(
        system.spawn(Guest::spec()).await.unwrap_err(),
        StartError::SystemDown
    );
}

#[test]
fn a_spawn_that_is_dropped_where_it_yields_has_made_nothing() {
    /// As many as are paid together, and some more that have nothing left to pay with.
    const SPAWNED: usize = 32;
    testing::run(async {
        let system = System::new("test");
        let name = |n: usize| Name::<Guest>::new(format!("guest {n}").leak());
        while tokio::task::coop::has_budget_remaining() {
            tokio::task::coop::consume_budget().await;
        }
        let seen: Vec<_> = poll_fn(|cx| {
            let polled = (0..SPAWNED).map(|n| {
                let mut spawn = Box::pin(system.spawn(Guest::spec().name(name(n))));
                let is_pending = spawn.as_mut().poll(cx).is_pending();
                (is_pending, system.whereis(name(n)))
            });
            Poll::Ready(polled.collect())
        })
        .await;
        let is_nothing = |(is_pending, seen): &(bool, Option<_>)| *is_pending && seen.is_none();
        assert!(
            seen.iter().any(is_nothing),
            "one has yielded before anything was made"
        );
        for (n, (_, seen)) in seen.into_iter().enumerate() {
            // What is there is an actor like any other.
            if let Some(guest) = seen {
                assert!(system.terminate(&guest).await, "{n}");
                ActorRef::gone(&guest).await;
            }
            system.spawn(Guest::spec().name(name(n))).await.unwrap();
        }
    });
}

/// Holds what it was started with.
#[actor]
pub struct Holder {
    /// Counted.
    _held: Arc<()>,
}

#[actor(local)]
impl Holder {
    #[init]
    fn new(held: Arc<()>) -> Self {
        Self { _held: held }
    }
}

#[test]
fn a_ref_keeps_nothing_of_the_spec_when_the_runtime_is_dropped() {
    let held = Arc::new(());
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap();
    let refs = runtime.block_on(async {
        let system = System::new("test");
        let one = system.spawn(Holder::spec(Arc::clone(&held))).await.unwrap();
        let supervisor = system.spawn(DynamicSupervisor::<Holder>::spec()).await.unwrap();
        let two = supervisor.start(Holder::spec(Arc::clone(&held))).await.unwrap();
        [one, two]
    });
    assert_eq!(Arc::strong_count(&held), 5, "of two specs and two states");
    drop(runtime);
    assert_eq!(Arc::strong_count(&held), 1);
    drop(refs);
}

static SYSTEM: Mutex<Option<System>> = Mutex::new(None);
static UNDELIVERED: AtomicUsize = AtomicUsize::new(0);

/// Enters the root from where what it was sent is dropped.
pub struct Intruder;

impl Drop for Intruder {
    fn drop(&mut self) {
        let Some(system) = SYSTEM.lock().unwrap().clone() else {
            return;
        };
        UNDELIVERED.fetch_add(1, Ordering::Relaxed);
        // What is polled once starts a child, though nobody waits for it.
        let mut spawning = pin!(system.spawn(Guest::spec()));
        let task = &mut std::task::Context::from_waker(std::task::Waker::noop());
        let started = spawning.as_mut().poll(task);
        assert!(!matches!(started, Poll::Ready(Err(_))), "{started:?}");
    }
}

/// Has a mailbox with something in it when it ends.
#[actor(restart = temporary)]
#[derive(Default)]
pub struct Host;

#[actor(local)]
impl Host {
    /// Waits for its end.
    pub async fn wait(&mut self) {
        poll_fn(|_| Poll::<()>::Pending).await;
    }

    /// Drops it.
    pub fn take(&mut self, intruder: Intruder) {
        drop(intruder);
    }
}

#[tokio::test]
async fn what_is_dropped_when_a_child_ends_may_enter_the_root_itself() {
    let system = System::new("test");
    let host = system.spawn(Host::spec()).await.unwrap();
    host.wait().cast().unwrap();
    host.take(Intruder).cast().unwrap();
    *SYSTEM.lock().unwrap() = Some(system.clone());
    ActorRef::kill(&host);
    ActorRef::gone(&host).await;
    // In its mailbox when it ended, and sent when it had ended.
    drop(host.take(Intruder).cast());
    *SYSTEM.lock().unwrap() = None;
    assert_eq!(UNDELIVERED.load(Ordering::Relaxed), 2);
    while system.tree().await.children.len() < 2 {
        tokio::task::yield_now().await;
    }
    system.shutdown().await.unwrap();
}
