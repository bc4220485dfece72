//! Where the memory of messages and of calls comes from: blocks of a few sizes, kept for the next one, by thread and in a common store.
//!
//! A mailbox holds no memory of its own, so an idle actor has none; nor does a call that is over. A thread keeps [`OWN_BYTES_MAX`] of each size; beyond that blocks go
//! to the common store, [`COMMON_BYTES_MAX`] of each size, in chains of [`CHAIN`], and beyond that to the allocator. That is how blocks
//! come back from the thread that handles messages to the one that sends them: one lock for many messages.

use std::alloc::{Layout, alloc, dealloc, handle_alloc_error};
use std::cell::UnsafeCell;
use std::ptr::NonNull;
use std::sync::{Mutex, PoisonError};

/// What a thread keeps of each size, in bytes.
const OWN_BYTES_MAX: usize = 128 * 1024;
/// What all threads keep of each size together, in bytes.
const COMMON_BYTES_MAX: usize = 1024 * 1024;
/// Blocks that go to the common store or come from it at a time.
const CHAIN: usize = 32;

/// What blocks that are kept are aligned to, and what all sizes are multiples of: a cache line.
pub(crate) const ALIGN: usize = 64;
/// Blocks lie in a user space of so many bits.
pub(crate) const ADDRESS_BITS: u32 = 48;

/// How many sizes are kept. What is larger comes from the allocator each time.
const SIZES: usize = 16;

/// A block that is not in use.
struct Free {
    next: *mut Free,
}

/// Blocks of one size that one thread keeps.
struct Own {
    first: *mut Free,
    len: usize,
}

struct Owns(UnsafeCell<[Own; SIZES]>);

/// Chains of `CHAIN` blocks.
struct Common(Vec<NonNull<Free>>);

// SAFETY: a free block is plain memory; whoever has its address alone may use it.
unsafe impl Send for Common {}

static COMMON: [Mutex<Common>; SIZES] = [const { Mutex::new(Common(Vec::new())) }; SIZES];

thread_local! {
    static OWNS: Owns = const {
        Owns(UnsafeCell::new([const { Own { first: std::ptr::null_mut(), len: 0 } }; SIZES]))
    };
}

/// Which size a layout is of. `None` for what is not kept.
#[inline]
fn size_of(layout: Layout) -> Option<usize> {
    let index = layout.size().div_ceil(ALIGN).checked_sub(1)?;
    (index < SIZES && layout.align() <= ALIGN).then_some(index)
}

/// The layout of all blocks of a size.
#[inline]
fn layout_of(size: usize) -> Layout {
    Layout::from_size_align((size + 1) * ALIGN, ALIGN).expect("a few hundred bytes")
}

/// Memory of this layout, for the caller alone, at an address of [`ADDRESS_BITS`].
#[inline]
pub(crate) fn take(layout: Layout) -> NonNull<u8> {
    let Some(size) = size_of(layout) else {
        return allocate(layout);
    };
    // SAFETY: see `with_own`: a pop from the thread's list and nothing else.
    let taken = with_own(size, |own| unsafe { own.take(size) });
    taken
        .flatten()
        .map_or_else(|| allocate(layout_of(size)), NonNull::cast)
}

/// Gives memory back that `take` gave.
///
/// # Safety
///
/// It came from `take` with the same layout, is given back once, and nobody uses it any more.
#[inline]
pub(crate) unsafe fn give_back(block: NonNull<u8>, layout: Layout) {
    let Some(size) = size_of(layout) else {
        // SAFETY: what is not kept came from the allocator with this layout.
        unsafe { dealloc(block.as_ptr(), layout) };
        return;
    };
    let block = block.cast::<Free>();
    // SAFETY: the block is of this size and nobody else's, by the caller's promise.
    if with_own(size, |own| unsafe { own.keep(block, size) }).is_none() {
        // The thread is ending, and its blocks are gone already.
        // SAFETY: every block of this size has this layout.
        unsafe { dealloc(block.as_ptr().cast(), layout_of(size)) };
    }
}

/// Gives what this thread and the common store keep of a layout's size to the allocator.
pub(crate) fn trim(layout: Layout) {
    let Some(size) = size_of(layout) else { return };
    with_own(size, |own| {
        let first = std::mem::replace(&mut own.first, std::ptr::null_mut());
        own.len = 0;
        // SAFETY: the list is ours, and is not in the thread's store any more.
        unsafe { free_all(first, size) };
    });
    let chains = std::mem::take(&mut lock(size).0);
    for chain in chains {
        // SAFETY: a chain of the common store is whoever's took it out.
        unsafe { free_all(chain.as_ptr(), size) };
    }
}

/// Calls `f` with the thread's list of a size. `None` when the thread is ending. `f` must not come here again.
#[inline]
fn with_own<R>(size: usize, f: impl FnOnce(&mut Own) -> R) -> Option<R> {
    OWNS.try_with(|owns| {
        // SAFETY: only this thread comes here, and `f` (all of them stand in this file) calls nothing that does.
        let owns = unsafe { &mut *owns.0.get() };
        f(&mut owns[size])
    })
    .ok()
}

fn lock(size: usize) -> std::sync::MutexGuard<'static, Common> {
    COMMON[size].lock().unwrap_or_else(PoisonError::into_inner)
}

#[cold]
fn allocate(layout: Layout) -> NonNull<u8> {
    // SAFETY: no layout here is of size 0.
    let Some(memory) = NonNull::new(unsafe { alloc(layout) }) else {
        handle_alloc_error(layout)
    };
    assert!(
        memory.as_ptr().addr() as u64 >> ADDRESS_BITS == 0,
        "mailboxes need addresses of 48 bits, which every user space of today has"
    );
    memory
}

/// # Safety
///
/// The list is the caller's, of blocks of this size.
unsafe fn free_all(mut first: *mut Free, size: usize) {
    while let Some(block) = NonNull::new(first) {
        // SAFETY: a block of a list holds where the next one is, until it is given to the allocator.
        unsafe {
            first = block.read().next;
            dealloc(block.as_ptr().cast(), layout_of(size));
        }
    }
}

impl Own {
    #[inline]
    fn max(size: usize) -> usize {
        OWN_BYTES_MAX / layout_of(size).size()
    }

    /// # Safety
    ///
    /// This is the list of this size.
    #[inline]
    unsafe fn take(&mut self, size: usize) -> Option<NonNull<Free>> {
        if self.first.is_null() {
            self.fetch(size);
        }
        let block = NonNull::new(self.first)?;
        // SAFETY: blocks in the list are free and hold where the next one is.
        self.first = unsafe { block.read() }.next;
        self.len -= 1;
        Some(block)
    }

    /// Takes a chain of the common store, if it has one.
    #[cold]
    fn fetch(&mut self, size: usize) {
        if let Some(chain) = lock(size).0.pop() {
            self.first = chain.as_ptr();
            self.len = CHAIN;
        }
    }

    /// # Safety
    ///
    /// The block is free, of this size, and nobody else's.
    #[inline]
    unsafe fn keep(&mut self, block: NonNull<Free>, size: usize) {
        // SAFETY: a free block is large enough for this, and ours.
        unsafe { block.write(Free { next: self.first }) };
        self.first = block.as_ptr();
        self.len += 1;
        if self.len > Self::max(size) {
            // SAFETY: the list is longer than a chain.
            unsafe { self.share(size) };
        }
    }

    /// Gives a chain to the common store, or to the allocator when that has enough.
    ///
    /// # Safety
    ///
    /// The list is of this size and has more than `CHAIN` blocks.
    #[cold]
    unsafe fn share(&mut self, size: usize) {
        let chain = self.first;
        let mut last = chain;
        // SAFETY: the first `CHAIN` blocks of the list are free and ours, and after them comes another.
        unsafe {
            for _ in 1..CHAIN {
                last = (*last).next;
            }
            self.first = std::mem::replace(&mut (*last).next, std::ptr::null_mut());
        }
        self.len -= CHAIN;
        let Some(chain) = NonNull::new(chain) else { return };
        let mut common = lock(size);
        if (common.0.len() + 1) * CHAIN * layout_of(size).size() <= COMMON_BYTES_MAX {
            common.0.push(chain);
        } else {
            drop(common);
            // SAFETY: the chain was cut off the thread's list.
            unsafe { free_all(chain.as_ptr(), size) };
        }
    }
}

impl Drop for Owns {
    fn drop(&mut self) {
        for (size, own) in self.0.get_mut().iter_mut().enumerate() {
            let first = std::mem::replace(&mut own.first, std::ptr::null_mut());
            // SAFETY: the thread ends; its lists are nobody else's.
            unsafe { free_all(first, size) };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LAYOUT: Layout = match Layout::from_size_align(1000, 64) {
        Ok(layout) => layout,
        Err(_) => panic!("a layout"),
    };

    #[test]
    fn a_block_that_was_given_back_is_the_next_one() {
        let block = take(LAYOUT);
        // SAFETY: taken above.
        unsafe { give_back(block, LAYOUT) };
        let again = take(LAYOUT);
        assert_eq!(again, block);
        // SAFETY: taken above.
        unsafe { give_back(again, LAYOUT) };
    }

    #[test]
    fn blocks_come_back_from_another_thread_and_bounds_hold() {
        let layout = Layout::from_size_align(900, 64).unwrap();
        let size = size_of(layout).unwrap();
        let blocks: Vec<usize> = (0..4 * Own::max(size))
            .map(|_| take(layout).as_ptr().expose_provenance())
            .collect();
        let known = blocks.clone();
        std::thread::spawn(move || {
            for block in blocks {
                let block = NonNull::new(std::ptr::with_exposed_provenance_mut(block)).unwrap();
                // SAFETY: taken above, by the thread that waits for this one.
                unsafe { give_back(block, layout) };
            }
            let kept = with_own(size, |own| own.len).unwrap();
            assert!((1..=Own::max(size)).contains(&kept), "{kept}");
        })
        .join()
        .unwrap();
        let common = lock(size).0.len() * CHAIN * layout_of(size).size();
        assert!((1..=COMMON_BYTES_MAX).contains(&common), "{common}");
        let again = take(layout);
        assert!(
            known.contains(&again.as_ptr().addr()),
            "it comes from the common store"
        );
        // SAFETY: taken above.
        unsafe { give_back(again, layout) };
        trim(layout);
        assert_eq!(
            (lock(size).0.len(), with_own(size, |own| own.len).unwrap()),
            (0, 0)
        );
    }

    #[test]
    fn what_is_large_or_widely_aligned_is_not_kept() {
        for (size, align, expected) in [
            (1, 64, Some(0)),
            (64, 64, Some(0)),
            (65, 64, Some(1)),
            (1024, 64, Some(15)),
            (1025, 64, None),
            (64, 128, None),
        ] {
            assert_eq!(size_of(Layout::from_size_align(size, align).unwrap()), expected);
        }
    }
}
