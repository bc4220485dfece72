//! A call that its caller does not run [itself](super::in_place): room, delivery, reply, and (for a moving place) the next location.
//!
//! ```text
//! Ready(method) -> Room (full mailbox) -> Waiting (sent) -> done
//!       |                                    |
//!       +-- Locating (moving place) <--------+  only when it is certain that it was not handled
//! ```
//! A local call that is queued has a [slot] for its reply and an [alarm](crate::alarm) at its deadline, whose memory is kept for
//! the next one: it allocates nothing. Waiting for room or for a location allocates.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::time::Instant;

use super::{CallError, Failure, LONGEST, Method, Refusal};
use crate::actor::Actor;
use crate::alarm::Alarm;
use crate::budget;
use crate::current;
use crate::envelope::Item;
use crate::mailbox::Parcel;
use crate::message::Body;
use crate::moving::{Located, MovingPlace};
use crate::place::{NoRoom, Place, ReserveRoom, Unsent};
use crate::raw_ref::{RawRef, To};
use crate::reply::{Reply, ReplyPort};
use crate::slot;
use crate::stamp::Stamp;
use crate::stopwatch;
use crate::waits::Waiting;
use crate::wire::link::{Link, RemotePlace, RequestHead, RequestId, SendError};

type BoxFuture<T> = Pin<Box<dyn Future<Output = T> + Send>>;
type Envelope<M> = <<M as Method>::Actor as Actor>::Envelope;

/// A call that waits. Done when it has answered.
pub(super) struct Queued<'a, M: Method> {
    pub(super) to: &'a RawRef<M::Actor>,
    timeout: Duration,
    deadline: Instant,
    /// Set when it begins to wait.
    alarm: Option<Alarm>,
    /// The location that was tried last.
    version: u64,
    /// Where the message is sent: `to`, or the present location of a moving place.
    target: Option<RawRef<M::Actor>>,
    state: State<M>,
    /// The note that the turn which polls this waits for it.
    waiting: Option<Waiting>,
    /// So many of these calls spend a unit of what a task may do.
    share: u8,
}

enum State<M: Method> {
    Ready(M),
    Room {
        method: M,
        place: Arc<Place<M::Actor>>,
        room: ReserveRoom<M::Actor>,
    },
    Local {
        reply: slot::Receiver<Reply<M::Reply>>,
        bounced: Option<slot::Receiver<Envelope<M>>>,
    },
    Remote {
        method: M,
        reply: oneshot::Receiver<Result<Body, Failure>>,
        link: Arc<dyn Link>,
        id: Option<RequestId>,
    },
    Locating {
        method: M,
        next: BoxFuture<Located<M::Actor>>,
    },
    Done,
}

/// What a step came to. The state is what it goes on from.
enum Step<M: Method> {
    Next,
    Wait,
    Done(Result<M::Reply, CallError>),
}

impl<'a, M: Method> Queued<'a, M> {
    /// A call that begins now.
    #[inline]
    pub(super) fn new(to: &'a RawRef<M::Actor>, method: M, timeout: Duration, share: u8) -> Self {
        Self {
            to,
            timeout,
            deadline: stopwatch::deadline_after(timeout.min(LONGEST)),
            alarm: None,
            version: 0,
            target: None,
            state: State::Ready(method),
            waiting: None,
            share,
        }
    }

    /// A call of an actor of this process that has begun, and waits for its reply.
    #[inline]
    pub(super) fn waiting(
        to: &'a RawRef<M::Actor>,
        reply: slot::Receiver<Reply<M::Reply>>,
        deadline: Instant,
        timeout: Duration,
        share: u8,
    ) -> Self {
        Self {
            to,
            timeout,
            deadline,
            alarm: None,
            version: 0,
            target: None,
            state: State::Local { reply, bounced: None },
            waiting: None,
            share,
        }
    }

    fn step(&mut self, deadline: Instant, cx: &mut Context<'_>) -> Step<M> {
        if matches!(self.state, State::Local { .. }) {
            return self.poll_local(cx);
        }
        match std::mem::replace(&mut self.state, State::Done) {
            State::Ready(method) => self.send(method, deadline),
            State::Room {
                method,
                place,
                mut room,
            } => match Pin::new(&mut room).poll(cx) {
                Poll::Pending => self.wait(State::Room { method, place, room }),
                Poll::Ready(permit) => self.deliver(&place, method, deadline, |item| {
                    Place::send_granted(permit, item);
                    Ok(())
                }),
            },
            State::Remote {
                method,
                mut reply,
                link,
                id,
            } => match Pin::new(&mut reply).poll(cx) {
                Poll::Pending => self.wait(State::Remote {
                    method,
                    reply,
                    link,
                    id,
                }),
                Poll::Ready(Ok(Ok(body))) => Step::Done(decode::<M>(&body)),
                Poll::Ready(Ok(Err(failure))) => self.refused(Some(method), failure),
                Poll::Ready(Err(_)) => Step::Done(Err(CallError::NodeDown)),
            },
            State::Locating { method, mut next } => match next.as_mut().poll(cx) {
                Poll::Pending => self.wait(State::Locating { method, next }),
                Poll::Ready(located) => {
                    self.version = located.version;
                    self.target = located.raw;
                    self.next(State::Ready(method))
                }
            },
            State::Local { .. } | State::Done => panic!("a call was polled after its end"),
        }
    }

    fn next(&mut self, state: State<M>) -> Step<M> {
        self.state = state;
        Step::Next
    }

    fn wait(&mut self, state: State<M>) -> Step<M> {
        self.state = state;
        Step::Wait
    }

    fn send(&mut self, method: M, deadline: Instant) -> Step<M> {
        let Ok(stamp) = current::effect() else {
            return Step::Done(Err(CallError::Lapsed));
        };
        if let (To::Moving(place), None) = (&self.to.to, &self.target) {
            return self.next(locate(place, self.version, method));
        }
        // Whoever calls one of this process directly has a ref that outlives the call: nothing is counted.
        let to = self.to;
        if let To::Local(place) = &to.to {
            return self.send_to(to, place, method, deadline);
        }
        let target = self.target.as_ref().unwrap_or(self.to);
        match &target.to {
            To::Local(place) => {
                let (target, place) = (target.clone(), Arc::clone(place));
                self.send_to(&target, &place, method, deadline)
            }
            To::Remote(place) => {
                let place = Arc::clone(place);
                self.send_remote(&place, method, deadline, stamp)
            }
            // A place moves to places, not to other moving ones.
            To::Moving(_) => Step::Done(Err(CallError::Gone)),
        }
    }

    fn send_to(
        &mut self,
        target: &RawRef<M::Actor>,
        place: &Arc<Place<M::Actor>>,
        method: M,
        deadline: Instant,
    ) -> Step<M> {
        if current::is(place.seat.id) {
            return Step::Done(Err(CallError::SelfCall));
        }
        if !target.may_reach(place) {
            return self.refused(Some(method), Failure::Refused(Refusal::Gone));
        }
        self.send_local(place, method, deadline)
    }

    fn send_local(&mut self, place: &Arc<Place<M::Actor>>, method: M, deadline: Instant) -> Step<M> {
        match place.room() {
            Ok(()) => self.deliver(place, method, deadline, |item| place.send(item)),
            Err(no_room) => self.wait_or_refuse(place, no_room, method),
        }
    }

    fn wait_or_refuse(&mut self, place: &Arc<Place<M::Actor>>, no_room: NoRoom, method: M) -> Step<M> {
        match no_room {
            NoRoom::Gone => self.refused(Some(method), Failure::Refused(Refusal::Gone)),
            NoRoom::Full => self.next(State::Room {
                method,
                place: Arc::clone(place),
                room: place.reserve(),
            }),
        }
    }

    fn deliver(
        &mut self,
        place: &Arc<Place<M::Actor>>,
        method: M,
        deadline: Instant,
        send: impl FnOnce(Parcel<Item<M::Actor>>) -> Result<(), Unsent<M::Actor>>,
    ) -> Step<M> {
        // Asked again: there may have been a wait for room.
        let Ok(stamp) = current::effect() else {
            return Step::Done(Err(CallError::Lapsed));
        };
        let (sender, reply) = slot::pair(deadline);
        let (bounce, bounced) = match &self.to.to {
            To::Moving(_) => Some(slot::pair(deadline)).unzip(),
            To::Local(_) | To::Remote(_) => (None, None),
        };
        let incarnation = self.target.as_ref().unwrap_or(self.to).incarnation;
        let envelope = method.into_envelope(ReplyPort::local(sender));
        let sent = send(Parcel::new(Item::message(envelope, stamp, incarnation, bounce)));
        match sent.map_err(|(no_room, item)| (no_room, item.into_inner())) {
            Ok(()) => self.next(State::Local { reply, bounced }),
            Err((no_room, Item::Message { envelope, .. })) => {
                let method =
                    M::from_envelope(envelope).expect("the envelope is of the method that it was made of");
                self.wait_or_refuse(place, no_room, method)
            }
            Err((_, Item::Down(_) | Item::Exit(_) | Item::End(_))) => unreachable!("a message was sent"),
        }
    }

    fn poll_local(&mut self, cx: &mut Context<'_>) -> Step<M> {
        let (State::Local { reply, bounced }, Poll::Ready(unit)) =
            (&mut self.state, budget::take_or_yield(cx, self.share))
        else {
            return Step::Wait;
        };
        // Out of budget, it waits for a reply that has not come, and with one that has for its next turn.
        if unit.is_none() && (reply.is_answered() || bounced.is_some()) {
            let _ = budget::spend(cx, self.share);
            return Step::Wait;
        }
        if let Some(back) = bounced
            && let Poll::Ready(back) = back.poll(cx)
        {
            match back.map(M::from_envelope) {
                Some(method) => return self.refused(method, Failure::Refused(Refusal::Gone)),
                // Taken up by the actor: from here on only the reply counts.
                None => *bounced = None,
            }
        }
        let Poll::Ready(reply) = reply.poll(cx) else {
            return Step::Wait;
        };
        if let Some(unit) = unit {
            unit.made_progress();
        }
        Step::Done(answer::<M>(reply))
    }

    fn send_remote(&mut self, place: &RemotePlace, method: M, deadline: Instant, stamp: Stamp) -> Step<M> {
        let Some(wire) = M::WIRE else {
            return self.refused(Some(method), Failure::Refused(Refusal::UnknownMessage));
        };
        let left = deadline.saturating_duration_since(Instant::now());
        let head = RequestHead {
            target: place.target,
            id: wire.id,
            shape: wire.shape,
            stamp,
            deadline: Some(left),
        };
        let (sender, reply) = oneshot::channel();
        match place
            .link
            .send(head, &mut |buf| (wire.encode)(&method, buf), Some(sender))
        {
            Ok(id) => self.next(State::Remote {
                method,
                reply,
                link: Arc::clone(&place.link),
                id,
            }),
            Err(SendError::Overloaded) => Step::Done(Err(CallError::Overloaded)),
            Err(SendError::Encode(error)) => {
                Step::Done(Err(CallError::Unencodable(error.to_string().into())))
            }
            Err(SendError::Down) => match &self.to.to {
                To::Moving(_) => self.refused(Some(method), Failure::Refused(Refusal::Gone)),
                To::Local(_) | To::Remote(_) => Step::Done(Err(CallError::NodeDown)),
            },
        }
    }

    /// Goes on to the next location when that is safe, else ends.
    fn refused(&mut self, method: Option<M>, failure: Failure) -> Step<M> {
        if let (To::Moving(place), Some(method), true) = (&self.to.to, method, failure.may_move()) {
            self.target = None;
            return self.next(locate(place, self.version, method));
        }
        Step::Done(Err(failure.into_error(<M::Actor as Actor>::NAME, M::NAME)))
    }

    fn poll_deadline(&mut self, deadline: Instant, cx: &mut Context<'_>) -> Poll<()> {
        match &mut self.alarm {
            Some(alarm) => alarm.poll(deadline, cx),
            None if self.timeout.is_zero() => Poll::Ready(()),
            None => {
                self.alarm = Some(Alarm::set(deadline, cx));
                Poll::Pending
            }
        }
    }
}

fn locate<M: Method>(place: &Arc<MovingPlace<M::Actor>>, after: u64, method: M) -> State<M> {
    State::Locating {
        method,
        next: Box::pin(place.next(after)),
    }
}

/// What came of a message that was handled.
#[inline]
pub(super) fn answer<M: Method>(reply: Option<Reply<M::Reply>>) -> Result<M::Reply, CallError> {
    match reply {
        Some(Ok(reply)) => Ok(reply),
        Some(Err(failure)) => Err(failure.into_error(<M::Actor as Actor>::NAME, M::NAME)),
        None => Err(CallError::NoReply),
    }
}

fn decode<M: Method>(body: &Body) -> Result<M::Reply, CallError> {
    let wire = M::WIRE.ok_or(CallError::Malformed)?;
    (wire.decode_reply)(body).map_err(|_| CallError::Malformed)
}

impl<M: Method> Queued<'_, M> {
    pub(super) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Result<M::Reply, CallError>> {
        let deadline = self.deadline;
        loop {
            match self.step(deadline, cx) {
                Step::Next => {}
                Step::Done(result) => {
                    self.state = State::Done;
                    self.waiting = None;
                    self.alarm = None;
                    return Poll::Ready(result);
                }
                Step::Wait => {
                    if self.poll_deadline(deadline, cx).is_pending() {
                        self.note_wait();
                        return Poll::Pending;
                    }
                    // Dropping the state forgets the request.
                    self.forget();
                    let chain = self.waiting.take().and_then(|waiting| waiting.chain_back());
                    return Poll::Ready(Err(
                        chain.map_or(CallError::Timeout, |chain| CallError::Deadlock { chain })
                    ));
                }
            }
        }
    }

    /// In a turn: notes whom it waits for, once.
    fn note_wait(&mut self) {
        let to = &self.target.as_ref().unwrap_or(self.to).to;
        let (State::Room { .. } | State::Local { .. }, To::Local(place)) = (&self.state, to) else {
            self.waiting = None;
            return;
        };
        if self
            .waiting
            .as_ref()
            .is_none_or(|waiting| waiting.target != place.seat.id)
        {
            self.waiting = current::wait_for(&**place, M::NAME);
        }
    }

    #[inline]
    fn forget(&mut self) {
        if let State::Remote {
            link, id: Some(id), ..
        } = &self.state
        {
            link.forget(*id);
        }
        self.state = State::Done;
    }
}

impl<M: Method> Drop for Queued<'_, M> {
    fn drop(&mut self) {
        self.forget();
    }
}
