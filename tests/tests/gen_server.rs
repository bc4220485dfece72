//! The cases of OTP's `gen_server_SUITE`, under their own names, and the rules R38 to R42 of a server.
//!
//! `stop8`, `stop9`, `cast_fast` and `call_remote*` run between two systems over a socket, all others in virtual time. Cases that cannot apply:
//!
//! | Case | Why |
//! |---|---|
//! | `stop3`, and the bad return in `call` | a timeout that is none, and a reply of another type, do not compile |
//! | `stop5` | a name is one of this system; there is no second form with the node beside it |
//! | `stop6`, `stop7`, `stop10`, and `start` under `global` and `via` | there are no names across nodes here; singletons are of `quorate-regions` |
//! | `abcast`, `multi_server` forms | a cast goes to one ref; a loop over refs is the user's |
//! | `reqid_collection_*` with labels | the futures are the collection, and what they stand for is known where they are made |
//!
//! An actor of another node cannot be stopped from here: `stop8` and `stop9` show what its refs tell when its own node stops it.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use quorate::prelude::*;
use quorate::wire::{ConnectOptions, ListenOptions, Listener, LookupError, Peer};
use quorate::{Delayed, ExitError, StartError};
use tests::events::Events;
use tokio::time::Instant;

/// What happened, in order.
#[derive(Clone, Default)]
pub struct Log(Arc<Mutex<Vec<String>>>);

impl Log {
    fn add(&self, what: impl Into<String>) {
        self.0.lock().unwrap().push(what.into());
    }

    fn all(&self) -> Vec<String> {
        self.0.lock().unwrap().clone()
    }
}

/// How a server starts.
#[derive(Clone, Copy, Debug)]
pub enum How {
    /// At once.
    Ready,
    /// After a while.
    Slowly(Duration),
    /// Not wanted.
    Ignore,
    /// With an error.
    Fail,
    /// To end before its first message.
    Stop,
    /// Nothing may come for this long.
    Within(Duration),
    /// With work of its own first.
    GoOn,
}

/// Does what it is told.
#[actor(restart = temporary, mailbox = 16)]
pub struct Server {
    log: Log,
    works_left: u32,
    work_takes: Duration,
    waits: Option<Delayed>,
    /// Not answered.
    kept: Option<ReplyPort<()>>,
}

#[actor(local)]
impl Server {
    #[init]
    async fn new(how: How, log: Log, cx: &mut Context<Self>) -> Result<Option<Self>, String> {
        let mut waits = None;
        match how {
            How::Ready => {}
            How::Slowly(time) => tokio::time::sleep(time).await,
            How::Ignore => return Ok(None),
            How::Fail => return Err("stopped".to_owned()),
            How::Stop => cx.stop_with(ExitReason::shutdown_with("not today")),
            How::Within(time) => waits = Some(cx.me().timed_out().after(time)),
            How::GoOn => cx.go_on(),
        }
        Ok(Some(Self {
            log,
            works_left: 0,
            work_takes: Duration::from_secs(1),
            waits,
            kept: None,
        }))
    }

    /// Is there.
    pub fn started_p(&mut self) -> bool {
        true
    }

    /// Notes.
    pub fn note(&mut self, what: u64) -> u64 {
        self.log.add(format!("note {what}"));
        what
    }

    /// Answers after a while.
    pub async fn delayed_answer(&mut self, after: Duration) -> &'static str {
        tokio::time::sleep(after).await;
        "delayed"
    }

    /// Answers after a while, and serves others meanwhile.
    pub fn reply_later(&mut self, after: Duration, cx: &mut Context<Self>, reply: ReplyPort<u64>) {
        let replies = async move {
            tokio::time::sleep(after).await;
            reply.send(7);
        };
        cx.spawn(replies).unwrap();
    }

    /// Nothing may come for this long.
    pub fn call_within(&mut self, time: Duration, cx: &mut Context<Self>) {
        self.waits = Some(cx.me().timed_out().after(time));
    }

    /// Whether it came in time.
    pub fn next_call(&mut self) -> bool {
        self.waits.take().is_some_and(|waits| waits.cancel())
    }

    /// Nothing came for too long.
    pub fn timed_out(&mut self) {
        self.waits = None;
        self.log.add("timed out");
    }

    /// Ends itself.
    pub fn stop_with(&mut self, reason: ExitReason, cx: &mut Context<Self>) {
        cx.stop_with(reason);
    }

    /// Ends itself without an answer.
    pub fn exit_with(&mut self, reason: ExitReason, cx: &mut Context<Self>, reply: ReplyPort<()>) {
        cx.stop_with(reason);
        self.kept = Some(reply);
    }

    /// Fails.
    pub fn crash(&mut self) {
        panic!("crashed");
    }

    /// Begins works that follow on each other.
    pub fn work(&mut self, works: u32, cx: &mut Context<Self>) {
        self.works_left = works;
        cx.go_on();
        cx.go_on();
    }

    /// Begins works, and ends.
    pub fn work_and_stop(&mut self, cx: &mut Context<Self>) {
        cx.go_on();
        cx.stop();
    }

    /// Calls itself.
    pub async fn calling_self(&mut self, cx: &mut Context<Self>) -> Result<bool, CallError> {
        cx.me().started_p().await
    }

    /// Calls another.
    pub async fn call_other(&mut self, other: ActorRef<Server>) -> Result<bool, CallError> {
        other.started_p().await
    }

    /// Links.
    pub fn link(&mut self, other: ActorRef<Server>, trap: bool, cx: &mut Context<Self>) {
        cx.trap_exits(trap);
        cx.link(&other).unwrap();
    }

    /// Monitors.
    pub fn monitor(&mut self, other: ActorRef<Server>, cx: &mut Context<Self>) {
        cx.monitor(&other);
    }

    #[continued]
    async fn continued(&mut self, cx: &mut Context<Self>) {
        tokio::time::sleep(self.work_takes).await;
        self.log.add(format!("work, {} left", self.works_left));
        if let Some(left) = self.works_left.checked_sub(1) {
            self.works_left = left;
            cx.go_on();
        }
    }

    #[info]
    fn info(&mut self, info: Info) {
        if let Info::Exit { reason, .. } = info {
            self.log.add(format!("info: it {reason}"));
        }
    }

    #[down]
    fn down(&mut self, down: Down) {
        self.log.add(format!("down: it {}", down.reason));
    }

    #[stopped]
    fn stopped(&mut self, reason: &ExitReason) {
        self.log.add(format!("stopped: {reason}"));
    }
}

async fn server_of(system: &System) -> (ActorRef<Server>, Log) {
    let log = Log::default();
    let spec = Server::spec(How::Ready, log.clone());
    (system.spawn(spec).await.unwrap(), log)
}

async fn server() -> (ActorRef<Server>, Log) {
    server_of(&System::new("test")).await
}

async fn started(how: How) -> (Result<ActorRef<Server>, StartError>, Log) {
    let log = Log::default();
    let spec = Server::spec(how, log.clone());
    (System::new("test").spawn(spec).await, log)
}

/// Why it ended, while something ends it.
async fn exit_of(server: &ActorRef<Server>, ends: impl IntoFuture) -> ExitReason {
    let (reason, _) = tokio::join!(biased; ActorRef::exited(server), ends.into_future());
    reason
}

const SECOND: Duration = Duration::from_secs(1);
static TO_STOP: Name<Server> = Name::new("to_stop");

#[tokio::test(start_paused = true)]
async fn start() {
    let (server, _) = server().await;
    assert_eq!(server.started_p().await, Ok(true));
    assert_eq!(server.stop_with(ExitReason::Normal).await, Ok(()));
    ActorRef::gone(&server).await;
    assert_eq!(server.started_p().await, Err(CallError::Gone));
}

#[tokio::test(start_paused = true)]
async fn start_timeout() {
    let system = System::new("test");
    let slow = Server::spec(How::Slowly(SECOND), Log::default()).name(TO_STOP);
    let start = Instant::now();
    let waited = tokio::time::timeout(SECOND / 10, system.spawn(slow)).await;
    assert!(waited.is_err());
    assert_eq!(start.elapsed(), SECOND / 10);
    let server = system.whereis(TO_STOP).expect("it goes on to start");
    assert!(system.terminate(&server).await, "and can be ended");
    assert!(system.whereis(TO_STOP).is_none());
}

#[tokio::test(start_paused = true)]
async fn start_ignore() {
    assert_eq!(started(How::Ignore).await.0, Err(StartError::Ignored));
}

#[tokio::test(start_paused = true)]
async fn start_error() {
    let failed = StartError::Failed(ExitReason::error("stopped"));
    assert_eq!(started(How::Fail).await.0, Err(failed));
}

#[tokio::test(start_paused = true)]
async fn start_stop() {
    let (server, log) = started(How::Stop).await;
    let server = server.expect("it has started");
    ActorRef::gone(&server).await;
    assert_eq!(
        log.all(),
        ["stopped: was shut down: not today"],
        "before any message"
    );
}

#[tokio::test(start_paused = true)]
async fn start_linked() {
    let system = System::new("test");
    let ((parent, log), (child, _)) = (server_of(&system).await, server_of(&system).await);
    parent.link(child.clone(), true).await.unwrap();
    child.stop_with(ExitReason::Normal).await.unwrap();
    ActorRef::gone(&child).await;
    assert_eq!(parent.started_p().await, Ok(true));
    assert_eq!(log.all(), ["info: it stopped"]);
}

#[tokio::test(start_paused = true)]
async fn start_monitored() {
    let system = System::new("test");
    let ((parent, log), (child, _)) = (server_of(&system).await, server_of(&system).await);
    parent.monitor(child.clone()).await.unwrap();
    child.stop_with(ExitReason::Normal).await.unwrap();
    ActorRef::gone(&child).await;
    assert_eq!(parent.started_p().await, Ok(true));
    assert_eq!(log.all(), ["down: it stopped"]);
}

#[tokio::test(start_paused = true)]
async fn already_started() {
    let system = System::new("test");
    let spec = || Server::spec(How::Ready, Log::default()).name(TO_STOP);
    let server = system.spawn(spec()).await.unwrap();
    assert_eq!(system.spawn(spec()).await, Err(StartError::NameTaken("to_stop")));
    assert_eq!(system.whereis(TO_STOP), Some(server));
}

#[tokio::test(start_paused = true)]
async fn start_event_timeout() {
    let (server, log) = started(How::Within(SECOND)).await;
    let server = server.unwrap();
    tokio::time::sleep(2 * SECOND).await;
    assert_eq!(server.next_call().await, Ok(false));
    assert_eq!(log.all(), ["timed out"]);

    let (server, log) = started(How::Within(SECOND)).await;
    let server = server.unwrap();
    assert_eq!(server.next_call().await, Ok(true));
    tokio::time::sleep(2 * SECOND).await;
    assert_eq!(server.started_p().await, Ok(true));
    assert_eq!(log.all(), Vec::<String>::new());
}

#[tokio::test(start_paused = true)]
async fn stop1() {
    let (server, log) = server().await;
    let reason = exit_of(&server, async { ActorRef::stop(&server) }).await;
    assert_eq!(reason, ExitReason::Normal);
    assert!(!ActorRef::is_alive(&server));
    assert_eq!(log.all(), ["stopped: stopped"]);
    assert_eq!(ActorRef::exited(&server).await, ExitReason::Gone, "no process");
}

#[tokio::test(start_paused = true)]
async fn stop2() {
    let (server, log) = server().await;
    let other = ExitReason::error("other_reason");
    let reason = exit_of(&server, async { ActorRef::exit(&server, other.clone()) }).await;
    assert_eq!(reason, other);
    assert!(!ActorRef::is_alive(&server));
    assert_eq!(log.all(), ["stopped: failed: other_reason"]);
}

#[tokio::test(start_paused = true)]
async fn stop4() {
    let system = System::new("test");
    let spec = Server::spec(How::Ready, Log::default()).name(TO_STOP);
    system.spawn(spec).await.unwrap();
    let server = system.whereis(TO_STOP).expect("it has this name");
    ActorRef::stop(&server);
    ActorRef::gone(&server).await;
    assert!(system.whereis(TO_STOP).is_none());
}

#[tokio::test(start_paused = true)]
async fn crash() {
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
}

#[tokio::test(start_paused = true)]
async fn r41_only_an_unexpected_end_is_reported_and_once() {
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
}

#[tokio::test(start_paused = true)]
async fn r11_a_transient_actor_is_not_restarted_after_a_shutdown_with_a_reason() {
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
}

#[tokio::test(start_paused = true)]
async fn call() {
    let (server, log) = server().await;
    assert_eq!(server.started_p().await, Ok(true));
    assert_eq!(server.delayed_answer(SECOND / 1000).await, Ok("delayed"));

    server.call_within(SECOND).await.unwrap();
    tokio::time::sleep(SECOND / 2).await;
    assert_eq!(server.next_call().await, Ok(true));
    server.call_within(SECOND).await.unwrap();
    tokio::time::sleep(SECOND + SECOND / 2).await;
    assert_eq!(server.next_call().await, Ok(false));
    assert_eq!(log.all(), ["timed out"]);

    let (short, long) = (SECOND / 1000, SECOND / 30);
    assert_eq!(server.delayed_answer(short).timeout(long).await, Ok("delayed"));
    assert_eq!(
        server.delayed_answer(long).timeout(short).await,
        Err(CallError::Timeout)
    );
}

#[tokio::test(start_paused = true)]
async fn r38_a_call_has_five_seconds_and_a_late_reply_is_dropped() {
    let (server, _) = server().await;
    let start = Instant::now();
    assert_eq!(server.delayed_answer(6 * SECOND).await, Err(CallError::Timeout));
    assert_eq!(start.elapsed(), 5 * SECOND);
    assert_eq!(server.note(1).await, Ok(1), "its own reply, not the late one");
    assert_eq!(start.elapsed(), 6 * SECOND);
}

#[tokio::test(start_paused = true)]
async fn r39_a_reply_may_come_later_and_others_are_served_meanwhile() {
    let (server, _) = server().await;
    let start = Instant::now();
    let later = async { (server.reply_later(2 * SECOND).await, start.elapsed()) };
    let other = async { (server.note(1).await, start.elapsed()) };
    let (later, other) = tokio::join!(later, other);
    assert_eq!(later, (Ok(7), 2 * SECOND));
    assert_eq!(other, (Ok(1), Duration::ZERO));
}

#[tokio::test(start_paused = true)]
async fn send_request_receive_and_wait() {
    let (server, _) = server().await;
    let mut request = Box::pin(server.reply_later(2 * SECOND).into_future());
    let early = tokio::time::timeout(SECOND, &mut request).await;
    assert!(early.is_err(), "a wait that ends early loses nothing");
    assert_eq!(request.await, Ok(7));

    let crashes = server.crash().into_future();
    assert!(matches!(
        crashes.await,
        Err(CallError::Exited(ExitReason::Panic { .. }))
    ));
    ActorRef::gone(&server).await;
    assert_eq!(server.note(1).into_future().await, Err(CallError::Gone));
}

#[tokio::test(start_paused = true)]
async fn send_request_check() {
    let (server, _) = server().await;
    let mut request = Box::pin(server.reply_later(SECOND).into_future());
    let mut check = async || tokio::time::timeout(Duration::ZERO, &mut request).await.ok();
    assert_eq!(check().await, None, "no reply yet");
    tokio::time::sleep(2 * SECOND).await;
    assert_eq!(check().await, Some(Ok(7)));
}

#[tokio::test(start_paused = true)]
async fn reqid_collection_receive_wait_and_check() {
    let (server, _) = server().await;
    let mut first = Box::pin(server.reply_later(SECOND).into_future());
    let mut second = Box::pin(server.reply_later(2 * SECOND).into_future());
    let mut third = Box::pin(server.reply_later(9 * SECOND).timeout(3 * SECOND).into_future());
    let mut order = Vec::new();
    let (mut has_first, mut has_second, mut has_third) = (false, false, false);
    while !(has_first && has_second && has_third) {
        tokio::select! {
            reply = &mut first, if !has_first => { has_first = true; order.push((1, reply)); }
            reply = &mut second, if !has_second => { has_second = true; order.push((2, reply)); }
            reply = &mut third, if !has_third => { has_third = true; order.push((3, reply)); }
        }
    }
    assert_eq!(order, [(1, Ok(7)), (2, Ok(7)), (3, Err(CallError::Timeout))]);
}

#[tokio::test(start_paused = true)]
async fn cast() {
    let (server, log) = server().await;
    for n in 0..3 {
        server.note(n).cast().unwrap();
    }
    assert_eq!(server.started_p().await, Ok(true));
    assert_eq!(log.all(), ["note 0", "note 1", "note 2"]);
    server.stop_with(ExitReason::Normal).cast().unwrap();
    ActorRef::gone(&server).await;
    assert!(matches!(
        server.note(3).cast(),
        Err(CastError::Gone(ServerMessage::Note { what: 3 }))
    ));
}

#[tokio::test(start_paused = true)]
async fn info() {
    let (server, log) = server().await;
    let (dead, _) = server_of(&System::new("other")).await;
    server.link(dead.clone(), true).await.unwrap();
    ActorRef::kill(&dead);
    ActorRef::gone(&dead).await;
    assert_eq!(ActorRef::exit(&server, ExitReason::Shutdown), Ok(()));
    assert_eq!(server.started_p().await, Ok(true));
    assert_eq!(log.all(), ["info: it was killed", "info: it was shut down"]);
}

/// Has neither `#[info]` nor `#[continued]`.
#[actor]
#[derive(Default)]
pub struct Plain;

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

#[tokio::test(start_paused = true)]
async fn what_there_is_no_hook_for_is_an_event() {
    let (events, _guard) = Events::count();
    let plain = System::new("test").spawn(Plain::spec()).await.unwrap();
    plain.ask().await.unwrap();
    plain.ping().await.unwrap();
    assert_eq!(events.of("quorate::info"), 1);
    ActorRef::exit(&plain, ExitReason::Shutdown).unwrap();
    plain.ping().await.unwrap();
    assert_eq!(events.of("quorate::info"), 2);
    assert_eq!(events.of("quorate::exit"), 0);
}

#[tokio::test(start_paused = true)]
async fn r39_continue_runs_before_the_next_message() {
    let (server, log) = server().await;
    server.work(2).cast().unwrap();
    server.note(1).cast().unwrap();
    assert_eq!(server.note(2).await, Ok(2));
    let works = ["work, 2 left", "work, 1 left", "work, 0 left"];
    assert_eq!(log.all(), [works[0], works[1], works[2], "note 1", "note 2"]);
}

#[tokio::test(start_paused = true)]
async fn r39_what_init_goes_on_with_does_not_hold_up_the_start() {
    let start = Instant::now();
    let (server, log) = started(How::GoOn).await;
    assert_eq!((start.elapsed(), log.all()), (Duration::ZERO, vec![]));
    assert_eq!(server.unwrap().note(1).await, Ok(1));
    assert_eq!(start.elapsed(), SECOND);
    assert_eq!(log.all(), ["work, 0 left", "note 1"]);
}

#[tokio::test(start_paused = true)]
async fn r#continue() {
    let (server, log) = server().await;
    server.work_and_stop().await.unwrap();
    ActorRef::gone(&server).await;
    assert_eq!(log.all(), ["stopped: stopped"], "a stop comes first");

    let (server, log) = server_of(&System::new("test")).await;
    server.work(100).await.unwrap();
    let start = Instant::now();
    tokio::time::sleep(SECOND + SECOND / 2).await;
    ActorRef::stop(&server);
    ActorRef::gone(&server).await;
    assert_eq!(start.elapsed(), 2 * SECOND, "between two works");
    assert_eq!(log.all(), ["work, 100 left", "work, 99 left", "stopped: stopped"]);
}

#[tokio::test(start_paused = true)]
async fn handle_event_timeout() {
    let (server, log) = server().await;
    server.call_within(SECOND).await.unwrap();
    tokio::time::sleep(SECOND / 2).await;
    assert_eq!(log.all(), Vec::<String>::new());
    tokio::time::sleep(SECOND).await;
    assert_eq!(log.all(), ["timed out"]);
    tokio::time::sleep(9 * SECOND).await;
    assert_eq!(log.all(), ["timed out"], "once");
}

/// Ticks.
#[actor]
pub struct Clock {
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

#[tokio::test(start_paused = true)]
async fn ticks_end_with_the_incarnation_and_begin_anew_with_the_next() {
    let log = Log::default();
    let clock = System::new("test").spawn(Clock::spec(log.clone())).await.unwrap();
    tokio::time::sleep(SECOND * 5 / 2).await;
    assert!(clock.crash().await.is_err());
    tokio::time::sleep(SECOND * 9 / 10).await;
    assert_eq!(log.all(), ["started", "tick 1", "tick 2", "started"]);
    tokio::time::sleep(SECOND / 2).await;
    assert_eq!(log.all(), ["started", "tick 1", "tick 2", "started", "tick 1"]);
    ActorRef::kill(&clock);
}

#[tokio::test(start_paused = true)]
async fn multicall() {
    let system = System::new("test");
    let ((one, _), (other, _)) = (server_of(&system).await, server_of(&system).await);
    let start = Instant::now();
    let replies = tokio::join!(one.delayed_answer(SECOND), other.delayed_answer(SECOND));
    assert_eq!(replies, (Ok("delayed"), Ok("delayed")));
    assert_eq!(start.elapsed(), SECOND, "beside each other");
}

#[tokio::test(start_paused = true)]
async fn multicall_down() {
    let system = System::new("test");
    let ((one, _), (dead, _)) = (server_of(&system).await, server_of(&system).await);
    ActorRef::kill(&dead);
    ActorRef::gone(&dead).await;
    let start = Instant::now();
    let down = async { (dead.note(1).await, start.elapsed()) };
    let (reply, down) = tokio::join!(one.delayed_answer(SECOND), down);
    assert_eq!(reply, Ok("delayed"));
    assert_eq!(down, (Err(CallError::Gone), Duration::ZERO));
}

#[tokio::test(start_paused = true)]
async fn multicall_recv_opt_timeout() {
    let system = System::new("test");
    let ((one, _), (slow, _)) = (server_of(&system).await, server_of(&system).await);
    let start = Instant::now();
    let replies = tokio::join!(
        one.delayed_answer(SECOND).timeout(2 * SECOND),
        slow.delayed_answer(9 * SECOND).timeout(2 * SECOND),
    );
    assert_eq!(replies, (Ok("delayed"), Err(CallError::Timeout)));
    assert_eq!(start.elapsed(), 2 * SECOND);
}

#[tokio::test(start_paused = true)]
async fn calling_self() {
    let (server, _) = server().await;
    let start = Instant::now();
    assert_eq!(server.calling_self().await, Ok(Err(CallError::SelfCall)));
    assert_eq!(start.elapsed(), Duration::ZERO);
    assert_eq!(server.started_p().await, Ok(true));
}

#[tokio::test(start_paused = true)]
async fn call_with_huge_message_queue() {
    const WAITING: u64 = 100_000;
    let system = System::new("test");
    let log = Log::default();
    let spec = Server::spec(How::Ready, log.clone()).mailbox(WAITING as usize + 1);
    let (busy, (other, _)) = (system.spawn(spec).await.unwrap(), server_of(&system).await);
    let call = async { (busy.call_other(other).await, log.all().len()) };
    let fill = async {
        for n in 0..WAITING {
            busy.note(n).cast().unwrap();
        }
    };
    let ((called, handled), ()) = tokio::join!(biased; call, fill);
    assert_eq!(called, Ok(Ok(true)));
    assert!(
        handled < WAITING as usize,
        "the reply did not queue behind what waits"
    );
}

#[tokio::test(start_paused = true)]
async fn r40_stopped_runs_at_every_end_but_a_kill() {
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
}

#[tokio::test(start_paused = true)]
async fn r42_the_linked_end_together_unless_one_traps() {
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
}

/// What another node has.
#[actor(restart = temporary)]
#[derive(Default)]
struct Far;

#[actor]
impl Far {
    pub fn started_p(&mut self) -> bool {
        true
    }

    pub fn crash(&mut self) -> bool {
        panic!("boom")
    }
}

/// Links to what another node has.
#[actor]
#[derive(Default)]
struct Near;

#[actor(local)]
impl Near {
    pub fn link(&mut self, far: ActorRef<Far>, cx: &mut Context<Self>) -> Result<(), LinkError> {
        cx.link(&far)
    }
}

static HUBBA: Name<Far> = Name::new("hubba");
const LOOPBACK: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 0);

/// A node with a server named hubba, and another that is connected to it.
struct Nodes {
    there: System,
    here: System,
    peer: Peer,
    /// The node there listens as long as this is kept.
    _listener: Listener,
}

async fn nodes() -> (Nodes, ActorRef<Far>) {
    let there = System::new("there");
    there.spawn(Far::spec().name(HUBBA)).await.unwrap();
    let listener = Listener::bind_with(LOOPBACK, ListenOptions::cluster("shop"))
        .await
        .unwrap();
    listener.serve("app", &there).unwrap();
    let here = System::new("here");
    let options = ConnectOptions::new("shop", "app");
    let peer = here.connect(listener.local_addr(), options).await.unwrap();
    let hubba = peer.lookup(HUBBA).await.unwrap();
    let nodes = Nodes {
        there,
        here,
        peer,
        _listener: listener,
    };
    (nodes, hubba)
}

async fn within<T>(what: impl IntoFuture<Output = T>) -> T {
    let limit = Duration::from_secs(20);
    tokio::time::timeout(limit, what)
        .await
        .expect("it ends long before")
}

/// The node there stops.
async fn node_down(nodes: Nodes) -> System {
    drop(nodes._listener);
    nodes.there.shutdown().await.unwrap();
    nodes.peer.close();
    within(nodes.peer.closed()).await;
    nodes.here
}

#[tokio::test]
async fn stop8() {
    let (nodes, far) = nodes().await;
    ActorRef::stop(&far);
    assert_eq!(ActorRef::exit(&far, ExitReason::Shutdown), Err(ExitError::Remote));
    assert_eq!(within(far.started_p()).await, Ok(true), "not from here");
    let own = nodes.there.whereis(HUBBA).unwrap();
    ActorRef::stop(&own);
    ActorRef::gone(&own).await;
    assert_eq!(within(far.started_p()).await, Err(CallError::Gone), "no process");
    let _here = node_down(nodes).await;
    assert_eq!(within(far.started_p()).await, Err(CallError::NodeDown));
}

#[tokio::test]
async fn stop9() {
    let (nodes, _) = nodes().await;
    let own = nodes.there.whereis(HUBBA).unwrap();
    ActorRef::stop(&own);
    ActorRef::gone(&own).await;
    assert_eq!(nodes.there.whereis(HUBBA), None);
    assert!(matches!(
        within(nodes.peer.lookup(HUBBA)).await,
        Err(LookupError::NotFound { .. })
    ));
}

#[tokio::test]
async fn cast_fast() {
    let (nodes, far) = nodes().await;
    let _here = node_down(nodes).await;
    // It is not even async: there is nothing that could block.
    let cast = far.started_p().cast();
    assert!(matches!(cast, Err(CastError::NodeDown(FarMessage::StartedP))));
}

#[tokio::test]
async fn call_remote1() {
    let (nodes, far) = nodes().await;
    assert_eq!(within(far.started_p()).await, Ok(true));
    let own = nodes.there.whereis(HUBBA).unwrap();
    ActorRef::exit(&own, ExitReason::error("boom")).unwrap();
    ActorRef::gone(&own).await;
    assert_eq!(within(far.started_p()).await, Err(CallError::Gone));
}

#[tokio::test]
async fn call_remote2() {
    let (_nodes, far) = nodes().await;
    let crashed = within(far.crash()).await;
    assert!(
        matches!(crashed, Err(CallError::Exited(ExitReason::Panic { message, .. })) if &*message == "boom")
    );
}

#[tokio::test]
async fn call_remote3() {
    let (nodes, far) = nodes().await;
    let _here = node_down(nodes).await;
    assert_eq!(within(far.started_p()).await, Err(CallError::NodeDown));
}

#[tokio::test]
async fn an_end_with_a_reason_of_its_own_is_told_to_monitors_on_other_nodes() {
    let (nodes, far) = nodes().await;
    let own = nodes.there.whereis(HUBBA).unwrap();
    let exited = {
        let far = far.clone();
        tokio::spawn(async move { ActorRef::exited(&far).await })
    };
    tokio::task::yield_now().await;
    assert_eq!(within(far.started_p()).await, Ok(true), "behind the monitor");
    ActorRef::exit(&own, ExitReason::shutdown_with("enough")).unwrap();
    assert_eq!(within(exited).await.unwrap(), ExitReason::shutdown_with("enough"));
}

#[tokio::test]
async fn an_actor_of_another_node_is_not_linked() {
    let (nodes, far) = nodes().await;
    let near = nodes.here.spawn(Near::spec()).await.unwrap();
    assert_eq!(near.link(far).await, Ok(Err(LinkError::Remote)));
}
