//! Alarms in the order of their deadlines, and of their setting where those are the same. Pure: time is a number that the caller passes.
//!
//! A heap of four children to a node, in which each alarm knows where it lies, so that it can be taken out. Calls mostly have the same
//! timeout, so the next deadline is the last one: such an alarm is put in in one step.

/// Memory for so many alarms is kept when there are none.
const KEPT_MAX: usize = 1024;
/// Children of a node.
const CHILDREN: usize = 4;
/// No such place.
const NONE: u32 = u32::MAX;

/// Alarms, each with what it is for. There are as many as callers wait; [`ALARMS_MAX`] at most.
pub(super) struct Queue<T> {
    heap: Vec<Node>,
    alarms: Vec<Alarm<T>>,
    /// The first place in `alarms` that is free, which leads to the next.
    free: u32,
    /// Alarms that were put in so far.
    inserted: u64,
}

/// Alarms in one queue.
pub(super) const ALARMS_MAX: usize = NONE as usize;

/// An alarm that was put in, as long as it is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Key {
    index: u32,
    number: u64,
}

#[derive(Clone, Copy)]
struct Node {
    at: u64,
    /// The alarm's.
    number: u64,
    index: u32,
}

impl Node {
    fn order(&self) -> (u64, u64) {
        (self.at, self.number)
    }
}

struct Alarm<T> {
    /// The how many-th alarm lies here, or did.
    number: u64,
    /// Where it lies in the heap; of a free place, the next free one.
    position: u32,
    what: Option<T>,
}

impl<T> Queue<T> {
    pub(super) const EMPTY: Self = Self {
        heap: Vec::new(),
        alarms: Vec::new(),
        free: NONE,
        inserted: 0,
    };

    /// The earliest deadline.
    pub(super) fn next(&self) -> Option<u64> {
        self.heap.first().map(|node| node.at)
    }

    /// For how many alarms there is memory.
    #[cfg(all(test, not(quorate_loom)))]
    pub(super) fn kept(&self) -> usize {
        self.alarms.capacity()
    }

    /// # Panics
    /// When there are [`ALARMS_MAX`].
    pub(super) fn insert(&mut self, at: u64, what: T) -> Key {
        let index = self.take_place();
        let number = self.inserted;
        self.inserted += 1;
        let alarm = &mut self.alarms[index as usize];
        alarm.what = Some(what);
        alarm.number = number;
        let key = Key { index, number };
        self.heap.push(Node { at, number, index });
        self.rise(self.heap.len() - 1);
        key
    }

    /// What the alarm is for, if it is still there.
    pub(super) fn get_mut(&mut self, key: Key) -> Option<&mut T> {
        let alarm = self.alarms.get_mut(key.index as usize)?;
        (alarm.number == key.number)
            .then_some(alarm.what.as_mut())
            .flatten()
    }

    /// Takes an alarm out, if it is still there: its deadline, and what it is for.
    pub(super) fn remove(&mut self, key: Key) -> Option<(u64, T)> {
        self.get_mut(key)?;
        Some(self.take_out(self.alarms[key.index as usize].position as usize))
    }

    /// Takes out an alarm that is due.
    pub(super) fn pop_due(&mut self, now: u64) -> Option<T> {
        let is_due = self.next().is_some_and(|at| at <= now);
        is_due.then(|| self.take_out(0).1)
    }

    /// Takes out the alarm at a place of the heap.
    fn take_out(&mut self, position: usize) -> (u64, T) {
        let Node { at, index, .. } = self.heap.swap_remove(position);
        if position < self.heap.len() {
            // What lay last is anywhere in the order, but below the first.
            self.sink(position);
            self.rise(position);
        }
        let alarm = &mut self.alarms[index as usize];
        let what = alarm.what.take().expect("what lies in the heap is not free");
        alarm.position = self.free;
        self.free = index;
        if self.heap.is_empty() && self.alarms.len() > KEPT_MAX {
            *self = Self {
                inserted: self.inserted,
                ..Self::EMPTY
            };
        }
        (at, what)
    }

    fn take_place(&mut self) -> u32 {
        if let Some(alarm) = self.alarms.get(self.free as usize) {
            return std::mem::replace(&mut self.free, alarm.position);
        }
        assert!(self.alarms.len() < ALARMS_MAX, "more calls wait than there are");
        self.alarms.push(Alarm {
            number: 0,
            position: NONE,
            what: None,
        });
        (self.alarms.len() - 1) as u32
    }

    /// Moves what lies at `position` up to where it belongs.
    fn rise(&mut self, mut position: usize) {
        let node = self.heap[position];
        while position > 0 {
            let parent = (position - 1) / CHILDREN;
            if self.heap[parent].order() < node.order() {
                break;
            }
            self.put(position, self.heap[parent]);
            position = parent;
        }
        self.put(position, node);
    }

    /// Moves what lies at `position` down to where it belongs.
    fn sink(&mut self, mut position: usize) {
        let node = self.heap[position];
        loop {
            let first = position * CHILDREN + 1;
            let end = (first + CHILDREN).min(self.heap.len());
            let Some(least) = (first..end).min_by_key(|child| self.heap[*child].order()) else {
                break;
            };
            if node.order() < self.heap[least].order() {
                break;
            }
            self.put(position, self.heap[least]);
            position = least;
        }
        self.put(position, node);
    }

    fn put(&mut self, position: usize, node: Node) {
        self.heap[position] = node;
        self.alarms[node.index as usize].position = position as u32;
    }
}
