//! The server of the suite, which does what it is told and notes it, and how the cases start it.

use std::time::Duration;

use quorate::prelude::*;
use quorate::testing::{Life, Log};
use quorate::{Delayed, StartError};

/// How a server starts.
#[derive(Clone, Copy, Debug)]
pub(crate) enum How {
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
pub(crate) struct Server {
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

pub(crate) async fn server_of(system: &System) -> (ActorRef<Server>, Log) {
    let log = Log::default();
    let spec = Server::spec(How::Ready, log.clone());
    (system.spawn(spec).await.unwrap(), log)
}

pub(crate) async fn server() -> (ActorRef<Server>, Log) {
    server_of(&System::new("test")).await
}

pub(crate) async fn started(how: How) -> (Result<ActorRef<Server>, StartError>, Log) {
    let log = Log::default();
    let spec = Server::spec(how, log.clone());
    (System::new("test").spawn(spec).await, log)
}

/// Why it ended, while something ends it.
pub(crate) async fn exit_of(server: &ActorRef<Server>, ends: impl IntoFuture) -> ExitReason {
    let life = Life::of(server);
    let _ = ends.await;
    life.ended().await
}

pub(crate) const SECOND: Duration = Duration::from_secs(1);
pub(crate) static TO_STOP: Name<Server> = Name::new("to_stop");
