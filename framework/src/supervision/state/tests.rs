//! Table tests of the pure core: after each event the exact commands, and the state.

use std::time::Duration;

use tokio::time::Instant;

use super::world_tests::{A, B, C, WORKER, World, crash, with};
use super::{Cause, ChildPolicy, ChildState, Command, Kind, Outcome, STUCK_AFTER};
use crate::exit::ExitReason;
use crate::policy::{Backoff, Restart, Shutdown};
use crate::supervision::intensity::Window;

use Command::{Ask, Booted, Close, End, Kill, Remove, Retry, Start, Stuck};

type Step<'a> = &'a dyn Fn(&mut World);
type Lapse<'a> = &'a dyn Fn(&mut World) -> Vec<Command>;

#[test]
fn r6_children_start_one_after_another_in_order() {
    let mut world = World::new(Kind::Declared, &[WORKER; 3]);
    world.state.handle_boot(world.start);
    assert_eq!(world.commands(), [Start(A)]);
    assert_eq!(world.state_of(B), ChildState::Idle);
    assert_eq!(world.started(A), [Start(B)]);
    assert_eq!(world.started(B), [Start(C)]);
    assert_eq!(world.started(C), [Booted]);
    assert_eq!(world.state_of(C), ChildState::Running);
}

#[test]
fn r7_a_child_that_fails_at_boot_ends_the_supervisor_after_the_others_in_reverse() {
    let mut world = World::new(Kind::Declared, &[WORKER; 3]);
    world.state.handle_boot(world.start);
    world.started(A);
    world.started(B);
    assert_eq!(world.start_failed(1.0, C), [Close(C), Ask(B)]);
    assert_eq!(world.exited(1.0, B, &ExitReason::Shutdown), [Close(B), Ask(A)]);
    let failed = Outcome::BootFailed {
        child: C,
        reason: crash(),
    };
    assert_eq!(
        world.exited(1.0, A, &ExitReason::Shutdown),
        [Close(A), End(failed)]
    );
}

#[test]
fn r7_an_end_before_the_start_has_ended_is_a_failed_start() {
    let mut world = World::new(Kind::Declared, &[WORKER; 2]);
    world.state.handle_boot(world.start);
    world.commands();
    let (child, reason) = (A, crash());
    let failed = End(Outcome::BootFailed { child, reason });
    assert_eq!(world.exited(0.1, A, &crash()), [Close(A), failed]);
    let mut world = World::running(Kind::Declared, &[WORKER]);
    assert_eq!(world.exited(0.1, A, &crash()), [Start(A)]);
    assert_eq!(world.exited(0.2, A, &crash()), [Retry(A)]);
}

#[test]
fn a_lapse_brings_a_child_to_rest_from_wherever_it_was_to_come_back_and_counts_nothing() {
    let (min, max) = (Duration::from_secs(1), Duration::from_secs(1));
    let backing_off = ChildPolicy {
        backoff: Some(Backoff::new(min, max)),
        ..WORKER
    };
    let wait = |world: &mut World| drop(world.exited(0.1, A, &crash()));
    let start_again = |world: &mut World| {
        world.exited(0.1, A, &crash());
        assert_eq!(world.deadline(1.1), [Start(A)]);
    };
    let retry = |world: &mut World| {
        world.exited(0.1, A, &crash());
        assert_eq!(world.start_failed(0.1, A), [Retry(A)]);
    };
    let heard: Lapse<'_> = &|world| world.lapsed(A);
    let at_start: Lapse<'_> = &|world| world.start_failed_of(1.1, A, ExitReason::Lapsed);
    let at_exit: Lapse<'_> = &|world| world.exited(1.1, A, &ExitReason::Lapsed);
    let table: [(&str, ChildPolicy, Step<'_>, Lapse<'_>); 5] = [
        ("during the back-off", backing_off, &wait, heard),
        ("before a retry", WORKER, &retry, heard),
        (
            "at the start after the back-off",
            backing_off,
            &start_again,
            at_start,
        ),
        ("in that start", backing_off, &start_again, at_exit),
        ("while it runs", WORKER, &|_| (), at_exit),
    ];
    for (when, policy, before, lapse) in table {
        for kind in [Kind::Declared, Kind::Root] {
            let mut world = World::running(kind, &[policy, WORKER]);
            before(&mut world);
            let rests = if kind == Kind::Root {
                Remove(A, ())
            } else {
                Close(A)
            };
            assert_eq!(lapse(&mut world), [rests], "{when}, {kind:?}");
            assert_eq!(world.state.next_deadline(), None, "{when}, {kind:?}");
            world.state.handle_retry(world.start, A);
            assert_eq!(world.commands(), [], "{when}, {kind:?}");
            assert_eq!(world.state_of(B), ChildState::Running);
        }
    }
}

#[test]
fn a_lapse_of_a_child_that_runs_or_rests_is_its_own_affair() {
    let mut world = World::running(Kind::Declared, &[WORKER, with(Restart::Temporary)]);
    world.exited(0.1, B, &crash());
    for key in [A, B, C] {
        assert_eq!(world.lapsed(key), []);
    }
    assert_eq!(world.state_of(A), ChildState::Running);
}

#[test]
fn a_child_whose_tenure_has_lapsed_at_boot_is_kept_and_the_next_starts() {
    let mut world = World::new(Kind::Declared, &[WORKER; 2]);
    world.state.handle_boot(world.start);
    world.commands();
    let failed = world.start_failed_of(0.1, A, ExitReason::Lapsed);
    assert_eq!(failed, [Close(A), Start(B)]);
    assert_eq!(world.started(B), [Booted]);
}

#[test]
fn r9_a_child_that_ignores_is_kept_and_the_next_starts() {
    let mut world = World::new(Kind::Declared, &[WORKER; 2]);
    world.state.handle_boot(world.start);
    world.commands();
    world.state.handle_ignored(world.start, A);
    assert_eq!(world.commands(), [Close(A), Start(B)]);
    assert_eq!(world.state_of(A), ChildState::Idle);
}

#[test]
fn r6_an_exit_during_the_boot_waits_until_it_is_done() {
    let mut world = World::new(Kind::Declared, &[WORKER; 3]);
    world.state.handle_boot(world.start);
    world.commands();
    world.started(A);
    world.state.handle_ignored(world.start, B);
    assert_eq!(world.commands(), [Close(B), Start(C)]);
    assert_eq!(world.exited(0.1, A, &crash()), []);
    assert_eq!(world.state_of(A), ChildState::Ended);
    assert_eq!(world.started(C), [Booted, Start(A)]);
    assert_eq!(world.started(A), []);
    assert_eq!(world.state_of(B), ChildState::Idle, "it has ignored");
}

#[test]
fn r11_restart_types() {
    let panic = ExitReason::Panic {
        message: "m".into(),
        location: "l".into(),
    };
    let table = [
        (Restart::Permanent, ExitReason::Normal, true),
        (Restart::Permanent, ExitReason::Shutdown, true),
        (Restart::Permanent, panic.clone(), true),
        (Restart::Permanent, ExitReason::Killed, true),
        (Restart::Transient, ExitReason::Normal, false),
        (Restart::Transient, ExitReason::Shutdown, false),
        (Restart::Transient, panic.clone(), true),
        (Restart::Transient, ExitReason::Killed, true),
        (Restart::Temporary, ExitReason::Normal, false),
        (Restart::Temporary, ExitReason::Shutdown, false),
        (Restart::Temporary, panic, false),
        // Whoever has lost its tenure must not begin again by itself.
        (Restart::Permanent, ExitReason::Lapsed, false),
    ];
    for (restart, reason, restarted) in table {
        let mut world = World::running(Kind::Declared, &[with(restart), WORKER]);
        let (commands, state) = match restart {
            _ if restarted => (vec![Start(A)], Some(ChildState::Starting(Cause::Restart))),
            // R12: its spec is not kept.
            Restart::Temporary => (vec![Remove(A, ())], None),
            Restart::Permanent | Restart::Transient => (vec![Close(A)], Some(ChildState::Idle)),
        };
        assert_eq!(
            world.exited(1.0, A, &reason),
            commands,
            "{restart:?} after {reason:?}"
        );
        assert_eq!(world.state.child_state(A), state, "{restart:?} after {reason:?}");
        assert_eq!(world.state_of(B), ChildState::Running);
    }
}

#[test]
fn r13_the_window_counts_the_last_period_and_its_edge() {
    let start = Instant::now();
    let at = |seconds| start + Duration::from_secs_f64(seconds);
    let mut window = Window::new(3, Duration::from_secs(5));
    assert_eq!(
        [0.0, 1.0, 2.0].map(|t| window.add(at(t))),
        [Some(1), Some(2), Some(3)]
    );
    // t >= now - period: the restart at 0 still counts at 5.
    assert_eq!(window.clone().add(at(5.0)), None);
    assert_eq!(window.add(at(5.001)), Some(3));
}

#[test]
fn r13_an_intensity_of_zero_allows_no_restart() {
    assert_eq!(Window::new(0, Duration::from_secs(5)).add(Instant::now()), None);
}

#[test]
fn r13_r14_the_fourth_restart_in_five_seconds_stops_all_in_reverse_and_escalates() {
    let mut world = World::running(Kind::Declared, &[WORKER; 3]);
    for t in [0.1, 0.2, 0.3] {
        assert_eq!(world.exited(t, B, &crash()), [Start(B)]);
        assert_eq!(world.started(B), []);
    }
    assert_eq!(world.exited(0.4, B, &crash()), [Close(B), Ask(C)]);
    assert_eq!(world.exited(0.4, C, &ExitReason::Shutdown), [Close(C), Ask(A)]);
    assert_eq!(
        world.exited(0.4, A, &ExitReason::Shutdown),
        [Close(A), End(Outcome::Escalated)]
    );
}

#[test]
fn multiple_restarts_spaced_beyond_the_window_survive() {
    let mut world = World::running(Kind::Declared, &[WORKER]);
    for t in 0..20 {
        assert_eq!(world.exited(f64::from(t) * 2.0, A, &crash()), [Start(A)]);
        world.started(A);
    }
}

#[test]
fn r15_a_failed_restart_counts_and_is_retried_by_a_message_to_self() {
    let mut world = World::running(Kind::Declared, &[WORKER]);
    assert_eq!(world.exited(0.0, A, &crash()), [Start(A)]);
    for t in [0.1, 0.2] {
        assert_eq!(world.start_failed(t, A), [Retry(A)]);
        assert_eq!(world.state_of(A), ChildState::Waiting);
        world.state.handle_retry(world.start, A);
        assert_eq!(world.commands(), [Start(A)]);
    }
    assert_eq!(world.start_failed(0.3, A), [Close(A), End(Outcome::Escalated)]);
}

#[test]
fn r15_a_supervisor_can_be_stopped_in_the_middle_of_a_restart_loop() {
    let mut world = World::running(Kind::Declared, &[WORKER; 2]);
    world.exited(0.0, B, &crash());
    assert_eq!(world.start_failed(0.0, B), [Retry(B)]);
    assert_eq!(world.shutdown(0.1), [Close(B), Ask(A)]);
    // The retry that was on its way is stale.
    world.state.handle_retry(world.start, B);
    assert_eq!(world.commands(), []);
    assert_eq!(
        world.exited(0.2, A, &ExitReason::Shutdown),
        [Close(A), End(Outcome::Shutdown)]
    );
}

#[test]
fn a_back_off_doubles_within_the_window_up_to_its_maximum() {
    let backoff = Backoff::new(Duration::from_millis(100), Duration::from_millis(300));
    let mut world = World::running(
        Kind::Declared,
        &[ChildPolicy {
            backoff: Some(backoff),
            ..WORKER
        }],
    );
    for (t, wait) in [(1.0, 0.1), (1.5, 0.2), (2.0, 0.3)] {
        assert_eq!(world.exited(t, A, &crash()), []);
        assert_eq!(world.state_of(A), ChildState::Waiting);
        assert_eq!(world.state.next_deadline(), Some(world.at(t + wait)));
        assert_eq!(world.deadline(t + wait), [Start(A)]);
        assert_eq!(world.state.next_deadline(), None);
        world.started(A);
    }
}

#[test]
fn r18_r19_stop_is_one_by_one_in_reverse_each_with_its_own_deadline_then_killed() {
    let slow = ChildPolicy {
        shutdown: Shutdown::After(Duration::from_secs(2)),
        ..WORKER
    };
    let brutal = ChildPolicy {
        shutdown: Shutdown::Kill,
        ..WORKER
    };
    let patient = ChildPolicy {
        shutdown: Shutdown::Infinity,
        ..WORKER
    };
    let mut world = World::running(Kind::Declared, &[patient, brutal, slow]);
    assert_eq!(world.shutdown(0.0), [Ask(C)]);
    assert_eq!(world.state.next_deadline(), Some(world.at(2.0)));
    assert_eq!(world.deadline(1.9), []);
    assert_eq!(world.deadline(2.0), [Kill(C)]);
    assert_eq!(world.exited(2.1, C, &ExitReason::Killed), [Close(C), Kill(B)]);
    assert_eq!(world.exited(2.1, B, &ExitReason::Killed), [Close(B), Ask(A)]);
    assert_eq!(world.state.next_deadline(), None);
    assert_eq!(
        world.exited(99.0, A, &ExitReason::Shutdown),
        [Close(A), End(Outcome::Shutdown)]
    );
}

#[test]
fn a_child_that_does_not_end_after_a_kill_is_reported_stuck_and_the_stop_goes_on() {
    let mut world = World::running(Kind::Declared, &[WORKER; 2]);
    world.shutdown(0.0);
    assert_eq!(world.deadline(5.0), [Kill(B)]);
    let stuck = 5.0 + STUCK_AFTER.as_secs_f64();
    assert_eq!(world.state.next_deadline(), Some(world.at(stuck)));
    assert_eq!(world.deadline(stuck), [Stuck(B), Close(B), Ask(A)]);
    assert!(!world.state.terminate(world.at(stuck), B));
    assert_eq!(
        world.exited(6.0, A, &ExitReason::Shutdown),
        [Close(A), End(Outcome::Shutdown)]
    );
}

#[test]
fn a_kill_of_the_supervisor_kills_all_children_at_once() {
    let mut world = World::running(Kind::Declared, &[WORKER; 2]);
    world.state.handle_kill(world.start);
    assert_eq!(world.commands(), [Kill(B), Kill(A)]);
    assert_eq!(world.exited(0.1, A, &ExitReason::Killed), [Close(A)]);
    assert_eq!(
        world.exited(0.1, B, &ExitReason::Killed),
        [Close(B), End(Outcome::Killed)]
    );
}

#[test]
fn sup_stop_race_a_child_that_ends_while_a_sibling_is_stopped_is_not_restarted() {
    let mut world = World::running(Kind::Declared, &[WORKER; 2]);
    assert_eq!(world.shutdown(0.0), [Ask(B)]);
    assert_eq!(world.exited(0.1, A, &crash()), [Close(A)]);
    assert_eq!(
        world.exited(0.2, B, &ExitReason::Shutdown),
        [Close(B), End(Outcome::Shutdown)]
    );
}

#[test]
fn a_start_that_ends_during_the_stop_is_waited_for() {
    let mut world = World::new(Kind::Declared, &[WORKER; 2]);
    world.state.handle_boot(world.start);
    world.commands();
    assert_eq!(world.shutdown(0.0), [Ask(A)]);
    assert_eq!(world.started(A), []);
    assert_eq!(
        world.exited(0.1, A, &ExitReason::Shutdown),
        [Close(A), End(Outcome::Shutdown)]
    );
}

#[test]
fn under_a_root_each_child_has_its_own_window_and_only_it_is_given_up() {
    let mut world = World::new(Kind::Root, &[]);
    world.state.handle_boot(world.start);
    assert_eq!(world.commands(), [Booted]);
    assert_eq!(
        [world.state.add(WORKER, ()), world.state.add(WORKER, ())],
        [Ok(A), Ok(B)]
    );
    assert_eq!(world.commands(), [Start(A), Start(B)]);
    world.started(A);
    world.started(B);
    for t in [0.1, 0.2, 0.3] {
        assert_eq!(world.exited(t, A, &crash()), [Start(A)]);
        assert_eq!(world.exited(t, B, &crash()), [Start(B)]);
        world.started(A);
        world.started(B);
    }
    assert_eq!(world.exited(0.4, A, &crash()), [Remove(A, ())]);
    assert_eq!(world.state.child_state(A), None);
    assert_eq!(world.state_of(B), ChildState::Running);
}

#[test]
fn r12_under_a_root_the_spec_of_a_child_that_ended_for_good_is_forgotten() {
    let mut world = World::running(Kind::Root, &[with(Restart::Temporary)]);
    assert_eq!(world.exited(1.0, A, &crash()), [Remove(A, ())]);
}
