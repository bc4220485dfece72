//! Which worker goes to whom: idle workers and waiting callers, both in the order in which they came. Pure.

use std::collections::VecDeque;

/// A caller that waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Ticket(u64);

/// What a caller gets.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Turn {
    /// This worker.
    Worker(usize),
    /// A place in the queue.
    Wait(Ticket),
    /// Neither: the queue is full.
    Full,
}

/// The workers by number, and who waits for one.
///
/// Nobody waits while a worker is idle.
#[derive(Debug)]
pub(super) struct Queue<W> {
    size: usize,
    idle: VecDeque<usize>,
    waiting: VecDeque<(Ticket, W)>,
    waiting_max: usize,
    next: u64,
}

impl<W> Queue<W> {
    pub(super) fn new(size: usize, waiting_max: usize) -> Self {
        Self {
            size,
            idle: (0..size).collect(),
            waiting: VecDeque::new(),
            waiting_max,
            next: 0,
        }
    }

    /// `waiter` is made only when there is no worker and room in the queue.
    pub(super) fn take(&mut self, waiter: impl FnOnce() -> W) -> Turn {
        if let Some(worker) = self.idle.pop_front() {
            return Turn::Worker(worker);
        }
        if self.waiting.len() >= self.waiting_max {
            return Turn::Full;
        }
        let ticket = Ticket(self.next);
        self.next += 1;
        self.waiting.push_back((ticket, waiter()));
        Turn::Wait(ticket)
    }

    /// A worker comes back: who gets it. When that one does not take it, it is given back again.
    pub(super) fn give(&mut self, worker: usize) -> Option<W> {
        debug_assert!(!self.idle.contains(&worker), "a worker comes back once");
        if let Some((_, waiter)) = self.waiting.pop_front() {
            return Some(waiter);
        }
        self.idle.push_back(worker);
        None
    }

    /// Waits no more. False when it is not in the queue any more: it has been given a worker.
    pub(super) fn leave(&mut self, ticket: Ticket) -> bool {
        let before = self.waiting.len();
        self.waiting.retain(|(other, _)| *other != ticket);
        self.waiting.len() < before
    }

    /// Idle, busy, waiting.
    pub(super) fn counts(&self) -> (usize, usize, usize) {
        let idle = self.idle.len();
        (idle, self.size - idle, self.waiting.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn workers_and_callers_go_in_the_order_in_which_they_came() {
        let mut queue = Queue::new(2, 2);
        assert_eq!(
            [queue.take(|| 'a'), queue.take(|| 'b')],
            [Turn::Worker(0), Turn::Worker(1)]
        );
        assert_eq!(queue.take(|| 'c'), Turn::Wait(Ticket(0)));
        assert_eq!(queue.take(|| 'd'), Turn::Wait(Ticket(1)));
        assert_eq!(queue.take(|| 'e'), Turn::Full);
        assert_eq!(queue.counts(), (0, 2, 2));
        assert_eq!([queue.give(1), queue.give(0)], [Some('c'), Some('d')]);
        assert_eq!([queue.give(0), queue.give(1)], [None, None]);
        assert_eq!(
            [queue.take(|| 'f'), queue.take(|| 'g')],
            [Turn::Worker(0), Turn::Worker(1)]
        );
    }

    #[test]
    fn who_leaves_makes_room_and_gets_nothing() {
        let mut queue = Queue::new(1, 1);
        queue.take(|| 'a');
        let Turn::Wait(ticket) = queue.take(|| 'b') else {
            panic!("it is busy");
        };
        assert!(queue.leave(ticket));
        assert!(!queue.leave(ticket));
        assert!(matches!(queue.take(|| 'c'), Turn::Wait(_)));
        assert_eq!(queue.give(0), Some('c'));
    }
}
