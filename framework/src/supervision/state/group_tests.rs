//! Table tests of the pure core: groups, automatic shutdown, dynamic supervisors and what is asked while one runs.

use std::time::Duration;

use super::admin::{NotDone, TooManyChildren};
use super::world_tests::{A, B, C, WORKER, World, crash, with};
use super::{Cause, ChildPolicy, ChildState, Command, Key, Kind, Outcome, STUCK_AFTER};
use crate::exit::ExitReason;
use crate::policy::{Backoff, Restart, Shutdown};
use crate::supervision::{AutoShutdown, Flags, Strategy};

use Command::{Ask, Booted, Close, End, Kill, Remove, Retry, Start, Stuck};

const SHUTDOWN: ExitReason = ExitReason::Shutdown;
const D: Key = Key(3);

fn dynamic(children_max: usize) -> World {
    World::running(Kind::Dynamic { children_max }, &[])
}

/// Two children, significant, under this rule.
fn significant(auto_shutdown: AutoShutdown, restart: Restart) -> World {
    let flags = Flags {
        auto_shutdown,
        ..Flags::DEFAULT
    };
    let significant = ChildPolicy {
        is_significant: true,
        ..with(restart)
    };
    World::with(flags, Kind::Declared, &[significant, significant, WORKER]).boot()
}

#[test]
fn r16_rest_for_one_the_failed_and_those_behind_stop_in_reverse_then_start_in_order() {
    let mut world = World::declared(Strategy::RestForOne, &[WORKER; 4]);
    assert_eq!(world.exited(0.1, B, &crash()), [Ask(D)]);
    assert_eq!(world.exited(0.2, D, &SHUTDOWN), [Ask(C)]);
    assert_eq!(world.exited(0.3, C, &SHUTDOWN), [Start(B)]);
    assert_eq!(world.state_of(A), ChildState::Running);
    assert_eq!(world.started(B), [Start(C)]);
    assert_eq!(world.started(C), [Start(D)]);
    assert!(world.state.is_busy());
    assert_eq!(world.started(D), []);
    assert!(!world.state.is_busy());
}

#[test]
fn r17_one_for_all_the_same_over_all() {
    let mut world = World::declared(Strategy::OneForAll, &[WORKER; 3]);
    assert_eq!(world.exited(0.1, B, &crash()), [Ask(C)]);
    assert_eq!(world.exited(0.2, C, &SHUTDOWN), [Ask(A)]);
    assert_eq!(world.exited(0.3, A, &SHUTDOWN), [Start(A)]);
    assert_eq!(world.started(A), [Start(B)]);
    assert_eq!(world.started(B), [Start(C)]);
    assert_eq!(world.started(C), []);
}

#[test]
fn r17_when_a_sibling_fails_to_start_those_restarted_are_stopped_and_all_are_tried_again() {
    let mut world = World::declared(Strategy::OneForAll, &[WORKER; 3]);
    world.exited(0.1, A, &crash());
    world.exited(0.1, C, &SHUTDOWN);
    assert_eq!(world.exited(0.1, B, &SHUTDOWN), [Start(A)]);
    assert_eq!(world.started(A), [Start(B)]);
    assert_eq!(world.start_failed(0.2, B), [Retry(B)]);
    assert!(!world.state.is_busy(), "it serves others until the retry");
    world.state.handle_retry(world.at(0.3), B);
    assert_eq!(world.commands(), [Ask(A)]);
    assert_eq!(world.exited(0.4, A, &SHUTDOWN), [Start(A)]);
    assert_eq!(world.started(A), [Start(B)]);
    assert_eq!(world.started(B), [Start(C)]);
}

#[test]
fn rest_for_one_other_child_fails_restart_the_group_is_tried_again_from_it() {
    let mut world = World::declared(Strategy::RestForOne, &[WORKER; 3]);
    world.exited(0.1, A, &crash());
    world.exited(0.1, C, &SHUTDOWN);
    world.exited(0.1, B, &SHUTDOWN);
    world.started(A);
    assert_eq!(world.start_failed(0.2, B), [Retry(B)]);
    world.state.handle_retry(world.at(0.3), B);
    assert_eq!(world.commands(), [Start(B)], "the one before it runs on");
    assert_eq!(world.state_of(A), ChildState::Running);
    assert_eq!(world.started(B), [Start(C)]);
}

#[test]
fn one_for_all_escalation_a_failed_restart_counts_and_one_too_many_ends_the_supervisor() {
    let mut world = World::declared(Strategy::OneForAll, &[WORKER; 2]);
    assert_eq!(world.exited(0.1, A, &crash()), [Ask(B)]);
    assert_eq!(world.exited(0.1, B, &SHUTDOWN), [Start(A)]);
    for t in [0.2, 0.3] {
        assert_eq!(world.start_failed(t, A), [Retry(A)]);
        world.state.handle_retry(world.at(t), A);
        assert_eq!(world.commands(), [Start(A)]);
    }
    assert_eq!(world.start_failed(0.4, A), [Close(A), End(Outcome::Escalated)]);
}

#[test]
fn r11_temporary_bystander_is_not_started_again_with_its_group_nor_does_it_start_a_group() {
    let children = [WORKER, with(Restart::Temporary), WORKER];
    let mut world = World::declared(Strategy::OneForAll, &children);
    assert_eq!(world.exited(0.1, A, &crash()), [Ask(C)]);
    assert_eq!(world.exited(0.1, C, &SHUTDOWN), [Ask(B)]);
    assert_eq!(world.exited(0.1, B, &SHUTDOWN), [Remove(B, ()), Start(A)]);
    assert_eq!(world.started(A), [Start(C)]);

    let mut world = World::declared(Strategy::OneForAll, &children);
    assert_eq!(world.exited(0.1, B, &crash()), [Remove(B, ())]);
}

#[test]
fn a_transient_member_that_had_ended_is_started_with_its_group() {
    let mut world = World::declared(Strategy::OneForAll, &[WORKER, with(Restart::Transient)]);
    assert_eq!(world.exited(0.1, B, &ExitReason::Normal), [Close(B)]);
    assert_eq!(world.exited(0.2, A, &crash()), [Start(A)]);
    assert_eq!(world.started(A), [Start(B)]);
}

#[test]
fn a_member_that_ends_while_its_group_stops_is_not_counted_again() {
    let mut world = World::declared(Strategy::OneForAll, &[WORKER; 3]);
    assert_eq!(world.exited(0.1, A, &crash()), [Ask(C)]);
    assert_eq!(world.exited(0.1, B, &crash()), []);
    assert_eq!(world.exited(0.2, C, &SHUTDOWN), [Start(A)]);
}

#[test]
fn an_exit_while_a_group_starts_waits_and_then_counts() {
    let mut world = World::declared(Strategy::OneForAll, &[WORKER; 2]);
    world.exited(0.1, B, &crash());
    assert_eq!(world.exited(0.1, A, &SHUTDOWN), [Start(A)]);
    assert_eq!(world.started(A), [Start(B)]);
    assert_eq!(world.exited(0.2, A, &crash()), []);
    assert_eq!(world.state_of(A), ChildState::Ended);
    assert_eq!(world.started(B), [Ask(B)], "the next group begins");
    assert_eq!(world.exited(0.2, B, &SHUTDOWN), [Start(A)]);
}

#[test]
fn a_bystander_of_rest_for_one_that_ends_while_a_group_stops_waits_for_its_own() {
    let mut world = World::declared(Strategy::RestForOne, &[WORKER; 3]);
    assert_eq!(world.exited(0.1, B, &crash()), [Ask(C)]);
    assert_eq!(world.exited(0.1, A, &crash()), []);
    assert_eq!(world.exited(0.2, C, &SHUTDOWN), [Start(B)]);
    world.started(B);
    assert_eq!(world.started(C), [Ask(C)]);
    assert_eq!(world.exited(0.3, C, &SHUTDOWN), [Ask(B)]);
    assert_eq!(world.exited(0.3, B, &SHUTDOWN), [Start(A)]);
}

#[test]
fn a_supervisor_can_be_stopped_while_a_group_stops_and_while_it_starts() {
    let mut world = World::declared(Strategy::OneForAll, &[WORKER; 2]);
    assert_eq!(world.exited(0.1, A, &crash()), [Ask(B)]);
    assert_eq!(world.shutdown(0.1), []);
    assert_eq!(
        world.exited(0.2, B, &SHUTDOWN),
        [Close(B), End(Outcome::Shutdown)]
    );

    let mut world = World::declared(Strategy::OneForAll, &[WORKER; 2]);
    world.exited(0.1, A, &crash());
    assert_eq!(world.exited(0.1, B, &SHUTDOWN), [Start(A)]);
    assert_eq!(world.shutdown(0.1), [Ask(A)]);
    assert_eq!(
        world.exited(0.2, A, &SHUTDOWN),
        [Close(A), End(Outcome::Shutdown)]
    );
}

#[test]
fn a_back_off_lies_between_the_stop_of_a_group_and_its_start() {
    let backoff = Backoff::new(Duration::from_secs(1), Duration::from_secs(8));
    let slow = ChildPolicy {
        backoff: Some(backoff),
        ..WORKER
    };
    let mut world = World::declared(Strategy::OneForAll, &[slow, WORKER]);
    assert_eq!(world.exited(1.0, A, &crash()), [Ask(B)]);
    assert_eq!(world.exited(2.0, B, &SHUTDOWN), []);
    assert_eq!(world.state_of(A), ChildState::Waiting);
    assert!(!world.state.is_busy());
    assert_eq!(world.state.next_deadline(), Some(world.at(3.0)));
    assert_eq!(world.deadline(3.0), [Start(A)]);
    assert_eq!(world.started(A), [Start(B)]);
    assert_eq!(world.started(B), []);
}

#[test]
fn two_that_wait_for_their_turn_are_restarted_by_one_group() {
    let mut world = World::declared(Strategy::OneForAll, &[WORKER; 2]);
    world.exited(0.1, A, &crash());
    assert_eq!(world.exited(0.1, B, &SHUTDOWN), [Start(A)]);
    assert_eq!(world.started(A), [Start(B)]);
    assert_eq!(world.exited(0.1, A, &crash()), []);
    // B does not start: its retry is on its way when what has happened to A begins a group.
    assert_eq!(world.start_failed(0.2, B), [Retry(B), Start(A)]);
    world.state.handle_retry(world.at(0.3), B);
    assert_eq!(world.commands(), [], "the group brings it back");
    assert_eq!(world.started(A), [Start(B)]);
    assert_eq!(world.started(B), []);
    assert!(!world.state.is_busy());
}

#[test]
fn a_stuck_member_is_started_when_it_has_ended_and_holds_its_group_up_until_then() {
    let mut world = World::declared(Strategy::OneForAll, &[WORKER; 2]);
    assert_eq!(world.exited(0.0, A, &crash()), [Ask(B)]);
    assert_eq!(world.deadline(5.0), [Kill(B)]);
    let stuck = 5.0 + STUCK_AFTER.as_secs_f64();
    assert_eq!(world.deadline(stuck), [Stuck(B), Close(B), Start(A)]);
    assert_eq!(world.started(A), []);
    assert_eq!(world.state_of(B), ChildState::StuckWanted(Cause::Group));
    assert_eq!(world.exited(60.0, B, &ExitReason::Killed), [Start(B)]);
    assert_eq!(world.started(B), []);
    assert!(!world.state.is_busy());
}

#[test]
fn r24_any_significant_a_temporary_ends_it_for_any_reason_a_transient_after_a_normal_end() {
    let ends = |restart, reason: &ExitReason| {
        let mut world = significant(AutoShutdown::AnySignificant, restart);
        let asks = world.exited(0.1, A, reason);
        if !asks.contains(&Ask(C)) {
            return false;
        }
        assert_eq!(world.exited(0.1, C, &SHUTDOWN), [Close(C), Ask(B)]);
        let last = world.exited(0.1, B, &SHUTDOWN);
        assert_eq!(last.last(), Some(&End(Outcome::AutoShutdown)));
        true
    };
    assert!(ends(Restart::Temporary, &crash()));
    assert!(ends(Restart::Temporary, &ExitReason::Normal));
    assert!(ends(Restart::Transient, &ExitReason::Normal));
    assert!(!ends(Restart::Transient, &crash()), "it is restarted");
}

#[test]
fn r24_all_significant_the_last_of_them_ends_it() {
    let mut world = significant(AutoShutdown::AllSignificant, Restart::Transient);
    assert_eq!(world.exited(0.1, A, &ExitReason::Normal), [Close(A)]);
    assert_eq!(world.exited(0.1, B, &ExitReason::Normal), [Close(B), Ask(C)]);
}

#[test]
fn r24_without_an_automatic_shutdown_nothing_follows_from_an_end() {
    let mut world = significant(AutoShutdown::Never, Restart::Transient);
    assert_eq!(world.exited(0.1, A, &ExitReason::Normal), [Close(A)]);
    assert_eq!(world.exited(0.1, B, &ExitReason::Normal), [Close(B)]);
}

#[test]
fn r22_a_termination_never_triggers_an_automatic_shutdown() {
    let mut world = significant(AutoShutdown::AnySignificant, Restart::Transient);
    assert!(world.state.terminate(world.start, A));
    assert_eq!(world.commands(), [Ask(A)]);
    assert_eq!(world.exited(0.1, A, &SHUTDOWN), [Close(A)]);
}

#[test]
fn r25_significant_bystander_a_death_by_a_siblings_restart_does_not_trigger_it() {
    let flags = Flags {
        strategy: Strategy::OneForAll,
        auto_shutdown: AutoShutdown::AnySignificant,
        ..Flags::DEFAULT
    };
    let bystander = ChildPolicy {
        is_significant: true,
        ..with(Restart::Temporary)
    };
    let mut world = World::with(flags, Kind::Declared, &[WORKER, bystander]).boot();
    assert_eq!(world.exited(0.1, A, &crash()), [Ask(B)]);
    assert_eq!(world.exited(0.1, B, &SHUTDOWN), [Remove(B, ()), Start(A)]);
}

#[test]
fn r18_a_dynamic_supervisor_stops_all_at_once_each_within_its_own_time() {
    let mut world = dynamic(9);
    let slow = ChildPolicy {
        shutdown: Shutdown::After(Duration::from_secs(2)),
        ..WORKER
    };
    let brutal = ChildPolicy {
        shutdown: Shutdown::Kill,
        ..WORKER
    };
    for (key, policy) in [(A, WORKER), (B, slow), (C, brutal)] {
        assert_eq!(world.state.add(policy, ()), Ok(key));
        assert_eq!(world.commands(), [Start(key)]);
        world.started(key);
    }
    assert_eq!(world.shutdown(0.0), [Kill(C), Ask(B), Ask(A)]);
    assert_eq!(world.exited(0.1, A, &SHUTDOWN), [Remove(A, ())]);
    assert_eq!(world.exited(0.1, C, &ExitReason::Killed), [Remove(C, ())]);
    assert_eq!(world.deadline(2.0), [Kill(B)]);
    let ended = world.exited(2.1, B, &ExitReason::Killed);
    assert_eq!(ended, [Remove(B, ()), End(Outcome::Shutdown)]);
}

#[test]
fn r26_children_that_are_being_restarted_count_for_max_children() {
    let mut world = dynamic(1);
    assert_eq!(world.state.add(WORKER, ()), Ok(A));
    world.commands();
    world.started(A);
    assert_eq!(world.state.add(WORKER, ()), Err(TooManyChildren));
    assert_eq!(world.exited(0.1, A, &crash()), [Start(A)]);
    assert_eq!(world.start_failed(0.2, A), [Retry(A)]);
    assert_eq!(world.state.add(WORKER, ()), Err(TooManyChildren));
    assert!(world.state.terminate(world.start, A));
    assert_eq!(world.commands(), [Remove(A, ())]);
    assert_eq!(world.state.add(WORKER, ()), Ok(B), "keys are not used again");
}

#[test]
fn r28_in_a_dynamic_supervisor_ignore_at_a_restart_removes_the_child_and_an_error_tries_again() {
    let mut world = dynamic(9);
    for key in [A, B] {
        assert_eq!(world.state.add(WORKER, ()), Ok(key));
        world.started(key);
    }
    world.commands();
    world.exited(0.1, A, &crash());
    world.state.handle_ignored(world.start, A);
    assert_eq!(world.commands(), [Remove(A, ())]);
    world.exited(0.1, B, &crash());
    assert_eq!(world.start_failed(0.1, B), [Retry(B)]);
}

#[test]
fn r10_a_failed_start_of_a_child_that_was_added_discards_its_spec() {
    for kind in [Kind::Declared, Kind::Dynamic { children_max: 9 }, Kind::Root] {
        let mut world = World::running(kind, &[]);
        assert_eq!(world.state.add(WORKER, ()), Ok(A));
        assert_eq!(world.commands(), [Start(A)]);
        assert_eq!(world.start_failed(0.1, A), [Remove(A, ())], "{kind:?}");
    }
}

#[test]
fn r9_an_added_child_that_ignores_is_kept_unless_temporary_or_dynamic() {
    let table = [
        (Kind::Declared, WORKER, vec![Close(A)]),
        (Kind::Declared, with(Restart::Temporary), vec![Remove(A, ())]),
        (Kind::Dynamic { children_max: 9 }, WORKER, vec![Remove(A, ())]),
    ];
    for (kind, policy, commands) in table {
        let mut world = World::running(kind, &[]);
        assert_eq!(world.state.add(policy, ()), Ok(A));
        world.commands();
        world.state.handle_ignored(world.start, A);
        assert_eq!(world.commands(), commands, "{kind:?} {policy:?}");
    }
}

#[test]
fn r21_restart_and_delete_want_a_child_at_rest() {
    let mut world = World::running(Kind::Declared, &[WORKER; 2]);
    assert_eq!(world.state.start_again(A), Err(NotDone::Running));
    assert_eq!(world.state.delete(A), Err(NotDone::Running));
    world.exited(0.1, A, &crash());
    assert_eq!(world.start_failed(0.1, A), [Retry(A)]);
    assert_eq!(world.state.start_again(A), Err(NotDone::Restarting));
    assert_eq!(world.state.delete(A), Err(NotDone::Restarting));

    // R22: in the middle of the restart loop.
    assert!(world.state.terminate(world.start, A));
    assert_eq!(world.commands(), [Close(A)]);
    assert_eq!(world.state.start_again(A), Ok(()));
    assert_eq!(world.commands(), [Start(A)]);
    assert_eq!(
        world.start_failed(0.2, A),
        [Close(A)],
        "it is neither counted nor tried again"
    );
    assert_eq!(world.state.start_again(A), Ok(()));
    world.commands();
    world.started(A);
    assert!(world.state.terminate(world.start, A));
    assert_eq!(world.exited(0.3, A, &SHUTDOWN).last(), Some(&Close(A)));
    assert_eq!(world.state.delete(A), Ok(()));
    assert_eq!(world.commands(), [Remove(A, ())]);
    assert_eq!(world.state_of(B), ChildState::Running);
}

#[test]
fn r12_a_transient_child_that_ended_normally_can_be_started_again() {
    let mut world = World::running(Kind::Declared, &[with(Restart::Transient)]);
    assert_eq!(world.exited(0.1, A, &ExitReason::Normal), [Close(A)]);
    assert_eq!(world.state.start_again(A), Ok(()));
    assert_eq!(world.commands(), [Start(A)]);
}

#[test]
fn an_added_child_is_stopped_first_and_restarted_with_its_group() {
    let mut world = World::declared(Strategy::RestForOne, &[WORKER]);
    assert_eq!(world.state.add(WORKER, ()), Ok(B));
    world.commands();
    assert_eq!(world.started(B), []);
    assert_eq!(world.exited(0.1, A, &crash()), [Ask(B)]);
    assert_eq!(world.exited(0.1, B, &SHUTDOWN), [Start(A)]);
    assert_eq!(world.started(A), [Start(B)]);
    world.started(B);
    assert_eq!(world.shutdown(0.2), [Ask(B)]);
}

#[test]
fn jitter_shortens_a_wait_by_at_most_its_percentage() {
    let (second, half) = (Duration::from_secs(1), Duration::from_millis(500));
    let backoff = Backoff::new(second, second).jitter(50);
    assert_eq!(backoff.delay(1, 0), second);
    let shortest = backoff.delay(1, u64::MAX);
    assert!(
        shortest >= half && shortest < half + Duration::from_millis(1),
        "{shortest:?}"
    );
    assert_eq!(
        Backoff::new(second, second).delay(1, u64::MAX),
        second,
        "none by default"
    );
}

#[test]
fn a_boot_of_nothing_is_done_at_once() {
    let mut world = World::new(Kind::Declared, &[]);
    world.state.handle_boot(world.start);
    assert_eq!(world.commands(), [Booted]);
}
