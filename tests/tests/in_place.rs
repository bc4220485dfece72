//! Calls that the caller runs itself: when, and that nothing else is told apart by it.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use quorate::prelude::*;
use quorate::testing::{self, Lease, Life};
use quorate::{InPlace, InPlacePolicy};
use tokio::task;

/// Panics when it is dropped.
pub struct Bomb;

impl Drop for Bomb {
    fn drop(&mut self) {
        panic!("a bomb");
    }
}

/// Says in whose task it runs.
#[actor(mailbox = 8)]
#[derive(Default)]
pub struct Where {
    seen: Arc<Mutex<Vec<u64>>>,
}

#[actor(local)]
impl Where {
    #[init]
    fn new(seen: Arc<Mutex<Vec<u64>>>) -> Self {
        Self { seen }
    }

    /// The task that runs this.
    pub fn task(&mut self) -> Option<task::Id> {
        task::try_id()
    }

    /// The same, by a method that waits.
    pub async fn task_later(&mut self) -> Option<task::Id> {
        task::yield_now().await;
        task::try_id()
    }

    /// Notes.
    pub fn note(&mut self, n: u64) -> u64 {
        self.seen.lock().unwrap().push(n);
        n
    }

    /// Waits.
    pub async fn wait(&mut self, time: Duration) {
        tokio::time::sleep(time).await;
    }

    /// Panics.
    pub fn fall(&mut self) {
        panic!("fell");
    }

    /// Panics with what panics again when it is dropped.
    pub fn explode(&mut self) {
        std::panic::panic_any(Bomb);
    }

    /// Asks for its end, and panics.
    pub fn stop_and_fall(&mut self, cx: &mut Context<Self>) {
        cx.stop();
        panic!("fell");
    }

    /// Takes something that panics when it is dropped.
    pub fn hold(&mut self, bomb: Bomb) {
        std::mem::forget(bomb);
    }

    /// Ends the actor, and answers.
    pub fn leave(&mut self, cx: &mut Context<Self>) -> u64 {
        cx.stop();
        7
    }

    /// Blocks the thread.
    pub fn block(&mut self, time: Duration) -> Option<task::Id> {
        std::thread::sleep(time);
        task::try_id()
    }

    /// Calls itself, and says what came of it at once.
    pub fn call_self(&mut self, me: ActorRef<Where>) -> Option<Result<u64, CallError>> {
        let mut call = std::pin::pin!(me.note(1).into_future());
        let waker = std::task::Waker::noop();
        match call.as_mut().poll(&mut std::task::Context::from_waker(waker)) {
            std::task::Poll::Ready(result) => Some(result),
            std::task::Poll::Pending => None,
        }
    }
}

fn system(policy: InPlacePolicy) -> System {
    System::builder("test").in_place(policy).start()
}

async fn idle(system: &System) -> ActorRef<Where> {
    let place = system.spawn(Where::spec(Arc::default())).await.unwrap();
    // Its loop has nothing to do but to fall asleep.
    task::yield_now().await;
    place
}

/// Waits until the caller runs it.
async fn until_run_in_place(place: &ActorRef<Where>) {
    while place.task().await != Ok(task::try_id()) {
        task::yield_now().await;
    }
}

/// Runs a test in a task of its own, which has an id, in real time.
fn in_real_time(test: impl Future<Output = ()> + Send + 'static) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async { tokio::spawn(test).await.unwrap() });
}

/// Runs a test in a task of its own, which has an id, in virtual time.
fn in_a_task(test: impl Future<Output = ()> + Send + 'static) {
    testing::run(async { tokio::spawn(test).await.unwrap() });
}

#[test]
fn an_idle_actor_is_run_by_its_caller_and_a_busy_one_by_itself() {
    in_a_task(async {
        let place = idle(&system(InPlacePolicy::Always)).await;
        let me = task::try_id();
        assert_eq!(place.task().await, Ok(me));
        assert_eq!(place.task().await, Ok(me), "it is idle again");
        assert_ne!(
            place.task_later().await,
            Ok(me),
            "what may wait is the actor's own"
        );
        testing::settle().await;
        place.wait(Duration::from_secs(1)).cast().unwrap();
        assert_ne!(place.task().await, Ok(me), "it waits in a handler");
    });
}

#[test]
fn a_call_does_not_overtake_its_callers_own_cast() {
    in_a_task(async {
        let seen = Arc::new(Mutex::new(Vec::new()));
        let system = system(InPlacePolicy::Always);
        let place = system.spawn(Where::spec(Arc::clone(&seen))).await.unwrap();
        for n in 0..100 {
            testing::settle().await;
            place.note(2 * n).cast().unwrap();
            place.note(2 * n + 1).await.unwrap();
        }
        assert_eq!(*seen.lock().unwrap(), (0..200).collect::<Vec<_>>());
    });
}

#[test]
fn a_panic_is_the_actors_end_and_the_next_call_is_the_successors() {
    in_a_task(async {
        let place = idle(&system(InPlacePolicy::Always)).await;
        let mut life = Life::of(&place);
        let fell = place.fall().await;
        assert!(
            matches!(fell, Err(CallError::Exited(ExitReason::Panic { .. }))),
            "{fell:?}"
        );
        assert_eq!(place.note(1).await, Ok(1));
        assert!(matches!(life.ended().await, ExitReason::Panic { .. }));
        life.restarted().await;
    });
}

#[test]
fn a_panic_is_more_than_a_stop_that_was_asked_for_and_one_that_panics_again_is_one() {
    in_a_task(async {
        let system = system(InPlacePolicy::Always);
        let spec = Where::spec(Arc::default()).restart(Restart::Transient);
        let place = system.spawn(spec).await.unwrap();
        for n in 0..2 {
            task::yield_now().await;
            let mut life = Life::of(&place);
            let fell = if n == 0 {
                place.stop_and_fall().await
            } else {
                place.explode().await
            };
            assert!(
                matches!(fell, Err(CallError::Exited(ExitReason::Panic { .. }))),
                "{fell:?}"
            );
            assert_eq!(place.note(n).await, Ok(n));
            assert!(matches!(life.ended().await, ExitReason::Panic { .. }));
            life.restarted().await;
        }
    });
}

#[test]
fn an_argument_that_panics_when_it_is_dropped_harms_nobody_else() {
    in_a_task(async {
        let system = system(InPlacePolicy::Always);
        let place = idle(&system).await;
        let mut life = Life::of(&place);
        place.wait(Duration::from_secs(1)).cast().unwrap();
        let calls = async { tokio::join!(place.hold(Bomb), place.hold(Bomb)) };
        let kill = async {
            testing::settle().await;
            ActorRef::kill(&place);
        };
        let (called, ()) = tokio::join!(calls, kill);
        assert_eq!(
            called,
            (
                Err(CallError::Exited(ExitReason::Killed)),
                Err(CallError::Exited(ExitReason::Killed))
            )
        );
        life.restarted().await;
        assert_eq!(place.note(1).await, Ok(1));
        assert!(system.spawn(Where::spec(Arc::default())).await.is_ok());
    });
}

#[test]
fn a_call_whose_task_has_spent_its_budget_is_sent_at_its_first_poll_all_the_same() {
    in_a_task(async {
        let seen = Arc::new(Mutex::new(Vec::new()));
        let system = system(InPlacePolicy::Always);
        let place = system.spawn(Where::spec(Arc::clone(&seen))).await.unwrap();
        task::yield_now().await;
        for spent in 0..300 {
            let called = tokio::join!(
                biased;
                place.note(2 * spent),
                async { place.note(2 * spent + 1).cast() }
            );
            assert_eq!(called.0, Ok(2 * spent));
            called.1.unwrap();
            while task::coop::has_budget_remaining() && spent % 3 == 0 {
                place.note(9_999).await.unwrap();
            }
            task::yield_now().await;
        }
        let seen = seen.lock().unwrap();
        let own: Vec<_> = seen.iter().copied().filter(|n| *n != 9_999).collect();
        assert_eq!(own, (0..600).collect::<Vec<_>>());
    });
}

#[test]
fn nothing_is_run_for_a_call_that_has_no_time() {
    in_a_task(async {
        let seen = Arc::new(Mutex::new(Vec::new()));
        let system = system(InPlacePolicy::Always);
        let place = system.spawn(Where::spec(Arc::clone(&seen))).await.unwrap();
        task::yield_now().await;
        let late = place.note(1).timeout(Duration::ZERO).await;
        assert_eq!(late, Err(CallError::Timeout));
        testing::settle().await;
        assert_eq!(*seen.lock().unwrap(), Vec::<u64>::new());
    });
}

#[test]
fn a_task_that_has_entered_another_runtime_runs_nothing_of_its_own_there() {
    let runtime = || {
        tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .unwrap()
    };
    let (one, other) = (runtime(), runtime());
    one.block_on(async {
        tokio::spawn(async move {
            let place = idle(&system(InPlacePolicy::Always)).await;
            until_run_in_place(&place).await;
            let there = task::block_in_place(|| other.block_on(async { place.task().await }));
            assert_ne!(there, Ok(task::try_id()));
            task::block_in_place(move || drop(other));
        })
        .await
        .unwrap();
    });
}

#[test]
fn an_actor_that_ends_itself_in_a_callers_turn_answers_and_ends() {
    in_a_task(async {
        let system = system(InPlacePolicy::Always);
        let spec = Where::spec(Arc::default()).restart(Restart::Transient);
        let place = system.spawn(spec).await.unwrap();
        testing::settle().await;
        let life = Life::of(&place);
        assert_eq!(place.leave().await, Ok(7));
        assert_eq!(place.note(1).await, Err(CallError::Gone));
        assert_eq!(life.ended().await, ExitReason::Normal);
    });
}

#[test]
fn what_is_asked_of_it_while_a_caller_runs_it_is_not_lost() {
    in_a_task(async {
        let place = idle(&system(InPlacePolicy::Always)).await;
        let mut life = Life::of(&place);
        assert_eq!(place.note(1).await, Ok(1));
        ActorRef::kill(&place);
        assert_eq!(life.ended().await, ExitReason::Killed);
        life.restarted().await;
        assert_eq!(place.note(2).await, Ok(2));
    });
}

#[test]
fn a_call_to_oneself_in_a_callers_turn_is_an_error_at_once() {
    in_a_task(async {
        let place = idle(&system(InPlacePolicy::Always)).await;
        let called = place.call_self(place.clone()).await;
        assert_eq!(called, Ok(Some(Err(CallError::SelfCall))));
    });
}

#[test]
fn a_loop_of_calls_that_are_ready_at_once_lets_others_run() {
    in_a_task(async {
        let place = idle(&system(InPlacePolicy::Always)).await;
        let turns = Arc::new(AtomicU64::new(0));
        let other = tokio::spawn({
            let turns = Arc::clone(&turns);
            async move {
                loop {
                    turns.fetch_add(1, Ordering::Relaxed);
                    task::yield_now().await;
                }
            }
        });
        for n in 0..10_000 {
            place.note(n).await.unwrap();
        }
        other.abort();
        assert!(
            turns.load(Ordering::Relaxed) >= 10,
            "{turns:?} turns beside 10,000 calls"
        );
    });
}

#[test]
fn a_reply_after_the_deadline_is_a_timeout() {
    in_real_time(async {
        let place = idle(&system(InPlacePolicy::Always)).await;
        until_run_in_place(&place).await;
        let late = place
            .block(Duration::from_millis(20))
            .timeout(Duration::from_millis(1))
            .await;
        assert_eq!(late, Err(CallError::Timeout));
        assert_eq!(place.note(1).await, Ok(1));
    });
}

#[test]
fn what_is_slow_is_run_by_itself_until_it_is_fast_again() {
    in_real_time(async {
        let place = idle(&system(InPlacePolicy::Measured)).await;
        let me = task::try_id();
        assert_ne!(place.task().await, Ok(me), "nothing is known of it");
        until_run_in_place(&place).await;
        // One in 64 is measured: one of these.
        for _ in 0..64 {
            place.block(Duration::from_micros(100)).await.unwrap();
        }
        for _ in 0..8 {
            assert_ne!(place.task().await, Ok(me), "it was slow");
            task::yield_now().await;
        }
        for n in 0..64 {
            place.note(n).await.unwrap();
        }
        until_run_in_place(&place).await;
    });
}

#[test]
fn what_says_off_has_a_tenure_or_is_on_another_runtime_is_run_by_itself() {
    in_a_task(async {
        let system = system(InPlacePolicy::Always);
        let me = task::try_id();
        let off = system
            .spawn(Where::spec(Arc::default()).in_place(InPlace::Off))
            .await
            .unwrap();
        let lease = Lease::default();
        let tenure = lease.tenure("where", 1);
        let single = system
            .spawn(Where::spec(Arc::default()).tenure(tenure))
            .await
            .unwrap();
        testing::settle().await;
        for place in [off, single] {
            assert_ne!(place.task().await, Ok(me));
        }
    });
    let other = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .unwrap();
    let place = other.block_on(async {
        let place = system(InPlacePolicy::Always)
            .spawn(Where::spec(Arc::default()))
            .await
            .unwrap();
        while place.task().await != Ok(task::try_id()) {
            task::yield_now().await;
        }
        place
    });
    let here = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    here.block_on(async {
        for _ in 0..10 {
            assert_ne!(place.task().await, Ok(task::try_id()));
        }
    });
}

/// Adds up.
#[actor(mailbox = 64)]
#[derive(Default)]
pub struct Sum(u64);

#[actor]
impl Sum {
    /// Adds.
    pub fn add(&mut self, n: u64) -> u64 {
        self.0 += n;
        self.0
    }

    /// Adds, by a method that may wait.
    pub async fn add_later(&mut self, n: u64) -> u64 {
        task::yield_now().await;
        self.add(n)
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn callers_on_many_threads_and_the_actor_itself_never_run_it_at_once() {
    const CALLERS: u64 = 16;
    const EACH: u64 = 2_000;
    for policy in [
        InPlacePolicy::Always,
        InPlacePolicy::Measured,
        InPlacePolicy::Seeded(3),
    ] {
        let system = system(policy);
        let sum = system.spawn(Sum::spec()).await.unwrap();
        let callers: Vec<_> = (0..CALLERS)
            .map(|caller| {
                let sum = sum.clone();
                tokio::spawn(async move {
                    for n in 0..EACH {
                        match (caller + n) % 5 {
                            0 => drop(sum.add_later(1).await.unwrap()),
                            1 => {
                                while sum.add(1).cast().is_err() {
                                    task::yield_now().await;
                                }
                            }
                            _ => drop(sum.add(1).await.unwrap()),
                        }
                    }
                })
            })
            .collect();
        for caller in callers {
            caller.await.unwrap();
        }
        assert_eq!(sum.add(0).await, Ok(CALLERS * EACH), "{policy:?}");
    }
}
