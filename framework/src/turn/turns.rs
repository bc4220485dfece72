//! What runs the actor's own code: what is admitted, what cuts it off, what its end comes to.

use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::task::Poll;

use super::told_of_drop;
use crate::actor::Actor;
use crate::body::Body;
use crate::context::Context;
use crate::envelope::Rare;
use crate::exit::ExitReason;
use crate::lane::Signal;
use crate::link::{ExitSignal, Info, Via};
use crate::panics;
use crate::place::Place;
use crate::reply::Answerer;
use crate::request::Refusal;
use crate::seat::Seat;
use crate::stamp::Stamp;
use crate::stopwatch;

/// What runs the actor's own code.
pub(super) struct Turns<'a, A: Actor> {
    pub(super) place: &'a Place<A>,
    pub(super) seat: &'a Seat,
}

impl<'a, A: Actor> Turns<'a, A> {
    #[inline]
    pub(super) fn new(place: &'a Place<A>) -> Self {
        Self {
            place,
            seat: &place.seat,
        }
    }

    /// The actor in its place.
    ///
    /// # Safety
    ///
    /// As for [`BodyCell::get`](crate::body::BodyCell::get); the actor has been seated and has not left.
    #[allow(clippy::mut_from_ref, reason = "the turn is what makes it exclusive")]
    #[inline]
    pub(super) unsafe fn body(&self) -> &'a mut Body<A> {
        // SAFETY: the caller promises it.
        unsafe { self.place.body().get() }
            .as_mut()
            .expect("an actor whose turn it is, is in its place")
    }

    /// What an exit signal does: what `#[info]` is told when it is trapped, nothing when it is normal or its link was taken back, and else
    /// the actor ends for the same reason.
    pub(super) fn exit_signal(
        &self,
        signal: ExitSignal,
        cx: &Context<A>,
    ) -> Result<Option<Info>, ExitReason> {
        let ExitSignal { via, actor, reason } = signal;
        let is_for_it = match via {
            Via::Link(link) => {
                let links = self.seat.known_links();
                links.is_some_and(|links| links.take_link(actor, link))
            }
            Via::Incarnation(incarnation) => incarnation == self.seat.incarnation(),
        };
        if !is_for_it {
            return Ok(None);
        }
        match reason {
            reason if cx.traps_exits() => Ok(Some(Info::Exit { actor, reason })),
            ExitReason::Normal => Ok(None),
            // This actor's own tenure, if it has one, is another: it may come back.
            ExitReason::Lapsed => Err(ExitReason::error(format_args!(
                "a linked actor {}",
                ExitReason::Lapsed
            ))),
            reason => Err(reason),
        }
    }

    /// The stamp of the sender of a message that is to be handled: in time, for this incarnation, and not of a holder whose successor was heard.
    #[inline(always)]
    pub(super) fn admit(
        &self,
        cx: &Context<A>,
        envelope: &mut A::Envelope,
        rare: Option<&Rare<A>>,
    ) -> Result<Stamp, Refusal> {
        if A::port(envelope).deadline().is_some_and(stopwatch::has_passed) {
            return Err(Refusal::Expired);
        }
        let stamp = match rare {
            None => Stamp::NONE,
            Some(rare) => self.admit_rare(cx, rare)?,
        };
        self.seat.set_handling(A::method_index(envelope));
        if self.seat.tenure().is_some() {
            A::port(envelope).bind(&Answerer(self.place.seat_ref()));
        }
        Ok(stamp)
    }

    #[cold]
    pub(super) fn admit_rare(&self, cx: &Context<A>, rare: &Rare<A>) -> Result<Stamp, Refusal> {
        if rare.incarnation != 0 && rare.incarnation != self.seat.incarnation() {
            return Err(Refusal::Gone);
        }
        if !cx.system().highest().admit(rare.stamp) {
            return Err(Refusal::Superseded);
        }
        Ok(rare.stamp)
    }

    /// Runs the actor's own code to its end, to a panic, or to a signal of at least this weight.
    pub(super) async fn run<F: Future>(&self, code: F, least: Signal) -> Result<F::Output, ExitReason> {
        let mut code = pin!(Some(code));
        let ended = poll_fn(|task| {
            let running = code.as_mut().as_pin_mut();
            self.poll_code(running.expect("there until it has ended"), least, task)
        })
        .await;
        let ended = self.ended(ended);
        if panics::caught(|| code.set(None)).is_err() {
            told_of_drop::<A>();
        }
        ended
    }

    /// The same for code that does not wait.
    #[inline]
    pub(super) fn run_now<T>(&self, code: impl FnOnce() -> T, least: Signal) -> Result<T, Box<ExitReason>> {
        let ran = match self.cut_off_by(least) {
            Some(signal) => Err(Box::new(signal.reason())),
            None => panics::caught_boxed(code),
        };
        match &ran {
            Ok(_) => self.seat.end_turn(),
            Err(reason) => self.fell(reason),
        }
        ran
    }

    pub(super) fn poll_code<F: Future + ?Sized>(
        &self,
        code: Pin<&mut F>,
        least: Signal,
        task: &mut std::task::Context<'_>,
    ) -> Poll<Result<F::Output, ExitReason>> {
        if let Some(reason) = self.cut_off(least) {
            return Poll::Ready(Err(reason));
        }
        if let Poll::Ready(result) = panics::poll_caught(code, task) {
            return Poll::Ready(result);
        }
        // Sent while the code ran: the wake-up for it may have come before.
        self.cut_off(least)
            .map_or(Poll::Pending, |reason| Poll::Ready(Err(reason)))
    }

    #[inline]
    pub(super) fn ended<T>(&self, ended: Result<T, ExitReason>) -> Result<T, ExitReason> {
        match &ended {
            Ok(_) => self.seat.end_turn(),
            Err(reason) => self.fell(reason),
        }
        ended
    }

    /// The actor's own code has ended like this.
    pub(super) fn fell(&self, reason: &ExitReason) {
        self.seat.end_turn();
        // Ports that the code still holds are dropped with it, and answer this.
        self.seat.set_ending(reason);
    }

    #[inline]
    pub(super) fn asked_to_end(&self) -> Option<Signal> {
        self.cut_off_by(Signal::Stop)
    }

    #[inline]
    pub(super) fn cut_off(&self, least: Signal) -> Option<ExitReason> {
        self.cut_off_by(least).map(Signal::reason)
    }

    #[inline]
    pub(super) fn cut_off_by(&self, least: Signal) -> Option<Signal> {
        match self.seat.lane.signal() {
            Some(signal) if signal >= least => Some(signal),
            _ if !self.seat.has_valid_tenure() => Some(Signal::Lapse),
            _ => None,
        }
    }
}
