//! Start, stop and crash; what is reported of an end (R41), when `stopped` runs (R40), and who ends with whom (R42).

use quorate::StartError;
use quorate::prelude::*;
use quorate::testing::{self, Log};
use tests::events::Events;
use tokio::time::Instant;

use crate::server::{How, SECOND, Server, TO_STOP, exit_of, server, server_of, started};

#[test]
fn start() {
    testing::run(async {
        let (server, _) = server().await;
        assert_eq!(server.started_p().await, Ok(true));
        assert_eq!(server.stop_with(ExitReason::Normal).await, Ok(()));
        ActorRef::gone(&server).await;
        assert_eq!(server.started_p().await, Err(CallError::Gone));
    });
}

#[test]
fn start_timeout() {
    testing::run(async {
        let system = System::new("test");
        let slow = Server::spec(How::Slowly(SECOND), Log::default()).name(TO_STOP);
        let start = Instant::now();
        let waited = tokio::time::timeout(SECOND / 10, system.spawn(slow)).await;
        assert!(waited.is_err());
        assert_eq!(start.elapsed(), SECOND / 10);
        let server = system.whereis(TO_STOP).expect("it goes on to start");
        assert!(system.terminate(&server).await, "and can be ended");
        assert!(system.whereis(TO_STOP).is_none());
    });
}

#[test]
fn start_ignore() {
    testing::run(async {
        assert_eq!(started(How::Ignore).await.0, Err(StartError::Ignored));
    });
}

#[test]
fn start_error() {
    testing::run(async {
        let failed = StartError::Failed(ExitReason::error("stopped"));
        assert_eq!(started(How::Fail).await.0, Err(failed));
    });
}

#[test]
fn start_stop() {
    testing::run(async {
        let (server, log) = started(How::Stop).await;
        let server = server.expect("it has started");
        ActorRef::gone(&server).await;
        assert_eq!(
            log.all(),
            ["stopped: was shut down: not today"],
            "before any message"
        );
    });
}

#[test]
fn start_linked() {
    testing::run(async {
        let system = System::new("test");
        let ((parent, log), (child, _)) = (server_of(&system).await, server_of(&system).await);
        parent.link(child.clone(), true).await.unwrap();
        child.stop_with(ExitReason::Normal).await.unwrap();
        ActorRef::gone(&child).await;
        assert_eq!(parent.started_p().await, Ok(true));
        assert_eq!(log.all(), ["info: it stopped"]);
    });
}

#[test]
fn start_monitored() {
    testing::run(async {
        let system = System::new("test");
        let ((parent, log), (child, _)) = (server_of(&system).await, server_of(&system).await);
        parent.monitor(child.clone()).await.unwrap();
        child.stop_with(ExitReason::Normal).await.unwrap();
        ActorRef::gone(&child).await;
        assert_eq!(parent.started_p().await, Ok(true));
        assert_eq!(log.all(), ["down: it stopped"]);
    });
}

#[test]
fn already_started() {
    testing::run(async {
        let system = System::new("test");
        let spec = || Server::spec(How::Ready, Log::default()).name(TO_STOP);
        let server = system.spawn(spec()).await.unwrap();
        assert_eq!(system.spawn(spec()).await, Err(StartError::NameTaken("to_stop")));
        assert_eq!(system.whereis(TO_STOP), Some(server));
    });
}

#[test]
fn stop1() {
    testing::run(async {
        let (server, log) = server().await;
        let reason = exit_of(&server, async { ActorRef::stop(&server) }).await;
        assert_eq!(reason, ExitReason::Normal);
        assert!(!ActorRef::is_alive(&server));
        assert_eq!(log.all(), ["stopped: stopped"]);
        assert_eq!(ActorRef::exited(&server).await, ExitReason::Gone, "no process");
    });
}

#[test]
fn stop2() {
    testing::run(async {
        let (server, log) = server().await;
        let other = ExitReason::error("other_reason");
        let reason = exit_of(&server, async { ActorRef::exit(&server, other.clone()) }).await;
        assert_eq!(reason, other);
        assert!(!ActorRef::is_alive(&server));
        assert_eq!(log.all(), ["stopped: failed: other_reason"]);
    });
}

#[test]
fn stop4() {
    testing::run(async {
        let system = System::new("test");
        let spec = Server::spec(How::Ready, Log::default()).name(TO_STOP);
        system.spawn(spec).await.unwrap();
        let server = system.whereis(TO_STOP).expect("it has this name");
        ActorRef::stop(&server);
        ActorRef::gone(&server).await;
        assert!(system.whereis(TO_STOP).is_none());
    });
}

#[test]
fn crash() {
    testing::run(async {
        let silent = [
            ExitReason::shutdown_with("reason"),
            ExitReason::Shutdown,
            ExitReason::Normal,
        ];
        for reason in silent {
            let (events, _guard) = Events::count();
            let system = System::new("test");
            let ((parent, log), (child, _)) = (server_of(&system).await, server_of(&system).await);
            parent.link(child.clone(), true).await.unwrap();
            let called = child.exit_with(reason.clone()).await;
            assert_eq!(called, Err(CallError::Exited(reason.clone())));
            ActorRef::gone(&child).await;
            assert_eq!(parent.started_p().await, Ok(true));
            assert_eq!(log.all(), [format!("info: it {reason}")]);
            assert_eq!(events.of("quorate::exit"), 0, "{reason}");
        }
        let (events, _guard) = Events::count();
        let (server, _) = server().await;
        let crashed = server.crash().await;
        assert!(
            matches!(crashed, Err(CallError::Exited(ExitReason::Panic { message, .. })) if &*message == "crashed")
        );
        ActorRef::gone(&server).await;
        assert_eq!(events.of("quorate::exit"), 1);
    });
}

#[test]
fn r41_only_an_unexpected_end_is_reported_and_once() {
    testing::run(async {
        let ends = [
            (ExitReason::Normal, 0),
            (ExitReason::Shutdown, 0),
            (ExitReason::shutdown_with("enough"), 0),
            (ExitReason::error("no"), 1),
            (ExitReason::Killed, 1),
        ];
        for (reason, reported) in ends {
            let (events, _guard) = Events::count();
            let (server, _) = server().await;
            assert_eq!(exit_of(&server, server.stop_with(reason.clone())).await, reason);
            ActorRef::gone(&server).await;
            assert_eq!(events.of("quorate::exit"), reported, "{reason}");
        }
    });
}

#[test]
fn r11_a_transient_actor_is_not_restarted_after_a_shutdown_with_a_reason() {
    testing::run(async {
        let spec = Server::spec(How::Ready, Log::default()).restart(Restart::Transient);
        let server = System::new("test").spawn(spec).await.unwrap();
        server.stop_with(ExitReason::error("abnormal")).await.unwrap();
        assert_eq!(server.started_p().await, Ok(true), "it is there again");
        server
            .stop_with(ExitReason::shutdown_with("enough"))
            .await
            .unwrap();
        ActorRef::gone(&server).await;
        assert_eq!(server.started_p().await, Err(CallError::Gone));
    });
}

#[test]
fn r40_stopped_runs_at_every_end_but_a_kill() {
    testing::run(async {
        let ends = [
            ExitReason::Normal,
            ExitReason::shutdown_with("enough"),
            ExitReason::error("no"),
        ];
        for reason in ends {
            let (server, log) = server().await;
            server.stop_with(reason.clone()).await.unwrap();
            ActorRef::gone(&server).await;
            assert_eq!(log.all(), [format!("stopped: {reason}")]);
        }
        let (crashes, log) = server().await;
        crashes.crash().cast().unwrap();
        ActorRef::gone(&crashes).await;
        assert!(log.all()[0].starts_with("stopped: panicked"), "{:?}", log.all());

        let (killed, log) = server().await;
        ActorRef::exit(&killed, ExitReason::Killed).unwrap();
        ActorRef::gone(&killed).await;
        assert_eq!(log.all(), Vec::<String>::new());
    });
}

#[test]
fn r42_the_linked_end_together_unless_one_traps() {
    testing::run(async {
        let system = System::new("test");
        for trap in [true, false] {
            let ((one, log), (other, _)) = (server_of(&system).await, server_of(&system).await);
            one.link(other.clone(), trap).await.unwrap();
            other.crash().cast().unwrap();
            ActorRef::gone(&other).await;
            assert_eq!(one.started_p().await.is_ok(), trap);
            let (told, all) = (if trap { "info: it" } else { "stopped:" }, log.all());
            assert!(all[0].starts_with(&format!("{told} panicked")), "{all:?}");
        }
    });
}
