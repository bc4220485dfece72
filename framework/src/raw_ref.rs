//! The ref within a ref: where a place is, and how a message gets there.

use std::fmt;
use std::future::poll_fn;
use std::hash::{Hash, Hasher};
use std::pin::Pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use tokio::time::Instant;

use crate::actor::Actor;
use crate::alarm::Alarm;
use crate::current;
use crate::envelope::{Item, Rare};
use crate::exit::ExitReason;
use crate::helping;
use crate::id::ActorId;
use crate::lane::Signal;
use crate::link::ExitError;
use crate::mailbox::Parcel;
use crate::monitor::{MonitorId, Watcher};
use crate::moving::MovingPlace;
use crate::place::{NoRoom, Place};
use crate::reply::ReplyPort;
use crate::request::{CastError, LONGEST, Method};
use crate::seat::SeatRef;
use crate::stamp::Stamp;
use crate::supervision::ask::Desk;
use crate::wire::link::{RemotePlace, RequestHead, SendError};

/// What generated handles wrap. Users have [`ActorRef`](crate::ActorRef).
#[doc(hidden)]
pub struct RawRef<A: Actor> {
    pub(crate) to: To<A>,
    /// The only incarnation that it leads to, when pinned; else 0.
    pub(crate) incarnation: u64,
}

/// Where a ref leads.
pub(crate) enum To<A: Actor> {
    Local(Arc<Place<A>>),
    Remote(Arc<RemotePlace>),
    Moving(Arc<MovingPlace<A>>),
}

impl<A: Actor> RawRef<A> {
    pub(crate) fn local(place: Arc<Place<A>>) -> Self {
        Self {
            to: To::Local(place),
            incarnation: 0,
        }
    }

    pub(crate) fn remote(place: RemotePlace) -> Self {
        Self {
            to: To::Remote(Arc::new(place)),
            incarnation: 0,
        }
    }

    pub(crate) fn moving(place: Arc<MovingPlace<A>>) -> Self {
        Self {
            to: To::Moving(place),
            incarnation: 0,
        }
    }

    /// The refs to a supervisor's children, as its spec made them.
    ///
    /// # Panics
    /// When this is not a local ref to a supervisor whose children are a `C`: generated code asks for what it made.
    #[doc(hidden)]
    pub fn children<C: Clone + 'static>(&self) -> C {
        let To::Local(place) = &self.to else {
            panic!("a supervisor has local refs only");
        };
        place
            .children()
            .and_then(|children| children.downcast_ref::<C>())
            .expect("a supervisor's place is made with its children")
            .clone()
    }

    /// Where a supervisor is asked.
    ///
    /// # Panics
    /// When this is not a local ref to a supervisor: supervisors have no other refs.
    pub(crate) fn desk(&self) -> &Desk {
        match &self.to {
            To::Local(place) => place.desk().expect("a supervisor's place is made with its desk"),
            To::Remote(_) | To::Moving(_) => panic!("a supervisor has local refs only"),
        }
    }

    pub(crate) fn id(&self) -> ActorId {
        match &self.to {
            To::Local(place) => place.seat.id,
            To::Remote(place) => ActorId::remote(place.target),
            To::Moving(place) => place.id,
        }
    }

    pub(crate) fn is_alive(&self) -> bool {
        match &self.to {
            To::Local(place) => place.seat.is_live() && !place.seat.is_gone() && self.may_reach(place),
            To::Remote(place) => place.link.is_up(),
            To::Moving(place) => place.location().is_some_and(|location| location.is_alive()),
        }
    }

    /// False when the ref is pinned to an incarnation that has ended.
    pub(crate) fn may_reach(&self, place: &Place<A>) -> bool {
        self.incarnation == 0 || (self.incarnation == place.seat.incarnation() && place.seat.is_live())
    }

    pub(crate) fn pin(&self) -> Self {
        match &self.to {
            // What is pinned stays with its incarnation.
            To::Local(_) if self.incarnation != 0 => self.clone(),
            To::Local(place) => Self {
                to: To::Local(Arc::clone(place)),
                incarnation: place.seat.incarnation().max(1),
            },
            To::Remote(_) => self.clone(),
            To::Moving(place) => place
                .location()
                .map_or_else(|| self.clone(), |location| location.pin()),
        }
    }

    /// Where a moving place is now; every other ref as it is.
    pub(crate) fn located(&self) -> Self {
        match &self.to {
            To::Moving(place) => place.location().unwrap_or_else(|| self.clone()),
            To::Local(_) | To::Remote(_) => self.clone(),
        }
    }

    /// The seat of a place in this process; that of a moving one where it is now.
    pub(crate) fn seat(&self) -> Option<SeatRef> {
        match &self.to {
            To::Local(place) => Some(place.seat_ref()),
            To::Remote(_) => None,
            To::Moving(place) => place.location()?.seat(),
        }
    }

    /// The seat of a place that does not move, in this process.
    pub(crate) fn own_seat(&self) -> Option<SeatRef> {
        match &self.to {
            To::Local(place) => Some(place.seat_ref()),
            To::Remote(_) | To::Moving(_) => None,
        }
    }

    /// Asks the actor, in this process only, to end.
    pub(crate) fn signal(&self, signal: Signal) {
        match &self.to {
            To::Local(place) if self.may_reach(place) => place.signal(signal),
            To::Local(_) | To::Remote(_) => {}
            To::Moving(place) => {
                if let Some(location) = place.location() {
                    location.signal(signal);
                }
            }
        }
    }

    /// Sends an exit signal, in this process only.
    pub(crate) fn exit(&self, reason: ExitReason) -> Result<(), ExitError> {
        if !current::may_act() {
            return Err(ExitError::Lapsed);
        }
        match &self.to {
            To::Local(place) if !self.may_reach(place) => Err(ExitError::Gone),
            To::Local(place) if reason == ExitReason::Killed => {
                place.signal(Signal::Kill);
                Ok(())
            }
            To::Local(place) => place.send_exit(current::id().unwrap_or(ActorId::OUTSIDE), reason),
            To::Remote(_) => Err(ExitError::Remote),
            To::Moving(place) => place
                .location()
                .map_or(Err(ExitError::Gone), |location| location.exit(reason)),
        }
    }

    pub(crate) fn monitor(&self, watcher: Watcher) {
        match &self.to {
            To::Local(place) if self.may_reach(place) => place.seat.monitor(watcher),
            To::Local(_) => watcher.fire(ExitReason::Gone),
            To::Remote(place) => place.link.monitor(place.target, watcher),
            To::Moving(place) => match place.location() {
                Some(location) => location.monitor(watcher),
                None => watcher.fire(ExitReason::Gone),
            },
        }
    }

    pub(crate) fn demonitor(&self, id: MonitorId) {
        match &self.to {
            To::Local(place) => place.seat.demonitor(id),
            To::Remote(place) => place.link.demonitor(place.target, id),
            To::Moving(place) => {
                if let Some(location) = place.location() {
                    location.demonitor(id);
                }
            }
        }
    }

    /// Sends a method's message without a port.
    #[inline]
    pub(crate) fn cast<M: Method<Actor = A>>(&self, method: M) -> Result<(), CastError<A::Message>> {
        let Ok(stamp) = current::effect() else {
            return Err(CastError::Lapsed(message_of(method)));
        };
        match &self.to {
            To::Local(place) => self.cast_local(place, method, enveloped, stamp),
            To::Remote(place) => cast_remote(place, method, stamp),
            To::Moving(place) => match place.location() {
                Some(location) => location.cast(method),
                None => Err(CastError::Gone(message_of(method))),
            },
        }
    }

    /// Sends a message of the public enum to an actor in this process.
    pub(crate) fn send_message(&self, message: A::Message) -> Result<(), CastError<A::Message>> {
        let Ok(stamp) = current::effect() else {
            return Err(CastError::Lapsed(message));
        };
        match &self.to {
            To::Local(place) => self.cast_local(place, message, A::from_message, stamp),
            To::Remote(_) => Err(CastError::Unencodable(message)),
            To::Moving(place) => match place.location() {
                Some(location) => location.send_message(message),
                None => Err(CastError::Gone(message)),
            },
        }
    }

    /// Sends a message that was refused for want of room, when there is some.
    pub(crate) async fn send_when_room(
        &self,
        message: A::Message,
        timeout: Duration,
    ) -> Result<(), CastError<A::Message>> {
        let located = self.located();
        let To::Local(place) = &located.to else {
            return self.send_message(message);
        };
        let deadline = Instant::now() + timeout.min(LONGEST);
        let mut message = message;
        if poll_fn(|cx| Poll::Ready(helping::make_room(place, cx))).await {
            match located.send_message(message) {
                Err(CastError::Full(back)) => message = back,
                other => return other,
            }
        }
        let (mut room, mut alarm) = (place.reserve(), None);
        let waited = poll_fn(|cx| {
            if let Poll::Ready(permit) = Pin::new(&mut room).poll(cx) {
                return Poll::Ready(Some(permit));
            }
            let Some(alarm) = &mut alarm else {
                alarm = Some(Alarm::set(deadline, cx));
                return Poll::Pending;
            };
            alarm.poll(deadline, cx).map(|()| None)
        });
        let Some(permit) = waited.await else {
            return Err(CastError::Full(message));
        };
        // Asked again: there was a wait.
        let Ok(stamp) = current::effect() else {
            return Err(CastError::Lapsed(message));
        };
        if place.seat.is_gone() || !self.may_reach(place) {
            return Err(CastError::Gone(message));
        }
        let item = Item::message(A::from_message(message), stamp, self.incarnation, None);
        Place::send_granted(permit, Parcel::new(item));
        Ok(())
    }

    /// A message that is not accepted is given back. Its envelope is made last, where it will lie.
    #[inline]
    fn cast_local<T>(
        &self,
        place: &Place<A>,
        content: T,
        enveloped: impl FnOnce(T) -> A::Envelope,
        stamp: Stamp,
    ) -> Result<(), CastError<A::Message>> {
        if !self.may_reach(place) {
            return Err(not_sent::<A>(NoRoom::Gone, enveloped(content)));
        }
        if let Err(no_room) = place.room() {
            return Err(not_sent::<A>(no_room, enveloped(content)));
        }
        let rare = Rare::of(stamp, self.incarnation, None);
        let item = Parcel::made(|| Item::Message {
            envelope: enveloped(content),
            rare,
        });
        place.send_now(item).or_else(came_back)
    }
}

/// A method's message without a port.
#[inline]
fn enveloped<M: Method>(method: M) -> <M::Actor as Actor>::Envelope {
    method.into_envelope(ReplyPort::none())
}

#[cold]
fn came_back<A: Actor>(item: Parcel<Item<A>>) -> Result<(), CastError<A::Message>> {
    match item.into_inner() {
        Item::Message { envelope, .. } => Err(not_sent::<A>(NoRoom::Full, envelope)),
        Item::Down(_) | Item::Exit(_) | Item::End(_) => Ok(()),
    }
}

#[cold]
fn not_sent<A: Actor>(no_room: NoRoom, envelope: A::Envelope) -> CastError<A::Message> {
    let message = A::into_message(envelope);
    match no_room {
        NoRoom::Full => CastError::Full(message),
        NoRoom::Gone => CastError::Gone(message),
    }
}

/// The public message of a method that was not sent.
fn message_of<M: Method>(method: M) -> <M::Actor as Actor>::Message {
    <M::Actor as Actor>::into_message(enveloped(method))
}

fn cast_remote<M: Method>(
    place: &RemotePlace,
    method: M,
    stamp: Stamp,
) -> Result<(), CastError<<M::Actor as Actor>::Message>> {
    let Some(wire) = M::WIRE else {
        return Err(CastError::Unencodable(message_of(method)));
    };
    let head = RequestHead {
        target: place.target,
        id: wire.id,
        shape: wire.shape,
        stamp,
        deadline: None,
    };
    match place
        .link
        .send(head, &mut |buf| (wire.encode)(&method, buf), None)
    {
        Ok(_) => Ok(()),
        Err(SendError::Overloaded) => Err(CastError::Overloaded(message_of(method))),
        Err(SendError::Down) => Err(CastError::NodeDown(message_of(method))),
        Err(SendError::Encode(_)) => Err(CastError::Unencodable(message_of(method))),
    }
}

impl<A: Actor> Clone for RawRef<A> {
    fn clone(&self) -> Self {
        let to = match &self.to {
            To::Local(place) => To::Local(Arc::clone(place)),
            To::Remote(place) => To::Remote(Arc::clone(place)),
            To::Moving(place) => To::Moving(Arc::clone(place)),
        };
        Self {
            to,
            incarnation: self.incarnation,
        }
    }
}

/// By place, and by incarnation when pinned.
impl<A: Actor> PartialEq for RawRef<A> {
    fn eq(&self, other: &Self) -> bool {
        if self.incarnation != other.incarnation {
            return false;
        }
        match (&self.to, &other.to) {
            (To::Local(a), To::Local(b)) => Arc::ptr_eq(a, b),
            (To::Moving(a), To::Moving(b)) => Arc::ptr_eq(a, b),
            (To::Remote(a), To::Remote(b)) => a.target == b.target && a.link.node() == b.link.node(),
            _ => false,
        }
    }
}

impl<A: Actor> Eq for RawRef<A> {}

impl<A: Actor> Hash for RawRef<A> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.id().hash(state);
    }
}

impl<A: Actor> fmt::Debug for RawRef<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.to {
            To::Local(place) => write!(f, "{}{}", A::NAME, place.seat.id),
            To::Remote(place) => write!(f, "{}#{}@{}", A::NAME, place.target, place.link.node()),
            To::Moving(place) => write!(f, "{}{}(moving)", A::NAME, place.id),
        }
    }
}
