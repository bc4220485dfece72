//! Waiting for room in a full mailbox, in order of arrival.
//!
//! Who finds it full draws a ticket under a lock and sets a flag in the word. Room that becomes free goes to the tickets as long as there
//! are any, so that nobody overtakes who waits. The flag is set and taken away under the lock only.

use std::collections::VecDeque;
use std::marker::PhantomData;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use super::node::Parcel;
use super::queue::{Mailbox, Sent};
use crate::sync::{Arc, Mutex, lock};

/// Who waits for room in one mailbox.
#[derive(Default)]
pub(super) struct Room(Mutex<Waiting>);

/// Most mailboxes are never full: the queue is made when somebody waits, and gone when nobody does.
#[derive(Default)]
struct Waiting(Option<Box<Tickets>>);

#[derive(Default)]
struct Tickets(VecDeque<Arc<Ticket>>);

impl Waiting {
    fn is_empty(&self) -> bool {
        self.0.is_none()
    }

    fn push(&mut self, ticket: Arc<Ticket>) {
        self.0.get_or_insert_default().0.push_back(ticket);
    }

    fn pop(&mut self) -> Option<Arc<Ticket>> {
        let first = self.0.as_mut()?.0.pop_front();
        self.tidy();
        first
    }

    /// Takes this one out. False when it does not wait.
    fn remove(&mut self, ticket: &Arc<Ticket>) -> bool {
        let Some(tickets) = &mut self.0 else { return false };
        let at = tickets.0.iter().position(|other| Arc::ptr_eq(other, ticket));
        let is_there = at.and_then(|at| tickets.0.remove(at)).is_some();
        self.tidy();
        is_there
    }

    fn tidy(&mut self) {
        if self.0.as_ref().is_some_and(|tickets| tickets.0.is_empty()) {
            self.0 = None;
        }
    }
}

/// One who waits.
struct Ticket(Mutex<Ticketed>);

enum Ticketed {
    Waiting(Waker),
    /// A room is counted for this ticket.
    Granted,
}

/// What has a mailbox, and keeps it as long as somebody waits for room in it.
pub(crate) trait Holds<T>: Clone + Unpin {
    fn mailbox(&self) -> &Mailbox<T>;
}

/// Room for one message; dropping it gives it back.
pub(crate) struct Permit<T, H: Holds<T>> {
    holder: Option<H>,
    messages: PhantomData<fn(T)>,
}

impl<T, H: Holds<T>> Permit<T, H> {
    fn new(holder: H) -> Self {
        Self {
            holder: Some(holder),
            messages: PhantomData,
        }
    }

    /// Puts the message into its room. Never fails.
    pub(crate) fn send(mut self, message: Parcel<T>) -> (H, Sent) {
        let holder = self.holder.take().expect("a permit is used once");
        let sent = holder.mailbox().send_granted(message);
        (holder, sent)
    }
}

impl<T, H: Holds<T>> Drop for Permit<T, H> {
    fn drop(&mut self) {
        if let Some(holder) = &self.holder {
            holder.mailbox().free(1);
        }
    }
}

/// The wait for room.
///
/// # Cancel safety
/// Who is dropped has not waited; a room that was granted already goes to the next.
#[must_use = "a wait for room does nothing until it is polled"]
pub(crate) struct Reserve<T, H: Holds<T>> {
    holder: H,
    ticket: Option<Arc<Ticket>>,
    messages: PhantomData<fn(T)>,
}

impl<T, H: Holds<T>> Reserve<T, H> {
    pub(crate) fn new(holder: H) -> Self {
        Self {
            holder,
            ticket: None,
            messages: PhantomData,
        }
    }
}

impl<T, H: Holds<T>> Future for Reserve<T, H> {
    type Output = Permit<T, H>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Permit<T, H>> {
        let Some(ticket) = &self.ticket else {
            self.ticket = self.holder.mailbox().draw(cx.waker());
            return if self.ticket.is_some() {
                Poll::Pending
            } else {
                Poll::Ready(Permit::new(self.holder.clone()))
            };
        };
        {
            let mut ticket = lock(&ticket.0);
            if let Ticketed::Waiting(waker) = &mut *ticket {
                waker.clone_from(cx.waker());
                return Poll::Pending;
            }
        }
        self.ticket = None;
        Poll::Ready(Permit::new(self.holder.clone()))
    }
}

impl<T, H: Holds<T>> Drop for Reserve<T, H> {
    fn drop(&mut self) {
        if let Some(ticket) = self.ticket.take() {
            self.holder.mailbox().return_ticket(&ticket);
        }
    }
}

impl<T> Mailbox<T> {
    /// Takes room, or a ticket when there is none or when others wait.
    fn draw(&self, waker: &Waker) -> Option<Arc<Ticket>> {
        let mut waiting = lock(&self.room.0);
        let mut word = self.word();
        loop {
            let (count, bound) = (word.count(), self.filled().1);
            let has_room = waiting.is_empty() && count < bound;
            let next = if has_room {
                word.plus(1)
            } else {
                word.awaited(true)
            };
            match self.change(word, next) {
                Ok(()) if has_room => return None,
                Ok(()) => break,
                Err(now) => word = now,
            }
        }
        let ticket = Arc::new(Ticket(Mutex::new(Ticketed::Waiting(waker.clone()))));
        waiting.push(Arc::clone(&ticket));
        Some(ticket)
    }

    /// Takes back who waits no more.
    fn return_ticket(&self, ticket: &Arc<Ticket>) {
        let mut waiting = lock(&self.room.0);
        if waiting.remove(ticket) {
            self.note_waiting(!waiting.is_empty(), 0);
        } else {
            drop(waiting);
            // It was granted.
            self.free(1);
        }
    }

    /// Gives room to who waits, and what is left to all. What was taken beyond the bound is nobody's.
    pub(super) fn grant(&self, count: usize) {
        let mut wakers = Vec::new();
        let mut waiting = lock(&self.room.0);
        let (taken, bound) = self.filled();
        let beyond = taken.saturating_sub(bound).min(count);
        let mut count = count - beyond;
        while count > 0
            && let Some(ticket) = waiting.pop()
        {
            if let Ticketed::Waiting(waker) = std::mem::replace(&mut *lock(&ticket.0), Ticketed::Granted) {
                wakers.push(waker);
            }
            count -= 1;
        }
        self.note_waiting(!waiting.is_empty(), count + beyond);
        drop(waiting);
        wakers.into_iter().for_each(Waker::wake);
    }

    /// Says in the word whether somebody waits, and gives back this much room. Under the lock.
    fn note_waiting(&self, is_awaited: bool, count: usize) {
        let mut word = self.word();
        while let Err(now) = self.change(word, word.minus(count).awaited(is_awaited)) {
            word = now;
        }
    }
}
