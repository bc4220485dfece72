//! Automatic shutdown, under the names of OTP's supervisor_SUITE.
//!
//! | case | |
//! |-|-|
//! | `significant_upgrade_*` | not applicable: flags are constants of a type; code is not changed while it runs |
//! | `nonsignificant_*` with `auto_shutdown = never` | `sup_start_map_faulty_specs` in `supervisor_start`: refused |

use quorate::StartError;
use quorate::prelude::*;
use quorate::supervision::{DynamicSupervisor, SpecProblem, SupervisorSpec};
use quorate::testing::{self, Life, Log};
use tests::parts::{Part, Plan, plans, settle, starts};

/// The first significant one that ends, ends it.
#[supervisor(auto_shutdown = any_significant)]
pub struct Any {
    /// First.
    #[child]
    pub a: Part,
    /// Second.
    #[child]
    pub b: Part,
    /// Third.
    #[child]
    pub c: Part,
}

/// The last significant one that ends, ends it.
#[supervisor(auto_shutdown = all_significant)]
pub struct All {
    /// First.
    #[child]
    pub a: Part,
    /// Second.
    #[child]
    pub b: Part,
    /// Third.
    #[child]
    pub c: Part,
}

/// Restarts take all with them.
#[supervisor(strategy = one_for_all, auto_shutdown = any_significant)]
pub struct Together {
    /// First.
    #[child]
    pub a: Part,
    /// Second.
    #[child]
    pub b: Part,
}

/// One whose end is that of all.
#[supervisor(auto_shutdown = any_significant)]
pub struct Above {
    /// Goes with it.
    #[child]
    pub top: Part,
    /// Significant.
    #[child(restart = transient, significant)]
    pub below: Any,
}

fn any(log: &Log, significant: Restart) -> (SupervisorSpec<Any>, [Plan; 3]) {
    let plans = plans(log);
    let [a, b, c] = &plans;
    let spec = Any::spec(
        a.spec(),
        b.spec().restart(significant).significant(),
        c.spec().restart(significant),
    );
    (spec.restart(Restart::Temporary), plans)
}

fn all(log: &Log, significant: Restart) -> SupervisorSpec<All> {
    let [a, b, c] = plans(log).map(|plan| plan.spec());
    let significant = |spec: ChildSpec<Part>| spec.restart(significant).significant();
    All::spec(a, significant(b), significant(c)).restart(Restart::Temporary)
}

const STOPS: [&str; 4] = ["c was shut down", "c ended", "a was shut down", "a ended"];

#[test]
fn nonsignificant_temporary_r24_its_end_is_its_own() {
    testing::run(async {
        let (system, log) = (System::new("test"), Log::default());
        let any = system.spawn(any(&log, Restart::Temporary).0).await.unwrap();
        any.c.fail().await.unwrap();
        settle().await;
        assert!(ActorRef::is_alive(&any));
        assert_eq!(any.b.ping().await, Ok(()));
    });
}

#[test]
fn nonsignificant_transient_r24_its_end_is_its_own() {
    testing::run(async {
        let (system, log) = (System::new("test"), Log::default());
        let any = system.spawn(any(&log, Restart::Transient).0).await.unwrap();
        ActorRef::stop(&any.c);
        settle().await;
        assert_eq!(any.c.ping().await, Err(CallError::Gone));
        assert_eq!(any.b.ping().await, Ok(()));
    });
}

#[test]
fn significant_temporary_r24_any_end_of_it_ends_the_supervisor_with_shutdown() {
    testing::run(async {
        for is_failure in [false, true] {
            let (system, log) = (System::new("test"), Log::default());
            let any = system.spawn(any(&log, Restart::Temporary).0).await.unwrap();
            log.take();
            let life = Life::of(&any);
            if is_failure {
                any.b.fail().await.unwrap();
            } else {
                ActorRef::stop(&any.b);
            }
            assert_eq!(life.ended().await, ExitReason::Shutdown);
            assert_eq!(log.take()[2..], STOPS);
            settle().await;
            assert_eq!(any.a.ping().await, Err(CallError::Gone));
        }
    });
}

#[test]
fn significant_transient_r24_a_normal_end_ends_the_supervisor_a_failure_does_not() {
    testing::run(async {
        let (system, log) = (System::new("test"), Log::default());
        let any = system.spawn(any(&log, Restart::Transient).0).await.unwrap();
        any.b.fail().await.unwrap();
        assert_eq!(any.b.ping().await, Ok(()), "it came back");
        log.take();
        ActorRef::stop(&any.b);
        assert_eq!(ActorRef::exited(&any).await, ExitReason::Shutdown);
        assert_eq!(log.take()[2..], STOPS);
    });
}

#[test]
fn significant_temporary_r24_all_significant_the_last_of_them_ends_the_supervisor() {
    testing::run(async {
        for restart in [Restart::Temporary, Restart::Transient] {
            let (system, log) = (System::new("test"), Log::default());
            let all = system.spawn(all(&log, restart)).await.unwrap();
            ActorRef::stop(&all.c);
            settle().await;
            assert_eq!(all.a.ping().await, Ok(()));
            ActorRef::stop(&all.b);
            assert_eq!(ActorRef::exited(&all).await, ExitReason::Shutdown);
        }
    });
}

#[test]
fn significant_transient_r22_r24_one_that_was_terminated_is_no_end_and_does_not_count_as_active() {
    testing::run(async {
        let (system, log) = (System::new("test"), Log::default());
        let all = system.spawn(all(&log, Restart::Transient)).await.unwrap();
        ActorRef::terminate_child(&all, "b").await.unwrap();
        settle().await;
        assert_eq!(all.a.ping().await, Ok(()), "a termination never triggers it");
        ActorRef::stop(&all.c);
        assert_eq!(ActorRef::exited(&all).await, ExitReason::Shutdown);
    });
}

#[test]
fn significant_simple_r5_a_dynamic_supervisor_has_none() {
    testing::run(async {
        let (system, log) = (System::new("test"), Log::default());
        let parts = system.spawn(DynamicSupervisor::<Part>::spec()).await.unwrap();
        let spec = Plan::new("a", &log)
            .spec()
            .restart(Restart::Temporary)
            .significant();
        let Some(StartError::Spec { problem, .. }) = parts.start(spec).await.err() else {
            panic!("it was not refused")
        };
        assert_eq!(problem, SpecProblem::SignificantDynamic);
    });
}

#[test]
fn significant_bystander_r25_a_death_by_a_siblings_restart_does_not_count() {
    testing::run(async {
        for restart in [Restart::Temporary, Restart::Transient] {
            let (system, log) = (System::new("test"), Log::default());
            let [a, b, _] = plans(&log);
            let significant = b.spec().restart(restart).significant();
            let spec = Together::spec(a.spec(), significant).restart(Restart::Temporary);
            let together = system.spawn(spec).await.unwrap();
            log.take();
            together.a.fail().await.unwrap();
            settle().await;
            assert_eq!(together.a.ping().await, Ok(()));
            let back: &[&str] = if restart == Restart::Temporary {
                &["a started"]
            } else {
                &["a started", "b started"]
            };
            assert_eq!(starts(&log), back);
        }
    });
}

#[test]
fn significant_escalation_r24_the_end_goes_up_through_significant_supervisors() {
    testing::run(async {
        let (system, log) = (System::new("test"), Log::default());
        let below = any(&log, Restart::Transient).0;
        let spec = Above::spec(Plan::new("top", &log).spec(), below).restart(Restart::Temporary);
        let above = system.spawn(spec).await.unwrap();
        log.take();
        ActorRef::stop(&above.below.b);
        assert_eq!(ActorRef::exited(&above).await, ExitReason::Shutdown);
        let order = [&STOPS[..], &["top was shut down", "top ended"]].concat();
        assert_eq!(log.take()[2..], order);
    });
}
