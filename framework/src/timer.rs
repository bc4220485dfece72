//! Delayed casts. Each is a task that sleeps; ticks are in [`turn`](crate::turn).

use std::time::Duration;

use tokio::task::AbortHandle;

use crate::current;
use crate::raw_ref::RawRef;
use crate::request::Method;

/// A delayed cast. Dropping this leaves it on its way.
#[derive(Clone, Debug)]
pub struct Delayed {
    task: AbortHandle,
}

impl Delayed {
    /// Takes the cast back. True when it had not been sent yet.
    #[allow(clippy::must_use_candidate)]
    pub fn cancel(&self) -> bool {
        let sent = self.task.is_finished();
        self.task.abort();
        !sent
    }
}

/// Casts after a delay; nothing when the actor that asked for it has ended or lapsed by then.
pub(crate) fn cast_after<M: Method>(to: RawRef<M::Actor>, method: M, delay: Duration) -> Delayed {
    let sender = current::get();
    let deliver = async move {
        tokio::time::sleep(delay).await;
        let cast = async { to.cast(method) };
        let sent = match sender {
            Some(sender) if !sender.may_act() => return,
            Some(sender) => sender.scope(cast).await,
            None => cast.await,
        };
        if let Err(error) = sent {
            let (actor, method) = (<M::Actor as crate::Actor>::NAME, M::NAME);
            tracing::warn!(target: "quorate::dead_letter", actor, method, %error, "a delayed cast was not sent");
        }
    };
    Delayed {
        task: tokio::spawn(deliver).abort_handle(),
    }
}
