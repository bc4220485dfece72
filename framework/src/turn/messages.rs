//! The stage between start and end: one message at a time until something ends it.

use std::task::{Context, Poll, ready};
use std::time::Instant;

use super::timers::Timers;
use super::{Turns, told_of_drop};
use crate::actor::Actor;
use crate::body::Body;
use crate::envelope::Item;
use crate::exit::ExitReason;
use crate::lane::Signal;
use crate::mailbox::Mailbox;
use crate::pace::Pace;
use crate::panics;
use crate::place::Inbox;
use crate::storage::{self, Stored};

/// What the loop remembers from turn to turn.
pub(super) struct Messages {
    /// What waits in a turn. It borrows the actor, so it is dropped before that leaves its place.
    code: Option<Stored<'static, ()>>,
    timers: Option<Box<Timers>>,
    /// How many messages before other tasks have their turn.
    left: u32,
    /// Messages that it has handled.
    handled: u32,
}

/// What an actor does next.
enum Next<A: Actor> {
    End(ExitReason),
    GoOn,
    Tick(usize),
    Item(Item<A>),
}

impl Messages {
    pub(super) fn new(timers: Option<Box<Timers>>, pace: &Pace) -> Self {
        Self {
            code: None,
            timers,
            left: pace.turn(),
            handled: 0,
        }
    }

    /// Ready with the reason to end.
    pub(super) fn poll<A: Actor>(
        &mut self,
        turns: &Turns<'_, A>,
        inbox: &mut Inbox<A>,
        task: &mut Context<'_>,
    ) -> Poll<ExitReason> {
        let pace = turns.place.pace();
        // Of a handler whose first poll is measured.
        let mut since = None;
        loop {
            if let Some(code) = &mut self.code {
                let polled = turns.poll_code(code.as_mut(), Signal::Lapse, task);
                if let Some(since) = since.take() {
                    pace.note(Instant::elapsed(&since));
                }
                let ended = turns.ended(ready!(polled));
                let code = self.code.take();
                if panics::caught(move || drop(code)).is_err() {
                    told_of_drop::<A>();
                }
                if let Err(reason) = ended {
                    return Poll::Ready(reason);
                }
            }
            let next = ready!(self.poll_next(turns, inbox, task));
            // From here on it may wait.
            turns.place.mailbox().settle(inbox);
            let is_message = matches!(next, Next::Item(Item::Message { .. }));
            match code_of(turns, next) {
                Ok(None) => {}
                Ok(Some(code)) => {
                    // SAFETY: it borrows the actor in its place, which leaves it when this stage is over, or is dropped with all of it: and
                    // both ways this is dropped before. Nobody else uses the actor meanwhile, as the loop has the turn.
                    self.code = Some(unsafe { code.unbound() });
                    if is_message {
                        since = pace.samples(self.handled);
                        self.handled = self.handled.wrapping_add(1);
                    }
                }
                Err(reason) => return Poll::Ready(reason),
            }
        }
    }

    /// Handles what does not wait, up to something that may.
    fn poll_next<A: Actor>(
        &mut self,
        turns: &Turns<'_, A>,
        inbox: &mut Inbox<A>,
        task: &mut Context<'_>,
    ) -> Poll<Next<A>> {
        let (mailbox, pace) = (turns.place.mailbox(), turns.place.pace());
        // SAFETY: the loop has the turn as long as it is polled.
        let body = unsafe { turns.body() };
        loop {
            if let Some(reason) = body.fell.take().or_else(|| body.cx.take_exit()) {
                return Poll::Ready(Next::End(*reason));
            }
            turns.place.lives_on();
            if let Some(reason) = turns.asked_to_end() {
                return Poll::Ready(Next::End(reason));
            }
            if body.cx.goes_on() {
                // Work that goes on and on is a queue that is never empty.
                let coop = ready!(tokio::task::coop::poll_proceed(task));
                coop.made_progress();
                body.cx.take_go_on();
                return Poll::Ready(Next::GoOn);
            }
            if let Some(timers) = &mut self.timers
                && let Poll::Ready(index) = timers.ticks.poll(task)
            {
                return Poll::Ready(Next::Tick(index));
            }
            if self.left == 0 {
                self.left = pace.turn();
                mailbox.settle(inbox);
                mailbox.go_on();
                return Poll::Pending;
            }
            let Some(item) = mailbox.next_or_rest(inbox) else {
                break;
            };
            self.left -= 1;
            if let Some(timers) = &mut self.timers {
                timers.idle.ends();
            }
            match item {
                Item::Message { envelope, rare } if !A::is_async(&envelope) => {
                    let admitted = turns.admit(body.cx.system().highest(), envelope, rare);
                    let Some((envelope, stamp)) = admitted else {
                        continue;
                    };
                    body.cx.set_caller(stamp);
                    let (actor, cx) = (&mut body.actor, &mut body.cx);
                    let handled = self.handled;
                    let ended = turns.call(|| pace.sampled(handled, || actor.handle_now(envelope, cx)));
                    self.handled = handled.wrapping_add(1);
                    if let Err(reason) = ended {
                        return Poll::Ready(Next::End(reason));
                    }
                }
                item => return Poll::Ready(Next::Item(item)),
            }
        }
        self.left = pace.turn();
        if let Some(timers) = &mut self.timers
            && timers.idle.poll(task).is_ready()
        {
            Mailbox::<Item<A>>::trim();
            storage::trim();
        }
        Poll::Pending
    }
}

/// The actor's code for what is next, if there is any.
fn code_of<'a, A: Actor>(turns: &Turns<'a, A>, next: Next<A>) -> Result<Option<Stored<'a, ()>>, ExitReason> {
    // SAFETY: the loop has the turn as long as it is polled, and has no other code of the actor.
    let Body { actor, cx, .. } = unsafe { turns.body() };
    Ok(Some(match next {
        Next::End(reason) => return Err(reason),
        Next::GoOn => Stored::new(actor.continued(cx)),
        Next::Tick(index) => Stored::new(actor.tick(index, cx)),
        // Of one before, or of this one, whose own code caught what it was dying of.
        Next::Item(Item::End(_)) => return Ok(None),
        Next::Item(Item::Down(down)) => {
            if !cx.take_monitor(down.monitor) {
                return Ok(None);
            }
            Stored::new(actor.down(*down, cx))
        }
        Next::Item(Item::Exit(signal)) => match turns.exit_signal(*signal, cx)? {
            None => return Ok(None),
            Some(info) => Stored::new(actor.info(info, cx)),
        },
        Next::Item(Item::Message { envelope, rare }) => {
            let Some((envelope, stamp)) = turns.admit(cx.system().highest(), envelope, rare) else {
                return Ok(None);
            };
            cx.set_caller(stamp);
            Stored::new(actor.handle(envelope, cx))
        }
    }))
}
