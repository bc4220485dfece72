//! A cast that waits for room, as a future.
//!
//! Most find room at once, at their first poll: they are done there. Only one that has to wait takes memory for that.

use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll, Waker, ready};

use super::{CastError, Method, Request};
use crate::actor::Actor;
use crate::budget;
use crate::raw_ref::To;
use crate::scheduler;

/// So many casts are worth a unit of a task's [budget]: a turn has room for 8192, which take half a millisecond.
const CASTS_A_UNIT: u8 = 64;

type Sent<M> = Result<(), CastError<<<M as Method>::Actor as Actor>::Message>>;

/// The future of [`Request::cast_when_room`].
///
/// # Cancel safety
/// Dropped while it waits, nothing was sent, and who waits behind it moves up.
///
/// # Panics
/// When it has to wait outside of a tokio runtime.
#[must_use = "a cast that waits for room does nothing until it is polled"]
pub struct CastWhenRoom<'a, M: Method>(State<'a, M>);

enum State<'a, M: Method> {
    Ready(Request<'a, M>),
    Waiting(Pin<Box<dyn Future<Output = Sent<M>> + Send + 'a>>),
    Done,
}

impl<'a, M: Method> CastWhenRoom<'a, M> {
    pub(super) fn new(request: Request<'a, M>) -> Self {
        Self(State::Ready(request))
    }

    /// Sends it, at the first poll. Nothing comes of that when it has to wait.
    #[inline]
    fn first(&mut self, cx: &mut Context<'_>) -> Poll<Option<Sent<M>>> {
        // A loop of these yields now and then, however much room there is.
        if !budget::take_part(CASTS_A_UNIT) {
            ready!(self.spend(cx));
        }
        let State::Ready(request) = std::mem::replace(&mut self.0, State::Done) else {
            return Poll::Ready(None);
        };
        let Request { to, method, timeout } = request;
        Poll::Ready(match to.cast(method) {
            Ok(()) => Some(Ok(())),
            Err(CastError::Full(message)) => {
                self.0 = State::Waiting(Box::pin(to.send_when_room(message, timeout)));
                None
            }
            Err(other) => Some(Err(other)),
        })
    }
}

impl<M: Method> Future for CastWhenRoom<'_, M> {
    type Output = Sent<M>;

    #[inline]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Sent<M>> {
        let this = self.get_mut();
        if matches!(this.0, State::Ready(_))
            && let Some(sent) = ready!(this.first(cx))
        {
            return Poll::Ready(sent);
        }
        this.wait(cx)
    }
}

impl<M: Method> CastWhenRoom<'_, M> {
    /// Spends of the task's budget. Pending when nothing is left: the task lets others have their turn, of tokio's tasks or of the actors on its
    /// thread.
    #[cold]
    fn spend(&self, cx: &mut Context<'_>) -> Poll<()> {
        let unit = match ready!(budget::take_or_yield(cx, CASTS_A_UNIT)) {
            Some(unit) => unit,
            None if self.yields_behind(cx.waker()) => return Poll::Pending,
            None => ready!(budget::spend(cx, CASTS_A_UNIT)),
        };
        unit.made_progress();
        Poll::Ready(())
    }

    fn yields_behind(&self, waker: &Waker) -> bool {
        let State::Ready(request) = &self.0 else {
            return false;
        };
        match &request.to.to {
            To::Local(place) => scheduler::yield_behind(place.scheduler(), waker),
            To::Remote(_) | To::Moving(_) => false,
        }
    }

    #[cold]
    fn wait(&mut self, cx: &mut Context<'_>) -> Poll<Sent<M>> {
        let State::Waiting(waiting) = &mut self.0 else {
            panic!("a cast was polled after its end");
        };
        let sent = ready!(waiting.as_mut().poll(cx));
        self.0 = State::Done;
        Poll::Ready(sent)
    }
}

impl<M: Method> fmt::Debug for CastWhenRoom<'_, M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("CastWhenRoom").field(&M::NAME).finish()
    }
}
