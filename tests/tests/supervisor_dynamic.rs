//! Dynamic supervisors, under the names of OTP's supervisor_SUITE (simple_one_for_one) and of Elixir's dynamic_supervisor_test.
//!
//! | case | |
//! |-|-|
//! | `simple_one_for_one_extra`, Elixir's `:extra_arguments` | as children with arguments of their own: a spec is whole, nothing is put before its arguments |
//! | Elixir: `start_child` with a bad spec, a bad return, `{:ok, pid, info}` | not applicable: a spec and a start are typed |
//! | Elixir: `init` with bad options, `:extra_arguments` no list | not applicable: typed |
//! | Elixir: code change | not applicable |
//! | `do_not_save_start_parameters_for_temporary_children` | a spec lives as long as its child, not shorter: what is tested is that it is dropped then |
//!
//! Stops of dynamic supervisors are in `supervisor_stop`; many children are in `supervisor_scale`.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use quorate::StartError;
use quorate::prelude::*;
use quorate::supervision::{ChildError, ChildStatus, DynamicSupervisor, SupervisorSpec};
use quorate::testing::{self, Life, Log};
use tests::parts::{Part, Plan, plans, settle, starts, trio};

type Parts = DynamicSupervisor<Part>;

async fn parts(system: &System, spec: SupervisorSpec<Parts>) -> ActorRef<Parts> {
    system.spawn(spec).await.expect("it starts")
}

/// Parts with a part beside them.
#[supervisor]
pub struct Shop {
    /// Beside.
    #[child]
    pub top: Part,
    /// Come and go.
    #[child(max_children = 2)]
    pub parts: DynamicSupervisor<Part>,
}

#[test]
fn simple_one_for_one_r26_only_the_one_that_ended_is_restarted() {
    testing::run(async {
        let (system, log) = (System::new("test"), Log::default());
        let parts = parts(&system, Parts::spec()).await;
        let mut refs = Vec::new();
        for plan in plans(&log) {
            refs.push(parts.start(plan.spec()).await.unwrap());
        }
        let others = [ActorRef::pin(&refs[0]), ActorRef::pin(&refs[2])];
        log.take();
        refs[1].fail().await.unwrap();
        settle().await;
        assert_eq!(starts(&log), ["b started"]);
        for part in others.iter().chain(&refs) {
            assert_eq!(part.ping().await, Ok(()));
        }
    });
}

#[test]
fn simple_one_for_one_shutdown_r18_nothing_is_left_and_nothing_comes_back() {
    testing::run(async {
        let (system, log) = (System::new("test"), Log::default());
        let parts = parts(&system, Parts::spec()).await;
        let slow = Plan::new("a", &log).stopping_for(Duration::from_secs(1));
        let part = parts.start(slow.spec()).await.unwrap();
        let other = parts.start(Plan::new("b", &log).spec()).await.unwrap();
        assert!(system.terminate(&parts).await);
        for part in [&part, &other] {
            assert_eq!(part.ping().await, Err(CallError::Gone));
        }
        assert!(parts.which_children().await.is_empty());
        let refused = parts.start(Plan::new("c", &log).spec()).await.err();
        assert_eq!(refused, Some(StartError::SupervisorGone));
    });
}

#[test]
fn simple_one_for_one_extra_r27_a_childs_own_arguments_are_used_at_each_restart() {
    testing::run(async {
        let (system, log) = (System::new("test"), Log::default());
        let spec = Parts::spec().intensity(100, Duration::from_secs(5));
        let parts = parts(&system, spec).await;
        let [a, b, _] = plans(&log);
        let (a, b) = (
            parts.start(a.spec()).await.unwrap(),
            parts.start(b.spec()).await.unwrap(),
        );
        log.take();
        for _ in 0..3 {
            a.fail().await.unwrap();
            settle().await;
            b.fail().await.unwrap();
            settle().await;
            assert_eq!(starts(&log), ["a started", "b started"]);
        }
    });
}

#[test]
fn simple_one_for_one_escalation_r14_its_parent_decides_and_it_begins_with_none() {
    testing::run(async {
        let (system, log) = (System::new("test"), Log::default());
        let shop = system
            .spawn(Shop::spec(Plan::new("top", &log).spec()))
            .await
            .unwrap();
        let [a, b, _] = plans(&log);
        let (a, b) = (
            shop.parts.start(a.spec()).await.unwrap(),
            shop.parts.start(b.spec()).await.unwrap(),
        );
        for _ in 0..3 {
            a.fail().await.unwrap();
            settle().await;
        }
        let life = Life::of(&shop.parts);
        a.fail().await.unwrap();
        assert_eq!(life.ended().await, ExitReason::Shutdown);
        settle().await;
        for part in [&a, &b] {
            assert_eq!(part.ping().await, Err(CallError::Gone));
        }
        assert_eq!(shop.parts.count_children().await.specs, 0);
        assert!(
            shop.parts.start(Plan::new("c", &log).spec()).await.is_ok(),
            "its ref is good still"
        );
        assert_eq!(shop.top.ping().await, Ok(()));
    });
}

#[test]
fn simple_one_for_one_corruption_r10_a_failed_start_leaves_it_as_it_was() {
    testing::run(async {
        let (system, log) = (System::new("test"), Log::default());
        let parts = parts(&system, Parts::spec()).await;
        let first = ActorRef::pin(&parts);
        let part = parts.start(Plan::new("a", &log).spec()).await.unwrap();
        let no_luck = StartError::Failed(ExitReason::Error("no luck".into()));
        for _ in 0..10 {
            let failed = parts.start(Plan::new("b", &log).failing(1).spec()).await;
            assert_eq!(failed.err(), Some(no_luck.clone()));
        }
        assert!(ActorRef::is_alive(&first), "failed first starts are no restarts");
        assert_eq!(part.ping().await, Ok(()));
        assert_eq!(parts.count_children().await.specs, 1);
    });
}

#[test]
fn simple_one_for_one_restart_ignore_r28_removes_the_child() {
    testing::run(async {
        let (system, log) = (System::new("test"), Log::default());
        let parts = parts(&system, Parts::spec()).await;
        let plan = Plan::new("a", &log);
        let part = parts.start(plan.spec()).await.unwrap();
        plan.ignore(1);
        part.fail().await.unwrap();
        settle().await;
        assert_eq!(part.ping().await, Err(CallError::Gone));
        assert_eq!(parts.count_children().await.specs, 0);
    });
}

#[test]
fn simple_one_for_one_restart_types_r11_r12() {
    testing::run(async {
        let table = [
            (Restart::Permanent, false, true),
            (Restart::Permanent, true, true),
            (Restart::Transient, false, false),
            (Restart::Transient, true, true),
            (Restart::Temporary, false, false),
            (Restart::Temporary, true, false),
        ];
        for (restart, is_failure, comes_back) in table {
            let (system, log) = (System::new("test"), Log::default());
            let parts = parts(&system, Parts::spec()).await;
            let part = parts
                .start(Plan::new("a", &log).spec().restart(restart))
                .await
                .unwrap();
            if is_failure {
                part.fail().await.unwrap();
            } else {
                ActorRef::stop(&part);
            }
            settle().await;
            assert_eq!(part.ping().await.is_ok(), comes_back, "{restart:?} {is_failure}");
            let left = usize::from(comes_back);
            assert_eq!(
                parts.count_children().await.specs,
                left,
                "{restart:?} {is_failure}"
            );
        }
    });
}

#[test]
fn elixir_start_child_with_different_returns_and_a_panic_in_the_start() {
    testing::run(async {
        let (system, log) = (System::new("test"), Log::default());
        let parts = parts(&system, Parts::spec()).await;
        let panics = ChildSpec::new(|| -> Option<Part> { panic!("no luck") });
        let Some(StartError::Failed(ExitReason::Panic { message, .. })) = parts.start(panics).await.err()
        else {
            panic!("it is not answered with the panic")
        };
        assert_eq!(&*message, "no luck");
        let ignored = parts.start(ChildSpec::new(|| None::<Part>)).await.err();
        assert_eq!(ignored, Some(StartError::Ignored));
        assert!(parts.start(Plan::new("a", &log).spec()).await.is_ok());
        assert_eq!(parts.count_children().await.specs, 1);
    });
}

#[test]
fn elixir_start_child_with_max_children_r26_those_that_are_being_restarted_count() {
    testing::run(async {
        let (system, log) = (System::new("test"), Log::default());
        let minute = quorate::Backoff::new(Duration::from_mins(1), Duration::from_mins(1));
        let parts = parts(&system, Parts::spec().max_children(2)).await;
        let [a, b, c] = plans(&log);
        let first = parts.start(a.spec().backoff(minute)).await.unwrap();
        parts.start(b.spec()).await.unwrap();
        assert_eq!(parts.start(c.spec()).await.err(), Some(StartError::MaxChildren));
        first.fail().await.unwrap();
        settle().await;
        assert_eq!(parts.which_children().await[0].status, ChildStatus::Restarting);
        assert_eq!(parts.start(c.spec()).await.err(), Some(StartError::MaxChildren));
        assert_eq!(
            parts.terminate(&first).await,
            Ok(()),
            "Elixir: terminates a restarting child"
        );
        assert!(parts.start(c.spec()).await.is_ok());
        let none = self::parts(&system, Parts::spec().max_children(0)).await;
        assert_eq!(none.start(a.spec()).await.err(), Some(StartError::MaxChildren));
    });
}

#[test]
fn elixir_child_is_restarted_when_trying_again_r15_r28() {
    testing::run(async {
        let (system, log) = (System::new("test"), Log::default());
        let parts = parts(&system, Parts::spec()).await;
        let plan = Plan::new("a", &log);
        let part = parts.start(plan.spec()).await.unwrap();
        log.take();
        plan.fail(2);
        part.fail().await.unwrap();
        settle().await;
        assert_eq!(starts(&log), ["a failed", "a failed", "a started"]);
        assert_eq!(part.ping().await, Ok(()));
    });
}

#[test]
fn elixir_child_is_restarted_with_different_values_r28() {
    testing::run(async {
        let (system, log) = (System::new("test"), Log::default());
        let parts = parts(&system, Parts::spec()).await;
        let plan = Plan::new("a", &log);
        let part = parts.start(plan.spec()).await.unwrap();
        log.take();
        plan.fail(1);
        plan.ignore(1);
        part.fail().await.unwrap();
        settle().await;
        assert_eq!(starts(&log), ["a failed", "a ignored"]);
        assert_eq!(parts.count_children().await.specs, 0);
    });
}

#[test]
fn elixir_maximum_intensity_when_trying_again_r13_r14_r15() {
    testing::run(async {
        let (system, log) = (System::new("test"), Log::default());
        let spec = Parts::spec().restart(Restart::Temporary);
        let parts = parts(&system, spec).await;
        let plan = Plan::new("a", &log);
        let part = parts.start(plan.spec()).await.unwrap();
        log.take();
        plan.fail(u32::MAX);
        let life = Life::of(&parts);
        part.fail().await.unwrap();
        assert_eq!(life.ended().await, ExitReason::Shutdown);
        assert_eq!(starts(&log), ["a failed"; 3]);
    });
}

#[test]
fn elixir_terminates_mixed_children_r18_r19() {
    testing::run(async {
        let (system, log) = (System::new("test"), Log::default());
        let parts = parts(&system, Parts::spec()).await;
        let table = [
            ("a", 0, Shutdown::Kill),
            ("b", 3, Shutdown::Infinity),
            ("c", 60, Shutdown::After(Duration::from_secs(2))),
            ("d", 1, Shutdown::After(Duration::from_secs(2))),
        ];
        for (name, seconds, shutdown) in table {
            let plan = Plan::new(name, &log).stopping_for(Duration::from_secs(seconds));
            parts.start(plan.spec().shutdown(shutdown)).await.unwrap();
        }
        log.take();
        let start = tokio::time::Instant::now();
        assert!(system.terminate(&parts).await);
        assert_eq!(start.elapsed(), Duration::from_secs(3));
        let mut lines = log.take();
        lines.retain(|line| line.ends_with("ended"));
        assert_eq!(lines, ["a ended", "d ended", "c ended", "b ended"]);
    });
}

#[test]
fn elixir_terminate_child_r19_by_its_own_policy() {
    testing::run(async {
        let (system, log) = (System::new("test"), Log::default());
        let parts = parts(&system, Parts::spec()).await;
        let slow = Plan::new("a", &log).stopping_for(Duration::from_mins(1));
        for (shutdown, seconds) in [
            (Shutdown::Kill, 0),
            (Shutdown::After(Duration::from_secs(2)), 2),
            (Shutdown::Infinity, 60),
        ] {
            let part = parts.start(slow.spec().shutdown(shutdown)).await.unwrap();
            let start = tokio::time::Instant::now();
            assert_eq!(parts.terminate(&part).await, Ok(()));
            assert_eq!(start.elapsed(), Duration::from_secs(seconds));
            assert_eq!(parts.terminate(&part).await, Err(ChildError::NotFound));
        }
    });
}

/// A spec whose start holds something, and what tells whether it is held.
fn holding(plan: &Plan) -> (ChildSpec<Part>, Arc<AtomicU32>) {
    let held = Arc::new(AtomicU32::new(0));
    let (holder, plan) = (Arc::clone(&held), plan.clone());
    let spec = Part::spec_with(move || {
        holder.fetch_add(1, Ordering::SeqCst);
        Part::of(plan.clone())
    });
    (spec, held)
}

static ABANDONED: Name<Part> = Name::new("abandoned");

#[test]
fn a_start_that_is_abandoned_before_it_has_begun_frees_its_name() {
    testing::run(async {
        let system = System::new("test");
        let supervisor = system.spawn(DynamicSupervisor::<Part>::spec()).await.unwrap();
        let plan = Plan::new("a", &Log::default());
        let (spec, held) = holding(&plan);
        {
            let mut starting = Box::pin(supervisor.start(spec.name(ABANDONED)));
            std::future::poll_fn(|task| {
                assert!(starting.as_mut().poll(task).is_pending());
                std::task::Poll::Ready(())
            })
            .await;
        }
        settle().await;
        assert_eq!(Arc::strong_count(&held), 1, "nothing of the spec is kept");
        assert_eq!(held.load(Ordering::SeqCst), 0, "it was not started");
        assert!(system.whereis(ABANDONED).is_none());
        let (spec, _) = holding(&plan);
        system.spawn(spec.name(ABANDONED)).await.unwrap();
    });
}

#[test]
fn do_not_save_start_parameters_for_temporary_children_r12() {
    testing::run(async {
        let (system, log) = (System::new("test"), Log::default());
        let parts = parts(&system, Parts::spec()).await;
        for restart in [Restart::Temporary, Restart::Transient] {
            let (spec, held) = holding(&Plan::new("a", &log));
            let part = parts.start(spec.restart(restart)).await.unwrap();
            assert_eq!(Arc::strong_count(&held), 2);
            ActorRef::stop(&part);
            settle().await;
            assert_eq!(Arc::strong_count(&held), 1, "{restart:?}");
            assert_eq!(held.load(Ordering::SeqCst), 1);
        }
    });
}

#[test]
fn do_not_save_child_specs_for_temporary_children_r12() {
    testing::run(async {
        let (system, log) = (System::new("test"), Log::default());
        let (trio, _) = trio(&system, &log).await;
        for (restart, is_kept) in [(Restart::Temporary, false), (Restart::Transient, true)] {
            let (spec, held) = holding(&Plan::new("d", &log));
            let part = ActorRef::start_child(&trio, "d", spec.restart(restart))
                .await
                .unwrap();
            ActorRef::stop(&part);
            settle().await;
            assert_eq!(Arc::strong_count(&held), 1 + usize::from(is_kept), "{restart:?}");
            assert_eq!(
                ActorRef::count_children(&trio).await.specs,
                3 + usize::from(is_kept)
            );
            if is_kept {
                assert_eq!(ActorRef::restart_child(&trio, "d").await, Ok(()));
                assert_eq!(
                    held.load(Ordering::SeqCst),
                    2,
                    "R12: a transient one can be started again"
                );
                ActorRef::terminate_child(&trio, "d").await.unwrap();
                ActorRef::delete_child(&trio, "d").await.unwrap();
                assert_eq!(Arc::strong_count(&held), 1);
            }
        }
    });
}

#[test]
fn do_not_save_anything_of_a_system_that_was_shut_down() {
    testing::run(async {
        let (system, log) = (System::new("test"), Log::default());
        let (root, under_root) = holding(&Plan::new("a", &log));
        let (dynamic, under_dynamic) = holding(&Plan::new("b", &log));
        let (failing, failed) = holding(&Plan::new("c", &log));
        drop(failing);
        let part = system.spawn(root).await.unwrap();
        let parts = parts(&system, Parts::spec()).await;
        parts.start(dynamic).await.unwrap();
        system.shutdown().await.unwrap();
        settle().await;
        for held in [under_root, under_dynamic, failed] {
            assert_eq!(Arc::strong_count(&held), 1);
        }
        assert_eq!(part.ping().await, Err(CallError::Gone));
    });
}
