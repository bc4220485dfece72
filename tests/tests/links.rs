//! Links and exit signals (R42): who ends with whom, who is told, and in which order.
//!
//! OTP's `child_unlink` has no counterpart: supervisors and their children have no links, so there is none to take back.

#[path = "links/refs.rs"]
mod refs;
#[path = "links/side.rs"]
mod side;
#[path = "links/signals.rs"]
mod signals;

use std::time::Duration;

use quorate::prelude::*;
use quorate::testing::{self, Log, settle, soon};

use side::{Side, linked, side};

#[test]
fn r42_a_link_runs_both_ways() {
    testing::run(async {
        let system = System::new("test");
        for first_ends in [true, false] {
            let (one, other) = linked(&system, false).await;
            let (dies, follows) = if first_ends { (one, other) } else { (other, one) };
            let watched = follows.0.clone();
            let exited = tokio::spawn(async move { ActorRef::exited(&watched).await });
            settle().await;
            dies.0.end(ExitReason::error("it broke")).await.unwrap();
            assert_eq!(exited.await.unwrap(), ExitReason::error("it broke"));
            assert_eq!(follows.1.all(), ["stopped: failed: it broke"]);
        }
    });
}

#[test]
fn r42_a_normal_end_does_not_end_the_linked_but_a_trap_is_told() {
    testing::run(async {
        let system = System::new("test");
        let ((one, _), (other, log)) = linked(&system, false).await;
        ActorRef::stop(&one);
        ActorRef::exited(&one).await;
        settle().await;
        assert!(ActorRef::is_alive(&other));
        assert_eq!(log.all(), Vec::<String>::new());

        let ((one, _), (other, log)) = linked(&system, true).await;
        ActorRef::stop(&one);
        ActorRef::exited(&one).await;
        assert_eq!(other.note(1).await, Ok(()), "it lives");
        assert_eq!(
            log.all(),
            [format!("{} stopped", ActorRef::id(&one)), "note 1".into()]
        );
    });
}

#[test]
fn r42_every_other_end_ends_the_linked_for_the_same_reason() {
    testing::run(async {
        let system = System::new("test");
        let reasons = [
            ExitReason::Shutdown,
            ExitReason::shutdown_with("enough"),
            ExitReason::error("no"),
            ExitReason::Killed,
        ];
        for reason in reasons {
            let ((one, _), (other, log)) = linked(&system, false).await;
            one.end(reason.clone()).await.unwrap();
            ActorRef::gone(&other).await;
            assert_eq!(log.all(), [format!("stopped: {reason}")]);
        }
    });
}

#[test]
fn r42_a_kill_is_not_trapped_and_arrives_at_the_linked_as_killed_which_is() {
    testing::run(async {
        let system = System::new("test");
        let ((one, one_log), (other, log)) = linked(&system, true).await;
        one.trap(true).await.unwrap();
        ActorRef::kill(&one);
        assert_eq!(ActorRef::exited(&one).await, ExitReason::Killed);
        assert_eq!(other.note(1).await, Ok(()));
        assert_eq!(one_log.all(), Vec::<String>::new());
        let told = format!("{} was killed", ActorRef::id(&one));
        assert_eq!(log.all(), [told, "note 1".into()]);

        let ((one, _), (other, log)) = linked(&system, false).await;
        ActorRef::kill(&one);
        ActorRef::gone(&other).await;
        assert_eq!(log.all(), ["stopped: was killed"], "it was not killed itself");
    });
}

#[test]
fn r42_linking_an_actor_that_is_dead_sends_the_signal_at_once() {
    testing::run(async {
        let system = System::new("test");
        let (dead, _) = side(&system, false).await;
        ActorRef::stop(&dead);
        ActorRef::gone(&dead).await;

        let (trapping, log) = side(&system, true).await;
        assert_eq!(trapping.link(dead.clone()).await, Ok(Ok(())));
        assert_eq!(trapping.note(1).await, Ok(()));
        assert_eq!(
            log.all(),
            [format!("{} was not there", ActorRef::id(&dead)), "note 1".into()]
        );

        let (other, log) = side(&system, false).await;
        assert_eq!(other.link(dead).await, Ok(Ok(())));
        ActorRef::gone(&other).await;
        assert_eq!(log.all(), ["stopped: was not there"]);
    });
}

#[test]
fn an_exit_signal_comes_behind_the_earlier_messages_of_the_dead() {
    testing::run(async {
        let system = System::new("test");
        let ((one, _), (other, log)) = linked(&system, false).await;
        one.tell_and_end(other.clone()).await.unwrap();
        ActorRef::gone(&other).await;
        assert_eq!(
            log.all(),
            ["note 0", "note 1", "note 2", "stopped: failed: told all"]
        );
    });
}

#[test]
fn an_exit_signal_to_a_full_mailbox_waits_for_room_and_is_not_lost() {
    testing::run(async {
        let system = System::new("test");
        let ((one, _), (other, log)) = linked(&system, true).await;
        other.busy(Duration::from_secs(1)).cast().unwrap();
        settle().await;
        while other.note(9).cast().is_ok() {}
        ActorRef::kill(&one);
        ActorRef::exited(&one).await;
        testing::advance(Duration::from_secs(2)).await;
        let told = format!("{} was killed", ActorRef::id(&one));
        assert_eq!(log.all(), ["note 9", "note 9", "note 9", "note 9", &told]);
    });
}

#[test]
fn a_link_is_taken_back_by_either_side() {
    testing::run(async {
        let system = System::new("test");
        for by_the_first in [true, false] {
            let ((one, _), (other, log)) = linked(&system, true).await;
            let (by, whom) = if by_the_first {
                (&one, &other)
            } else {
                (&other, &one)
            };
            by.unlink(whom.clone(), Duration::ZERO).await.unwrap();
            ActorRef::kill(&one);
            ActorRef::exited(&one).await;
            assert_eq!(other.note(1).await, Ok(()));
            assert_eq!(log.all(), ["note 1"]);
        }
    });
}

#[test]
fn after_unlink_no_signal_comes_even_when_it_lies_in_the_mailbox() {
    testing::run(async {
        let system = System::new("test");
        let ((one, _), (other, log)) = linked(&system, false).await;
        other.unlink(one.clone(), Duration::from_secs(1)).cast().unwrap();
        settle().await;
        ActorRef::kill(&one);
        ActorRef::exited(&one).await;
        testing::advance(Duration::from_secs(2)).await;
        assert_eq!(other.note(1).await, Ok(()));
        assert_eq!(log.all(), ["note 1"]);
    });
}

#[test]
fn two_links_are_one_and_nobody_is_linked_to_itself() {
    testing::run(async {
        let system = System::new("test");
        let ((one, _), (other, log)) = linked(&system, true).await;
        assert_eq!(one.link(other.clone()).await, Ok(Ok(())));
        assert_eq!(other.link(one.clone()).await, Ok(Ok(())));
        assert_eq!(other.link(other.clone()).await, Ok(Ok(())));
        ActorRef::kill(&one);
        ActorRef::exited(&one).await;
        assert_eq!(other.note(1).await, Ok(()));
        assert_eq!(
            log.all(),
            [format!("{} was killed", ActorRef::id(&one)), "note 1".into()]
        );
    });
}

#[test]
fn a_ring_of_links_ends_as_one() {
    testing::run(async {
        let system = System::new("test");
        let mut ring = Vec::new();
        for _ in 0..5 {
            ring.push(side(&system, false).await.0);
        }
        for (index, one) in ring.iter().enumerate() {
            assert_eq!(one.link(ring[(index + 1) % 5].clone()).await, Ok(Ok(())));
        }
        ActorRef::kill(&ring[3]);
        for one in &ring {
            ActorRef::gone(one).await;
        }
    });
}

#[test]
fn a_link_ends_with_the_incarnation_of_either_side() {
    testing::run(async {
        let system = System::new("test");
        let log = Log::default();
        let lasting = Side::spec(log.clone(), false).restart(Restart::Permanent);
        let lasting = system.spawn(lasting).await.unwrap();
        let (one, one_log) = side(&system, true).await;
        one.link(lasting.clone()).await.unwrap().unwrap();
        lasting.end(ExitReason::error("once")).await.unwrap();
        assert_eq!(lasting.note(1).await, Ok(()), "it is there again");
        settle().await;
        assert_eq!(
            one_log.all(),
            [format!("{} failed: once", ActorRef::id(&lasting))]
        );

        ActorRef::kill(&one);
        ActorRef::gone(&one).await;
        assert_eq!(lasting.note(2).await, Ok(()), "the successor is not linked");
        assert_eq!(log.all(), ["stopped: failed: once", "note 1", "note 2"]);
    });
}

#[test]
fn a_link_to_the_successor_is_another_one_while_the_signal_of_the_first_is_on_its_way() {
    testing::run(async {
        let system = System::new("test");
        let lasting = Side::spec(Log::default(), false).restart(Restart::Permanent);
        let lasting = system.spawn(lasting).await.unwrap();
        let (one, log) = side(&system, true).await;
        one.link(lasting.clone()).await.unwrap().unwrap();
        one.busy(Duration::from_secs(1)).cast().unwrap();
        one.link(lasting.clone()).cast().unwrap();
        settle().await;
        lasting.end(ExitReason::error("first")).await.unwrap();
        assert_eq!(lasting.note(1).await, Ok(()));
        testing::advance(Duration::from_secs(2)).await;
        lasting.end(ExitReason::error("second")).await.unwrap();
        settle().await;
        let id = ActorRef::id(&lasting);
        assert_eq!(
            log.all(),
            [format!("{id} failed: first"), format!("{id} failed: second")]
        );
    });
}

#[test]
fn who_is_linked_to_a_holder_that_lapses_fails_and_may_come_back() {
    testing::run(async {
        let system = System::new("test");
        let log = Log::default();
        let lasting = Side::spec(log.clone(), false).restart(Restart::Permanent);
        let lasting = system.spawn(lasting).await.unwrap();
        let (holder, _) = side(&system, false).await;
        holder.link(lasting.clone()).await.unwrap().unwrap();
        ActorRef::lapse(&holder);
        ActorRef::gone(&holder).await;
        settle().await;
        assert_eq!(lasting.note(1).await, Ok(()));
        assert_eq!(
            log.all(),
            ["stopped: failed: a linked actor lost its tenure", "note 1"]
        );
    });
}

const ROUNDS: u32 = 200;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_that_link_each_other_at_once_are_linked_once_and_end_together() {
    let system = System::new("test");
    for round in 0..ROUNDS {
        let ((one, one_log), (other, other_log)) = (side(&system, false).await, side(&system, false).await);
        let (dying, following) = if round % 2 == 0 {
            (&one, &other)
        } else {
            (&other, &one)
        };
        let (first, second) = tokio::join!(one.link(other.clone()), other.link(one.clone()));
        assert_eq!((first, second), (Ok(Ok(())), Ok(Ok(()))));
        dying.end(ExitReason::error("now")).await.unwrap();
        soon(ActorRef::gone(following)).await;
        for log in [one_log, other_log] {
            assert_eq!(log.all(), ["stopped: failed: now"]);
        }
    }
    system.shutdown().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn linking_one_that_is_being_killed_is_never_without_a_signal() {
    let system = System::new("test");
    for round in 0..ROUNDS {
        let ((one, _), (other, log)) = (side(&system, false).await, side(&system, true).await);
        let killer = tokio::spawn({
            let one = one.clone();
            async move {
                for _ in 0..round % 4 {
                    tokio::task::yield_now().await;
                }
                ActorRef::kill(&one);
            }
        });
        assert_eq!(other.link(one.clone()).await, Ok(Ok(())));
        killer.await.unwrap();
        ActorRef::gone(&one).await;
        // `gone` is told after the signal was sent.
        assert_eq!(other.note(1).await, Ok(()));
        let log = log.all();
        let told = ["was killed", "was not there"].map(|why| format!("{} {why}", ActorRef::id(&one)));
        assert!(log.len() == 2 && told.contains(&log[0]), "{log:?}");
    }
    system.shutdown().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn links_made_and_taken_back_by_both_sides_at_once_do_not_wait_for_each_other() {
    let system = System::new("test");
    let ((one, one_log), (other, other_log)) = (side(&system, true).await, side(&system, true).await);
    for _ in 0..ROUNDS {
        let calls = async {
            tokio::join!(
                one.link(other.clone()),
                other.link(one.clone()),
                one.unlink(other.clone(), Duration::ZERO),
                other.unlink(one.clone(), Duration::ZERO),
            )
        };
        let (first, second, third, fourth) = soon(calls).await;
        assert_eq!((first, second), (Ok(Ok(())), Ok(Ok(()))));
        assert_eq!((third, fourth), (Ok(()), Ok(())));
    }
    one.unlink(other.clone(), Duration::ZERO).await.unwrap();
    ActorRef::kill(&one);
    ActorRef::gone(&one).await;
    assert_eq!(other.note(1).await, Ok(()));
    assert_eq!(
        (one_log.all(), other_log.all()),
        (vec![], vec!["note 1".to_owned()])
    );
}
