//! [`Probe`]: whoever is tested sends to it as to any actor of the type.

use std::fmt;
use std::future::poll_fn;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::timeout;
use tracing::{Instrument, Span};

use super::PATIENCE;
use crate::actor::Actor;
use crate::actor_ref::ActorRef;
use crate::envelope::Item;
use crate::error::StartError;
use crate::exit::ExitReason;
use crate::label::Label;
use crate::lane::Signal;
use crate::place::{Held, Place, Present};
use crate::policy::{Policy, Restart};
use crate::request::Refusal;
use crate::seat::{Seat, SeatRef};
use crate::spec::{Built, Spec, type_of};
use crate::start_fn::StartFn;
use crate::supervision::child::{Child, Report, SharedPolicy, span, spawn_in};
use crate::system::System;

/// Messages that a probe keeps until it is asked. Beyond them its mailbox fills as any other.
pub const PROBE_MAX: usize = 1024;

/// Stands in the place of an `A` and keeps the messages that are sent there. Calls end in
/// [`NoReply`](crate::CallError::NoReply).
pub struct Probe<A: Actor> {
    actor: ActorRef<A>,
    messages: mpsc::Receiver<A::Message>,
}

impl<A: Actor> Probe<A> {
    /// A probe under the root of a system.
    ///
    /// # Panics
    /// When the system has been shut down.
    pub async fn spawn(system: &System) -> Self {
        let (keep, messages) = mpsc::channel(PROBE_MAX);
        let policy = Policy {
            restart: Restart::Temporary,
            ..A::POLICY
        };
        let actor = system
            .spawn(ProbeSpec::<A> { keep, policy })
            .await
            .expect("a probe starts in a system that runs");
        Self { actor, messages }
    }

    /// The ref to give to whom is tested.
    pub fn actor(&self) -> ActorRef<A> {
        self.actor.clone()
    }

    /// The next message.
    ///
    /// # Panics
    /// When none comes.
    pub async fn next(&mut self) -> A::Message {
        let Ok(received) = timeout(PATIENCE, self.messages.recv()).await else {
            panic!(
                "no message came for the probe of `{}` within {PATIENCE:?}",
                A::NAME
            );
        };
        received.unwrap_or_else(|| panic!("the probe of `{}` has been stopped", A::NAME))
    }

    /// No message comes for this long.
    ///
    /// # Panics
    /// When one does.
    pub async fn expect_none(&mut self, time: Duration) {
        if let Ok(Some(message)) = timeout(time, self.messages.recv()).await {
            drop(message);
            panic!(
                "a message came for the probe of `{}`, where none was expected for {time:?}",
                A::NAME
            );
        }
    }
}

impl<A: Actor> fmt::Debug for Probe<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Probe").field(&self.actor).finish()
    }
}

struct ProbeSpec<A: Actor> {
    keep: mpsc::Sender<A::Message>,
    policy: Policy,
}

impl<A: Actor> Spec for ProbeSpec<A> {
    type Actor = A;

    fn policy(&self) -> Policy {
        self.policy
    }

    fn policy_mut(&mut self) -> &mut Policy {
        &mut self.policy
    }

    fn build(self, system: &System, id: Option<&str>) -> Result<Built<A>, StartError> {
        let seat = Seat::new(
            type_of::<A>(),
            Some(id.map_or(Label::Name("probe"), Label::id)),
            None,
        );
        let (place, _) = Place::<A>::new(
            || seat,
            system,
            self.policy.mailbox,
            Some(&self.policy),
            StartFn::otherwise(),
        );
        let me = Arc::clone(&place);
        let child = ProbeChild {
            place,
            keep: self.keep,
            policy: SharedPolicy::of::<A>(&self.policy),
        };
        Ok(Built {
            me,
            unbegun: None,
            slot: Some(Arc::new(child)),
        })
    }
}

/// The slot of a probe.
struct ProbeChild<A: Actor> {
    place: Arc<Place<A>>,
    keep: mpsc::Sender<A::Message>,
    policy: SharedPolicy,
}

impl<A: Actor> Child for ProbeChild<A> {
    fn policy(&self) -> SharedPolicy {
        self.policy.clone()
    }

    fn seat(&self) -> &Seat {
        &self.place.seat
    }

    fn seat_ref(&self) -> SeatRef {
        self.place.seat_ref()
    }

    fn start(self: Arc<Self>, report: Report) {
        let (place, keep) = (Arc::clone(&self.place), self.keep.clone());
        let to = report.clone();
        let incarnation = async move {
            report.started().await;
            let reason = tokio::select! {
                signal = place.seat.lane.wait(Signal::Stop) => signal.reason(),
                reason = take_all(&place, &keep) => reason,
            };
            place.seat.end(&reason);
            report.exited(reason).await;
        };
        let seat = &self.place.seat_ref();
        let span = span(seat, to.is_within());
        let begin = {
            let place = Arc::clone(&self.place);
            move |life, report: &Report| place.begin(Present::Probe(Box::pin(life)), report)
        };
        spawn_in(
            begin,
            seat,
            to,
            incarnation.instrument(span.unwrap_or_else(Span::none)),
        );
    }

    fn close(&self) {
        self.place.close();
    }

    fn remove(&self) {}
}

/// Takes what comes, until nobody looks at it any more.
async fn take_all<A: Actor>(place: &Place<A>, keep: &mpsc::Sender<A::Message>) -> ExitReason {
    let Some(held) = place.take_inbox() else {
        return ExitReason::error("the mailbox of the place is in use");
    };
    place.set_alive();
    let held = Some(held);
    let mut taken = Probed { place, held };
    while let Some(item) = poll_fn(|_| taken.poll_next()).await {
        if let Item::Message { envelope, .. } = item
            && keep.send(A::into_message(envelope)).await.is_err()
        {
            return ExitReason::Normal;
        }
    }
    ExitReason::Normal
}

/// Gives the mailbox back, drained, when the probe ends.
struct Probed<'a, A: Actor> {
    place: &'a Place<A>,
    held: Option<Held>,
}

impl<A: Actor> Probed<'_, A> {
    fn poll_next(&mut self) -> Poll<Option<Item<A>>> {
        let Some(held) = &mut self.held else {
            return Poll::Ready(None);
        };
        let (mailbox, inbox) = (self.place.mailbox(), self.place.inbox(held));
        match mailbox.next_or_rest(inbox) {
            Some(item) => {
                mailbox.settle(inbox);
                Poll::Ready(Some(item.into_inner()))
            }
            None => Poll::Pending,
        }
    }
}

impl<A: Actor> Drop for Probed<'_, A> {
    fn drop(&mut self) {
        if let Some(mut held) = self.held.take() {
            self.place.drain(&mut held, || Refusal::Gone);
            self.place.return_inbox(held);
        }
    }
}
