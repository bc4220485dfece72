//! What few have, in a box of its own. Where it is not there it takes a word, and its drop is a look at that: what it would drop is out of the way.

#[cfg(all(test, quorate_loom))]
mod loom_tests;
mod once;

use std::mem::ManuallyDrop;

pub(crate) use self::once::MadeOnce;

/// It is there or not.
pub(crate) struct Seldom<T>(ManuallyDrop<Option<Box<T>>>);

impl<T> Seldom<T> {
    #[inline]
    pub(crate) const fn none() -> Self {
        Self(ManuallyDrop::new(None))
    }

    #[inline]
    pub(crate) fn new(value: Option<T>) -> Self {
        Self(ManuallyDrop::new(value.map(Box::new)))
    }

    #[inline]
    pub(crate) fn get(&self) -> Option<&T> {
        self.0.as_deref()
    }

    #[inline]
    pub(crate) fn get_mut(&mut self) -> Option<&mut T> {
        self.0.as_deref_mut()
    }

    #[inline]
    pub(crate) fn get_or_insert_with(&mut self, make: impl FnOnce() -> T) -> &mut T {
        self.0.get_or_insert_with(|| Box::new(make()))
    }

    #[cold]
    #[inline(never)]
    fn drop_it(&mut self) {
        // SAFETY: called once, by `drop`.
        unsafe { ManuallyDrop::drop(&mut self.0) };
    }
}

impl<T> Drop for Seldom<T> {
    #[inline]
    fn drop(&mut self) {
        if self.0.is_some() {
            self.drop_it();
        }
    }
}
