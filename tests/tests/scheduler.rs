//! How actors are run: beside the tasks of a real runtime with threads, none of which is to wait for what does not yield.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use quorate::prelude::*;
use quorate::supervision::DynamicSupervisor;
use tokio::runtime::{Builder, Runtime};

/// Longer than anything here takes.
const PATIENCE: Duration = Duration::from_secs(20);

type Flag = Arc<AtomicBool>;

fn runtime(threads: usize) -> Runtime {
    Builder::new_multi_thread()
        .worker_threads(threads)
        .enable_all()
        .build()
        .unwrap()
}

/// Keeps its thread busy until the flag is set. False when it never was.
fn spin_until(flag: &AtomicBool) -> bool {
    let since = Instant::now();
    while !flag.load(Ordering::Acquire) {
        if since.elapsed() > PATIENCE {
            return false;
        }
        std::hint::spin_loop();
    }
    true
}

/// Sets a flag.
#[actor(in_place = off)]
struct Setter {
    flag: Flag,
}

#[actor(local)]
impl Setter {
    #[init]
    fn start(flag: Flag) -> Self {
        Self { flag }
    }

    pub fn set(&mut self) {
        self.flag.store(true, Ordering::Release);
    }
}

/// Has the other set its flag, and does not yield before.
#[actor(in_place = off)]
struct Stubborn {
    setter: ActorRef<Setter>,
    flag: Flag,
}

#[actor(local)]
impl Stubborn {
    #[init]
    fn start(setter: ActorRef<Setter>, flag: Flag) -> Self {
        Self { setter, flag }
    }

    pub fn wait(&mut self) -> bool {
        self.setter.set().cast().unwrap();
        spin_until(&self.flag)
    }
}

#[test]
fn an_actor_is_not_stranded_behind_a_task_that_never_yields() {
    let runtime = runtime(2);
    let done = runtime.block_on(async {
        let system = System::new("stranded");
        let flag = Flag::default();
        let setter = system.spawn(Setter::spec(Arc::clone(&flag))).await.unwrap();
        // A task, so that it is on a worker.
        let task = tokio::spawn(async move {
            setter.set().cast().unwrap();
            spin_until(&flag)
        });
        task.await.unwrap()
    });
    assert!(done);
}

#[test]
fn an_actor_is_not_stranded_behind_a_handler_that_never_yields() {
    let runtime = runtime(2);
    let done = runtime.block_on(async {
        let system = System::new("stranded");
        for _ in 0..20 {
            let flag = Flag::default();
            let setter = system.spawn(Setter::spec(Arc::clone(&flag))).await.unwrap();
            let stubborn = system.spawn(Stubborn::spec(setter, flag)).await.unwrap();
            assert!(stubborn.wait().timeout(PATIENCE).await.unwrap());
        }
        true
    });
    assert!(done);
}

#[test]
fn a_loop_of_casts_lets_timers_and_tasks_of_its_worker_have_their_turn() {
    let runtime = runtime(1);
    let turns = runtime.block_on(async {
        let system = System::new("casts");
        let setter = system.spawn(Setter::spec(Flag::default())).await.unwrap();
        let task = tokio::spawn(async move {
            let timer = tokio::spawn(tokio::time::sleep(Duration::from_millis(1)));
            let turns = Arc::<AtomicUsize>::default();
            let sibling = {
                let turns = Arc::clone(&turns);
                tokio::spawn(async move {
                    loop {
                        turns.fetch_add(1, Ordering::Relaxed);
                        tokio::task::yield_now().await;
                    }
                })
            };
            let since = Instant::now();
            while !timer.is_finished() && since.elapsed() < PATIENCE {
                setter.set().cast_when_room().await.unwrap();
            }
            sibling.abort();
            timer.is_finished().then(|| turns.load(Ordering::Relaxed))
        });
        task.await.unwrap()
    });
    assert!(turns.is_some_and(|turns| turns > 0), "{turns:?}");
}

/// Runs something on a thread of its own, which is left behind when it takes too long.
fn in_patience(run: impl FnOnce() + Send + 'static) {
    let (done, is_done) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        run();
        let _ = done.send(());
    });
    is_done.recv_timeout(PATIENCE).expect("it ends in time");
}

/// So many casts that their task is out of budget, several times.
async fn cast_and_cast(setter: &ActorRef<Setter>) {
    for _ in 0..50_000 {
        setter.set().cast_when_room().await.unwrap();
    }
}

#[test]
fn casts_go_on_to_a_runtime_that_was_run_on_this_thread_and_is_not_now() {
    in_patience(|| {
        let runtime = || Builder::new_current_thread().enable_all().build().unwrap();
        let (one, other) = (runtime(), runtime());
        let setter = one.block_on(async {
            let spec = Setter::spec(Flag::default()).mailbox(50_000);
            System::new("one").spawn(spec).await.unwrap()
        });
        other.block_on(cast_and_cast(&setter));
    });
}

/// Waits for casts on its own thread.
#[actor(in_place = off)]
struct Blocking {
    setter: ActorRef<Setter>,
}

#[actor(local)]
impl Blocking {
    #[init]
    fn start(setter: ActorRef<Setter>) -> Self {
        Self { setter }
    }

    pub fn block(&mut self) {
        let casts = cast_and_cast(&self.setter);
        tokio::task::block_in_place(|| tokio::runtime::Handle::current().block_on(casts));
    }
}

#[test]
fn casts_go_on_in_a_handler_that_blocks_the_only_worker() {
    in_patience(|| {
        runtime(1).block_on(async {
            let system = System::new("blocking");
            let spec = Setter::spec(Flag::default()).mailbox(50_000);
            let setter = system.spawn(spec).await.unwrap();
            let blocking = system.spawn(Blocking::spec(setter)).await.unwrap();
            blocking.block().timeout(PATIENCE).await.unwrap();
        });
    });
}

/// Counts itself while it lives.
struct Counted(Arc<AtomicUsize>);

impl Counted {
    fn new(count: &Arc<AtomicUsize>) -> Self {
        count.fetch_add(1, Ordering::SeqCst);
        Self(Arc::clone(count))
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

/// Holds what is counted, and what waits does, too.
#[actor]
struct Holder {
    _held: Counted,
    count: Arc<AtomicUsize>,
}

#[actor(local)]
impl Holder {
    #[init]
    fn start(count: Arc<AtomicUsize>) -> Self {
        Self {
            _held: Counted::new(&count),
            count,
        }
    }

    pub async fn wait(&mut self) {
        let _held = Counted::new(&self.count);
        std::future::pending::<()>().await;
    }
}

/// Two levels of supervisors.
#[supervisor]
struct Ward {
    #[child]
    holders: DynamicSupervisor<Holder>,
}

#[test]
fn a_runtime_that_is_dropped_drops_its_actors_and_what_their_handlers_hold() {
    let count = Arc::new(AtomicUsize::new(0));
    for threads in [1, 2] {
        let runtime = if threads == 1 {
            Builder::new_current_thread().enable_all().build().unwrap()
        } else {
            runtime(threads)
        };
        let refs = runtime.block_on(async {
            let system = System::new("dropped");
            let ward = system.spawn(Ward::spec()).await.unwrap();
            let mut refs = Vec::new();
            for i in 0..100 {
                let spec = Holder::spec(Arc::clone(&count));
                let holder = match i / 50 {
                    0 => system.spawn(spec).await.unwrap(),
                    _ => ward.holders.start(spec).await.unwrap(),
                };
                if i % 2 == 0 {
                    holder.wait().cast().unwrap();
                }
                if i % 3 == 0 {
                    refs.push(holder);
                }
            }
            while count.load(Ordering::SeqCst) < 150 {
                tokio::task::yield_now().await;
            }
            refs
        });
        drop(runtime);
        assert_eq!(count.load(Ordering::SeqCst), 0, "with {threads} threads");
        // Nobody serves them any more; whoever sends is told or loses the message, and nothing else happens.
        for holder in refs {
            drop(holder.wait().cast());
        }
    }
}

#[test]
fn actors_of_two_runtimes_in_one_process_serve_each_other() {
    let (one, other) = (
        runtime(2),
        Builder::new_current_thread().enable_all().build().unwrap(),
    );
    let flag = Flag::default();
    let setter = one.block_on(async {
        let system = System::new("one");
        system.spawn(Setter::spec(Arc::clone(&flag))).await.unwrap()
    });
    let (there, seen) = (setter.clone(), Arc::clone(&flag));
    let done = other.block_on(async move {
        let system = System::new("other");
        let stubborn = system.spawn(Stubborn::spec(there, seen)).await.unwrap();
        stubborn.wait().timeout(PATIENCE).await.unwrap()
    });
    assert!(done);
    flag.store(false, Ordering::SeqCst);
    // From a thread of no runtime at all.
    setter.set().cast().unwrap();
    assert!(spin_until(&flag));
}
