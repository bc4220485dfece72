//! What comes beside the messages: `#[info]`, `#[continued]` (R39), time-outs and ticks.

use quorate::prelude::*;
use quorate::testing::{self, Log};
use tests::events::Events;
use tokio::time::Instant;

use crate::server::{How, SECOND, server, server_of, started};

#[test]
fn start_event_timeout() {
    testing::run(async {
        let (server, log) = started(How::Within(SECOND)).await;
        let server = server.unwrap();
        testing::advance(2 * SECOND).await;
        assert_eq!(server.next_call().await, Ok(false));
        assert_eq!(log.all(), ["timed out"]);

        let (server, log) = started(How::Within(SECOND)).await;
        let server = server.unwrap();
        assert_eq!(server.next_call().await, Ok(true));
        testing::advance(2 * SECOND).await;
        assert_eq!(server.started_p().await, Ok(true));
        assert_eq!(log.all(), Vec::<String>::new());
    });
}

#[test]
fn info() {
    testing::run(async {
        let (server, log) = server().await;
        let (dead, _) = server_of(&System::new("other")).await;
        server.link(dead.clone(), true).await.unwrap();
        ActorRef::kill(&dead);
        ActorRef::gone(&dead).await;
        assert_eq!(ActorRef::exit(&server, ExitReason::Shutdown), Ok(()));
        assert_eq!(server.started_p().await, Ok(true));
        assert_eq!(log.all(), ["info: it was killed", "info: it was shut down"]);
    });
}

/// Has neither `#[info]` nor `#[continued]`.
#[actor]
#[derive(Default)]
pub(crate) struct Plain;

#[actor(local)]
impl Plain {
    /// Asks for what it has no hook for.
    pub fn ask(&mut self, cx: &mut Context<Self>) {
        cx.trap_exits(true);
        cx.go_on();
    }

    /// Is there.
    pub fn ping(&mut self) {}
}

#[test]
fn what_there_is_no_hook_for_is_an_event() {
    testing::run(async {
        let (events, _guard) = Events::count();
        let plain = System::new("test").spawn(Plain::spec()).await.unwrap();
        plain.ask().await.unwrap();
        plain.ping().await.unwrap();
        assert_eq!(events.of("quorate::info"), 1);
        ActorRef::exit(&plain, ExitReason::Shutdown).unwrap();
        plain.ping().await.unwrap();
        assert_eq!(events.of("quorate::info"), 2);
        assert_eq!(events.of("quorate::exit"), 0);
    });
}

#[test]
fn r39_continue_runs_before_the_next_message() {
    testing::run(async {
        let (server, log) = server().await;
        server.work(2).cast().unwrap();
        server.note(1).cast().unwrap();
        assert_eq!(server.note(2).await, Ok(2));
        let works = ["work, 2 left", "work, 1 left", "work, 0 left"];
        assert_eq!(log.all(), [works[0], works[1], works[2], "note 1", "note 2"]);
    });
}

#[test]
fn r39_what_init_goes_on_with_does_not_hold_up_the_start() {
    testing::run(async {
        let start = Instant::now();
        let (server, log) = started(How::GoOn).await;
        assert_eq!((start.elapsed(), log.all()), (Duration::ZERO, vec![]));
        assert_eq!(server.unwrap().note(1).await, Ok(1));
        assert_eq!(start.elapsed(), SECOND);
        assert_eq!(log.all(), ["work, 0 left", "note 1"]);
    });
}

#[test]
fn r#continue() {
    testing::run(async {
        let (server, log) = server().await;
        server.work_and_stop().await.unwrap();
        ActorRef::gone(&server).await;
        assert_eq!(log.all(), ["stopped: stopped"], "a stop comes first");

        let (server, log) = server_of(&System::new("test")).await;
        server.work(100).await.unwrap();
        let start = Instant::now();
        testing::advance(SECOND + SECOND / 2).await;
        ActorRef::stop(&server);
        ActorRef::gone(&server).await;
        assert_eq!(start.elapsed(), 2 * SECOND, "between two works");
        assert_eq!(log.all(), ["work, 100 left", "work, 99 left", "stopped: stopped"]);
    });
}

/// Works without end, and never waits.
#[actor(restart = temporary)]
#[derive(Default)]
pub(crate) struct Busy {
    works: u64,
}

#[actor(local)]
impl Busy {
    /// Begins.
    pub fn work(&mut self, cx: &mut Context<Self>) {
        cx.go_on();
    }

    #[continued]
    fn continued(&mut self, cx: &mut Context<Self>) {
        self.works += 1;
        cx.go_on();
    }
}

#[test]
fn work_that_never_waits_lets_others_run_and_can_be_stopped() {
    testing::run(async {
        let system = System::new("test");
        let ((other, _), busy) = (
            server_of(&system).await,
            system.spawn(Busy::spec()).await.unwrap(),
        );
        busy.work().cast().unwrap();
        assert_eq!(other.note(1).await, Ok(1));
        ActorRef::stop(&busy);
        ActorRef::gone(&busy).await;
    });
}

#[test]
fn handle_event_timeout() {
    testing::run(async {
        let (server, log) = server().await;
        server.call_within(SECOND).await.unwrap();
        testing::advance(SECOND / 2).await;
        assert_eq!(log.all(), Vec::<String>::new());
        testing::advance(SECOND).await;
        assert_eq!(log.all(), ["timed out"]);
        testing::advance(9 * SECOND).await;
        assert_eq!(log.all(), ["timed out"], "once");
    });
}

/// Ticks.
#[actor]
pub(crate) struct Clock {
    log: Log,
    ticks: u64,
}

#[actor(local)]
impl Clock {
    #[init]
    fn new(log: Log) -> Self {
        log.add("started");
        Self { log, ticks: 0 }
    }

    /// Panics.
    pub fn crash(&mut self) {
        panic!("crashed");
    }

    #[tick(every = "1s")]
    fn tick(&mut self) {
        self.ticks += 1;
        self.log.add(format!("tick {}", self.ticks));
    }
}

#[test]
fn ticks_end_with_the_incarnation_and_begin_anew_with_the_next() {
    testing::run(async {
        let log = Log::default();
        let clock = System::new("test").spawn(Clock::spec(log.clone())).await.unwrap();
        testing::advance(SECOND * 5 / 2).await;
        assert!(clock.crash().await.is_err());
        testing::advance(SECOND * 9 / 10).await;
        assert_eq!(log.all(), ["started", "tick 1", "tick 2", "started"]);
        testing::advance(SECOND / 2).await;
        assert_eq!(log.all(), ["started", "tick 1", "tick 2", "started", "tick 1"]);
        ActorRef::kill(&clock);
    });
}
