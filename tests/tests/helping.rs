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
        for n in 0..100 {
            let sent = first_poll(noting.actor.note(n).cast_when_room()).await;
            assert!(matches!(sent, Poll::Ready(Ok(()))), "{n}: {sent:?}");
        }
        while noting.seen.all().len() < 100 {
            task::yield_now().await;
        }
        assert_eq!(noting.seen.all(), (0..100).collect::<Vec<_>>());
        let by_sender = noting
            .run_by
            .all()
            .iter()
            .filter(|by| **by == task::try_id())
            .count();
        assert!(
            by_sender >= 92,
            "all but those that there was room for: {by_sender}"
        );
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
fn who_waits_for_the_end_of_an_actor_that_is_not_ending_waits() {
    in_a_task(async {
        let noting = noting(InPlacePolicy::Always, InPlace::Auto).await;
        assert!(first_poll(ActorRef::gone(&noting.actor)).await.is_pending());
        noting.actor.note(1).await.unwrap();
        assert_eq!(noting.seen.all(), [1]);
    });
}
