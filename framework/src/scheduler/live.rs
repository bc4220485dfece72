//! The futures that live, so that a runtime which is shut down drops them, as it drops its tasks.

use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use super::Scheduler;

/// One waker for each future, in a table that is as long as there were futures at the same time.
#[derive(Default)]
pub(super) struct Live(Mutex<Table>);

#[derive(Default)]
struct Table {
    wakers: Vec<Option<Waker>>,
    /// Places in the table that are free.
    free: Vec<usize>,
}

impl Live {
    /// A place in the table.
    pub(super) fn reserve(&self) -> usize {
        let mut table = self.lock();
        table.free.pop().unwrap_or_else(|| {
            table.wakers.push(None);
            table.wakers.len() - 1
        })
    }

    pub(super) fn set(&self, place: usize, waker: Waker) {
        self.lock().wakers[place] = Some(waker);
    }

    fn free(&self, place: usize) {
        let mut table = self.lock();
        let waker = table.wakers[place].take();
        table.free.push(place);
        drop(table);
        drop(waker);
    }

    /// Wakes all of them: whoever schedules them drops them.
    pub(super) fn end(&self) {
        let wakers: Vec<Waker> = self.lock().wakers.iter().flatten().cloned().collect();
        wakers.into_iter().for_each(Waker::wake);
    }

    fn lock(&self) -> MutexGuard<'_, Table> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A future with its place in the table, which is free when it is dropped.
pub(super) struct Kept<F> {
    pub(super) future: F,
    pub(super) scheduler: Arc<Scheduler>,
    pub(super) place: usize,
}

impl<F: Future> Future for Kept<F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        // SAFETY: the future is pinned with what it is kept in, and never moved out of it.
        unsafe { self.map_unchecked_mut(|kept| &mut kept.future) }.poll(cx)
    }
}

impl<F> Drop for Kept<F> {
    fn drop(&mut self) {
        self.scheduler.live.free(self.place);
    }
}
