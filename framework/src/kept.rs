//! A box whose memory is from the [store]: what one call or one message needs beside itself allocates nothing in the end.

use std::alloc::Layout;
use std::marker::PhantomData;
use std::ops::{Deref, DerefMut};
use std::ptr::NonNull;

use crate::store;

/// A value in memory from the store.
pub(crate) struct Kept<T> {
    value: NonNull<T>,
    owned: PhantomData<T>,
}

// SAFETY: as a `Box`, it owns its value and nothing else; blocks are plain memory that any thread may give back.
unsafe impl<T: Send> Send for Kept<T> {}
// SAFETY: as a `Box`: a shared one gives shared access to the value.
unsafe impl<T: Sync> Sync for Kept<T> {}

// The value lies in the store.
impl<T> Unpin for Kept<T> {}

impl<T> Kept<T> {
    const LAYOUT: Layout = {
        assert!(size_of::<T>() > 0, "what is kept takes up memory");
        Layout::new::<T>()
    };

    #[inline]
    pub(crate) fn new(value: T) -> Self {
        let memory = store::take(Self::LAYOUT).cast::<T>();
        // SAFETY: the store gave this memory to us alone, for a `T`.
        unsafe { memory.write(value) };
        Self {
            value: memory,
            owned: PhantomData,
        }
    }

    pub(crate) fn into_inner(self) -> T {
        let memory = self.value;
        std::mem::forget(self);
        // SAFETY: the value is ours, and moved out once: what owned it is forgotten, and its memory given back with the layout that it was
        // taken with.
        unsafe {
            let value = memory.read();
            store::give_back(memory.cast(), Self::LAYOUT);
            value
        }
    }
}

impl<T> Deref for Kept<T> {
    type Target = T;

    fn deref(&self) -> &T {
        // SAFETY: `new` has put a value there, which is dropped with `self` only.
        unsafe { self.value.as_ref() }
    }
}

impl<T> DerefMut for Kept<T> {
    fn deref_mut(&mut self) -> &mut T {
        // SAFETY: as above, and `self` is borrowed alone.
        unsafe { self.value.as_mut() }
    }
}

impl<T> Drop for Kept<T> {
    fn drop(&mut self) {
        // SAFETY: as in `into_inner`, and this is the last use. The memory is given back before the value is dropped: that may panic.
        let value = unsafe {
            let value = self.value.read();
            store::give_back(self.value.cast(), Self::LAYOUT);
            value
        };
        drop(value);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    #[test]
    fn a_value_is_moved_out_or_dropped_once() {
        let held = Arc::new(());
        let mut kept = Kept::new((Arc::clone(&held), 1_u64));
        kept.1 += 1;
        assert_eq!((kept.1, Arc::strong_count(&held)), (2, 2));
        let (inner, _) = kept.into_inner();
        assert_eq!(Arc::strong_count(&held), 2);
        drop(Kept::new((inner, 3)));
        assert_eq!(Arc::strong_count(&held), 1);
    }

    #[test]
    fn a_value_whose_drop_panics_is_dropped_once() {
        struct Falls(Arc<()>);

        impl Drop for Falls {
            fn drop(&mut self) {
                panic!("{} hold it, as the test wants", Arc::strong_count(&self.0));
            }
        }

        let held = Arc::new(());
        let kept = Kept::new(Falls(Arc::clone(&held)));
        assert!(std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| drop(kept))).is_err());
        assert_eq!(Arc::strong_count(&held), 1);
    }
}
