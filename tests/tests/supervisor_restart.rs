//! Restarts by all strategies, and the end of a supervisor that restarts too often, under the names of OTP's supervisor_SUITE.
//!
//! | case | |
//! |-|-|
//! | `one_for_one_other_child_fails_restart` and the like | with retries as messages: the loop is that of `hanging_restart_loop` |
//! | `permanent_shutdown` with `{shutdown, Term}` | not applicable: a shutdown carries no term |

use quorate::StartError;
use quorate::prelude::*;
use quorate::supervision::{ChildError, DynamicSupervisor, RestartError};
use quorate::testing::{self, Life, Log};
use tests::parts::{AllTrio, Part, Plan, RestTrio, Tree, Trio, plans, settle, starts, trio, trio_spec};
use tokio::time::Instant;

/// How a part ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    Normal,
    Shutdown,
    Abnormal,
}

/// Whether a part of this restart type comes back; its siblings never notice.
fn comes_back(restart: Restart, end: End) -> bool {
    testing::run(async {
        let (system, log) = (System::new("test"), Log::default());
        let [a, b, c] = plans(&log);
        let spec = Trio::spec(a.spec(), b.spec().restart(restart), c.spec());
        let trio = system.spawn(spec).await.unwrap();
        let others = [ActorRef::pin(&trio.a), ActorRef::pin(&trio.c)];
        log.take();
        match end {
            End::Normal => ActorRef::stop(&trio.b),
            // Only its supervisor shuts it down: that ends with it, and what is above decides.
            End::Shutdown => ActorRef::terminate_child(&trio, "b").await.unwrap(),
            End::Abnormal => trio.b.fail().await.unwrap(),
        }
        settle().await;
        for other in &others {
            assert_eq!(other.ping().await, Ok(()));
        }
        let came_back = starts(&log) == ["b started"];
        let answer = if came_back { Ok(()) } else { Err(CallError::Gone) };
        assert_eq!(trio.b.ping().await, answer);
        let known = ActorRef::count_children(&trio).await.specs;
        let is_forgotten = restart == Restart::Temporary;
        assert_eq!(known, if is_forgotten { 2 } else { 3 }, "R12");
        if !came_back && !is_forgotten {
            assert_eq!(ActorRef::restart_child(&trio, "b").await, Ok(()));
        }
        came_back
    })
}

#[test]
fn permanent_normal_r11() {
    assert!(comes_back(Restart::Permanent, End::Normal));
}

#[test]
fn permanent_shutdown_r11_terminated_it_stays_away() {
    assert!(!comes_back(Restart::Permanent, End::Shutdown));
}

#[test]
fn permanent_abnormal_r11() {
    assert!(comes_back(Restart::Permanent, End::Abnormal));
}

#[test]
fn transient_normal_r11_r12() {
    assert!(!comes_back(Restart::Transient, End::Normal));
}

#[test]
fn transient_shutdown_r11() {
    assert!(!comes_back(Restart::Transient, End::Shutdown));
}

#[test]
fn transient_abnormal_r11() {
    assert!(comes_back(Restart::Transient, End::Abnormal));
}

#[test]
fn temporary_normal_r11_r12() {
    assert!(!comes_back(Restart::Temporary, End::Normal));
}

#[test]
fn temporary_shutdown_r11_r12() {
    assert!(!comes_back(Restart::Temporary, End::Shutdown));
}

#[test]
fn temporary_abnormal_r11_r12() {
    assert!(!comes_back(Restart::Temporary, End::Abnormal));
}

/// Permanent and transient supervisors that end with shutdown: their parent brings back the permanent one.
#[test]
fn permanent_shutdown_r11_r14_a_permanent_supervisor_comes_back_from_its_escalation_a_transient_one_does_not()
{
    testing::run(async {
        for (restart, back) in [(Restart::Permanent, true), (Restart::Transient, false)] {
            let (system, log) = (System::new("test"), Log::default());
            let trio = trio_spec(&plans(&log)).intensity(0, Duration::from_secs(5));
            let top = Plan::new("top", &log).spec();
            let tree = system
                .spawn(Tree::spec(top, trio.restart(restart)))
                .await
                .unwrap();
            let life = Life::of(&tree.trio);
            tree.trio.a.fail().await.unwrap();
            assert_eq!(life.ended().await, ExitReason::Shutdown);
            settle().await;
            assert_eq!(tree.trio.a.ping().await.is_ok(), back, "{restart:?}");
        }
    });
}

#[test]
fn temporary_bystander_r11_it_goes_down_with_its_group_and_does_not_come_back() {
    testing::run(async {
        let (system, log) = (System::new("test"), Log::default());
        let [a, b, c] = plans(&log);
        let temporary = || b.spec().restart(Restart::Temporary);
        let all = system
            .spawn(AllTrio::spec(a.spec(), temporary(), c.spec()))
            .await
            .unwrap();
        log.take();
        all.c.fail().await.unwrap();
        settle().await;
        assert_eq!(starts(&log), ["a started", "c started"]);
        assert_eq!(all.b.ping().await, Err(CallError::Gone));
        let gone = Err(RestartError::Child(ChildError::NotFound));
        assert_eq!(ActorRef::restart_child(&all, "b").await, gone);
        system.terminate(&all).await;
        let rest = system
            .spawn(RestTrio::spec(a.spec(), temporary(), c.spec()))
            .await
            .unwrap();
        log.take();
        rest.a.fail().await.unwrap();
        settle().await;
        assert_eq!(starts(&log), ["a started", "c started"]);
        assert_eq!(rest.b.ping().await, Err(CallError::Gone));
    });
}

#[test]
fn multiple_restarts_r13_spaced_beyond_the_window_survive() {
    testing::run(async {
        let (system, log) = (System::new("test"), Log::default());
        let (trio, _) = trio(&system, &log).await;
        let pinned = ActorRef::pin(&trio);
        for _ in 0..10 {
            trio.a.fail().await.unwrap();
            testing::advance(Duration::from_secs(2)).await;
        }
        assert!(
            ActorRef::is_alive(&pinned),
            "the supervisor is the first one still"
        );
    });
}

#[test]
fn one_for_one_a_crash_leaves_the_siblings_alone() {
    testing::run(async {
        let (system, log) = (System::new("test"), Log::default());
        let (trio, _) = trio(&system, &log).await;
        let (b, c) = (ActorRef::pin(&trio.b), ActorRef::pin(&trio.c));
        assert!(trio.a.crash().await.is_err());
        assert_eq!(trio.a.ping().await, Ok(()));
        assert_eq!((b.ping().await, c.ping().await), (Ok(()), Ok(())));
    });
}

#[test]
fn one_for_one_escalation_r14_the_fourth_restart_in_five_seconds_ends_the_supervisor_for_its_parent_to_decide()
 {
    testing::run(async {
        let (system, log) = (System::new("test"), Log::default());
        let top = Plan::new("top", &log).spec();
        let tree = system
            .spawn(Tree::spec(top, trio_spec(&plans(&log))))
            .await
            .unwrap();
        let first = ActorRef::pin(&tree.trio);
        let top = ActorRef::pin(&tree.top);
        for _ in 0..3 {
            tree.trio.a.fail().await.unwrap();
            settle().await;
        }
        log.take();
        let life = Life::of(&tree.trio);
        tree.trio.a.fail().await.unwrap();
        assert_eq!(life.ended().await, ExitReason::Shutdown);
        settle().await;
        // All children in reverse order, then the parent starts them all again, in their places.
        let log = log.take();
        let order = [
            "c was shut down",
            "c ended",
            "b was shut down",
            "b ended",
            "a started",
            "b started",
            "c started",
        ];
        assert_eq!(log[2..], order, "{log:?}");
        assert!(!ActorRef::is_alive(&first));
        assert_eq!(tree.trio.a.ping().await, Ok(()));
        assert_eq!(
            top.ping().await,
            Ok(()),
            "the parent's other child has seen nothing"
        );
    });
}

#[test]
fn one_for_all_r17_all_stop_in_reverse_and_start_in_order() {
    testing::run(async {
        let (system, log) = (System::new("test"), Log::default());
        let [a, b, c] = plans(&log);
        let all = system
            .spawn(AllTrio::spec(a.spec(), b.spec(), c.spec()))
            .await
            .unwrap();
        log.take();
        all.b.fail().await.unwrap();
        settle().await;
        let lines = log.take();
        let stops = ["c was shut down", "c ended", "a was shut down", "a ended"];
        assert_eq!(lines[2..6], stops, "{lines:?}");
        assert_eq!(lines[6..], ["a started", "b started", "c started"]);
        assert_eq!(all.a.ping().await, Ok(()));
    });
}

#[test]
fn one_for_all_escalation_r14() {
    testing::run(async {
        let (system, log) = (System::new("test"), Log::default());
        let [a, b, c] = plans(&log);
        let spec = AllTrio::spec(a.spec(), b.spec(), c.spec()).restart(Restart::Transient);
        let all = system
            .spawn(spec.intensity(1, Duration::from_secs(5)))
            .await
            .unwrap();
        all.a.fail().await.unwrap();
        settle().await;
        log.take();
        let life = Life::of(&all);
        all.c.fail().await.unwrap();
        assert_eq!(life.ended().await, ExitReason::Shutdown);
        let lines = log.take();
        assert_eq!(
            lines[2..],
            ["b was shut down", "b ended", "a was shut down", "a ended"]
        );
        settle().await;
        assert_eq!(all.a.ping().await, Err(CallError::Gone));
    });
}

#[test]
fn one_for_all_other_child_fails_restart_r15_r17() {
    testing::run(async {
        let (system, log) = (System::new("test"), Log::default());
        let plans = plans(&log);
        let [a, b, c] = &plans;
        let all = system
            .spawn(AllTrio::spec(a.spec(), b.spec(), c.spec()))
            .await
            .unwrap();
        log.take();
        b.fail(1);
        all.a.fail().await.unwrap();
        settle().await;
        let order = ["a started", "b failed", "a started", "b started", "c started"];
        assert_eq!(
            starts(&log),
            order,
            "the one restarted is stopped, and all are tried again"
        );
        b.fail(u32::MAX);
        let life = Life::of(&all);
        all.a.fail().await.unwrap();
        assert_eq!(life.ended().await, ExitReason::Shutdown, "each try counts");
    });
}

#[test]
fn rest_for_one_r16_the_failed_and_those_behind() {
    testing::run(async {
        let (system, log) = (System::new("test"), Log::default());
        let [a, b, c] = plans(&log);
        let rest = system
            .spawn(RestTrio::spec(a.spec(), b.spec(), c.spec()))
            .await
            .unwrap();
        let first = ActorRef::pin(&rest.a);
        log.take();
        rest.b.fail().await.unwrap();
        settle().await;
        let lines = log.take();
        assert_eq!(
            lines[2..],
            ["c was shut down", "c ended", "b started", "c started"]
        );
        rest.c.fail().await.unwrap();
        settle().await;
        assert_eq!(starts(&log), ["c started"]);
        assert_eq!(first.ping().await, Ok(()), "the one before has seen nothing");
    });
}

#[test]
fn rest_for_one_escalation_r14() {
    testing::run(async {
        let (system, log) = (System::new("test"), Log::default());
        let [a, b, c] = plans(&log);
        let spec = RestTrio::spec(a.spec(), b.spec(), c.spec()).restart(Restart::Temporary);
        let rest = system
            .spawn(spec.intensity(0, Duration::from_secs(5)))
            .await
            .unwrap();
        log.take();
        let life = Life::of(&rest);
        rest.a.fail().await.unwrap();
        assert_eq!(life.ended().await, ExitReason::Shutdown);
        let lines = log.take();
        assert_eq!(
            lines[2..],
            ["c was shut down", "c ended", "b was shut down", "b ended"]
        );
    });
}

#[test]
fn rest_for_one_other_child_fails_restart_r15() {
    testing::run(async {
        let (system, log) = (System::new("test"), Log::default());
        let plans = plans(&log);
        let [a, b, c] = &plans;
        let rest = system
            .spawn(RestTrio::spec(a.spec(), b.spec(), c.spec()))
            .await
            .unwrap();
        log.take();
        b.fail(1);
        rest.a.fail().await.unwrap();
        settle().await;
        let order = ["a started", "b failed", "b started", "c started"];
        assert_eq!(starts(&log), order, "from the one that failed on");
    });
}

#[test]
fn r15_failed_restarts_count_and_are_retried() {
    testing::run(async {
        let (system, log) = (System::new("test"), Log::default());
        let plan = Plan::new("a", &log);
        let part = system.spawn(plan.spec()).await.unwrap();
        plan.fail(2);
        part.fail().await.unwrap();
        assert_eq!(part.ping().await, Ok(()), "the third restart");
        assert_eq!(log.take()[3..], ["a failed", "a failed", "a started"]);
        testing::advance(Duration::from_secs(6)).await;
        plan.fail(3);
        part.fail().await.unwrap();
        assert_eq!(part.ping().await, Err(CallError::Gone));
    });
}

const MANY: u32 = 1_000_000;

#[test]
fn hanging_restart_loop_r15_r22_the_supervisor_answers_and_can_be_stopped_in_the_middle_of_it() {
    testing::run(async {
        let (system, log) = (System::new("test"), Log::default());
        let plans = plans(&log);
        let [a, b, c] = &plans;
        let spec = AllTrio::spec(a.spec(), b.spec(), c.spec()).intensity(MANY, Duration::from_secs(5));
        let all = system.spawn(spec).await.unwrap();
        b.fail(MANY);
        all.a.fail().await.unwrap();
        settle().await;
        assert!(log.take().len() > 6, "it goes round");
        assert_eq!(ActorRef::which_children(&all).await.len(), 3);
        let d = Plan::new("d", &log);
        let added = ActorRef::start_child(&all, "d", d.spec()).await.err();
        let stopped = StartError::Failed(ExitReason::Shutdown);
        assert_eq!(added, Some(stopped), "its group did not wait for it");
        assert_eq!(ActorRef::terminate_child(&all, "b").await, Ok(()));
        b.fail(0);
        settle().await;
        log.take();
        settle().await;
        assert_eq!(log.take(), [""; 0], "that ended it");
        assert_eq!(ActorRef::restart_child(&all, "b").await, Ok(()));
        b.fail(MANY);
        all.a.fail().await.unwrap();
        settle().await;
        system.shutdown().await.unwrap();
        log.take();
        settle().await;
        assert_eq!(log.take(), [""; 0]);
    });
}

#[test]
fn hanging_restart_loop_rest_for_one_r15_r22() {
    testing::run(async {
        let (system, log) = (System::new("test"), Log::default());
        let plans = plans(&log);
        let [a, b, c] = &plans;
        let spec = RestTrio::spec(a.spec(), b.spec(), c.spec()).intensity(MANY, Duration::from_secs(5));
        let rest = system.spawn(spec).await.unwrap();
        b.fail(MANY);
        rest.b.fail().await.unwrap();
        settle().await;
        assert_eq!(rest.a.ping().await, Ok(()));
        assert_eq!(ActorRef::terminate_child(&rest, "b").await, Ok(()));
        assert_eq!(
            rest.c.ping().await,
            Err(CallError::Gone),
            "it does not wait for what nobody brings back"
        );
        assert_eq!(ActorRef::count_children(&rest).await.active, 1);
        b.fail(0);
        for id in ["b", "c"] {
            assert_eq!(ActorRef::restart_child(&rest, id).await, Ok(()));
        }
        assert_eq!(rest.c.ping().await, Ok(()));
    });
}

#[test]
fn hanging_restart_loop_simple_r15_r22() {
    testing::run(async {
        let (system, log) = (System::new("test"), Log::default());
        let spec = DynamicSupervisor::<Part>::spec().intensity(MANY, Duration::from_secs(5));
        let parts = system.spawn(spec).await.unwrap();
        let [a, b, _] = plans(&log);
        let (first, second) = (
            parts.start(a.spec()).await.unwrap(),
            parts.start(b.spec()).await.unwrap(),
        );
        a.fail(MANY);
        first.fail().await.unwrap();
        settle().await;
        assert_eq!(second.ping().await, Ok(()));
        assert_eq!(parts.terminate(&first).await, Ok(()));
        assert_eq!(first.ping().await, Err(CallError::Gone));
        assert_eq!(parts.count_children().await.specs, 1);
        b.fail(MANY);
        second.fail().await.unwrap();
        settle().await;
        let start = Instant::now();
        system.shutdown().await.unwrap();
        assert!(start.elapsed() <= Duration::from_millis(1));
    });
}

#[test]
fn hanging_restart_loop_a_system_can_be_stopped_during_a_back_off() {
    testing::run(async {
        let (system, log) = (System::new("test"), Log::default());
        let plan = Plan::new("a", &log);
        let backoff = quorate::Backoff::new(Duration::from_mins(1), Duration::from_mins(1));
        let part = system.spawn(plan.spec().backoff(backoff)).await.unwrap();
        plan.fail(u32::MAX);
        part.fail().await.unwrap();
        let start = Instant::now();
        let (waiting, stopped) = tokio::join!(part.ping(), system.shutdown());
        assert_eq!((waiting, stopped), (Err(CallError::Gone), Ok(())));
        assert_eq!(start.elapsed(), Duration::ZERO);
    });
}

#[test]
fn under_the_root_too_many_restarts_end_only_the_one_that_crashes() {
    testing::run(async {
        let (system, log) = (System::new("test"), Log::default());
        let sick = system.spawn(Plan::new("sick", &log).spec()).await.unwrap();
        let well = system.spawn(Plan::new("well", &log).spec()).await.unwrap();
        let well = ActorRef::pin(&well);
        for _ in 0..4 {
            sick.fail().await.unwrap();
        }
        assert_eq!(sick.ping().await, Err(CallError::Gone));
        assert_eq!(well.ping().await, Ok(()));
    });
}
