//! Who waits for room, or for an actor's end, runs meanwhile what lies in the queue of its thread.

use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::Poll;

use quorate::prelude::*;
use quorate::testing::{self, Log};
use quorate::{InPlace, InPlacePolicy};
use tokio::task;

/// Notes the numbers that it is sent, and who has run it.
#[actor(mailbox = 8, restart = temporary)]
pub struct Notes {
    seen: Log<u64>,
    run_by: Log<Option<task::Id>>,
}

#[actor(local)]
impl Notes {
    #[init]
    fn new(seen: Log<u64>, run_by: Log<Option<task::Id>>) -> Self {
        Self { seen, run_by }
    }

    /// Notes.
    pub fn note(&mut self, n: u64) {
        self.seen.add(n);
        self.run_by.add(task::try_id());
    }

    /// Takes its time, and notes.
    pub fn spin(&mut self, n: u64, time: Duration) {
        let start = std::time::Instant::now();
        while start.elapsed() < time {}
        self.note(n);
    }

    /// Is busy, from poll to poll, until it has noted so many.
    pub async fn spin_on(&mut self, polls: u64) {
        for n in 0..polls {
            self.spin(n, Duration::from_millis(1));
            task::yield_now().await;
        }
    }

    #[stopped]
    fn end(&mut self, _: &ExitReason) {
        self.run_by.add(task::try_id());
    }
}

/// An actor, and what it notes.
struct Noting {
    actor: ActorRef<Notes>,
    seen: Log<u64>,
    run_by: Log<Option<task::Id>>,
}

async fn noting(policy: InPlacePolicy, in_place: InPlace) -> Noting {
    noting_in(&System::builder("test").in_place(policy).start(), in_place).await
}

async fn noting_in(system: &System, in_place: InPlace) -> Noting {
    let (seen, run_by) = (Log::default(), Log::default());
    let spec = Notes::spec(seen.clone(), run_by.clone()).in_place(in_place);
    let actor = system.spawn(spec).await.unwrap();
    // Its loop has nothing to do but to fall asleep.
    task::yield_now().await;
    Noting { actor, seen, run_by }
}

/// What the first poll comes to.
async fn first_poll<F: Future>(future: F) -> Poll<F::Output> {
    let mut future = pin!(future);
    std::future::poll_fn(|cx| Poll::Ready(future.as_mut().poll(cx))).await
}

/// Runs a test in a task of its own, which has an id, on one thread.
fn in_a_task(test: impl Future<Output = ()> + Send + 'static) {
    testing::run(async { tokio::spawn(test).await.unwrap() });
}

#[test]
fn a_sender_that_finds_no_room_runs_the_actor_and_need_not_wait() {
    in_a_task(async {
        let noting = noting(InPlacePolicy::Always, InPlace::Auto).await;
        for round in 0..10 {
            for n in 0..8 {
                noting.actor.note(9 * round + n).cast().unwrap();
            }
            noting.run_by.take();
            let sent = first_poll(noting.actor.note(9 * round + 8).cast_when_room()).await;
            assert!(matches!(sent, Poll::Ready(Ok(()))), "{round}: {sent:?}");
            assert_eq!(noting.run_by.all(), [task::try_id(); 8]);
            while noting.seen.all().len() < 9 * round as usize + 9 {
                task::yield_now().await;
            }
        }
        assert_eq!(noting.seen.all(), (0..90).collect::<Vec<_>>());
    });
}

#[test]
fn where_nothing_is_run_in_place_a_sender_waits_for_room() {
    in_a_task(async {
        for (policy, in_place) in [
            (InPlacePolicy::Never, InPlace::Auto),
            (InPlacePolicy::Always, InPlace::Off),
        ] {
            let noting = noting(policy, in_place).await;
            for n in 0..8 {
                noting.actor.note(n).cast().unwrap();
            }
            let sent = first_poll(noting.actor.note(8).cast_when_room()).await;
            assert!(sent.is_pending(), "{policy:?} {in_place:?}: {sent:?}");
            noting.actor.note(9).cast_when_room().await.unwrap();
            while noting.seen.all().len() < 9 {
                task::yield_now().await;
            }
            assert_eq!(noting.seen.all(), [0, 1, 2, 3, 4, 5, 6, 7, 9]);
            assert!(!noting.run_by.all().contains(&task::try_id()));
        }
    });
}

#[test]
fn an_actor_that_says_off_is_not_run_by_who_waits_for_room_in_another() {
    in_a_task(async {
        let system = System::builder("test").in_place(InPlacePolicy::Always).start();
        let off = noting_in(&system, InPlace::Off).await;
        let on = noting_in(&system, InPlace::Auto).await;
        // It is the first in the queue of this thread.
        off.actor.note(0).cast().unwrap();
        for n in 0..100 {
            on.actor.note(n).cast_when_room().await.unwrap();
        }
        while off.seen.all().is_empty() || on.seen.all().len() < 100 {
            task::yield_now().await;
        }
        assert_eq!(on.seen.all(), (0..100).collect::<Vec<_>>());
        assert!(!off.run_by.all().contains(&task::try_id()));
    });
}

#[test]
fn a_loop_of_casts_lets_others_have_their_turn() {
    in_a_task(async {
        let noting = noting(InPlacePolicy::Always, InPlace::Auto).await;
        let sent = Arc::new(AtomicU64::new(0));
        let at_its_turn = {
            let sent = Arc::clone(&sent);
            tokio::spawn(async move { sent.load(Ordering::Relaxed) })
        };
        for n in 0..100_000 {
            noting.actor.note(n).cast_when_room().await.unwrap();
            sent.store(n, Ordering::Relaxed);
        }
        let at_its_turn = at_its_turn.await.unwrap();
        assert!(at_its_turn <= 10_000, "after {at_its_turn}");
    });
}

#[test]
fn who_waits_for_the_end_of_an_actor_runs_it() {
    in_a_task(async {
        for (policy, in_place, expected) in [
            (InPlacePolicy::Always, InPlace::Auto, true),
            (InPlacePolicy::Measured, InPlace::Auto, true),
            (InPlacePolicy::Never, InPlace::Auto, false),
            (InPlacePolicy::Always, InPlace::Off, false),
        ] {
            let noting = noting(policy, in_place).await;
            noting.actor.note(1).cast().unwrap();
            ActorRef::stop(&noting.actor);
            let gone = first_poll(ActorRef::gone(&noting.actor)).await;
            assert_eq!(gone.is_ready(), expected, "{policy:?} {in_place:?}");
            ActorRef::gone(&noting.actor).await;
            let by_me = noting.run_by.all().last() == Some(&task::try_id());
            assert_eq!(by_me, expected, "{policy:?} {in_place:?}");
        }
    });
}

#[test]
fn who_helps_does_so_for_half_a_millisecond_before_it_yields() {
    in_a_task(async {
        let noting = noting(InPlacePolicy::Always, InPlace::Auto).await;
        let casts = async {
            for n in 0..1000 {
                noting
                    .actor
                    .spin(n, Duration::from_micros(50))
                    .cast_when_room()
                    .await
                    .unwrap();
            }
        };
        assert!(first_poll(casts).await.is_pending());
        let handled = noting.seen.all().len();
        // Each time that it finds no room it runs what lies there, 8 messages, which is nearly a millisecond's work.
        assert!((8..=24).contains(&handled), "{handled}");
    });
}

/// Takes its time to start, and counts.
#[actor(restart = temporary)]
pub struct Slow;

#[actor(local)]
impl Slow {
    #[init]
    fn new(started: Arc<AtomicU64>) -> Self {
        let start = std::time::Instant::now();
        while start.elapsed() < Duration::from_micros(100) {}
        started.fetch_add(1, Ordering::Relaxed);
        Self
    }
}

#[test]
fn a_loop_of_spawns_lets_others_have_their_turn_after_half_a_millisecond() {
    in_a_task(async {
        let system = System::builder("test").in_place(InPlacePolicy::Measured).start();
        let started = Arc::new(AtomicU64::new(0));
        // From the first one on this thread is known as one that runs actors.
        system.spawn(Slow::spec(Arc::clone(&started))).await.unwrap();
        task::yield_now().await;
        started.store(0, Ordering::Relaxed);
        let spawns = async {
            for _ in 0..1000 {
                system.spawn(Slow::spec(Arc::clone(&started))).await.unwrap();
            }
        };
        assert!(first_poll(spawns).await.is_pending());
        let started = started.load(Ordering::Relaxed);
        // Up to 15 are not measured, if the last that was measured was short.
        assert!((1..=24).contains(&started), "{started}");
    });
}

/// An actor that is known to be slow.
async fn slow(system: &System) -> Noting {
    let slow = noting_in(system, InPlace::Auto).await;
    for n in 0..65 {
        slow.actor.spin(n, Duration::from_millis(1)).await.unwrap();
    }
    task::yield_now().await;
    slow.run_by.take();
    slow
}

#[test]
fn an_actor_that_is_known_to_be_slow_is_not_run_by_who_waits() {
    in_a_task(async {
        let system = System::builder("test").in_place(InPlacePolicy::Measured).start();
        let other = noting_in(&system, InPlace::On).await;
        // By one that waits for room in another.
        let ending = slow(&system).await;
        ActorRef::stop(&ending.actor);
        for n in 0..9 {
            other.actor.note(n).cast_when_room().await.unwrap();
        }
        ActorRef::gone(&ending.actor).await;
        assert!(!ending.run_by.all().contains(&task::try_id()));
        // By one that waits for its end, while it is in the middle of a message.
        let busy = slow(&system).await;
        busy.actor.spin_on(5).cast().unwrap();
        task::yield_now().await;
        ActorRef::stop(&busy.actor);
        assert!(first_poll(ActorRef::gone(&busy.actor)).await.is_pending());
        ActorRef::gone(&busy.actor).await;
        assert!(!busy.run_by.all().contains(&task::try_id()));
        assert_eq!(busy.seen.all().len(), 65 + 5, "a stop waits for the message");
    });
}

#[test]
fn who_waits_for_an_actor_that_is_gone_runs_nobody() {
    in_a_task(async {
        let system = System::builder("test").in_place(InPlacePolicy::Always).start();
        let gone = noting_in(&system, InPlace::Auto).await;
        ActorRef::stop(&gone.actor);
        ActorRef::gone(&gone.actor).await;
        let other = noting_in(&system, InPlace::Auto).await;
        other.actor.note(1).cast().unwrap();
        assert!(first_poll(ActorRef::gone(&gone.actor)).await.is_ready());
        assert!(other.seen.all().is_empty());
    });
}

/// Sends what it is told to somebody else.
#[actor]
pub struct Pump {
    to: ActorRef<Notes>,
}

#[actor(local)]
impl Pump {
    #[init]
    fn new(to: ActorRef<Notes>) -> Self {
        Self { to }
    }

    /// Sends so many.
    pub async fn send(&mut self, count: u64) {
        for n in 0..count {
            let sent = self.to.spin(n, Duration::from_micros(50)).cast_when_room().await;
            sent.unwrap();
        }
    }

    /// Who runs it.
    pub fn run_by(&mut self) -> Option<task::Id> {
        task::try_id()
    }
}

/// Whether an actor whose async method has helped for long is still run in place.
async fn is_run_in_place_after_helping() -> bool {
    let system = System::builder("test").in_place(InPlacePolicy::Measured).start();
    let noting = noting_in(&system, InPlace::On).await;
    let pump = system.spawn(Pump::spec(noting.actor.clone())).await.unwrap();
    for _ in 0..65 {
        pump.run_by().await.unwrap();
    }
    for _ in 0..65 {
        pump.send(20).await.unwrap();
    }
    // Both fall asleep.
    for _ in 0..4 {
        task::yield_now().await;
    }
    pump.run_by().await.unwrap() == task::try_id()
}

#[test]
fn an_actor_that_helps_is_not_taken_for_slow() {
    in_a_task(async {
        // It is measured by the clock: what is interrupted while it is takes long.
        let mut is_run_in_place = false;
        for _ in 0..3 {
            is_run_in_place |= is_run_in_place_after_helping().await;
        }
        assert!(is_run_in_place);
    });
}

/// Counts what is open in it.
#[actor(restart = temporary)]
pub struct Opens {
    open: u64,
    at_end: Log<u64>,
}

/// Open while it lives.
struct Open<'a>(&'a mut u64);

impl<'a> Open<'a> {
    fn new(open: &'a mut u64) -> Self {
        *open += 1;
        Self(open)
    }
}

impl Drop for Open<'_> {
    fn drop(&mut self) {
        *self.0 -= 1;
    }
}

#[actor(local)]
impl Opens {
    #[init]
    fn new(at_end: Log<u64>) -> Self {
        Self { open: 0, at_end }
    }

    /// Asks for the end of the actor, and waits.
    pub async fn lapse(&mut self, me: ActorRef<Opens>) {
        let _open = Open::new(&mut self.open);
        ActorRef::kill(&me);
        std::future::pending::<()>().await;
    }

    /// Panics beside what is open.
    pub async fn fall(&mut self) {
        let open = Open::new(&mut self.open);
        let holds = async move {
            let _open = open;
            std::future::pending::<()>().await;
        };
        tokio::join!(holds, async { panic!("fell") });
    }
}

impl Drop for Opens {
    fn drop(&mut self) {
        self.at_end.add(self.open);
    }
}

#[test]
fn what_an_async_method_borrows_is_dropped_before_the_actor_when_it_is_cut_off_at_its_first_poll() {
    in_a_task(async {
        for policy in [InPlacePolicy::Always, InPlacePolicy::Never] {
            let system = System::builder("test").in_place(policy).start();
            let at_end = Log::default();
            for is_called in [true, false] {
                for falls in [true, false] {
                    let opens = system.spawn(Opens::spec(at_end.clone())).await.unwrap();
                    task::yield_now().await;
                    match (is_called, falls) {
                        (true, true) => assert!(opens.fall().await.is_err()),
                        (true, false) => assert!(opens.lapse(opens.clone()).await.is_err()),
                        (false, true) => opens.fall().cast().unwrap(),
                        (false, false) => opens.lapse(opens.clone()).cast().unwrap(),
                    }
                    ActorRef::gone(&opens).await;
                }
            }
            assert_eq!(at_end.all(), [0; 4]);
        }
    });
}

#[test]
fn who_waits_for_the_end_of_an_actor_that_is_not_ending_waits() {
    in_a_task(async {
        let noting = noting(InPlacePolicy::Always, InPlace::Auto).await;
        assert!(first_poll(ActorRef::gone(&noting.actor)).await.is_pending());
        noting.actor.note(1).await.unwrap();
        assert_eq!(noting.seen.all(), [1]);
    });
}
