//! A call that its caller runs itself: when the actor is idle, on this runtime.
//!
//! A method that does not wait is called as it is. One that is async is begun: where it waits, it stays in the actor's place, and the loop goes
//! on with it. Nothing is queued, and nobody is woken. What is promised of a call holds all the same: the actor's turn is one's at a time,
//! nothing that was sent before is overtaken, a panic is the actor's end and not the caller's, and a caller that never waits is made to
//! yield.

use std::task::{Context, Poll, Waker};

use tracing::Span;

use super::{CallError, Method};
use crate::actor::Actor;
use crate::body::Body;
use crate::budget;
use crate::current;
use crate::exit::ExitReason;
use crate::helping::Nested;
use crate::mailbox::Entered;
use crate::panics;
use crate::place::Place;
use crate::scheduler;
use crate::stamp::Stamp;
use crate::storage::Stored;
use crate::turn::seated;

/// How often a caller looks whether another one has left, when the actor's methods are not known to be short, and when they are. In all it waits
/// for a part of a microsecond, or for a few: to be queued takes more of all, as others then find the loop at work and are queued too.
const LOOKS: [u32; 2] = [4, 9];

/// A caller's turn. It is left in any case. It is handed on in two registers: what is put together in memory from parts of a byte is waited for
/// by whoever reads it as one.
pub(super) struct Turn<'a, A: Actor> {
    place: &'a Place<A>,
    came_to: CameTo,
    entered: Entered,
    _nested: Nested,
}

/// What a turn has come to so far.
#[derive(Clone, Copy, PartialEq, Eq)]
enum CameTo {
    /// Nothing, or the actor's code has left something to do.
    More,
    /// The actor has nothing more to do.
    Done,
    /// The method waits: the actor's loop goes on with it.
    Wait,
    /// Its end has not come: left so, it broke off by a panic of what is not the actor's.
    Midst,
}

/// What a call in place came to. An error lies elsewhere, as it is larger than most replies, and seldom.
pub(super) type Ran<T> = Result<T, Box<CallError>>;

impl<'a, A: Actor> Turn<'a, A> {
    /// The turn, if this incarnation (any, when it is 0) may be run here now. `None` when the call goes the ordinary way.
    #[inline]
    pub(super) fn begin(
        place: &'a Place<A>,
        incarnation: u64,
        share: u8,
        cx: &mut Context<'_>,
    ) -> Option<Self> {
        let nested = Nested::enter()?;
        // Out of budget, it is queued: what waits for a reply yields.
        let unit = budget::take(cx, share)?;
        let entered = place.mailbox().enter(LOOKS[usize::from(share > 1)])?;
        unit.made_progress();
        let turn = Self {
            place,
            came_to: CameTo::More,
            entered,
            _nested: nested,
        };
        // SAFETY: this caller has the turn, and only looks.
        let is_there = unsafe { place.body().get() }.is_some();
        let runs = is_there && place.seat.lane.signal().is_none() && is_meant(place, incarnation);
        runs.then_some(turn)
    }

    /// Runs the method.
    #[inline]
    pub(super) fn run<M: Method<Actor = A>>(mut self, method: M, stamp: Stamp) -> Ran<M::Reply> {
        let place = self.place;
        // SAFETY: this caller has the turn until it leaves, and uses the body no more then.
        let Some(body) = (unsafe { place.body().get() }) else {
            return Err(Box::new(CallError::Gone));
        };
        if !self.admits(stamp) {
            drop(self);
            // Out of the turn.
            drop(method);
            return Err(Box::new(CallError::Lapsed));
        }
        let ran = run(place, body, method, stamp);
        self.is_over(body);
        ran
    }

    /// Runs a message up to where it waits; there the actor's loop goes on with it. Its port is answered by then, or later.
    #[inline]
    pub(super) fn begin_with(mut self, envelope: A::Envelope, stamp: Stamp) -> Ran<()> {
        let place = self.place;
        // SAFETY: this caller has the turn until it leaves, and uses these no more then.
        let Some(body) = (unsafe { place.body().get() }) else {
            return Err(Box::new(CallError::Gone));
        };
        let waker = scheduler::waker(place);
        if !self.admits(stamp) {
            drop(self);
            // Out of the turn.
            drop(envelope);
            return Err(Box::new(CallError::Lapsed));
        }
        match begin_with(place, body, envelope, stamp, &waker) {
            Poll::Ready(()) => self.is_over(body),
            Poll::Pending => self.came_to = CameTo::Wait,
        }
        Ok(())
    }

    /// Whether what has this stamp is handled. What begins then is over when it says so.
    #[inline]
    fn admits(&mut self, stamp: Stamp) -> bool {
        let admits = self.place.system().highest().admit(stamp);
        self.came_to = if admits { CameTo::Midst } else { CameTo::Done };
        admits
    }

    #[inline]
    fn is_over(&mut self, body: &Body<A>) {
        let is_done = !body.cx.has_asked() && body.fell.is_none();
        self.came_to = if is_done { CameTo::Done } else { CameTo::More };
    }

    /// Something is left to do.
    fn leave_otherwise(&mut self) {
        let mailbox = self.place.mailbox();
        if self.came_to == CameTo::Midst {
            self.broke_off();
        }
        let runs = match self.came_to {
            CameTo::Wait => mailbox.leave_waiting(&mut self.entered),
            CameTo::Done | CameTo::Midst | CameTo::More => mailbox.leave(&mut self.entered, false),
        };
        if runs {
            scheduler::schedule(self.place);
        }
    }

    #[cold]
    fn broke_off(&self) {
        // SAFETY: this caller has the turn, and `run` has lost what it got.
        let body = unsafe { self.place.body().get() };
        if let Some(body) = body {
            self.place.mark();
            body.fell = Some(Box::new(ExitReason::error("a turn of a caller broke off")));
        }
    }
}

impl<A: Actor> Drop for Turn<'_, A> {
    #[inline]
    fn drop(&mut self) {
        if self.came_to != CameTo::Done {
            return self.leave_otherwise();
        }
        if self.place.mailbox().leave(&mut self.entered, true) {
            // Messages have come meanwhile. Handled here and now they leave the actor idle for the next caller.
            scheduler::run(self.place);
        }
    }
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
) -> Ran<M::Reply> {
    place.seat.set_handling(M::INDEX);
    let Body {
        actor,
        cx,
        span,
        fell,
    } = body;
    cx.set_caller(stamp);
    let number = cx.count_run();
    let ran = {
        let _in_span = span.as_deref().map(Span::enter);
        let run = || {
            let sample = place.pace().samples(number);
            let result = method.run(actor, cx);
            place.pace().sampled(sample);
            result
        };
        current::enter(place, || panics::caught_boxed(run))
    };
    place.seat.end_turn();
    match ran {
        Ok(Ok(reply)) => Ok(reply),
        Ok(Err(_)) => Err(Box::new(CallError::NoReply)),
        Err(reason) => {
            // Who is told so and calls again calls the successor.
            place.mark();
            *fell = Some(reason.clone());
            Err(Box::new(CallError::Exited(*reason)))
        }
    }
}

/// In the turn. Pending when it waits; what has panicked is over.
#[inline]
fn begin_with<A: Actor>(
    place: &Place<A>,
    body: &mut Body<A>,
    envelope: A::Envelope,
    stamp: Stamp,
    waker: &Waker,
) -> Poll<()> {
    place.seat.set_handling(A::method_index(&envelope));
    let Body {
        actor,
        cx,
        span,
        fell,
    } = body;
    cx.set_caller(stamp);
    let number = cx.count_run();
    let _in_span = span.as_deref().map(Span::enter);
    // SAFETY: this caller has the turn. What is put there borrows the actor and its context, and is dropped, here or by the loop, before
    // anything else is done with them: when it waits, whoever has the turn next goes on with it.
    let code = unsafe { place.body().code() };
    let poll = || {
        let sample = place.pace().samples(number);
        let polled = if A::is_async(&envelope) {
            // SAFETY: as above.
            let code = code.insert(unsafe { Stored::new(actor.handle(envelope, cx)).unbound() });
            code.as_mut().poll(&mut Context::from_waker(waker))
        } else {
            actor.handle_now(envelope, cx);
            Poll::Ready(())
        };
        place.pace().sampled(sample);
        polled
    };
    let polled = current::enter(place, || {
        place.scheduler().enter(waker, || panics::caught_boxed(poll))
    });
    match polled {
        Ok(Poll::Pending) => return Poll::Pending,
        // It is over: there is nothing left in it to drop.
        Ok(Poll::Ready(())) => *code = None,
        Err(reason) => {
            // Ports that it still holds are dropped with it, and answer this.
            place.seat.set_ending(&reason);
            // Who is told so and calls again calls the successor.
            place.mark();
            current::enter(place, || seated::drop_code(place));
            *fell = Some(reason);
        }
    }
    place.seat.end_turn();
    Poll::Ready(())
}
