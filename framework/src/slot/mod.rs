//! Where one value is awaited: a reply by its caller. Memory from the [store], one atomic word, no lock.
//!
//! ```text
//!           the receiver                   the sender
//! OPEN  ---- leaves its waker ---> WAITS
//!   |   <--- takes it back -------   |
//!   +-------------------- sends ---> | -------> ANSWERED   the value is there
//!   |                                           |
//!   |                                           +--- has taken the waker --> LET_GO
//!   +------- goes away ----------> CLOSED       only after WAITS: else it has nothing to take
//! ```
//! Rules:
//!
//! 1. The value is the sender's to write until `ANSWERED`, and the receiver's to take from then on.
//! 2. The waker is the receiver's, but in `WAITS`: there it is whose step leads out of it.
//! 3. The memory is given back by who comes second. The receiver is second when the value is there, unless the sender still has the
//!    waker to take; then it says `CLOSED`, too, and the sender is second if it finds that. Nobody touches the slot after the step by which
//!    it lets the other one be second.
//!
//! So a send is one atomic swap, and another one with a wake-up if the receiver waits. Either end may be dropped at any point: a sender
//! without a value is answered by `None`, a value that nobody waits for is dropped by the sender.

#[cfg(all(test, quorate_loom))]
mod loom_tests;
#[cfg(all(test, not(quorate_loom)))]
mod tests;

use std::alloc::Layout;
use std::marker::PhantomData;
use std::mem::MaybeUninit;
use std::ptr::NonNull;
use std::task::{Context, Poll, Waker};

use tokio::time::Instant;

use crate::store;
use crate::sync::{AtomicU8, Ordering, UnsafeCell};

/// Nobody waits, and there is no value.
const OPEN: u8 = 0;
/// The receiver waits.
const WAITS: u8 = 1;
/// The value is there.
const ANSWERED: u8 = 2;
/// And the sender has taken the waker.
const LET_GO: u8 = 3;
/// The receiver is gone.
const CLOSED: u8 = 4;

struct Slot<T> {
    state: AtomicU8,
    /// Until when it is waited for.
    deadline: Instant,
    waker: UnsafeCell<MaybeUninit<Waker>>,
    value: UnsafeCell<Option<T>>,
}

impl<T> Slot<T> {
    const LAYOUT: Layout = Layout::new::<Self>();

    /// Gives the memory back, and drops a value that nobody has taken.
    ///
    /// # Safety
    ///
    /// The caller is second, by rule 3, and does not use the slot again.
    unsafe fn free(slot: NonNull<Self>) {
        // SAFETY: `pair` took the memory with this layout and put a slot there, which is nobody else's now. It is moved out first, as
        // the drop of the value may panic.
        let inner = unsafe {
            let inner = slot.read();
            store::give_back(slot.cast(), Self::LAYOUT);
            inner
        };
        // For loom, which sees here whether anybody else is still at it.
        inner.waker.with_mut(|_| ());
        inner.value.with_mut(|_| ());
        drop(inner);
    }

    /// The waker, out of the slot. A copy: the receiver may look at what lies there meanwhile.
    ///
    /// # Safety
    ///
    /// It is the caller's, by rule 2, and taken once.
    unsafe fn take_waker(&self) -> Waker {
        // SAFETY: the receiver has put one there, and writes no other as long as this one is not its own.
        self.waker.with(|waker| unsafe { (*waker).assume_init_read() })
    }
}

/// The end that has the value to send.
pub(crate) struct Sender<T> {
    slot: NonNull<Slot<T>>,
    owned: PhantomData<Slot<T>>,
}

/// The end that waits.
pub(crate) struct Receiver<T> {
    /// `None` when the value was taken.
    slot: Option<NonNull<Slot<T>>>,
    /// The slot was in `WAITS`, and not taken back from it.
    waits: bool,
    owned: PhantomData<Slot<T>>,
}

// SAFETY: what a sender and a receiver share is the slot, whose rules hold from thread to thread; a value goes from one to the other.
unsafe impl<T: Send> Send for Sender<T> {}
// SAFETY: a shared sender reads the state and what never changes.
unsafe impl<T: Send> Sync for Sender<T> {}
// SAFETY: as for the sender.
unsafe impl<T: Send> Send for Receiver<T> {}
// SAFETY: a shared receiver can do nothing.
unsafe impl<T: Send> Sync for Receiver<T> {}

// The value lies in the slot.
impl<T> Unpin for Sender<T> {}
impl<T> Unpin for Receiver<T> {}

/// A slot for one value that is awaited until `deadline`.
#[inline]
pub(crate) fn pair<T>(deadline: Instant) -> (Sender<T>, Receiver<T>) {
    let slot = store::take(Slot::<T>::LAYOUT).cast::<Slot<T>>();
    // SAFETY: the store gave this memory to us alone, with the layout of a slot.
    unsafe {
        slot.write(Slot {
            state: AtomicU8::new(OPEN),
            deadline,
            waker: UnsafeCell::new(MaybeUninit::uninit()),
            value: UnsafeCell::new(None),
        });
    }
    let sender = Sender {
        slot,
        owned: PhantomData,
    };
    let receiver = Receiver {
        slot: Some(slot),
        waits: false,
        owned: PhantomData,
    };
    (sender, receiver)
}

impl<T> Sender<T> {
    /// Gives the value to the receiver; drops it when that is gone.
    pub(crate) fn send(self, value: T) {
        let slot = self.slot;
        std::mem::forget(self);
        // SAFETY: the value is the sender's to write, by rule 1, and nothing lies there.
        let cell = unsafe { &slot.as_ref().value };
        cell.with_mut(|cell| unsafe { cell.write(Some(value)) });
        // SAFETY: this is the sender's last use.
        unsafe { Self::answer(slot) };
    }

    /// True when the receiver is gone: a value would be dropped.
    pub(crate) fn is_closed(&self) -> bool {
        self.slot().state.load(Ordering::Acquire) == CLOSED
    }

    /// Until when the receiver waits.
    pub(crate) fn deadline(&self) -> Instant {
        self.slot().deadline
    }

    fn slot(&self) -> &Slot<T> {
        // SAFETY: the receiver frees no slot before the sender has answered.
        unsafe { self.slot.as_ref() }
    }

    /// # Safety
    ///
    /// The sender has written its value, if it has one, and is gone after this.
    unsafe fn answer(slot: NonNull<Slot<T>>) {
        // SAFETY: the receiver frees no slot before this swap.
        match unsafe { slot.as_ref() }.state.swap(ANSWERED, Ordering::AcqRel) {
            WAITS => {
                // SAFETY: it was in `WAITS`, so the waker is the sender's; and the receiver frees no slot before the second swap.
                let (waker, then) = unsafe {
                    let slot = slot.as_ref();
                    (slot.take_waker(), slot.state.swap(LET_GO, Ordering::AcqRel))
                };
                if then == CLOSED {
                    // SAFETY: the receiver has taken the value and is gone.
                    unsafe { Slot::free(slot) };
                } else {
                    waker.wake();
                }
            }
            // SAFETY: the receiver is gone.
            CLOSED => unsafe { Slot::free(slot) },
            // It was open: the receiver finds the value and frees the slot.
            _ => {}
        }
    }
}

impl<T> Drop for Sender<T> {
    fn drop(&mut self) {
        // SAFETY: nobody has sent: `send` forgets the sender.
        unsafe { Self::answer(self.slot) };
    }
}

impl<T> Receiver<T> {
    /// The value, once; `None` when the sender was dropped without one.
    #[inline]
    pub(crate) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Option<T>> {
        let Some(place) = self.slot else {
            return Poll::Ready(None);
        };
        // SAFETY: the sender frees no slot before the receiver has closed it.
        let slot = unsafe { place.as_ref() };
        match slot.state.load(Ordering::Acquire) {
            OPEN => {}
            WAITS => {
                // SAFETY: this receiver has put a waker there and replaces it further down only. If the sender takes it now, it stays
                // there as a copy, and nothing is looked at here but where it points to.
                let is_same = slot
                    .waker
                    .with(|waker| unsafe { (*waker).assume_init_ref().will_wake(cx.waker()) });
                if is_same {
                    return Poll::Pending;
                }
                match self.take_back(slot) {
                    Some(other) => drop(other),
                    None => return Poll::Ready(self.take(place)),
                }
            }
            _ => return Poll::Ready(self.take(place)),
        }
        let waker = cx.waker().clone();
        // SAFETY: the slot is open, and the sender looks at the waker after `WAITS` only.
        slot.waker.with_mut(|cell| unsafe {
            (*cell).write(waker);
        });
        let waits = slot
            .state
            .compare_exchange(OPEN, WAITS, Ordering::AcqRel, Ordering::Acquire);
        if waits.is_ok() {
            self.waits = true;
            return Poll::Pending;
        }
        // SAFETY: answered meanwhile, out of `OPEN`: the waker is still the receiver's.
        let unused = unsafe { slot.take_waker() };
        let value = self.take(place);
        drop(unused);
        Poll::Ready(value)
    }

    /// Whether [`poll`](Self::poll) has something to answer.
    pub(crate) fn is_answered(&self) -> bool {
        // SAFETY: the sender frees no slot before the receiver has closed it.
        let state = self
            .slot
            .map(|slot| unsafe { slot.as_ref() }.state.load(Ordering::Acquire));
        !matches!(state, Some(OPEN | WAITS))
    }

    /// The waker, when the sender has not come for it.
    fn take_back(&mut self, slot: &Slot<T>) -> Option<Waker> {
        slot.state
            .compare_exchange(WAITS, OPEN, Ordering::AcqRel, Ordering::Acquire)
            .ok()?;
        self.waits = false;
        // SAFETY: it was in `WAITS`, and this step led out of it.
        Some(unsafe { slot.take_waker() })
    }

    /// The value of a slot that is answered.
    fn take(&mut self, place: NonNull<Slot<T>>) -> Option<T> {
        self.slot = None;
        // SAFETY: the sender frees no slot before the receiver has closed it.
        let slot = unsafe { place.as_ref() };
        // SAFETY: the slot is answered: the value is the receiver's, by rule 1.
        let value = slot.value.with_mut(|value| unsafe { (*value).take() });
        let is_second = !self.waits
            || slot.state.load(Ordering::Acquire) == LET_GO
            || slot.state.swap(CLOSED, Ordering::AcqRel) == LET_GO;
        if is_second {
            // SAFETY: the sender had no waker to take, or has taken it.
            unsafe { Slot::free(place) };
        }
        value
    }
}

impl<T> Drop for Receiver<T> {
    fn drop(&mut self) {
        let Some(place) = self.slot else { return };
        // SAFETY: the sender frees no slot before the receiver has closed it, which it does last here.
        let slot = unsafe { place.as_ref() };
        let mut waker = None;
        if self.waits {
            waker = self.take_back(slot);
            if waker.is_none() {
                drop(self.take(place));
                return;
            }
        }
        if slot.state.swap(CLOSED, Ordering::AcqRel) == ANSWERED {
            // SAFETY: answered out of `OPEN`: the sender is gone.
            unsafe { Slot::free(place) };
        }
        drop(waker);
    }
}
