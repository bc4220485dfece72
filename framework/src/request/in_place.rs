//! A call that its caller runs itself: when the actor is idle, on this runtime, and its method does not wait.
//!
//! Nothing is queued and nobody is woken. What is promised of a call holds all the same: the actor's turn is one's at a time, nothing that
//! was sent before is overtaken, a panic is the actor's end and not the caller's, and a caller that never waits is made to yield.

use std::cell::Cell;
use std::task::{Context, Poll, ready};

use tokio::task::coop::poll_proceed;

use super::{CallError, Method};
use crate::actor::Actor;
use crate::body::Body;
use crate::current;
use crate::panics;
use crate::place::Place;
use crate::stamp::Stamp;

/// Calls in place within calls in place, on one thread: each takes of its stack.
const NESTED_MAX: u8 = 8;

thread_local! {
    static NESTED: Cell<u8> = const { Cell::new(0) };
}

/// Runs the method if that may be now, by this incarnation if it is not 0. `Pending` when the task is to yield first. What was not run is
/// still in `method`.
#[inline]
pub(super) fn try_run<M: Method>(
    place: &Place<M::Actor>,
    incarnation: u64,
    method: &mut Option<M>,
    stamp: Stamp,
    cx: &mut Context<'_>,
) -> Poll<Option<Result<M::Reply, CallError>>> {
    let Some(nested) = Nested::enter() else {
        return Poll::Ready(None);
    };
    let coop = ready!(poll_proceed(cx));
    let Some(entered) = place.mailbox().enter() else {
        return Poll::Ready(None);
    };
    // SAFETY: this caller has the turn until it leaves, and uses the body no more then.
    let body = unsafe { place.body().get() };
    let (result, is_done) = match (body, method.take()) {
        (Some(body), Some(taken)) if place.seat.lane.signal().is_none() && is_meant(place, incarnation) => {
            let result = run(place, body, taken, stamp);
            (Some(result), !body.cx.has_asked() && body.fell.is_none())
        }
        (_, taken) => {
            *method = taken;
            (None, false)
        }
    };
    if place.mailbox().leave(entered, is_done) {
        place.seat.lane.wake();
    }
    drop(nested);
    if result.is_some() {
        coop.made_progress();
    }
    Poll::Ready(result)
}

fn is_meant<A: Actor>(place: &Place<A>, incarnation: u64) -> bool {
    incarnation == 0 || incarnation == place.seat.incarnation()
}

/// In the turn.
#[inline]
fn run<M: Method>(
    place: &Place<M::Actor>,
    body: &mut Body<M::Actor>,
    method: M,
    stamp: Stamp,
) -> Result<M::Reply, CallError> {
    if !body.cx.system().highest().admit(stamp) {
        return Err(CallError::Lapsed);
    }
    place.seat.set_handling(M::INDEX);
    let Body {
        actor,
        cx,
        running,
        span,
        runs,
        fell,
    } = body;
    cx.set_caller(stamp);
    let number = *runs;
    *runs = number.wrapping_add(1);
    let ran = {
        let _in_span = span.enter();
        let run = || place.pace().sampled(number, || method.run(actor, cx));
        current::enter(running, || panics::caught(run))
    };
    place.seat.waits.end_turn();
    match ran {
        Ok(Ok(reply)) => Ok(reply),
        Ok(Err(_)) => Err(CallError::NoReply),
        Err(reason) => {
            // Who is told so and calls again calls the successor.
            place.dies_now();
            *fell = Some(reason.clone());
            Err(CallError::Exited(reason))
        }
    }
}

/// One level of calls in place.
struct Nested;

impl Nested {
    fn enter() -> Option<Self> {
        let depth = NESTED.get();
        (depth < NESTED_MAX).then(|| {
            NESTED.set(depth + 1);
            Self
        })
    }
}

impl Drop for Nested {
    fn drop(&mut self) {
        NESTED.set(NESTED.get() - 1);
    }
}
