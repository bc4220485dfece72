//! Where the future of an async handler lies: in memory that the actor has only while the handler waits.
//!
//! A thread keeps one block. A future is put there and polled; when it ends without waiting, as most do, the block is the next one's. When
//! it waits, the block stays with it, and the thread gets another at the next need. So an idle actor holds none, and a handler that does
//! not wait allocates nothing. The start and the end of an incarnation lie there, too.
//!
//! What lies there has lost its type: whoever holds it is small, and the same for all handlers.

use std::alloc::{Layout, alloc, dealloc, handle_alloc_error};
use std::cell::Cell;
use std::mem::ManuallyDrop;
use std::pin::Pin;
use std::ptr::NonNull;

/// Blocks are of this size at least, and aligned to [`ALIGN`]; larger futures get a block of their size.
const BLOCK: usize = 1024;
/// Blocks up to this size are kept for the next future, in bytes.
const KEPT_MAX: usize = 16 * 1024;
const ALIGN: usize = 16;

/// Memory that nobody uses.
struct Block {
    memory: NonNull<u8>,
    fit: Fit,
}

/// The layout of a block, in half its size: there is one for each actor that waits.
#[derive(Clone, Copy)]
struct Fit {
    size: u32,
    align: u32,
}

impl Fit {
    /// # Panics
    /// When a future has 4 GiB.
    fn of(layout: Layout) -> Self {
        let [size, align] = [layout.size(), layout.align()]
            .map(|n| u32::try_from(n).expect("a future is smaller than 4 GiB"));
        Self { size, align }
    }

    fn layout(self) -> Layout {
        Layout::from_size_align(self.size as usize, self.align as usize).expect("it was made of a layout")
    }
}

impl Block {
    fn new(layout: Layout) -> Self {
        // SAFETY: the size is at least `BLOCK`.
        let Some(memory) = NonNull::new(unsafe { alloc(layout) }) else {
            handle_alloc_error(layout)
        };
        Self {
            memory,
            fit: Fit::of(layout),
        }
    }

    /// A block for a value of this layout.
    fn take(layout: Layout) -> Self {
        let kept = KEPT.try_with(Cell::take).ok().flatten();
        if let Some(block) = kept
            && block.fit.size as usize >= layout.size()
            && block.fit.align as usize >= layout.align()
        {
            return block;
        }
        let (size, align) = (layout.size().max(BLOCK), layout.align().max(ALIGN));
        Self::new(Layout::from_size_align(size, align).unwrap_or(layout))
    }

    /// Keeps it for the next one, in place of the last.
    fn keep(self) {
        if self.fit.size as usize <= KEPT_MAX {
            // While the thread ends, it is freed.
            let _ = KEPT.try_with(|kept| kept.set(Some(self)));
        }
    }
}

impl Drop for Block {
    fn drop(&mut self) {
        // SAFETY: allocated by `new` with this layout, and used by nobody any more.
        unsafe { dealloc(self.memory.as_ptr(), self.fit.layout()) };
    }
}

thread_local! {
    static KEPT: Cell<Option<Block>> = const { Cell::new(None) };
}

/// Gives what this thread keeps to the allocator.
pub(crate) fn trim() {
    drop(KEPT.try_with(Cell::take));
}

/// A future in a block.
pub(crate) struct Stored<'a, T> {
    future: NonNull<dyn Future<Output = T> + Send + 'a>,
    /// Of the block.
    fit: Fit,
}

// SAFETY: it owns its future, which may go from thread to thread, and a block, which is plain memory.
unsafe impl<T> Send for Stored<'_, T> {}
// SAFETY: without `&mut` there is no way to the future.
unsafe impl<T> Sync for Stored<'_, T> {}

impl<'a, T> Stored<'a, T> {
    pub(crate) fn new<F: Future<Output = T> + Send + 'a>(future: F) -> Self {
        let block = ManuallyDrop::new(Block::take(Layout::new::<F>()));
        let memory = block.memory.cast::<F>();
        // SAFETY: the block is large and aligned enough, and nobody else's.
        unsafe { memory.write(future) };
        Self {
            future: memory,
            fit: block.fit,
        }
    }

    /// As one that borrows nothing.
    ///
    /// # Safety
    ///
    /// It is dropped before anything that it borrows is gone or used otherwise.
    pub(crate) unsafe fn unbound(self) -> Stored<'static, T> {
        // SAFETY: the two differ in a lifetime only, for which the caller answers.
        unsafe { std::mem::transmute::<Self, Stored<'static, T>>(self) }
    }

    /// The future, which does not move until it is dropped.
    pub(crate) fn as_mut(&mut self) -> Pin<&mut (dyn Future<Output = T> + Send + 'a)> {
        // SAFETY: `new` has put the future there; it is dropped there, and only with `self`.
        unsafe { Pin::new_unchecked(self.future.as_mut()) }
    }
}

impl<T> Drop for Stored<'_, T> {
    fn drop(&mut self) {
        let block = Block {
            memory: self.future.cast(),
            fit: self.fit,
        };
        // SAFETY: the future is in the block, and dropped once, here. If that panics, the block is dropped and not kept.
        unsafe { self.future.drop_in_place() };
        block.keep();
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;
    use std::sync::Arc;
    use std::task::{Context, Poll, Waker};

    use super::*;

    fn poll<T>(stored: &mut Stored<'_, T>) -> Poll<T> {
        stored.as_mut().poll(&mut Context::from_waker(Waker::noop()))
    }

    fn address<T>(stored: &Stored<'_, T>) -> usize {
        stored.future.as_ptr().addr()
    }

    #[test]
    fn the_next_future_lies_where_the_last_one_did() {
        let first = Stored::new(std::future::ready(1_u8));
        let at = address(&first);
        drop(first);
        let mut second = Stored::new(async { [7_u64; 100] });
        assert_eq!((address(&second), poll(&mut second)), (at, Poll::Ready([7; 100])));
    }

    #[test]
    fn one_that_waits_keeps_its_block_and_drops_what_it_holds_once() {
        let held = Arc::new(());
        let (held_too, mut polls) = (Arc::clone(&held), 0);
        let mut waiting = Stored::new(poll_fn(move |_| {
            let _ = &held_too;
            polls += 1;
            if polls == 2 {
                Poll::Ready(polls)
            } else {
                Poll::Pending
            }
        }));
        assert!(poll(&mut waiting).is_pending());
        let other = Stored::new(std::future::ready(()));
        assert_ne!(address(&other), address(&waiting));
        assert_eq!(poll(&mut waiting), Poll::Ready(2));
        assert_eq!(Arc::strong_count(&held), 2);
        drop(waiting);
        assert_eq!(Arc::strong_count(&held), 1);
    }

    #[test]
    fn large_and_widely_aligned_futures_have_room() {
        #[repr(align(256))]
        struct Wide([u8; KEPT_MAX / 2], [u8; KEPT_MAX / 2]);
        let mut stored = Stored::new(async {
            let wide = Wide([3; KEPT_MAX / 2], [4; KEPT_MAX / 2]);
            std::future::ready(()).await;
            (wide.0.as_ptr().addr() % 256, wide.0[0], wide.1[0])
        });
        assert_eq!(poll(&mut stored), Poll::Ready((0, 3, 4)));
        drop(stored);
        assert!(KEPT.take().is_none_or(|kept| kept.fit.size as usize <= KEPT_MAX));
    }
}
