//! One side of a link, which notes what it is told.

use std::time::Duration;

use quorate::ExitError;
use quorate::prelude::*;
use quorate::testing::Log;

/// One side of a link.
#[actor(restart = temporary, mailbox = 4)]
pub(crate) struct Side {
    log: Log,
}

#[actor(local)]
impl Side {
    #[init]
    fn new(log: Log, traps: bool, cx: &mut Context<Self>) -> Self {
        cx.trap_exits(traps);
        Self { log }
    }

    /// Links.
    pub fn link(&mut self, other: ActorRef<Side>, cx: &mut Context<Self>) -> Result<(), LinkError> {
        cx.link(&other)
    }

    /// Takes a link back, after a while.
    pub async fn unlink(&mut self, other: ActorRef<Side>, after: Duration, cx: &mut Context<Self>) {
        tokio::time::sleep(after).await;
        cx.unlink(&other);
    }

    /// Notes.
    pub fn note(&mut self, what: u64) {
        self.log.add(format!("note {what}"));
    }

    /// Ends itself.
    pub fn end(&mut self, reason: ExitReason, cx: &mut Context<Self>) {
        cx.stop_with(reason);
    }

    /// Casts to the other side, then ends.
    pub fn tell_and_end(&mut self, other: ActorRef<Side>, cx: &mut Context<Self>) {
        for n in 0..3 {
            other.note(n).cast().unwrap();
        }
        cx.fail("told all");
    }

    /// Sends an exit signal.
    pub fn send_exit(&mut self, other: ActorRef<Side>, reason: ExitReason) -> Result<(), ExitError> {
        ActorRef::exit(&other, reason)
    }

    /// Is busy.
    pub async fn busy(&mut self, time: Duration) {
        tokio::time::sleep(time).await;
    }

    /// Ends or not, from now on.
    pub fn trap(&mut self, trap: bool, cx: &mut Context<Self>) {
        cx.trap_exits(trap);
    }

    #[info]
    fn info(&mut self, info: Info) {
        if let Info::Exit { actor, reason } = info {
            self.log.add(format!("{actor} {reason}"));
        }
    }

    #[stopped]
    fn stopped(&mut self, reason: &ExitReason) {
        self.log.add(format!("stopped: {reason}"));
    }
}

/// A side, and what it logs.
pub(crate) type Logged = (ActorRef<Side>, Log);

pub(crate) async fn side(system: &System, traps: bool) -> Logged {
    let log = Log::default();
    let spec = Side::spec(log.clone(), traps);
    (system.spawn(spec).await.unwrap(), log)
}

/// Two that are linked; the second one traps exits or does not.
pub(crate) async fn linked(system: &System, traps: bool) -> (Logged, Logged) {
    let (one, other) = (side(system, false).await, side(system, traps).await);
    assert_eq!(one.0.link(other.0.clone()).await, Ok(Ok(())));
    (one, other)
}
