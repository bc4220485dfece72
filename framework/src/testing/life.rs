//! What happens at an actor's place, for a test that waits for it.

use std::fmt;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::{sleep, timeout};

use super::PATIENCE;
use crate::actor::Actor;
use crate::actor_ref::ActorRef;
use crate::exit::ExitReason;
use crate::monitor::{MonitorId, Watcher};
use crate::seat::SeatRef;

/// How often a place is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(1);

/// The incarnations of one place, from where one begins to look.
pub struct Life {
    actor: &'static str,
    /// The incarnation that was seen last.
    incarnation: u64,
    seen: Watched,
}

impl Life {
    /// The life of an actor in this process, from its present incarnation on.
    ///
    /// # Panics
    /// When the actor is on another node.
    pub fn of<A: Actor>(actor: &ActorRef<A>) -> Self {
        let seat = ActorRef::raw(actor)
            .seat()
            .expect("a life is watched in its own process");
        let (incarnation, seen) = Watched::now(&seat);
        Self {
            actor: A::NAME,
            incarnation,
            seen,
        }
    }

    /// Waits until the incarnation that was seen last has ended, and tells why: as
    /// [`ActorRef::exited`](crate::ActorRef::exited), but it may end before one asks. One that is
    /// [`Stuck`](ExitReason::Stuck) counts as ended.
    ///
    /// # Panics
    /// When it does not end.
    ///
    /// # Cancel safety
    /// May be dropped at any point, and asked for again.
    pub async fn ended(&self) -> ExitReason {
        let mut reason = self.seen.reason.clone();
        let told = timeout(PATIENCE, reason.wait_for(Option::is_some)).await;
        match told.map(|told| told.ok().and_then(|reason| reason.clone())) {
            Ok(Some(reason)) if reason != ExitReason::Gone => reason,
            // It was on its way out, or there was none, when one began to look.
            Ok(_) => {
                self.until("end", || {
                    self.seat().incarnation() > self.incarnation || !self.seat().is_live()
                })
                .await;
                self.seat().last_exit().unwrap_or(ExitReason::Gone)
            }
            Err(_) => self.fail("end"),
        }
    }

    /// Waits for the next incarnation, and goes on from it.
    ///
    /// # Panics
    /// When none comes.
    ///
    /// # Cancel safety
    /// May be dropped at any point; it goes on only when it returns.
    pub async fn restarted(&mut self) {
        self.until("come back", || {
            self.seat().incarnation() > self.incarnation && self.seat().is_live()
        })
        .await;
        (self.incarnation, self.seen) = Watched::now(self.seat());
    }

    /// Waits until the actor is gone: it has ended, and is not coming back by itself.
    ///
    /// # Panics
    /// When it lives on.
    ///
    /// # Cancel safety
    /// May be dropped at any point.
    pub async fn gone(&self) {
        self.until("go", || self.seat().is_gone() && !self.seat().is_live())
            .await;
    }

    /// How often it has been started again since its first start.
    pub fn restarts(&self) -> u64 {
        self.seat().incarnation().saturating_sub(1)
    }

    fn seat(&self) -> &SeatRef {
        &self.seen.seat
    }

    async fn until(&self, what: &str, is_so: impl Fn() -> bool) {
        let looking = async {
            while !is_so() {
                sleep(LOOK_EVERY).await;
            }
        };
        if timeout(PATIENCE, looking).await.is_err() {
            self.fail(what);
        }
    }

    fn fail(&self, what: &str) -> ! {
        panic!("`{}` did not {what} within {PATIENCE:?}", self.actor);
    }
}

impl fmt::Debug for Life {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Life({}{}, {})", self.actor, self.seat().id, self.incarnation)
    }
}

/// A watcher on the incarnation that sits there.
struct Watched {
    seat: SeatRef,
    id: MonitorId,
    /// Why it ended; [`ExitReason::Gone`] when there was none that stays.
    reason: watch::Receiver<Option<ExitReason>>,
}

impl Watched {
    /// Watches the present incarnation, and says which that is.
    fn now(seat: &SeatRef) -> (u64, Self) {
        loop {
            let incarnation = seat.incarnation();
            let (tell, reason) = watch::channel(None);
            let id = MonitorId::next();
            seat.monitor(Watcher::new(id, move |reason| drop(tell.send(Some(reason)))));
            let seat = seat.clone();
            let watched = Self { seat, id, reason };
            // Else it is not known of which of the two it tells.
            if watched.seat.incarnation() == incarnation {
                return (incarnation, watched);
            }
        }
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        self.seat.demonitor(self.id);
    }
}
