//! A message with what leads to the one before it, in memory from the [store].

use std::alloc::Layout;
use std::ptr::NonNull;

use super::word::Word;
use crate::store::{self, ALIGN};

/// A message as it lies in a mailbox.
#[repr(C)]
struct Node<T> {
    /// The message that was sent before this one, or null.
    next: *mut Node<T>,
    message: T,
}

/// A chain of messages, owned: dropping it drops them.
pub(super) struct Chain<T>(*mut Node<T>);

// SAFETY: a chain owns its messages and nothing else; nodes are plain memory that any thread may give back.
unsafe impl<T: Send> Send for Chain<T> {}

impl<T> Chain<T> {
    pub(super) const EMPTY: Self = Self(std::ptr::null_mut());

    pub(super) const LAYOUT: Layout = {
        let node = Layout::new::<Node<T>>();
        let align = if node.align() > ALIGN { node.align() } else { ALIGN };
        match Layout::from_size_align(node.size(), align) {
            Ok(layout) => layout.pad_to_align(),
            Err(_) => panic!("a message is smaller than the address space"),
        }
    };

    /// A chain of one message.
    pub(super) fn of(message: T) -> Self {
        let memory = store::take(Self::LAYOUT).cast::<Node<T>>();
        debug_assert!(Word::can_hold(memory.as_ptr().expose_provenance()));
        let next = std::ptr::null_mut();
        // SAFETY: the store gave this memory to us alone, with the layout of a node.
        unsafe { memory.write(Node { next, message }) };
        Self(memory.as_ptr())
    }

    /// Makes it a chain of one more: `older` is the address of the chain that this first message leads to.
    pub(super) fn lead_to(&mut self, older: usize) {
        debug_assert!(!self.is_empty(), "a message leads to another");
        // SAFETY: a chain that is not empty begins with a node that it owns. Whoever owns the older chain gives it up by publishing the
        // address of this one; until then nothing is read through it.
        unsafe { (*self.0).next = std::ptr::with_exposed_provenance_mut(older) };
    }

    /// The address of the first, for the word.
    pub(super) fn address(&self) -> usize {
        self.0.expose_provenance()
    }

    /// The chain gets lost here and is owned by whoever owns its address.
    pub(super) fn publish(self) {
        std::mem::forget(self);
    }

    /// The chain that was published under this address.
    ///
    /// # Safety
    ///
    /// The address is 0, or that of a published chain, and is taken once.
    pub(super) unsafe fn published(address: usize) -> Self {
        Self(std::ptr::with_exposed_provenance_mut(address))
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_null()
    }

    /// The chain in the other order.
    pub(super) fn reversed(mut self) -> Self {
        let mut reversed = std::ptr::null_mut();
        let mut rest = std::mem::replace(&mut self.0, std::ptr::null_mut());
        while !rest.is_null() {
            // SAFETY: every node of an owned chain is owned.
            let next = unsafe { std::mem::replace(&mut (*rest).next, reversed) };
            reversed = std::mem::replace(&mut rest, next);
        }
        Self(reversed)
    }

    /// Takes the first message off.
    pub(super) fn pop(&mut self) -> Option<T> {
        let first = NonNull::new(self.0)?;
        // SAFETY: the chain owns its first node, and forgets it here.
        let Node { next, message } = unsafe { first.read() };
        self.0 = next;
        // SAFETY: this memory came from the store with this layout; what was in it has been moved out.
        unsafe { store::give_back(first.cast(), Self::LAYOUT) };
        Some(message)
    }

    /// The memory that nodes of this type left in the store is given back to the allocator.
    pub(super) fn trim_store() {
        store::trim(Self::LAYOUT);
    }
}

impl<T> Drop for Chain<T> {
    fn drop(&mut self) {
        while self.pop().is_some() {}
    }
}
