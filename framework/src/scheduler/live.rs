//! The actors that live, so that a runtime which is shut down drops them, as it drops its tasks.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::Waker;

/// What wakes each of them, in a table as long as there were some at the same time.
#[derive(Default)]
pub(super) struct Live(Mutex<Table>);

#[derive(Default)]
struct Table {
    wakers: Vec<Option<Waker>>,
    /// Places in the table that are free.
    free: Vec<usize>,
}

impl Live {
    /// Keeps what wakes one that lives. Answers its place in the table.
    pub(super) fn keep(&self, waker: Waker) -> usize {
        let mut table = self.lock();
        let place = table.free.pop().unwrap_or_else(|| {
            table.wakers.push(None);
            table.wakers.len() - 1
        });
        table.wakers[place] = Some(waker);
        place
    }

    pub(super) fn free(&self, place: usize) {
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
