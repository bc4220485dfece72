//! The life of one incarnation: start, one message at a time, end.
//!
//! ```text
//! New -> Starting -> Running (turn, turn, turn ...) -> mailbox drained -> Ending (stopped, state dropped)
//!           +--- failed ----------------------------------+-> watchers told -> supervisor told
//! ```
//! What comes after the mailbox was drained waits for the successor.
//!
//! The actor lies in its place, so that a caller may run it while the loop sleeps. A method that is not async is called in place; the future of
//! one that is lies in [storage](crate::storage) that the actor has only while it waits, and so do a start and an end that wait. That is why
//! an idle actor is small: see [`Incarnation`].
//!
//! A panic ends the actor; there is one boundary around all messages of a turn. The system lane is looked at before each message; a kill or a lapse also while a handler
//! waits. After so many messages as its [pace](crate::pace) says other tasks have their turn, however full the mailbox is.

mod messages;
pub(crate) mod seated;
mod start;
mod timers;
mod turns;

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Poll, ready};

use tracing::Span;

use self::messages::Messages;
pub(crate) use self::start::Starting;
use self::start::{not_started, start_later};
use self::timers::Timers;
use self::turns::Turns;
use crate::actor::Actor;
use crate::body::Body;
use crate::current;
use crate::exit::ExitReason;
use crate::lane::Signal;
use crate::panics;
use crate::place::{Held, Place};
use crate::policy::Restart;
use crate::request::Refusal;
use crate::seat::Seat;
use crate::seldom::Seldom;
use crate::storage::Stored;
use crate::supervision::child::{Reports, StartedBy};

/// One incarnation from its start to its report, as it lies in its place. There is one for each actor, so it is small: what only some stages
/// have lies elsewhere while they last.
pub(crate) struct Incarnation {
    /// What its turns are in, when somebody looks at that.
    span: Option<Arc<Span>>,
    life: Life,
}

struct Life {
    reports: Reports,
    /// That what was taken out of the mailbox, which lies in the place, is this one's.
    held: Option<Held>,
    stage: Stage,
}

enum Stage {
    New(
        #[expect(
            dead_code,
            reason = "a life is made where it lies: what was not written would be copied there"
        )]
        [usize; 3],
    ),
    Starting(Stored<'static, Result<Seldom<Timers>, End>>),
    /// The actor is in its place.
    Running(Messages),
    Ending(Stored<'static, End>),
    /// Nothing is left of the actor. It is seldom, and a stage is moved, so this is small.
    Over(Box<End>),
    /// The same, and what follows from that is under way.
    Leaving,
    /// The supervisor has no room for the report.
    Reporting(Pin<Box<dyn Future<Output = ()> + Send>>),
    Ended,
}

/// How an incarnation has ended.
pub(crate) enum End {
    Ended(ExitReason),
    Ignored,
    NotStarted(ExitReason),
}

impl End {
    pub(crate) fn reason(&self) -> &ExitReason {
        match self {
            Self::Ended(reason) | Self::NotStarted(reason) => reason,
            Self::Ignored => &ExitReason::Normal,
        }
    }
}

impl Incarnation {
    /// In this span, if somebody looks at it.
    pub(crate) fn new(span: Option<Arc<Span>>, reports: Reports) -> Self {
        Self::holding(span, reports, None)
    }

    /// The first in its place, which has the inbox from the beginning.
    #[inline(always)]
    pub(crate) fn first(span: Option<Arc<Span>>, reports: Reports, held: Held) -> Self {
        Self::holding(span, reports, Some(held))
    }

    #[inline(always)]
    fn holding(span: Option<Arc<Span>>, reports: Reports, held: Option<Held>) -> Self {
        let life = Life {
            reports,
            held,
            stage: Stage::New([0; 3]),
        };
        Self { span, life }
    }

    /// Goes on with it, in its place. Ready when it has ended and was reported. What panics here has [fallen](Self::fell).
    #[inline]
    pub(crate) fn poll<A: Actor>(
        &mut self,
        place: &Arc<Place<A>>,
        task: &mut std::task::Context<'_>,
    ) -> Poll<()> {
        let Self { span, life } = self;
        let end = {
            let _in_span = span.as_deref().map(Span::enter);
            ready!(current::enter(&**place, || {
                life.go_on(place, span.as_ref(), task)
            }))
        };
        // What follows from its end is not the actor's doing.
        match end {
            Some(end) => life.tell(place, &end, task),
            None => Poll::Ready(()),
        }
    }

    /// What has panicked outside of the actor's own code, which has a boundary of its own, leaves nothing behind, and does not take the report
    /// with it.
    #[cold]
    pub(crate) fn fell<A: Actor>(
        &mut self,
        place: &Arc<Place<A>>,
        reason: ExitReason,
        task: &mut std::task::Context<'_>,
    ) -> Poll<()> {
        let Self { span, life } = self;
        if matches!(life.stage, Stage::Leaving | Stage::Reporting(_) | Stage::Ended) {
            tracing::error!(target: "quorate::exit", actor = A::NAME, %reason, "what ends an actor panicked");
            return Poll::Ready(());
        }
        let end = {
            let _in_span = span.as_deref().map(Span::enter);
            current::enter(&**place, || {
                life.fall(place, &reason);
                let end = End::Ended(reason);
                life.leave_as(place, &end);
                end
            })
        };
        life.tell(place, &end, task)
    }

    /// Makes the actor, if that does not wait, in its place. True when there is nothing else to do for now.
    pub(crate) fn start_here<A: Actor>(&mut self, place: &Arc<Place<A>>) -> bool {
        let Self { span, life } = self;
        let _in_span = span.as_deref().map(Span::enter);
        current::enter(&**place, || life.start_here(place, span.as_ref()))
    }

    /// Whether nothing is left of it that would have to be dropped.
    #[inline]
    pub(crate) fn is_nothing(&self) -> bool {
        let Self { span, life } = self;
        let Life { reports, held, stage } = life;
        matches!(
            (stage, held, reports, span),
            (Stage::Ended, None, Reports::Home, None)
        )
    }

    /// Drops it, in its place. Early, with its runtime: the actor is dropped on behalf of itself, too.
    pub(crate) fn end_in<A: Actor>(&mut self, place: &Place<A>) {
        let Self { span, life } = self;
        if matches!(life.stage, Stage::Ended) {
            life.return_inbox(place);
            return;
        }
        let _in_span = span.as_deref().map(Span::enter);
        current::enter(place, || {
            life.abandon(place);
        });
        // With it no other one follows.
        place.forget_start();
        life.return_inbox(place);
        if !place.seat.is_vacant() {
            place.seat.set_ended();
            place.seat.end(&ExitReason::Killed);
        }
    }
}

impl Life {
    /// From stage to stage, until it waits or nothing is left of the actor: then ready with how it has ended, if that is to be told.
    #[inline]
    fn go_on<A: Actor>(
        &mut self,
        place: &Arc<Place<A>>,
        span: Option<&Arc<Span>>,
        task: &mut std::task::Context<'_>,
    ) -> Poll<Option<End>> {
        let end = loop {
            match &mut self.stage {
                // Where it is most of the time.
                Stage::Running(messages) => {
                    let Some(held) = &mut self.held else {
                        return Poll::Ready(None);
                    };
                    let reason = ready!(messages.poll(&Turns::new(place), place.inbox(held), task));
                    if let Some(end) = self.stop(place, reason) {
                        break end;
                    }
                }
                Stage::New(_) => self.start(place, span, StartedBy::Loop),
                Stage::Starting(starting) => match ready!(starting.as_mut().poll(task)) {
                    Ok(timers) => self.stage = Stage::Running(Messages::new(timers, place.pace())),
                    Err(end) => break end,
                },
                Stage::Ending(ending) => break ready!(ending.as_mut().poll(task)),
                Stage::Over(_) => {
                    if let Stage::Over(end) = std::mem::replace(&mut self.stage, Stage::Leaving) {
                        break *end;
                    }
                }
                Stage::Reporting(reporting) => {
                    ready!(reporting.as_mut().poll(task));
                    self.stage = Stage::Ended;
                }
                Stage::Leaving | Stage::Ended => return Poll::Ready(None),
            }
        };
        self.leave_as(place, &end);
        Poll::Ready(Some(end))
    }

    /// Makes the actor, if that does not wait. True when there is nothing else to do for now.
    #[inline]
    fn start_here<A: Actor>(&mut self, place: &Arc<Place<A>>, span: Option<&Arc<Span>>) -> bool {
        if let Err(reason) = panics::caught_boxed(|| self.start(place, span, StartedBy::Spawner)) {
            self.fall(place, &reason);
            self.stage = Stage::Over(Box::new(End::Ended(*reason)));
        }
        match (&mut self.stage, &mut self.held) {
            (Stage::Running(messages), Some(held)) => messages.rests(&Turns::new(place), place.inbox(held)),
            _ => false,
        }
    }

    /// What has panicked outside of a turn leaves nothing behind.
    #[cold]
    fn fall<A: Actor>(&mut self, place: &Place<A>, reason: &ExitReason) {
        self.abandon(place);
        self.drain(place, reason);
    }

    /// Makes the actor, or begins to.
    #[inline]
    fn start<A: Actor>(&mut self, place: &Arc<Place<A>>, span: Option<&Arc<Span>>, by: StartedBy) {
        // `Seat::begin` has seen to it that there is no other incarnation.
        if self.held.is_none() {
            self.held = place.take_inbox();
        }
        let Some(held) = &self.held else {
            self.stage = not_started("the mailbox of the place is in use");
            return;
        };
        let Some(start) = place.start_fn(held) else {
            self.stage = not_started("its spec is forgotten");
            return;
        };
        let starting = Starting {
            place,
            span,
            reports: &self.reports,
            by,
            stage: &mut self.stage,
        };
        if start.waits() {
            let (start, span) = (start.clone(), span.cloned());
            let starting = start_later(Arc::clone(place), start, span, self.reports.clone());
            self.stage = Stage::Starting(Stored::new(starting));
        } else if !start.run(starting) {
            self.stage = not_started("it is filled otherwise");
        }
        self.spend_start(place);
    }

    /// Where it will not start again, nothing is kept of what it was started with.
    #[inline]
    fn spend_start<A: Actor>(&mut self, place: &Place<A>) {
        let is_last = self.reports.are_to_root(place) && place.policy().restart == Restart::Temporary;
        if is_last && let Some(held) = &mut self.held {
            place.spend_start(held);
        }
    }

    /// After the last message. Answers how it has ended, unless there is something to wait for.
    #[inline]
    fn stop<A: Actor>(&mut self, place: &Arc<Place<A>>, reason: ExitReason) -> Option<End> {
        // It borrows the actor.
        seated::drop_code(place);
        place.seat.set_ending(&reason);
        self.drain(place, &reason);
        if A::STOPPED || seated::has_tasks(place) {
            if let Some(body) = seated::take(place) {
                self.stage = Stage::Ending(Stored::new(stop(body, Arc::clone(place), reason)));
                return None;
            }
        } else if !seated::drop_out(place) {
            told_of_state::<A>();
        }
        Some(End::Ended(reason))
    }

    /// Its state is dropped: gives the mailbox back, and tells the watchers.
    #[inline]
    fn leave_as<A: Actor>(&mut self, place: &Place<A>, end: &End) {
        match &mut self.stage {
            // Which has nothing else to drop.
            Stage::Running(messages) => messages.drop_timers(),
            stage => *stage = Stage::Leaving,
        }
        self.go_to(Stage::Leaving);
        place.seat.set_ended();
        // What has come since the end of the last turn, or during a start that failed, waits for the successor.
        self.return_inbox(place);
        if matches!(end, End::Ignored) {
            place.seat.starts.set_ignored();
        }
        log_end(&place.seat, end);
        place.seat.end(end.reason());
    }

    /// Tells the supervisor. Ready when it knows.
    #[inline]
    fn tell<A: Actor>(&mut self, place: &Place<A>, end: &End, task: &mut std::task::Context<'_>) -> Poll<()> {
        if let Some(mut reporting) = self.reports.tell_end(place, end)
            && reporting.as_mut().poll(task).is_pending()
        {
            self.go_to(Stage::Reporting(reporting));
            return Poll::Pending;
        }
        self.go_to(Stage::Ended);
        Poll::Ready(())
    }

    fn go_to(&mut self, stage: Stage) {
        go_to(&mut self.stage, stage);
    }

    #[inline]
    fn return_inbox<A: Actor>(&mut self, place: &Place<A>) {
        if let Some(held) = self.held.take() {
            place.return_inbox(held);
        }
    }

    /// Answers for what was sent to it.
    #[inline]
    fn drain<A: Actor>(&mut self, place: &Place<A>, reason: &ExitReason) {
        if let Some(held) = &mut self.held {
            place.drain(held, || Refusal::Exited(reason.clone()));
        }
    }

    /// Drops what there is of the actor, in the middle of it.
    fn abandon<A: Actor>(&mut self, place: &Place<A>) {
        // What a handler borrows of the actor is dropped before the actor.
        let stage = std::mem::replace(&mut self.stage, Stage::Ended);
        let is_seated = matches!(stage, Stage::Running(_) | Stage::Starting(_));
        let is_dropped = panics::caught(move || drop(stage)).is_ok();
        if is_seated && !seated::drop_out(place) || !is_dropped {
            told_of_state::<A>();
        }
    }
}

/// From a stage that holds nothing, or not any more.
#[inline]
fn go_to(stage: &mut Stage, to: Stage) {
    debug_assert!(
        matches!(stage, Stage::New(_) | Stage::Running(_) | Stage::Leaving),
        "nothing is lost"
    );
    std::mem::forget(std::mem::replace(stage, to));
}

#[inline(always)]
fn log_end(seat: &Seat, end: &End) {
    let (name, actor) = (seat.name(), seat.actor());
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

/// From the last message to the dropped state.
async fn stop<A: Actor>(body: Body<A>, place: Arc<Place<A>>, reason: ExitReason) -> End {
    let Body {
        mut actor, mut cx, ..
    } = body;
    let turns = Turns::new(&place);
    if turns.cut_off(Signal::Lapse).is_none() {
        let stopped = turns.run(actor.stopped(&reason, &mut cx), Signal::Lapse).await;
        if let Err(ExitReason::Panic { message, location }) = stopped {
            tracing::error!(target: "quorate::exit", actor = A::NAME, %message, %location, "`stopped` panicked");
        }
    }
    drop_state(actor);
    cx.end_tasks().await;
    End::Ended(reason)
}

#[inline]
fn drop_state<A: Actor>(actor: A) {
    if panics::caught(|| drop(actor)).is_err() {
        told_of_state::<A>();
    }
}

#[cold]
fn told_of_state<A: Actor>() {
    tracing::error!(target: "quorate::exit", actor = A::NAME, "dropping the actor's state panicked");
}

#[cold]
fn told_of_drop<A: Actor>() {
    tracing::error!(target: "quorate::exit", actor = A::NAME, "dropping what a handler held panicked");
}
