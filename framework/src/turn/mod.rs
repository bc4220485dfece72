//! The life of one incarnation: start, one message at a time, end.
//!
//! ```text
//! start -> turn, turn, turn ... -> mailbox drained -> stopped -> state dropped -> watchers told -> supervisor told
//!   +--- failed ------------------------------------------------------------^
//! ```
//! What comes after the mailbox was drained waits for the successor.
//!
//! The actor lies in its place, so that a caller may run it while the loop sleeps. A method that is not async is called in place; the future of one that is lies in [storage](crate::storage) that the actor has only
//! while it waits. A panic is caught by turn. The system lane is looked at before each message; a kill or a lapse also while a handler
//! waits. After so many messages as its [pace](crate::pace) says other tasks have their turn, however full the mailbox is.

mod seated;
mod timers;

use std::future::poll_fn;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Poll, ready};
use std::time::Duration;

use tokio::time::Instant;

use self::seated::Seated;
use self::timers::{Idle, Ticks};
use crate::actor::Actor;
use crate::body::Body;
use crate::context::Context;
use crate::current::{Current, Dies};
use crate::envelope::{Item, Rare, stamp_of};
use crate::exit::ExitReason;
use crate::kept::Kept;
use crate::lane::Signal;
use crate::link::{ExitSignal, Info, Via};
use crate::mailbox::Mailbox;
use crate::panics;
use crate::place::{self, Inbox, Place};
use crate::reply::Answerer;
use crate::request::Refusal;
use crate::seat::Seat;
use crate::spec::{Start, StartFn};
use crate::stamp::{Highest, Stamp};
use crate::storage::{self, Stored};
use crate::supervision::child::Report;
use crate::system::System;
use crate::tenure::Tenure;

/// Runs one incarnation from its start to its report.
pub(crate) async fn incarnation<A: Actor>(
    place: Arc<Place<A>>,
    start: Arc<StartFn<A>>,
    system: System,
    report: Report,
    hibernate_after: Option<Duration>,
) {
    let as_dies: Arc<dyn Dies> = Arc::clone(&place) as _;
    let dies = Some(Arc::downgrade(&as_dies));
    drop(as_dies);
    let current = Current::new(&place.seat, Arc::clone(system.highest()), dies);
    current
        .scope(run(&place, &*start, system, report, hibernate_after, &current))
        .await;
}

async fn run<A: Actor>(
    place: &Arc<Place<A>>,
    start: &StartFn<A>,
    system: System,
    report: Report,
    hibernate_after: Option<Duration>,
    current: &Arc<Current>,
) {
    // A task is woken by the same waker for all its life.
    poll_fn(|cx| {
        place.seat.lane.register(cx.waker());
        Poll::Ready(())
    })
    .await;
    // Between two incarnations the inbox is in its place: `begin` has seen to it that there is no other.
    let Some(mut inbox) = place.take_inbox() else {
        report
            .failed(ExitReason::error("the mailbox of the place is in use"))
            .await;
        return;
    };
    let cx = Context::new(Arc::clone(place), system, Arc::clone(current));
    let end = {
        let mut live = pin!(live(
            start,
            cx,
            &mut inbox,
            place,
            current,
            &report,
            hibernate_after
        ));
        // What panics outside of a turn (a drop) must not take the report with it.
        poll_fn(|cx| panics::poll_caught(live.as_mut(), cx)).await
    };
    current.set_ended();
    let end = end.unwrap_or_else(|reason| {
        place.drain(&mut inbox, &Refusal::Exited(reason.clone()));
        End::Ended(reason)
    });
    let reason = end.reason();
    // What has come since the end of the last turn, or during a start that failed, waits for the successor.
    place.return_inbox(inbox);
    log_end(&place.seat, &end);
    place.seat.end(&reason);
    match end {
        End::Ended(reason) => report.exited(reason).await,
        End::Ignored => report.ignored().await,
        End::NotStarted(reason) => report.failed(reason).await,
    }
}

enum End {
    Ended(ExitReason),
    Ignored,
    NotStarted(ExitReason),
}

impl End {
    fn reason(&self) -> ExitReason {
        match self {
            Self::Ended(reason) | Self::NotStarted(reason) => reason.clone(),
            Self::Ignored => ExitReason::Normal,
        }
    }
}

fn log_end(seat: &Seat, end: &End) {
    let (name, actor) = (&*seat.label, seat.actor);
    match end {
        End::Ended(reason) if !reason.is_expected() => {
            tracing::error!(target: "quorate::exit", name, actor, %reason, "an actor ended");
        }
        End::NotStarted(reason) => {
            tracing::error!(target: "quorate::exit", name, actor, %reason, "an actor was not started");
        }
        End::Ended(_) | End::Ignored => {}
    }
}

/// From the start to the dropped state.
async fn live<A: Actor>(
    start: &StartFn<A>,
    mut cx: Context<A>,
    inbox: &mut Inbox<A>,
    place: &Arc<Place<A>>,
    current: &Arc<Current>,
    report: &Report,
    hibernate_after: Option<Duration>,
) -> End {
    let highest = Arc::clone(cx.system().highest());
    let turns = Turns {
        place,
        seat: &place.seat,
        highest: &highest,
        current,
    };
    // What makes the start's future is the actor's own code too.
    let starting = async { start(&mut cx).await };
    let actor = match turns.run(starting, Signal::Stop).await {
        Ok(Ok(Start::Ready(actor))) => actor,
        Ok(Ok(Start::Ignore)) => {
            cx.end_tasks().await;
            return End::Ignored;
        }
        Ok(Err(reason)) | Err(reason) => {
            cx.end_tasks().await;
            return End::NotStarted(reason);
        }
    };
    let seated = Seated::new(place, actor, cx, current);
    report.started().await;
    let reason = turns.messages(inbox, Idle::new(hibernate_after)).await;
    let Some(Body {
        mut actor, mut cx, ..
    }) = seated.leave()
    else {
        return End::Ended(reason);
    };
    current.set_ending(&reason);
    place.drain(inbox, &Refusal::Exited(reason.clone()));
    if turns.cut_off(Signal::Lapse).is_none() {
        let stopped = turns.run(actor.stopped(&reason, &mut cx), Signal::Lapse).await;
        if let Err(ExitReason::Panic { message, location }) = stopped {
            tracing::error!(target: "quorate::exit", actor = A::NAME, %message, %location, "`stopped` panicked");
        }
    }
    if panics::caught(|| drop(actor)).is_err() {
        tracing::error!(target: "quorate::exit", actor = A::NAME, "dropping the actor's state panicked");
    }
    cx.end_tasks().await;
    End::Ended(reason)
}

/// What runs the actor's own code.
struct Turns<'a, A: Actor> {
    place: &'a Place<A>,
    seat: &'a Seat,
    highest: &'a Highest,
    current: &'a Arc<Current>,
}

/// What an actor does next.
enum Next<A: Actor> {
    End(ExitReason),
    GoOn,
    Tick(usize),
    Item(Item<A>),
}

impl<A: Actor> Turns<'_, A> {
    /// One message at a time until something ends it.
    async fn messages(&self, inbox: &mut Inbox<A>, mut idle: Idle) -> ExitReason {
        let (mailbox, pace) = (self.place.mailbox(), self.place.pace());
        let mut ticks = Ticks::new::<A>();
        let mut left = pace.turn();
        let mut handled: u32 = 0;
        loop {
            let next = poll_fn(|task| {
                // SAFETY: the loop has the turn as long as it is polled.
                let body = unsafe { self.body() };
                loop {
                    if let Some(reason) = body.fell.take().or_else(|| body.cx.take_exit()) {
                        return Poll::Ready(Next::End(reason));
                    }
                    self.place.lives_on();
                    if let Some(reason) = self.asked_to_end() {
                        return Poll::Ready(Next::End(reason));
                    }
                    if body.cx.goes_on() {
                        // Work that goes on and on is a queue that is never empty.
                        let coop = ready!(tokio::task::coop::poll_proceed(task));
                        coop.made_progress();
                        body.cx.take_go_on();
                        return Poll::Ready(Next::GoOn);
                    }
                    if let Poll::Ready(index) = ticks.poll(task) {
                        return Poll::Ready(Next::Tick(index));
                    }
                    if left == 0 {
                        left = pace.turn();
                        mailbox.settle(inbox);
                        mailbox.go_on();
                        return Poll::Pending;
                    }
                    let Some(item) = mailbox.next_or_rest(inbox) else {
                        break;
                    };
                    left -= 1;
                    idle.ends();
                    match item {
                        Item::Message { envelope, rare } if !A::is_async(&envelope) => {
                            let Some((envelope, stamp)) = self.admit(envelope, rare) else {
                                continue;
                            };
                            body.cx.set_caller(stamp);
                            let (actor, cx) = (&mut body.actor, &mut body.cx);
                            let ended =
                                self.call(|| pace.sampled(handled, || actor.handle_now(envelope, cx)));
                            handled = handled.wrapping_add(1);
                            if let Err(reason) = ended {
                                return Poll::Ready(Next::End(reason));
                            }
                        }
                        item => return Poll::Ready(Next::Item(item)),
                    }
                }
                left = pace.turn();
                if idle.poll(task).is_ready() {
                    Mailbox::<Item<A>>::trim();
                    storage::trim();
                }
                Poll::Pending
            })
            .await;
            // SAFETY: the loop has the turn as long as it is polled.
            let Body { actor, cx, .. } = unsafe { self.body() };
            // From here on it may wait.
            mailbox.settle(inbox);
            let turn = match next {
                Next::End(reason) => return reason,
                Next::GoOn => self.run(actor.continued(cx), Signal::Lapse).await,
                Next::Tick(index) => self.run(actor.tick(index, cx), Signal::Lapse).await,
                // Of one before, or of this one, whose own code caught what it was dying of.
                Next::Item(Item::End(_)) => continue,
                Next::Item(Item::Down(down)) => {
                    if !cx.take_monitor(down.monitor) {
                        continue;
                    }
                    self.run(actor.down(*down, cx), Signal::Lapse).await
                }
                Next::Item(Item::Exit(signal)) => match self.exit_signal(*signal, cx) {
                    Ok(None) => continue,
                    Ok(Some(info)) => self.run(actor.info(info, cx), Signal::Lapse).await,
                    Err(reason) => return reason,
                },
                Next::Item(Item::Message { envelope, rare }) => {
                    let Some((envelope, stamp)) = self.admit(envelope, rare) else {
                        continue;
                    };
                    cx.set_caller(stamp);
                    let since = pace.samples(handled);
                    handled = handled.wrapping_add(1);
                    self.run_sampled(actor.handle(envelope, cx), Signal::Lapse, since)
                        .await
                }
            };
            if let Err(reason) = turn {
                return reason;
            }
        }
    }

    /// The actor in its place.
    ///
    /// # Safety
    ///
    /// As for [`BodyCell::get`](crate::body::BodyCell::get); the actor has been seated and has not left.
    #[allow(clippy::mut_from_ref, reason = "the turn is what makes it exclusive")]
    unsafe fn body(&self) -> &mut Body<A> {
        // SAFETY: the caller promises it.
        unsafe { self.place.body().get() }
            .as_mut()
            .expect("an actor whose turn it is, is in its place")
    }

    /// What an exit signal does: what `#[info]` is told when it is trapped, nothing when it is normal or its link was taken back, and else
    /// the actor ends for the same reason.
    fn exit_signal(&self, signal: ExitSignal, cx: &Context<A>) -> Result<Option<Info>, ExitReason> {
        let ExitSignal { via, actor, reason } = signal;
        let is_for_it = match via {
            Via::Link(link) => self.seat.links.take_link(actor, link),
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

    /// The message and its sender's stamp, if it is to be handled: in time, for this incarnation, and not of a holder whose successor
    /// was heard.
    #[inline]
    fn admit(&self, mut envelope: A::Envelope, rare: Option<Kept<Rare<A>>>) -> Option<(A::Envelope, Stamp)> {
        let stamp = stamp_of(rare.as_ref());
        let incarnation = rare.as_ref().map_or(0, |rare| rare.incarnation);
        let deadline = A::port(&mut envelope).deadline();
        let refusal = if incarnation != 0 && incarnation != self.seat.incarnation() {
            Refusal::Gone
        } else if deadline.is_some_and(|deadline| deadline <= Instant::now()) {
            Refusal::Expired
        } else if !self.highest.admit(stamp) {
            Refusal::Superseded
        } else {
            self.seat.set_handling(A::method_index(&envelope));
            if self.current.tenure.is_some() {
                A::port(&mut envelope).bind(&Answerer(Arc::clone(self.current)));
            }
            return Some((envelope, stamp));
        };
        place::refuse::<A>(Item::Message { envelope, rare }, &refusal);
        None
    }

    /// Polls the actor's own code to its end, to a panic, or to a signal of at least this weight.
    async fn run<F: Future>(&self, code: F, least: Signal) -> Result<F::Output, ExitReason> {
        self.run_sampled(code, least, None).await
    }

    /// The same, of a handler whose first poll is measured.
    async fn run_sampled<F: Future>(
        &self,
        code: F,
        least: Signal,
        mut since: Option<std::time::Instant>,
    ) -> Result<F::Output, ExitReason> {
        let mut code = Stored::new(code);
        let ended = poll_fn(|task| {
            if let Some(reason) = self.cut_off(least) {
                return Poll::Ready(Err(reason));
            }
            let polled = panics::poll_caught(code.as_mut(), task);
            if let Some(since) = since.take() {
                self.place.pace().note(since.elapsed());
            }
            if let Poll::Ready(result) = polled {
                return Poll::Ready(result);
            }
            // Sent while the code ran: the wake-up for it may have come before.
            self.cut_off(least)
                .map_or(Poll::Pending, |reason| Poll::Ready(Err(reason)))
        })
        .await;
        let ended = self.ended(ended);
        if panics::caught(move || drop(code)).is_err() {
            tracing::error!(target: "quorate::exit", actor = A::NAME, "dropping what a handler held panicked");
        }
        ended
    }

    /// Calls the actor's own code, which does not wait.
    fn call(&self, code: impl FnOnce()) -> Result<(), ExitReason> {
        let ended = panics::caught(code);
        self.ended(ended)
    }

    fn ended<T>(&self, ended: Result<T, ExitReason>) -> Result<T, ExitReason> {
        self.seat.waits.end_turn();
        if let Err(reason) = &ended {
            // Ports that the code still holds are dropped with it, and answer this.
            self.current.set_ending(reason);
        }
        ended
    }

    fn asked_to_end(&self) -> Option<ExitReason> {
        self.cut_off(Signal::Stop)
    }

    fn cut_off(&self, least: Signal) -> Option<ExitReason> {
        match self.seat.lane.signal() {
            Some(signal) if signal >= least => Some(signal.reason()),
            _ if !self.seat.tenure.as_ref().is_none_or(Tenure::is_valid) => Some(ExitReason::Lapsed),
            _ => None,
        }
    }
}
