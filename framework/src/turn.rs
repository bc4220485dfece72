//! The life of one incarnation: start, one message at a time, end.
//!
//! ```text
//! start -> turn, turn, turn ... -> mailbox drained -> stopped -> state dropped -> watchers told -> supervisor told
//!   +--- failed ------------------------------------------------------------^
//! ```
//! What comes after the mailbox was drained waits for the successor.
//!
//! A handler is polled in place, never boxed. A panic is caught by turn. The system lane is looked at before
//! each message; a kill or a lapse also while a handler waits. The queue yields to other tasks after a while, however
//! full it is.

use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;

use tokio::time::{Instant, Interval, MissedTickBehavior, interval_at};

use crate::actor::Actor;
use crate::context::Context;
use crate::current::Current;
use crate::envelope::Item;
use crate::exit::ExitReason;
use crate::lane::Signal;
use crate::link::{ExitSignal, Info, Via};
use crate::mailbox::Receiver;
use crate::panics;
use crate::place::{self, Place};
use crate::reply::Answerer;
use crate::request::Refusal;
use crate::seat::Seat;
use crate::spec::{Start, StartFn};
use crate::stamp::{Highest, Stamp};
use crate::supervision::child::Report;
use crate::system::System;
use crate::tenure::Tenure;

/// Runs one incarnation from its start to its report.
pub(crate) async fn incarnation<A: Actor>(
    place: Arc<Place<A>>,
    start: Arc<StartFn<A>>,
    system: System,
    report: Report,
) {
    let current = Current::new(&place.seat, Arc::clone(system.highest()));
    current
        .scope(run(&place, &*start, system, report, &current))
        .await;
}

async fn run<A: Actor>(
    place: &Arc<Place<A>>,
    start: &StartFn<A>,
    system: System,
    report: Report,
    current: &Arc<Current>,
) {
    // Between two incarnations the mailbox is in its place: `begin` has seen to it that there is no other.
    let Some(mut inbox) = place.take_inbox() else {
        report
            .failed(ExitReason::error("the mailbox of the place is in use"))
            .await;
        return;
    };
    let cx = Context::new(Arc::clone(place), system, Arc::clone(current));
    let end = {
        let mut live = pin!(live(start, cx, &mut inbox, place, current, &report));
        // What panics outside of a turn (a drop) must not take the report with it.
        std::future::poll_fn(|cx| panics::poll_caught(live.as_mut(), cx)).await
    };
    current.set_ended();
    let end = end.unwrap_or_else(|reason| {
        place::drain(&mut inbox, &Refusal::Exited(reason.clone()));
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
    inbox: &mut Receiver<Item<A>>,
    place: &Arc<Place<A>>,
    current: &Arc<Current>,
    report: &Report,
) -> End {
    let highest = Arc::clone(cx.system().highest());
    let turns = Turns {
        seat: &place.seat,
        highest: &highest,
        current,
    };
    // What makes the start's future is the actor's own code too.
    let starting = async { start(&mut cx).await };
    let mut actor = match turns.run(starting, Signal::Stop).await {
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
    report.started().await;
    let reason = turns.messages(&mut actor, &mut cx, inbox).await;
    current.set_ending(&reason);
    place::drain(inbox, &Refusal::Exited(reason.clone()));
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
struct Turns<'a> {
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

impl Turns<'_> {
    /// One message at a time until something ends it.
    async fn messages<A: Actor>(
        &self,
        actor: &mut A,
        cx: &mut Context<A>,
        inbox: &mut Receiver<Item<A>>,
    ) -> ExitReason {
        let mut ticks = Ticks::new::<A>();
        let mut signalled = pin!(self.seat.lane.wait(Signal::Stop));
        loop {
            if let Some(reason) = cx.take_exit() {
                return reason;
            }
            let goes_on = cx.take_go_on();
            if goes_on {
                // Work that goes on and on is a queue that is never empty.
                tokio::task::coop::consume_budget().await;
            }
            let next = std::future::poll_fn(|task| {
                if let Some(reason) = self.asked_to_end() {
                    return Poll::Ready(Next::End(reason));
                }
                if goes_on {
                    return Poll::Ready(Next::GoOn);
                }
                if let Poll::Ready(index) = ticks.poll(task) {
                    return Poll::Ready(Next::Tick(index));
                }
                if let Poll::Ready(Some(item)) = inbox.poll_next(task) {
                    return Poll::Ready(Next::Item(item));
                }
                signalled
                    .as_mut()
                    .poll(task)
                    .map(|signal| Next::End(signal.reason()))
            });
            let turn = match next.await {
                Next::End(reason) => return reason,
                Next::GoOn => self.run(actor.continued(cx), Signal::Lapse).await,
                Next::Tick(index) => self.run(actor.tick(index, cx), Signal::Lapse).await,
                Next::Item(Item::Down(down)) => {
                    if !cx.take_monitor(down.monitor) {
                        continue;
                    }
                    self.run(actor.down(down, cx), Signal::Lapse).await
                }
                Next::Item(Item::Exit(signal)) => match self.exit_signal(signal, cx) {
                    Ok(None) => continue,
                    Ok(Some(info)) => self.run(actor.info(info, cx), Signal::Lapse).await,
                    Err(reason) => return reason,
                },
                Next::Item(item) => match self.admit(item) {
                    None => continue,
                    Some((envelope, caller)) => {
                        cx.set_caller(caller);
                        self.run(actor.handle(envelope, cx), Signal::Lapse).await
                    }
                },
            };
            if let Err(reason) = turn {
                return reason;
            }
        }
    }

    /// What an exit signal does: what `#[info]` is told when it is trapped, nothing when it is normal or its link was taken back, and else
    /// the actor ends for the same reason.
    fn exit_signal<A: Actor>(&self, signal: ExitSignal, cx: &Context<A>) -> Result<Option<Info>, ExitReason> {
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

    /// The message, if it is to be handled: in time, for this incarnation, and not of a holder whose successor was heard.
    fn admit<A: Actor>(&self, item: Item<A>) -> Option<(A::Envelope, Stamp)> {
        let Item::Message {
            mut envelope,
            meta,
            bounce,
        } = item
        else {
            return None;
        };
        let refusal = if meta.incarnation != 0 && meta.incarnation != self.seat.incarnation() {
            Refusal::Gone
        } else if meta.deadline.is_some_and(|deadline| deadline <= Instant::now()) {
            Refusal::Expired
        } else if !self.highest.admit(meta.stamp) {
            Refusal::Superseded
        } else {
            self.seat.set_handling(A::method_index(&envelope));
            if self.current.tenure.is_some() {
                A::port(&mut envelope).bind(&Answerer(Arc::clone(self.current)));
            }
            return Some((envelope, meta.stamp));
        };
        place::refuse::<A>(
            Item::Message {
                envelope,
                meta,
                bounce,
            },
            &refusal,
        );
        None
    }

    /// Polls the actor's own code to its end, to a panic, or to a signal of at least this weight.
    async fn run<F: Future>(&self, code: F, least: Signal) -> Result<F::Output, ExitReason> {
        let mut code = pin!(code);
        let mut signalled = pin!(self.seat.lane.wait(least));
        let ended = std::future::poll_fn(|task| {
            if let Some(reason) = self.cut_off(least) {
                return Poll::Ready(Err(reason));
            }
            if let Poll::Ready(result) = panics::poll_caught(code.as_mut(), task) {
                return Poll::Ready(result);
            }
            signalled.as_mut().poll(task).map(|signal| Err(signal.reason()))
        })
        .await;
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

/// The timers of `#[tick]` methods. A tick that is late is not made up for.
struct Ticks(Vec<Interval>);

impl Ticks {
    fn new<A: Actor>() -> Self {
        let interval = |period| {
            let mut interval = interval_at(Instant::now() + period, period);
            interval.set_missed_tick_behavior(MissedTickBehavior::Delay);
            interval
        };
        Self(A::TICKS.iter().copied().map(interval).collect())
    }

    fn poll(&mut self, task: &mut std::task::Context<'_>) -> Poll<usize> {
        match self
            .0
            .iter_mut()
            .position(|interval| interval.poll_tick(task).is_ready())
        {
            Some(index) => Poll::Ready(index),
            None => Poll::Pending,
        }
    }
}
