//! An actor in its place, from its start to its last turn.

use std::sync::Arc;

use crate::actor::Actor;
use crate::body::Body;
use crate::context::Context;
use crate::current::Current;
use crate::panics;
use crate::place::Place;

/// An actor in its place, for those who run it. Taken out when this is dropped.
pub(super) struct Seated<'a, A: Actor>(&'a Place<A>);

impl<'a, A: Actor> Seated<'a, A> {
    pub(super) fn new(place: &'a Place<A>, actor: A, cx: Context<A>, current: &Arc<Current>) -> Self {
        let body = Body {
            actor,
            cx,
            running: current.in_turn(),
            span: tracing::Span::current(),
            runs: 0,
            fell: None,
        };
        // SAFETY: the loop has the turn from the start until it sleeps, which it has not yet.
        *unsafe { place.body().get() } = Some(body);
        place.set_alive();
        Self(place)
    }

    /// Takes it out, when its last turn is over.
    pub(super) fn leave(self) -> Option<Body<A>> {
        self.take()
    }

    fn take(&self) -> Option<Body<A>> {
        // SAFETY: the loop has the turn when it runs, and whoever drops it has taken the turn for it.
        unsafe { self.0.body().get() }.take()
    }
}

impl<A: Actor> Drop for Seated<'_, A> {
    fn drop(&mut self) {
        let body = self.take();
        if panics::caught(move || drop(body)).is_err() {
            tracing::error!(target: "quorate::exit", actor = A::NAME, "dropping the actor's state panicked");
        }
    }
}
