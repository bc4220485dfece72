//! Table tests of the pure core: what happens while something else is under way. Most were found by [`model_tests`](super::model_tests) or by
//! reading for it; each is the shortest way there.

use std::time::Duration;

use super::world_tests::{A, B, C, WORKER, World, crash, with};
use super::{ChildPolicy, ChildState, Command, Kind, Outcome, STUCK_AFTER};
use crate::exit::ExitReason;
use crate::policy::{Backoff, Restart};
use crate::supervision::intensity::Window;
use crate::supervision::{AutoShutdown, Flags, Strategy};

use Command::{Ask, Close, End, Kill, Remove, Retry, Start, Stuck};

const SHUTDOWN: ExitReason = ExitReason::Shutdown;

fn backing_off() -> ChildPolicy {
    let second = Duration::from_secs(1);
    ChildPolicy {
        backoff: Some(Backoff::new(second, second)),
        ..WORKER
    }
}

#[test]
fn sup_stop_race_a_child_that_waits_for_its_restart_is_not_restarted_while_its_siblings_stop() {
    let dynamic = Kind::Dynamic { children_max: 9 };
    for (kind, policy) in [
        (Kind::Declared, WORKER),
        (Kind::Declared, backing_off()),
        (dynamic, WORKER),
        (dynamic, backing_off()),
    ] {
        let mut world = World::running(kind, &[policy, WORKER]);
        world.exited(0.0, A, &crash());
        if policy.backoff.is_none() {
            assert_eq!(world.start_failed(0.0, A), [Retry(A)]);
        }
        let stop = world.shutdown(0.1);
        let closes = if kind == dynamic { Remove(A, ()) } else { Close(A) };
        assert!(stop.contains(&Ask(B)) && stop.contains(&closes), "{stop:?}");
        world.state.handle_retry(world.at(0.2), A);
        assert_eq!(world.commands(), [], "{kind:?}");
        assert_eq!(world.deadline(2.0), [], "{kind:?}");
        let last = world.exited(2.1, B, &SHUTDOWN);
        assert_eq!(last.last(), Some(&End(Outcome::Shutdown)), "{kind:?}");
    }
}

#[test]
fn sup_stop_race_a_restart_that_fails_while_the_siblings_stop_is_not_tried_again() {
    let mut world = World::running(Kind::Declared, &[WORKER; 2]);
    assert_eq!(world.exited(0.1, A, &crash()), [Start(A)]);
    assert_eq!(world.shutdown(0.2), [Ask(B)]);
    assert_eq!(world.start_failed(0.3, A), [Close(A)]);
    assert_eq!(
        world.exited(0.4, B, &SHUTDOWN),
        [Close(B), End(Outcome::Shutdown)]
    );
}

#[test]
fn a_child_is_not_started_again_while_everything_stops() {
    let mut world = World::running(Kind::Declared, &[WORKER; 2]);
    world.shutdown(0.1);
    assert_eq!(world.exited(0.2, B, &SHUTDOWN), [Close(B), Ask(A)]);
    // Who asked hears of it when the supervisor is gone.
    assert_eq!(world.state.start_again(B), Ok(()));
    assert_eq!(world.commands(), []);
    assert_eq!(
        world.exited(0.3, A, &SHUTDOWN),
        [Close(A), End(Outcome::Shutdown)]
    );
}

#[test]
fn a_stuck_child_that_its_group_waits_for_is_not_started_when_everything_stops() {
    let mut world = World::declared(Strategy::OneForAll, &[WORKER; 2]);
    world.exited(0.0, A, &crash());
    world.deadline(5.0);
    world.deadline(5.0 + STUCK_AFTER.as_secs_f64());
    world.started(A);
    assert_eq!(world.shutdown(6.0), [Ask(A)]);
    assert_eq!(world.exited(6.1, B, &ExitReason::Killed), [Close(B)]);
    assert_eq!(
        world.exited(6.2, A, &SHUTDOWN),
        [Close(A), End(Outcome::Shutdown)]
    );
}

#[test]
fn a_bystander_found_stuck_while_a_group_starts_does_not_stop_the_group() {
    let mut world = World::declared(Strategy::RestForOne, &[WORKER; 3]);
    assert!(world.state.terminate(world.start, A));
    assert_eq!(world.commands(), [Ask(A)]);
    assert_eq!(world.deadline(5.0), [Kill(A)]);
    assert_eq!(world.exited(5.1, B, &crash()), [Ask(C)]);
    assert_eq!(world.exited(5.1, C, &SHUTDOWN), [Start(B)]);
    assert_eq!(world.started(B), [Start(C)]);
    let stuck = 5.0 + STUCK_AFTER.as_secs_f64();
    assert_eq!(world.deadline(stuck), [Stuck(A), Close(A)]);
    assert_eq!(world.started(C), []);
    assert!(!world.state.is_busy());
    assert_eq!(world.state_of(B), ChildState::Running);
}

#[test]
fn r11_a_temporary_member_that_is_stuck_does_not_come_back_and_holds_nothing_up() {
    let mut world = World::declared(Strategy::OneForAll, &[WORKER, with(Restart::Temporary), WORKER]);
    assert_eq!(world.exited(0.0, A, &crash()), [Ask(C)]);
    assert_eq!(world.exited(0.0, C, &SHUTDOWN), [Ask(B)]);
    assert_eq!(world.deadline(5.0), [Kill(B)]);
    let stuck = 5.0 + STUCK_AFTER.as_secs_f64();
    assert_eq!(world.deadline(stuck), [Stuck(B), Close(B), Start(A)]);
    assert_eq!(world.started(A), [Start(C)]);
    assert_eq!(world.started(C), []);
    assert!(!world.state.is_busy());
    assert_eq!(world.exited(60.0, B, &ExitReason::Killed), [Remove(B, ())]);
}

#[test]
fn a_stuck_start_that_ends_late_in_whatever_way_lets_its_group_go_on() {
    let fails = |world: &mut World, reason| world.state.handle_start_failed(world.start, B, reason);
    let ends: [&dyn Fn(&mut World); 3] = [
        &|world| world.state.handle_ignored(world.start, B),
        &|world| fails(world, crash()),
        &|world| fails(world, ExitReason::Lapsed),
    ];
    for end in ends {
        let mut world = World::declared(Strategy::OneForAll, &[WORKER; 2]);
        assert!(world.state.terminate(world.start, B));
        world.exited(0.1, B, &SHUTDOWN);
        assert_eq!(world.state.start_again(B), Ok(()));
        assert_eq!(world.exited(0.2, A, &crash()).last(), Some(&Ask(B)));
        assert_eq!(world.deadline(5.2), [Kill(B)]);
        let stuck = 5.2 + STUCK_AFTER.as_secs_f64();
        assert_eq!(world.deadline(stuck), [Stuck(B), Close(B), Start(A)]);
        assert_eq!(world.started(A), []);
        end(&mut world);
        assert_eq!(world.commands(), [Start(B)]);
        assert_eq!(world.started(B), []);
        assert!(!world.state.is_busy());
    }
}

#[test]
fn r10_a_new_child_that_is_stuck_in_its_start_is_no_member_of_a_group() {
    let mut world = World::declared(Strategy::OneForAll, &[WORKER]);
    assert_eq!(world.state.add(WORKER, ()), Ok(B));
    world.commands();
    assert_eq!(world.exited(0.0, A, &crash()), [Ask(B)]);
    assert_eq!(world.deadline(5.0), [Kill(B)]);
    let stuck = 5.0 + STUCK_AFTER.as_secs_f64();
    assert_eq!(world.deadline(stuck), [Stuck(B), Close(B), Start(A)]);
    assert_eq!(world.started(A), []);
    assert!(!world.state.is_busy());
    assert_eq!(world.start_failed(9.0, B), [Remove(B, ())]);
}

#[test]
fn r22_who_terminates_a_child_is_answered_when_it_has_ended_even_if_a_group_brings_it_back() {
    let mut world = World::declared(Strategy::OneForAll, &[WORKER; 2]);
    assert!(world.state.terminate(world.start, B));
    assert_eq!(world.commands(), [Ask(B)]);
    assert_eq!(world.exited(0.1, A, &crash()), []);
    // OTP: the termination is over before the crash is looked at, and the group starts whatever has a spec.
    assert_eq!(world.exited(0.2, B, &SHUTDOWN), [Close(B), Start(A)]);
    assert_eq!(world.started(A), [Start(B)]);
}

#[test]
fn r10_a_new_child_that_its_group_stops_before_it_has_started_is_discarded() {
    type Stop<'a> = &'a dyn Fn(&mut World) -> Vec<Command>;
    let stops: [(&str, Stop<'_>); 2] = [
        ("a group", &|world| world.exited(0.1, A, &crash())),
        ("who asks", &|world| {
            assert!(world.state.terminate(world.start, B));
            world.commands()
        }),
    ];
    for (who, stop) in stops {
        let mut world = World::declared(Strategy::OneForAll, &[WORKER]);
        assert_eq!(world.state.add(WORKER, ()), Ok(B));
        assert_eq!(world.commands(), [Start(B)]);
        assert_eq!(stop(&mut world), [Ask(B)], "{who}");
        let ended = world.start_failed_of(0.2, B, SHUTDOWN);
        assert_eq!(ended[..1], [Remove(B, ())], "{who}");
        assert_eq!(world.state.child_state(B), None, "{who}");
    }
}

#[test]
fn r10_a_new_child_that_has_started_before_it_heard_of_the_stop_comes_back_with_its_group() {
    let mut world = World::declared(Strategy::OneForAll, &[WORKER]);
    assert_eq!(world.state.add(WORKER, ()), Ok(B));
    assert_eq!(world.commands(), [Start(B)]);
    assert_eq!(world.exited(0.1, A, &crash()), [Ask(B)]);
    assert_eq!(world.started(B), []);
    assert_eq!(world.exited(0.2, B, &SHUTDOWN), [Start(A)]);
    assert_eq!(world.started(A), [Start(B)]);
}

#[test]
fn a_member_that_lapses_while_its_group_waits_leaves_the_others_to_come_back() {
    for policy in [WORKER, backing_off()] {
        let mut world = World::declared(Strategy::OneForAll, &[policy, WORKER]);
        world.exited(0.1, A, &crash());
        world.exited(0.1, B, &SHUTDOWN);
        if policy.backoff.is_none() {
            assert_eq!(world.start_failed(0.2, A), [Retry(A)]);
        }
        assert_eq!(world.lapsed(A), [Start(A)], "its start finds out");
        let failed = world.start_failed_of(0.3, A, ExitReason::Lapsed);
        assert_eq!(failed, [Close(A), Start(B)]);
        assert_eq!(world.started(B), []);
        assert!(!world.state.is_busy());
    }
}

#[test]
fn r22_a_group_whose_waiting_member_is_terminated_is_not_waited_for_any_more() {
    let mut world = World::declared(Strategy::RestForOne, &[WORKER; 3]);
    world.exited(0.1, B, &crash());
    world.exited(0.1, C, &SHUTDOWN);
    assert_eq!(world.start_failed(0.2, B), [Retry(B)]);
    // OTP: those behind it do not come back by themselves either. Their refs must not wait.
    assert!(world.state.terminate(world.start, B));
    assert_eq!(world.commands(), [Close(B), Close(C)]);
    assert_eq!(world.state.start_again(C), Ok(()));
    assert_eq!(world.commands(), [Start(C)]);
}

#[test]
fn r24_all_significant_one_that_is_being_restarted_is_active() {
    let flags = Flags {
        auto_shutdown: AutoShutdown::AllSignificant,
        ..Flags::DEFAULT
    };
    let significant = ChildPolicy {
        is_significant: true,
        restart: Restart::Transient,
        ..backing_off()
    };
    let mut world = World::with(flags, Kind::Declared, &[significant; 2]).boot();
    assert_eq!(world.exited(0.1, A, &crash()), []);
    assert_eq!(world.exited(0.2, B, &ExitReason::Normal), [Close(B)]);
    assert_eq!(world.deadline(2.0), [Start(A)]);
    world.started(A);
    let last = world.exited(3.0, A, &ExitReason::Normal);
    assert_eq!(last, [Close(A), End(Outcome::AutoShutdown)]);
}

#[test]
fn r10_a_new_child_that_has_lapsed_at_its_start_is_discarded_too() {
    let mut world = World::running(Kind::Declared, &[]);
    assert_eq!(world.state.add(WORKER, ()), Ok(A));
    world.commands();
    let lapsed = world.start_failed_of(0.1, A, ExitReason::Lapsed);
    assert_eq!(lapsed, [Remove(A, ())]);
}

#[test]
fn r13_a_period_without_an_end_forgets_no_restart() {
    let mut window = Window::new(1, Duration::MAX);
    let now = tokio::time::Instant::now();
    assert_eq!(window.add(now), Some(1));
    assert_eq!(window.add(now + Duration::from_hours(1)), None);
}

#[test]
fn a_back_off_without_an_end_waits_for_good() {
    let forever = ChildPolicy {
        backoff: Some(Backoff::new(Duration::MAX / 2, Duration::MAX / 2)),
        ..WORKER
    };
    let mut world = World::with(Flags::DEFAULT, Kind::Declared, &[forever]).boot();
    assert_eq!(world.exited(0.1, A, &crash()), []);
    assert_eq!(world.state.next_deadline(), None);
    assert_eq!(world.state_of(A), ChildState::Waiting);
}

#[test]
fn terminating_a_child_asks_it_by_its_own_policy() {
    let mut world = World::running(Kind::Root, &[WORKER; 2]);
    assert!(world.state.terminate(world.start, A));
    assert_eq!(world.commands(), [Ask(A)]);
    assert_eq!(world.exited(0.5, A, &SHUTDOWN), [Remove(A, ())]);
    assert_eq!(world.state_of(B), ChildState::Running);
}

#[test]
fn events_of_children_that_are_not_there_any_more_change_nothing() {
    let mut world = World::running(Kind::Root, &[with(Restart::Temporary)]);
    world.exited(1.0, A, &crash());
    assert_eq!(world.exited(1.0, A, &crash()), []);
    assert_eq!(world.started(A), []);
    assert_eq!(world.start_failed(1.0, A), []);
    world.state.handle_retry(world.start, A);
    assert!(world.state.terminate(world.start, A));
    assert_eq!(world.commands(), []);
}
