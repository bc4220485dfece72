//! What an actor is to the framework. The annotations implement these traits; nobody writes them by hand.
//!
//! An actor handles one message at a time. Its messages exist twice: as the public enum
//! [`Actor::Message`], and as the hidden [`Actor::Envelope`], whose variants also hold the typed reply ports.

use std::future::Future;
use std::time::Duration;

use crate::context::Context;
use crate::exit::ExitReason;
use crate::link::Info;
use crate::monitor::Down;
use crate::policy::Policy;
use crate::raw_ref::RawRef;
use crate::reply::Port;
use crate::request::ActorWire;

/// The constants of an actor's child spec. Implemented by `#[actor]` on the struct.
///
/// Not a supertrait of [`Actor`]: a forgotten annotation on the struct is one error where the other reads it.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not an actor",
    note = "annotate the struct and its impl with `#[actor]`"
)]
pub trait ActorPolicy: Sized + Send + 'static {
    /// Restart, shutdown, mailbox and back-off.
    const POLICY: Policy = Policy::DEFAULT;
}

/// An actor. Implemented by `#[actor]` on the impl.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not an actor",
    note = "annotate the struct and its impl with `#[actor]`"
)]
pub trait Actor: Sized + Send + 'static {
    /// The messages as a public enum, one variant for each message method.
    type Message: Send + 'static;

    /// The messages with their reply ports, as they lie in the mailbox.
    #[doc(hidden)]
    type Envelope: Send + 'static;

    /// What a ref derefs to: the requests as methods.
    type Handle: ActorHandle<Self>;

    /// The policy of the child spec: what [`ActorPolicy`] says of the struct.
    const POLICY: Policy;

    /// The wire name: `package::Type`, or what `#[actor(name = "...")]` says.
    const NAME: &'static str;

    /// The messages that may come from another node. `None` for `#[actor(local)]`.
    #[doc(hidden)]
    const WIRE: Option<ActorWire<Self>>;

    /// The names of the message methods, for reports; [`method_index`](Self::method_index) points into it.
    #[doc(hidden)]
    const METHODS: &'static [&'static str] = &[];

    /// The periods of the methods marked `#[tick(every = "...")]`.
    const TICKS: &'static [Duration] = &[];

    /// Whether the method of this envelope is async: it goes to [`handle`](Self::handle), else to [`handle_now`](Self::handle_now).
    #[doc(hidden)]
    fn is_async(envelope: &Self::Envelope) -> bool;

    /// Handles one message of a method that is not async, and answers its port.
    #[doc(hidden)]
    fn handle_now(&mut self, envelope: Self::Envelope, cx: &mut Context<Self>);

    /// Handles one message of an async method, and answers its port.
    #[doc(hidden)]
    fn handle(&mut self, envelope: Self::Envelope, cx: &mut Context<Self>)
    -> impl Future<Output = ()> + Send;

    /// Whether [`stopped`](Self::stopped) does anything.
    #[doc(hidden)]
    const STOPPED: bool = true;

    /// Called once when the actor ends for any reason but a kill (OTP: terminate), after a panic too.
    fn stopped(&mut self, reason: &ExitReason, cx: &mut Context<Self>) -> impl Future<Output = ()> + Send {
        let _ = (reason, cx);
        async {}
    }

    /// Something that the actor monitors has ended.
    fn down(&mut self, down: Down, cx: &mut Context<Self>) -> impl Future<Output = ()> + Send {
        let _ = (down, cx);
        async {}
    }

    /// What comes beside the messages (OTP: `handle_info`). The default reports it as an event (target `quorate::info`).
    fn info(&mut self, info: Info, cx: &mut Context<Self>) -> impl Future<Output = ()> + Send {
        let _ = cx;
        let Info::Exit { actor, reason } = info;
        tracing::warn!(
            target: "quorate::info", actor = Self::NAME, from = %actor, %reason,
            "an exit signal was trapped, and there is no `#[info]` for it"
        );
        async {}
    }

    /// What [`Context::go_on`] asked for: before the next message (OTP: `handle_continue`). The default reports it as an event.
    fn continued(&mut self, cx: &mut Context<Self>) -> impl Future<Output = ()> + Send {
        let _ = cx;
        tracing::warn!(
            target: "quorate::info", actor = Self::NAME,
            "`Context::go_on` was called, and there is no `#[continued]`"
        );
        async {}
    }

    /// The tick of period `TICKS[index]`.
    fn tick(&mut self, index: usize, cx: &mut Context<Self>) -> impl Future<Output = ()> + Send {
        let _ = (index, cx);
        async {}
    }

    /// A cast that was accepted and will not be handled, because the actor ended first. The default reports it as an event
    /// (target `quorate::dead_letter`).
    fn undelivered(message: Self::Message) {
        drop(message);
        tracing::warn!(target: "quorate::dead_letter", actor = Self::NAME, "a cast was not delivered: the actor has ended");
    }

    /// Drops the port.
    #[doc(hidden)]
    fn into_message(envelope: Self::Envelope) -> Self::Message;

    /// Adds `ReplyPort::none()`.
    #[doc(hidden)]
    fn from_message(message: Self::Message) -> Self::Envelope;

    /// The port of whichever variant it is. This is how the core answers for an actor that no longer can.
    #[doc(hidden)]
    fn port(envelope: &mut Self::Envelope) -> &mut dyn Port;

    /// Which of [`METHODS`](Self::METHODS) this envelope is for.
    #[doc(hidden)]
    fn method_index(envelope: &Self::Envelope) -> usize {
        let _ = envelope;
        usize::MAX
    }
}

/// The type that an [`ActorRef`](crate::ActorRef) derefs to: a newtype of [`RawRef`] in the user's crate, whose methods make requests.
///
/// The actor is a parameter, so that the impl may name one that is private.
pub trait ActorHandle<A: Actor>: Clone + Send + Sync + 'static {
    /// Wraps a ref. The handle of a supervisor takes its children's refs from [`RawRef::children`].
    fn from_raw(raw: RawRef<A>) -> Self;

    /// The ref within.
    fn raw(&self) -> &RawRef<A>;
}
