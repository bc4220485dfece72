//! Starts, and what is asked of a supervisor while it runs, under the names of OTP's supervisor_SUITE.
//!
//! | case | |
//! |-|-|
//! | `sup_start_ignore_init` (R8) | not applicable: a supervisor has no `init` of its own that could ignore; its children are its declaration |
//! | `sup_start_ignore_permanent_child_start_child_simple` | not applicable as written: a dynamic supervisor keeps none that ignored, whatever its restart type |
//! | `child_specs`, the shapes of a map | not applicable: a spec is typed; ids and policies that cannot be are refused when the tree is built |
//! | `get_childspec` | not applicable: the spec holds a closure, which cannot be told from another |
//! | `child_adm_simple`, restart and delete | not applicable: a [`DynamicSupervisor`]'s handle has neither |
//!
//! `sup_start_normal` and the cases of a failed start are here; the stops are in `supervisor_stop`.

use std::time::Duration;

use quorate::prelude::*;
use quorate::supervision::{
    AutoShutdown, ChildCounts, ChildError, ChildStatus, DynamicSupervisor, Flags, RestartError, SpecProblem,
    Strategy,
};
use quorate::testing::{self, Life, Log};
use quorate::{Policy, StartError};
use tests::parts::{Part, Plan, Trio, plans, settle, trio, trio_spec};
use tokio::time::Instant;

const STOPS: [&str; 6] = [
    "c was shut down",
    "c ended",
    "b was shut down",
    "b ended",
    "a was shut down",
    "a ended",
];

/// The statuses of the children, and their number.
async fn statuses(supervisor: &ActorRef<Trio>) -> (Vec<(String, Option<bool>)>, ChildCounts) {
    let children = ActorRef::which_children(supervisor).await;
    let runs = |status| match status {
        ChildStatus::Running(_) => Some(true),
        ChildStatus::Stopped => Some(false),
        _ => None,
    };
    let list = children
        .iter()
        .map(|child| (child.id.to_string(), runs(child.status)));
    (list.collect(), ActorRef::count_children(supervisor).await)
}

#[test]
fn sup_start_normal_r6_in_order_and_back_when_all_have_started() {
    testing::run(async {
        let (system, log) = (System::new("test"), Log::default());
        let (trio, _) = trio(&system, &log).await;
        assert_eq!(trio.a.ping().await, Ok(()));
        assert_eq!(trio.c.ping().await, Ok(()));
        system.shutdown().await.unwrap();
        assert_eq!(log.take(), STOPS);
        assert_eq!(trio.a.ping().await, Err(CallError::Gone));
    });
}

#[test]
fn r7_sup_start_fail_stops_the_started_in_reverse_and_names_the_child() {
    testing::run(async {
        let (system, log) = (System::new("test"), Log::default());
        let plans = plans(&log);
        plans[2].fail(1);
        let Err(StartError::Failed(reason)) = system.spawn(trio_spec(&plans)).await else {
            panic!("expected a failure")
        };
        assert_eq!(reason.to_string(), "failed: child `c` failed: no luck");
        let started = ["a started", "b started", "c failed"];
        assert_eq!(log.take(), [&started[..], &STOPS[2..]].concat());
    });
}

#[test]
fn sup_start_error_return_r7_a_start_that_panics_before_its_first_await_ends_the_boot() {
    testing::run(async {
        let (system, log) = (System::new("test"), Log::default());
        let [_, b, c] = plans(&log);
        let a = ChildSpec::new(|| -> Option<Part> { panic!("no luck") });
        let spawned = system.spawn(Trio::spec(a, b.spec(), c.spec()));
        let spawned = tokio::time::timeout(Duration::from_secs(1), spawned).await;
        let Ok(Err(StartError::Failed(reason))) = spawned else {
            panic!("not answered as failed: {spawned:?}");
        };
        assert!(reason.to_string().contains("child `a` panicked"), "{reason}");
        assert_eq!(log.take(), [""; 0]);
    });
}

#[test]
fn sup_start_ignore_child_r9_its_spec_is_kept_without_a_ref() {
    testing::run(async {
        static NAME: Name<Part> = Name::new("d");
        let (system, log) = (System::new("test"), Log::default());
        let plans = plans(&log);
        plans[1].ignore(1);
        let trio = system.spawn(trio_spec(&plans)).await.unwrap();
        assert_eq!(trio.b.ping().await, Err(CallError::Gone));
        assert_eq!(trio.c.ping().await, Ok(()));
        let (list, counts) = statuses(&trio).await;
        assert_eq!(list[1], ("b".to_owned(), Some(false)));
        assert_eq!((counts.specs, counts.active), (3, 2));
        assert_eq!(ActorRef::restart_child(&trio, "b").await, Ok(()));
        assert_eq!(trio.b.ping().await, Ok(()));

        let d = Plan::new("d", &log).ignoring(1);
        let add = || ActorRef::start_child(&trio, "d", d.spec().name(NAME));
        assert_eq!(add().await.err(), Some(StartError::Ignored));
        assert!(system.whereis(NAME).is_none());
        assert_eq!(add().await.err(), Some(StartError::AlreadyPresent));
        assert_eq!(ActorRef::restart_child(&trio, "d").await, Ok(()));
        let found = system.whereis(NAME).expect("its name is kept with its spec");
        assert_eq!(found.ping().await, Ok(()));
        ActorRef::terminate_child(&trio, "d").await.unwrap();
        assert_eq!(ActorRef::delete_child(&trio, "d").await, Ok(()));
        assert!(ActorRef::start_child(&trio, "d", d.spec()).await.is_ok());
        let alone = system.spawn(Plan::new("e", &log).ignoring(1).spec()).await;
        assert_eq!(alone.err(), Some(StartError::Ignored));
    });
}

#[test]
fn sup_start_ignore_temporary_child_r9_nothing_of_it_is_kept() {
    testing::run(async {
        let (system, log) = (System::new("test"), Log::default());
        let [a, b, c] = plans(&log);
        b.ignore(1);
        let temporary = |plan: &Plan| plan.spec().restart(Restart::Temporary);
        let spec = Trio::spec(temporary(&a), temporary(&b), temporary(&c));
        let trio = system.spawn(spec).await.unwrap();
        let (list, _) = statuses(&trio).await;
        assert_eq!(list, [("a".to_owned(), Some(true)), ("c".to_owned(), Some(true))]);
    });
}

#[test]
fn sup_start_ignore_temporary_child_start_child_r9_its_id_is_free() {
    testing::run(async {
        let (system, log) = (System::new("test"), Log::default());
        let (trio, _) = trio(&system, &log).await;
        let d = Plan::new("d", &log).ignoring(1);
        let spec = || d.spec().restart(Restart::Temporary);
        let ignored = ActorRef::start_child(&trio, "d", spec()).await;
        assert_eq!(ignored.err(), Some(StartError::Ignored));
        assert_eq!(ActorRef::count_children(&trio).await.specs, 3);
        assert!(ActorRef::start_child(&trio, "d", spec()).await.is_ok());
    });
}

#[test]
fn sup_start_ignore_temporary_child_start_child_simple_r9() {
    testing::run(async {
        let (system, log) = (System::new("test"), Log::default());
        let parts = system.spawn(DynamicSupervisor::<Part>::spec()).await.unwrap();
        for restart in [Restart::Temporary, Restart::Transient, Restart::Permanent] {
            let spec = Plan::new("a", &log).ignoring(1).spec().restart(restart);
            assert_eq!(parts.start(spec).await.err(), Some(StartError::Ignored));
            assert_eq!(parts.count_children().await, ChildCounts::default());
        }
    });
}

#[test]
fn sup_start_child_returns_error_r10_a_failed_start_discards_the_spec_and_frees_the_name() {
    testing::run(async {
        static NAME: Name<Part> = Name::new("part");
        let (system, log) = (System::new("test"), Log::default());
        let (trio, _) = trio(&system, &log).await;
        let plan = Plan::new("d", &log);
        for under_the_root in [true, false] {
            plan.fail(1);
            let spec = || plan.spec().name(NAME);
            let failed = if under_the_root {
                system.spawn(spec()).await
            } else {
                ActorRef::start_child(&trio, "d", spec()).await
            };
            let no_luck = ExitReason::Error("no luck".into());
            assert_eq!(failed.err(), Some(StartError::Failed(no_luck)));
            assert!(system.whereis(NAME).is_none());
            assert_eq!(ActorRef::count_children(&trio).await.specs, 3);
            let part = ActorRef::start_child(&trio, "d", spec()).await.unwrap();
            assert_eq!(system.whereis(NAME), Some(part));
            ActorRef::terminate_child(&trio, "d").await.unwrap();
            ActorRef::delete_child(&trio, "d").await.unwrap();
            assert!(system.whereis(NAME).is_none());
        }
    });
}

#[test]
fn sup_start_restart_child_returns_error_the_spec_is_kept() {
    testing::run(async {
        let (system, log) = (System::new("test"), Log::default());
        let (trio, plans) = trio(&system, &log).await;
        ActorRef::terminate_child(&trio, "b").await.unwrap();
        plans[1].fail(1);
        let failed = ActorRef::restart_child(&trio, "b").await;
        let no_luck = StartError::Failed(ExitReason::Error("no luck".into()));
        assert_eq!(failed, Err(RestartError::Start(no_luck)));
        settle().await;
        assert_eq!(
            statuses(&trio).await.0[1],
            ("b".to_owned(), Some(false)),
            "nobody tries again"
        );
        assert_eq!(trio.b.ping().await, Err(CallError::Gone));
        assert_eq!(ActorRef::restart_child(&trio, "b").await, Ok(()));
        assert_eq!(trio.b.ping().await, Ok(()));
    });
}

#[test]
fn sup_start_map_r2_r4_the_defaults() {
    assert_eq!(Policy::DEFAULT.restart, Restart::Permanent);
    assert_eq!(Policy::DEFAULT.shutdown, Shutdown::After(Duration::from_secs(5)));
    let policy = Policy::default();
    assert!(!policy.significant && policy.backoff.is_none());
    let flags = Flags::default();
    assert_eq!(
        (flags.strategy, flags.auto_shutdown),
        (Strategy::OneForOne, AutoShutdown::Never)
    );
    assert_eq!(
        (flags.intensity, flags.period),
        (3, Duration::from_secs(5)),
        "Elixir's, not OTP's"
    );
}

/// A trio below.
#[supervisor]
pub struct Above {
    /// Takes its time.
    #[child]
    pub trio: Trio,
}

#[test]
fn r2_r3_a_supervisor_is_waited_for_however_long_its_workers_may_take_and_a_worker_for_five_seconds() {
    testing::run(async {
        let (system, log) = (System::new("test"), Log::default());
        let [a, b, c] = plans(&log).map(|plan| plan.stopping_for(Duration::from_mins(1)));
        let patient = b.spec().shutdown(Shutdown::Infinity);
        system
            .spawn(Above::spec(Trio::spec(a.spec(), patient, c.spec())))
            .await
            .unwrap();
        let start = Instant::now();
        system.shutdown().await.unwrap();
        assert_eq!(start.elapsed(), Duration::from_secs(5 + 60 + 5));
    });
}

/// Two of one id.
#[supervisor]
pub struct Namesakes {
    /// First.
    #[child]
    pub a: Part,
}

#[test]
fn sup_start_map_faulty_specs_r1_r4_r5_what_cannot_be_is_refused_and_nothing_starts() {
    testing::run(async {
        let (system, log) = (System::new("test"), Log::default());
        let (trio, plans) = trio(&system, &log).await;
        let d = Plan::new("d", &log);
        let problem = |error: Option<StartError>| match error {
            Some(StartError::Spec { child, problem }) => (child.to_string(), problem),
            other => panic!("{other:?}"),
        };
        let significant = || d.spec().significant();
        let permanent = ActorRef::start_child(&trio, "d", significant()).await.err();
        assert_eq!(
            problem(permanent),
            ("d".to_owned(), SpecProblem::SignificantPermanent)
        );
        let transient = ActorRef::start_child(&trio, "d", significant().restart(Restart::Transient))
            .await
            .err();
        assert_eq!(
            problem(transient),
            ("d".to_owned(), SpecProblem::SignificantWithoutAutoShutdown)
        );
        let parts = system.spawn(DynamicSupervisor::<Part>::spec()).await.unwrap();
        let dynamic = parts.start(significant().restart(Restart::Transient)).await.err();
        assert_eq!(problem(dynamic).1, SpecProblem::SignificantDynamic);
        let [a, b, c] = &plans;
        let in_tree = Trio::spec(a.spec(), b.spec().significant(), c.spec());
        let error = problem(system.spawn(in_tree).await.err());
        assert_eq!(error, ("b".to_owned(), SpecProblem::SignificantPermanent));
        let no_period = Namesakes::spec(d.spec()).intensity(1, Duration::ZERO);
        let error = problem(system.spawn(no_period).await.err());
        assert_eq!(error.1, SpecProblem::ZeroPeriod);
        let duplicate = quorate::supervision::SupervisorSpec::<Namesakes>::new(move |children| {
            let first = children.add("a", d.spec())?;
            children.add("a", d.spec())?;
            Ok((first,))
        });
        let error = system.spawn(duplicate).await.err();
        assert_eq!(error, Some(StartError::DuplicateChild("a".into())));
        assert_eq!(log.take(), [""; 0]);
    });
}

#[test]
fn child_adm_r21_r22_terminate_restart_delete_start() {
    testing::run(async {
        let (system, log) = (System::new("test"), Log::default());
        let (trio, plans) = trio(&system, &log).await;
        let not = |error| Err(RestartError::Child(error));
        assert_eq!(
            ActorRef::restart_child(&trio, "b").await,
            not(ChildError::Running)
        );
        assert_eq!(ActorRef::delete_child(&trio, "b").await, Err(ChildError::Running));
        assert_eq!(ActorRef::terminate_child(&trio, "b").await, Ok(()));
        assert_eq!(
            log.take(),
            ["b was shut down", "b ended"],
            "it has ended when that is answered"
        );
        assert_eq!(ActorRef::terminate_child(&trio, "b").await, Ok(()), "again");
        assert_eq!(ActorRef::restart_child(&trio, "b").await, Ok(()));
        assert_eq!(trio.b.ping().await, Ok(()), "the ref is good again");
        ActorRef::terminate_child(&trio, "b").await.unwrap();
        assert_eq!(ActorRef::delete_child(&trio, "b").await, Ok(()));
        assert_eq!(
            ActorRef::delete_child(&trio, "b").await,
            Err(ChildError::NotFound)
        );
        assert_eq!(
            ActorRef::terminate_child(&trio, "b").await,
            Err(ChildError::NotFound)
        );
        assert_eq!(
            ActorRef::restart_child(&trio, "b").await,
            not(ChildError::NotFound)
        );
        let b = ActorRef::start_child(&trio, "b", plans[1].spec()).await.unwrap();
        assert_eq!(b.ping().await, Ok(()));
        let ids: Vec<_> = statuses(&trio).await.0.into_iter().map(|(id, _)| id).collect();
        assert_eq!(ids, ["a", "c", "b"], "behind the others now");
        system.shutdown().await.unwrap();
        assert_eq!(ActorRef::terminate_child(&trio, "a").await, Err(ChildError::Gone));
        assert_eq!(ActorRef::restart_child(&trio, "a").await, not(ChildError::Gone));
        let gone = ActorRef::start_child(&trio, "d", plans[1].spec()).await.err();
        assert_eq!(gone, Some(StartError::SupervisorGone));
        assert!(ActorRef::which_children(&trio).await.is_empty());
    });
}

#[test]
fn child_adm_r21_a_child_that_is_being_restarted_is_neither_started_nor_deleted() {
    testing::run(async {
        let (system, log) = (System::new("test"), Log::default());
        let [a, b, c] = plans(&log);
        let minute = quorate::Backoff::new(Duration::from_mins(1), Duration::from_mins(1));
        let spec = Trio::spec(a.spec(), b.spec().backoff(minute), c.spec());
        let trio = system.spawn(spec).await.unwrap();
        trio.b.fail().await.unwrap();
        settle().await;
        assert_eq!(statuses(&trio).await.0[1], ("b".to_owned(), None));
        let restarting = Err(RestartError::Child(ChildError::Restarting));
        assert_eq!(ActorRef::restart_child(&trio, "b").await, restarting);
        assert_eq!(
            ActorRef::delete_child(&trio, "b").await,
            Err(ChildError::Restarting)
        );
        assert_eq!(ActorRef::terminate_child(&trio, "b").await, Ok(()));
        assert_eq!(ActorRef::restart_child(&trio, "b").await, Ok(()));
    });
}

#[test]
fn child_adm_simple_children_are_stopped_by_their_refs() {
    testing::run(async {
        let (system, log) = (System::new("test"), Log::default());
        let parts = system.spawn(DynamicSupervisor::<Part>::spec()).await.unwrap();
        let [a, b, _] = plans(&log);
        let (a, b) = (
            parts.start(a.spec()).await.unwrap(),
            parts.start(b.spec()).await.unwrap(),
        );
        assert_eq!(parts.terminate(&a).await, Ok(()));
        assert_eq!(parts.terminate(&a).await, Err(ChildError::NotFound));
        assert_eq!(a.ping().await, Err(CallError::Gone));
        assert_eq!(b.ping().await, Ok(()));
        let stranger = system.spawn(Plan::new("d", &log).spec()).await.unwrap();
        assert_eq!(parts.terminate(&stranger).await, Err(ChildError::NotFound));
        assert_eq!(parts.count_children().await.specs, 1);
    });
}

#[test]
fn child_specs_r10_a_known_id_is_already_started_or_already_present() {
    testing::run(async {
        let (system, log) = (System::new("test"), Log::default());
        let (trio, _) = trio(&system, &log).await;
        let other = Plan::new("d", &log);
        let started = ActorRef::start_child(&trio, "b", other.spec()).await.err();
        assert_eq!(started, Some(StartError::AlreadyStarted(ActorRef::id(&trio.b))));
        ActorRef::terminate_child(&trio, "b").await.unwrap();
        let present = ActorRef::start_child(&trio, "b", other.spec()).await.err();
        assert_eq!(present, Some(StartError::AlreadyPresent));
        assert_eq!(trio.a.ping().await, Ok(()));
    });
}

#[test]
fn sup_flags_r4_an_intensity_of_zero_allows_no_restart() {
    testing::run(async {
        let (system, log) = (System::new("test"), Log::default());
        let spec = trio_spec(&plans(&log))
            .intensity(0, Duration::from_secs(5))
            .restart(Restart::Temporary);
        let trio = system.spawn(spec).await.unwrap();
        let life = Life::of(&trio);
        trio.b.fail().await.unwrap();
        assert_eq!(life.ended().await, ExitReason::Shutdown);
        settle().await;
        assert_eq!(trio.a.ping().await, Err(CallError::Gone));
    });
}

#[test]
fn already_started_outside_supervisor_a_taken_name_is_refused_and_stays_with_its_owner() {
    testing::run(async {
        static NAME: Name<Part> = Name::new("taken");
        let (system, log) = (System::new("test"), Log::default());
        let (trio, plans) = trio(&system, &log).await;
        let owner = system
            .spawn(Plan::new("owner", &log).spec().name(NAME))
            .await
            .unwrap();
        let [a, b, c] = &plans;
        let taken = Some(StartError::NameTaken("taken"));
        assert_eq!(
            ActorRef::start_child(&trio, "d", a.spec().name(NAME)).await.err(),
            taken
        );
        let tree = Trio::spec(a.spec(), b.spec(), c.spec().name(NAME));
        assert_eq!(system.spawn(tree).await.err(), taken);
        assert_eq!(system.whereis(NAME), Some(owner.clone()));
        assert_eq!(owner.ping().await, Ok(()));
        assert_eq!(ActorRef::count_children(&trio).await.specs, 3);
    });
}

#[test]
fn a_system_that_is_shut_down_starts_nothing_and_shutting_it_down_again_is_no_error() {
    testing::run(async {
        let (system, log) = (System::new("test"), Log::default());
        system.shutdown().await.unwrap();
        system.shutdown().await.unwrap();
        let spawned = system.spawn(Plan::new("a", &log).spec()).await;
        assert_eq!(spawned.err(), Some(StartError::SystemDown));
        assert_eq!(log.take(), [""; 0]);
    });
}

#[test]
fn child_specs_r10_a_known_id_comes_before_a_taken_name() {
    testing::run(async {
        static NAME: Name<Part> = Name::new("part");
        let (system, log) = (System::new("test"), Log::default());
        let (trio, _) = trio(&system, &log).await;
        let plan = Plan::new("d", &log);
        let add = || ActorRef::start_child(&trio, "d", plan.spec().name(NAME));
        let part = add().await.unwrap();
        assert_eq!(
            add().await.err(),
            Some(StartError::AlreadyStarted(ActorRef::id(&part)))
        );
        ActorRef::terminate_child(&trio, "d").await.unwrap();
        assert_eq!(add().await.err(), Some(StartError::AlreadyPresent));
        let other = ActorRef::start_child(&trio, "e", plan.spec().name(NAME)).await;
        assert_eq!(other.err(), Some(StartError::NameTaken("part")));
    });
}

/// A supervisor cannot ignore (R8); its children can, all of them.
#[test]
fn r8_a_supervisor_whose_children_all_ignore_runs_without_any() {
    testing::run(async {
        let (system, log) = (System::new("test"), Log::default());
        let plans = plans(&log).map(|plan| plan.ignoring(1));
        let trio = system.spawn(trio_spec(&plans)).await.unwrap();
        let counts = ActorRef::count_children(&trio).await;
        assert_eq!((counts.specs, counts.active), (3, 0));
        assert!(ActorRef::is_alive(&trio));
    });
}
