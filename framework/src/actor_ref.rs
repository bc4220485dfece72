//! [`ActorRef`]: the name of an actor's place.
//!
//! It derefs to the actor's own handle and has no methods, so that none of them hides a message: `ActorRef::stop(&r)`, as with `Rc`.

use std::fmt;
use std::future::poll_fn;
use std::hash::{Hash, Hasher};
use std::ops::Deref;

use tokio::sync::oneshot;

use crate::actor::{Actor, ActorHandle};
use crate::context::Context;
use crate::exit::ExitReason;
use crate::helping;
use crate::id::ActorId;
use crate::lane::Signal;
use crate::link::ExitError;
use crate::monitor::{MonitorId, Watcher};
use crate::moving::{Mover, MovingPlace};
use crate::raw_ref::{RawRef, To};
use crate::request::CastError;

/// A ref to the place of an actor, in this process or on another node. Cheap to clone; it does not keep the actor alive.
///
/// It stays good when the actor is restarted: a restart begins with an empty mailbox, and what is sent meanwhile waits for it.
/// When the actor is not coming back every request answers `Gone`. A ref to an actor on another node leads to
/// that node's present incarnation.
pub struct ActorRef<A: Actor> {
    handle: A::Handle,
}

impl<A: Actor> ActorRef<A> {
    #[doc(hidden)]
    pub fn from_raw(raw: RawRef<A>) -> Self {
        Self {
            handle: A::Handle::from_raw(raw),
        }
    }

    #[doc(hidden)]
    pub fn raw(this: &Self) -> &RawRef<A> {
        this.handle.raw()
    }

    /// A ref whose location is set, and set again, through the [`Mover`].
    ///
    /// # Panics
    /// When `A` is a supervisor.
    pub fn moving() -> (Mover<A>, Self) {
        let place = MovingPlace::new();
        (Mover::new(place.clone()), Self::from_raw(RawRef::moving(place)))
    }

    /// Asks the actor to end normally after the message that it is handling. It is restarted when it is permanent (OTP's rule).
    /// An actor of another node is not stopped.
    pub fn stop(this: &Self) {
        Self::raw(this).signal(Signal::Stop);
    }

    /// Kills the actor: an async handler is dropped at its next await, `stopped` does not run. An actor of another node is
    /// not killed.
    pub fn kill(this: &Self) {
        Self::raw(this).signal(Signal::Kill);
    }

    /// Sends the actor an exit signal (OTP: `exit/2`). It comes behind the messages sent before, and then ends the actor for this reason,
    /// unless the actor [traps exits](Context::trap_exits): then its `#[info]` is told. [`ExitReason::Normal`] ends nobody.
    /// [`ExitReason::Killed`] is [`kill`](Self::kill): at once, and not trapped.
    ///
    /// # Errors
    /// Nothing was sent, see [`ExitError`]; [`ExitError::Full`] when the mailbox is full.
    pub fn exit(this: &Self, reason: ExitReason) -> Result<(), ExitError> {
        Self::raw(this).exit(reason)
    }

    /// Tells the actor that its tenure has ended: it ends at its next await, `stopped` does not run, and it does not come back to
    /// this place. When it waits for a restart the wait ends, and every request answers `Gone`.
    pub fn lapse(this: &Self) {
        Self::raw(this).signal(Signal::Lapse);
    }

    /// As [`Context::monitor`].
    pub fn monitor<B: Actor>(this: &Self, cx: &mut Context<B>) -> MonitorId {
        cx.monitor(this)
    }

    /// True while an incarnation runs. Only a hint: it may end at any time. Of an actor on another node it says that
    /// the link is up.
    pub fn is_alive(this: &Self) -> bool {
        Self::raw(this).is_alive()
    }

    /// Casts a message of the actor's enum. For an actor in this process only.
    ///
    /// # Errors
    /// As [`Request::cast`](crate::Request::cast).
    pub fn send(this: &Self, message: A::Message) -> Result<(), CastError<A::Message>> {
        Self::raw(this).send_message(message)
    }

    /// The identity of the place.
    pub fn id(this: &Self) -> ActorId {
        Self::raw(this).id()
    }

    /// A ref to the present incarnation only: when it ends, the answer is `Gone`. One that is pinned stays as it is. A ref to another node is pinned to that
    /// node's incarnation, as it always is.
    #[must_use]
    pub fn pin(this: &Self) -> Self {
        Self::from_raw(Self::raw(this).pin())
    }

    /// Waits until the present incarnation ends; at once `Gone` when there is none.
    ///
    /// # Cancel safety
    /// May be dropped at any point.
    pub async fn exited(this: &Self) -> ExitReason {
        let (sender, receiver) = oneshot::channel();
        let raw = Self::raw(this);
        let id = MonitorId::next();
        let _guard = Demonitor { raw, id };
        raw.monitor(Watcher::new(id, move |reason| drop(sender.send(reason))));
        receiver.await.unwrap_or(ExitReason::NodeDown)
    }

    /// Waits until the actor has ended and is not coming back by itself. Of an actor on another node: until
    /// [`exited`](Self::exited). One that was asked to end and may be run [in place](crate::InPlace) is run by who polls this, and others that may
    /// be, too.
    ///
    /// # Cancel safety
    /// May be dropped at any point.
    pub async fn gone(this: &Self) {
        let raw = Self::raw(this);
        if let To::Local(place) = &raw.to
            && poll_fn(|cx| helping::see_off(place, cx)).await
        {
            return;
        }
        match raw.seat() {
            Some(seat) => seat.departed().await,
            None => drop(Self::exited(this).await),
        }
    }
}

/// Drops the watcher with the future that waited for it.
struct Demonitor<'a, A: Actor> {
    raw: &'a RawRef<A>,
    id: MonitorId,
}

impl<A: Actor> Drop for Demonitor<'_, A> {
    fn drop(&mut self) {
        self.raw.demonitor(self.id);
    }
}

impl<A: Actor> Deref for ActorRef<A> {
    type Target = A::Handle;

    fn deref(&self) -> &A::Handle {
        &self.handle
    }
}

impl<A: Actor> Clone for ActorRef<A> {
    fn clone(&self) -> Self {
        Self {
            handle: self.handle.clone(),
        }
    }
}

/// Equal when they lead to the same place.
impl<A: Actor> PartialEq for ActorRef<A> {
    fn eq(&self, other: &Self) -> bool {
        Self::raw(self) == Self::raw(other)
    }
}

impl<A: Actor> Eq for ActorRef<A> {}

impl<A: Actor> Hash for ActorRef<A> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        Self::raw(self).hash(state);
    }
}

impl<A: Actor> fmt::Debug for ActorRef<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ActorRef({:?})", Self::raw(self))
    }
}
