//! The stage between start and end: one message at a time until something ends it.

use std::task::{Context, Poll, ready};

use super::timers::Timers;
use super::{Turns, seated};
use crate::actor::Actor;
use crate::body::Body;
use crate::envelope::Item;
use crate::exit::ExitReason;
use crate::lane::Signal;
use crate::mailbox::{Mailbox, Parcel};
use crate::pace::Pace;
use crate::panics;
use crate::place::{self, Inbox};
use crate::seldom::Seldom;
use crate::storage::{self, Stored};

/// What the loop remembers from turn to turn.
pub(super) struct Messages {
    timers: Seldom<Timers>,
    /// How many messages before other tasks have their turn.
    left: u32,
}

/// What an actor does next. It is handed on, so it is small.
enum Next<A: Actor> {
    End(Box<ExitReason>),
    /// It is told to.
    EndBy(Signal),
    GoOn,
    Tick(usize),
    Item(Parcel<Item<A>>),
}

impl Messages {
    #[inline]
    pub(super) fn new(timers: Seldom<Timers>, pace: &Pace) -> Self {
        Self {
            timers,
            left: pace.turn(),
        }
    }

    #[inline]
    pub(super) fn drop_timers(&mut self) {
        self.timers = Seldom::none();
    }

    /// Ready with the reason to end.
    #[inline]
    pub(super) fn poll<A: Actor>(
        &mut self,
        turns: &Turns<'_, A>,
        inbox: &mut Inbox<A>,
        task: &mut Context<'_>,
    ) -> Poll<ExitReason> {
        if let Some(quick) = self.quickly(turns, inbox) {
            return quick;
        }
        // SAFETY: the loop has the turn as long as it is polled.
        let code = || unsafe { turns.place.body().code() };
        loop {
            if let Some(code) = code() {
                let ended = turns.ended(ready!(turns.poll_code(code.as_mut(), Signal::Lapse, task)));
                seated::drop_code(turns.place);
                if let Err(reason) = ended {
                    return Poll::Ready(reason);
                }
            }
            let next = ready!(self.poll_next(turns, inbox, task));
            // From here on it may wait.
            turns.place.mailbox().settle(inbox);
            // What was cut off, or has panicked, borrows the actor: it is dropped before anything else is done with that.
            seated::drop_code(turns.place);
            match code_of(turns, next) {
                Ok(next) => *code() = next,
                Err(reason) => return Poll::Ready(reason),
            }
        }
    }

    /// Whether there is nothing to do.
    #[inline]
    pub(super) fn rests<A: Actor>(&mut self, turns: &Turns<'_, A>, inbox: &mut Inbox<A>) -> bool {
        matches!(self.quickly(turns, inbox), Some(Poll::Pending))
    }

    /// What a turn comes to in which nothing of the actor's own code runs: it is told to end, or there is nothing to do.
    #[inline]
    fn quickly<A: Actor>(&mut self, turns: &Turns<'_, A>, inbox: &mut Inbox<A>) -> Option<Poll<ExitReason>> {
        let (place, mailbox) = (turns.place, turns.place.mailbox());
        let signal = turns.asked_to_end();
        if self.timers.get().is_some() || signal.is_none() && !mailbox.is_empty(inbox) {
            return None;
        }
        // SAFETY: the loop has the turn as long as it is polled.
        let (is_within, body) = unsafe { (place.body().code().is_some(), turns.body()) };
        if is_within || body.fell.is_some() || body.cx.has_asked() {
            return None;
        }
        place.lives_on();
        if let Some(signal) = signal {
            mailbox.settle(inbox);
            return Some(Poll::Ready(signal.reason()));
        }
        self.left = place.pace().turn();
        mailbox.rest(inbox);
        Some(Poll::Pending)
    }

    /// Handles messages, up to one that waits or to something else. There is one boundary for the panics of all of it: whatever panics, the
    /// actor ends.
    fn poll_next<A: Actor>(
        &mut self,
        turns: &Turns<'_, A>,
        inbox: &mut Inbox<A>,
        task: &mut Context<'_>,
    ) -> Poll<Next<A>> {
        match panics::caught_boxed(|| self.handle_all(turns, inbox, task)) {
            Ok(Some(next)) => Poll::Ready(next),
            Ok(None) => Poll::Pending,
            Err(reason) => {
                turns.fell(&reason);
                Poll::Ready(Next::End(reason))
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
        // In a turn before this one, which was not the loop's.
        if let Some(reason) = body.fell.take() {
            return Some(Next::End(reason));
        }
        loop {
            if let Some(reason) = body.cx.take_exit() {
                return Some(Next::End(reason));
            }
            turns.place.lives_on();
            if let Some(signal) = turns.asked_to_end() {
                return Some(Next::EndBy(signal));
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
            if let Some(timers) = self.timers.get_mut()
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
            if let Some(timers) = self.timers.get_mut() {
                timers.idle.ends();
            }
            let Item::Message { envelope, rare } = &mut *item else {
                return Some(Next::Item(item));
            };
            match turns.admit(&body.cx, envelope, rare.as_deref()) {
                Ok(stamp) => body.cx.set_caller(stamp),
                Err(refusal) => {
                    place::refuse(item.into_inner(), &refusal);
                    continue;
                }
            }
            *rare = None;
            // Out of where it lies, whole: taken apart and put together it would wait for its parts.
            // SAFETY: it is moved out once, as the rest is forgotten; which is nothing any more.
            let envelope = unsafe { std::ptr::read(envelope) };
            item.forget();
            let sample = pace.samples(body.cx.count_run());
            if A::is_async(&envelope) {
                // SAFETY: see `code_of`.
                let code = unsafe { Stored::new(body.actor.handle(envelope, &mut body.cx)).unbound() };
                // It lies there when it panics, too.
                // SAFETY: as above.
                let code = unsafe { turns.place.body().code() }.insert(code);
                let polled = code.as_mut().poll(task);
                pace.sampled(sample);
                if polled.is_pending() {
                    mailbox.settle(inbox);
                    // Sent while it ran: the wake-up for it may have come before.
                    let signal = turns.cut_off_by(Signal::Lapse)?;
                    turns.fell(&signal.reason());
                    return Some(Next::EndBy(signal));
                }
                // SAFETY: as above.
                unsafe { *turns.place.body().code() = None };
            } else {
                body.actor.handle_now(envelope, &mut body.cx);
                pace.sampled(sample);
            }
            turns.seat.end_turn();
        }
    }

    /// There is no message.
    fn rest<A: Actor>(&mut self, turns: &Turns<'_, A>, task: &mut Context<'_>) {
        self.left = turns.place.pace().turn();
        if let Some(timers) = self.timers.get_mut()
            && timers.idle.poll(task).is_ready()
        {
            Mailbox::<Item<A>>::trim();
            storage::trim();
        }
    }
}

/// The actor's code for what is next, if there is any.
fn code_of<A: Actor>(turns: &Turns<'_, A>, next: Next<A>) -> Result<Option<Stored<'static, ()>>, ExitReason> {
    // SAFETY: the loop has the turn as long as it is polled, and has no other code of the actor.
    let Body { actor, cx, .. } = unsafe { turns.body() };
    let code = match next {
        Next::End(reason) => return Err(*reason),
        Next::EndBy(signal) => return Err(signal.reason()),
        Next::GoOn => Stored::new(actor.continued(cx)),
        Next::Tick(index) => Stored::new(actor.tick(index, cx)),
        Next::Item(item) => match item.into_inner() {
            Item::Down(down) if cx.take_monitor(down.monitor) => Stored::new(actor.down(*down, cx)),
            Item::Exit(signal) => match turns.exit_signal(*signal, cx)? {
                None => return Ok(None),
                Some(info) => Stored::new(actor.info(info, cx)),
            },
            // An end is of one before, or of this one, whose own code caught what it was dying of. Messages are not among what comes here.
            Item::Down(_) | Item::End(_) | Item::Message { .. } => return Ok(None),
        },
    };
    // SAFETY: it borrows the actor in its place, which leaves it when this stage is over, or is dropped with all of it: and both ways this is
    // dropped before. Nobody else uses the actor meanwhile, as the loop has the turn.
    Ok(Some(unsafe { code.unbound() }))
}
