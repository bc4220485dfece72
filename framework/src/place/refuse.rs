//! What becomes of a message that nobody handles.

use crate::actor::Actor;
use crate::envelope::Item;
use crate::panics;
use crate::reply::Unhandled;
use crate::request::{Failure, Refusal};

/// Answers for one message that is not handled: a caller that may go elsewhere gets it back, another caller an error; a cast is
/// undelivered. A panic of what is dropped or told here is reported, and goes no further.
pub(crate) fn refuse<A: Actor>(item: Item<A>, refusal: &Refusal) {
    if panics::caught(|| refuse_now(item, refusal)).is_err() {
        tracing::error!(target: "quorate::dead_letter", actor = A::NAME, "dropping a message, or `undelivered`, panicked");
    }
}

fn refuse_now<A: Actor>(item: Item<A>, refusal: &Refusal) {
    let Item::Message { mut envelope, rare } = item else {
        return;
    };
    let failure = Failure::Refused(refusal.clone());
    if let Some(bounce) = rare.and_then(|rare| rare.into_inner().bounce)
        && failure.may_move()
    {
        bounce.send(envelope);
        return;
    }
    let port = A::port(&mut envelope);
    if port.is_call() {
        port.refuse(&Unhandled(failure));
    } else {
        A::undelivered(A::into_message(envelope));
    }
}
