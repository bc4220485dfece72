//! Children in the order of their keys, close together. Pure.
//!
//! Keys only ever grow, so what is added stands at the end, and is found by binary search. What is taken out leaves a hole; when half of
//! the table are holes it is closed up, so that no operation is slow in the long run, and a long life of many short ones holds no memory.

use std::ops::RangeFrom;

use super::Key;

/// Below so many entries holes do not matter.
const CLOSED_UP_MIN: usize = 32;

#[derive(Clone, Debug)]
pub(crate) struct Table<T> {
    /// In the order of keys.
    entries: Vec<(Key, Option<T>)>,
    /// Those that are not holes.
    len: usize,
}

impl<T> Table<T> {
    pub(crate) const fn new() -> Self {
        Self {
            entries: Vec::new(),
            len: 0,
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// Adds an entry behind all others, made where it will lie.
    #[inline(always)]
    pub(crate) fn push(&mut self, key: Key, value: impl FnOnce() -> T) {
        debug_assert!(
            self.entries.last().is_none_or(|(last, _)| *last < key),
            "keys grow"
        );
        if self.entries.len() == self.entries.capacity() {
            self.make_room();
        }
        self.entries.push((key, Some(value())));
        self.len += 1;
    }

    #[inline]
    pub(crate) fn get(&self, key: Key) -> Option<&T> {
        self.entries[self.at(key)?].1.as_ref()
    }

    pub(crate) fn get_mut(&mut self, key: Key) -> Option<&mut T> {
        let at = self.at(key)?;
        self.entries[at].1.as_mut()
    }

    pub(crate) fn remove(&mut self, key: Key) -> Option<T> {
        let at = self.at(key)?;
        let value = self.entries[at].1.take()?;
        self.len -= 1;
        self.tidy();
        Some(value)
    }

    /// Drops the entry if it is there and fits. False when it is not, or does not.
    #[inline(always)]
    pub(crate) fn forget_if(&mut self, key: Key, fits: impl FnOnce(&T) -> bool) -> bool {
        let Some(at) = self.at(key) else {
            return false;
        };
        if !self.entries[at].1.as_ref().is_some_and(fits) {
            return false;
        }
        self.entries[at].1 = None;
        self.len -= 1;
        if at == self.len && self.entries.len() == at + 1 {
            // The last one, and there are no holes.
            std::mem::forget(self.entries.pop());
        } else {
            self.tidy();
        }
        true
    }

    /// There are holes.
    #[inline]
    fn tidy(&mut self) {
        while let Some((_, None)) = self.entries.last() {
            self.entries.pop();
        }
        let holes = self.entries.len() - self.len;
        if self.entries.len() > CLOSED_UP_MIN && holes > self.len {
            self.close_up();
            self.entries.shrink_to(self.len * 2);
        }
    }

    pub(crate) fn iter(&self) -> impl DoubleEndedIterator<Item = (Key, &T)> {
        self.range(Key(0)..)
    }

    pub(crate) fn values(&self) -> impl DoubleEndedIterator<Item = &T> {
        self.iter().map(|(_, value)| value)
    }

    /// Those from a key on.
    pub(crate) fn range(&self, keys: RangeFrom<Key>) -> impl DoubleEndedIterator<Item = (Key, &T)> {
        let first = self.entries.partition_point(|(key, _)| *key < keys.start);
        self.entries[first..]
            .iter()
            .filter_map(|(key, value)| Some((*key, value.as_ref()?)))
    }

    #[inline(always)]
    fn at(&self, key: Key) -> Option<usize> {
        // Who is asked for is often the last, or there are no holes.
        let guess = self.entries.len().checked_sub(1)?;
        if self.entries[guess].0 == key {
            return Some(guess);
        }
        self.entries.binary_search_by_key(&key, |(key, _)| *key).ok()
    }

    #[cold]
    fn make_room(&mut self) {
        self.close_up();
        // By a quarter: there may be a million.
        self.entries.reserve_exact(self.len / 4 + 4);
    }

    fn close_up(&mut self) {
        if self.entries.len() > self.len {
            self.entries.retain(|(_, value)| value.is_some());
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    #[test]
    fn it_is_an_ordered_map_whatever_is_taken_out() {
        let (mut table, mut map) = (Table::new(), BTreeMap::new());
        let mut seed = 7_u64;
        for key in 0..2_000 {
            table.push(Key(key), || key);
            map.insert(Key(key), key);
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            for other in [seed >> 33, seed >> 40] {
                let other = Key(other % (key + 1));
                if key % 3 != 0 {
                    assert_eq!(table.remove(other), map.remove(&other));
                }
                assert_eq!(table.get(other), map.get(&other));
            }
            assert_eq!(table.len(), map.len());
            let from = Key(key / 2);
            assert!(table.iter().eq(map.iter().map(|(key, value)| (*key, value))));
            assert!(
                table
                    .range(from..)
                    .rev()
                    .eq(map.range(from..).rev().map(|(key, value)| (*key, value)))
            );
        }
    }

    #[test]
    fn a_long_life_of_short_ones_holds_no_memory() {
        let mut table = Table::new();
        table.push(Key(0), || ());
        for key in 1..10_000 {
            table.push(Key(key), || ());
            assert_eq!(table.remove(Key(key)), Some(()));
        }
        for key in 10_000..20_000 {
            table.push(Key(key), || ());
        }
        for key in 10_000..20_000 {
            table.remove(Key(key));
        }
        assert_eq!(table.len(), 1);
        assert!(
            table.entries.capacity() <= 2 * CLOSED_UP_MIN,
            "{}",
            table.entries.capacity()
        );
    }
}
