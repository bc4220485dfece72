//! What happens at an actor's place, for a test that waits for it.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::{sleep, timeout};

use super::PATIENCE;
use crate::actor::Actor;
use crate::actor_ref::ActorRef;
use crate::exit::ExitReason;
use crate::seat::Seat;

/// How often a place is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(1);

/// The incarnations of one place, from where one begins to look.
pub struct Life {
    seat: Arc<Seat>,
    actor: &'static str,
    /// The incarnation that was seen last.
    incarnation: u64,
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
        Self {
            incarnation: seat.incarnation(),
            actor: A::NAME,
            seat,
        }
    }

    /// Waits until the incarnation that was seen last has ended, and tells why.
    ///
    /// # Panics
    /// When it does not end.
    pub async fn ended(&self) -> ExitReason {
        self.until("end", || {
            self.seat.incarnation() > self.incarnation || !self.seat.is_live()
        })
        .await;
        // The reason of a later one when there has been one: whoever wants each has to look in time.
        self.seat.last_exit().unwrap_or(ExitReason::Gone)
    }

    /// Waits for the next incarnation, and goes on from it.
    ///
    /// # Panics
    /// When none comes.
    pub async fn restarted(&mut self) {
        self.until("come back", || {
            self.seat.incarnation() > self.incarnation && self.seat.is_live()
        })
        .await;
        self.incarnation = self.seat.incarnation();
    }

    /// Waits until the actor is gone: it has ended, and is not coming back by itself.
    ///
    /// # Panics
    /// When it lives on.
    pub async fn gone(&self) {
        self.until("go", || self.seat.is_gone() && !self.seat.is_live())
            .await;
    }

    /// How often it has been started again since its first start.
    pub fn restarts(&self) -> u64 {
        self.seat.incarnation().saturating_sub(1)
    }

    async fn until(&self, what: &str, is_so: impl Fn() -> bool) {
        let looking = async {
            while !is_so() {
                sleep(LOOK_EVERY).await;
            }
        };
        assert!(
            timeout(PATIENCE, looking).await.is_ok(),
            "`{}` did not {what} within {PATIENCE:?}",
            self.actor
        );
    }
}

impl fmt::Debug for Life {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Life({}{}, {})", self.actor, self.seat.id, self.incarnation)
    }
}
