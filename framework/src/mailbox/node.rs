//! A message with what leads to the one before it, in memory from the [store], and with a hint of what is soon read.

use std::alloc::Layout;
use std::cell::Cell;
use std::ops::{Deref, DerefMut};
use std::ptr::NonNull;

use super::word::Word;
use crate::panics;
use crate::prefetch;
use crate::store::{self, ALIGN};

/// A message as it lies in a mailbox.
#[repr(C)]
struct Node<T> {
    /// The message that was sent before this one, or null. Of one that is in no chain, whatever it was.
    next: *mut Node<T>,
    /// The address of one that was made by the same thread [a few](AHEAD) before, which may be no more. Who turns a chain around waits for one
    /// node after another, from another core's cache, and has by this what comes later fetched meanwhile.
    before: usize,
    message: T,
}

/// How many before.
const AHEAD: usize = 8;

thread_local! {
    /// Where the last nodes of this thread lie, whatever they are of.
    static MADE: Made = const {
        Made {
            last: [const { Cell::new(0) }; AHEAD],
            count: Cell::new(0),
        }
    };
}

struct Made {
    last: [Cell<usize>; AHEAD],
    count: Cell<usize>,
}

impl Made {
    /// Notes where the next one lies, and answers where the one lies that was made [`AHEAD`] before.
    #[inline]
    fn note(&self, at: usize) -> usize {
        let count = self.count.get();
        self.count.set(count.wrapping_add(1));
        self.last[count % AHEAD].replace(at)
    }
}

impl<T> Node<T> {
    const LAYOUT: Layout = {
        let node = Layout::new::<Node<T>>();
        let align = if node.align() > ALIGN { node.align() } else { ALIGN };
        match Layout::from_size_align(node.size(), align) {
            Ok(layout) => layout.pad_to_align(),
            Err(_) => panic!("a message is smaller than the address space"),
        }
    };
}

/// One message where it lies, before it is sent and after it was taken: it is moved there and out of there once, and not from
/// hand to hand.
pub(crate) struct Parcel<T>(NonNull<Node<T>>);

// SAFETY: a parcel owns its message and nothing else; nodes are plain memory that any thread may give back.
unsafe impl<T: Send> Send for Parcel<T> {}

impl<T> Parcel<T> {
    /// What a message takes up, in bytes.
    #[cfg(test)]
    pub(super) const TAKES: usize = Node::<T>::LAYOUT.size();

    #[inline]
    pub(crate) fn new(message: T) -> Self {
        Self::made(|| message)
    }

    /// The same with a message that is made when there is memory for it, and so is made there: a copy of what was just written piece by piece
    /// waits for the pieces.
    #[inline]
    pub(crate) fn made(message: impl FnOnce() -> T) -> Self {
        let memory = store::take(Node::<T>::LAYOUT).cast::<Node<T>>();
        debug_assert!(Word::can_hold(memory.as_ptr().expose_provenance()));
        let next = std::ptr::null_mut();
        let before = MADE.with(|made| made.note(memory.as_ptr().addr()));
        // SAFETY: the store gave this memory to us alone, with the layout of a node.
        unsafe {
            memory.write(Node {
                next,
                before,
                message: message(),
            });
        }
        Self(memory)
    }

    /// The message, moved out.
    #[inline]
    pub(crate) fn into_inner(self) -> T {
        // SAFETY: the message is moved out once: what is left of it is forgotten.
        let message = unsafe { std::ptr::read(&raw const *self) };
        self.forget();
        message
    }

    /// Gives the memory back, and drops nothing of the message.
    #[inline]
    pub(crate) fn forget(self) {
        let node = self.0;
        std::mem::forget(self);
        // SAFETY: the node was ours, and its owner is forgotten. The memory came from the store with this layout.
        unsafe { store::give_back(node.cast(), Node::<T>::LAYOUT) };
    }

    /// Makes it the first of a chain: `older` is the address of what comes after it.
    #[inline]
    pub(super) fn lead_to(&mut self, older: usize) {
        // SAFETY: the node is ours. Whoever owns the older chain gives it up by publishing the address of this one; until then nothing is read
        // through it.
        unsafe { (*self.0.as_ptr()).next = std::ptr::with_exposed_provenance_mut(older) };
    }

    /// Its address, for the word.
    #[inline]
    pub(super) fn address(&self) -> usize {
        self.0.as_ptr().expose_provenance()
    }

    /// It gets lost here, with what it leads to, and is owned by whoever owns its address.
    #[inline]
    pub(super) fn publish(self) {
        std::mem::forget(self);
    }

    /// The memory that such messages left in the store is given back to the allocator.
    pub(super) fn trim_store() {
        store::trim(Node::<T>::LAYOUT);
    }
}

impl<T> Deref for Parcel<T> {
    type Target = T;

    #[inline]
    fn deref(&self) -> &T {
        // SAFETY: a message lies in the node until the parcel is no more.
        unsafe { &self.0.as_ref().message }
    }
}

impl<T> DerefMut for Parcel<T> {
    #[inline]
    fn deref_mut(&mut self) -> &mut T {
        // SAFETY: as above, and `self` is borrowed alone.
        unsafe { &mut self.0.as_mut().message }
    }
}

impl<T> Drop for Parcel<T> {
    #[inline]
    fn drop(&mut self) {
        // Moved out first: its drop may panic.
        // SAFETY: as in `into_inner`, and this is the last use of the parcel.
        let message = unsafe {
            let Node { message, .. } = self.0.read();
            store::give_back(self.0.cast(), Node::<T>::LAYOUT);
            message
        };
        drop(message);
    }
}

/// A chain of messages, owned: dropping it drops them.
pub(super) struct Chain<T>(*mut Node<T>);

// SAFETY: as a parcel.
unsafe impl<T: Send> Send for Chain<T> {}

impl<T> Chain<T> {
    pub(super) const EMPTY: Self = Self(std::ptr::null_mut());

    /// The chain that was published under this address.
    ///
    /// # Safety
    ///
    /// The address is 0, or that of a published chain, and is taken once.
    pub(super) unsafe fn published(address: usize) -> Self {
        Self(std::ptr::with_exposed_provenance_mut(address))
    }

    #[inline]
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_null()
    }

    /// The chain in the other order.
    pub(super) fn reversed(mut self) -> Self {
        let mut reversed = std::ptr::null_mut();
        let mut rest = std::mem::replace(&mut self.0, std::ptr::null_mut());
        while !rest.is_null() {
            // SAFETY: every node of an owned chain is owned.
            let node = unsafe { &mut *rest };
            prefetch::for_read(node.before);
            let next = std::mem::replace(&mut node.next, reversed);
            reversed = std::mem::replace(&mut rest, next);
        }
        Self(reversed)
    }

    /// Takes the first message off.
    #[inline]
    pub(super) fn pop(&mut self) -> Option<Parcel<T>> {
        let first = NonNull::new(self.0)?;
        // SAFETY: the chain owns its first node, and gives it away here.
        self.0 = unsafe { (*first.as_ptr()).next };
        prefetch::for_read(self.0.addr());
        Some(Parcel(first))
    }

    #[cold]
    fn drop_all(&mut self) {
        while let Some(message) = self.pop() {
            if panics::caught(move || drop(message)).is_err() {
                tracing::error!(target: "quorate::dead_letter", "dropping a message panicked");
            }
        }
    }
}

impl<T> Drop for Chain<T> {
    #[inline]
    fn drop(&mut self) {
        if !self.is_empty() {
            self.drop_all();
        }
    }
}
