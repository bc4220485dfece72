//! A call as a future: run by its caller [in place](super::in_place), or [queued](super::queued).
//!
//! What a queued call needs lies in memory that is kept for the next one, and not in the future of one that is answered at once.

use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use super::in_place::{self, Ran};
use super::queued::{Queued, answer};
use super::{CallError, LONGEST, Method, Request};
use crate::current;
use crate::kept::Kept;
use crate::raw_ref::{RawRef, To};
use crate::reply::ReplyPort;
use crate::slot;
use crate::stamp::Stamp;
use crate::stopwatch::{self, Stopwatch};

/// The future of an awaited [`Request`].
///
/// # Cancel safety
/// May be dropped at any point; the reply is dropped then. What was sent may be handled.
///
/// # Panics
/// When it begins to wait outside of a tokio runtime, or on one without timers.
#[must_use = "a call does nothing until it is polled"]
pub struct Call<'a, M: Method>(State<'a, M>);

enum State<'a, M: Method> {
    Ready(Request<'a, M>),
    Queued(Kept<Queued<'a, M>>),
    Done,
}

impl<'a, M: Method> Call<'a, M> {
    pub(super) fn new(request: Request<'a, M>) -> Self {
        Self(State::Ready(request))
    }
}

impl<M: Method> Future for Call<'_, M> {
    type Output = Result<M::Reply, CallError>;

    #[inline]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.get_mut();
        match std::mem::replace(&mut this.0, State::Done) {
            State::Ready(request) => match run_or_queue(request, cx) {
                Step::Done(reply) => return Poll::Ready(Ok(reply)),
                Step::Failed(error) => return Poll::Ready(Err(*error)),
                Step::Queued(queued) => this.0 = State::Queued(queued),
            },
            other => this.0 = other,
        }
        this.wait(cx)
    }
}

impl<M: Method> Call<'_, M> {
    fn wait(&mut self, cx: &mut Context<'_>) -> Poll<Result<M::Reply, CallError>> {
        let State::Queued(queued) = &mut self.0 else {
            panic!("a call was polled after its end");
        };
        let result = ready!(queued.poll(cx));
        self.0 = State::Done;
        Poll::Ready(result)
    }
}

/// What the first poll comes to. It is handed on, so it is small.
enum Step<'a, M: Method> {
    Done(M::Reply),
    Failed(Box<CallError>),
    Queued(Kept<Queued<'a, M>>),
}

impl<M: Method> From<Ran<M::Reply>> for Step<'_, M> {
    #[inline]
    fn from(ran: Ran<M::Reply>) -> Self {
        match ran {
            Ok(reply) => Self::Done(reply),
            Err(error) => Self::Failed(error),
        }
    }
}

/// Runs the method here, if that may be; else it is to be queued.
#[inline]
fn run_or_queue<'a, M: Method>(request: Request<'a, M>, cx: &mut Context<'_>) -> Step<'a, M> {
    let Request { to, method, timeout } = request;
    let mut share = 1;
    if let To::Local(place) = &to.to
        && !timeout.is_zero()
        && place.may_run_in_place(cx.waker())
        && to.may_reach(place)
        && !place.seat.is_gone()
    {
        let Ok(stamp) = current::effect() else {
            return Step::Failed(Box::new(CallError::Lapsed));
        };
        share = place.pace().calls_a_unit();
        if let Some(turn) = in_place::Turn::begin(place, to.incarnation, share, cx) {
            if !M::RUNS_NOW {
                return begin(turn, (to, method, timeout), stamp, share, cx);
            }
            let stopwatch = Stopwatch::start(timeout);
            let ran = turn.run(method, stamp);
            if stopwatch.is_late() {
                return Step::Failed(Box::new(CallError::Timeout));
            }
            return ran.into();
        }
    }
    Step::Queued(Kept::new(Queued::new(to, method, timeout, share)))
}

/// Runs the method here up to where it waits; the rest of it is waited for.
#[inline]
fn begin<'a, M: Method>(
    turn: in_place::Turn<'_, M::Actor>,
    (to, method, timeout): (&'a RawRef<M::Actor>, M, Duration),
    stamp: Stamp,
    share: u8,
    cx: &mut Context<'_>,
) -> Step<'a, M> {
    let deadline = stopwatch::deadline_after(timeout.min(LONGEST));
    let (sender, mut reply) = slot::pair(deadline);
    if let Err(error) = turn.begin_with(method.into_envelope(ReplyPort::local(sender)), stamp) {
        return Step::Failed(error);
    }
    match reply.poll(cx) {
        Poll::Ready(reply) => answer::<M>(reply).map_err(Box::new).into(),
        Poll::Pending => Step::Queued(Kept::new(Queued::waiting(to, reply, deadline, timeout, share))),
    }
}

impl<M: Method> fmt::Debug for Call<'_, M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut call = f.debug_struct("Call");
        match &self.0 {
            State::Ready(request) => call.field("to", request.to),
            State::Queued(queued) => call.field("to", queued.to),
            State::Done => &mut call,
        };
        call.field("method", &M::NAME).finish_non_exhaustive()
    }
}
