//! Stops, and what a supervisor says of its children, under the names of OTP's supervisor_SUITE.
//!
//! | case | |
//! |-|-|
//! | `sup_stop_manual`, `_manual_timeout`, `child_unlink` | not applicable: there are no links that a child could take away; what is stopped from outside is in `supervisor_restart` |
//! | `tree`, the pids of the middle | as statuses: a place keeps its id over its incarnations |
//! | `count_children_memory` | `do_not_save_start_parameters_for_temporary_children` in `supervisor_dynamic` |

use std::time::Duration;

use quorate::prelude::*;
use quorate::supervision::{ChildKind, ChildStatus, DynamicSupervisor};
use quorate::testing::{self, Log};
use tests::parts::{AllTrio, Part, Plan, Tree, Trio, plans, settle, starts, trio, trio_spec};
use tokio::time::Instant;

const STOPS: [&str; 6] = [
    "c was shut down",
    "c ended",
    "b was shut down",
    "b ended",
    "a was shut down",
    "a ended",
];

async fn dynamic(system: &System) -> ActorRef<DynamicSupervisor<Part>> {
    system
        .spawn(DynamicSupervisor::<Part>::spec())
        .await
        .expect("it starts")
}

#[test]
fn sup_stop_infinity_r3_waits_however_long_it_takes() {
    testing::run(async {
        let (system, log) = (System::new("test"), Log::default());
        let slow = Plan::new("a", &log).stopping_for(Duration::from_hours(1));
        system
            .spawn(slow.spec().shutdown(Shutdown::Infinity))
            .await
            .unwrap();
        let start = Instant::now();
        system.shutdown().await.unwrap();
        assert_eq!(start.elapsed(), Duration::from_hours(1));
    });
}

#[test]
fn sup_stop_timeout_r19_a_slow_child_is_killed_after_its_own_time_and_the_others_get_theirs() {
    testing::run(async {
        let (system, log) = (System::new("test"), Log::default());
        let [a, b, c] = plans(&log);
        let a = a.stopping_for(Duration::from_secs(4));
        let b = b.stopping_for(Duration::from_mins(1));
        let two = Shutdown::After(Duration::from_secs(2));
        system
            .spawn(Trio::spec(a.spec(), b.spec().shutdown(two), c.spec()))
            .await
            .unwrap();
        log.take();
        let start = Instant::now();
        system.shutdown().await.unwrap();
        assert_eq!(start.elapsed(), Duration::from_secs(2 + 4));
        assert_eq!(log.take(), STOPS);
    });
}

#[test]
fn sup_stop_timeout_dynamic_r18_all_at_once_each_within_its_own_time() {
    testing::run(async {
        let (system, log) = (System::new("test"), Log::default());
        let parts = dynamic(&system).await;
        for (name, seconds, allowed) in [("a", 1, 5), ("b", 60, 3), ("c", 2, 5), ("d", 4, 5)] {
            let plan = Plan::new(name, &log).stopping_for(Duration::from_secs(seconds));
            let shutdown = Shutdown::After(Duration::from_secs(allowed));
            parts.start(plan.spec().shutdown(shutdown)).await.unwrap();
        }
        log.take();
        let start = Instant::now();
        system.shutdown().await.unwrap();
        assert_eq!(
            start.elapsed(),
            Duration::from_secs(4),
            "the longest, not the sum"
        );
        let mut log = log.take();
        log.retain(|line| line.ends_with("ended"));
        assert_eq!(log, ["a ended", "c ended", "b ended", "d ended"]);
    });
}

#[test]
fn sup_stop_brutal_kill() {
    testing::run(async {
        let (system, log) = (System::new("test"), Log::default());
        let [a, b, c] = plans(&log);
        let killed = b.spec().shutdown(Shutdown::Kill);
        let trio = system
            .spawn(Trio::spec(a.spec(), killed, c.spec()))
            .await
            .unwrap();
        log.take();
        let (slept, stopped) = tokio::join!(trio.b.sleep(Duration::from_secs(4)), async {
            settle().await;
            system.shutdown().await
        });
        let killed = Err(CallError::Exited(ExitReason::Killed));
        assert_eq!((slept, stopped), (killed, Ok(())));
        let unasked = [&STOPS[..2], &STOPS[3..]].concat();
        assert_eq!(log.take(), unasked);
    });
}

#[test]
fn sup_stop_brutal_kill_dynamic() {
    testing::run(async {
        let (system, log) = (System::new("test"), Log::default());
        let parts = dynamic(&system).await;
        for plan in plans(&log) {
            let plan = plan.stopping_for(Duration::from_hours(1));
            parts.start(plan.spec().shutdown(Shutdown::Kill)).await.unwrap();
        }
        log.take();
        let start = Instant::now();
        system.shutdown().await.unwrap();
        assert_eq!(start.elapsed(), Duration::ZERO);
        let mut log = log.take();
        log.sort_unstable();
        assert_eq!(log, ["a ended", "b ended", "c ended"]);
    });
}

#[test]
fn sup_stop_race_a_child_that_ends_while_a_sibling_is_stopped_is_not_restarted() {
    testing::run(async {
        let (system, log) = (System::new("test"), Log::default());
        let [a, b, c] = plans(&log);
        let c = c.stopping_for(Duration::from_secs(2));
        let trio = system
            .spawn(Trio::spec(a.spec(), b.spec(), c.spec()))
            .await
            .unwrap();
        log.take();
        let (stopped, ()) = tokio::join!(system.shutdown(), async {
            testing::advance(Duration::from_secs(1)).await;
            trio.b.fail().await.unwrap();
        });
        stopped.unwrap();
        assert_eq!(starts(&log), [""; 0]);
    });
}

#[test]
fn sup_stop_race_a_restart_that_is_waited_for_is_not_made_while_the_others_stop() {
    testing::run(async {
        let (system, log) = (System::new("test"), Log::default());
        let second = quorate::Backoff::new(Duration::from_secs(1), Duration::from_secs(1));
        let [a, b, c] = plans(&log);
        let c = c.stopping_for(Duration::from_secs(4));
        let spec = Trio::spec(a.spec().backoff(second), b.spec(), c.spec());
        let trio = system.spawn(spec).await.unwrap();
        trio.a.fail().await.unwrap();
        settle().await;
        log.take();
        system.shutdown().await.unwrap();
        assert_eq!(log.take(), STOPS[..4]);
    });
}

#[test]
fn sup_stop_race_r22_who_terminates_a_child_is_answered_when_its_group_crashes_meanwhile() {
    testing::run(async {
        let (system, log) = (System::new("test"), Log::default());
        let [a, b, c] = plans(&log);
        let c = c.stopping_for(Duration::from_secs(2));
        let spec = AllTrio::spec(a.spec(), b.spec(), c.spec());
        let trio = system.spawn(spec).await.unwrap();
        let start = Instant::now();
        let (terminated, ()) = tokio::join!(ActorRef::terminate_child(&trio, "c"), async {
            testing::advance(Duration::from_secs(1)).await;
            trio.a.fail().await.unwrap();
        });
        assert_eq!(terminated, Ok(()));
        assert_eq!(start.elapsed(), Duration::from_secs(2));
        settle().await;
        // OTP: a group starts whatever has a spec.
        assert_eq!(trio.c.ping().await, Ok(()));
    });
}

#[test]
fn sup_stop_race_r10_a_new_child_that_a_group_stops_in_its_start_is_not_started_and_not_kept() {
    testing::run(async {
        let (system, log) = (System::new("test"), Log::default());
        let plans = plans(&log);
        let [a, b, c] = &plans;
        let trio = system
            .spawn(AllTrio::spec(a.spec(), b.spec(), c.spec()))
            .await
            .unwrap();
        let never = ChildSpec::new_async(std::future::pending::<Option<Part>>);
        let adding = ActorRef::start_child(&trio, "d", never);
        let (added, ()) = tokio::join!(tokio::time::timeout(Duration::from_secs(9), adding), async {
            settle().await;
            trio.a.fail().await.unwrap();
        });
        let added = added.expect("it is answered");
        assert!(added.is_err(), "{added:?}");
        settle().await;
        assert_eq!(ActorRef::count_children(&trio).await.specs, 3);
        assert_eq!(trio.c.ping().await, Ok(()));
    });
}

#[test]
fn tree_r14_r18_the_whole_is_stopped_from_the_end_and_a_part_of_it_for_itself() {
    testing::run(async {
        let (system, log) = (System::new("test"), Log::default());
        let top = Plan::new("top", &log);
        let plans = plans(&log);
        let tree = system
            .spawn(Tree::spec(top.spec(), trio_spec(&plans)))
            .await
            .unwrap();
        log.take();
        ActorRef::terminate_child(&tree, "trio").await.unwrap();
        assert_eq!(log.take(), STOPS);
        assert_eq!(tree.trio.b.ping().await, Err(CallError::Gone));
        assert_eq!(tree.top.ping().await, Ok(()));
        ActorRef::restart_child(&tree, "trio").await.unwrap();
        assert_eq!(log.take(), ["a started", "b started", "c started"]);
        assert_eq!(
            tree.trio.b.ping().await,
            Ok(()),
            "the refs of those below are good again"
        );
        system.shutdown().await.unwrap();
        let order = [&STOPS[..], &["top was shut down", "top ended"]].concat();
        assert_eq!(log.take(), order);
    });
}

#[test]
fn order_of_children_r18_those_added_later_are_stopped_first_and_started_last() {
    testing::run(async {
        let (system, log) = (System::new("test"), Log::default());
        let [a, b, c] = plans(&log);
        let trio = system
            .spawn(AllTrio::spec(a.spec(), b.spec(), c.spec()))
            .await
            .unwrap();
        for name in ["d", "e"] {
            let plan = Plan::new(name, &log);
            ActorRef::start_child(&trio, name, plan.spec()).await.unwrap();
        }
        log.take();
        trio.b.fail().await.unwrap();
        testing::advance(Duration::from_millis(50)).await;
        let mut lines = log.take();
        lines.retain(|line| line.ends_with("started") || line.ends_with("ended"));
        let order = [
            "b ended",
            "e ended",
            "d ended",
            "c ended",
            "a ended",
            "a started",
            "b started",
            "c started",
            "d started",
            "e started",
        ];
        assert_eq!(lines, order);
        system.shutdown().await.unwrap();
        let mut lines = log.take();
        lines.retain(|line| line.ends_with("ended"));
        assert_eq!(lines, ["e ended", "d ended", "c ended", "b ended", "a ended"]);
    });
}

#[test]
fn which_children_r23_running_restarting_stopped_in_start_order() {
    testing::run(async {
        let (system, log) = (System::new("test"), Log::default());
        let minute = quorate::Backoff::new(Duration::from_mins(1), Duration::from_mins(1));
        let [a, b, c] = plans(&log);
        let spec = Trio::spec(a.spec(), b.spec().backoff(minute), c.spec());
        let trio = system.spawn(spec).await.unwrap();
        trio.b.fail().await.unwrap();
        ActorRef::terminate_child(&trio, "c").await.unwrap();
        settle().await;
        let children = ActorRef::which_children(&trio).await;
        let seen: Vec<_> = children
            .iter()
            .map(|child| (&*child.id, child.kind, child.status))
            .collect();
        let runs = ChildStatus::Running(ActorRef::id(&trio.a));
        let expected = [
            ("a", ChildKind::Worker, runs),
            ("b", ChildKind::Worker, ChildStatus::Restarting),
            ("c", ChildKind::Worker, ChildStatus::Stopped),
        ];
        assert_eq!(seen, expected);
        assert!(children[0].actor.ends_with("Part"));
        let (dynamic, d) = (dynamic(&system).await, Plan::new("d", &log));
        let part = dynamic.start(d.spec()).await.unwrap();
        let children = dynamic.which_children().await;
        assert_eq!(children.len(), 1);
        assert_eq!(children[0].status, ChildStatus::Running(ActorRef::id(&part)));
    });
}

#[test]
fn count_children_r23_specs_active_supervisors_workers() {
    testing::run(async {
        let (system, log) = (System::new("test"), Log::default());
        let (trio, plans) = trio(&system, &log).await;
        let numbers = |counts: quorate::supervision::ChildCounts| {
            (counts.specs, counts.active, counts.supervisors, counts.workers)
        };
        let count = async || numbers(ActorRef::count_children(&trio).await);
        assert_eq!(count().await, (3, 3, 0, 3));
        ActorRef::terminate_child(&trio, "b").await.unwrap();
        assert_eq!(count().await, (3, 2, 0, 3));
        ActorRef::delete_child(&trio, "b").await.unwrap();
        assert_eq!(count().await, (2, 2, 0, 2));
        let temporary = plans[1].spec().restart(Restart::Temporary);
        let b = ActorRef::start_child(&trio, "b", temporary).await.unwrap();
        assert_eq!(count().await, (3, 3, 0, 3));
        b.fail().await.unwrap();
        settle().await;
        assert_eq!(count().await, (2, 2, 0, 2));
    });
}

#[test]
fn count_children_supervisor_r23_one_of_two() {
    testing::run(async {
        let (system, log) = (System::new("test"), Log::default());
        let top = Plan::new("top", &log);
        let tree = system
            .spawn(Tree::spec(top.spec(), trio_spec(&plans(&log))))
            .await
            .unwrap();
        let counts = ActorRef::count_children(&tree).await;
        assert_eq!(
            (counts.specs, counts.active, counts.supervisors, counts.workers),
            (2, 2, 1, 1)
        );
        ActorRef::terminate_child(&tree, "trio").await.unwrap();
        let counts = ActorRef::count_children(&tree).await;
        assert_eq!(
            (counts.specs, counts.active, counts.supervisors, counts.workers),
            (2, 1, 1, 1)
        );
    });
}

#[test]
fn count_restarting_children_r23_they_have_a_spec_and_are_not_active() {
    testing::run(async {
        let (system, log) = (System::new("test"), Log::default());
        let parts = system
            .spawn(DynamicSupervisor::<Part>::spec().intensity(1_000_000, Duration::from_secs(5)))
            .await
            .unwrap();
        let plans = plans(&log);
        let mut refs = Vec::new();
        for plan in &plans {
            refs.push(parts.start(plan.spec()).await.unwrap());
        }
        for (ended, part) in refs.iter().enumerate() {
            plans[ended].fail(u32::MAX);
            part.fail().await.unwrap();
            settle().await;
            let counts = parts.count_children().await;
            assert_eq!((counts.specs, counts.active), (3, 2 - ended));
        }
        for plan in &plans {
            plan.fail(0);
        }
        settle().await;
        assert_eq!(parts.count_children().await.active, 3);
    });
}

#[test]
fn two_incarnations_do_not_overlap() {
    testing::run(async {
        let (system, log) = (System::new("test"), Log::default());
        let plan = Plan::new("a", &log).stopping_for(Duration::from_secs(3));
        let part = system.spawn(plan.spec()).await.unwrap();
        let start = Instant::now();
        part.fail().await.unwrap();
        // The start asserts it. The message waits until the dead one has stopped, too.
        assert_eq!(part.ping().await, Ok(()));
        assert!(start.elapsed() >= Duration::from_secs(3));
    });
}
