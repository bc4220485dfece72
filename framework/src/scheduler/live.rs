//! The actors that live, so that a runtime which is shut down drops them, as it drops its tasks.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::life::Runs;

/// The places of all of them, in a table as long as there were some at the same time. It keeps them.
#[derive(Default)]
pub(super) struct Live(Mutex<Table>);

#[derive(Default)]
struct Table {
    places: Vec<Option<Arc<dyn Runs>>>,
    /// Numbers that are free.
    free: Vec<usize>,
}

impl Live {
    /// Keeps the place of one that lives, and answers its number.
    pub(super) fn keep(&self, place: Arc<dyn Runs>) -> usize {
        let mut table = self.lock();
        if let Some(number) = table.free.pop() {
            table.places[number] = Some(place);
            return number;
        }
        table.places.push(Some(place));
        table.places.len() - 1
    }

    /// Gives the place back.
    pub(super) fn free(&self, number: usize) -> Option<Arc<dyn Runs>> {
        let mut table = self.lock();
        let place = table.places[number].take();
        table.free.push(number);
        place
    }

    /// Wakes all of them: whoever schedules them drops them.
    pub(super) fn end(&self) {
        let places: Vec<Arc<dyn Runs>> = self.lock().places.iter().flatten().cloned().collect();
        for place in places {
            place.wake();
        }
    }

    fn lock(&self) -> MutexGuard<'_, Table> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
