//! The start of an incarnation: from what makes the actor to the actor in its place.

use std::mem::ManuallyDrop;
use std::sync::Arc;

use tracing::Span;

use super::messages::Messages;
use super::seated::Seated;
use super::timers::Timers;
use super::turns::Turns;
use super::{End, Stage, go_to};
use crate::actor::Actor;
use crate::context::Context;
use crate::exit::ExitReason;
use crate::lane::Signal;
use crate::place::Place;
use crate::seldom::Seldom;
use crate::spec::Start;
use crate::start_fn::StartFn;
use crate::storage::Stored;
use crate::supervision::child::{Reports, StartedBy};

#[cold]
pub(super) fn not_started(why: &'static str) -> Stage {
    Stage::Over(Box::new(End::NotStarted(ExitReason::error(why))))
}

/// The context of a start. When that makes no actor, or panics, it is left to who waits for the tasks in it.
struct Lent<'a, A: Actor> {
    cx: ManuallyDrop<Context<A>>,
    left: &'a mut Option<Context<A>>,
}

impl<'a, A: Actor> Lent<'a, A> {
    #[inline(always)]
    fn new(cx: Context<A>, left: &'a mut Option<Context<A>>) -> Self {
        let cx = ManuallyDrop::new(cx);
        Self { cx, left }
    }

    #[inline(always)]
    fn into_inner(self) -> Context<A> {
        let mut this = ManuallyDrop::new(self);
        // SAFETY: it is taken once: `drop` does not run.
        unsafe { ManuallyDrop::take(&mut this.cx) }
    }
}

impl<A: Actor> Drop for Lent<'_, A> {
    #[inline(always)]
    fn drop(&mut self) {
        // SAFETY: as above: `into_inner` has not run.
        *self.left = Some(unsafe { ManuallyDrop::take(&mut self.cx) });
    }
}

/// A start that does not wait, by what makes the actor.
pub(crate) struct Starting<'a, A: Actor> {
    pub(super) place: &'a Arc<Place<A>>,
    pub(super) span: Option<&'a Arc<Span>>,
    pub(super) reports: &'a Reports,
    pub(super) by: StartedBy,
    pub(super) stage: &'a mut Stage,
}

impl<A: Actor> Starting<'_, A> {
    /// Makes the actor, where it will lie, and goes to the stage that follows.
    #[inline(always)]
    pub(crate) fn run(self, start: impl FnOnce(&mut Context<A>) -> Result<Start<A>, ExitReason>) {
        let Self {
            place,
            span,
            reports,
            by,
            stage,
        } = self;
        let mut left = None;
        let ran = Turns::new(place).run_now(
            || {
                // SAFETY: the place is borrowed; from here it goes there, or to a future of it.
                let mut lent = Lent::new(unsafe { Context::new(place) }, &mut left);
                match start(&mut lent.cx) {
                    Ok(Start::Ready(actor)) => {
                        Ok(Seated::new(place, actor, lent.into_inner(), span.cloned()))
                    }
                    Ok(Start::Ignore) => Err(Box::new(End::Ignored)),
                    Err(reason) => Err(Box::new(End::NotStarted(reason))),
                }
            },
            Signal::Stop,
        );
        let end = match ran {
            Ok(Ok(seated)) => {
                let told = reports.tell_started(place, by);
                seated.stay();
                let timers = Timers::new::<A>(place.hibernate_after());
                return match told {
                    None => go_to(stage, Stage::Running(Messages::new(timers, place.pace()))),
                    // The supervisor has no room.
                    Some(told) => {
                        *stage = Stage::Starting(Stored::new(async move {
                            told.await;
                            Ok(timers)
                        }));
                    }
                };
            }
            Ok(Err(end)) => end,
            Err(reason) => Box::new(End::NotStarted(*reason)),
        };
        *stage = match left {
            Some(mut cx) if cx.has_tasks() => Stage::Ending(Stored::new(async move {
                cx.end_tasks().await;
                *end
            })),
            _ => Stage::Over(end),
        };
    }
}

/// From a start that waits to the actor in its place, of which the supervisor knows.
pub(super) async fn start_later<A: Actor>(
    place: Arc<Place<A>>,
    start: StartFn<A>,
    span: Option<Arc<Span>>,
    reports: Reports,
) -> Result<Seldom<Timers>, End> {
    let place = &place;
    // SAFETY: this future keeps the place, and from here it goes there.
    let mut cx = unsafe { Context::new(place) };
    let turns = Turns::new(place);
    // What makes the start's future is the actor's own code too.
    let starting = async {
        match start.begin(&mut cx) {
            Some(starting) => starting.await,
            None => Err(ExitReason::error("its start does not wait")),
        }
    };
    let actor = match turns.run(starting, Signal::Stop).await {
        Ok(Ok(Start::Ready(actor))) => actor,
        Ok(Ok(Start::Ignore)) => {
            cx.end_tasks().await;
            return Err(End::Ignored);
        }
        Ok(Err(reason)) | Err(reason) => {
            cx.end_tasks().await;
            return Err(End::NotStarted(reason));
        }
    };
    let seated = Seated::new(place, actor, cx, span);
    if let Some(told) = reports.tell_started(place, StartedBy::Loop) {
        told.await;
    }
    seated.stay();
    Ok(Timers::new::<A>(place.hibernate_after()))
}
