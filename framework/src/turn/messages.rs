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
use crate::mailbox::{Mailbox, Parcel};
use crate::pace::Pace;
use crate::panics;
use crate::place::{self, Inbox};
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

/// What an actor does next. It is handed on, so it is small.
enum Next<A: Actor> {
    End(Box<ExitReason>),
    GoOn,
    Tick(usize),
    Item(Parcel<Item<A>>),
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
            let is_message = matches!(&next, Next::Item(item) if matches!(**item, Item::Message { .. }));
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

    /// Handles what does not wait, up to something that may. There is one boundary for the panics of all of it: whatever panics, the actor
    /// ends.
    fn poll_next<A: Actor>(
        &mut self,
        turns: &Turns<'_, A>,
        inbox: &mut Inbox<A>,
        task: &mut Context<'_>,
    ) -> Poll<Next<A>> {
        match panics::caught(|| self.handle_all(turns, inbox, task)) {
            Ok(Some(next)) => Poll::Ready(next),
            Ok(None) => Poll::Pending,
            Err(reason) => {
                turns.fell(&reason);
                Poll::Ready(Next::End(Box::new(reason)))
            }
        }
    }

    /// The same with panics passed on. `None` when it waits.
    fn handle_all<A: Actor>(
        &mut self,
        turns: &Turns<'_, A>,
        inbox: &mut Inbox<A>,
        task: &mut Context<'_>,
    ) -> Option<Next<A>> {
        let (mailbox, pace) = (turns.place.mailbox(), turns.place.pace());
        // SAFETY: the loop has the turn as long as it is polled.
        let body = unsafe { turns.body() };
        loop {
            if let Some(reason) = body.fell.take().or_else(|| body.cx.take_exit()) {
                return Some(Next::End(reason));
            }
            turns.place.lives_on();
            if let Some(reason) = turns.asked_to_end() {
                return Some(Next::End(Box::new(reason)));
            }
            if body.cx.goes_on() {
                // Work that goes on and on is a queue that is never empty.
                let Poll::Ready(coop) = tokio::task::coop::poll_proceed(task) else {
                    return None;
                };
                coop.made_progress();
                body.cx.take_go_on();
                return Some(Next::GoOn);
            }
            if let Some(timers) = &mut self.timers
                && let Poll::Ready(index) = timers.ticks.poll(task)
            {
                return Some(Next::Tick(index));
            }
            if self.left == 0 {
                self.left = pace.turn();
                mailbox.settle(inbox);
                mailbox.go_on();
                return None;
            }
            let Some(mut item) = mailbox.next_or_rest(inbox) else {
                self.rest(turns, task);
                return None;
            };
            self.left -= 1;
            if let Some(timers) = &mut self.timers {
                timers.idle.ends();
            }
            let admitted = match &mut *item {
                Item::Message { envelope, rare } if !A::is_async(envelope) => {
                    turns.admit(&body.cx, envelope, rare.as_deref())
                }
                _ => return Some(Next::Item(item)),
            };
            let item = item.into_inner();
            match (admitted, item) {
                (Ok(stamp), Item::Message { envelope, rare }) => {
                    body.cx.set_caller(stamp);
                    drop(rare);
                    let number = self.handled;
                    self.handled = number.wrapping_add(1);
                    pace.sampled(number, || body.actor.handle_now(envelope, &mut body.cx));
                    turns.seat.end_turn();
                }
                (Err(refusal), item) => place::refuse(item, &refusal),
                (Ok(_), _) => {}
            }
        }
    }

    /// There is no message.
    fn rest<A: Actor>(&mut self, turns: &Turns<'_, A>, task: &mut Context<'_>) {
        self.left = turns.place.pace().turn();
        if let Some(timers) = &mut self.timers
            && timers.idle.poll(task).is_ready()
        {
            Mailbox::<Item<A>>::trim();
            storage::trim();
        }
    }
}

/// The actor's code for what is next, if there is any.
fn code_of<'a, A: Actor>(turns: &Turns<'a, A>, next: Next<A>) -> Result<Option<Stored<'a, ()>>, ExitReason> {
    // SAFETY: the loop has the turn as long as it is polled, and has no other code of the actor.
    let Body { actor, cx, .. } = unsafe { turns.body() };
    let mut item = match next {
        Next::End(reason) => return Err(*reason),
        Next::GoOn => return Ok(Some(Stored::new(actor.continued(cx)))),
        Next::Tick(index) => return Ok(Some(Stored::new(actor.tick(index, cx)))),
        Next::Item(item) => item,
    };
    if let Item::Message { envelope, rare } = &mut *item {
        let admitted = turns.admit(cx, envelope, rare.as_deref());
        let item = item.into_inner();
        return Ok(match (admitted, item) {
            (Ok(stamp), Item::Message { envelope, rare }) => {
                drop(rare);
                cx.set_caller(stamp);
                Some(Stored::new(actor.handle(envelope, cx)))
            }
            (Err(refusal), item) => {
                place::refuse(item, &refusal);
                None
            }
            (Ok(_), _) => None,
        });
    }
    Ok(match item.into_inner() {
        // Of one before, or of this one, whose own code caught what it was dying of.
        Item::End(_) | Item::Message { .. } => None,
        Item::Down(down) => cx
            .take_monitor(down.monitor)
            .then(|| Stored::new(actor.down(*down, cx))),
        Item::Exit(signal) => turns
            .exit_signal(*signal, cx)?
            .map(|info| Stored::new(actor.info(info, cx))),
    })
}
