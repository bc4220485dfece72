//! Requests: a message on its way, awaited (a call), cast, or delayed.

mod call;
mod cast;
mod error;
mod in_place;
mod method;
mod queued;

use std::time::Duration;

pub use self::call::Call;
pub use self::cast::CastWhenRoom;
pub use self::error::{CallError, CastError};
pub(crate) use self::error::{Failure, Refusal};
pub use self::method::{ActorWire, IncomingMethod, Method, MethodWire};

use crate::actor::Actor;
use crate::raw_ref::RawRef;
use crate::timer::{self, Delayed};

/// The deadline of a call when nothing else is said (OTP: gen_server:call).
pub const DEFAULT_CALL_TIMEOUT: Duration = Duration::from_secs(5);

/// Deadlines beyond this are this: instants have an end.
pub(crate) const LONGEST: Duration = Duration::from_hours(24 * 365);

/// A message for an actor, not sent yet: `counter.add(2)`.
///
/// It does nothing until it is awaited (a **call**: a reply or an error, within the deadline), [`cast`](Self::cast), or given
/// to [`after`](Self::after).
///
/// # Cancel safety
/// A call may be dropped at any point. Before its first poll nothing has been sent; afterwards the message may be handled, and its
/// reply is dropped.
#[must_use = "a request does nothing until it is awaited or cast"]
#[derive(Debug)]
pub struct Request<'a, M: Method> {
    pub(crate) to: &'a RawRef<M::Actor>,
    pub(crate) method: M,
    pub(crate) timeout: Duration,
}

impl<'a, M: Method> Request<'a, M> {
    /// A request with the default deadline. Called by handle methods.
    #[doc(hidden)]
    pub fn new(to: &'a RawRef<M::Actor>, method: M) -> Self {
        Self {
            to,
            method,
            timeout: DEFAULT_CALL_TIMEOUT,
        }
    }

    /// Gives the call this long, counted from its first poll. It covers the wait for room in the mailbox, for a successor or for
    /// the next location of a singleton. A second or more is up to 10 ms more: that much is not worth a look at the clock for each call.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// Sends the message without waiting for it to be handled. Allocates nothing for a local actor; never waits.
    ///
    /// # Errors
    /// The message was not sent and is in the error; [`CastError::Full`] when the mailbox is full. A cast
    /// that succeeds may still be lost with the actor's end or with the link.
    pub fn cast(self) -> Result<(), CastError<<M::Actor as Actor>::Message>> {
        self.to.cast(self.method)
    }

    /// As [`cast`](Self::cast), and when the mailbox of an actor on this node is full it waits for room, in order of arrival, for as long as
    /// a call would ([`timeout`](Self::timeout)). Where the actor may be run [in place](crate::InPlace), it and others that may be are run meanwhile, by
    /// who polls this.
    ///
    /// # Errors
    /// Those of `cast`; [`CastError::Full`] when there was no room in time.
    ///
    /// # Cancel safety
    /// Dropped while it waits, nothing was sent, and who waits behind it moves up.
    ///
    /// # Panics
    /// When it has to wait outside of a tokio runtime.
    pub fn cast_when_room(self) -> CastWhenRoom<'a, M> {
        CastWhenRoom::new(self)
    }

    /// Casts the message after a delay, in milliseconds precision. Started from within an actor, it
    /// ends with that incarnation of it.
    ///
    /// # Panics
    /// Outside of a tokio runtime.
    pub fn after(self, delay: Duration) -> Delayed {
        timer::cast_after(self.to.clone(), self.method, delay)
    }
}

impl<'a, M: Method> IntoFuture for Request<'a, M> {
    type Output = Result<M::Reply, CallError>;
    type IntoFuture = Call<'a, M>;

    fn into_future(self) -> Call<'a, M> {
        Call::new(self)
    }
}
