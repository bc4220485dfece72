//! An actor in its place, from its start to its last turn.

use std::sync::Arc;

use tracing::Span;

use super::{told_of_drop, told_of_state};
use crate::actor::Actor;
use crate::body::Body;
use crate::context::Context;
use crate::panics;
use crate::place::Place;

/// An actor that is put in its place, for those who run it. Taken out when this is dropped, unless it stays.
pub(super) struct Seated<'a, A: Actor>(&'a Place<A>);

impl<'a, A: Actor> Seated<'a, A> {
    #[inline]
    pub(super) fn new(place: &'a Place<A>, actor: A, cx: Context<A>, span: Option<Arc<Span>>) -> Self {
        let body = Body {
            actor,
            cx,
            span,
            fell: None,
        };
        // SAFETY: the loop has the turn from the start until it sleeps, which it has not yet.
        *unsafe { place.body().get() } = Some(body);
        place.set_alive();
        Self(place)
    }

    /// Leaves it there: whoever goes on takes it out.
    #[inline]
    pub(super) fn stay(self) {
        std::mem::forget(self);
    }
}

impl<A: Actor> Drop for Seated<'_, A> {
    fn drop(&mut self) {
        if !drop_out(self.0) {
            told_of_state::<A>();
        }
    }
}

/// What was in a turn is over, or cut off. By who has the turn.
#[inline]
pub(crate) fn drop_code<A: Actor>(place: &Place<A>) {
    // SAFETY: the caller has the turn.
    let code = unsafe { place.body().code() }.take();
    if let Some(code) = code
        && panics::caught(move || drop(code)).is_err()
    {
        told_of_drop::<A>();
    }
}

/// Whether it has begun tasks that are to be waited for.
#[inline]
pub(super) fn has_tasks<A: Actor>(place: &Place<A>) -> bool {
    // SAFETY: the loop has the turn when it runs.
    let body = unsafe { place.body().get() };
    body.as_ref().is_some_and(|body| body.cx.has_tasks())
}

/// Takes the actor out, when its last turn is over.
#[inline]
pub(super) fn take<A: Actor>(place: &Place<A>) -> Option<Body<A>> {
    // It borrows the actor.
    drop_code(place);
    // SAFETY: the loop has the turn when it runs, and whoever drops it has taken the turn for it.
    unsafe { place.body().get() }.take()
}

/// Drops the actor where it is. False when that panicked.
#[inline]
pub(super) fn drop_out<A: Actor>(place: &Place<A>) -> bool {
    drop_code(place);
    // SAFETY: as above.
    panics::caught(|| unsafe { *place.body().get() = None }).is_ok()
}
