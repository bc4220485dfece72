//! Alarms in the order of their deadlines, and of their setting where those are the same. Pure: time is a number that the caller passes.
//!
//! ```text
//! insert --> new --sort--> heap --pop_due--> due
//!             +---remove----+
//! ```
//! Most alarms are taken back long before the next one rings: they are in no order at all until the sleeper sorts what is left of them, into
//! a heap of four children to a node. Each alarm knows where it lies, so that it can be taken out.

/// Memory for so many alarms is kept when there are none.
const KEPT_MAX: usize = 1024;
/// Children of a node.
const CHILDREN: usize = 4;
/// No such place.
const NONE: u32 = u32::MAX;

/// Alarms, each with what it is for. There are as many as callers wait; [`ALARMS_MAX`] at most.
pub(super) struct Queue<T> {
    /// Those that are not sorted yet, by their places in `alarms`.
    new: Vec<u32>,
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
    at: u64,
    /// The how many-th alarm lies here, or did.
    number: u64,
    /// Where it lies in the heap, or among the new ones; of a free place, the next free one.
    position: u32,
    is_new: bool,
    what: Option<T>,
}

impl<T> Queue<T> {
    pub(super) const EMPTY: Self = Self {
        new: Vec::new(),
        heap: Vec::new(),
        alarms: Vec::new(),
        free: NONE,
        inserted: 0,
    };

    /// Sorts so many of the new alarms, at most. True when none is left.
    pub(super) fn sort(&mut self, max: usize) -> bool {
        for _ in 0..max {
            let Some(index) = self.new.pop() else { break };
            let alarm = &mut self.alarms[index as usize];
            alarm.is_new = false;
            let node = Node {
                at: alarm.at,
                number: alarm.number,
                index,
            };
            self.heap.push(node);
            self.rise(self.heap.len() - 1);
        }
        self.new.is_empty()
    }

    /// The earliest deadline of those that are sorted.
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
    #[inline]
    pub(super) fn insert(&mut self, at: u64, what: T) -> Key {
        let index = self.take_place();
        let number = self.inserted;
        self.inserted += 1;
        let alarm = &mut self.alarms[index as usize];
        debug_assert!(alarm.what.is_none(), "the place is free");
        alarm.at = at;
        alarm.number = number;
        alarm.position = self.new.len() as u32;
        alarm.is_new = true;
        alarm.what = Some(what);
        self.new.push(index);
        Key { index, number }
    }

    /// What the alarm is for, if it is still there.
    pub(super) fn get_mut(&mut self, key: Key) -> Option<&mut T> {
        let alarm = self.alarms.get_mut(key.index as usize)?;
        (alarm.number == key.number)
            .then_some(alarm.what.as_mut())
            .flatten()
    }

    /// Takes an alarm out, if it is still there: its deadline, and what it is for.
    #[inline]
    pub(super) fn remove(&mut self, key: Key) -> Option<(u64, T)> {
        self.get_mut(key)?;
        let Alarm {
            at, position, is_new, ..
        } = self.alarms[key.index as usize];
        if is_new {
            self.new.swap_remove(position as usize);
            if let Some(moved) = self.new.get(position as usize) {
                self.alarms[*moved as usize].position = position;
            }
            return Some((at, self.give_up(key.index)));
        }
        Some(self.take_out(position as usize))
    }

    /// Takes out an alarm that is due, of those that are sorted.
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
        (at, self.give_up(index))
    }

    /// What an alarm was for, whose place is free now.
    #[inline]
    fn give_up(&mut self, index: u32) -> T {
        let alarm = &mut self.alarms[index as usize];
        let what = alarm
            .what
            .take()
            .expect("an alarm that was put in is for something");
        alarm.position = self.free;
        self.free = index;
        if self.heap.is_empty() && self.new.is_empty() && self.alarms.len() > KEPT_MAX {
            *self = Self {
                inserted: self.inserted,
                ..Self::EMPTY
            };
        }
        what
    }

    #[inline]
    fn take_place(&mut self) -> u32 {
        if let Some(alarm) = self.alarms.get(self.free as usize) {
            return std::mem::replace(&mut self.free, alarm.position);
        }
        assert!(self.alarms.len() < ALARMS_MAX, "more calls wait than there are");
        self.alarms.push(Alarm {
            at: 0,
            number: 0,
            position: NONE,
            is_new: false,
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
