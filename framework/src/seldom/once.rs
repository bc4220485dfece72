//! The same, made at the first need. Lock-free.

use std::marker::PhantomData;
use std::ptr::{NonNull, null_mut};

use crate::sync::{AtomicPtr, Ordering, take};

/// It is made by who needs it first, and is there from then on. Of two who make it at the same time one drops his.
pub(crate) struct MadeOnce<T> {
    value: AtomicPtr<T>,
    owns: PhantomData<T>,
}

// SAFETY: it owns a value, and gives out shared references to it only.
unsafe impl<T: Send> Send for MadeOnce<T> {}
// SAFETY: whoever shares this may make the value, which is then another's to drop, and share it.
unsafe impl<T: Send + Sync> Sync for MadeOnce<T> {}

impl<T> Default for MadeOnce<T> {
    #[inline]
    fn default() -> Self {
        Self::new()
    }
}

impl<T> MadeOnce<T> {
    #[inline]
    pub(crate) fn new() -> Self {
        Self {
            value: AtomicPtr::new(null_mut()),
            owns: PhantomData,
        }
    }

    #[inline]
    pub(crate) fn get(&self) -> Option<&T> {
        let value = NonNull::new(self.value.load(Ordering::Acquire))?;
        // SAFETY: it was put there by `make`, from a box, and stays until this is dropped.
        Some(unsafe { value.as_ref() })
    }

    #[inline]
    pub(crate) fn get_or_init(&self, make: impl FnOnce() -> T) -> &T {
        match self.get() {
            Some(value) => value,
            None => self.put(Box::new(make())),
        }
    }

    #[cold]
    fn put(&self, made: Box<T>) -> &T {
        let made = Box::into_raw(made);
        let before = self
            .value
            .compare_exchange(null_mut(), made, Ordering::AcqRel, Ordering::Acquire);
        match before {
            // SAFETY: it is a box's, and stays until this is dropped.
            Ok(_) => unsafe { &*made },
            Err(there) => {
                // SAFETY: nobody else knows of it.
                drop(unsafe { Box::from_raw(made) });
                // SAFETY: as in `get`.
                unsafe { &*there }
            }
        }
    }

    #[cold]
    #[inline(never)]
    fn drop_it(value: NonNull<T>) {
        // SAFETY: it is a box's, taken out by `drop`, and nobody has this any more.
        drop(unsafe { Box::from_raw(value.as_ptr()) });
    }
}

impl<T> Drop for MadeOnce<T> {
    #[inline]
    fn drop(&mut self) {
        if let Some(value) = NonNull::new(take(&mut self.value)) {
            Self::drop_it(value);
        }
    }
}
