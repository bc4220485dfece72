//! The lock-free half of a mailbox: sending, taking, falling asleep.
//!
//! ```text
//! senders:  push push push ...   one compare-and-swap each, on the word; it is the wake-up, too
//! the loop: take all there are, in one; turn them around; handle; take again; or fall asleep, in the same step that sees that there are none
//! ```
//! A message is complete before it can be seen, so nobody ever waits for a sender that was interrupted. The count of the word says how
//! much room is taken, exactly; the loop gives room back as it begins with messages, in [`STRIDES`].

use std::marker::PhantomData;

use super::node::{Chain, Parcel};
use super::room::Room;
use super::turn::Rest;
use super::word::{BOUND_MAX, Word};
use crate::sync::{AtomicBool, AtomicU64, Ordering};

/// A loop that has begun a quarter of the bound, within these, gives the room back, and sooner when its turn ends, it runs out of messages
/// or waits: who waits for room then has enough of it to go on for a while. A small mailbox is exact to the message.
const STRIDES: [u32; 2] = [32, 256];
/// Up to this bound each message gives its room back at once.
const EXACT_MAX: u32 = 64;

/// A bounded queue of many senders and one loop.
#[repr(C)]
pub(crate) struct Mailbox<T> {
    word: AtomicU64,
    bound: u32,
    /// What the loop has said of its rest, for the end of its turn.
    pub(super) rest: Rest,
    /// Somebody else has changed the word while a sender did.
    is_contended: AtomicBool,
    pub(super) room: Room,
    messages: PhantomData<T>,
}

// SAFETY: messages are moved from thread to thread and never shared; all else is atomics and locks.
unsafe impl<T: Send> Send for Mailbox<T> {}
// SAFETY: as above.
unsafe impl<T: Send> Sync for Mailbox<T> {}

/// What the loop has taken out of its mailbox. There is one for each mailbox, and only its owner takes.
pub(crate) struct Taken<T> {
    messages: Chain<T>,
    /// Messages whose room is not given back yet.
    begun: u32,
    /// How many these may be. The mailbox's, kept here: senders take the cache line of the mailbox away all the time.
    stride: u32,
}

impl<T> Taken<T> {
    pub(crate) const NONE: Self = Self {
        messages: Chain::EMPTY,
        begun: 0,
        stride: 1,
    };

    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        self.messages.is_empty()
    }
}

/// What became of the loop when a message was sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use = "a loop that sleeps is to be woken"]
pub(crate) enum Sent {
    /// The loop will see it.
    Seen,
    /// The loop slept: the sender wakes it.
    Asleep,
}

impl<T> Mailbox<T> {
    /// What a message takes up here, in bytes.
    #[cfg(test)]
    pub(crate) const MESSAGE_TAKES: usize = Parcel::<T>::TAKES;

    /// A mailbox for `bound` messages, from 1 to [`BOUND_MAX`].
    #[inline]
    pub(crate) fn new(bound: usize) -> Self {
        Self {
            word: AtomicU64::new(Word::EMPTY.0),
            bound: bound.clamp(1, BOUND_MAX) as u32,
            rest: Rest::default(),
            is_contended: AtomicBool::new(false),
            room: Room::default(),
            messages: PhantomData,
        }
    }

    fn bound(&self) -> usize {
        self.bound as usize
    }

    /// How many messages are begun before their room is given back, at most.
    fn stride(&self) -> u32 {
        let [least, most] = STRIDES;
        match self.bound {
            ..=EXACT_MAX => 1,
            bound => (bound / 4).clamp(least, most),
        }
    }

    /// How many messages wait, and how many may.
    pub(crate) fn filled(&self) -> (usize, usize) {
        (self.word().count(), self.bound())
    }

    /// Whether somebody waits for room.
    pub(crate) fn is_awaited(&self) -> bool {
        self.word().is_awaited()
    }

    /// Whether there were several at it at the same time since this was asked last. A hint.
    pub(crate) fn takes_contended(&self) -> bool {
        let is_contended = self.is_contended.load(Ordering::Relaxed);
        if is_contended {
            self.is_contended.store(false, Ordering::Relaxed);
        }
        is_contended
    }

    pub(crate) fn has_room(&self) -> bool {
        self.word().count() < self.bound()
    }

    /// Puts a message behind the others. Gives it back when there is no room.
    #[inline]
    pub(crate) fn try_send(&self, mut message: Parcel<T>) -> Result<Sent, Parcel<T>> {
        let mut word = self.word();
        while word.count() < self.bound() {
            match self.link(message, word, word.plus(1)) {
                Ok(sent) => return Ok(sent),
                Err((back, now)) => {
                    (message, word) = (back, now);
                    self.is_contended.store(true, Ordering::Relaxed);
                }
            }
        }
        Err(message)
    }

    /// Puts a message where room was granted.
    pub(super) fn send_granted(&self, message: Parcel<T>) -> Sent {
        self.send_taking(0, message)
    }

    /// Puts a message behind the others, within the bound or beyond it.
    pub(crate) fn send_beyond(&self, message: T) -> Sent {
        self.send_taking(1, Parcel::new(message))
    }

    fn send_taking(&self, room: usize, mut message: Parcel<T>) -> Sent {
        let mut word = self.word();
        loop {
            match self.link(message, word, word.plus(room)) {
                Ok(sent) => return sent,
                Err((back, now)) => (message, word) = (back, now),
            }
        }
    }

    #[inline]
    fn link(&self, mut message: Parcel<T>, word: Word, next: Word) -> Result<Sent, (Parcel<T>, Word)> {
        message.lead_to(word.newest());
        match self.change(word, next.pushed(message.address())) {
            Ok(()) => {
                message.publish();
                Ok(if word.is_idle() { Sent::Asleep } else { Sent::Seen })
            }
            Err(now) => Err((message, now)),
        }
    }

    /// Whether there is no message now, for the owner of what was taken.
    pub(crate) fn is_empty(&self, taken: &Taken<T>) -> bool {
        taken.is_empty() && !self.is_filled()
    }

    /// Whether messages lie here that were not taken out.
    #[inline]
    pub(crate) fn is_filled(&self) -> bool {
        self.word().newest() != 0
    }

    /// The next message, by the owner of what was taken. `None` when there is none now.
    pub(crate) fn try_next(&self, taken: &mut Taken<T>) -> Option<T> {
        let next = self.next(taken);
        if next.is_none() {
            self.settle(taken);
        }
        next.map(Parcel::into_inner)
    }

    #[inline]
    fn next(&self, taken: &mut Taken<T>) -> Option<Parcel<T>> {
        if taken.messages.is_empty() {
            self.take(taken);
        }
        let message = taken.messages.pop()?;
        taken.begun += 1;
        if taken.begun == taken.stride {
            self.settle(taken);
        }
        Some(message)
    }

    /// The next message. `None` when there is none: at the [end of the turn](Self::end_turn) the loop falls asleep, unless one has come.
    #[inline]
    pub(crate) fn next_or_rest(&self, taken: &mut Taken<T>) -> Option<Parcel<T>> {
        let next = self.next(taken);
        if next.is_none() {
            self.rest(taken);
        }
        next
    }

    /// There is no message: as in [`next_or_rest`](Self::next_or_rest).
    #[inline]
    pub(crate) fn rest(&self, taken: &mut Taken<T>) {
        self.rest.set_idle(std::mem::take(&mut taken.begun));
    }

    /// Takes what lies here, and gives back the room of what was begun, in one step.
    #[cold]
    fn take(&self, taken: &mut Taken<T>) {
        let mut word = self.word();
        while word.newest() != 0 {
            if word.is_awaited() && taken.begun > 0 {
                self.settle(taken);
                word = self.word();
            }
            match self.change(word, word.taken().minus(taken.begun as usize)) {
                Ok(()) => {
                    (taken.begun, taken.stride) = (0, self.stride());
                    // SAFETY: the word had the address of a published chain, and has it no more: it is taken once.
                    taken.messages = unsafe { Chain::published(word.newest()) }.reversed();
                    return;
                }
                Err(now) => word = now,
            }
        }
    }

    /// Gives back the room of all messages that were begun: before the loop waits within one.
    #[inline]
    pub(crate) fn settle(&self, taken: &mut Taken<T>) {
        let begun = std::mem::take(&mut taken.begun);
        if begun > 0 {
            self.free(begun as usize);
        }
    }

    /// Gives room back: to those who wait for it, in order, and else to all.
    #[cold]
    pub(super) fn free(&self, count: usize) {
        let mut word = self.word();
        while !word.is_awaited() {
            match self.change(word, word.minus(count)) {
                Ok(()) => return,
                Err(now) => word = now,
            }
        }
        self.grant(count);
    }

    #[inline]
    pub(super) fn word(&self) -> Word {
        Word(self.word.load(Ordering::SeqCst))
    }

    /// Sequentially consistent, as who closes a place and who sends to it must see one of the other.
    #[inline]
    pub(super) fn change(&self, word: Word, next: Word) -> Result<(), Word> {
        self.word
            .compare_exchange(word.0, next.0, Ordering::SeqCst, Ordering::SeqCst)
            .map(drop)
            .map_err(Word)
    }

    /// What this mailbox's messages left in the store goes to the allocator.
    pub(crate) fn trim() {
        Parcel::<T>::trim_store();
    }
}

impl<T> Drop for Mailbox<T> {
    fn drop(&mut self) {
        // SAFETY: nobody else has this mailbox any more, so the chain in the word is taken once.
        drop(unsafe { Chain::<T>::published(self.word().newest()) });
    }
}
