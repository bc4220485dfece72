//! The test kit: a probe in an actor's place, lives, logs, leases, virtual time, and what they say when nothing comes.

use std::panic::AssertUnwindSafe;

use quorate::prelude::*;
use quorate::testing::{self, LOG_MAX, Lease, Life, Log, PATIENCE, PROBE_MAX, Probe};
use tokio::time::Instant;

/// Is told of things.
#[actor(mailbox = 2, restart = transient)]
#[derive(Default)]
struct Listener;

#[actor]
impl Listener {
    pub fn hear(&mut self, what: u64) {
        assert!(what > 0, "as it was told");
    }
}

/// What a test that fails says.
fn failure(test: impl Future<Output = ()>) -> String {
    let failed = std::panic::catch_unwind(AssertUnwindSafe(|| testing::run(test)));
    let payload = failed.expect_err("it fails");
    payload
        .downcast_ref::<String>()
        .expect("it says something")
        .clone()
}

#[test]
fn a_probe_takes_messages_in_order_and_calls_are_not_answered() {
    testing::run(async {
        let system = System::new("test");
        let mut probe = Probe::<Listener>::spawn(&system).await;
        let listener = probe.actor();
        listener.hear(1).cast().unwrap();
        assert_eq!(listener.hear(2).await, Err(CallError::NoReply));
        for n in 1..=2 {
            let ListenerMessage::Hear { what } = probe.next().await;
            assert_eq!(what, n);
        }
        let start = Instant::now();
        probe.expect_none(Duration::from_hours(1)).await;
        assert_eq!(start.elapsed(), Duration::from_hours(1));
    });
}

#[test]
fn a_probe_that_is_not_asked_fills_up_as_any_actor() {
    testing::run(async {
        let system = System::new("test");
        let probe = Probe::<Listener>::spawn(&system).await;
        let mut sent = 0;
        while probe.actor().hear(1).cast().is_ok() {
            sent += 1;
            testing::advance(Duration::from_millis(1)).await;
        }
        assert!((PROBE_MAX..PROBE_MAX + 4).contains(&sent), "{sent}");
    });
}

#[test]
fn what_does_not_come_and_what_should_not_is_said() {
    let text = failure(async {
        Probe::<Listener>::spawn(&System::new("test")).await.next().await;
    });
    assert!(
        text.contains("no message came for the probe of `tests::Listener` within 60s"),
        "{text}"
    );
    let text = failure(async {
        let mut probe = Probe::<Listener>::spawn(&System::new("test")).await;
        probe.actor().hear(1).cast().unwrap();
        probe.expect_none(Duration::from_secs(1)).await;
    });
    assert!(text.contains("where none was expected for 1s"), "{text}");
    let text = failure(async {
        let listener = System::new("test").spawn(Listener::spec()).await.unwrap();
        Life::of(&listener).ended().await;
    });
    assert!(
        text.contains("`tests::Listener` did not end within 60s"),
        "{text}"
    );
}

#[test]
fn a_life_tells_of_each_incarnation_and_of_the_end() {
    testing::run(async {
        let system = System::new("test");
        let listener = system.spawn(Listener::spec()).await.unwrap();
        let mut life = Life::of(&listener);
        for restarts in 1..=2 {
            assert!(listener.hear(0).await.is_err());
            assert!(matches!(life.ended().await, ExitReason::Panic { .. }));
            life.restarted().await;
            assert_eq!(life.restarts(), restarts);
        }
        ActorRef::stop(&listener);
        assert_eq!(life.ended().await, ExitReason::Normal);
        life.gone().await;
    });
}

#[test]
fn a_life_tells_of_an_end_before_it_was_asked_and_of_the_incarnation_that_was_seen() {
    testing::run(async {
        let system = System::new("test");
        let listener = system.spawn(Listener::spec()).await.unwrap();
        let mut life = Life::of(&listener);
        assert!(listener.hear(0).await.is_err());
        assert_eq!(listener.hear(1).await, Ok(()), "it is there again");
        ActorRef::kill(&listener);
        testing::settle().await;
        assert_eq!(life.restarts(), 2);
        for _ in 0..2 {
            let ended = life.ended().await;
            assert!(
                matches!(ended, ExitReason::Panic { .. }),
                "not the later one: {ended:?}"
            );
        }
        life.restarted().await;
        assert!(system.terminate(&listener).await);
        assert_eq!(life.ended().await, ExitReason::Shutdown);
        let late = Life::of(&listener);
        assert_eq!(late.ended().await, ExitReason::Shutdown, "the last one");
        late.gone().await;
    });
}

#[test]
fn all_clones_of_a_log_are_one_and_what_was_taken_is_not_there_any_more() {
    let log = Log::<u64>::default();
    let other = log.clone();
    log.add(1_u32);
    other.add(2_u64);
    assert_eq!((log.all(), other.all()), (vec![1, 2], vec![1, 2]));
    assert_eq!(
        (format!("{log:?}"), log.take()),
        ("[1, 2]".to_owned(), vec![1, 2])
    );
    assert_eq!(other.take(), [0; 0]);
}

#[test]
fn a_log_that_does_not_end_is_said() {
    let log = Log::<u8>::default();
    for _ in 0..LOG_MAX {
        log.add(1);
    }
    let text = failure(async { log.add(1) });
    assert!(text.contains("a log has 1048576 entries already"), "{text}");
    assert_eq!(log.take().len(), LOG_MAX, "what is there can be read still");
}

#[test]
fn settling_lets_happen_what_needs_no_time_and_takes_a_millisecond() {
    testing::run(async {
        let system = System::new("test");
        let listener = system.spawn(Listener::spec()).await.unwrap();
        let life = Life::of(&listener);
        listener.hear(0).cast().unwrap();
        let start = Instant::now();
        testing::settle().await;
        assert_eq!(start.elapsed(), Duration::from_millis(1));
        assert_eq!(life.restarts(), 1, "it was told, failed, and is there again");
    });
}

#[test]
fn a_lease_ends_for_all_who_rest_on_it() {
    testing::run(async {
        let (system, lease) = (System::new("test"), Lease::new());
        for epoch in 1..=2 {
            let tenure = lease.clone().tenure("listener", epoch);
            let listener = system.spawn(Listener::spec().tenure(tenure)).await;
            if epoch == 2 {
                let lapsed = quorate::StartError::Failed(ExitReason::Lapsed);
                assert_eq!(listener.err(), Some(lapsed));
                continue;
            }
            let listener = listener.unwrap();
            assert_eq!(listener.hear(1).await, Ok(()));
            let life = Life::of(&listener);
            lease.end();
            assert!(ActorRef::is_alive(&listener), "nobody has told it");
            let lapsed = CallError::Exited(ExitReason::Lapsed);
            assert_eq!(listener.hear(1).await, Err(lapsed));
            assert_eq!(life.ended().await, ExitReason::Lapsed);
        }
    });
}

#[test]
fn what_does_not_come_soon_is_said_with_the_place() {
    testing::run(async { assert_eq!(testing::soon(std::future::ready(7)).await, 7) });
    let text = failure(async { testing::soon(std::future::pending()).await });
    let place = "what is waited for at tests/tests/testing.rs:";
    assert!(
        text.starts_with(place) && text.ends_with(" did not come within 60s"),
        "{text}"
    );
}

#[test]
fn waiting_costs_no_time() {
    let start = std::time::Instant::now();
    testing::run(async { testing::advance(100 * PATIENCE).await });
    assert!(start.elapsed() < Duration::from_secs(10));
}
