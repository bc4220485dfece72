//! A runtime that is dropped with its systems: what was there is dropped once, and who asks from elsewhere is answered.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use quorate::prelude::*;
use quorate::{CallError, StartError};
use tokio::runtime::{Builder, Runtime};
use tokio::task::yield_now;

/// Longer than anything here takes.
const PATIENCE: Duration = Duration::from_secs(20);

fn runtime(workers: usize) -> Runtime {
    let mut builder = match workers {
        0 => Builder::new_current_thread(),
        _ => Builder::new_multi_thread(),
    };
    builder
        .worker_threads(workers.max(1))
        .enable_all()
        .build()
        .unwrap()
}

/// Something whose holders are counted, and of which some panic when they are dropped.
struct Held {
    _count: Arc<()>,
    panics: bool,
}

impl Held {
    fn new(count: &Arc<()>, panics: bool) -> Self {
        Self {
            _count: Arc::clone(count),
            panics,
        }
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        assert!(!self.panics, "as it is to");
    }
}

/// Waits for ever, once it is asked to.
#[actor]
struct Waiter {
    _held: Arc<()>,
    waits: Arc<AtomicBool>,
}

#[actor(local)]
impl Waiter {
    #[init]
    fn start(held: Arc<()>, waits: Arc<AtomicBool>) -> Self {
        Self { _held: held, waits }
    }

    pub async fn wait(&mut self) {
        self.waits.store(true, Ordering::SeqCst);
        std::future::pending::<()>().await;
    }

    pub fn take(&mut self, held: Held) {
        drop(held);
    }

    pub fn meet(&mut self, other: ActorRef<Self>) {
        drop(other);
    }

    pub fn ping(&mut self) {}
}

/// One that waits, and has not begun with what was sent behind that.
async fn waiter(held: &Arc<()>, send: impl FnOnce(&ActorRef<Waiter>)) -> ActorRef<Waiter> {
    let waits = Arc::<AtomicBool>::default();
    let spec = Waiter::spec(Arc::clone(held), Arc::clone(&waits));
    let waiter = System::new("test").spawn(spec).await.unwrap();
    waiter.wait().cast().unwrap();
    send(&waiter);
    while !waits.load(Ordering::SeqCst) {
        yield_now().await;
    }
    waiter
}

#[test]
fn what_lies_in_a_mailbox_is_dropped_once_and_so_is_the_spec_even_if_a_message_panics() {
    for workers in [0, 2] {
        let (spec, message) = (Arc::new(()), Arc::new(()));
        let runtime = runtime(workers);
        let waiter = runtime.block_on(waiter(&spec, |waiter| {
            for panics in [false, true, false] {
                waiter.take(Held::new(&message, panics)).cast().unwrap();
            }
        }));
        drop(runtime);
        let left = (Arc::strong_count(&spec), Arc::strong_count(&message));
        assert_eq!(left, (1, 1), "with {workers} workers");
        drop(waiter);
    }
}

#[test]
fn a_message_that_leads_to_its_own_actor_keeps_nothing() {
    let held = Arc::new(());
    let runtime = runtime(0);
    runtime.block_on(async {
        let waiter = waiter(&held, |waiter| {
            waiter.meet(waiter.clone()).cast().unwrap();
            waiter.take(Held::new(&held, false)).cast().unwrap();
        });
        drop(waiter.await);
    });
    drop(runtime);
    assert_eq!(Arc::strong_count(&held), 1);
}

#[test]
fn callers_of_another_runtime_are_told_that_the_actor_is_gone() {
    let held = Arc::new(());
    let (one, other) = (runtime(2), runtime(0));
    let waiter = one.block_on(waiter(&held, |_| ()));
    let called = other.block_on(async {
        let call = waiter.ping().timeout(PATIENCE);
        let gone = ActorRef::gone(&waiter);
        let (called, (), ()) = tokio::join!(call, gone, async {
            // Both wait.
            yield_now().await;
            one.shutdown_background();
        });
        called
    });
    assert_eq!(called, Err(CallError::Gone));
    assert!(!ActorRef::is_alive(&waiter));
    assert_eq!(
        other.block_on(async { waiter.ping().await }),
        Err(CallError::Gone)
    );
}

#[test]
fn who_spawns_from_another_runtime_is_told_that_the_system_is_down() {
    for round in 0..30 {
        let (held, spawned) = (Arc::new(()), Arc::<AtomicUsize>::default());
        let one = runtime(2);
        let system = one.block_on(async { System::new("test") });
        let spawner = {
            let (held, spawned) = (Arc::clone(&held), Arc::clone(&spawned));
            std::thread::spawn(move || {
                runtime(0).block_on(async {
                    loop {
                        let spec = Waiter::spec(Arc::clone(&held), Arc::default());
                        match system.spawn(spec).await {
                            Ok(waiter) if spawned.fetch_add(1, Ordering::SeqCst) % 2 == 0 => {
                                ActorRef::kill(&waiter);
                            }
                            Ok(waiter) => drop(waiter.wait().cast()),
                            Err(error) => return error,
                        }
                    }
                })
            })
        };
        while spawned.load(Ordering::SeqCst) < 20 + 7 * round {
            std::thread::yield_now();
        }
        drop(one);
        let since = Instant::now();
        while !spawner.is_finished() {
            assert!(since.elapsed() < PATIENCE, "nobody answers in round {round}");
            std::thread::yield_now();
        }
        assert_eq!(spawner.join().unwrap(), StartError::SystemDown, "round {round}");
        assert_eq!(Arc::strong_count(&held), 1, "round {round}");
    }
}
