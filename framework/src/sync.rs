//! The primitives of what is lock-free: the standard library's, or loom's when its tests explore the interleavings.

use std::cell::Cell;
use std::thread::LocalKey;

#[cfg(not(quorate_loom))]
pub(crate) use std::sync::atomic::{AtomicBool, AtomicPtr, AtomicU8, AtomicU32, AtomicU64, Ordering, fence};
#[cfg(not(quorate_loom))]
pub(crate) use std::sync::{Arc, Mutex, MutexGuard};

#[cfg(quorate_loom)]
pub(crate) use loom::cell::UnsafeCell;
#[cfg(quorate_loom)]
pub(crate) use loom::sync::atomic::{AtomicBool, AtomicPtr, AtomicU8, AtomicU32, AtomicU64, Ordering, fence};
#[cfg(quorate_loom)]
pub(crate) use loom::sync::{Arc, Mutex, MutexGuard};

/// A cell as loom's, which sees who touches it at once.
#[cfg(not(quorate_loom))]
pub(crate) struct UnsafeCell<T>(std::cell::UnsafeCell<T>);

#[cfg(not(quorate_loom))]
impl<T> UnsafeCell<T> {
    pub(crate) const fn new(value: T) -> Self {
        Self(std::cell::UnsafeCell::new(value))
    }

    #[inline]
    pub(crate) fn with<R>(&self, f: impl FnOnce(*const T) -> R) -> R {
        f(self.0.get())
    }

    #[inline]
    pub(crate) fn with_mut<R>(&self, f: impl FnOnce(*mut T) -> R) -> R {
        f(self.0.get())
    }
}

/// As `LocalKey::set`, which is not inlined.
#[inline]
pub(crate) fn set<T>(cell: &'static LocalKey<Cell<T>>, value: T) {
    cell.with(|cell| cell.set(value));
}

/// What an atomic pointer holds, taken out by who alone has it.
#[cfg(not(quorate_loom))]
#[inline]
pub(crate) fn take<T>(pointer: &mut AtomicPtr<T>) -> *mut T {
    std::mem::replace(pointer.get_mut(), std::ptr::null_mut())
}

#[cfg(quorate_loom)]
pub(crate) fn take<T>(pointer: &mut AtomicPtr<T>) -> *mut T {
    pointer.with_mut(|pointer| std::mem::replace(pointer, std::ptr::null_mut()))
}

/// The lock; a panic of another under it is no matter.
#[cfg(not(quorate_loom))]
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

#[cfg(quorate_loom)]
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().expect("a model that panics has failed")
}
