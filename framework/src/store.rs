//! Where the memory of messages and of calls comes from: blocks of a few sizes, kept for the next one, by thread and in a common store.
//!
//! A mailbox holds no memory of its own, so an idle actor has none; nor does a call that is over. A thread keeps [`OWN_BYTES_MAX`] of each size; beyond that blocks go
//! to the common store, [`COMMON_BYTES_MAX`] of each size, [`BATCH`] at a time, and beyond that to the allocator. That is how blocks
//! come back from the thread that handles messages to the one that sends them: one lock for many messages.
//!
//! What is kept is a list of addresses. A block that is free is not touched, as it lies in the cache of the core that has used it last; who takes
//! blocks has those that come next fetched meanwhile.

use std::alloc::{Layout, alloc, dealloc, handle_alloc_error};
use std::cell::UnsafeCell;
use std::ptr::NonNull;
use std::sync::{Mutex, PoisonError};

use crate::prefetch;

/// What a thread keeps of each size, in bytes.
const OWN_BYTES_MAX: usize = 128 * 1024;
/// What all threads keep of each size together, in bytes.
const COMMON_BYTES_MAX: usize = 1024 * 1024;
/// Blocks that go to the common store or come from it at a time.
const BATCH: usize = 32;
/// How many blocks before its turn a block is fetched into the cache of who takes it.
const AHEAD: usize = 8;

/// What blocks that are kept are aligned to, and what all sizes are multiples of: a cache line.
pub(crate) const ALIGN: usize = 64;
/// Blocks lie in a user space of so many bits.
pub(crate) const ADDRESS_BITS: u32 = 48;

/// How many sizes are kept. What is larger comes from the allocator each time.
const SIZES: usize = 16;

/// Blocks of one size that nobody uses.
struct Free(Vec<NonNull<u8>>);

/// The blocks of each size that one thread keeps.
struct Owns(UnsafeCell<[Free; SIZES]>);

// SAFETY: a free block is plain memory; whoever has its address alone may use it.
unsafe impl Send for Free {}

static COMMON: [Mutex<Free>; SIZES] = [const { Mutex::new(Free(Vec::new())) }; SIZES];

thread_local! {
    static OWNS: Owns = const { Owns(UnsafeCell::new([const { Free(Vec::new()) }; SIZES])) };
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
    let taken = with_own(size, |own| own.take(size));
    taken.flatten().unwrap_or_else(|| allocate(layout_of(size)))
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
    if with_own(size, |own| own.keep(block, size)).is_none() {
        // The thread is ending, and its blocks are gone already.
        // SAFETY: every block of this size has this layout.
        unsafe { dealloc(block.as_ptr(), layout_of(size)) };
    }
}

/// Gives what this thread and the common store keep of a layout's size to the allocator.
pub(crate) fn trim(layout: Layout) {
    let Some(size) = size_of(layout) else { return };
    if let Some(own) = with_own(size, Free::take_all) {
        own.free(size);
    }
    let common = lock(size).take_all();
    common.free(size);
}

/// Calls `f` with the thread's list of a size. `None` when the thread is ending. `f` must not come here again.
#[inline]
fn with_own<R>(size: usize, f: impl FnOnce(&mut Free) -> R) -> Option<R> {
    OWNS.try_with(|owns| {
        // SAFETY: only this thread comes here, and `f` (all of them stand in this file) calls nothing that does.
        let owns = unsafe { &mut *owns.0.get() };
        f(&mut owns[size])
    })
    .ok()
}

fn lock(size: usize) -> std::sync::MutexGuard<'static, Free> {
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

impl Free {
    /// How many a thread keeps.
    #[inline]
    fn own_max(size: usize) -> usize {
        OWN_BYTES_MAX / layout_of(size).size()
    }

    /// One of what a thread keeps.
    #[inline]
    fn take(&mut self, size: usize) -> Option<NonNull<u8>> {
        if self.0.is_empty() {
            self.fetch(size);
        }
        let block = self.0.pop()?;
        if let Some(next) = self.0.len().checked_sub(AHEAD) {
            prefetch::for_write(self.0[next].as_ptr().addr());
        }
        Some(block)
    }

    /// Takes a batch from the common store, if it has one.
    #[cold]
    fn fetch(&mut self, size: usize) {
        let mut common = lock(size);
        let rest = common.0.len().saturating_sub(BATCH);
        self.0.extend(common.0.drain(rest..));
        drop(common);
        for block in self.0.iter().rev().take(AHEAD) {
            prefetch::for_write(block.as_ptr().addr());
        }
    }

    /// Keeps one more for the thread.
    #[inline]
    fn keep(&mut self, block: NonNull<u8>, size: usize) {
        self.0.push(block);
        if self.0.len() > Self::own_max(size) {
            self.share(size);
        }
    }

    /// Gives a batch to the common store, or to the allocator when that has enough.
    #[cold]
    fn share(&mut self, size: usize) {
        let rest = self.0.len() - BATCH;
        let mut common = lock(size);
        if (common.0.len() + BATCH) * layout_of(size).size() <= COMMON_BYTES_MAX {
            common.0.extend(self.0.drain(rest..));
        } else {
            drop(common);
            Self(self.0.split_off(rest)).free(size);
        }
    }

    fn take_all(&mut self) -> Self {
        Self(std::mem::take(&mut self.0))
    }

    /// Gives them to the allocator; all are of this size.
    fn free(self, size: usize) {
        for block in self.0 {
            // SAFETY: a block of the store is nobody else's, and came from the allocator with the layout of its size.
            unsafe { dealloc(block.as_ptr(), layout_of(size)) };
        }
    }
}

impl Drop for Owns {
    fn drop(&mut self) {
        for (size, own) in self.0.get_mut().iter_mut().enumerate() {
            own.take_all().free(size);
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
        let blocks: Vec<usize> = (0..4 * Free::own_max(size))
            .map(|_| take(layout).as_ptr().expose_provenance())
            .collect();
        let known = blocks.clone();
        std::thread::spawn(move || {
            for block in blocks {
                let block = NonNull::new(std::ptr::with_exposed_provenance_mut(block)).unwrap();
                // SAFETY: taken above, by the thread that waits for this one.
                unsafe { give_back(block, layout) };
            }
            let kept = with_own(size, |own| own.0.len()).unwrap();
            assert!((1..=Free::own_max(size)).contains(&kept), "{kept}");
        })
        .join()
        .unwrap();
        let common = lock(size).0.len() * layout_of(size).size();
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
            (lock(size).0.len(), with_own(size, |own| own.0.len()).unwrap()),
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
